// SPDX-License-Identifier: Apache-2.0
// When the signature existed: the times that a trusted authority or a log vouches for.
import type { Bundle, LogEntry } from '../bundle.ts';
import { compare, equal } from '../bytes.ts';
import type { Crypto } from '../crypto.ts';
import { findEntryKind } from '../entry-body.ts';
import { CodedError } from '../errors.ts';
import type { TrustedRoot } from '../trust.ts';
import { verifyTimestamp } from '../tsp.ts';
import { verifyPromise } from './promise.ts';
import type { Policy } from './signer.ts';

/** A moment at which the signature existed, proven. */
export interface VerifiedTime {
  /** Milliseconds since 1970. */
  readonly timeMs: number;
  /** `uri` of the timestamp authority or `baseUrl` of the log in the trusted root. */
  readonly authority: string;
  /** A timestamp of RFC 3161, or the promise of a Rekor v1 log. */
  readonly source: 'timestamp' | 'log';
}

/** The bytes that signatures of time and log cover: raw, not base64, not the envelope. */
export function signatureOf(bundle: Bundle): Uint8Array {
  const { content } = bundle;
  if ('messageSignature' in content) return content.messageSignature.signature;
  return content.envelope.signatures[0]?.sig ?? new Uint8Array();
}

const STAMPS = 'verificationMaterial.timestampVerificationData';

function requireDistinct(timestamps: readonly Uint8Array[]): void {
  const sorted = [...timestamps].sort(compare);
  if (sorted.slice(1).some((stamp, i) => equal(stamp, sorted[i] as Uint8Array))) {
    throw new CodedError('TIMESTAMP_DUPLICATE', 'the same timestamp is there twice', {
      field: STAMPS,
    });
  }
}

/** RFC 3161. Timestamps of strangers are passed over, and the first refusal kept for the end. */
function stampedTimes(
  crypto: Crypto,
  root: TrustedRoot,
  bundle: Bundle,
): { times: VerifiedTime[]; stranger: CodedError | undefined } {
  const signature = signatureOf(bundle);
  requireDistinct(bundle.timestamps);
  const times: VerifiedTime[] = [];
  let stranger: CodedError | undefined;
  for (const stamp of bundle.timestamps) {
    try {
      const verified = verifyTimestamp(crypto, stamp, signature, root.timestampAuthorities);
      const { genTimeMs: timeMs, authority } = verified;
      times.push({ timeMs, authority: authority.uri, source: 'timestamp' });
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'TIMESTAMP_UNTRUSTED') throw error;
      stranger ??= error;
    }
  }
  return { times, stranger };
}

/** Whether an entry is one of Rekor v1: the only ones whose time and promise mean anything. */
function isV1({ kind, version }: LogEntry): boolean {
  return findEntryKind(kind, version)?.api === 1;
}

/** SPEC: integratedTime counts only with a valid SET, and inside the window of the log's key. */
function promisedTimes(crypto: Crypto, root: TrustedRoot, bundle: Bundle): VerifiedTime[] {
  return bundle.tlogEntries.filter(isV1).flatMap((entry) => {
    const { inclusionPromise: set } = entry;
    const promise = set && verifyPromise(crypto, root, entry, set);
    if (promise === undefined) return [];
    const { timeMs, log } = promise;
    return [{ timeMs, authority: log.baseUrl, source: 'log' }];
  });
}

/** Clocks of a verifier and of an authority may differ by this; a time far ahead is an untruth. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

function requirePast(times: readonly VerifiedTime[], nowMs: number): void {
  const ahead = times.find(({ timeMs }) => timeMs > nowMs + CLOCK_TOLERANCE_MS);
  if (ahead === undefined) return;
  const [then, now] = [ahead.timeMs, nowMs].map((ms) => new Date(ms).toISOString());
  const code = ahead.source === 'log' ? 'LOG_TIME' : 'TIMESTAMP_TIME';
  throw new CodedError(code, `${ahead.authority} says ${then}, which lies after now, ${now}`, {
    field: ahead.source === 'log' ? 'verificationMaterial.tlogEntries' : STAMPS,
  });
}

/**
 * Every time that a trusted timestamp authority or a known Rekor v1 log vouches for. Timestamps of
 * strangers are passed over as long as one time remains; a damaged timestamp or promise, or one over
 * another signature, is refused.
 * @param required whether none at all is a fault
 * @throws CodedError TIMESTAMP_MISSING, TIMESTAMP_DUPLICATE, and those of verifyTimestamp and
 *   verifyPromise
 */
export function verifyTimes(
  crypto: Crypto,
  root: TrustedRoot,
  bundle: Bundle,
  required: boolean,
  policy: Policy = {},
): VerifiedTime[] {
  const { times: stamped, stranger } = stampedTimes(crypto, root, bundle);
  const times = [...stamped, ...promisedTimes(crypto, root, bundle)];
  if (policy.nowMs !== undefined) requirePast(times, policy.nowMs);
  if ((policy.timestamp ? stamped : times).length > 0) return times;
  if (stranger !== undefined) throw stranger;
  // SPEC: an entry of Rekor v2 holds no time, and one of v1 none without its promise, so a
  // certificate of minutes needs a timestamp.
  if (required || policy.timestamp) {
    throw new CodedError('TIMESTAMP_MISSING', 'nothing tells when the signature was made', {
      field: STAMPS,
    });
  }
  return times;
}

/**
 * Times that entries of known Rekor v1 logs claim without a promise. They prove nothing, but a
 * certificate that was not valid then contradicts them. Milliseconds since 1970.
 */
export function claimedTimes(root: TrustedRoot, bundle: Bundle): number[] {
  return bundle.tlogEntries
    .filter(isV1)
    .filter(({ logId }) => root.tlogs.some((log) => equal(log.logId, logId)))
    .flatMap(({ inclusionPromise, integratedTime }) =>
      inclusionPromise === undefined && integratedTime !== 0 ? [integratedTime * 1000] : [],
    );
}
