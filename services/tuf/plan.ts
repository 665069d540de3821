// SPDX-License-Identifier: Apache-2.0
// A publication, planned: every file signed in memory, in the order in which it is to be written.
// Nothing refers to a file that is not there yet; the timestamp, replaced whole, makes the new view.
// A numbered file is never written twice.
//
//   content  V.targets  V.snapshot  N.root  root  timestamp
//
// When keys are replaced the root goes last, and what it is about to judge carries both signatures:
//
//   content  V.targets  V.snapshot  timestamp  N.root  root
//
// So whoever stands before the new root verifies by the old keys, whoever stands behind it by the
// new ones, and no crash leaves a view that either would refuse.
import { equal, hex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { type JsonObject, olpcJson } from '../core/json.ts';
import { type Metadata, ROLES, type Role } from '../core/tuf.ts';
import {
  type NumberedFile,
  rootSigned,
  snapshotSigned,
  type TargetSource,
  targetsSigned,
  timestampSigned,
  tufDate,
} from '../core/tuf-build.ts';
import {
  type Files,
  highest,
  newestRoot,
  type PlannedWrite,
  TIMESTAMP,
  type View,
} from './repository.ts';
import { DEV_ONLY, isReplaced, type RoleSigners, seal } from './signers.ts';

const DAY = 24 * 60 * 60 * 1000;

/** How long a signature of a role lasts, and how long before its end it is made again. */
export const TERMS: Readonly<Record<Role, { lifetimeMs: number; renewBeforeMs: number }>> = {
  // Its hash is what people compare: it changes as late as is safe.
  root: { lifetimeMs: 365 * DAY, renewBeforeMs: 30 * DAY },
  targets: { lifetimeMs: 365 * DAY, renewBeforeMs: 182 * DAY },
  snapshot: { lifetimeMs: 365 * DAY, renewBeforeMs: 182 * DAY },
  timestamp: { lifetimeMs: 14 * DAY, renewBeforeMs: 7 * DAY },
};

export interface PlanInput {
  readonly crypto: Crypto;
  readonly files: Files;
  readonly view: View | undefined;
  readonly signers: RoleSigners;
  /** undefined = the targets that are published stay as they are. */
  readonly sources: readonly TargetSource[] | undefined;
  readonly dev: boolean;
  readonly nowMs: number;
}

/** Is the file to be signed anew: by the clock, or because its key is replaced? */
function isDue({ signers, nowMs }: PlanInput, role: Role, published: Metadata | undefined) {
  if (published === undefined || isReplaced(signers[role])) return true;
  return nowMs >= published.expiresMs - TERMS[role].renewBeforeMs;
}

const expiresMs = ({ nowMs }: PlanInput, role: Role) => nowMs + TERMS[role].lifetimeMs;

/** Fields that are not known here survive from version to version. */
function carryOn(published: Metadata | undefined, signed: JsonObject): JsonObject {
  return { ...published?.signed, ...signed };
}

async function planRoot(input: PlanInput): Promise<PlannedWrite[]> {
  const { crypto, files, signers, dev } = input;
  // A root that was written before a crash stands already: roots are consecutive and never change.
  const newest = newestRoot(crypto, files);
  const writes: PlannedWrite[] = [];
  let bytes = newest?.bytes;
  const replaced = ROLES.some((role) => isReplaced(signers[role]));
  if (bytes === undefined || replaced || isDue(input, 'root', newest)) {
    const version = (newest?.version ?? 0) + 1;
    const spec = (role: Role) => ({
      keys: [(signers[role].next ?? signers[role].current).signer.spki],
      threshold: 1,
      ...(dev && (role === 'root' || role === 'targets') ? { devOnly: DEV_ONLY } : {}),
    });
    const signed = rootSigned(
      crypto,
      { version, expiresMs: expiresMs(input, 'root') },
      {
        root: spec('root'),
        timestamp: spec('timestamp'),
        snapshot: spec('snapshot'),
        targets: spec('targets'),
      },
      newest,
    );
    // SPEC §5.3.4: a new root carries the signatures of the old root key and of the new one.
    bytes = await seal(signers.root, carryOn(newest, signed));
    writes.push({ path: `${version}.root.json`, bytes });
  }
  const copy = files.get('root.json');
  if (copy === undefined || !equal(copy, bytes)) writes.push({ path: 'root.json', bytes });
  return writes;
}

/** The next file of the role; undefined when the published one stays. */
async function planTargets(input: PlanInput): Promise<NumberedFile | undefined> {
  const { crypto, files, view, signers, sources } = input;
  const version = highest(files, 'targets') + 1;
  const validity = { version, expiresMs: expiresMs(input, 'targets') };
  const published = view?.targets;
  const listed = published?.signed.targets;
  if (sources === undefined) {
    if (published === undefined || !isDue(input, 'targets', published)) return undefined;
    const signed = { ...published.signed, version, expires: tufDate(validity.expiresMs) };
    return { version, bytes: await seal(signers.targets, signed) };
  }
  const signed = targetsSigned(crypto, validity, sources);
  const same = listed !== undefined && olpcJson(listed) === olpcJson(signed.targets ?? null);
  if (same && !isDue(input, 'targets', published)) return undefined;
  return { version, bytes: await seal(signers.targets, carryOn(published, signed)) };
}

async function planSnapshot(
  input: PlanInput,
  targets: NumberedFile | undefined,
): Promise<NumberedFile | undefined> {
  const { crypto, files, view, signers } = input;
  if (targets === undefined && !isDue(input, 'snapshot', view?.snapshot)) return undefined;
  const version = highest(files, 'snapshot') + 1;
  const listed = targets ?? view?.targets;
  if (listed === undefined) return undefined;
  const validity = { version, expiresMs: expiresMs(input, 'snapshot') };
  const signed = snapshotSigned(crypto, validity, listed);
  return { version, bytes: await seal(signers.snapshot, carryOn(view?.snapshot, signed)) };
}

async function planTimestamp(
  input: PlanInput,
  snapshot: NumberedFile | undefined,
): Promise<Uint8Array | undefined> {
  const { crypto, view, signers } = input;
  if (snapshot === undefined && !isDue(input, 'timestamp', view?.timestamp)) return undefined;
  const listed = snapshot ?? view?.snapshot;
  if (listed === undefined) return undefined;
  const version = (view?.timestamp.version ?? 0) + 1;
  const validity = { version, expiresMs: expiresMs(input, 'timestamp') };
  const signed = timestampSigned(crypto, validity, listed);
  return seal(signers.timestamp, carryOn(view?.timestamp, signed));
}

function planContent({ crypto, files, sources = [] }: PlanInput): PlannedWrite[] {
  return sources
    .map(({ name, bytes }) => ({
      path: `targets/${hex(crypto.digest('sha256', bytes))}.${name}`,
      bytes,
    }))
    .filter(({ path }) => !files.has(path));
}

function numbered(role: Role, file: NumberedFile | undefined): PlannedWrite[] {
  return file === undefined ? [] : [{ path: `${file.version}.${role}.json`, bytes: file.bytes }];
}

/** What must be written, in order, so that clients see `sources` under fresh signatures. */
export async function plan(input: PlanInput): Promise<PlannedWrite[]> {
  const targets = await planTargets(input);
  const snapshot = await planSnapshot(input, targets);
  const root = await planRoot(input);
  const timestamp = await planTimestamp(input, snapshot);
  // Replaced whole: before the rename clients see the old view, after it the new one.
  const stamp = timestamp === undefined ? [] : [{ path: TIMESTAMP, bytes: timestamp }];
  const files = [
    // A crash after any of these leaves files that no metadata names.
    ...planContent(input),
    // Nor does a snapshot name this one yet; the next publication takes a higher number.
    ...numbered('targets', targets),
    // The timestamp still names the snapshot before.
    ...numbered('snapshot', snapshot),
  ];
  const replaced = ROLES.some((role) => isReplaced(input.signers[role]));
  // Clients may walk to this root: whatever is published verifies under it. Between N.root.json and
  // its copy, root.json is one version old, which leads to the newest. When keys are replaced a crash
  // before it leaves the old keys in force, and a timestamp that they signed too.
  return replaced ? [...files, ...stamp, ...root] : [...files, ...root, ...stamp];
}
