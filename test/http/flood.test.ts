// SPDX-License-Identifier: Apache-2.0
// A real process under floods: it answers the next client, no answer is a 500, and its memory stays
// within bounds that do not depend on how long the flood lasts.
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryBody, newKeyPair, PATHS, TYPES } from '../support/requests.ts';
import { type StackProcess, startServe, temporaryDirectory } from '../support/stack.ts';
import { converse, head, statuses } from './sockets.ts';

const MIB = 1 << 20;
/** What floods may add to a process that has been warmed up, garbage included; each pours in more. */
const GROWTH_MIB = 768;

const directory = temporaryDirectory();
let stack: StackProcess;
let port: number;
let calm: number;

/** Linux alone tells; elsewhere the floods run without the bound. */
function residentMib(): number {
  try {
    const status = readFileSync(`/proc/${stack.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

async function serves(): Promise<void> {
  const body = entryBody(newKeyPair());
  const headers = { 'content-type': TYPES.entry };
  const answer = await fetch(stack.url + PATHS.entry, { method: 'POST', headers, body });
  await answer.arrayBuffer();
  expect(answer.status).toBe(201);
}

beforeAll(async () => {
  stack = await startServe({ data: directory.path });
  await stack.settled();
  port = Number(new URL(stack.url).port);
  for (let i = 0; i < 100; i++) await serves();
  calm = residentMib();
});
afterAll(async () => {
  const { code } = await stack.end('SIGTERM');
  directory.remove();
  expect([code, stack.errors()]).toEqual([0, expect.not.stringMatching(/"level":"error"/)]);
});

/** Runs a flood and watches the process meanwhile. */
async function peakOf(flood: Promise<unknown>): Promise<number> {
  let peak = residentMib();
  const watch = setInterval(() => {
    peak = Math.max(peak, residentMib());
  }, 20);
  await flood;
  clearInterval(watch);
  return peak - calm;
}

/** So many conversations, some at a time. */
async function crowd(
  count: number,
  atOnce: number,
  talk: (i: number) => ReturnType<typeof converse>,
): Promise<number[]> {
  const heard: number[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < count; i = next++) heard.push(...statuses((await talk(i)).text));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return heard;
}

describe('a flood of', () => {
  it('headers', async () => {
    let heard: number[] = [];
    const text = head('GET /healthz HTTP/1.1', ...Array(3000).fill('x-flood: yes'));
    const grown = await peakOf(
      crowd(1500, 50, () => converse({ port }, text)).then((found) => {
        heard = found;
      }),
    );
    expect(new Set(heard)).toEqual(new Set([431]));
    expect(grown).toBeLessThan(GROWTH_MIB);
    await serves();
  });

  it('paths that are no paths', async () => {
    let heard: number[] = [];
    const grown = await peakOf(
      crowd(1500, 50, (i) => {
        const line = `${i % 2 === 0 ? 'GET' : 'POST'} /api/v2/tile/${'x'.repeat(2000)}${i} HTTP/1.1`;
        return converse({ port }, head(line, 'Content-Length: 0', 'Connection: close'));
      }).then((found) => {
        heard = found;
      }),
    );
    expect(new Set(heard)).toEqual(new Set([404, 405]));
    expect(grown).toBeLessThan(GROWTH_MIB);
    await serves();
  });

  it('large bodies that stop before their end', async () => {
    const part = Buffer.alloc(4 * MIB - 100, '[');
    const open: Socket[] = [];
    /** The first refusal, and a while for what is still on its way: then all give up. */
    let refused = false;
    const until = (text: string) => {
      if (!refused && text !== '') {
        refused = true;
        setTimeout(() => {
          for (const socket of open) socket.destroy();
        }, 1500);
      }
      return false;
    };
    let heard: number[] = [];
    const grown = await peakOf(
      crowd(300, 300, () =>
        converse({ port, patienceMs: 20_000, until }, (socket) => {
          open.push(socket);
          socket.write(head('POST /api/v2/log/entries HTTP/1.1', `Content-Length: ${4 * MIB}`));
          socket.write(part);
        }),
      ).then((found) => {
        heard = found;
      }),
    );
    // 1200 MiB are sent; 128 MiB of them may stay.
    expect([refused, new Set(heard)]).toEqual([true, new Set([503])]);
    expect(grown).toBeLessThan(GROWTH_MIB);
    await serves();
  });

  it('bodies beyond the limit', async () => {
    const block = Buffer.alloc(MIB);
    const pour = (socket: Socket) => {
      socket.write(head('POST /api/v2/log/entries HTTP/1.1', 'Transfer-Encoding: chunked'));
      const pump = () => {
        while (
          socket.writable &&
          socket.write(Buffer.concat([Buffer.from('100000\r\n'), block, Buffer.from('\r\n')]))
        );
      };
      socket.on('drain', pump);
      pump();
    };
    let heard: number[] = [];
    const grown = await peakOf(
      crowd(24, 12, () => converse({ port }, pour)).then((found) => {
        heard = found;
      }),
    );
    expect(heard.filter((status) => ![400, 413, 503].includes(status))).toEqual([]);
    expect(grown).toBeLessThan(GROWTH_MIB);
    await serves();
  });

  it('requests whose answers nobody reads', async () => {
    const text = head('GET /api/v2/tile/0/000.p/255 HTTP/1.1').repeat(5000);
    const grown = await peakOf(
      crowd(60, 60, () =>
        converse({ port, patienceMs: 1500 }, (socket) => {
          socket.pause();
          socket.write(text);
        }),
      ),
    );
    expect(grown).toBeLessThan(GROWTH_MIB);
    await serves();
  });

  it('idle connections, up to the limit, and beyond', async () => {
    const heard = crowd(1300, 1300, () =>
      converse({ port, patienceMs: 1500 }, 'GET / HTTP/1.1\r\n'),
    );
    const grown = await peakOf(heard);
    expect(await heard).toEqual([]);
    expect(grown).toBeLessThan(GROWTH_MIB);
    await sleep(50);
    await serves();
  });

  it('malformed requests, and none is a fault', async () => {
    const bodies = [
      '{',
      '[]',
      'null',
      '{"hashedRekordRequestV002":{}}',
      '\u0000',
      '"'.repeat(5000),
    ];
    const grown = await peakOf(
      Promise.all(
        Array.from({ length: 32 }, async () => {
          for (let i = 0; i < 24; i++) {
            const answer = await fetch(`${stack.url}${PATHS.entry}`, {
              method: 'POST',
              body: bodies[i % bodies.length] ?? '',
            });
            await answer.arrayBuffer();
            expect(answer.status).toBe(400);
          }
        }),
      ),
    );
    expect(grown).toBeLessThan(GROWTH_MIB);
    const ready = await fetch(`${stack.url}/readyz`);
    expect(ready.status).toBe(200);
    await ready.arrayBuffer();
  });
});
