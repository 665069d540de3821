// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex, utf8 } from '../../services/core/bytes.ts';
import { ParseError } from '../../services/core/errors.ts';
import {
  type Coordinate,
  consistencyNodes,
  consistencyRanges,
  emptyRoot,
  foldRange,
  inclusionNodes,
  inclusionRanges,
  leafHash,
  rangeNodes,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../../services/core/merkle.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

const sha256 = (data: Uint8Array) => nodeCrypto.digest('sha256', data);
const LEAVES = Array.from({ length: 130 }, (_, i) => leafHash(sha256, utf8(`leaf ${i}`)));
const root = (size: number) => rootOf(sha256, LEAVES.slice(0, size));
const hashOf = ({ start, end }: { start: number; end: number }) =>
  rootOf(sha256, LEAVES.slice(start, end));
const inclusion = (index: number, size: number) => inclusionRanges(index, size).map(hashOf);
const consistency = (first: number, second: number) => consistencyRanges(first, second).map(hashOf);

describe('Merkle tree', () => {
  it('hashes the empty tree and the test leaves of RFC 6962 as Certificate Transparency does', () => {
    expect(hex(emptyRoot(sha256))).toBe(
      'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    );
    expect(hex(leafHash(sha256, new Uint8Array()))).toBe(
      '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
    );
  });

  it('folds the complete subtrees of any range to its hash', () => {
    for (let size = 1; size <= LEAVES.length; size++) {
      const hashes = rangeNodes(0, size).map(({ level, index }) =>
        hashOf({ start: index * 2 ** level, end: (index + 1) * 2 ** level }),
      );
      expect(foldRange(sha256, hashes)).toEqual(root(size));
    }
  });

  it('proves every leaf of every size, and no other', () => {
    for (let size = 1; size <= 40; size++) {
      for (let index = 0; index < size; index++) {
        const claim = {
          index,
          size,
          leafHash: LEAVES[index] as Uint8Array,
          proof: inclusion(index, size),
          root: root(size),
        };
        verifyInclusion(nodeCrypto, claim);
        const other = LEAVES[(index + 1) % LEAVES.length] as Uint8Array;
        expect(() => verifyInclusion(nodeCrypto, { ...claim, leafHash: other })).toThrow(
          ParseError,
        );
        expect(() => verifyInclusion(nodeCrypto, { ...claim, size: index })).toThrow(ParseError);
      }
    }
  });

  it('proves that every tree grew from every smaller one', () => {
    for (let second = 1; second <= 40; second++) {
      for (let first = 1; first <= second; first++) {
        const proof = first === second ? [] : consistency(first, second);
        const claim = { first, second, firstRoot: root(first), secondRoot: root(second), proof };
        verifyConsistency(nodeCrypto, claim);
        expect(() =>
          verifyConsistency(nodeCrypto, { ...claim, firstRoot: root(second + 1) }),
        ).toThrow(ParseError);
        expect(() =>
          verifyConsistency(nodeCrypto, { ...claim, secondRoot: root(second + 1) }),
        ).toThrow(ParseError);
      }
    }
  });

  it.each([
    ['index = size', { index: 5, size: 5 }],
    ['negative index', { index: -1, size: 5 }],
    ['index beyond 2^53', { index: 2 ** 60, size: 2 ** 61 }],
    ['empty tree', { index: 0, size: 0 }],
    ['proof too short', { proof: [] }],
    ['proof too long', { proof: [...inclusion(2, 5), root(1)] }],
    ['hash of another length', { proof: inclusion(2, 5).map((h) => h.subarray(1)) }],
  ])('refuses: %s', (_, change) => {
    const claim = {
      index: 2,
      size: 5,
      leafHash: LEAVES[2] as Uint8Array,
      proof: inclusion(2, 5),
      root: root(5),
    };
    expect(() => verifyInclusion(nodeCrypto, { ...claim, ...change })).toThrow(ParseError);
  });

  it.each([
    ['an older tree', { first: 9, second: 5 }],
    ['no whole number', { first: 1.5 }],
    ['not a number', { first: Number.NaN }],
    ['a negative size', { first: -1 }],
    ['beyond 2^53', { second: 2 ** 60 }],
    ['proof too short', { proof: consistency(3, 5).slice(1) }],
    ['proof too long', { proof: [...consistency(3, 5), root(1)] }],
    ['equal sizes with a proof', { first: 5, firstRoot: root(5) }],
    ['equal sizes, other roots', { first: 5, proof: [] }],
    ['the empty tree with a proof', { first: 0, firstRoot: emptyRoot(sha256) }],
    ['another empty tree', { first: 0, proof: [] }],
    ['hash of another length', { proof: consistency(3, 5).map((h) => h.subarray(1)) }],
  ])('refuses growth: %s', (_, change) => {
    const claim = {
      first: 3,
      second: 5,
      firstRoot: root(3),
      secondRoot: root(5),
      proof: consistency(3, 5),
    };
    expect(() => verifyConsistency(nodeCrypto, { ...claim, ...change })).toThrow(ParseError);
  });

  it('lists the complete subtrees behind each element of a proof', () => {
    const fold = (nodes: Coordinate[][]) =>
      nodes.map((element) =>
        foldRange(
          sha256,
          element.map(({ level, index }) =>
            hashOf({ start: index * 2 ** level, end: (index + 1) * 2 ** level }),
          ),
        ),
      );
    for (const size of [1, 2, 3, 7, 8, 100, 129]) {
      for (let at = 0; at < size; at++) {
        expect(fold(inclusionNodes(at, size))).toEqual(inclusion(at, size));
        expect(fold(consistencyNodes(at + 1, size))).toEqual(consistency(at + 1, size));
      }
    }
    expect(() => inclusionNodes(5, 5)).toThrow(RangeError);
    expect(() => consistencyNodes(0, 5)).toThrow(RangeError);
    expect(() => consistencyNodes(6, 5)).toThrow(RangeError);
  });

  it('refuses a proof with any bit flipped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99 }), fc.nat(), fc.nat(255), (index, which, bit) => {
        const proof = inclusion(index, 100).map((h) => Uint8Array.from(h));
        const hash = proof[which % proof.length] as Uint8Array;
        hash[bit >> 3] = (hash[bit >> 3] as number) ^ (1 << (bit & 7));
        const claim = {
          index,
          size: 100,
          leafHash: LEAVES[index] as Uint8Array,
          proof,
          root: root(100),
        };
        expect(() => verifyInclusion(nodeCrypto, claim)).toThrow(ParseError);
      }),
    );
  });
});
