// SPDX-License-Identifier: Apache-2.0
// Chance that is the same on every run: a corpus is known by its seed.
import { createHash } from 'node:crypto';

const BLOCK_OCTETS = 32;
const WORD = 2 ** 32;

export interface Chance {
  bytes(count: number): Uint8Array;
  /** 0 to limit − 1. */
  below(limit: number): number;
  pick<T>(list: readonly [T, ...T[]]): T;
  /** `length` characters of an alphabet. */
  text(alphabet: string, length: number): string;
}

/** SHA-256 of seed and counter, block after block. */
export function chance(seed: string): Chance {
  /** Blocks drawn, and what is left of the last. Written by bytes() alone. */
  let drawn = 0;
  let rest: Uint8Array = new Uint8Array();
  const bytes = (count: number): Uint8Array => {
    const out = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      if (rest.length === 0) {
        rest = createHash('sha256').update(`${seed} ${drawn++}`).digest();
        if (rest.length !== BLOCK_OCTETS) throw new Error('SHA-256 gave no block');
      }
      const part = rest.subarray(0, count - at);
      out.set(part, at);
      at += part.length;
      rest = rest.subarray(part.length);
    }
    return out;
  };
  const below = (limit: number): number => {
    const [a = 0, b = 0, c = 0, d = 0] = bytes(4);
    return Math.floor(((a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d) / WORD) * limit);
  };
  return {
    bytes,
    below,
    pick: (list) => list[below(list.length)] ?? list[0],
    text: (alphabet, length) =>
      Array.from({ length }, () => alphabet[below(alphabet.length)]).join(''),
  };
}
