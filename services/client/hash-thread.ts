// SPDX-License-Identifier: Apache-2.0
// A thread that hashes whole files. Nothing else runs on it, so it reads and hashes in turn.

import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { fileFault } from './files.ts';

export interface HashOrder {
  readonly path: string;
  readonly hash: string;
}

export type HashAnswer = { readonly digest: Uint8Array } | { readonly fault: string };

const PIECE_LENGTH = 1 << 20;
const piece = new Uint8Array(PIECE_LENGTH);

function hashWhole({ path, hash }: HashOrder): Uint8Array {
  const engine = createHash(hash);
  const fd = openSync(path, 'r');
  try {
    for (let length = readSync(fd, piece); length > 0; length = readSync(fd, piece)) {
      engine.update(piece.subarray(0, length));
    }
  } finally {
    closeSync(fd);
  }
  return new Uint8Array(engine.digest());
}

function answer(order: HashOrder): HashAnswer {
  try {
    return { digest: hashWhole(order) };
  } catch (error) {
    return { fault: fileFault(error) };
  }
}

parentPort?.on('message', (order: HashOrder) => parentPort?.postMessage(answer(order)));
