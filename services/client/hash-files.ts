// SPDX-License-Identifier: Apache-2.0
// Digests of many files, on every core: OpenSSL hashes a file on one core and no faster.
import { statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { HashName } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { hashFile } from './files.ts';
import type { HashAnswer, HashOrder } from './hash-thread.ts';

/** Beside this file, with its ending: a release is JavaScript. */
const THREAD = new URL(`./hash-thread${extname(import.meta.filename)}`, import.meta.url);

/** A thread takes 40 ms to start: below this it costs more than it saves. */
const WORTH_A_THREAD = 64 << 20;

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function oneByOne(paths: readonly string[], hash: HashName): Promise<Uint8Array[]> {
  const digests: Uint8Array[] = [];
  for (const path of paths) {
    const { [hash]: digest = new Uint8Array() } = await hashFile(path, [hash]);
    digests.push(digest);
  }
  return digests;
}

/** Largest first: a large one at the end would leave all cores but one idle. */
function largestFirst(paths: readonly string[]): number[] {
  const sizes = paths.map(sizeOf);
  return [...paths.keys()].sort((a, b) => (sizes[b] ?? 0) - (sizes[a] ?? 0));
}

/** Hands the next file to a thread whenever it is done with one. Resolves when none is left. */
function employ(
  worker: Worker,
  next: () => { readonly at: number; readonly order: HashOrder } | undefined,
  done: (at: number, digest: Uint8Array) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    /** What the thread works on. Written by give() alone. */
    let current: { readonly at: number; readonly order: HashOrder } | undefined;
    const give = () => {
      current = next();
      if (current === undefined) resolve();
      else worker.postMessage(current.order);
    };
    worker.on('error', reject);
    worker.on('message', (answer: HashAnswer) => {
      const { at = 0, order } = current ?? {};
      if ('fault' in answer) {
        const field = order?.path ?? '';
        reject(new CodedError('FILE_UNREADABLE', `${field}: ${answer.fault}`, { field }));
        return;
      }
      done(at, answer.digest);
      give();
    });
    give();
  });
}

/**
 * One digest for each file, in their order. A file is read once, in pieces.
 * @throws CodedError FILE_UNREADABLE for the first that cannot be read
 */
export async function hashFiles(
  paths: readonly string[],
  hash: HashName = 'sha256',
): Promise<Uint8Array[]> {
  const threads = Math.min(paths.length, availableParallelism());
  const total = paths.reduce((sum, path) => sum + sizeOf(path), 0);
  if (threads < 2 || total < WORTH_A_THREAD) return oneByOne(paths, hash);
  const order = largestFirst(paths).map((at) => ({
    at,
    order: { path: paths[at] as string, hash },
  }));
  const digests: Uint8Array[] = paths.map(() => new Uint8Array());
  const workers = Array.from({ length: threads }, () => new Worker(THREAD));
  const take = () => order.shift();
  const keep = (at: number, digest: Uint8Array) => {
    digests[at] = digest;
  };
  try {
    await Promise.all(workers.map((worker) => employ(worker, take, keep)));
    return digests;
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}
