// SPDX-License-Identifier: Apache-2.0
// What the log engine asks of a store. One verb moves the log: compare-and-swap on the head. No rule
// of the log lives in a store, so a database server can take the place of the embedded one; its
// reads would be answered by a replica of the tiles and bundles in this process.
import { hex } from '../core/bytes.ts';
import { CodedError } from '../core/errors.ts';

/** How served bundles part their entries: u16 lengths, or not at all (entries tell their own). */
export type Framing = 'u16' | 'none';

/** Written when the log is made, compared at every start. */
export interface Identity {
  readonly name: string;
  readonly treeId: string;
  readonly framing: Framing;
}

export interface Head {
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed note. */
  readonly checkpoint: Uint8Array;
  readonly timeMs: number;
}

/** Size and root of the last head that anybody may have seen. */
export interface Mark {
  readonly size: number;
  readonly root: Uint8Array;
}

/** Consecutive entries of one batch inside one bundle. */
export interface Chunk {
  readonly first: number;
  readonly count: number;
  /** Integrated time of each. */
  readonly timeMs: number;
  /** Leaf hashes, 32 bytes each. */
  readonly hashes: Uint8Array;
  /** u16 length before each entry. */
  readonly entries: Uint8Array;
}

/** A tile of hashes: 256, or fewer on the right edge above the leaves. */
export interface StoredTile {
  readonly level: number;
  readonly n: number;
  readonly hashes: Uint8Array;
}

/** 256 entries in their final form; takes the place of their chunks. */
export interface StoredBundle {
  readonly n: number;
  /** Runs of entries with one integrated time: u16 count, u48 milliseconds. */
  readonly times: Uint8Array;
  /** gzip of the entries, u16 length before each. */
  readonly gzip: Uint8Array;
}

export interface Batch {
  /** The head that this batch grows; any other head in the store refuses it. */
  readonly old: Mark;
  readonly head: Head;
  readonly chunks: readonly Chunk[];
  readonly tiles: readonly StoredTile[];
  /** Keys that are not the leaf hash of their entry. */
  readonly dedup: ReadonlyArray<{ readonly index: number; readonly key: Uint8Array }>;
  readonly bundles: readonly StoredBundle[];
}

/** Reads see committed batches alone and never wait for the writer. */
export interface LogReader {
  head(): { readonly identity: Identity; readonly head: Head } | undefined;
  /** Chunks whose first entry lies in start … end − 1, in order. */
  chunks(start: number, end: number): Chunk[];
  bundle(n: number): StoredBundle | undefined;
  /** Numbers of full bundles below `end` that are still chunks. */
  uncompacted(end: number): number[];
  tile(level: number, n: number): Uint8Array | undefined;
  findLeaf(leafHash: Uint8Array): number | undefined;
  /** Entry with this deduplication key. */
  findDuplicate(key: Uint8Array): number | undefined;
}

export interface LogStore {
  readonly reader: LogReader;
  /** High-water mark as it was when the store was opened. */
  readonly mark: Mark | undefined;
  /** Makes the empty log and its mark. */
  create(identity: Identity, head: Head): Promise<void>;
  /**
   * All of the batch, or nothing. Resolves when it and then the high-water mark are durable;
   * rejects on a lost swap or any fault.
   */
  commit(batch: Batch): Promise<void>;
  /** Replaces chunks by bundles; moves no head. */
  compact(bundles: readonly StoredBundle[]): Promise<void>;
  /** Moves the high-water mark forward. */
  roll(mark: Mark): Promise<void>;
  close(): Promise<void>;
}

export function inconsistent(reason: string): CodedError {
  return new CodedError('STATE_INCONSISTENT', reason);
}

export function storeMissing(name: string, mark: Mark): CodedError {
  return inconsistent(
    `${name}: the high-water mark stands at ${mark.size} entries (root ${hex(mark.root)}), the store is missing or empty`,
  );
}
