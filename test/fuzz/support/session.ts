// SPDX-License-Identifier: Apache-2.0
// Runs inputs of one target and counts. The same code in the workers of `npm run test:fuzz` and in
// the sample of `npm test`.
import type { Grown } from './growth.ts';
import { randomFor } from './random.ts';
import { type Input, judge, type Outcome, type Target } from './target.ts';

export interface FoundFault {
  readonly target: string;
  /** Number of the input, or what has grown to what size. */
  readonly where: string;
  readonly what: string;
}

export interface Count {
  readonly target: string;
  inputs: number;
  outer: number;
  parsed: number;
  /** By the clock. */
  slowestMs: number;
  /** CPU, with what it takes to make the inputs. */
  totalMs: number;
  readonly faults: FoundFault[];
}

/** CPU that one input of ordinary size may take. */
const INPUT_MS = 1000;
/** CPU for grown inputs, by size in octets: what is linear takes a tenth of it. */
const GROWTH: ReadonlyArray<readonly [size: number, ms: number]> = [
  [1 << 12, 200],
  [1 << 15, 300],
  [1 << 18, 1000],
];
const MAX_FAULTS = 5;

export function emptyCount(target: string): Count {
  return { target, inputs: 0, outer: 0, parsed: 0, slowestMs: 0, totalMs: 0, faults: [] };
}

function story(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const [, first = ''] = (error.stack ?? '').split('\n');
  return `${error.name}: ${error.message.slice(0, 300)} ${error.name === 'Find' ? '' : first.trim()}`;
}

/** CPU milliseconds of this thread. */
function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** The least CPU of up to three runs: a collector or another process may disturb one. */
async function cpuOf(target: Target, input: Input, enoughMs: number): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let run = 0; run < 3 && least > enoughMs; run++) {
    const start = cpuMs();
    await judge(target, input);
    least = Math.min(least, cpuMs() - start);
  }
  return least;
}

async function one(target: Target, input: Input, count: Count): Promise<Outcome> {
  const start = performance.now();
  const result = judge(target, input);
  const outcome = result instanceof Promise ? await result : result;
  const tookMs = performance.now() - start;
  count.slowestMs = Math.max(count.slowestMs, tookMs);
  if (tookMs > INPUT_MS && (await cpuOf(target, input, INPUT_MS)) > INPUT_MS) {
    throw new Error(`takes ${tookMs.toFixed(0)} ms`);
  }
  return outcome;
}

function note(count: Count, where: string, error: unknown): void {
  if (count.faults.length < MAX_FAULTS) {
    count.faults.push({ target: count.target, where, what: story(error) });
  }
}

/**
 * Inputs `from` to `to` - 1 of a target.
 * @param before is told each number before its input is parsed, for a watch over it
 */
export async function runInputs(
  target: Target,
  seed: number,
  [from, to]: readonly [number, number],
  before: (index: number) => void = () => {},
): Promise<Count> {
  const count = emptyCount(target.name);
  const start = cpuMs();
  for (let index = from; index < to; index++) {
    before(index);
    try {
      const input = target.make(randomFor(seed, target.name, index));
      count.inputs++;
      if (target.outer(input)) count.outer++;
      if ((await one(target, input, count)) === 'parsed') count.parsed++;
    } catch (error) {
      note(count, `input ${index}`, error);
    }
  }
  count.totalMs = cpuMs() - start;
  return count;
}

async function grown(target: Target, { input }: Grown, limitMs: number): Promise<void> {
  const tookMs = await cpuOf(target, input, limitMs / 4);
  if (tookMs > limitMs) throw new Error(`takes ${tookMs.toFixed(0)} ms of at most ${limitMs} ms`);
}

/** Grown inputs, the small ones first; what is too slow there is not tried any larger. */
export async function runGrowth(
  target: Target,
  largest: number,
  before: (index: number) => void = () => {},
): Promise<Count> {
  const count = emptyCount(target.name);
  const start = cpuMs();
  for (const [size, limitMs] of GROWTH) {
    if (size > Math.min(largest, target.largest ?? largest) || count.faults.length > 0) break;
    for (const shape of target.grow(size)) {
      before(count.inputs++);
      try {
        await grown(target, shape, limitMs);
      } catch (error) {
        note(count, `${shape.what}, ${size} octets`, error);
      }
    }
  }
  count.totalMs = cpuMs() - start;
  return count;
}
