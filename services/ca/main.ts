// SPDX-License-Identifier: Apache-2.0
// The certificate authority: who are you, may you, your certificate.
import type { JWK } from 'jose';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, coded } from '../core/errors.ts';
import { OID } from '../core/oid.ts';
import { pem } from '../core/pem.ts';
import { parsePublicKey } from '../core/spki.ts';
import { type Certificate, parseCertificate, verifyIssuedBy } from '../core/x509.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Signer } from '../runtime/keys.ts';
import type { Service } from '../runtime/service.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { caRoutes } from './app.ts';
import type { CaConfig } from './config.ts';
import { certificateIssuer, type SubmitPrecert } from './issue.ts';
import { checkPossession, checkSigningRequest, permittedAlgorithm } from './key.ts';
import type { CertificateRequest } from './request.ts';
import { tokenVerifier } from './token.ts';

export interface CaOptions {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly random: (sizeBytes: number) => Uint8Array;
  readonly signer: Signer;
  /** Issuing certificate first, root last; DER. */
  readonly chain: readonly Uint8Array[];
  readonly config: CaConfig;
  /** Keys of issuers in this process, by issuer URL. */
  readonly localKeys: Readonly<Record<string, () => JWK[]>>;
  readonly submit: SubmitPrecert;
  /** SPKI of the CT log: its SCTs alone go into certificates. */
  readonly ctlogKey: Uint8Array;
}

/** Each certifies the one before, the first may issue for code signing and holds the signer's key. */
function judgeChain(
  crypto: Crypto,
  chain: readonly Uint8Array[],
  signer: Signer,
): readonly [Certificate, ...Certificate[]] {
  const invalid = (why: string) =>
    new CodedError('CHAIN_INVALID', `CA chain: ${why}`, { field: 'chain' });
  const [first, ...rest] = chain.map((der, i) =>
    coded('CHAIN_INVALID', `certificate ${i}`, () => parseCertificate(der)),
  );
  if (first === undefined) throw invalid('empty');
  if (!equal(first.publicKey.spki, signer.spki))
    throw invalid('the issuing certificate is for another key');
  const all: readonly [Certificate, ...Certificate[]] = [first, ...rest];
  all.forEach((certificate, i) => {
    const issuer = all[i + 1] ?? certificate;
    if (!certificate.isCa) throw invalid(`certificate ${i} is not a CA`);
    if (!verifyIssuedBy(crypto, certificate, issuer))
      throw invalid(`certificate ${i} is not signed by the next`);
  });
  if (rest.length > 0 && !first.extendedKeyUsage?.oids.includes(OID.codeSigning)) {
    throw invalid('the issuing certificate lacks the extended key usage codeSigning');
  }
  return all;
}

function configurationOf(config: CaConfig): object {
  return {
    issuers: config.issuers.map((issuer) => ({
      issuerUrl: issuer.url,
      audience: issuer.audience,
      challengeClaim: issuer.type === 'email' ? 'email' : 'sub',
      spiffeTrustDomain: '',
      issuerType: issuer.type,
      subjectDomain: '',
      skipEmailVerification: issuer.skipEmailVerification,
    })),
  };
}

/** @throws CodedError CHAIN_INVALID, CONFIG_INVALID */
export async function openCa(options: CaOptions): Promise<Service> {
  const { crypto, clock, config, logger, metrics } = options;
  const chain = judgeChain(crypto, options.chain, options.signer);
  const verifyToken = tokenVerifier(config.issuers, clock, options.localKeys);
  const issue = certificateIssuer({
    ...options,
    chain,
    ctlogKey: parsePublicKey(options.ctlogKey),
    backdateSeconds: config.backdateSeconds,
  });
  const bundle = chain.map(({ der }) => pem('CERTIFICATE', der));
  const certificates = metrics.counter('fulcio_new_certs', 'Certificates issued.');
  const refused = metrics.counter('sigstead_ca_refused_total', 'Requests refused, by reason.');

  const certify = async (token: string, request: CertificateRequest): Promise<string[]> => {
    try {
      const identity = await verifyToken(token);
      const proof = request.proof();
      const algorithm = permittedAlgorithm(proof.key, config.keyAlgorithms);
      if (proof.kind === 'csr') checkSigningRequest(crypto, proof.request, algorithm);
      else checkPossession(crypto, proof.key, algorithm, identity.principals, proof.signature);
      const certificate = await issue(identity, proof.key);
      certificates.inc();
      return [pem('CERTIFICATE', certificate), ...bundle];
    } catch (error) {
      refused.inc({ reason: error instanceof CodedError ? error.code : 'INTERNAL' });
      throw error;
    }
  };
  return {
    name: 'ca',
    routes: caRoutes({
      certify,
      bundle: bundle.map((text) => text.trim()),
      configuration: configurationOf(config),
      onFault: (error, requestId) => logger.error('ca-fault', { error, requestId }),
    }),
    readiness: () => (clock() > chain[0].notAfterMs ? ['the issuing certificate has expired'] : []),
    close: async () => {},
  };
}
