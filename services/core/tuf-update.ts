// SPDX-License-Identifier: Apache-2.0
// The client's walk through a TUF repository (specification §5.3–5.7), as steps without I/O: the
// state names the next file, the caller fetches it, a step judges it and returns the next state.
//
//   begin → acceptRoot* → settleRoot → acceptTimestamp → acceptSnapshot → acceptTargets → checkTarget
//
// A state of an earlier update may stand at the start: what it trusts guards against rollback.
import { equal, hex } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { CodedError } from './errors.ts';
import { formatTime } from './trust-fields.ts';
import {
  type FileMeta,
  type Metadata,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type Role,
  type Root,
  requireThreshold,
  type Snapshot,
  type TargetFile,
  type Targets,
  type Timestamp,
  TUF_LIMITS,
} from './tuf.ts';

/** What is trusted so far. Only the steps below make one. */
export interface TufState {
  readonly root: Root;
  readonly timestamp?: Timestamp;
  readonly snapshot?: Snapshot;
  readonly targets?: Targets;
}

/** A file to fetch, relative to the base of the repository. */
export interface WantedFile {
  readonly path: string;
  /** Octets to read at most. */
  readonly limit: number;
}

function mismatch(file: string, what: string): CodedError {
  return new CodedError('TUF_MISMATCH', `${file}: ${what}`, { field: file });
}

function rollback(file: string, what: string): CodedError {
  return new CodedError('TUF_ROLLBACK', `${file}: ${what}`, { field: file });
}

function requireFresh(metadata: Metadata, nowMs: number): void {
  // SPEC §5: expired when the time of the client is at or past `expires`.
  if (nowMs < metadata.expiresMs) return;
  throw new CodedError(
    'TUF_EXPIRED',
    `${metadata.file} expired at ${formatTime(metadata.expiresMs)}; the clock here says ${formatTime(nowMs)}`,
    { field: metadata.file },
  );
}

function requireContent(crypto: Crypto, file: string, bytes: Uint8Array, meta: FileMeta): void {
  if (meta.length !== undefined && bytes.length !== meta.length) {
    throw mismatch(file, `${bytes.length} octets where ${meta.length} were announced`);
  }
  if (meta.sha256 !== undefined && !equal(crypto.digest('sha256', bytes), meta.sha256)) {
    throw mismatch(file, 'has another hash than was announced');
  }
}

// --- root ---

/**
 * The trust anchor: a root that the caller got from somewhere safe. Its expiry is not judged here,
 * for an old anchor leads to the newest root.
 * @throws CodedError TUF_MALFORMED, TUF_THRESHOLD
 */
export function begin(crypto: Crypto, rootBytes: Uint8Array): TufState {
  const root = parseRoot(crypto, rootBytes);
  requireThreshold(crypto, root, 'root', root);
  return { root };
}

/** To be fetched until it is missing. */
export function nextRootFile({ root }: TufState): WantedFile {
  return { path: `${root.version + 1}.root.json`, limit: TUF_LIMITS.root };
}

/** @throws CodedError TUF_MALFORMED, TUF_THRESHOLD, TUF_MISMATCH */
export function acceptRoot(crypto: Crypto, state: TufState, bytes: Uint8Array): TufState {
  const file = nextRootFile(state).path;
  const next = parseRoot(crypto, bytes, file);
  // SPEC §5.3.4: a threshold of the keys of the trusted root and a threshold of its own.
  requireThreshold(crypto, state.root, 'root', next);
  requireThreshold(crypto, next, 'root', next);
  // SPEC §5.3.5: exactly the next version.
  if (next.version !== state.root.version + 1) {
    throw mismatch(file, `holds version ${next.version}, not ${state.root.version + 1}`);
  }
  return { ...state, root: next };
}

function sameKeys(a: Root, b: Root, role: Role): boolean {
  const of = (root: Root) => [...root.roles[role].keyids].sort().join();
  return of(a) === of(b) && a.roles[role].threshold === b.roles[role].threshold;
}

/**
 * Ends the walk over the roots.
 * @param before the root that was trusted when this update began
 * @throws CodedError TUF_EXPIRED
 */
export function settleRoot(state: TufState, before: Root, nowMs: number): TufState {
  const { root } = state;
  requireFresh(root, nowMs);
  // SPEC §5.3.11: other keys of timestamp or snapshot heal a fast-forward attack, so the versions
  // that the stolen keys signed are forgotten.
  if (sameKeys(before, root, 'timestamp') && sameKeys(before, root, 'snapshot')) return state;
  return { root };
}

// --- timestamp, snapshot, targets ---

export const TIMESTAMP_FILE: WantedFile = { path: 'timestamp.json', limit: TUF_LIMITS.timestamp };

