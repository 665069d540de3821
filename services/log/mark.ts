// SPDX-License-Identifier: Apache-2.0
// The high-water mark: size and root of the last head that anybody may have seen, kept apart from
// the log, best on another volume. Two slots, written in turn: a torn write spoils the older one.
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from '../runtime/store.ts';

const SLOT_BYTES = 512;

export interface Mark {
  readonly size: number;
  readonly root: Uint8Array;
}

interface Slot extends Mark {
  readonly generation: number;
}

const checksum = (text: string) => createHash('sha256').update(text).digest('hex');

function formatSlot({ generation, size, root }: Slot): Buffer {
  const text = `${generation} ${size} ${Buffer.from(root).toString('hex')}`;
  return Buffer.from(`${text} ${checksum(text)}\n`.padEnd(SLOT_BYTES, ' '));
}

function parseSlot(bytes: Buffer): Slot | undefined {
  const match = /^((\d{1,15}) (\d{1,15}) ([0-9a-f]{64})) ([0-9a-f]{64})\n *$/.exec(
    bytes.toString('latin1'),
  );
  if (match === null || checksum(match[1] ?? '') !== match[5]) return undefined;
  return {
    generation: Number(match[2]),
    size: Number(match[3]),
    root: Buffer.from(match[4] ?? '', 'hex'),
  };
}

export interface MarkFile {
  /** Durable when it returns. A crash before leaves the mark before: the store is ahead, which start-up mends. */
  write(mark: Mark): void;
  close(): void;
}

/** The newest slot that is whole; undefined where there is no file, or none is whole. */
export function readMark(path: string): (Mark & { generation: number }) | undefined {
  if (!existsSync(path)) return undefined;
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(2 * SLOT_BYTES);
    readSync(fd, bytes, 0, bytes.length, 0);
    const slots = [parseSlot(bytes.subarray(0, SLOT_BYTES)), parseSlot(bytes.subarray(SLOT_BYTES))];
    return slots
      .filter((slot) => slot !== undefined)
      .sort((a, b) => b.generation - a.generation)[0];
  } finally {
    closeSync(fd);
  }
}

export function openMark(path: string): MarkFile {
  /** Moved by write() alone. */
  let generation = (readMark(path)?.generation ?? -1) + 1;
  const fresh = !existsSync(path);
  const fd = openSync(path, fresh ? 'w+' : 'r+', 0o644);
  if (fresh) syncDirectory(dirname(path));
  return {
    write({ size, root }) {
      writeSync(
        fd,
        formatSlot({ generation, size, root }),
        0,
        SLOT_BYTES,
        (generation % 2) * SLOT_BYTES,
      );
      fdatasyncSync(fd);
      generation++;
    },
    close: () => closeSync(fd),
  };
}
