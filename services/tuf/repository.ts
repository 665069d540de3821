// SPDX-License-Identifier: Apache-2.0
// The TUF repository on disk, read and judged as a client does it.
//
//   N.root.json (every N, for ever)   root.json (copy of the newest)   timestamp.json
//   V.snapshot.json   V.targets.json   targets/<sha256>.<name>
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import {
  ROLES,
  type Role,
  type Root,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '../core/tuf.ts';
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
export const TIMESTAMP = 'timestamp.json';

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

/** The highest number that a file of the role carries; 0 = none. */
export function highest(files: Files, role: Role): number {
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

/** A file to write, below the directory of the repository. */
export interface PlannedWrite {
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The files after these writes, judged as a client judges them. @throws CodedError STATE_INCONSISTENT */
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
