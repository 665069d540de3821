// SPDX-License-Identifier: Apache-2.0
// The Merkle tree in memory: the right edge whole, other tiles as they are asked for.
import {
  type Coordinate,
  consistencyRanges,
  foldRange,
  inclusionRanges,
  joinHashes,
  nodeHash,
  type Range,
  rangeNodes,
  type Sha256,
} from '../core/merkle.ts';
import { TILE_HEIGHT, TILE_WIDTH } from '../core/tile.ts';
import type { LogReader, StoredTile } from './store.ts';

/** rows[k][i] = hash of the subtree of 2^k of the tile's hashes; rows[8] is the root of a full tile. */
type Rows = Uint8Array[][];

const CACHED_TILES = 1024;

function emptyRows(): Rows {
  return Array.from({ length: TILE_HEIGHT + 1 }, () => []);
}

function push(sha256: Sha256, rows: Rows, hash: Uint8Array): void {
  let rising = hash;
  for (const row of rows) {
    row.push(rising);
    if (row.length % 2 === 1) return;
    rising = nodeHash(sha256, row[row.length - 2] as Uint8Array, rising);
  }
}

export interface Tree {
  readonly size: number;
  /** Full tiles that this leaf completed. */
  append(leafHash: Uint8Array): StoredTile[];
  /** The edge as it is, for restore(). */
  snapshot(): { size: number; edge: Rows[] };
  restore(snapshot: { size: number; edge: Rows[] }): void;
  rootAt(size: number): Uint8Array;
  inclusionProof(index: number, size: number): Uint8Array[];
  consistencyProof(first: number, second: number): Uint8Array[];
  /** The first `width` hashes of a tile; undefined beyond the tree. */
  tile(level: number, n: number, width: number): Uint8Array | undefined;
}

export function openTree(sha256: Sha256, reader: LogReader, initialSize: number): Tree {
  /** Written by append() and restore(). */
  let size = 0;
  /** edge[L] = the growing tile of level L. Written by append() and restore(). */
  let edge: Rows[] = [];
  /** Full tiles, least recently used first. Written by fullTile(). */
  const cache = new Map<string, Rows>();

  const tileNumber = (level: number) => Math.floor(size / TILE_WIDTH ** (level + 1));

  function fullTile(level: number, n: number): Rows {
    const key = `${level}/${n}`;
    let rows = cache.get(key);
    if (rows === undefined) {
      const hashes = reader.tile(level, n);
      if (hashes === undefined || hashes.length !== TILE_WIDTH * 32)
        throw new Error(`tile ${key} is missing`);
      rows = emptyRows();
      for (let at = 0; at < hashes.length; at += 32)
        push(sha256, rows, hashes.subarray(at, at + 32));
    }
    remember(key, rows);
    return rows;
  }

  function remember(key: string, rows: Rows): void {
    cache.delete(key);
    cache.set(key, rows);
    const [oldest] = cache.keys();
    if (cache.size > CACHED_TILES && oldest !== undefined) cache.delete(oldest);
  }

  function rowsOf(level: number, n: number): Rows {
    return n === tileNumber(level) ? (edge[level] ?? emptyRows()) : fullTile(level, n);
  }

  function node({ level, index }: Coordinate): Uint8Array {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const row = level % TILE_HEIGHT;
    const perTile = TILE_WIDTH / 2 ** row;
    const n = Math.floor(index / perTile);
    const hash = rowsOf(tileLevel, n)[row]?.[index % perTile];
    if (hash === undefined) throw new Error(`node ${level}/${index} lies outside the tree`);
    return hash;
  }

  const hashOf = ({ start, end }: Range) => foldRange(sha256, rangeNodes(start, end).map(node));

  function append(leafHash: Uint8Array): StoredTile[] {
    const full: StoredTile[] = [];
    let rising: Uint8Array | undefined = leafHash;
    for (let level = 0; rising !== undefined; level++) {
      const rows: Rows = edge[level] ?? emptyRows();
      edge[level] = rows;
      push(sha256, rows, rising);
      const root: Uint8Array | undefined = rows[TILE_HEIGHT]?.[0];
      if (root !== undefined) {
        const n = tileNumber(level);
        full.push({ level, n, hashes: joinHashes(rows[0] ?? []) });
        remember(`${level}/${n}`, rows);
        edge[level] = emptyRows();
      }
      rising = root;
    }
    size++;
    return full;
  }

  /** The edge of a stored tree: tile roots of full tiles below, leaf hashes at the bottom. */
  function load(): void {
    size = initialSize;
    for (let level = 0; ; level++) {
      const count = Math.floor(size / TILE_WIDTH ** level);
      if (count === 0 && level > 0) break;
      const rows = emptyRows();
      const start = count - (count % TILE_WIDTH);
      const hashes =
        level === 0
          ? reader.leafHashes(start, count)
          : Array.from(
              { length: count - start },
              (_, i) => fullTile(level - 1, start + i)[TILE_HEIGHT]?.[0] as Uint8Array,
            );
      for (const hash of hashes) push(sha256, rows, hash);
      edge[level] = rows;
    }
  }

  load();
  return {
    get size() {
      return size;
    },
    append,
    snapshot: () => ({ size, edge: edge.map((rows) => rows.map((row) => [...row])) }),
    restore(snapshot) {
      size = snapshot.size;
      edge = snapshot.edge;
      // Tiles that the undone batch completed would be of another tree.
      cache.clear();
    },
    rootAt: (at) => hashOf({ start: 0, end: at }),
    inclusionProof: (index, at) => inclusionRanges(index, at).map(hashOf),
    consistencyProof: (first, second) => consistencyRanges(first, second).map(hashOf),
    tile(level, n, width) {
      const count = Math.floor(size / TILE_WIDTH ** level);
      if (n * TILE_WIDTH + width > count) return undefined;
      return joinHashes((rowsOf(level, n)[0] ?? []).slice(0, width));
    },
  };
}
