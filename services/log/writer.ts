// SPDX-License-Identifier: Apache-2.0
// The writer thread: the only one that waits for a disk, so that no reader and no signer does.
import { parentPort, Worker, workerData } from 'node:worker_threads';
import { openMark } from './mark.ts';
import { committer, openDatabase } from './sqlite.ts';
import type { Batch, LogWriter } from './store.ts';

interface WriterData {
  readonly kind: 'sigstead-log-writer';
  readonly file: string;
  readonly markFile: string;
  readonly treeId: string;
}

/** null closes. */
type Order = Batch | null;
type Answer = { error?: string };

function serve(port: NonNullable<typeof parentPort>, data: WriterData): void {
  const db = openDatabase(data.file);
  const commit = committer(db, data.treeId);
  const mark = openMark(data.markFile);
  port.on('message', (order: Order) => {
    if (order === null) {
      db.close();
      mark.close();
      port.close();
      return;
    }
    try {
      commit(order);
      // A crash here leaves the store ahead of the mark: nobody was answered, the next start moves the mark.
      mark.write(order.head);
      // A crash here leaves both durable and nobody answered: clients ask again and get the same entry.
      port.postMessage({} satisfies Answer);
    } catch (error) {
      port.postMessage({ error: (error as Error).message } satisfies Answer);
    }
  });
}

if (parentPort !== null && (workerData as WriterData | null)?.kind === 'sigstead-log-writer') {
  serve(parentPort, workerData as WriterData);
}

/** One commit is under way at a time: the sequencer awaits each. */
export function startWriter(data: Omit<WriterData, 'kind'>): LogWriter {
  const worker = new Worker(new URL(import.meta.url), {
    workerData: { ...data, kind: 'sigstead-log-writer' },
  });
  worker.unref();
  /** Set by commit(), settled by the thread's answer or its end. */
  let waiting: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const settle = (error?: Error) => {
    const waiter = waiting;
    waiting = undefined;
    if (error === undefined) waiter?.resolve();
    else waiter?.reject(error);
  };
  worker.on('message', (answer: Answer) => {
    worker.unref();
    settle(answer.error === undefined ? undefined : new Error(answer.error));
  });
  worker.on('error', (error: Error) => settle(error));
  const ended = new Promise<void>((resolve) => {
    worker.on('exit', () => {
      settle(new Error('the writer thread ended'));
      resolve();
    });
  });
  return {
    commit: (batch) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        worker.ref();
        worker.postMessage(batch);
      }),
    async close() {
      worker.ref();
      worker.postMessage(null);
      await ended;
    },
  };
}
