// SPDX-License-Identifier: Apache-2.0
// The high-water mark: size and root of the last head that anybody may have seen, kept apart from
// the log, best on another volume. Two slots, written in turn: a torn write spoils the older one.
//
//   slot  <generation> <size> <root, hex> <SHA-256 of what stands before, hex>\n, padded with spaces
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { fromHex, hex } from '../core/bytes.ts';
import { writeFileDurably } from '../runtime/store.ts';
import { inconsistent, type Mark } from './store.ts';

/** Slots share no sector and no page. */
const SLOT_BYTES = 4096;
const SLOT = /^((\d{1,15}) (\d{1,15}) ([0-9a-f]{64})) ([0-9a-f]{64})\n *$/;

interface Slot extends Mark {
  readonly generation: number;
}

const checksum = (text: string) => createHash('sha256').update(text).digest('hex');

function formatSlot({ generation, size, root }: Slot): Buffer {
  const text = `${generation} ${size} ${hex(root)}`;
  return Buffer.from(`${text} ${checksum(text)}\n`.padEnd(SLOT_BYTES, ' '));
}

function parseSlot(bytes: Buffer): Slot | undefined {
  const [, text = '', generation, size, root = '', sum] = SLOT.exec(bytes.toString('latin1')) ?? [];
  if (sum === undefined || checksum(text) !== sum) return undefined;
  return { generation: Number(generation), size: Number(size), root: fromHex(root) };
}

/** @throws CodedError STATE_INCONSISTENT where a file has no slot that is whole */
function readSlot(path: string): Slot | undefined {
  if (!existsSync(path)) return undefined;
  const bytes = readFileSync(path);
  const newest = [bytes.subarray(0, SLOT_BYTES), bytes.subarray(SLOT_BYTES)]
    .map(parseSlot)
    .filter((slot) => slot !== undefined)
    .sort((a, b) => b.generation - a.generation)[0];
  if (newest === undefined) throw inconsistent(`the high-water mark ${path} is damaged`);
  return newest;
}

/** The newest slot that is whole; undefined where there is no file. @throws CodedError STATE_INCONSISTENT */
export function readMark(path: string): Mark | undefined {
  const slot = readSlot(path);
  return slot && { size: slot.size, root: slot.root };
}

export interface MarkFile {
  /**
   * Durable when it returns. A crash inside leaves the mark before it: the store is ahead, which
   * the next start mends.
   */
  write(mark: Mark): void;
  close(): void;
}

/** For the one thread that writes. The file is made, whole, by the first write. */
export function openMark(path: string): MarkFile {
  /** Both written by write() alone. */
  let newest = readSlot(path);
  let fd = newest === undefined ? undefined : openSync(path, 'r+');
  return {
    write(mark) {
      if (newest !== undefined && mark.size < newest.size) {
        throw inconsistent(`the high-water mark never goes back: ${newest.size} to ${mark.size}`);
      }
      const slot = { ...mark, generation: (newest?.generation ?? -1) + 1 };
      const bytes = formatSlot(slot);
      if (fd === undefined) {
        writeFileDurably(path, bytes);
        fd = openSync(path, 'r+');
      } else {
        const written = writeSync(fd, bytes, 0, SLOT_BYTES, (slot.generation % 2) * SLOT_BYTES);
        if (written !== SLOT_BYTES) throw new Error(`short write to ${path}`);
        fdatasyncSync(fd);
      }
      newest = slot;
    },
    close() {
      if (fd !== undefined) closeSync(fd);
    },
  };
}
