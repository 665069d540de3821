// SPDX-License-Identifier: Apache-2.0
// Entries of transparency logs, Rekor v1 and v2: signed checkpoint and inclusion proof, or the promise
// of a v1 log. Everything needed stands in the bundle; no log is asked.
//
//        origin of the checkpoint   signed by   promise and time   index outside and in the proof
//   v2   host                       host        never              the same
//   v1   host - tree id             host        may be there       global and of the tree
import type { InclusionProof, LogEntry } from '../bundle.ts';
import { compare, equal, hex } from '../bytes.ts';
import type { Crypto } from '../crypto.ts';
import { type EntryKind, findEntryKind } from '../entry-body.ts';
import { CodedError, coded, type ErrorCode } from '../errors.ts';
import { leafHash, verifyInclusion } from '../merkle.ts';
import { type Checkpoint, parseCheckpoint, parseNote, verifyCheckpoint } from '../note.ts';
import type { TrustedRoot, TrustLog } from '../trust.ts';
import { verifyPromise } from './promise.ts';

const FIELD = 'verificationMaterial.tlogEntries';

function refuse(code: ErrorCode, message: string): never {
  throw new CodedError(code, message, { field: FIELD });
}

/** Name and origin that a v2 log signs under: the bare host name of its base URL. */
function hostOf(log: TrustLog): string {
  return new URL(log.baseUrl).hostname;
}

function requireKind(entry: LogEntry): EntryKind {
  const kind = findEntryKind(entry.kind, entry.version);
  if (kind !== undefined) return kind;
  const found = JSON.stringify(`${entry.kind} ${entry.version}`.slice(0, 64));
  return refuse('LOG_ENTRY_UNSUPPORTED', `an entry of kind ${found}`);
}

/** What Rekor v2 may and may not say about an entry. @returns its proof */
function requireV2(entry: LogEntry): InclusionProof {
  // SPEC: a v2 log integrates no time and promises nothing; unsigned times are never believed.
  if (entry.inclusionPromise !== undefined || entry.integratedTime !== 0) {
    refuse('LOG_ENTRY_MALFORMED', 'an entry of Rekor v2 carries a promise or a time');
  }
  const proof = entry.inclusionProof;
  if (proof === undefined) return refuse('INCLUSION_PROOF_MISSING', 'no inclusion proof');
  if (entry.logIndex !== proof.logIndex) {
    refuse(
      'LOG_ENTRY_MALFORMED',
      `index ${entry.logIndex} outside, ${proof.logIndex} in the proof`,
    );
  }
  return proof;
}

const V1_ORIGIN = /^([^\s+]+) - \d{1,20}$/;

interface Signed {
  readonly log: TrustLog;
  /** Under which it signed. */
  readonly name: string;
}

/** The log whose checkpoint it must be, and the name that its signature must carry. */
function signerOf(origin: string, logs: readonly TrustLog[], api: EntryKind['api']): Signed {
  if (api === 1) {
    // The key says which v1 log it is; its name is that of the server, not of the base URL.
    const name = V1_ORIGIN.exec(origin)?.[1];
    const [log] = logs;
    if (name !== undefined && log !== undefined) return { log, name };
    return refuse('CHECKPOINT_INVALID', `${JSON.stringify(origin)} is no origin of Rekor v1`);
  }
  const log = logs.find((candidate) => hostOf(candidate) === origin);
  if (log !== undefined) return { log, name: origin };
  const names = logs.map(hostOf).join(', ');
  return refuse('CHECKPOINT_INVALID', `the checkpoint is of ${origin}, not of ${names}`);
}

/** The checkpoint, signed by the log under its own name, and the tree that the proof speaks of. */
function readCheckpoint(
  crypto: Crypto,
  logs: readonly TrustLog[],
  proof: InclusionProof,
  api: EntryKind['api'],
): { log: TrustLog; checkpoint: Checkpoint } {
  const { origin } = coded('CHECKPOINT_MALFORMED', FIELD, () =>
    parseCheckpoint(parseNote(proof.checkpoint).text),
  );
  const { log, name } = signerOf(origin, logs, api);
  const checkpoint = coded('CHECKPOINT_INVALID', FIELD, () =>
    verifyCheckpoint(crypto, proof.checkpoint, { name, origin, key: log.key, keyId: log.logId }),
  );
  if (checkpoint.size !== proof.treeSize || !equal(checkpoint.root, proof.rootHash)) {
    refuse('CHECKPOINT_INVALID', 'the proof and the checkpoint speak of different trees');
  }
  return { log, checkpoint };
}

/** An entry whose place in a trusted log is proven. */
export interface VerifiedEntry {
  /** As it stands in the bundle. */
  readonly entry: LogEntry;
  /** Of the trusted root. */
  readonly log: TrustLog;
  /** Of the checkpoint; the host of the log where only a promise stands. */
  readonly origin: string;
  /** As the log's search shows it: of all trees that the log ever had. */
  readonly index: number;
  /** Absent where only a promise stands. */
  readonly treeSize: number | undefined;
}

