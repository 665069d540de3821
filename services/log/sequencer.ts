// SPDX-License-Identifier: Apache-2.0
// The sequencer of one log, without a clock: a batch is whatever waited while the last one was
// written.
//
//   build entries, grow the tree, sign the head   (while the answers of the batch before go out)
//   → one commit, conditional on the old head     (writer thread)
//   → the high-water mark                         (writer thread)
//   → publish: reads see the head, waiters get index, proof and checkpoint
import { concat, equal, hex } from '../core/bytes.ts';
import { CodedError } from '../core/errors.ts';
import { HASH_LENGTH, joinHashes } from '../core/merkle.ts';
import { frameEntry, TILE_WIDTH } from '../core/tile.ts';
import type { Bundles } from './bundles.ts';
import { Compactor } from './compactor.ts';
import type { Batch, Chunk, Head, LogStore } from './store.ts';
import type { Tree } from './tree.ts';
import type { Appended, AppendRequest, Leaf, LogOptions } from './types.ts';

export const MAX_ENTRY_BYTES = 65_535;
const MAX_BATCH = 1024;
const QUEUE_LIMIT = 4096;
const DEDUP_KEY_LENGTH = 32;
/** Steps of a clock that is being set right; beyond it the clock is wrong. */
const CLOCK_TOLERANCE_MS = 60_000;
/** Bundles that one idle moment stores; a batch takes them along once as many wait. */
const MAX_COMPACTIONS = 4;

interface Waiter {
  readonly request: AppendRequest;
  readonly resolve: (appended: Appended) => void;
  readonly reject: (error: unknown) => void;
}

/** A request with its place in the log. */
interface Placed {
  readonly waiter: Waiter;
  readonly index: number;
  readonly leaf: Leaf;
}

export interface SequencerParts {
  readonly options: LogOptions;
  readonly store: LogStore;
  readonly tree: Tree;
  readonly bundles: Bundles;
  /** Head of the store, judged consistent. */
  readonly head: Head;
}

function checkLeaf({ data, leafHash }: Leaf): void {
  if (data.length > MAX_ENTRY_BYTES) {
    const reason = `the entry has ${data.length} bytes; ${MAX_ENTRY_BYTES} is the limit`;
    throw new CodedError('ENTRY_TOO_LARGE', reason);
  }
  if (leafHash.length !== HASH_LENGTH) throw new RangeError('a leaf hash has 32 bytes');
}

/** One chunk for each bundle that the entries touch. */
function toChunks(placed: readonly Placed[], timeMs: number): Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = 0; at < placed.length; ) {
    const first = (placed[at] as Placed).index;
    const part = placed.slice(at, at + TILE_WIDTH - (first % TILE_WIDTH));
    chunks.push({
      first,
      count: part.length,
      timeMs,
      hashes: joinHashes(part.map(({ leaf }) => leaf.leafHash)),
      entries: concat(...part.map(({ leaf }) => frameEntry(leaf.data))),
    });
    at += part.length;
  }
  return chunks;
}

function toDedup(placed: readonly Placed[]): Batch['dedup'] {
  return placed.flatMap(({ waiter, index, leaf }) => {
    const key = waiter.request.dedupKey;
    return key === undefined || equal(key, leaf.leafHash) ? [] : [{ index, key }];
  });
}

export class Sequencer {
  readonly #parts: SequencerParts;
  readonly #compactor: Compactor;
  /** Published. Written by #publish(). */
  #head: Head;
  /** Written by #enqueue(), #run() and #stop(). */
  #queue: Waiter[] = [];
  /** Requests with a key that are queued or in flight. Written by #appendOnce(). */
  readonly #pending = new Map<string, Promise<Appended>>();
  /** The loop, while it runs. Written by #wake() and #run(). */
  #running: Promise<void> | undefined;
  /** Answers of the published batch that have not gone out. Written by #publish() and #release(). */
  #answers: { readonly placed: readonly Placed[]; readonly head: Head } | undefined;
  /** The idle head is due. Written by resign(), #sequence() and #refuseAll(). */
  #resign = false;
  /** Why nothing more is signed. Written by #stop(). */
  #stopped: string | undefined;
  /** Written by close(). */
  #closing = false;
  readonly #metrics;

