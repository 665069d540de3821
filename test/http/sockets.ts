// SPDX-License-Identifier: Apache-2.0
// Clients that write octets as they please.
import { connect, type Socket } from 'node:net';

export interface Heard {
  /** Everything that came back. */
  readonly text: string;
  /** How the connection ended, or that it was still open when the patience ended. */
  readonly end: 'closed' | 'reset' | 'open';
  readonly millis: number;
}

export type Script = (socket: Socket) => void | Promise<void>;

export interface Asked {
  readonly port: number;
  /** Longest wait. */
  readonly patienceMs?: number;
  /** Enough was heard; else it waits for the end. */
  readonly until?: (text: string) => boolean;
}

/** Connects, lets the script write, and hears what comes back. */
export function converse(asked: Asked, script: Script | string | Uint8Array): Promise<Heard> {
  const { port, patienceMs = 5000, until = () => false } = asked;
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const begun = performance.now();
    let text = '';
    const finish = (end: Heard['end']) => {
      clearTimeout(timer);
      resolve({ text, end, millis: performance.now() - begun });
      socket.destroy();
    };
    const timer = setTimeout(() => finish('open'), patienceMs);
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (until(text)) finish('open');
    });
    socket.on('error', () => finish('reset'));
    socket.on('close', () => finish('closed'));
    socket.on('connect', () => {
      if (typeof script === 'function') void script(socket);
      else socket.write(script);
    });
  });
}

/** Status codes of the answers in it, interim ones too. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

/** Code in the body of a refusal. */
export function reason(text: string): string | undefined {
  return /"reason":"([A-Z_]+)"/.exec(text)?.[1];
}

/** Head of a request, with its empty line. */
export function head(line: string, ...headers: string[]): string {
  return [line, 'Host: localhost', ...headers, '', ''].join('\r\n');
}
