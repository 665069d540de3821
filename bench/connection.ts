// SPDX-License-Identifier: Apache-2.0
// One keep-alive connection over a bare socket: the load generator shares the machine with the
// server, so it must cost little.
import { connect } from 'node:net';
import { parseReply, type Reply } from './reply.ts';

export interface Connection {
  /** Sends whole request bytes; one at a time. Rejects when the connection breaks. */
  exchange(request: Buffer): Promise<Reply>;
  close(): void;
}

export function openConnection(port: number): Promise<Connection> {
  return new Promise((opened, failed) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    /** Of the reply that is awaited; both are written by exchange() and the handlers below. */
    let received: Buffer = Buffer.alloc(0);
    let waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void } | undefined;
    const fail = (error: Error) => {
      failed(error);
      waiting?.reject(error);
      waiting = undefined;
    };
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the server closed the connection')));
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      try {
        const reply = parseReply(received);
        if (reply === undefined) return;
        received = Buffer.alloc(0);
        waiting?.resolve(reply);
        waiting = undefined;
      } catch (error) {
        fail(error as Error);
      }
    });
    socket.on('connect', () =>
      opened({
        exchange: (request) =>
          new Promise((resolve, reject) => {
            waiting = { resolve, reject };
            socket.write(request);
          }),
        close: () => socket.destroy(),
      }),
    );
  });
}

export function requestBytes(path: string, type: string, body: string | Uint8Array): Buffer {
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: localhost',
    `content-type: ${type}`,
    `content-length: ${Buffer.byteLength(body)}`,
  ].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), Buffer.from(body)]);
}
