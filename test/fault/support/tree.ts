// SPDX-License-Identifier: Apache-2.0
// A published log read whole, as a monitor does: signed checkpoint, entries, tiles of every level.
import { equal, fromUtf8 } from '../../../services/core/bytes.ts';
import {
  consistencyRanges,
  foldRange,
  inclusionRanges,
  leafHash,
  nodeHash,
  type Range,
  rangeNodes,
  type Sha256,
  verifyConsistency,
  verifyInclusion,
} from '../../../services/core/merkle.ts';
import type { Checkpoint } from '../../../services/core/note.ts';
import { TILE_WIDTH, tilePath } from '../../../services/core/tile.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { HttpClient } from '../../support/requests.ts';

export const sha256: Sha256 = (data) => nodeCrypto.digest('sha256', data);

export interface LogSource {
  /** Base of `checkpoint` and `tile/`. */
  readonly base: string;
  /** The checkpoint in a signed note. @throws ParseError unless the log signed it */
  readonly open: (envelope: string) => Checkpoint;
  /** The bytes of each leaf of a tree of `size`, as they are hashed. */
  readonly leaves: (http: HttpClient, size: number) => Promise<Uint8Array[]>;
}

export interface Tree {
  readonly checkpoint: Checkpoint;
  readonly leaves: readonly Uint8Array[];
  /** levels[l][i] = hash over the leaves i·2^l … (i+1)·2^l − 1. */
  readonly levels: readonly Uint8Array[][];
}

/** The body of a 200. @throws Error otherwise */
export async function fetchBytes(http: HttpClient, path: string): Promise<Uint8Array> {
  const { status, body } = await http.get(path);
  if (status !== 200) throw new Error(`${path}: ${status} ${body.toString().slice(0, 200)}`);
  return new Uint8Array(body);
}

function buildLevels(hashes: Uint8Array[]): Uint8Array[][] {
  const levels = [hashes];
  for (let below = hashes; below.length > 1; ) {
    const level: Uint8Array[] = [];
    for (let i = 0; i + 1 < below.length; i += 2) {
      level.push(nodeHash(sha256, below[i] as Uint8Array, below[i + 1] as Uint8Array));
    }
    levels.push(level);
    below = level;
  }
  return levels;
}

function hashOf({ levels }: Pick<Tree, 'levels'>, { start, end }: Range): Uint8Array {
  const nodes = rangeNodes(start, end);
  return foldRange(
    sha256,
    nodes.map(({ level, index }) => levels[level]?.[index] as Uint8Array),
  );
}

export function rootAt(tree: Pick<Tree, 'levels'>, size: number): Uint8Array {
  return hashOf(tree, { start: 0, end: size });
}

async function requireTiles(http: HttpClient, base: string, levels: Uint8Array[][]): Promise<void> {
  for (let level = 0; 8 * level < levels.length; level++) {
    const hashes = levels[8 * level] ?? [];
    for (let at = 0; at < hashes.length; at += TILE_WIDTH) {
      const width = Math.min(TILE_WIDTH, hashes.length - at);
      const path = tilePath({ kind: 'hash', level, n: at / TILE_WIDTH, width }, 'entries');
      const tile = await fetchBytes(http, `${base}/tile/${path}`);
      const expected = Buffer.concat(hashes.slice(at, at + width));
      if (!equal(tile, expected)) throw new Error(`${base}/tile/${path} is not of these leaves`);
    }
  }
}

/** @throws Error unless checkpoint, leaves and every tile are of one tree */
export async function readTree(http: HttpClient, source: LogSource): Promise<Tree> {
  const envelope = fromUtf8(await fetchBytes(http, `${source.base}/checkpoint`));
  const checkpoint = source.open(envelope);
  const leaves = await source.leaves(http, checkpoint.size);
  if (leaves.length !== checkpoint.size) {
    throw new Error(`${leaves.length} entries for a checkpoint of ${checkpoint.size}`);
  }
  const levels = buildLevels(leaves.map((leaf) => leafHash(sha256, leaf)));
  if (!equal(rootAt({ levels }, checkpoint.size), checkpoint.root)) {
    throw new Error(`${source.base}: the entries make another root than the checkpoint says`);
  }
  await requireTiles(http, source.base, levels);
  return { checkpoint, leaves, levels };
}

/** @throws Error unless `leaf` stands at `index` and has a proof in the checkpoint */
export function requireIncluded(tree: Tree, index: number, leaf: Uint8Array): void {
  const { size, root } = tree.checkpoint;
  if (index >= size) throw new Error(`entry ${index} is lost: the tree has ${size}`);
  const proof = inclusionRanges(index, size).map((range) => hashOf(tree, range));
  verifyInclusion(nodeCrypto, { index, size, root, proof, leafHash: leafHash(sha256, leaf) });
}

/** @throws Error unless the earlier checkpoint is a prefix of the tree */
export function requireConsistent(tree: Tree, earlier: Pick<Checkpoint, 'size' | 'root'>): void {
  const { size: second, root: secondRoot } = tree.checkpoint;
  const { size: first, root: firstRoot } = earlier;
  if (first > second) throw new Error(`checkpoint of ${first} is lost: the tree has ${second}`);
  const proof =
    first === 0 || first === second
      ? []
      : consistencyRanges(first, second).map((range) => hashOf(tree, range));
  verifyConsistency(nodeCrypto, { first, second, firstRoot, secondRoot, proof });
}
