// SPDX-License-Identifier: Apache-2.0
// One worker: takes jobs, answers with counts, and always shows which input it is at.
import { parentPort, workerData } from 'node:worker_threads';
import { runGrowth, runInputs } from './support/session.ts';
import { TARGETS } from './targets.ts';

export interface Job {
  readonly target: number;
  readonly seed: number;
  /** Inputs from and to; absent: growth. */
  readonly range?: readonly [number, number];
  /** Largest size of growth. */
  readonly largest: number;
}

/** Shared with the main thread: counts up with each input, and its number. */
const at = workerData as Int32Array;
const before = (index: number) => {
  Atomics.add(at, 0, 1);
  Atomics.store(at, 1, index);
};

parentPort?.on('message', async ({ target: index, seed, range, largest }: Job) => {
  const target = TARGETS[index];
  if (target === undefined) throw new Error(`no target ${index}`);
  const count =
    range === undefined
      ? await runGrowth(target, largest, before)
      : await runInputs(target, seed, range, before);
  parentPort?.postMessage(count);
});
