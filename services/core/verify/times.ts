// SPDX-License-Identifier: Apache-2.0
// When the signature existed: the times that a trusted authority vouches for.
import type { Bundle } from '../bundle.ts';
import { compare, equal } from '../bytes.ts';
import type { Crypto } from '../crypto.ts';
import { CodedError } from '../errors.ts';
import type { TrustedRoot } from '../trust.ts';
import { verifyTimestamp } from '../tsp.ts';

export interface VerifiedTime {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** `uri` of the authority in the trusted root. */
  readonly authority: string;
}

/** The bytes that signatures of time and log cover: raw, not base64, not the envelope. */
export function signatureOf(bundle: Bundle): Uint8Array {
  const { content } = bundle;
  if ('messageSignature' in content) return content.messageSignature.signature;
  return content.envelope.signatures[0]?.sig ?? new Uint8Array();
}

function requireDistinct(timestamps: readonly Uint8Array[]): void {
  const sorted = [...timestamps].sort(compare);
  if (sorted.slice(1).some((stamp, i) => equal(stamp, sorted[i] as Uint8Array))) {
    throw new CodedError('TIMESTAMP_DUPLICATE', 'the same timestamp is there twice', {
      field: 'verificationMaterial.timestampVerificationData',
    });
  }
}

/**
 * Times of all timestamps whose authority is trusted. Timestamps of strangers are passed over as
 * long as one remains; a damaged one, or one over another signature, is refused.
 * @param required whether none at all is a fault
 * @throws CodedError TIMESTAMP_MISSING, TIMESTAMP_DUPLICATE, and those of verifyTimestamp
 */
export function verifyTimes(
  crypto: Crypto,
  root: TrustedRoot,
  bundle: Bundle,
  required: boolean,
): VerifiedTime[] {
  const signature = signatureOf(bundle);
  requireDistinct(bundle.timestamps);
  const times: VerifiedTime[] = [];
  let stranger: CodedError | undefined;
  for (const stamp of bundle.timestamps) {
    try {
      const verified = verifyTimestamp(crypto, stamp, signature, root.timestampAuthorities);
      times.push({ timeMs: verified.genTimeMs, authority: verified.authority.uri });
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'TIMESTAMP_UNTRUSTED') throw error;
      stranger ??= error;
    }
  }
  if (times.length > 0) return times;
  if (stranger !== undefined) throw stranger;
  // SPEC: an entry of Rekor v2 holds no time, so a certificate of minutes needs a timestamp.
  if (required) {
    throw new CodedError('TIMESTAMP_MISSING', 'nothing tells when the certificate was used', {
      field: 'verificationMaterial.timestampVerificationData',
    });
  }
  return times;
}
