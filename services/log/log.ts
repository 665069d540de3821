// SPDX-License-Identifier: Apache-2.0
// The append-only log that both logs run on: one sequencer without a clock. A batch is whatever
// waited while the last one was written; nobody is answered before the batch and the high-water
// mark are durable.
import { hash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { concat, equal, hex } from '../core/bytes.ts';
import { CodedError } from '../core/errors.ts';
import { emptyRoot } from '../core/merkle.ts';
import { frameEntry } from '../core/tile.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { openMark, readMark } from './mark.ts';
import { createHead, openDatabase, openReader, readHead } from './sqlite.ts';
import type { Head, LogReader, LogWriter, StoredEntry, StoredTile } from './store.ts';
import { openTree, type Tree } from './tree.ts';
import { startWriter } from './writer.ts';

export const MAX_ENTRY_BYTES = 65_535;
const MAX_BATCH = 1024;
const RESIGN_MS = 3_600_000;

export interface Leaf {
  /** The record kept in entry bundles. */
  readonly data: Uint8Array;
  readonly leafHash: Uint8Array;
}

export interface AppendRequest {
  /** 32 bytes; a second request with the same key gets the entry of the first. */
  readonly dedupKey?: Uint8Array;
  /** Called once the index is known. What it throws refuses this request alone. */
  build(index: number, timeMs: number): Leaf;
}

export interface Appended {
  readonly index: number;
  readonly timeMs: number;
  readonly duplicate: boolean;
  readonly size: number;
  readonly root: Uint8Array;
  readonly proof: readonly Uint8Array[];
  readonly checkpoint: Uint8Array;
}

/** Gives the whole signed note of a head. */
export type HeadSigner = (head: {
  size: number;
  root: Uint8Array;
  timeMs: number;
}) => Promise<Uint8Array>;

export interface LogOptions {
  readonly name: string;
  readonly directory: string;
  readonly markDirectory: string;
  /** Fixed when the log is made. */
  readonly treeId: string;
  readonly signHead: HeadSigner;
  /** How entry bundles part their entries: u16 lengths, or entries that tell their own. */
  readonly framing: 'u16' | 'none';
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Requests waiting; more are refused. */
  readonly queueLimit?: number;
  readonly resignMs?: number;
}

export interface Log {
  /** @throws CodedError LOG_FULL, LOG_STOPPED, ENTRY_TOO_LARGE, and what build() throws */
  append(request: AppendRequest): Promise<Appended>;
  /** The published head; nothing beyond it is shown. */
  head(): Head;
  inclusionProof(index: number, size: number): Uint8Array[];
  consistencyProof(first: number, second: number): Uint8Array[];
  rootAt(size: number): Uint8Array;
  tile(level: number, n: number, width: number): Uint8Array | undefined;
  entryBundle(n: number, width: number): Uint8Array | undefined;
  entry(index: number): { data: Uint8Array; timeMs: number } | undefined;
  findLeaf(leafHash: Uint8Array): number | undefined;
  readiness(): string[];
  /** Ends what was accepted, then closes the store. */
  close(): Promise<void>;
}

interface Waiter {
  readonly request: AppendRequest;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

const sha256 = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer');

function inconsistent(reason: string): CodedError {
  return new CodedError('STATE_INCONSISTENT', reason);
}

/** Opens or makes the head, and judges store against mark. Returns the head to continue from. */
async function openState(options: LogOptions, file: string, markFile: string): Promise<Head> {
  const { name, treeId, signHead, clock } = options;
  const mark = readMark(markFile);
  const db = openDatabase(file);
  try {
    let head = readHead(db, treeId);
    if (head === undefined) {
      if (mark !== undefined && mark.size > 0) {
        throw inconsistent(`${name}: the mark stands at ${mark.size} entries, the store is new`);
      }
      const first = { size: 0, root: emptyRoot(sha256), timeMs: clock() };
      head = { ...first, checkpoint: await signHead(first) };
      // A crash here leaves an empty log without a mark: the next start writes the mark.
      createHead(db, treeId, head);
    }
    if (mark === undefined && head.size > 0) {
      throw inconsistent(
        `${name}: the store has ${head.size} entries, its high-water mark is missing at ${markFile}`,
      );
    }
    return head;
  } finally {
    db.close();
  }
}

/** The rules of start-up, after the tree is at hand. @throws CodedError STATE_INCONSISTENT */
function judgeState(name: string, tree: Tree, head: Head, markFile: string): void {
  const root = tree.rootAt(head.size);
  if (!equal(root, head.root)) {
    throw inconsistent(
      `${name}: the entries lead to root ${hex(root)}, the head of ${head.size} says ${hex(head.root)}`,
    );
  }
  const mark = readMark(markFile);
  if (mark !== undefined) {
    if (mark.size > head.size) {
      throw inconsistent(
        `${name}: the mark stands at ${mark.size} entries (root ${hex(mark.root)}), the store at ${head.size} (root ${hex(head.root)})`,
      );
    }
    const then = tree.rootAt(mark.size);
    if (!equal(then, mark.root)) {
      throw inconsistent(
        `${name}: at ${mark.size} entries the mark has root ${hex(mark.root)}, the store ${hex(then)}`,
      );
    }
    if (mark.size === head.size) return;
  }
  // The store is ahead and consistent: a crash came between commit and mark. The mark rolls forward.
  const file = openMark(markFile);
  file.write(head);
  file.close();
}

class Sequencer {
  readonly #options: LogOptions;
  readonly #reader: LogReader;
  readonly #writer: LogWriter;
  readonly #tree: Tree;
  /** Published. Written by #publish(). */
  #head: Head;
  /** Written by append() and #run(). */
  #queue: Waiter[] = [];
  /** Requests with a key that are queued or in flight. Written by append(). */
  readonly #pending = new Map<string, Promise<Appended>>();
  /** The loop, while it runs. Written by #wake() and #run(). */
  #running: Promise<void> | undefined;
  /** Why nothing more is signed. Written by #stop(). */
  #stopped: string | undefined;
  /** Written by close(). */
  #closing = false;

  constructor(options: LogOptions, reader: LogReader, writer: LogWriter, tree: Tree, head: Head) {
    this.#options = options;
    this.#reader = reader;
    this.#writer = writer;
    this.#tree = tree;
    this.#head = head;
  }

  get head(): Head {
    return this.#head;
  }

  get stopped(): string | undefined {
    return this.#stopped;
  }

  async append(request: AppendRequest): Promise<Appended> {
    const { dedupKey } = request;
    if (dedupKey === undefined) return this.#enqueue(request);
    const key = hex(dedupKey);
    const pending = this.#pending.get(key);
    if (pending !== undefined) return { ...(await pending), duplicate: true };
    const stored = this.#reader.findDedup(dedupKey);
    if (stored !== undefined && stored < this.#head.size) return this.#existing(stored);
    const promise = this.#enqueue(request);
    this.#pending.set(key, promise);
    try {
      return await promise;
    } finally {
      this.#pending.delete(key);
    }
  }

  /** Signs the head anew when nothing was logged for a while. */
  resign(): void {
    const age = this.#options.clock() - this.#head.timeMs;
    if (age >= (this.#options.resignMs ?? RESIGN_MS)) this.#wake(true);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await this.#running;
    await this.#writer.close();
  }

  #existing(index: number): Appended {
    const { size, root, checkpoint } = this.#head;
    const timeMs = this.#reader.entries(index, index + 1)[0]?.timeMs ?? 0;
    return {
      index,
      timeMs,
      duplicate: true,
      size,
      root,
      checkpoint,
      proof: this.#tree.inclusionProof(index, size),
    };
  }

  #enqueue(request: AppendRequest): Promise<Appended> {
    const { name, queueLimit = 8192 } = this.#options;
    if (this.#stopped !== undefined)
      throw new CodedError('LOG_STOPPED', `${name}: ${this.#stopped}`);
    if (this.#closing) throw new CodedError('UNAVAILABLE', `${name} is shutting down`);
    if (this.#queue.length >= queueLimit)
      throw new CodedError('LOG_FULL', `reached max pushback; retry (${queueLimit} requests wait)`);
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#wake(false);
    });
  }

  #wake(resign: boolean): void {
    if (this.#running !== undefined || this.#stopped !== undefined) return;
    this.#running = this.#run(resign);
  }

  async #run(resign: boolean): Promise<void> {
    if (resign) await this.#batch([]);
    while (this.#queue.length > 0 && this.#stopped === undefined) {
      await this.#batch(this.#queue.splice(0, MAX_BATCH));
    }
    // In the same turn as the last look at the queue: whoever comes later wakes a new loop.
    this.#running = undefined;
  }

  async #batch(waiters: readonly Waiter[]): Promise<void> {
    const timeMs = Math.max(this.#options.clock(), this.#head.timeMs);
    const before = this.#tree.snapshot();
    const accepted: Array<{ waiter: Waiter; entry: StoredEntry }> = [];
    const tiles: StoredTile[] = [];
    for (const waiter of waiters) {
      try {
        const entry = this.#buildEntry(waiter.request, timeMs);
        tiles.push(...this.#tree.append(entry.leafHash));
        accepted.push({ waiter, entry });
      } catch (error) {
        waiter.reject(error);
      }
    }
    if (waiters.length > 0 && accepted.length === 0) return;
    const { size } = this.#tree;
    const root = this.#tree.rootAt(size);
    let checkpoint: Uint8Array;
    try {
      checkpoint = await this.#options.signHead({ size, root, timeMs });
    } catch (error) {
      // Nothing was written: the tree goes back, the log goes on.
      this.#tree.restore(before);
      for (const { waiter } of accepted) waiter.reject(error);
      return;
    }
    const head: Head = { size, root, checkpoint, timeMs };
    const { size: oldSize, root: oldRoot } = this.#head;
    try {
      const entries = accepted.map(({ entry }) => entry);
      await this.#writer.commit({ old: { size: oldSize, root: oldRoot }, entries, tiles, head });
    } catch (error) {
      this.#stop(
        (error as Error).message,
        accepted.map(({ waiter }) => waiter),
      );
      return;
    }
    this.#head = head;
    for (const { waiter, entry } of accepted) {
      const proof = this.#tree.inclusionProof(entry.index, size);
      waiter.resolve({
        index: entry.index,
        timeMs,
        duplicate: false,
        size,
        root,
        proof,
        checkpoint,
      });
    }
  }

  #buildEntry(request: AppendRequest, timeMs: number): StoredEntry {
    const index = this.#tree.size;
    const { data, leafHash } = request.build(index, timeMs);
    if (data.length > MAX_ENTRY_BYTES) {
      throw new CodedError(
        'ENTRY_TOO_LARGE',
        `the entry has ${data.length} bytes; ${MAX_ENTRY_BYTES} is the limit`,
      );
    }
    return { index, leafHash, dedupKey: request.dedupKey, timeMs, data };
  }

  /** The disk may or may not hold the batch: nothing more is signed until a start has looked. */
  #stop(reason: string, waiters: readonly Waiter[]): void {
    this.#stopped = reason;
    this.#options.logger.error('log-stopped', { log: this.#options.name, reason });
    const error = new CodedError('LOG_STOPPED', `${this.#options.name}: ${reason}`);
    for (const waiter of [...waiters, ...this.#queue.splice(0)]) waiter.reject(error);
  }
}

/** @throws CodedError STATE_INCONSISTENT, STATE_NEWER, CONFIG_INVALID (another tree id) */
export async function openLog(options: LogOptions): Promise<Log> {
  const { name, treeId, framing, metrics } = options;
  mkdirSync(options.directory, { recursive: true });
  mkdirSync(options.markDirectory, { recursive: true });
  const file = join(options.directory, `${name}.sqlite`);
  const markFile = join(options.markDirectory, `${name}.mark`);
  const head = await openState(options, file, markFile);
  const reader = openReader(file, treeId);
  let tree: Tree;
  try {
    tree = openTree(sha256, reader, head.size);
    judgeState(name, tree, head, markFile);
  } catch (error) {
    reader.close();
    throw error instanceof CodedError
      ? error
      : inconsistent(`${name}: ${(error as Error).message}`);
  }
  const sequencer = new Sequencer(
    options,
    reader,
    startWriter({ file, markFile, treeId }),
    tree,
    head,
  );
  const timer = setInterval(
    () => sequencer.resign(),
    Math.min(60_000, options.resignMs ?? RESIGN_MS),
  );
  timer.unref();
  metrics.gauge(
    `sigstead_${name}_tree_size`,
    'Entries in the published tree.',
    () => sequencer.head.size,
  );
  const published = (end: number) => end <= sequencer.head.size;
  return {
    append: (request) => sequencer.append(request),
    head: () => sequencer.head,
    inclusionProof: (index, size) => tree.inclusionProof(index, size),
    consistencyProof: (first, second) => tree.consistencyProof(first, second),
    rootAt: (size) => tree.rootAt(size),
    tile(level, n, width) {
      // In units of this level's hashes; what the batch in flight adds is not shown.
      const count = Math.floor(sequencer.head.size / 256 ** level);
      return n * 256 + width <= count ? tree.tile(level, n, width) : undefined;
    },
    entryBundle(n, width) {
      const start = n * 256;
      if (!published(start + width)) return undefined;
      const entries = reader.entries(start, start + width).map(({ data }) => data);
      return concat(...(framing === 'u16' ? entries.map(frameEntry) : entries));
    },
    entry: (index) =>
      index >= 0 && published(index + 1) ? reader.entries(index, index + 1)[0] : undefined,
    findLeaf(leafHash) {
      const index = reader.findLeaf(leafHash);
      return index !== undefined && published(index + 1) ? index : undefined;
    },
    readiness: () => (sequencer.stopped === undefined ? [] : [`stopped: ${sequencer.stopped}`]),
    async close() {
      clearInterval(timer);
      await sequencer.close();
      reader.close();
    },
  };
}
