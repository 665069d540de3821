// SPDX-License-Identifier: Apache-2.0
// The writer thread: the only one that waits for a disk, so that no reader and no signer does.
import { parentPort, workerData } from 'node:worker_threads';
import { CodedError } from '../core/errors.ts';
import { releaseMemory } from '../runtime/memory.ts';
import { openMark } from './mark.ts';
import { type Order, openWriter, type Writer } from './writer.ts';

/** Where the writer finds its files. */
export interface ThreadData {
  readonly file: string;
  readonly markFile: string;
}

/** An order, or `close`. */
export type Message = Order | { readonly kind: 'close' };

/** One for the start, then one for each order, in turn; none for `close`, which ends the thread. */
export interface Answer {
  readonly error?: { readonly message: string; readonly code?: CodedError['code'] };
}

function failure(error: unknown): Answer {
  const { message } = error as Error;
  return { error: error instanceof CodedError ? { message, code: error.code } : { message } };
}

function attempt(work: () => void): Answer {
  try {
    work();
    return {};
  } catch (error) {
    return failure(error);
  }
}

/** A writer that does not open leaves no listener behind, which ends the thread. */
function serve(port: NonNullable<typeof parentPort>, { file, markFile }: ThreadData): void {
  let writer: Writer;
  try {
    writer = openWriter(file, openMark(markFile));
  } catch (error) {
    port.postMessage(failure(error));
    return;
  }
  port.on('message', (message: Message) => {
    if (message.kind !== 'close') {
      port.postMessage(attempt(() => writer.perform(message)));
      return;
    }
    port.close();
    writer.close();
  });
  // While nobody waits for a commit yet.
  releaseMemory();
  port.postMessage({} satisfies Answer);
}

if (parentPort !== null) serve(parentPort, workerData as ThreadData);
