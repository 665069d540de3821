// SPDX-License-Identifier: Apache-2.0
// Entries, bundle by bundle. The growing bundle and some others are in memory; the store holds every
// bundle as chunks first and, once 256 entries are there and compressed, as one row.
import { gunzipSync, gzip } from 'node:zlib';
import { ByteReader, concat, uint } from '../core/bytes.ts';
import { TILE_WIDTH } from '../core/tile.ts';
import { Lru } from './lru.ts';
import {
  type Chunk,
  type Framing,
  inconsistent,
  type LogReader,
  type StoredBundle,
} from './store.ts';

const CACHED_BYTES = 32 << 20;
/** On certificate entries as small as level 6, at less than half its time. */
const GZIP_LEVEL = 5;

/** Consecutive entries with one integrated time. */
type Span = Pick<Chunk, 'first' | 'count' | 'timeMs' | 'entries'>;

/** Offset behind `count` entries, u16 length before each. */
function skip(framed: Uint8Array, count: number): number {
  let at = 0;
  for (let i = 0; i < count; i++) {
    const high = framed[at];
    const low = framed[at + 1];
    if (high === undefined || low === undefined) throw inconsistent('an entry bundle is short');
    at += 2 + high * 256 + low;
  }
  return at;
}

function parseTimes(times: Uint8Array): Array<{ count: number; timeMs: number }> {
  const reader = new ByteReader(times);
  const runs = [];
  while (reader.remaining > 0) runs.push({ count: reader.uint(2), timeMs: reader.uint(6) });
  return runs;
}

function formatTimes(spans: readonly Span[]): Uint8Array {
  const runs: Array<{ count: number; timeMs: number }> = [];
  for (const { count, timeMs } of spans) {
    const last = runs.at(-1);
    if (last?.timeMs === timeMs) last.count += count;
    else runs.push({ count, timeMs });
  }
  return concat(...runs.flatMap((run) => [uint(run.count, 2), uint(run.timeMs, 6)]));
}

function parseBundle({ n, times, gzip: compressed }: StoredBundle): Span[] {
  let rest: Uint8Array = gunzipSync(compressed);
  let first = n * TILE_WIDTH;
  return parseTimes(times).map(({ count, timeMs }) => {
    const end = skip(rest, count);
    const span = { first, count, timeMs, entries: rest.subarray(0, end) };
    rest = rest.subarray(end);
    first += count;
    return span;
  });
}

const bytesOf = (spans: readonly Span[]) => spans.reduce((sum, s) => sum + s.entries.length, 0);

function compress(bytes: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    gzip(bytes, { level: GZIP_LEVEL }, (error, result) =>
      error === null ? resolve(result) : reject(error),
    );
  });
}

export class Bundles {
  readonly #reader: LogReader;
  /** Published entries of the bundle that grows. Written by load() and publish(). */
  #growing: Chunk[] = [];
  readonly #full = new Lru<readonly Span[]>(CACHED_BYTES);

  constructor(reader: LogReader) {
    this.#reader = reader;
  }

  load(size: number): void {
    this.#growing = this.#reader.chunks(size - (size % TILE_WIDTH), size);
  }

  /** Takes what was committed, in order. Returns the numbers of bundles that it filled. */
  publish(chunks: readonly Chunk[]): number[] {
    const filled: number[] = [];
    for (const chunk of chunks) {
      this.#growing.push(chunk);
      const end = chunk.first + chunk.count;
      if (end % TILE_WIDTH !== 0) continue;
      const n = end / TILE_WIDTH - 1;
      this.#full.set(n, this.#growing, bytesOf(this.#growing));
      this.#growing = [];
      filled.push(n);
    }
    return filled;
  }

  entry(index: number): { data: Uint8Array; timeMs: number } {
    const span = this.#spans(Math.floor(index / TILE_WIDTH)).find(
      ({ first, count }) => index < first + count,
    );
    if (span === undefined) throw inconsistent(`entry ${index} is missing in the store`);
    const at = skip(span.entries, index - span.first);
    const end = at + skip(span.entries.subarray(at), 1);
    return { data: span.entries.slice(at + 2, end), timeMs: span.timeMs };
  }

  /** The first `width` entries of a bundle. */
  bundle(n: number, width: number, framing: Framing): Uint8Array {
    const whole = concat(...this.#spans(n).map(({ entries }) => entries));
    const framed = whole.subarray(0, skip(whole, width));
    if (framing === 'u16') return framed;
    const reader = new ByteReader(framed);
    return concat(...Array.from({ length: width }, () => reader.vector(2)));
  }

  /** gzip of a bundle that is stored in its final form, u16 length before each entry. */
  stored(n: number): Uint8Array | undefined {
    return this.#reader.bundle(n)?.gzip;
  }

  /** The final form of a full bundle; the compression runs on a pool thread. */
  async compressed(n: number): Promise<StoredBundle> {
    const spans = this.#spans(n);
    return {
      n,
      times: formatTimes(spans),
      gzip: await compress(concat(...spans.map(({ entries }) => entries))),
    };
  }

  #spans(n: number): readonly Span[] {
    const [grown] = this.#growing;
    if (grown !== undefined && Math.floor(grown.first / TILE_WIDTH) === n) return this.#growing;
    const cached = this.#full.get(n);
    if (cached !== undefined) return cached;
    const spans = this.#read(n);
    this.#full.set(n, spans, bytesOf(spans));
    return spans;
  }

  #read(n: number): Span[] {
    // Chunks first: a bundle turns from chunks into a row between two reads, never back.
    const start = n * TILE_WIDTH;
    const chunks = this.#reader.chunks(start, start + TILE_WIDTH);
    if (chunks.length > 0) return chunks;
    const stored = this.#reader.bundle(n);
    if (stored === undefined) throw inconsistent(`entry bundle ${n} is missing in the store`);
    return parseBundle(stored);
  }
}
