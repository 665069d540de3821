// SPDX-License-Identifier: Apache-2.0
// The append-only log that both logs run on. What is read is published: durable, marked and signed.
import { CodedError } from '../core/errors.ts';
import { TILE_WIDTH } from '../core/tile.ts';
import { openEmbeddedStore } from './embedded.ts';
import { Sequencer } from './sequencer.ts';
import { start } from './start.ts';
import type { LogStore } from './store.ts';
import type { Log, LogOptions } from './types.ts';

export { MAX_ENTRY_BYTES } from './sequencer.ts';
export type { Head } from './store.ts';
export type { Appended, AppendRequest, HeadSigner, Leaf, Log, LogOptions } from './types.ts';

const RESIGN_MS = 3_600_000;
const RESIGN_LOOK_MS = 60_000;
const NAME = /^[a-z][a-z0-9_]*$/;

function requireRange(field: string, low: number, value: number, high: number): void {
  if (Number.isInteger(value) && low <= value && value <= high) return;
  throw new CodedError('TREE_RANGE', `${field} = ${value}, expected ${low} to ${high}`, { field });
}

const isPosition = (value: number) => Number.isSafeInteger(value) && value >= 0;

/** Whether a tile or bundle of this number and width lies within `count` items. */
function within(count: number, n: number, width: number): boolean {
  return (
    isPosition(n) && isPosition(width - 1) && width <= TILE_WIDTH && n * TILE_WIDTH + width <= count
  );
}

/**
 * The log over a store, once store and mark agree; the log closes the store.
 * @throws CodedError STATE_INCONSISTENT, CONFIG_INVALID (another identity)
 */
export async function runLog(options: LogOptions, store: LogStore): Promise<Log> {
  const { framing, name, resignMs = RESIGN_MS } = options;
  const { tree, bundles, head } = await start(options, store);
  const sequencer = new Sequencer({ options, store, tree, bundles, head });
  const timer = setInterval(() => sequencer.resign(resignMs), Math.min(RESIGN_LOOK_MS, resignMs));
  timer.unref();
  const size = () => sequencer.head.size;
  /** Set by the first close(). */
  let closed: Promise<void> | undefined;
  const close = async () => {
    clearInterval(timer);
    await sequencer.close();
    await store.close();
  };
  return {
    append: (request) => sequencer.append(request),
    head: () => sequencer.head,
    inclusionProof(index, at) {
      requireRange('size', 1, at, size());
      requireRange('index', 0, index, at - 1);
      return tree.inclusionProof(index, at);
    },
    consistencyProof(first, second) {
      requireRange('second', 0, second, size());
      requireRange('first', 0, first, second);
      // Every tree is consistent with the empty one: no hashes show it.
      return first === 0 ? [] : tree.consistencyProof(first, second);
    },
    rootAt(at) {
      requireRange('size', 0, at, size());
      return tree.rootAt(at);
    },
    tile(level, n, width) {
      if (!isPosition(level)) return undefined;
      const count = Math.floor(size() / TILE_WIDTH ** level);
      return within(count, n, width) ? tree.tile(level, n, width) : undefined;
    },
    entryBundle: (n, width) =>
      within(size(), n, width) ? bundles.bundle(n, width, framing) : undefined,
    gzipBundle: (n) =>
      framing === 'u16' && within(size(), n, TILE_WIDTH) ? bundles.stored(n) : undefined,
    entry: (index) => (isPosition(index) && index < size() ? bundles.entry(index) : undefined),
    findLeaf(leafHash) {
      const index = store.reader.findLeaf(leafHash);
      return index !== undefined && index < size() ? index : undefined;
    },
    readiness: () => (sequencer.obstacle === undefined ? [] : [`${name} ${sequencer.obstacle}`]),
    close() {
      closed ??= close();
      return closed;
    },
  };
}

/** @throws CodedError STATE_INCONSISTENT, STATE_NEWER, CONFIG_INVALID (another identity) */
export async function openLog(options: LogOptions): Promise<Log> {
  if (!NAME.test(options.name)) throw new RangeError(`${options.name} cannot name a log`);
  const store = await openEmbeddedStore(options);
  try {
    return await runLog(options, store);
  } catch (error) {
    await store.close();
    throw error;
  }
}
