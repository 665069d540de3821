// SPDX-License-Identifier: Apache-2.0
// Issuing: precertificate, CT log, certificate with its SCT (RFC 6962 §3.1), and a look at the result.
import { ECDSA_P256_SHA256 } from '../core/algorithm.ts';
import { equal } from '../core/bytes.ts';
import type { Crypto, PublicKey } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { assembleCertificate, type LeafFields, leafTbs, prepareIssuer } from '../core/profile.ts';
import { encodeSctList, parseSct, sctSignedData } from '../core/sct.ts';
import { type Certificate, parseCertificate, verifyIssuedBy } from '../core/x509.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Signer } from '../runtime/keys.ts';
import type { Identity } from './identity.ts';

const LIFETIME_MS = 600_000;
const SERIAL_BYTES = 20;

/** Logs a precertificate and gives its SCT, encoded. */
export type SubmitPrecert = (submission: {
  readonly precert: Uint8Array;
  readonly tbs: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  readonly chain: readonly Uint8Array[];
}) => Promise<Uint8Array>;

export interface IssuerParts {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly random: (sizeBytes: number) => Uint8Array;
  readonly signer: Signer;
  /** Issuing certificate first, root last. */
  readonly chain: readonly [Certificate, ...Certificate[]];
  readonly submit: SubmitPrecert;
  readonly ctlogKey: PublicKey;
  readonly backdateSeconds: number;
}

/** Gives the certificate, DER. @throws CodedError CT_SUBMISSION, CA_BACKEND */
export type Issue = (identity: Identity, key: PublicKey) => Promise<Uint8Array>;

/** 20 octets, positive, never zero (RFC 5280 §4.1.2.2). */
function serialNumber(random: IssuerParts['random']): Uint8Array {
  const serial = random(SERIAL_BYTES);
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  return serial;
}

export function certificateIssuer(parts: IssuerParts): Issue {
  const { crypto, clock, signer, chain } = parts;
  const [issuer] = chain;
  const template = prepareIssuer(issuer);
  const issuerKeyHash = crypto.digest('sha256', issuer.publicKey.spki);
  const logId = crypto.digest('sha256', parts.ctlogKey.spki);
  const chainDer = chain.map(({ der }) => der);

  const sign = async (tbs: Uint8Array) => {
    try {
      return assembleCertificate(tbs, template.signatureOid, await signer.sign(tbs));
    } catch (error) {
      throw new CodedError('CA_BACKEND', `signing failed: ${(error as Error).message}`, {
        cause: error,
      });
    }
  };

  const submit = async (fields: LeafFields): Promise<Uint8Array> => {
    const precert = await sign(leafTbs(template, fields, { poison: true }));
    const tbs = leafTbs(template, fields, undefined);
    let encoded: Uint8Array;
    try {
      encoded = await parts.submit({ precert, tbs, issuerKeyHash, chain: chainDer });
    } catch (error) {
      throw new CodedError('CT_SUBMISSION', `the CT log refused: ${(error as Error).message}`, {
        cause: error,
      });
    }
    const sct = parseSct(encoded);
    const { timestampMs, extensions } = sct;
    const signed = sctSignedData({ timestampMs, issuerKeyHash, tbs, extensions });
    // An SCT that clients would refuse never goes into a certificate.
    if (
      !equal(sct.logId, logId) ||
      !crypto.verify(parts.ctlogKey, ECDSA_P256_SHA256, signed, sct.signature)
    ) {
      throw new CodedError('CT_SUBMISSION', 'the SCT is not signed by the configured log');
    }
    return encoded;
  };

  return async (identity, key) => {
    const now = clock();
    if (now < issuer.notBeforeMs || now > issuer.notAfterMs) {
      throw new CodedError('CA_BACKEND', 'the issuing certificate is outside its validity');
    }
    const notBeforeMs = Math.max(
      Math.floor(now / 1000) * 1000 - parts.backdateSeconds * 1000,
      issuer.notBeforeMs,
    );
    const fields: LeafFields = {
      serial: serialNumber(parts.random),
      notBeforeMs,
      notAfterMs: Math.min(Math.floor(now / 1000) * 1000 + LIFETIME_MS, issuer.notAfterMs),
      spki: key.spki,
      subjectKeyId: crypto.digest('sha1', key.bits),
      altName: identity.altName,
      extensions: identity.extensions,
    };
    const sctList = encodeSctList([await submit(fields)]);
    const certificate = await sign(leafTbs(template, fields, { sctList }));
    if (!verifyIssuedBy(crypto, parseCertificate(certificate), issuer)) {
      throw new CodedError('CA_BACKEND', 'the certificate does not verify under its issuer');
    }
    return certificate;
  };
}
