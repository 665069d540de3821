// SPDX-License-Identifier: Apache-2.0
// The certificate authority: who are you, may you, your certificate. In Fulcio's order:
// token → key → weak key → proof of possession → allowlist → names and extensions → CT log →
// certificate.
import type { PublicKey } from '../core/algorithm.ts';
import { hex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, coded } from '../core/errors.ts';
import { pem } from '../core/pem.ts';
import type { SubmitPrecert } from '../core/sct.ts';
import { parsePublicKey } from '../core/spki.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Signer } from '../runtime/keys.ts';
import type { Service } from '../runtime/service.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { caRoutes } from './app.ts';
import { AuthorityHolder, type ReloadOptions } from './authority.ts';
import type { Identity } from './claims.ts';
import type { CaConfig } from './config.ts';
import { checkSigningRequest } from './csr.ts';
import type { LocalKeys } from './issuer-table.ts';
import {
  checkPossession,
  notPermitted,
  type PossessionRules,
  parseSubjectKey,
  subjectAlgorithm,
} from './key.ts';
import type { CertificateRequest, Proof } from './request.ts';
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
  /** Where a new key and chain may come to stand. */
  readonly reload?: ReloadOptions;
  /** Its issuers are all there are: those of another file have been read. */
  readonly config: CaConfig;
  /** Of the program, for a metric. */
  readonly version: string;
  /** Keys of issuers in this process, by issuer URL. */
  readonly localKeys: LocalKeys;
  readonly submit: SubmitPrecert;
  /** How long the CT log may take; default 30 s. */
  readonly submitTimeoutMs?: number;
  /** SPKI of the CT log, DER: its SCTs alone go into certificates. */
  readonly ctlogKey: Uint8Array;
}

/** Fulcio's GetConfiguration: what clients may know of the issuers. */
function configurationOf({ issuers }: CaConfig): object {
  return {
    issuers: issuers.map((issuer) => ({
      [issuer.url.includes('*') ? 'wildcardIssuerUrl' : 'issuerUrl']: issuer.url,
      audience: issuer.audience,
      challengeClaim: issuer.challengeClaim ?? (issuer.type === 'email' ? 'email' : 'sub'),
      spiffeTrustDomain: issuer.spiffeTrustDomain ?? '',
      issuerType: issuer.type,
      subjectDomain: issuer.subjectDomain ?? '',
      skipEmailVerification: issuer.skipEmailVerification,
    })),
  };
}

/** The subject's key, proven to be held and permitted. @throws CodedError */
async function provenKey(
  rules: PossessionRules,
  proof: Proof,
  { principals }: Identity,
): Promise<PublicKey> {
  let key: PublicKey;
  if (proof.kind === 'csr') key = await checkSigningRequest(rules, proof.csr);
  else {
    key = parseSubjectKey(proof.publicKey, 'publicKey');
    checkPossession(rules, key, principals, proof.signature);
  }
  const algorithm = subjectAlgorithm(key);
  if (!rules.keyAlgorithms.includes(algorithm.id)) throw notPermitted(algorithm, key.sizeBits);
  return key;
}

/** @throws CodedError CHAIN_INVALID, CONFIG_INVALID */
export async function openCa(options: CaOptions): Promise<Service> {
  const { crypto, clock, config, logger, metrics, signer, chain, reload } = options;
  const ctlogKey = coded('CONFIG_INVALID', 'CT log key', () => parsePublicKey(options.ctlogKey));
  const verifyToken = tokenVerifier(config.issuers, clock, logger, options.localKeys);
  const { backdateSeconds } = config;
  const authority = await AuthorityHolder.open({
    ...options,
    pair: { signer, chain },
    reload,
    ctlogKey,
    backdateSeconds,
  });
  const rules: PossessionRules = { crypto, ...config };
  const certificates = metrics.counter('fulcio_new_certs', 'Certificates issued.');
  metrics.gauge('fulcio_build_info', 'Version of the program.', () => [
    [{ version: options.version }, 1],
  ]);
  const requests = metrics.counter('http_requests_total', 'Requests to the CA.');
  const latency = metrics.histogram('fulcio_api_latency', 'Seconds from request to answer.');
  const results = metrics.counter(
    'sigstead_ca_requests_total',
    'Requests for certificates by result.',
  );

  const certify = async (token: string, { proof }: CertificateRequest, requestId: string) => {
    try {
      const identity = await verifyToken(token);
      const key = await provenKey(rules, proof, identity);
      const subject = identity.render();
      // One pair for precertificate, certificate and answer, whatever replaces it meanwhile.
      const { issue, bundle } = authority.current;
      const { der, serial } = await issue(subject, key);
      certificates.inc();
      results.inc({ result: 'issued' });
      const event = {
        requestId,
        serial: hex(serial),
        issuer: identity.issuer,
        subject: subject.altName.value,
      };
      logger.info('certificate issued', event);
      return [pem('CERTIFICATE', der), ...bundle];
    } catch (error) {
      const result = error instanceof CodedError ? error.code : 'INTERNAL';
      results.inc({ result });
      if (error instanceof CodedError && error.row.http < 500)
        logger.info('certificate refused', { requestId, code: result, reason: error.message });
      throw error;
    }
  };
  return {
    name: 'ca',
    routes: caRoutes({
      certify,
      bundle: () => authority.current.bundle,
      configuration: configurationOf(config),
      observe(method, status, seconds) {
        const labels = { code: String(status), method };
        requests.inc(labels);
        latency.observe(seconds, labels);
      },
      onFault: (error, requestId) => logger.error('ca fault', { error, requestId }),
    }),
    readiness() {
      const now = clock();
      const { chain } = authority.current;
      return chain.some(({ notBeforeMs, notAfterMs }) => now < notBeforeMs || now > notAfterMs)
        ? ['a certificate of the CA is outside its validity']
        : [];
    },
    state: () => ({
      chainDaysLeft: Math.floor(authority.daysLeft()),
      keyPair: authority.fault === undefined ? 'current' : `former: ${authority.fault}`,
    }),
    close: () => authority.close(),
  };
}
