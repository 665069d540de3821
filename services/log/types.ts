// SPDX-License-Identifier: Apache-2.0
// What the two logs see of the engine.
import type { Clock } from '../runtime/clock.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import type { Framing, Head } from './store.ts';

export interface Leaf {
  /** The record kept in entry bundles, at most 65,535 bytes. */
  readonly data: Uint8Array;
  readonly leafHash: Uint8Array;
}

export interface AppendRequest {
  /** 32 bytes; a second request with the same key gets the entry of the first. */
  readonly dedupKey?: Uint8Array;
  /** Nobody can have asked with this key before: it is kept, and not looked for. */
  readonly fresh?: boolean;
  /** Called at sequencing, when the index is known. What it throws refuses this request alone. */
  build(index: number, timeMs: number): Leaf;
}

export interface Appended {
  readonly index: number;
  /** Integrated time of the entry: that of the first, for a duplicate. */
  readonly timeMs: number;
  readonly duplicate: boolean;
  /** Head under which the proof stands: durable, and signed in the checkpoint. */
  readonly size: number;
  readonly root: Uint8Array;
  /** Leaf to root. */
  readonly proof: readonly Uint8Array[];
  /** The signed note. */
  readonly checkpoint: Uint8Array;
}

/** Gives the whole signed note of a head. */
export type HeadSigner = (head: {
  readonly size: number;
  readonly root: Uint8Array;
  readonly timeMs: number;
}) => Promise<Uint8Array>;

export interface LogOptions {
  /** Lower-case word: names files and metrics. Fixed when the log is made. */
  readonly name: string;
  readonly directory: string;
  /** High-water mark; best on another volume. */
  readonly markDirectory: string;
  /** Fixed when the log is made. */
  readonly treeId: string;
  readonly signHead: HeadSigner;
  readonly framing: Framing;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Requests waiting to be sequenced; more are refused. */
  readonly queueLimit?: number;
  /** Age at which the head of an idle log is signed anew. */
  readonly resignMs?: number;
}

export interface Log {
  /**
   * Resolves once the entry stands in a durable, signed head.
   * @throws CodedError LOG_FULL, LOG_STOPPED (the entry may or may not have been logged),
   *   ENTRY_TOO_LARGE, LOG_CLOCK, UNAVAILABLE, and what build() or the signer throws
   */
  append(request: AppendRequest): Promise<Appended>;
  /** The published head; nothing beyond it is shown. */
  head(): Head;
  /** @throws CodedError TREE_RANGE unless index < size <= published size */
  inclusionProof(index: number, size: number): Uint8Array[];
  /** @throws CodedError TREE_RANGE unless first <= second <= published size */
  consistencyProof(first: number, second: number): Uint8Array[];
  /** @throws CodedError TREE_RANGE unless size <= published size */
  rootAt(size: number): Uint8Array;
  /** The first `width` hashes; undefined beyond the published tree. */
  tile(level: number, n: number, width: number): Uint8Array | undefined;
  /** The first `width` entries, framed, uncompressed; undefined beyond the published tree. */
  entryBundle(n: number, width: number): Uint8Array | undefined;
  /** gzip of a full bundle, where it is stored in the form that is served. */
  gzipBundle(n: number): Uint8Array | undefined;
  entry(index: number): { readonly data: Uint8Array; readonly timeMs: number } | undefined;
  /** Index of the first leaf with this hash. */
  findLeaf(leafHash: Uint8Array): number | undefined;
  /** What is missing; empty while the log takes entries. */
  readiness(): string[];
  /** Ends what was accepted, then closes the store. */
  close(): Promise<void>;
}
