// SPDX-License-Identifier: Apache-2.0
// Whether a log slows down as it grows: the log engine itself, without HTTP in front, as it takes
// entries of 2 KB; every answer durable, signed and proven.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Context, Outcome } from '../suite.ts';
import { valueRow } from './rows.ts';

const FIRST = 10_000;

/** At one size of the log. */
export interface GrowthPoint {
  readonly size: number;
  readonly appendP50Ms: number;
  readonly appendP99Ms: number;
  /** Inclusion proofs of the newest 10,000 entries, and of any. */
  readonly recentP50Us: number;
  readonly recentP99Us: number;
  readonly anyP50Us: number;
  readonly anyP99Us: number;
  readonly bytesPerEntry: number;
}

/** @throws Error with what the child said */
function grow(directory: string, sizes: readonly number[]): Promise<GrowthPoint[]> {
  const file = join(import.meta.dirname, '..', 'workers', 'growth.ts');
  return new Promise((resolve, reject) => {
    const args = [file, directory, ...sizes.map(String)];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const words: string[] = [];
    child.stdout.setEncoding('utf8').on('data', (text: string) => words.push(text));
    child.once('error', reject);
    child.once('close', (status) => {
      if (status === 0) resolve(JSON.parse(words.join('')) as GrowthPoint[]);
      else reject(new Error(`growth ended with ${status}`));
    });
  });
}

export async function growth({ directory, growth: last }: Context): Promise<Outcome> {
  const sizes: number[] = [];
  for (let size = FIRST; size <= last; size *= 10) sizes.push(size);
  const points = await grow(join(directory, 'growth'), sizes);
  const [first] = points;
  const end = points.at(-1);
  if (first === undefined || end === undefined) throw new Error('no figures');
  const row = (id: string, unit: string, pick: (point: GrowthPoint) => number) => ({
    ...valueRow(id, unit, pick(end)),
    peer: { name: `at ${first.size} entries`, value: pick(first) },
    value: pick(end) / pick(first),
  });
  return {
    rows: [
      row('growth-append-p99', 'ms', ({ appendP99Ms }) => appendP99Ms),
      row('growth-append-p50', 'ms', ({ appendP50Ms }) => appendP50Ms),
      row('growth-proof-p99', 'µs', ({ recentP99Us }) => recentP99Us),
      row('growth-proof-any-p50', 'µs', ({ anyP50Us }) => anyP50Us),
    ],
    series: { points },
  };
}
