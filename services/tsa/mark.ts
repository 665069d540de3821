// SPDX-License-Identifier: Apache-2.0
// The time mark: a durable upper bound of every time ever stamped. It runs ahead of the clock, so
// that one write covers the stamps of two seconds, and no stamp waits for a write of its own.
//
// The file has two slots, written in turn: a torn write spoils the older bound, never the newer.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { CodedError } from '../core/errors.ts';
import { syncDirectory } from '../runtime/store.ts';

export const MARK_FILE = 'tsa.mark';
/** Covers the second of the stamp and the next one. */
export const AHEAD_MS = 1000;
const SLOT_BYTES = 128;

export interface TimeMark {
  /** No stamp of an earlier life of the authority is later than this. Milliseconds; 0 = none. */
  readonly floorMs: number;
  /** May a stamp of this time leave without a write? */
  covers(timeMs: number): boolean;
  /** Resolves when the bound beyond `timeMs` is durable. @throws what the file system says */
  extend(timeMs: number): Promise<void>;
  /** Lowers the bound to the last time stamped, so that the next start need not wait for it. */
  close(lastMs: number): Promise<void>;
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

function formatSlot(generation: number, boundMs: number): Buffer {
  const text = `${generation} ${boundMs}`;
  return Buffer.from(`${text} ${checksum(text)}\n`.padEnd(SLOT_BYTES, ' '));
}

interface Slot {
  readonly generation: number;
  readonly boundMs: number;
}

function parseSlot(text: string): Slot | undefined {
  const match = /^((\d{1,15}) (\d{1,15})) ([0-9a-f]{32})\n *$/.exec(text);
  if (match === null || checksum(match[1] ?? '') !== match[4]) return undefined;
  return { generation: Number(match[2]), boundMs: Number(match[3]) };
}

/** The newest whole slot. @throws CodedError STATE_INCONSISTENT when the file holds none */
function readSlots(path: string): Slot {
  const text = readFileSync(path, 'latin1');
  const slots = [text.slice(0, SLOT_BYTES), text.slice(SLOT_BYTES)]
    .map(parseSlot)
    .filter((slot) => slot !== undefined)
    .sort((a, b) => b.generation - a.generation);
  const [newest] = slots;
  // A crash between making the file and its first write leaves it empty: nothing was stamped.
  if (newest === undefined && text.length === 0) return { generation: 0, boundMs: 0 };
  if (newest === undefined) {
    throw new CodedError('STATE_INCONSISTENT', `${path} is damaged`, { field: path });
  }
  return newest;
}

function makeFile(directory: string, path: string): void {
  mkdirSync(directory, { recursive: true });
  if (existsSync(path)) return;
  closeSync(openSync(path, 'w', 0o644));
  syncDirectory(directory);
}

async function writeSlot(file: FileHandle, { generation, boundMs }: Slot): Promise<void> {
  const position = (generation % 2) * SLOT_BYTES;
  await file.write(formatSlot(generation, boundMs), 0, SLOT_BYTES, position);
  // A crash before this ends leaves the bound before: no stamp beyond it has left.
  await file.datasync();
}

/** @throws CodedError STATE_INCONSISTENT */
export async function openTimeMark(directory: string): Promise<TimeMark> {
  const path = join(directory, MARK_FILE);
  makeFile(directory, path);
  const found = readSlots(path);
  const file = await open(path, 'r+');
  /** Both written by write() alone. */
  let { generation, boundMs } = found;
  /** The write under way; set by write() alone. One at a time, so that slots keep their turn. */
  let writing: Promise<void> = Promise.resolve();

  const write = (wanted: () => number | undefined): Promise<void> => {
    writing = writing
      .catch(() => undefined)
      .then(async () => {
        const bound = wanted();
        if (bound === undefined) return;
        await writeSlot(file, { generation: generation + 1, boundMs: bound });
        generation++;
        boundMs = bound;
      });
    return writing;
  };

  return {
    floorMs: found.boundMs,
    covers: (timeMs) => timeMs <= boundMs,
    extend: (timeMs) => write(() => (timeMs <= boundMs ? undefined : timeMs + AHEAD_MS)),
    async close(lastMs) {
      const settled = Math.max(lastMs, found.boundMs);
      await write(() => (settled < boundMs ? settled : undefined));
      await file.close();
    },
  };
}
