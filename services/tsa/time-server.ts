// SPDX-License-Identifier: Apache-2.0
// One question to one time server over UDP.
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { ParseError } from '../core/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { TimeServer } from './config.ts';
import { NONCE_OCTETS, readSntpReply, type Sample, sntpRequest } from './sntp.ts';

export interface AskOptions {
  readonly clock: Clock;
  /** Unpredictable bytes. */
  readonly random: (size: number) => Uint8Array;
  readonly timeoutMs: number;
}

/** @throws ParseError, KissOfDeath, or what the network says */
export type Ask = (server: TimeServer) => Promise<Sample>;

/**
 * A socket of its own for each question, on a port that the kernel picks and connected, so that it
 * takes answers from the server alone.
 */
export function udpAsk({ clock, random, timeoutMs }: AskOptions): Ask {
  return async ({ host, port }) => {
    const nonce = random(NONCE_OCTETS);
    const silence = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => silence.reject(new ParseError(`no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      const { address, family } = await Promise.race([lookup(host), silence.promise]);
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
      try {
        const answer = Promise.withResolvers<Sample>();
        socket.on('error', answer.reject);
        socket.connect(port, address, () => {
          const sentMs = clock();
          socket.once('message', (reply) => {
            const receivedMs = clock();
            try {
              answer.resolve(readSntpReply(new Uint8Array(reply), nonce, sentMs, receivedMs));
            } catch (error) {
              answer.reject(error);
            }
          });
          socket.send(sntpRequest(nonce), (error) => error && answer.reject(error));
        });
        return await Promise.race([answer.promise, silence.promise]);
      } finally {
        socket.close();
      }
    } finally {
      clearTimeout(timer);
      // Whoever lost the race must not end the process.
      silence.promise.catch(() => {});
    }
  };
}