function verifyProof(
  crypto: Crypto,
  logs: readonly TrustLog[],
  entry: LogEntry,
  proof: InclusionProof,
  api: EntryKind['api'],
): VerifiedEntry {
  const { log, checkpoint } = readCheckpoint(crypto, logs, proof, api);
  coded('INCLUSION_PROOF_INVALID', FIELD, () =>
    verifyInclusion(crypto, {
      index: proof.logIndex,
      size: checkpoint.size,
      leafHash: leafHash((data) => crypto.digest('sha256', data), entry.canonicalizedBody),
      proof: proof.hashes,
      root: checkpoint.root,
    }),
  );
  const { origin, size: treeSize } = checkpoint;
  return { entry, log, origin, index: entry.logIndex, treeSize };
}

/**
 * SPEC: what is there of promise and proof must hold; one of them must be there. Bundles v0.1 were made
 * with proofs that lack their checkpoint: nobody signed such a root, so it counts as no proof.
 */
function verifyV1(
  crypto: Crypto,
  root: TrustedRoot,
  logs: readonly TrustLog[],
  entry: LogEntry,
): VerifiedEntry {
  const { inclusionPromise: set, inclusionProof: proof } = entry;
  const promise = set && verifyPromise(crypto, root, entry, set);
  if (proof !== undefined && proof.checkpoint !== '') {
    return verifyProof(crypto, logs, entry, proof, 1);
  }
  if (promise === undefined) {
    return refuse('INCLUSION_PROOF_MISSING', 'neither an inclusion proof nor a promise');
  }
  const { log } = promise;
  return { entry, log, origin: hostOf(log), index: entry.logIndex, treeSize: undefined };
}

/**
 * One entry of a log that the trusted root holds.
 * @returns undefined when it holds no log with this id
 * @throws CodedError INCLUSION_PROOF_MISSING, INCLUSION_PROOF_INVALID, INCLUSION_PROMISE_INVALID,
 *   LOG_ENTRY_UNSUPPORTED, LOG_ENTRY_MALFORMED, LOG_TIME, CHECKPOINT_MALFORMED, CHECKPOINT_INVALID
 */
export function verifyLogEntry(
  crypto: Crypto,
  root: TrustedRoot,
  entry: LogEntry,
): VerifiedEntry | undefined {
  const logs = root.tlogs.filter(({ logId }) => equal(logId, entry.logId));
  if (logs.length === 0) return undefined;
  const { api } = requireKind(entry);
  return api === 2
    ? verifyProof(crypto, logs, entry, requireV2(entry), api)
    : verifyV1(crypto, root, logs, entry);
}

function requireDistinct(entries: readonly LogEntry[]): void {
  const sorted = [...entries].sort((a, b) => compare(a.logId, b.logId) || a.logIndex - b.logIndex);
  sorted.slice(1).forEach((entry, i) => {
    const before = sorted[i];
    if (before?.logIndex === entry.logIndex && equal(before.logId, entry.logId)) {
      refuse('LOG_ENTRY_DUPLICATE', `entry ${entry.logIndex} is there twice`);
    }
  });
}

/**
 * A signature made after the end of a log's key cannot be in that log. Where a promise proves the time
 * of the entry, verifyPromise has judged that time.
 */
function requireAlive(
  root: TrustedRoot,
  verified: VerifiedEntry,
  timesMs: readonly number[],
): void {
  const { entry, log, origin } = verified;
  if (entry.inclusionPromise !== undefined) return;
  const ends = root.tlogs.filter(({ logId }) => equal(logId, log.logId)).map(({ end }) => end);
  const alive = ends.some((end) => timesMs.every((timeMs) => end === undefined || timeMs <= end));
  if (!alive) refuse('LOG_TIME', `signed after the end of ${origin}`);
}

/** Why no entry counted. */
function refuseStrangers(root: TrustedRoot, first: LogEntry): never {
  const unread = root.unread?.filter((path) => path.startsWith('tlogs')) ?? [];
  const besides = unread.length === 0 ? '' : ` (not read there: ${unread.join('; ')})`;
  const id = hex(first.logId.subarray(0, 8));
  return refuse('LOG_UNKNOWN', `log ${id}… is not in the trusted root${besides}`);
}

/**
 * All entries of known logs; at least one, unless `optional`. Entries of unknown logs are passed over.
 * @param timesMs when the signature was made
 * @throws CodedError LOG_ENTRY_MISSING, LOG_ENTRY_DUPLICATE, LOG_UNKNOWN, LOG_TIME and those of
 *   verifyLogEntry
 */
export function verifyLogEntries(
  crypto: Crypto,
  root: TrustedRoot,
  entries: readonly LogEntry[],
  timesMs: readonly number[],
  optional = false,
): VerifiedEntry[] {
  const [first] = entries;
  if (first === undefined) {
    return optional ? [] : refuse('LOG_ENTRY_MISSING', 'no entry of a transparency log');
  }
  requireDistinct(entries);
  const verified = entries.flatMap((entry) => verifyLogEntry(crypto, root, entry) ?? []);
  if (verified.length === 0 && !optional) refuseStrangers(root, first);
  for (const found of verified) requireAlive(root, found, timesMs);
  return verified;
}
