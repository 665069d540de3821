// SPDX-License-Identifier: Apache-2.0
// What the log engine asks of a store. One verb writes: compare-and-swap on the head.

export interface Head {
  readonly size: number;
  readonly root: Uint8Array;
  /** The signed note. */
  readonly checkpoint: Uint8Array;
  readonly timeMs: number;
}

export interface StoredEntry {
  readonly index: number;
  readonly leafHash: Uint8Array;
  readonly dedupKey: Uint8Array | undefined;
  readonly timeMs: number;
  readonly data: Uint8Array;
}

export interface StoredTile {
  readonly level: number;
  readonly n: number;
  /** 256 hashes. */
  readonly hashes: Uint8Array;
}

export interface Batch {
  /** The head that this batch grows; any other head in the store refuses it. */
  readonly old: { readonly size: number; readonly root: Uint8Array };
  readonly entries: readonly StoredEntry[];
  readonly tiles: readonly StoredTile[];
  readonly head: Head;
}

/** Reads see committed batches alone and never wait for the writer. */
export interface LogReader {
  head(): Head | undefined;
  leafHashes(start: number, end: number): Uint8Array[];
  entries(start: number, end: number): Array<{ data: Uint8Array; timeMs: number }>;
  tile(level: number, n: number): Uint8Array | undefined;
  findLeaf(leafHash: Uint8Array): number | undefined;
  findDedup(key: Uint8Array): number | undefined;
  close(): void;
}

export interface LogWriter {
  /** Resolves when the batch and then the high-water mark are durable. Rejects on a lost swap or any fault. */
  commit(batch: Batch): Promise<void>;
  close(): Promise<void>;
}
