// SPDX-License-Identifier: Apache-2.0
// The store that a log of one process uses: SQLite and the mark behind a writer thread, a read-only
// connection on this one.
import { existsSync, mkdirSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CodedError } from '../core/errors.ts';
import { syncDirectory } from '../runtime/store.ts';
import { readMark } from './mark.ts';
import { openReader } from './sqlite.ts';
import { type Batch, type LogStore, storeMissing } from './store.ts';
import type { Answer, Message, ThreadData } from './thread.ts';
import type { LogOptions } from './types.ts';
import type { Order } from './writer.ts';

/** Beside this file, with its ending: a release is JavaScript. */
const THREAD = new URL(`./thread${extname(import.meta.filename)}`, import.meta.url);

interface Thread {
  /** Resolves when the thread has carried it out; rejects when it failed, or is gone. */
  send(order: Order, transfer?: ArrayBuffer[]): Promise<void>;
  /** Resolves when the thread is gone, which may have been before. */
  end(): Promise<void>;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function toError({ message, code }: NonNullable<Answer['error']>): Error {
  return code === undefined ? new Error(message) : new CodedError(code, message);
}

/** Answers come in the order of the messages. @throws what the thread could not open */
async function startThread(data: ThreadData): Promise<Thread> {
  const worker = new Worker(THREAD, { workerData: data });
  /** Filled by expect(), emptied by the thread's answers or its end. */
  const waiting: Waiting[] = [];
  /** Set when the thread is gone. */
  let gone: Error | undefined;
  const expect = () =>
    new Promise<void>((resolve, reject) => {
      if (gone === undefined) waiting.push({ resolve, reject });
      else reject(gone);
    });
  const lose = (error: Error) => {
    gone ??= error;
    for (const { reject } of waiting.splice(0)) reject(gone);
  };
  worker.on('message', ({ error }: Answer) => {
    const waiter = waiting.shift();
    if (error === undefined) waiter?.resolve();
    else waiter?.reject(toError(error));
  });
  worker.on('error', lose);
  const exited = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      lose(new Error('the writer thread ended'));
      resolve();
    });
  });
  await expect();
  return {
    send(order, transfer = []) {
      const done = expect();
      worker.postMessage(order, transfer);
      return done;
    },
    end() {
      worker.postMessage({ kind: 'close' } satisfies Message);
      return exited;
    },
  };
}

/** Hands copies of the entries over: the thread then need not copy them, while nobody is answered. */
function sendBatch({ send }: Thread, batch: Batch): Promise<void> {
  const chunks = batch.chunks.map((chunk) => ({ ...chunk, entries: chunk.entries.slice() }));
  const transfer = chunks.map(({ entries }) => entries.buffer);
  return send({ kind: 'commit', batch: { ...batch, chunks } }, transfer);
}

/** @throws CodedError STATE_INCONSISTENT (store gone, mark damaged), STATE_NEWER */
export async function openEmbeddedStore(
  options: Pick<LogOptions, 'name' | 'directory' | 'markDirectory'>,
): Promise<LogStore> {
  const { name, directory, markDirectory } = options;
  mkdirSync(directory, { recursive: true });
  mkdirSync(markDirectory, { recursive: true });
  const file = join(directory, `${name}.sqlite`);
  const markFile = join(markDirectory, `${name}.mark`);
  const mark = readMark(markFile);
  if (mark !== undefined && mark.size > 0 && !existsSync(file)) throw storeMissing(name, mark);
  const thread = await startThread({ file, markFile });
  const { send } = thread;
  syncDirectory(directory);
  const { close: closeReader, ...reader } = openReader(file);
  return {
    reader,
    mark,
    create: (identity, head) => send({ kind: 'create', identity, head }),
    commit: (batch) => sendBatch(thread, batch),
    compact: (bundles) => send({ kind: 'compact', bundles }),
    roll: ({ size, root }) => send({ kind: 'roll', mark: { size, root } }),
    async close() {
      // The last connection that closes is the writer's: it folds the write-ahead log into the file.
      closeReader();
      await thread.end();
    },
  };
}
