// SPDX-License-Identifier: Apache-2.0
// The Merkle tree in memory: the right edge expanded, full tiles expanded as they are asked for.
// Nodes never change once they are there, so a reader that stays within the published size sees
// nothing of the batch in flight.
import {
  type Coordinate,
  consistencyNodes,
  foldRange,
  HASH_LENGTH,
  inclusionNodes,
  nodeHash,
  rangeNodes,
  type Sha256,
} from '../core/merkle.ts';
import { TILE_HEIGHT, TILE_WIDTH, tilePath } from '../core/tile.ts';
import { Lru } from './lru.ts';
import { inconsistent, type LogReader, type StoredTile } from './store.ts';

/** Expanded, a tile takes 16 KB. */
const CACHED_TILES = 512;
const NODES = 2 * TILE_WIDTH - 1;
const MAX_TILE_LEVELS = 7;

/** One tile with its inner nodes: row k holds the hashes of subtrees of 2^k, row 8 the root. */
class Tile {
  readonly n: number;
  readonly #sha256: Sha256;
  /** Rows one after the other. Written by append(). */
  readonly #nodes = new Uint8Array(NODES * HASH_LENGTH);
  /** Hashes at the bottom. Written by append() and Tree.restore(). */
  width = 0;

  constructor(sha256: Sha256, n: number) {
    this.#sha256 = sha256;
    this.n = n;
  }

  node(row: number, position: number): Uint8Array {
    const at = (2 * TILE_WIDTH - 2 ** (TILE_HEIGHT + 1 - row) + position) * HASH_LENGTH;
    return this.#nodes.subarray(at, at + HASH_LENGTH);
  }

  append(hash: Uint8Array): void {
    let position = this.width++;
    let row = 0;
    this.node(row, position).set(hash);
    while (position % 2 === 1) {
      const left = this.node(row, position - 1);
      const parent = nodeHash(this.#sha256, left, this.node(row, position));
      position = (position - 1) / 2;
      this.node(++row, position).set(parent);
    }
  }

  get full(): boolean {
    return this.width === TILE_WIDTH;
  }

  root(): Uint8Array {
    return this.node(TILE_HEIGHT, 0);
  }

  hashes(width: number): Uint8Array {
    return this.#nodes.slice(0, width * HASH_LENGTH);
  }
}

interface Snapshot {
  readonly size: number;
  readonly edge: ReadonlyArray<{ readonly tile: Tile; readonly width: number }>;
}

const tileKey = (level: number, n: number) => n * (MAX_TILE_LEVELS + 1) + level;

export class Tree {
  readonly #sha256: Sha256;
  readonly #reader: LogReader;
  /** Leaves, those in flight included. Written by append() and restore(). */
  #size = 0;
  /** The growing tile of each level. Written by append() and restore(). */
  #edge: Tile[] = [];
  /** Tiles that filled since the last settle(). Written by append(), restore(), settle(). */
  #filled = new Map<number, { readonly level: number; readonly tile: Tile }>();
  readonly #full = new Lru<Tile>(CACHED_TILES);
  /** Hashes over the ragged right edge of one tree size. Written by #fold(). */
  #ragged = { size: -1, hashes: new Map<number, Uint8Array>() };

  constructor(sha256: Sha256, reader: LogReader) {
    this.#sha256 = sha256;
    this.#reader = reader;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Reads the right edge of a stored tree and checks each newest full tile against the level above.
   * The caller compares the root. @throws CodedError STATE_INCONSISTENT
   */
  load(size: number): void {
    this.#size = size;
    for (let level = 0; TILE_WIDTH ** level <= Math.max(size, 1); level++) {
      const count = Math.floor(size / TILE_WIDTH ** level);
      const tile = new Tile(this.#sha256, Math.floor(count / TILE_WIDTH));
      const width = count % TILE_WIDTH;
      const hashes = this.#storedEdge(level, tile.n, size);
      if (hashes.length < width * HASH_LENGTH) {
        throw inconsistent(`tile ${path(level, tile.n, width)} is missing or short in the store`);
      }
      for (let at = 0; at < width; at++) tile.append(hashAt(hashes, at));
      this.#edge[level] = tile;
    }
    this.#edge.forEach(({ n }, level) => {
      if (n > 0) this.#tile(level, n - 1);
    });
  }

  append(leafHash: Uint8Array): void {
    this.#size++;
    let rising = leafHash;
    for (let level = 0; ; level++) {
      const tile = this.#edge[level] ?? new Tile(this.#sha256, 0);
      this.#edge[level] = tile;
      tile.append(rising);
      if (!tile.full) return;
      this.#filled.set(tileKey(level, tile.n), { level, tile });
      this.#edge[level] = new Tile(this.#sha256, tile.n + 1);
      rising = tile.root();
    }
  }

