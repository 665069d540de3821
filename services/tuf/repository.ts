// SPDX-License-Identifier: Apache-2.0
// The TUF repository on disk: loaded, planned, written.
//
//   N.root.json (every N, for ever)   root.json (copy of the newest)   timestamp.json
//   V.snapshot.json   V.targets.json   targets/<sha256>.<name>
//
// A publication is a plan first: every file is signed in memory and judged by the client's own
// steps. Then it is written in the order in which nothing refers to a file that is not there; the
// timestamp, replaced whole, makes it the view. A numbered file is never written twice.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { equal, hex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { olpcJson } from '../core/json.ts';
import {
  ROLES,
  type Role,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '../core/tuf.ts';
import {
  type NumberedFile,
  rootSigned,
  snapshotSigned,
  type TargetSource,
  targetsSigned,
  timestampSigned,
} from '../core/tuf-build.ts';
import {
  acceptRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  begin,
  checkTarget,
  nextRootFile,
  snapshotFile,
  type TufState,
  targetFile,
  targetsFile,
  type WantedFile,
} from '../core/tuf-update.ts';
import { DEV_ONLY, type RoleSigners, seal } from './signers.ts';

const DAY = 24 * 60 * 60 * 1000;

/** How long a signature of a role lasts, and how long before its end it is made again. */
export const TERMS: Readonly<Record<Role, { lifetimeMs: number; renewBeforeMs: number }>> = {
  // Its hash is what people compare: it changes as late as is safe.
  root: { lifetimeMs: 365 * DAY, renewBeforeMs: 30 * DAY },
  targets: { lifetimeMs: 365 * DAY, renewBeforeMs: 182 * DAY },
  snapshot: { lifetimeMs: 365 * DAY, renewBeforeMs: 182 * DAY },
  timestamp: { lifetimeMs: 14 * DAY, renewBeforeMs: 7 * DAY },
};

/** What clients see. */
export interface View {
  readonly root: Root;
  readonly timestamp: Timestamp;
  readonly snapshot: Snapshot;
  readonly targets: Targets;
  /** Content of every target. */
  readonly content: ReadonlyMap<string, Uint8Array>;
}

/** Path → bytes of every file of the repository. */
export type Files = ReadonlyMap<string, Uint8Array>;

const METADATA_NAME = /^(?:(?:root|timestamp)|([1-9]\d{0,8})\.(?:root|snapshot|targets))\.json$/;
const TARGET_NAME = /^[0-9a-f]{64}\.[A-Za-z0-9._-]+$/;
const TIMESTAMP = 'timestamp.json';

/** Every file of the repository; temporary files of an interrupted write are not among them. */
export function readFiles(directory: string): Files {
  const files = new Map<string, Uint8Array>();
  const read = (folder: string, pattern: RegExp) => {
    if (!existsSync(join(directory, folder))) return;
    for (const name of readdirSync(join(directory, folder))) {
      if (pattern.test(name) && !name.endsWith('.tmp')) {
        files.set(`${folder}${name}`, new Uint8Array(readFileSync(join(directory, folder, name))));
      }
    }
  };
  read('', METADATA_NAME);
  read('targets/', TARGET_NAME);
  return files;
}

function highest(files: Files, role: Role): number {
  const suffix = `.${role}.json`;
  const versions = [...files.keys()]
    .filter((path) => path.endsWith(suffix))
    .map((path) => Number(path.slice(0, -suffix.length)));
  return Math.max(0, ...versions);
}

/** Own state is judged without a clock: an expired role is renewed, not refused. */
const NO_CLOCK = 0;

function walkRoots(crypto: Crypto, files: Files): TufState | undefined {
  const first = files.get('1.root.json');
  if (first === undefined) return undefined;
  let state = begin(crypto, first);
  for (;;) {
    const next = files.get(nextRootFile(state).path);
    if (next === undefined) return state;
    state = acceptRoot(crypto, state, next);
  }
}

/** The newest root on disk; it may be ahead of the view after a crash. @throws CodedError TUF_… */
export function newestRoot(crypto: Crypto, files: Files): Root | undefined {
  return walkRoots(crypto, files)?.root;
}

function walkView(crypto: Crypto, files: Files): View | undefined {
  const timestampBytes = files.get(TIMESTAMP);
  const start = walkRoots(crypto, files);
  if (timestampBytes === undefined) return undefined;
  const get = ({ path }: WantedFile): Uint8Array => {
    const bytes = files.get(path);
    if (bytes === undefined) throw new CodedError('TUF_MISMATCH', `${path} is missing`);
    return bytes;
  };
  if (start === undefined) throw new CodedError('TUF_MISMATCH', '1.root.json is missing');
  const stamped = acceptTimestamp(crypto, start, timestampBytes, NO_CLOCK);
  const shot = acceptSnapshot(crypto, stamped, get(snapshotFile(stamped)), NO_CLOCK);
  const { root, timestamp, snapshot, targets } = acceptTargets(
    crypto,
    shot,
    get(targetsFile(shot)),
    NO_CLOCK,
  );
  if (timestamp === undefined || snapshot === undefined || targets === undefined) return undefined;
  const content = new Map(
    [...targets.targets.values()].map((target) => [
      target.name,
      checkTarget(crypto, target, get(targetFile(target))),
    ]),
  );
  return { root, timestamp, snapshot, targets, content };
}

/**
 * The view that the files give; undefined before the first publication has ended.
 * @throws CodedError STATE_INCONSISTENT when a file is damaged, altered or gone
 */
export function loadView(crypto: Crypto, files: Files): View | undefined {
  try {
    if (highest(files, 'root') > 0 && !files.has('1.root.json')) {
      throw new CodedError('TUF_MISMATCH', '1.root.json is missing');
    }
    return walkView(crypto, files);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw new CodedError('STATE_INCONSISTENT', `TUF repository: ${error.message}`, {
      ...(error.field === undefined ? {} : { field: error.field }),
      cause: error,
    });
  }
}

// --- planning ---

export interface PlannedWrite {
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface PlanInput {
  readonly crypto: Crypto;
  readonly files: Files;
  readonly view: View | undefined;
  readonly signers: RoleSigners;
  readonly sources: readonly TargetSource[];
  readonly dev: boolean;
  readonly nowMs: number;
}

function isDue(role: Role, expiresMs: number | undefined, nowMs: number): boolean {
  return expiresMs === undefined || nowMs >= expiresMs - TERMS[role].renewBeforeMs;
}

async function planRoot(input: PlanInput): Promise<PlannedWrite[]> {
  const { crypto, files, signers, dev, nowMs } = input;
  // A root that was written before a crash stands already: roots are consecutive and never change.
  const newest = newestRoot(crypto, files);
  const writes: PlannedWrite[] = [];
  let bytes = newest?.bytes;
  if (bytes === undefined || isDue('root', newest?.expiresMs, nowMs)) {
    const version = (newest?.version ?? 0) + 1;
    const spec = (role: Role) => ({
      keys: [signers[role].signer.spki],
      threshold: 1,
      ...(dev && (role === 'root' || role === 'targets') ? { devOnly: DEV_ONLY } : {}),
    });
    const signed = rootSigned(
      crypto,
      { version, expiresMs: nowMs + TERMS.root.lifetimeMs },
      {
        root: spec('root'),
        timestamp: spec('timestamp'),
        snapshot: spec('snapshot'),
        targets: spec('targets'),
      },
    );
    bytes = await seal(signers.root, signed);
    writes.push({ path: `${version}.root.json`, bytes });
  }
  const copy = files.get('root.json');
  if (copy === undefined || !equal(copy, bytes)) writes.push({ path: 'root.json', bytes });
  return writes;
}

/** The next file of a role, and its place in the plan; undefined when the published one stays. */
async function planTargets(input: PlanInput): Promise<NumberedFile | undefined> {
  const { crypto, files, view, signers, sources, nowMs } = input;
  const version = highest(files, 'targets') + 1;
  const expiresMs = nowMs + TERMS.targets.lifetimeMs;
  const signed = targetsSigned(crypto, { version, expiresMs }, sources);
  const old = view?.targets.signed.targets;
  const same = old !== undefined && olpcJson(old) === olpcJson(signed.targets ?? null);
  if (same && !isDue('targets', view?.targets.expiresMs, nowMs)) return undefined;
  return { version, bytes: await seal(signers.targets, signed) };
}

async function planSnapshot(
  input: PlanInput,
  targets: NumberedFile | undefined,
): Promise<NumberedFile | undefined> {
  const { crypto, files, view, signers, nowMs } = input;
  if (targets === undefined && !isDue('snapshot', view?.snapshot.expiresMs, nowMs))
    return undefined;
  const version = highest(files, 'snapshot') + 1;
  const listed = targets ?? view?.targets;
  if (listed === undefined) return undefined;
  const expiresMs = nowMs + TERMS.snapshot.lifetimeMs;
  const signed = snapshotSigned(crypto, { version, expiresMs }, listed);
  return { version, bytes: await seal(signers.snapshot, signed) };
}

async function planTimestamp(
  input: PlanInput,
  snapshot: NumberedFile | undefined,
): Promise<Uint8Array | undefined> {
  const { crypto, view, signers, nowMs } = input;
  if (snapshot === undefined && !isDue('timestamp', view?.timestamp.expiresMs, nowMs)) {
    return undefined;
  }
  const listed = snapshot ?? view?.snapshot;
  if (listed === undefined) return undefined;
  const version = (view?.timestamp.version ?? 0) + 1;
  const expiresMs = nowMs + TERMS.timestamp.lifetimeMs;
  const signed = timestampSigned(crypto, { version, expiresMs }, listed);
  return seal(signers.timestamp, signed);
}

/** What must be written, in order, so that clients see `sources` under fresh signatures. */
export async function plan(input: PlanInput): Promise<PlannedWrite[]> {
  const { crypto, files, sources } = input;
  const targets = await planTargets(input);
  const snapshot = await planSnapshot(input, targets);
  const root = await planRoot(input);
  const timestamp = await planTimestamp(input, snapshot);
  const content = sources
    .map(({ name, bytes }) => ({
      path: `targets/${hex(crypto.digest('sha256', bytes))}.${name}`,
      bytes,
    }))
    .filter(({ path }) => !files.has(path));
  return [
    // A crash after any of these leaves files that no metadata names.
    ...content,
    // Nor does a snapshot name this one yet; the next publication takes a higher number.
    ...(targets === undefined
      ? []
      : [{ path: `${targets.version}.targets.json`, bytes: targets.bytes }]),
    // The timestamp still names the snapshot before.
    ...(snapshot === undefined
      ? []
      : [{ path: `${snapshot.version}.snapshot.json`, bytes: snapshot.bytes }]),
    // Clients may walk to this root: it holds the keys of all that is published. Between N.root.json
    // and its copy, root.json is one version old, which leads to the newest.
    ...root,
    // Replaced whole: before the rename clients see the old view, after it the new one.
    ...(timestamp === undefined ? [] : [{ path: TIMESTAMP, bytes: timestamp }]),
  ];
}

/** The files after the plan, judged as a client judges them. @throws CodedError STATE_INCONSISTENT */
export function rehearse(
  crypto: Crypto,
  files: Files,
  writes: readonly PlannedWrite[],
): { files: Files; view: View } {
  const after = new Map([...files, ...writes.map(({ path, bytes }) => [path, bytes] as const)]);
  const view = loadView(crypto, after);
  if (view === undefined) throw new CodedError('STATE_INCONSISTENT', 'TUF repository: no view');
  return { files: after, view };
}

/** Roles past their expiry. */
export function expiredRoles(view: View, nowMs: number): Role[] {
  return ROLES.filter((role) => nowMs >= view[role].expiresMs);
}

/** @throws CodedError STATE_INCONSISTENT when the view has no such target */
export function targetContent(view: View, name: string): Uint8Array {
  const bytes = view.content.get(name);
  if (bytes !== undefined) return bytes;
  throw new CodedError('STATE_INCONSISTENT', `TUF repository: no target ${name}`, { field: name });
}