/** @throws CodedError TUF_MALFORMED, TUF_THRESHOLD, TUF_ROLLBACK, TUF_EXPIRED */
export function acceptTimestamp(
  crypto: Crypto,
  state: TufState,
  bytes: Uint8Array,
  nowMs: number,
): TufState {
  const next = parseTimestamp(bytes);
  requireThreshold(crypto, state.root, 'timestamp', next);
  const { timestamp: old } = state;
  if (old !== undefined) {
    // SPEC §5.4.3: neither its version nor the one of the snapshot it names goes back.
    if (next.version < old.version) {
      throw rollback(next.file, `version ${next.version} after ${old.version}`);
    }
    if (next.snapshot.version < old.snapshot.version) {
      throw rollback(
        next.file,
        `names snapshot ${next.snapshot.version} after ${old.snapshot.version}`,
      );
    }
  }
  requireFresh(next, nowMs);
  return { ...state, timestamp: next };
}

function timestampOf(state: TufState): Timestamp {
  if (state.timestamp === undefined) throw new Error('acceptTimestamp comes first');
  return state.timestamp;
}

function wanted(role: 'snapshot' | 'targets', meta: FileMeta): WantedFile {
  return { path: `${meta.version}.${role}.json`, limit: meta.length ?? TUF_LIMITS[role] };
}

export function snapshotFile(state: TufState): WantedFile {
  return wanted('snapshot', timestampOf(state).snapshot);
}

/** @throws CodedError TUF_MISMATCH, TUF_MALFORMED, TUF_THRESHOLD, TUF_ROLLBACK, TUF_EXPIRED */
export function acceptSnapshot(
  crypto: Crypto,
  state: TufState,
  bytes: Uint8Array,
  nowMs: number,
): TufState {
  const meta = timestampOf(state).snapshot;
  const { path } = snapshotFile(state);
  requireContent(crypto, path, bytes, meta);
  const next = parseSnapshot(bytes, path);
  requireThreshold(crypto, state.root, 'snapshot', next);
  // SPEC §5.5.4: the version that timestamp names; else two publications are mixed.
  if (next.version !== meta.version) {
    throw mismatch(path, `holds version ${next.version}, not ${meta.version}`);
  }
  // SPEC §5.5.5: no file vanishes from the snapshot, and none goes back.
  for (const [name, before] of state.snapshot?.meta ?? []) {
    const after = next.meta.get(name);
    if (after === undefined) throw rollback(path, `no longer lists ${name}`);
    if (after.version < before.version) {
      throw rollback(path, `names ${name} ${after.version} after ${before.version}`);
    }
  }
  requireFresh(next, nowMs);
  return { ...state, snapshot: next };
}

function snapshotOf(state: TufState): Snapshot {
  if (state.snapshot === undefined) throw new Error('acceptSnapshot comes first');
  return state.snapshot;
}

export function targetsFile(state: TufState): WantedFile {
  return wanted('targets', snapshotOf(state).targets);
}

/** @throws CodedError TUF_MISMATCH, TUF_MALFORMED, TUF_THRESHOLD, TUF_EXPIRED */
export function acceptTargets(
  crypto: Crypto,
  state: TufState,
  bytes: Uint8Array,
  nowMs: number,
): TufState {
  const meta = snapshotOf(state).targets;
  const { path } = targetsFile(state);
  requireContent(crypto, path, bytes, meta);
  const next = parseTargets(bytes, path);
  requireThreshold(crypto, state.root, 'targets', next);
  if (next.version !== meta.version) {
    throw mismatch(path, `holds version ${next.version}, not ${meta.version}`);
  }
  requireFresh(next, nowMs);
  return { ...state, targets: next };
}

// --- target files ---

/** @throws CodedError TUF_TARGET when the repository lists no such target */
export function findTarget(state: TufState, name: string): TargetFile {
  const target = state.targets?.targets.get(name);
  if (target === undefined) {
    throw new CodedError('TUF_TARGET', `the repository lists no target ${name}`, { field: name });
  }
  return target;
}

/** Consistent snapshots: the hash stands in the name. */
export function targetFile({ name, length, sha256 }: TargetFile): WantedFile {
  return { path: `targets/${hex(sha256)}.${name}`, limit: length };
}

/** @throws CodedError TUF_TARGET */
export function checkTarget(crypto: Crypto, target: TargetFile, bytes: Uint8Array): Uint8Array {
  const fail = (what: string) =>
    new CodedError('TUF_TARGET', `${target.name}: ${what}`, { field: target.name });
  if (bytes.length !== target.length) {
    throw fail(`another length than the ${target.length} octets that targets names`);
  }
  if (!equal(crypto.digest('sha256', bytes), target.sha256)) {
    throw fail('another hash than targets names');
  }
  return bytes;
}