  /** Tiles to store: those that filled since the last settle(), and growing ones above them. */
  changes(): StoredTile[] {
    const filled = [...this.#filled.values()];
    const changed = filled.map(({ level, tile }) => toStored(level, tile));
    this.#edge.forEach((tile, level) => {
      if (tile.width > 0 && filled.some((below) => below.level === level - 1)) {
        changed.push(toStored(level, tile));
      }
    });
    return changed;
  }

  /** The tree as it is, for restore(). */
  snapshot(): Snapshot {
    return {
      size: this.#size,
      edge: this.#edge.map((tile) => ({ tile, width: tile.width })),
    };
  }

  /** Takes back every leaf since the snapshot, none of which was settled. */
  restore({ size, edge }: Snapshot): void {
    this.#size = size;
    this.#edge = edge.map(({ tile, width }) => {
      tile.width = width;
      return tile;
    });
    this.#filled.clear();
    this.#ragged = { size: -1, hashes: new Map() };
  }

  /** What was appended is in the store now. */
  settle(): void {
    for (const [key, { tile }] of this.#filled) this.#full.set(key, tile);
    this.#filled.clear();
  }

  rootAt(size: number): Uint8Array {
    return this.#fold(rangeNodes(0, size), size);
  }

  inclusionProof(index: number, size: number): Uint8Array[] {
    return inclusionNodes(index, size).map((nodes) => this.#fold(nodes, size));
  }

  consistencyProof(first: number, second: number): Uint8Array[] {
    return consistencyNodes(first, second).map((nodes) => this.#fold(nodes, second));
  }

  /** The first `width` hashes of a tile within the tree. */
  tile(level: number, n: number, width: number): Uint8Array {
    return this.#tile(level, n).hashes(width);
  }

  #storedEdge(level: number, n: number, size: number): Uint8Array {
    if (level > 0) return this.#reader.tile(level, n) ?? new Uint8Array();
    const chunks = this.#reader.chunks(n * TILE_WIDTH, size);
    return Buffer.concat(chunks.map(({ hashes }) => hashes));
  }

  /** Only the last element of a tree that is no power of two has more than one node. */
  #fold(nodes: readonly Coordinate[], size: number): Uint8Array {
    const [first] = nodes;
    if (first !== undefined && nodes.length === 1) return this.#node(first).slice();
    if (this.#ragged.size !== size) this.#ragged = { size, hashes: new Map() };
    const start = first === undefined ? 0 : first.index * 2 ** first.level;
    let hash = this.#ragged.hashes.get(start);
    if (hash === undefined) {
      hash = foldRange(
        this.#sha256,
        nodes.map((node) => this.#node(node)),
      );
      this.#ragged.hashes.set(start, hash);
    }
    return hash.slice();
  }

  #node({ level, index }: Coordinate): Uint8Array {
    const row = level % TILE_HEIGHT;
    const perTile = 2 ** (TILE_HEIGHT - row);
    const tile = this.#tile((level - row) / TILE_HEIGHT, Math.floor(index / perTile));
    return tile.node(row, index % perTile);
  }

  #tile(level: number, n: number): Tile {
    const edge = this.#edge[level];
    if (edge?.n === n) return edge;
    const key = tileKey(level, n);
    const tile = this.#full.get(key) ?? this.#filled.get(key)?.tile;
    if (tile !== undefined) return tile;
    const loaded = this.#loadFull(level, n);
    this.#full.set(key, loaded);
    return loaded;
  }

  /** A tile from the store counts once the tile above, and so the signed root, vouches for it. */
  #loadFull(level: number, n: number): Tile {
    const hashes = this.#reader.tile(level, n);
    if (hashes?.length !== TILE_WIDTH * HASH_LENGTH) {
      throw inconsistent(`tile ${path(level, n, TILE_WIDTH)} is missing or short in the store`);
    }
    const tile = new Tile(this.#sha256, n);
    for (let at = 0; at < TILE_WIDTH; at++) tile.append(hashAt(hashes, at));
    const expected = this.#node({ level: (level + 1) * TILE_HEIGHT, index: n });
    if (Buffer.compare(tile.root(), expected) !== 0) {
      throw inconsistent(
        `tile ${path(level, n, TILE_WIDTH)} of the store does not lead to the root`,
      );
    }
    return tile;
  }
}

function path(level: number, n: number, width: number): string {
  return tilePath({ kind: 'hash', level, n, width }, 'entries');
}

function hashAt(hashes: Uint8Array, position: number): Uint8Array {
  return hashes.subarray(position * HASH_LENGTH, (position + 1) * HASH_LENGTH);
}

function toStored(level: number, tile: Tile): StoredTile {
  return { level, n: tile.n, hashes: tile.hashes(tile.width) };
}
