// SPDX-License-Identifier: Apache-2.0
import { randomInt } from 'node:crypto';

/** mulberry32: a run can be repeated from its seed. @returns numbers in [0, 1) */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** FAULT_SEED, else a new one. */
export function chooseSeed(): number {
  const given = process.env.FAULT_SEED;
  return given === undefined ? randomInt(2 ** 31) : Number(given);
}
