// SPDX-License-Identifier: Apache-2.0
// `npm run test:fuzz`: every parser against inputs made from sound ones. Prints its seed first;
// FUZZ_SEED=N makes the same inputs again, FUZZ_INPUTS=N fewer or more of each, FUZZ_TARGET=NAME only
// those of parsers with that name, FUZZ_INPUT=N one input, which is shown.
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { randomFor } from './support/random.ts';
import { type Count, emptyCount, type FoundFault } from './support/session.ts';
import { judge, type Target } from './support/target.ts';
import { TARGETS } from './targets.ts';
import type { Job } from './worker.ts';

/** Share of inputs that must pass the outer layer of their format. */
const MIN_OUTER = 0.2;
/** CPU of a parser for all its inputs, with their making; time of a worker for one. */
const TARGET_MS = 120_000;
const STUCK_MS = 60_000;
/** Heap of a worker: nothing that a parser makes of 256 KiB may outgrow it. */
const HEAP_MB = 384;
const CHUNK = 5_000;
const MAX_WORKERS = 4;
const LARGEST = 1 << 18;

function numberFrom(name: string, standard: () => number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return standard();
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${name} is not a whole number`);
  return value;
}

const seed = numberFrom('FUZZ_SEED', () => randomInt(2 ** 31));
const inputs = numberFrom('FUZZ_INPUTS', () => 100_000);
const wanted = process.env.FUZZ_TARGET ?? '';
const chosen = TARGETS.map((target, index) => ({ target, index })).filter(({ target }) =>
  target.name.includes(wanted),
);

function jobs(): Job[] {
  const list: Job[] = chosen.map(({ index }) => ({ target: index, seed, largest: LARGEST }));
  for (const { index } of chosen) {
    for (let from = 0; from < inputs; from += CHUNK) {
      const range = [from, Math.min(from + CHUNK, inputs)] as const;
      list.push({ target: index, seed, range, largest: LARGEST });
    }
  }
  return list;
}

interface Result {
  readonly job: Job;
  readonly count: Count;
}

function nameOf({ target }: Job): string {
  return TARGETS[target]?.name ?? '';
}

/** A worker that died or hung: what it was at is the find. */
function casualty(job: Job, index: number, what: string): Result {
  const count = emptyCount(nameOf(job));
  const where = job.range === undefined ? `grown input ${index}` : `input ${index}`;
  count.faults.push({ target: count.target, where, what });
  return { job, count };
}

/** Runs one job; the worker is used again unless it died. */
function runJob(worker: Worker, at: Int32Array, job: Job): Promise<Result & { alive: boolean }> {
  return new Promise((resolve) => {
    let [seen, sinceMs] = [Atomics.load(at, 0), performance.now()];
    const end = (result: Result, alive: boolean) => {
      clearInterval(watch);
      // These two alone: the worker has listeners of its own.
      worker.off('message', answered).off('error', died);
      resolve({ ...result, alive });
    };
    const answered = (count: Count) => end({ job, count }, true);
    const died = (error: Error) =>
      end(casualty(job, Atomics.load(at, 1), `the worker died: ${error.message}`), false);
    const watch = setInterval(() => {
      const now = Atomics.load(at, 0);
      if (now !== seen) [seen, sinceMs] = [now, performance.now()];
      else if (performance.now() - sinceMs > STUCK_MS) {
        void worker.terminate();
        end(casualty(job, Atomics.load(at, 1), `no end after ${STUCK_MS / 1000} s`), false);
      }
    }, 500);
    worker.on('message', answered).on('error', died);
    worker.postMessage(job);
  });
}

/** @param finished is told of each result */
async function work(queue: Job[], finished: (result: Result) => void): Promise<void> {
  const at = new Int32Array(new SharedArrayBuffer(8));
  const open = () =>
    new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: at,
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
  let worker = open();
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
    const { alive, ...result } = await runJob(worker, at, job);
    finished(result);
    if (!alive) worker = open();
  }
  await worker.terminate();
}

function summary(target: Target, results: readonly Result[]): Count {
  const sum = emptyCount(target.name);
  for (const { job, count } of results) {
    sum.faults.push(...count.faults);
    sum.totalMs += count.totalMs;
    if (job.range === undefined) continue;
    sum.inputs += count.inputs;
    sum.outer += count.outer;
    sum.parsed += count.parsed;
    sum.slowestMs = Math.max(sum.slowestMs, count.slowestMs);
  }
  if (sum.outer < MIN_OUTER * sum.inputs) {
    const what = `fewer than ${100 * MIN_OUTER} % of the inputs pass the outer layer`;
    sum.faults.push({ target: target.name, where: 'all', what });
  }
  if (sum.totalMs > TARGET_MS) {
    sum.faults.push({
      target: target.name,
      where: 'all',
      what: `took ${sum.totalMs.toFixed(0)} ms of CPU`,
    });
  }
  return sum;
}

function line({ target, inputs: n, outer, parsed, slowestMs, totalMs }: Count): string {
  const share = (part: number) => `${((100 * part) / Math.max(1, n)).toFixed(1)} %`.padStart(7);
  const cells = [target.padEnd(32), String(n).padStart(7), share(outer), share(parsed)];
  cells.push(
    `${slowestMs.toFixed(0)} ms`.padStart(8),
    `${(totalMs / 1000).toFixed(1)} s`.padStart(8),
  );
  return cells.join(' ');
}

async function showOne(index: number): Promise<void> {
  for (const { target } of chosen) {
    const input = target.make(randomFor(seed, target.name, index));
    const shown =
      typeof input === 'string' ? JSON.stringify(input) : Buffer.from(input).toString('hex');
    console.log(`${target.name}, seed ${seed}, input ${index}:\n${shown}`);
    console.log(`outer layer: ${target.outer(input)}; ${await judge(target, input)}`);
  }
}

async function main(): Promise<void> {
  const single = process.env.FUZZ_INPUT;
  if (single !== undefined) return showOne(Number(single));
  const workers = Math.min(availableParallelism(), MAX_WORKERS);
  console.log(
    `fuzz: FUZZ_SEED=${seed}, ${inputs} inputs for each of ${chosen.length} parsers, ${workers} workers`,
  );
  console.log(`${'parser'.padEnd(32)}  inputs   outer  parsed  slowest      CPU`);
  const queue = jobs();
  const due = queue.length / Math.max(1, chosen.length);
  const results: Result[] = [];
  const faults: FoundFault[] = [];
  // A parser's line comes with its last result.
  const finished = (result: Result) => {
    results.push(result);
    const own = results.filter(({ job }) => job.target === result.job.target);
    const target = TARGETS[result.job.target];
    if (own.length < due || target === undefined) return;
    const sum = summary(target, own);
    console.log(line(sum));
    faults.push(...sum.faults);
  };
  await Promise.all(Array.from({ length: workers }, () => work(queue, finished)));
  for (const { target, where, what } of faults) console.log(`FIND ${target}, ${where}: ${what}`);
  console.log(
    faults.length === 0 ? 'fuzz: no find' : `fuzz: ${faults.length} finds with FUZZ_SEED=${seed}`,
  );
  process.exitCode = faults.length === 0 ? 0 : 1;
}

await main();
