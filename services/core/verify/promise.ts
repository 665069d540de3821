// SPDX-License-Identifier: Apache-2.0
// Signed entry timestamps (SET) of Rekor v1: the log's promise to hold an entry, and the only thing
// that makes its integrated time worth believing.
//
//   signed   RFC 8785 of {"body": base64, "integratedTime": s, "logID": hex, "logIndex": global}
import { defaultAlgorithm, withHash } from '../algorithm.ts';
import type { LogEntry } from '../bundle.ts';
import { base64, equal, hex, utf8 } from '../bytes.ts';
import type { Crypto } from '../crypto.ts';
import { CodedError } from '../errors.ts';
import { canonicalJson } from '../json.ts';
import { inWindow, type TrustedRoot, type TrustLog } from '../trust.ts';

const FIELD = 'verificationMaterial.tlogEntries.inclusionPromise';

export interface VerifiedPromise {
  readonly log: TrustLog;
  /** Milliseconds since 1970. */
  readonly timeMs: number;
}

/** Rekor v1 signs SHA-256 whatever its curve is; a verifier that goes by the key expects its hash. */
function signedBy(crypto: Crypto, log: TrustLog, message: Uint8Array, set: Uint8Array): boolean {
  const algorithm = defaultAlgorithm(log.key);
  if (algorithm === undefined) return false;
  if (crypto.verify(log.key, algorithm, message, set)) return true;
  const { kind } = log.key;
  return (
    (kind === 'p384' || kind === 'p521') &&
    crypto.verify(log.key, withHash(algorithm, 'sha256'), message, set)
  );
}

/**
 * The promise in an entry of Rekor v1.
 * @param set its signedEntryTimestamp
 * @returns undefined when the trusted root holds no log with this id
 * @throws CodedError INCLUSION_PROMISE_INVALID; LOG_TIME when the key of the log was not valid then
 */
export function verifyPromise(
  crypto: Crypto,
  root: TrustedRoot,
  entry: LogEntry,
  set: Uint8Array,
): VerifiedPromise | undefined {
  const logs = root.tlogs.filter(({ logId }) => equal(logId, entry.logId));
  if (logs.length === 0) return undefined;
  const message = utf8(
    canonicalJson({
      body: base64(entry.canonicalizedBody),
      integratedTime: entry.integratedTime,
      logID: hex(entry.logId),
      logIndex: entry.logIndex,
    }),
  );
  const signers = logs.filter((log) => signedBy(crypto, log, message, set));
  if (signers.length === 0) {
    throw new CodedError('INCLUSION_PROMISE_INVALID', 'the signed entry timestamp is not good', {
      field: FIELD,
    });
  }
  const timeMs = entry.integratedTime * 1000;
  const log = signers.find((signer) => inWindow(signer, timeMs));
  if (log === undefined) {
    const instant = new Date(timeMs).toISOString();
    throw new CodedError('LOG_TIME', `the key of the log was not valid at ${instant}`, {
      field: FIELD,
    });
  }
  return { log, timeMs };
}