  constructor(parts: SequencerParts) {
    const { options, store, bundles, head } = parts;
    this.#parts = parts;
    this.#head = head;
    this.#compactor = new Compactor(bundles, {
      ready: () => this.#wake(),
      failed: (error) => this.#stop(`compression failed: ${error.message}`, []),
    });
    for (const n of store.reader.uncompacted(head.size - (head.size % TILE_WIDTH))) {
      this.#compactor.add(n);
    }
    const { metrics, name } = options;
    this.#metrics = {
      refused: metrics.counter('sigstead_log_refused_total', 'Appends refused, by log and code.'),
      duplicates: metrics.counter('sigstead_log_duplicates_total', 'Appends of known entries.'),
      commit: metrics.histogram('sigstead_log_commit_seconds', 'Commit and mark of one batch.'),
    };
    metrics.gauge(`sigstead_${name}_tree_size`, 'Published entries.', () => this.#head.size);
    metrics.gauge(`sigstead_${name}_queue_length`, 'Waiting appends.', () => this.#queue.length);
    metrics.gauge(
      `sigstead_${name}_checkpoint_age_seconds`,
      'Age of the published head.',
      () => Math.max(0, options.clock() - this.#head.timeMs) / 1000,
    );
  }

  get head(): Head {
    return this.#head;
  }

  /** Why nothing is appended now: for good until a start, or until the clock has caught up. */
  get obstacle(): string | undefined {
    if (this.#stopped !== undefined) return `stopped: ${this.#stopped}`;
    const fault = this.#clockFault();
    return fault === undefined ? undefined : `waits: ${fault}`;
  }

  append(request: AppendRequest): Promise<Appended> {
    try {
      if (this.#stopped !== undefined) this.#refuse('LOG_STOPPED', this.#stopped);
      if (this.#closing) this.#refuse('UNAVAILABLE', 'shutting down');
      return request.dedupKey === undefined || request.fresh
        ? this.#enqueue(request)
        : this.#appendOnce(request, request.dedupKey);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Signs the head anew when it is old enough: a silent log shows that it lives. */
  resign(ageMs: number): void {
    if (this.#parts.options.clock() - this.#head.timeMs < ageMs) return;
    this.#resign = true;
    this.#wake();
  }

  /** Resolves when every accepted request is answered. Bundles that are not compressed stay chunks. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#compactor.close();
    while (this.#running !== undefined) await this.#running;
  }

  /** A head never tells an earlier time than the one before it. */
  #clockFault(): string | undefined {
    const now = this.#parts.options.clock();
    const { timeMs } = this.#head;
    if (now >= timeMs - CLOCK_TOLERANCE_MS) return undefined;
    const [here, there] = [now, timeMs].map((ms) => new Date(ms).toISOString());
    return `the clock says ${here}, the last head ${there}`;
  }

  #refuse(code: CodedError['code'], reason: string): never {
    const { name } = this.#parts.options;
    this.#metrics.refused.inc({ log: name, code });
    throw new CodedError(code, `${name}: ${reason}`);
  }

  #appendOnce(request: AppendRequest, dedupKey: Uint8Array): Promise<Appended> {
    if (dedupKey.length !== DEDUP_KEY_LENGTH)
      throw new RangeError('a deduplication key has 32 bytes');
    const { name } = this.#parts.options;
    const key = hex(dedupKey);
    const pending = this.#pending.get(key);
    const stored =
      pending === undefined ? this.#parts.store.reader.findDuplicate(dedupKey) : undefined;
    if (pending !== undefined || stored !== undefined) this.#metrics.duplicates.inc({ log: name });
    if (pending !== undefined) {
      return pending.then((appended) => ({ ...appended, duplicate: true }));
    }
    if (stored !== undefined) return Promise.resolve(this.#existing(stored));
    const promise = this.#enqueue(request);
    this.#pending.set(key, promise);
    const forget = () => this.#pending.delete(key);
    promise.then(forget, forget);
    return promise;
  }

  #existing(index: number): Appended {
    const { tree, bundles } = this.#parts;
    const { size, root, checkpoint } = this.#head;
    const { timeMs } = bundles.entry(index);
    const proof = tree.inclusionProof(index, size);
    return { index, timeMs, duplicate: true, size, root, checkpoint, proof };
  }

  #enqueue(request: AppendRequest): Promise<Appended> {
    const { queueLimit = QUEUE_LIMIT } = this.#parts.options;
    if (this.#queue.length >= queueLimit) {
      this.#refuse('LOG_FULL', `reached max pushback; retry (${queueLimit} requests wait)`);
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ request, resolve, reject });
      this.#wake();
    });
  }

  #wake(): void {
    if (this.#running === undefined && this.#stopped === undefined) this.#running = this.#run();
  }

  async #run(): Promise<void> {
    // Whatever else this turn of the event loop brings joins the first batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#stopped === undefined && this.#hasWork()) await this.#step();
    this.#release();
    // In the same turn as the last look at the queue: whoever comes later wakes a new loop.
    this.#running = undefined;
  }

  #hasWork(): boolean {
    return this.#queue.length > 0 || this.#resign || this.#compactor.results > 0;
  }

  async #step(): Promise<void> {
    const waiters = this.#queue.splice(0, MAX_BATCH);
    try {
      if (waiters.length > 0 || this.#resign) await this.#sequence(waiters);
      else await this.#parts.store.compact(this.#compactor.take(MAX_COMPACTIONS));
    } catch (error) {
      this.#stop((error as Error).message, waiters);
    }
  }

  /** @throws what the store or the tree does: nobody knows then what the store holds */
  async #sequence(waiters: readonly Waiter[]): Promise<void> {
    const { options, store, tree } = this.#parts;
    const fault = this.#clockFault();
    if (fault !== undefined) {
      this.#refuseAll(waiters, fault);
      return;
    }
    // Within the tolerance the time stands still.
    const timeMs = Math.max(options.clock(), this.#head.timeMs);
    const before = tree.snapshot();
    const placed = this.#place(waiters, timeMs);
    if (placed.length === 0 && !this.#resign) return;
    this.#resign = false;
    const next = { size: tree.size, root: tree.rootAt(tree.size), timeMs };
    let checkpoint: Uint8Array;
    try {
      checkpoint = await options.signHead(next);
    } catch (error) {
      // Nothing was written: the tree goes back, the log goes on.
      tree.restore(before);
      options.logger.error('log-head-unsigned', { log: options.name, error });
      for (const { waiter } of placed) waiter.reject(error);
      return;
    }
    const head: Head = { ...next, checkpoint };
    const chunks = toChunks(placed, timeMs);
    const begun = performance.now();
    await store.commit({
      old: { size: this.#head.size, root: this.#head.root },
      head,
      chunks,
      tiles: tree.changes(),
      dedup: toDedup(placed),
      bundles:
        this.#compactor.results < MAX_COMPACTIONS ? [] : this.#compactor.take(MAX_COMPACTIONS),
    });
    this.#metrics.commit.observe((performance.now() - begun) / 1000, { log: options.name });
    this.#publish(head, chunks, placed);
  }

  /** Nothing was written: the log goes on once its clock does. */
  #refuseAll(waiters: readonly Waiter[], fault: string): void {
    const { name, logger } = this.#parts.options;
    this.#resign = false;
    logger.error('log-clock', { log: name, reason: fault });
    for (const waiter of waiters) {
      this.#metrics.refused.inc({ log: name, code: 'LOG_CLOCK' });
      waiter.reject(new CodedError('LOG_CLOCK', `${name}: ${fault}`));
    }
  }

  /** Indexes go to requests that build; a request that does not leaves no hole. */
  #place(waiters: readonly Waiter[], timeMs: number): Placed[] {
    const { tree } = this.#parts;
    const placed: Placed[] = [];
    for (const waiter of waiters) {
      const index = tree.size;
      try {
        const leaf = waiter.request.build(index, timeMs);
        checkLeaf(leaf);
        tree.append(leaf.leafHash);
        placed.push({ waiter, index, leaf });
      } catch (error) {
        waiter.reject(error);
      }
    }
    return placed;
  }

  #publish(head: Head, chunks: readonly Chunk[], placed: readonly Placed[]): void {
    const { tree, bundles } = this.#parts;
    this.#release();
    this.#head = head;
    tree.settle();
    for (const n of bundles.publish(chunks)) this.#compactor.add(n);
    this.#answers = { placed, head };
    // While others wait, their batch goes to the disk first and the answers go out beside it.
    if (this.#queue.length === 0) this.#release();
    else setImmediate(() => this.#release());
  }

  /** Answers the published batch. */
  #release(): void {
    const answers = this.#answers;
    this.#answers = undefined;
    if (answers === undefined) return;
    const { size, root, checkpoint, timeMs } = answers.head;
    for (const { waiter, index } of answers.placed) {
      try {
        const proof = this.#parts.tree.inclusionProof(index, size);
        waiter.resolve({ index, timeMs, duplicate: false, size, root, checkpoint, proof });
      } catch (error) {
        waiter.reject(error);
      }
    }
  }

  /** The store may or may not hold the batch: nothing more is signed until a start has looked. */
  #stop(reason: string, unanswered: readonly Waiter[]): void {
    const { logger, name } = this.#parts.options;
    this.#stopped ??= reason;
    logger.error('log-stopped', { log: name, reason });
    const error = new CodedError('LOG_STOPPED', `${name}: ${reason}`);
    for (const waiter of [...unanswered, ...this.#queue.splice(0)]) waiter.reject(error);
  }
}
