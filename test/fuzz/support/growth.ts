// SPDX-License-Identifier: Apache-2.0
// Inputs that grow: a sound one, in which one part is as long, as deep or as many as it takes to fill
// a given size. A parser that is not linear shows it here.
import {
  type BinaryNode,
  nodeAt,
  pathsOf,
  plain,
  replaceAt,
  type Path as TreePath,
} from './der-tree.ts';
import { type JsonNode, jsonPaths, jsonReplace, writeJson } from './json-tree.ts';
import type { Input } from './target.ts';
import type { Grammar } from './text-edits.ts';

export interface Grown {
  /** For the report. */
  readonly what: string;
  readonly input: Input;
}

export type Grow = (size: number) => Iterable<Grown>;

/** At most `count` of the list, evenly. */
function spread<T>(list: readonly T[], count: number): T[] {
  const step = Math.max(1, list.length / count);
  return Array.from(
    { length: Math.min(count, list.length) },
    (_, i) => list[Math.floor(i * step)] as T,
  );
}

function repeated(pattern: ArrayLike<number>, size: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let at = 0; at < size; at++) out[at] = pattern[at % pattern.length] as number;
  return out;
}

/** Patterns: numbers, empty elements, pairs of bits, unfinished OIDs, elements of unknown length. */
const FILLINGS: ReadonlyArray<readonly number[]> = [
  [0],
  [0x7f],
  [0xff],
  [0x81, 0x01],
  [0x30, 0x00],
  [0x05, 0x00],
  [0x30, 0x80],
  [0x61],
];
const MAX_NODES = 10;

/** As deep as lengths of four octets allow. */
function nest(size: number): Uint8Array {
  const out = new Uint8Array(size);
  for (let at = 0; at + 6 <= size; at += 6) {
    const rest = size - at - 6;
    out.set([0x30, 0x84, rest >>> 24, (rest >> 16) & 0xff, (rest >> 8) & 0xff, rest & 0xff], at);
  }
  return out;
}

export function growTree(seeds: readonly BinaryNode[]): Grow {
  return function* (size) {
    const fillings = [...FILLINGS.map((pattern) => repeated(pattern, size)), nest(size)];
    for (const seed of seeds.slice(0, 2)) {
      const leaves = pathsOf(seed).slice(1);
      for (const path of spread<TreePath>(leaves, MAX_NODES)) {
        for (const [i, filling] of fillings.entries()) {
          const tree = replaceAt(seed, path, (node) => [plain(node.wrap(filling))]);
          yield { what: `filling ${i} at ${path.join('.')}`, input: tree.raw };
        }
        const { raw } = nodeAt(seed, path);
        const copies = repeated(raw, size - (size % Math.max(1, raw.length)));
        const tree = replaceAt(seed, path, () => [plain(copies)]);
        yield { what: `copies at ${path.join('.')}`, input: tree.raw };
      }
    }
  };
}

/** Values of some length. */
const LONG: ReadonlyArray<(size: number) => string> = [
  (size) => `"${'a'.repeat(size)}"`,
  (size) => `"${'AAAA'.repeat(size / 4)}"`,
  (size) => `"${'\\u0061'.repeat(size / 6)}"`,
  (size) => `"${'\\ud83d\\ude00'.repeat(size / 12)}"`,
  (size) => '['.repeat(size),
  (size) => '{"a":'.repeat(size / 5),
  (size) => `[${'[],'.repeat(size / 3)}0]`,
  (size) => `[${'{},'.repeat(size / 3)}{}]`,
  (size) => `[${'"",'.repeat(size / 3)}""]`,
  (size) => '1'.repeat(size),
  (size) => `0.${'1'.repeat(size)}`,
  (size) => `1${' '.repeat(size)}`,
  (size) => `{${Array.from({ length: size / 10 }, (_, i) => `"${i.toString(36)}":0`).join(',')}}`,
  (size) => `{"${'k'.repeat(size)}":0}`,
  (size) => `"${'-----BEGIN A-----\\n'.repeat(size / 19)}"`,
  (size) => `"https://${'a.'.repeat(size / 2)}test/"`,
  (size) => `"a@${'a.'.repeat(size / 2)}"`,
];
const MAX_PLACES = 4;

export function growJson(seeds: readonly JsonNode[]): Grow {
  return function* (size) {
    const values = LONG.map((make) => make(size));
    for (const seed of seeds.slice(0, 2)) {
      for (const path of spread(jsonPaths(seed), MAX_PLACES)) {
        for (const [i, text] of values.entries()) {
          const tree = jsonReplace(seed, path, () => ({ kind: 'raw', text }));
          yield { what: `value ${i} at ${path.join('.')}`, input: writeJson(tree) };
        }
      }
    }
  };
}

export function growText({ seeds, words, separator }: Grammar): Grow {
  return function* (size) {
    const letters = [' ', 'a', '0', '=', '-', '/', '.', '\n', '\r', '"', '(', '[', '{', '\\'];
    for (const seed of seeds.slice(0, 3)) {
      for (const word of [...words, ...letters]) {
        const unit = `${word}${separator}`;
        if (unit === '') continue;
        const long = unit.repeat(Math.ceil(size / unit.length));
        const middle = Math.floor(seed.length / 2);
        const split = seed.slice(0, middle) + long + seed.slice(middle);
        for (const input of [long, seed + long, long + seed, split]) {
          yield { what: `${JSON.stringify(word.slice(0, 20))} in ${input.slice(0, 10)}`, input };
        }
      }
    }
  };
}
