// SPDX-License-Identifier: Apache-2.0
// What the stack takes while nobody asks anything, and what an entry leaves on the disk.
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { residentMb } from '../machine.ts';
import { race } from '../race.ts';
import { startOurs, startStack } from '../servers.ts';
import { median, spread } from '../statistics.ts';
import type { Context, Outcome } from '../suite.ts';
import { valueRow } from './rows.ts';

const CHECKPOINT = '/api/v2/checkpoint';

/** The start is over, its garbage collected or not as Node likes it. */
const QUIET_MS = { quick: 3000, full: 8000 };

export async function memory({ extent, directory, release }: Context): Promise<Outcome> {
  const found: number[] = [];
  for (let start = 0; start < (extent.quick ? 1 : 3); start++) {
    const own = join(directory, `memory-${start}`);
    mkdirSync(own, { recursive: true });
    const stack = await startStack(release, own);
    await sleep(extent.quick ? QUIET_MS.quick : QUIET_MS.full);
    found.push(residentMb(stack.pid) ?? Number.NaN);
    await stack.end('SIGTERM');
  }
  return { rows: [valueRow('memory-idle', 'MB', median(found), spread(found))] };
}

/** What the file system has given to the files below, bytes. */
function allocated(directory: string): number {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(directory, name)))
    .filter((found) => found.isFile())
    .reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

/** Entries, each with a certificate of its own. */
const ENTRIES = { quick: 2048, full: 16_384 };
const CONNECTIONS = 64;
const WINDOW_MS = 2000;
/** Bundles are compressed while the log is idle. */
const IDLE_MS = 1500;

/** Entries of the log, from the second line of its checkpoint. */
async function treeSize(port: number): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${port}${CHECKPOINT}`);
  return Number((await answer.text()).split('\n')[1]);
}

export async function disk({
  extent,
  directory,
  issuer,
  load,
  ours,
  release,
}: Context): Promise<Outcome> {
  const own = join(directory, 'disk');
  mkdirSync(own, { recursive: true });
  const entries = extent.quick ? ENTRIES.quick : ENTRIES.full;
  const server = await startOurs(release, own, issuer);
  const log = join(own, 'data', 'tlog');
  const before = { size: await treeSize(server.port), bytes: allocated(log) };
  let { size } = before;
  try {
    await load.holders(ours.port, entries);
    const side = { server, operation: 'appendCertificate', connections: CONNECTIONS } as const;
    while (size < entries) {
      await race(load, [side], { rounds: 1, millis: WINDOW_MS, warmMillis: 0 });
      size = await treeSize(server.port);
    }
    await sleep(IDLE_MS);
  } finally {
    // Closing folds the write-ahead log into the file.
    await server.close();
  }
  const each = (allocated(log) - before.bytes) / (size - before.size);
  return { rows: [valueRow('disk-certificate', 'KB', each / 1000)], series: { size } };
}
