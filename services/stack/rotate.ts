// SPDX-License-Identifier: Apache-2.0
// `sigstead trust rotate`: new keys for roles of the trust root. It makes the keys and puts them where
// the next publication takes them up; then it is that publication itself, or waits for the process
// that holds the data directory. What a crash interrupts, the next start or the next call ends.
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hex } from '../core/bytes.ts';
import { CodedError } from '../core/errors.ts';
import type { Role } from '../core/tuf.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { configFromEnvironment, merge, readConfigFile } from '../runtime/config.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { type DataLock, lockDataDirectory } from '../runtime/store.ts';
import { Publisher } from '../tuf/publisher.ts';
import { newestRoot, readFiles } from '../tuf/repository.ts';
import { pendingRoles, prepareNextKey } from '../tuf/signers.ts';
import { type Layout, layoutOf } from './state.ts';

export interface RotateOptions {
  readonly roles: readonly Role[];
  readonly data: string;
  readonly markDirectory?: string;
  readonly clock?: Clock;
  /** How long to wait for a process that runs. */
  readonly patienceMs?: number;
}

export interface Rotated {
  readonly rootVersion: number;
  /** SHA-256 of the newest root.json, hex. */
  readonly rootSha256: string;
  /** By the process that runs on the data directory, or by this one. */
  readonly by: 'running' | 'here';
}

const PATIENCE_MS = 60_000;
const POLL_MS = 100;

function tryLock(data: string): DataLock | undefined {
  try {
    return lockDataDirectory(data);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'STATE_LOCKED') return undefined;
    throw error;
  }
}

/** @throws CodedError FILE_UNREADABLE before anything is made */
function requireTrustRoot({ tuf, keys, data }: Layout): void {
  if (existsSync(join(tuf, '1.root.json')) && existsSync(keys)) return;
  throw new CodedError('FILE_UNREADABLE', `${data} holds no trust root`, { field: '--data' });
}

/** A root that says of itself that its keys are for development stays one. */
async function publishHere(layout: Layout, clock: Clock): Promise<void> {
  const publisher = new Publisher({
    directory: layout.tuf,
    trustDirectory: layout.trust,
    keysDirectory: layout.keys,
    markDirectory: layout.mark,
    dev: false,
    clock,
  });
  await publisher.renew();
}

async function waitForRunning(keys: string, patienceMs: number): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(POLL_MS)) {
    if (pendingRoles(keys).length === 0) return;
  }
  const left = pendingRoles(keys).map((role) => `tuf-${role}.next.pem`);
  const reason = `the running process has not taken up ${left.join(', ')} in ${keys}; its log says why, and its next start tries again`;
  throw new CodedError('SERVICE_UNREACHABLE', reason, { field: '--data' });
}

/** @throws CodedError FILE_UNREADABLE, KEY_UNREADABLE, STATE_INCONSISTENT, SERVICE_UNREACHABLE */
export async function rotateKeys(options: RotateOptions): Promise<Rotated> {
  const { roles, clock = systemClock, patienceMs = PATIENCE_MS } = options;
  const layout = layoutOf(
    resolve(options.data),
    options.markDirectory === undefined ? undefined : resolve(options.markDirectory),
  );
  requireTrustRoot(layout);
  const lock = tryLock(layout.data);
  try {
    // From here on the rotation is on its way: whoever publishes next takes the keys up.
    for (const role of roles) prepareNextKey(layout.keys, role);
    if (lock === undefined) await waitForRunning(layout.keys, patienceMs);
    else await publishHere(layout, clock);
  } finally {
    lock?.release();
  }
  const root = newestRoot(nodeCrypto, readFiles(layout.tuf));
  if (root === undefined) throw new CodedError('STATE_INCONSISTENT', `${layout.tuf}: no root`);
  return {
    rootVersion: root.version,
    rootSha256: hex(nodeCrypto.digest('sha256', root.bytes)),
    by: lock === undefined ? 'running' : 'here',
  };
}

export interface RotateFlags {
  readonly role: readonly Role[];
  readonly config?: string;
  readonly data?: string;
  readonly markDir?: string;
}

/** Where the state lies: file, environment, flags, as for `serve`. @throws CodedError CONFIG_INVALID */
export function placeOf(
  flags: RotateFlags,
  environment: Record<string, string | undefined>,
): Pick<RotateOptions, 'data' | 'markDirectory'> {
  const file = flags.config === undefined ? {} : readConfigFile(flags.config);
  const tree = merge(file, configFromEnvironment(environment));
  const text = (flag: string | undefined, key: string) => {
    const value = flag ?? tree[key];
    if (value === undefined || typeof value === 'string') return value;
    throw new CodedError('CONFIG_INVALID', `${key}: not a directory`, { field: key });
  };
  const markDirectory = text(flags.markDir, 'markDirectory');
  return {
    data: text(flags.data, 'data') ?? './data',
    ...(markDirectory === undefined ? {} : { markDirectory }),
  };
}
