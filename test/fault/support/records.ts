// SPDX-License-Identifier: Apache-2.0
// What a client got and made durable before it believed it: one JSON line for each answer.
import { closeSync, existsSync, fdatasyncSync, openSync, readFileSync, writeSync } from 'node:fs';

export type Record =
  | { readonly kind: 'entry'; readonly request: string; readonly answer: string }
  | { readonly kind: 'certificate'; readonly answer: string }
  /** `digest` and `reply` in base64. */
  | { readonly kind: 'stamp'; readonly digest: string; readonly reply: string }
  | { readonly kind: 'checkpoint'; readonly log: 'tlog' | 'ctlog'; readonly note: string };

export interface Recorder {
  /** Returns when the answer is on the disk. */
  record(record: Record): void;
  close(): void;
}

export function openRecorder(path: string): Recorder {
  const fd = openSync(path, 'a');
  return {
    record(record) {
      writeSync(fd, `${JSON.stringify(record)}\n`);
      fdatasyncSync(fd);
    },
    close: () => closeSync(fd),
  };
}

export function readRecords(path: string): Record[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line));
}
