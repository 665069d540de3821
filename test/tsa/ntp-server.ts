// SPDX-License-Identifier: Apache-2.0
// A time server on loopback that answers as a test wants it to.
import { createSocket } from 'node:dgram';

const NTP_EPOCH_MS = Date.UTC(1900, 0, 1);

export interface Answer {
  /** What its clock shows. */
  readonly nowMs?: number;
  readonly leap?: number;
  readonly version?: number;
  readonly mode?: number;
  readonly stratum?: number;
  /** Reference identifier, four letters. */
  readonly kiss?: string;
  readonly rootDelay?: number;
  readonly rootDispersion?: number;
  /** Instead of what the question holds. */
  readonly originate?: Uint8Array;
  readonly receiveMs?: number;
  readonly transmitMs?: number;
  /** Octets kept of the answer, or added to it. */
  readonly length?: number;
  /** Instead of all of the above. */
  readonly bytes?: Uint8Array;
}

function writeTimestamp(out: Buffer, at: number, timeMs: number): void {
  const ms = timeMs - NTP_EPOCH_MS;
  const seconds = Math.floor(ms / 1000);
  out.writeUInt32BE(seconds % 2 ** 32, at);
  out.writeUInt32BE(Math.floor(((ms - seconds * 1000) / 1000) * 2 ** 32), at + 4);
}

/** The 48 octets of a server's answer to `question`. */
export function sntpReply(question: Uint8Array, answer: Answer): Buffer {
  if (answer.bytes !== undefined) return Buffer.from(answer.bytes);
  const out = Buffer.alloc(48);
  const { leap = 0, version = 4, mode = 4, stratum = 2, nowMs = 0 } = answer;
  out[0] = (leap << 6) | (version << 3) | mode;
  out[1] = stratum;
  out[2] = 6;
  out[3] = 0xec;
  out.writeInt32BE((answer.rootDelay ?? 0.01) * 65_536, 4);
  out.writeInt32BE((answer.rootDispersion ?? 0.02) * 65_536, 8);
  out.write(answer.kiss ?? 'LOCL', 12, 'latin1');
  writeTimestamp(out, 16, nowMs - 60_000);
  out.set(answer.originate ?? question.subarray(40, 48), 24);
  writeTimestamp(out, 32, answer.receiveMs ?? nowMs);
  writeTimestamp(out, 40, answer.transmitMs ?? nowMs);
  const length = answer.length ?? out.length;
  return Buffer.concat([out, Buffer.alloc(Math.max(0, length - 48))]).subarray(0, length);
}

export interface FakeTimeServer {
  /** As a configuration names it. */
  readonly name: string;
  /** Questions so far. */
  readonly questions: readonly Uint8Array[];
  /** What it answers from now on; undefined = silence. */
  behave(answer: (question: Uint8Array) => Answer | undefined): void;
  close(): Promise<void>;
}

export async function startTimeServer(
  answer: (question: Uint8Array) => Answer | undefined,
): Promise<FakeTimeServer> {
  let behaviour = answer;
  const questions: Uint8Array[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (message, from) => {
    const question = new Uint8Array(message);
    questions.push(question);
    const reply = behaviour(question);
    if (reply !== undefined) socket.send(sntpReply(question, reply), from.port, from.address);
  });
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  return {
    name: `127.0.0.1:${socket.address().port}`,
    questions,
    behave(next) {
      behaviour = next;
    },
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
