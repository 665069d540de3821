// SPDX-License-Identifier: Apache-2.0
// Starts a client process and tells when it is in full swing and how it ended.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Message } from './client.ts';

export interface Load {
  /** Resolves when as many answers have come as requests are kept in flight. */
  readonly swing: Promise<void>;
  readonly end: Promise<Extract<Message, { type: 'end' }>>;
  readonly child: ChildProcess;
}

export function startLoad(url: string, records: string, concurrency: number): Load {
  const child = fork(join(import.meta.dirname, 'client.ts'), [url, records, String(concurrency)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  });
  const early = (reject: (error: Error) => void, what: string) =>
    child.once('exit', (code) => reject(new Error(`client ended with ${code} before ${what}`)));
  const of = <T extends Message['type']>(type: T) =>
    new Promise<Extract<Message, { type: T }>>((resolve, reject) => {
      child.on('message', (message: Message) => {
        if (message.type === type) resolve(message as Extract<Message, { type: T }>);
      });
      early(reject, type);
    });
  const end = of('end');
  const swing = of('swing').then(() => {});
  // Whoever waits sees the reason; nobody waiting is no fault.
  for (const promise of [end, swing]) promise.catch(() => {});
  return { swing, end, child };
}
