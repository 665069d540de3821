// SPDX-License-Identifier: Apache-2.0
// Merkle trees of RFC 6962 §2.1. List, fetch, compute: pure code names the complete subtrees that a
// proof or a root needs, the caller fetches their hashes, pure code folds them.
import { concat, equal } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { ParseError } from './errors.ts';

export type Sha256 = (data: Uint8Array) => Uint8Array;

export const HASH_LENGTH = 32;

/** Complete subtree over the leaves index·2^level … (index+1)·2^level − 1. */
export interface Coordinate {
  readonly level: number;
  readonly index: number;
}

/** SHA-256(0x00 ‖ leaf) */
export function leafHash(sha256: Sha256, leaf: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + leaf.length);
  input.set(leaf, 1);
  return sha256(input);
}

/** SHA-256(0x01 ‖ left ‖ right) */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + 2 * HASH_LENGTH);
  input[0] = 1;
  input.set(left, 1);
  input.set(right, 1 + HASH_LENGTH);
  return sha256(input);
}

export function emptyRoot(sha256: Sha256): Uint8Array {
  return sha256(new Uint8Array(0));
}

/** Largest power of two below n, for n > 1 (RFC 6962's k). */
function splitPoint(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

/** The complete subtrees that make up the leaves start … end − 1, left to right. */
export function rangeNodes(start: number, end: number): Coordinate[] {
  const nodes: Coordinate[] = [];
  for (let at = start; at < end; ) {
    let level = 0;
    while (at % 2 ** (level + 1) === 0 && at + 2 ** (level + 1) <= end) level++;
    nodes.push({ level, index: at / 2 ** level });
    at += 2 ** level;
  }
  return nodes;
}

/** Hash over a range whose subtrees rangeNodes listed: MTH of those leaves when it starts aligned. */
export function foldRange(sha256: Sha256, hashes: readonly Uint8Array[]): Uint8Array {
  const last = hashes.at(-1);
  if (last === undefined) return emptyRoot(sha256);
  return hashes.slice(0, -1).reduceRight((right, left) => nodeHash(sha256, left, right), last);
}

/** One proof element: the leaves whose hash it is, start inclusive, end exclusive. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** PATH(index, D[size]) of RFC 6962 §2.1.1, leaf to root. @throws RangeError unless index < size */
export function inclusionRanges(index: number, size: number): Range[] {
  if (!(index >= 0 && index < size)) throw new RangeError(`leaf ${index} of a tree of ${size}`);
  const path: Range[] = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    const middle = start + splitPoint(end - start);
    if (index < middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
    }
  }
  return path.reverse();
}

/** PROOF(first, D[second]) of RFC 6962 §2.1.2. @throws RangeError unless 0 < first <= second */
export function consistencyRanges(first: number, second: number): Range[] {
  if (!(first > 0 && first <= second)) throw new RangeError(`${first} to ${second}`);
  const path: Range[] = [];
  let [start, end] = [0, second];
  let whole = true;
  while (first !== end) {
    const middle = start + splitPoint(end - start);
    if (first <= middle) {
      path.push({ start: middle, end });
      end = middle;
    } else {
      path.push({ start, end: middle });
      start = middle;
      whole = false;
    }
  }
  if (!whole) path.push({ start, end });
  return path.reverse();
}

/** The complete subtrees behind each element of PATH(index, D[size]), left to right, leaf to root. */
export function inclusionNodes(index: number, size: number): Coordinate[][] {
  return inclusionRanges(index, size).map(({ start, end }) => rangeNodes(start, end));
}

/** The complete subtrees behind each element of PROOF(first, D[second]). */
export function consistencyNodes(first: number, second: number): Coordinate[][] {
  return consistencyRanges(first, second).map(({ start, end }) => rangeNodes(start, end));
}

export interface Inclusion {
  readonly index: number;
  readonly size: number;
  readonly leafHash: Uint8Array;
  /** Leaf to root. */
  readonly proof: readonly Uint8Array[];
}

function checkHashes(proof: readonly Uint8Array[]): void {
  if (proof.some((hash) => hash.length !== HASH_LENGTH)) {
    throw new ParseError('a hash of the proof is not 32 bytes long');
  }
}

