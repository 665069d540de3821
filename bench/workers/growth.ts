// SPDX-License-Identifier: Apache-2.0
// Grows a log to each of some sizes, then measures those in windows that alternate: growth.ts
// DIRECTORY SIZE…
import { generateKeyPairSync, randomBytes, randomInt, sign } from 'node:crypto';
import { cpSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { utf8 } from '../../services/core/bytes.ts';
import { leafHash } from '../../services/core/merkle.ts';
import { formatCheckpoint, formatNote } from '../../services/core/note.ts';
import { type Log, openLog } from '../../services/log/log.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';
import { median, quantile } from '../statistics.ts';
import type { GrowthPoint } from '../suites/growth.ts';

const ORIGIN = 'localhost';
const FILLERS = 1024;
const CLIENTS = 64;
const ROUNDS = 9;
/** Appends of one window, and those before it that bring the store into memory. */
const WINDOW = 8000;
const WARM = 1000;
const PROOFS = 4000;
/** What clients ask about: the newest entries. */
const RECENT = 10_000;
const IDLE_MS = 3000;
/** Windows would make a small log a larger one: each gets a copy of it. */
const COPIED_BELOW = 100_000;
/** Of an entry with a certificate of 21 extensions: most of it is like the one before. */
const COMMON = utf8(randomBytes(1000).toString('base64'));
const UNIQUE = 450;

const [directory = '', ...sizes] = process.argv.slice(2);
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

const open = (path: string): Promise<Log> =>
  openLog({
    name: 'growth',
    directory: path,
    markDirectory: join(path, 'mark'),
    treeId: ORIGIN,
    signHead: async ({ size, root }) => {
      const text = formatCheckpoint(ORIGIN, size, root);
      const signature = sign('sha256', utf8(text), privateKey);
      return utf8(formatNote(text, [{ name: ORIGIN, hint: new Uint8Array(4), signature }]));
    },
    framing: 'u16',
    clock: systemClock,
    logger: silentLogger,
    metrics: noMetrics,
  });

const sha256 = (data: Uint8Array) => nodeCrypto.digest('sha256', data);

async function append(to: Log): Promise<void> {
  const unique = utf8(randomBytes(UNIQUE).toString('base64'));
  const data = new Uint8Array(COMMON.length + unique.length);
  data.set(COMMON);
  data.set(unique, COMMON.length);
  const hash = leafHash(sha256, data);
  await to.append({ dedupKey: hash, build: () => ({ data, leafHash: hash }) });
}

/** Latencies, ms. */
async function appendMany(to: Log, count: number, clients: number): Promise<number[]> {
  const found: number[] = [];
  let begun = 0;
  const work = async () => {
    while (begun++ < count) {
      const started = performance.now();
      await append(to);
      found.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  return found;
}

/** Of entries among the newest `newest`, under the present head, µs. */
function proofMicros(to: Log, newest: number): number[] {
  const { size } = to.head();
  const first = Math.max(0, size - newest);
  return Array.from({ length: PROOFS }, () => {
    const index = randomInt(first, size);
    const started = performance.now();
    to.inclusionProof(index, size);
    return (performance.now() - started) * 1000;
  });
}

function bytesIn(path: string): number {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => statSync(join(path, name)))
    .filter((found) => found.isFile())
    .reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

/** A log of this size on the disk, closed. */
interface Grown {
  readonly size: number;
  readonly path: string;
  readonly bytesPerEntry: number;
}

async function growTo(size: number, from: Grown | undefined): Promise<Grown> {
  const path = join(directory, String(size));
  if (from !== undefined) cpSync(from.path, path, { recursive: true });
  const log = await open(path);
  await appendMany(log, size - log.head().size, FILLERS);
  // Bundles are compressed while the log is idle.
  for (let before = 0; before !== bytesIn(path); await sleep(IDLE_MS)) before = bytesIn(path);
  await log.close();
  return { size, path, bytesPerEntry: bytesIn(path) / size };
}

interface Laps {
  readonly appends: number[][];
  readonly recent: number[][];
  readonly any: number[][];
}

async function lap(log: Log, { appends, recent, any }: Laps): Promise<void> {
  await appendMany(log, WARM, CLIENTS);
  appends.push(await appendMany(log, WINDOW, CLIENTS));
  proofMicros(log, RECENT);
  recent.push(proofMicros(log, RECENT));
  any.push(proofMicros(log, log.head().size));
}

async function lapOfCopy({ path }: Grown, round: number, laps: Laps): Promise<void> {
  const copy = `${path}-${round}`;
  cpSync(path, copy, { recursive: true });
  const log = await open(copy);
  await lap(log, laps);
  await log.close();
}

const grown: Grown[] = [];
for (const size of sizes) grown.push(await growTo(Number(size), grown.at(-1)));
const logs = new Map<Grown, Log>();
for (const each of grown) if (each.size >= COPIED_BELOW) logs.set(each, await open(each.path));
const laps = grown.map((): Laps => ({ appends: [], recent: [], any: [] }));
for (let round = 0; round < ROUNDS; round++) {
  for (const [i, each] of grown.entries()) {
    const log = logs.get(each);
    if (log === undefined) await lapOfCopy(each, round, laps[i] as Laps);
    else await lap(log, laps[i] as Laps);
  }
}
for (const log of logs.values()) await log.close();

const ends = (windows: readonly number[][]) =>
  median(windows.map((found) => quantile(found, 0.99)));
const points = grown.map(({ size, bytesPerEntry }, i): GrowthPoint => {
  const { appends, recent, any } = laps[i] as Laps;
  return {
    size,
    bytesPerEntry,
    appendP50Ms: median(appends.map(median)),
    appendP99Ms: ends(appends),
    recentP50Us: median(recent.map(median)),
    recentP99Us: ends(recent),
    anyP50Us: median(any.map(median)),
    anyP99Us: ends(any),
  };
});
process.stdout.write(JSON.stringify(points));
