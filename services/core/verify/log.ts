// SPDX-License-Identifier: Apache-2.0
// Entries of the transparency log (Rekor v2): signed checkpoint, inclusion proof, and a body that
// is about this signature, this key and this artifact. Everything needed stands in the bundle; no
// log is asked.

import type { InclusionProof, LogEntry } from '../bundle.ts';
import { compare, equal, hex } from '../bytes.ts';
import type { Crypto, HashName } from '../crypto.ts';
import { type EntryBody, HASHEDREKORD_V002, parseEntryBody } from '../entry.ts';
import { CodedError, coded, type ErrorCode } from '../errors.ts';
import { leafHash, verifyInclusion } from '../merkle.ts';
import { type Checkpoint, parseCheckpoint, parseNote, verifyCheckpoint } from '../note.ts';
import type { TrustedRoot, TrustLog } from '../trust.ts';
import type { SigningKey } from './signer.ts';

const FIELD = 'verificationMaterial.tlogEntries';

function refuse(code: ErrorCode, message: string): never {
  throw new CodedError(code, message, { field: FIELD });
}

/** Name and origin that a v2 log signs under: the bare host name of its base URL. */
function originOf(log: TrustLog): string {
  return new URL(log.baseUrl).hostname;
}

/** What Rekor v2 may and may not say about an entry. @returns its proof */
function requireV2(entry: LogEntry): InclusionProof {
  const { kind, version } = HASHEDREKORD_V002;
  // First, so that an entry of Rekor v1 is called by its name, not by what it lacks.
  if (entry.kind !== kind || entry.version !== version) {
    refuse('LOG_ENTRY_UNSUPPORTED', `an entry of kind ${entry.kind} ${entry.version}`);
  }
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

/** The checkpoint, signed by the log under its own name, and the tree that the proof speaks of. */
function readCheckpoint(
  crypto: Crypto,
  logs: readonly TrustLog[],
  proof: InclusionProof,
): { log: TrustLog; checkpoint: Checkpoint } {
  const { origin } = coded('CHECKPOINT_MALFORMED', FIELD, () =>
    parseCheckpoint(parseNote(proof.checkpoint).text),
  );
  const log = logs.find((candidate) => originOf(candidate) === origin);
  if (log === undefined) {
    const names = logs.map(originOf).join(', ');
    return refuse('CHECKPOINT_INVALID', `the checkpoint is of ${origin}, not of ${names}`);
  }
  const checkpoint = coded('CHECKPOINT_INVALID', FIELD, () =>
    verifyCheckpoint(crypto, proof.checkpoint, { name: origin, key: log.key, keyId: log.logId }),
  );
  if (checkpoint.size !== proof.treeSize || !equal(checkpoint.root, proof.rootHash)) {
    refuse('CHECKPOINT_INVALID', 'the proof and the checkpoint speak of different trees');
  }
  return { log, checkpoint };
}

export interface VerifiedEntry {
  readonly entry: LogEntry;
  readonly log: TrustLog;
  readonly origin: string;
  readonly index: number;
  readonly treeSize: number;
}

/**
 * One entry of a log that the trusted root holds.
 * @returns undefined when it holds no log with this id
 * @throws CodedError INCLUSION_PROOF_MISSING, INCLUSION_PROOF_INVALID, LOG_ENTRY_UNSUPPORTED,
 *   LOG_ENTRY_MALFORMED, CHECKPOINT_MALFORMED, CHECKPOINT_INVALID
 */
export function verifyLogEntry(
  crypto: Crypto,
  root: TrustedRoot,
  entry: LogEntry,
): VerifiedEntry | undefined {
  const logs = root.tlogs.filter(({ logId }) => equal(logId, entry.logId));
  if (logs.length === 0) return undefined;
  const proof = requireV2(entry);
  const { log, checkpoint } = readCheckpoint(crypto, logs, proof);
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
  return { entry, log, origin, index: proof.logIndex, treeSize };
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
 * All entries of known logs; at least one. Entries of unknown logs are passed over. A signature
 * made after the end of a log's key cannot be in that log.
 * @throws CodedError LOG_ENTRY_MISSING, LOG_ENTRY_DUPLICATE, LOG_UNKNOWN, LOG_TIME and those of
 *   verifyLogEntry
 */
export function verifyLogEntries(
  crypto: Crypto,
  root: TrustedRoot,
  entries: readonly LogEntry[],
  timesMs: readonly number[],
): VerifiedEntry[] {
  const [first] = entries;
  if (first === undefined) return refuse('LOG_ENTRY_MISSING', 'no entry of a transparency log');
  requireDistinct(entries);
  const verified = entries.flatMap((entry) => verifyLogEntry(crypto, root, entry) ?? []);
  if (verified.length === 0) {
    refuse('LOG_UNKNOWN', `log ${hex(first.logId.subarray(0, 8))}… is not in the trusted root`);
  }
  for (const { log, origin } of verified) {
    const { end } = log;
    if (end !== undefined && timesMs.some((timeMs) => timeMs > end)) {
      refuse('LOG_TIME', `signed after the end of ${origin}, ${new Date(end).toISOString()}`);
    }
  }
  return verified;
}

function sameVerifier(body: EntryBody, signer: SigningKey): boolean {
  if ('publicKey' in signer.verifier) {
    return (
      'publicKey' in body.verifier && equal(body.verifier.publicKey, signer.verifier.publicKey)
    );
  }
  return (
    'x509Certificate' in body.verifier &&
    equal(body.verifier.x509Certificate, signer.verifier.x509Certificate)
  );
}

/**
 * The body of an entry against the bundle around it.
 * @param digestOf digest of what was signed: the artifact, or the PAE of an envelope
 * @throws CodedError LOG_ENTRY_MALFORMED, LOG_ENTRY_MISMATCH
 */
export function verifyEntryBody(
  entry: LogEntry,
  signer: SigningKey,
  signature: Uint8Array,
  digestOf: (hash: HashName) => Uint8Array,
): void {
  // Refuses every kind and version but the one that requireV2 let pass: the two agree.
  const body = coded('LOG_ENTRY_MALFORMED', FIELD, () => parseEntryBody(entry.canonicalizedBody));
  if (!sameVerifier(body, signer)) refuse('LOG_ENTRY_MISMATCH', 'the entry is of another signer');
  if (!equal(body.signature, signature)) {
    refuse('LOG_ENTRY_MISMATCH', 'the entry is of another signature');
  }
  if (body.keyDetails !== signer.algorithm.keyDetails || body.hash !== signer.algorithm.hash) {
    refuse('LOG_ENTRY_MISMATCH', `the entry says ${body.keyDetails} with ${body.hash}`);
  }
  if (!equal(body.digest, digestOf(body.hash))) {
    refuse('LOG_ENTRY_MISMATCH', 'the entry is of another artifact');
  }
}