/** RFC 9162 §2.1.3.2. @throws ParseError when the proof has another length than the tree asks for */
export function rootFromInclusion(crypto: Crypto, inclusion: Inclusion): Uint8Array {
  const { index, size, proof } = inclusion;
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) {
    throw new ParseError(`index ${index} lies outside a tree of ${size}`);
  }
  checkHashes(proof);
  const sha256: Sha256 = (data) => crypto.digest('sha256', data);
  const ranges = inclusionRanges(index, size);
  if (ranges.length !== proof.length) {
    throw new ParseError(
      `the proof has ${proof.length} hashes, the tree asks for ${ranges.length}`,
    );
  }
  return ranges.reduce((hash, range, i) => {
    const sibling = proof[i] as Uint8Array;
    return range.start > index ? nodeHash(sha256, hash, sibling) : nodeHash(sha256, sibling, hash);
  }, inclusion.leafHash);
}

/** @throws ParseError unless the proof leads from the leaf to the root */
export function verifyInclusion(
  crypto: Crypto,
  inclusion: Inclusion & { readonly root: Uint8Array },
): void {
  if (!equal(rootFromInclusion(crypto, inclusion), inclusion.root)) {
    throw new ParseError('the proof leads to another root');
  }
}

export interface Consistency {
  readonly first: number;
  readonly second: number;
  readonly firstRoot: Uint8Array;
  readonly secondRoot: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

/**
 * RFC 9162 §2.1.4.2: both roots follow from the proof. Every tree is consistent with the empty one.
 * @throws ParseError
 */
export function verifyConsistency(crypto: Crypto, consistency: Consistency): void {
  const { first, second, proof } = consistency;
  const sha256: Sha256 = (data) => crypto.digest('sha256', data);
  const whole = Number.isSafeInteger(first) && Number.isSafeInteger(second);
  if (!whole || first < 0 || first > second) {
    throw new ParseError(`no tree of ${first} grows into one of ${second}`);
  }
  checkHashes(proof);
  if (first === 0 || first === second) {
    const root = first === 0 ? emptyRoot(sha256) : consistency.secondRoot;
    if (proof.length !== 0 || !equal(root, consistency.firstRoot)) {
      throw new ParseError('the trees differ');
    }
    return;
  }
  const ranges = consistencyRanges(first, second);
  if (ranges.length !== proof.length) {
    throw new ParseError(
      `the proof has ${proof.length} hashes, the trees ask for ${ranges.length}`,
    );
  }
  // Where `first` is a power of two its root is not in the proof: the verifier holds it.
  const [lowest] = ranges;
  const holds = lowest !== undefined && lowest.start < first;
  let old = holds ? (proof[0] as Uint8Array) : consistency.firstRoot;
  let now = old;
  for (let i = holds ? 1 : 0; i < ranges.length; i++) {
    const sibling = proof[i] as Uint8Array;
    if ((ranges[i] as Range).start >= first) {
      now = nodeHash(sha256, now, sibling);
    } else {
      old = nodeHash(sha256, sibling, old);
      now = nodeHash(sha256, sibling, now);
    }
  }
  if (!equal(old, consistency.firstRoot))
    throw new ParseError('the proof leads to another old root');
  if (!equal(now, consistency.secondRoot))
    throw new ParseError('the proof leads to another new root');
}

/** MTH of leaves whose hashes are at hand (tests, rebuilds). */
export function rootOf(sha256: Sha256, leafHashes: readonly Uint8Array[]): Uint8Array {
  const [only] = leafHashes;
  if (only === undefined) return emptyRoot(sha256);
  if (leafHashes.length === 1) return only;
  const middle = splitPoint(leafHashes.length);
  return nodeHash(
    sha256,
    rootOf(sha256, leafHashes.slice(0, middle)),
    rootOf(sha256, leafHashes.slice(middle)),
  );
}

/** Hashes one after the other, as tiles hold them. */
export function joinHashes(hashes: readonly Uint8Array[]): Uint8Array {
  return concat(...hashes);
}
