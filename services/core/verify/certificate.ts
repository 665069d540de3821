// SPDX-License-Identifier: Apache-2.0
// The path from the signing certificate to a CA of the trusted root, and its proof of publication.
import { defaultAlgorithm } from '../algorithm.ts';
import { equal, hex } from '../bytes.ts';
import type { Crypto } from '../crypto.ts';
import { CodedError, coded } from '../errors.ts';
import { OID } from '../oid.ts';
import {
  parseSctList,
  precertTbs,
  SCT_ECDSA,
  SCT_RSA,
  SCT_SHA256,
  type Sct,
  sctSignedData,
} from '../sct.ts';
import { inWindow, type TrustAuthority, type TrustedRoot, type TrustLog } from '../trust.ts';
import { buildPath, type Certificate, findExtension } from '../x509.ts';

function pathUnder(
  crypto: Crypto,
  leaf: Certificate,
  authority: TrustAuthority,
  timesMs: readonly number[],
): CodedError | undefined {
  try {
    for (const timeMs of timesMs) {
      buildPath(crypto, leaf, authority.chain, timeMs, OID.codeSigning);
      if (!inWindow(authority, timeMs)) {
        const instant = new Date(timeMs).toISOString();
        throw new CodedError('CERTIFICATE_PATH', `${authority.uri} was not trusted at ${instant}`);
      }
    }
    return undefined;
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
}

/**
 * The CA that issued the leaf, judged at every one of the times.
 * @param timesMs at least one
 * @throws CodedError CERTIFICATE_PATH, CERTIFICATE_TIME, CERTIFICATE_USAGE
 */
export function verifyCertificate(
  crypto: Crypto,
  root: TrustedRoot,
  leaf: Certificate,
  timesMs: readonly number[],
): TrustAuthority {
  let fault: CodedError | undefined;
  for (const authority of root.certificateAuthorities) {
    const found = pathUnder(crypto, leaf, authority, timesMs);
    if (found === undefined) return authority;
    // A CA that issued the certificate says more about the fault than one that did not.
    if (fault === undefined || fault.code === 'CERTIFICATE_PATH') fault = found;
  }
  throw fault ?? new CodedError('CERTIFICATE_PATH', 'the trusted root holds no CA');
}

/**
 * A time that an entry claims without proof widens nothing, but it must not contradict the leaf.
 * @throws CodedError CERTIFICATE_TIME
 */
export function requireClaimedTimes(leaf: Certificate, timesMs: readonly number[]): void {
  const outside = timesMs.find((timeMs) => timeMs < leaf.notBeforeMs || timeMs > leaf.notAfterMs);
  if (outside === undefined) return;
  const instant = new Date(outside).toISOString();
  throw new CodedError('CERTIFICATE_TIME', `not valid at the integrated time, ${instant}`, {
    field: 'verificationMaterial.tlogEntries.integratedTime',
  });
}

function sctVerifies(crypto: Crypto, log: TrustLog, sct: Sct, signed: Uint8Array): boolean {
  const scheme = log.key.kind === 'rsa' ? SCT_RSA : SCT_ECDSA;
  if (sct.hash !== SCT_SHA256 || sct.signatureAlgorithm !== scheme) return false;
  const algorithm = defaultAlgorithm(log.key);
  // SPEC RFC 6962 §2.1.4: logs sign with SHA-256.
  if (algorithm?.hash !== 'sha256') return false;
  return crypto.verify(log.key, algorithm, signed, sct.signature);
}

export interface VerifiedSct {
  readonly log: TrustLog;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}

/**
 * The first SCT in the certificate that a CT log of the trusted root made within its window.
 * @param issuer the certificate that issued the leaf @throws CodedError SCT_MISSING, SCT_INVALID
 */
export function verifySct(
  crypto: Crypto,
  root: TrustedRoot,
  leaf: Certificate,
  issuer: Certificate,
): VerifiedSct {
  const field = 'verificationMaterial.certificate';
  const extension = findExtension(leaf, OID.sctList);
  if (extension === undefined) {
    throw new CodedError('SCT_MISSING', 'the certificate carries no SCT', { field });
  }
  const scts = coded('SCT_INVALID', field, () => parseSctList(extension.value));
  const tbs = coded('SCT_INVALID', field, () => precertTbs(leaf));
  const issuerKeyHash = crypto.digest('sha256', issuer.publicKey.spki);
  const reasons: string[] = [];
  for (const sct of scts) {
    const { timestampMs, extensions } = sct;
    const logs = root.ctlogs.filter(({ logId }) => equal(logId, sct.logId));
    const log = logs.find((candidate) => inWindow(candidate, timestampMs));
    const signed = sctSignedData({ timestampMs, issuerKeyHash, tbs, extensions });
    if (log !== undefined && sctVerifies(crypto, log, sct, signed)) {
      return { log, timeMs: timestampMs };
    }
    const name = hex(sct.logId.subarray(0, 8));
    if (logs.length === 0) reasons.push(`CT log ${name}… is not trusted`);
    else if (log === undefined) reasons.push(`CT log ${name}… was not trusted at that time`);
    else reasons.push(`the signature of CT log ${name}… does not verify`);
  }
  throw new CodedError('SCT_INVALID', reasons.join('; '), { field });
}
