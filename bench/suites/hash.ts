// SPDX-License-Identifier: Apache-2.0
// Hashing files, as signing and verifying do, against a default stream and Python's hashlib on two
// threads. The files stand in memory: disks differ more than programs.
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, copyFileSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Row } from '../goals.ts';
import { median, spread } from '../statistics.ts';
import type { Context, Outcome } from '../suite.ts';

const MB = 1 << 20;
/** MB: the whole in one file, and in four. */
const SIZES = { quick: 512, full: 4096 };
const ROUNDS = { quick: 5, full: 5 };
const FILES = 4;

const WORKERS = join(import.meta.dirname, '..', 'workers');

function writeFile(path: string, megabytes: number): void {
  const block = randomBytes(MB);
  const fd = openSync(path, 'w');
  for (let i = 0; i < megabytes; i++) {
    block.writeUInt32BE(i);
    writeSync(fd, block);
  }
  closeSync(fd);
}

interface Contestant {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

const STREAM = 'default stream';
const PYTHON = 'Python hashlib, 2 threads';

function contestants(release: string): Contestant[] {
  const node = (file: string, ...args: string[]) => [join(WORKERS, file), ...args];
  const library = join(dirname(release), 'index.js');
  const found: Contestant[] = [
    { name: 'sigstead', command: process.execPath, args: node('hash-ours.ts', library) },
    { name: STREAM, command: process.execPath, args: node('hash-stream.ts') },
  ];
  if (spawnSync('python3', ['-c', 'import hashlib']).status !== 0) return found;
  return [...found, { name: PYTHON, command: 'python3', args: [join(WORKERS, 'hash.py')] }];
}

interface Hashed {
  readonly millis: number;
  readonly digests: readonly string[];
}

/** The program tells its own time: starting it is none of this. @throws Error */
function hashed({ name, command, args }: Contestant, files: readonly string[]): Promise<Hashed> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args, ...files], { stdio: ['ignore', 'pipe', 'inherit'] });
    const words: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => words.push(text));
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(JSON.parse(words.join('')) as Hashed);
      else reject(new Error(`${name} ended with ${status}`));
    });
  });
}

/** GB/s of each, windows alternating. @throws Error when two disagree on a digest */
async function compete(
  all: readonly Contestant[],
  files: readonly string[],
  rounds: number,
  megabytes: number,
) {
  const rates = all.map((): number[] => []);
  let expected: string | undefined;
  for (let round = 0; round <= rounds; round++) {
    for (const [i, each] of all.entries()) {
      const { millis, digests } = await hashed(each, files);
      expected ??= digests.join();
      if (digests.join() !== expected) throw new Error(`${each.name} has other digests`);
      // The first brings the files into memory.
      if (round > 0) rates[i]?.push((megabytes * MB) / 1e6 / millis);
    }
  }
  return all.map(({ name }, i) => ({
    name,
    rate: median(rates[i] ?? []),
    spread: spread(rates[i] ?? []),
  }));
}

export async function hash({ extent, directory, release }: Context): Promise<Outcome> {
  const megabytes = extent.quick ? SIZES.quick : SIZES.full;
  const rounds = extent.quick ? ROUNDS.quick : ROUNDS.full;
  const one = join(directory, 'one');
  writeFile(one, megabytes);
  const four = Array.from({ length: FILES }, (_, i) => join(directory, `part-${i}`));
  const [first = ''] = four;
  writeFile(first, megabytes / FILES);
  for (const path of four.slice(1)) copyFileSync(first, path);
  const all = contestants(release);
  const rows: Row[] = [];
  const series: Record<string, unknown> = { megabytes };
  for (const [what, files] of [
    ['four', four],
    ['one', [one]],
  ] as const) {
    // Two threads gain nothing on one file.
    const rivals = what === 'one' ? all.filter(({ name }) => name !== PYTHON) : all;
    const found = await compete(rivals, files, rounds, megabytes);
    const [ours] = found;
    series[what] = found;
    for (const [peer, suffix] of [
      [STREAM, 'stream'],
      [PYTHON, 'python'],
    ] as const) {
      const other = found.find(({ name }) => name === peer);
      if (ours === undefined || other === undefined) continue;
      rows.push({
        id: `hash-${what}-${suffix}`,
        unit: 'GB/s',
        ours: ours.rate,
        peer: { name: peer, value: other.rate },
        value: ours.rate / other.rate,
        spread: ours.spread,
      });
    }
  }
  return { rows, series };
}
