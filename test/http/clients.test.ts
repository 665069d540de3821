// SPDX-License-Identifier: Apache-2.0
// Clients that are slow, silent, greedy or odd, on real sockets: each gets the right status or is
// closed, and the next client is served.
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { LIMITS, type Limits } from '../../services/runtime/guard.ts';
import { createApp, readBody } from '../../services/runtime/http.ts';
import { createMetrics } from '../../services/runtime/metrics.ts';
import { type RunningServer, startServer } from '../../services/runtime/server.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { converse, head, reason, type Script, statuses } from './sockets.ts';

const BODY_LIMIT = LIMITS.bodyBytes;
const LARGE = 1 << 20;

let server: RunningServer;
let port: number;
const faults: unknown[] = [];
const metrics = createMetrics();
/** Bodies that were read whole. */
let handled = 0;

const app = createApp((error) => faults.push(error));
app.post('/echo', async (c) => {
  const { length } = await readBody(c, BODY_LIMIT);
  handled++;
  return c.text(`${length}`);
});
app.get('/large', (c) => c.body(new Uint8Array(LARGE)));
app.get('/small', (c) => c.text('here'));

const serve = (limits: Partial<Limits>) =>
  startServer({
    hosts: ['127.0.0.1'],
    port: 0,
    fetch: app.fetch,
    logger: silentLogger,
    metrics,
    limits: { checkMs: 50, ...limits },
  });

beforeAll(async () => {
  server = await serve({ headersMs: 300, requestMs: 600 });
  port = server.port;
});
afterAll(() => server.close(0));
afterEach(async () => {
  expect(faults).toEqual([]);
  const next = await converse(
    { port, until: (text) => text.endsWith('here') },
    head('GET /small HTTP/1.1'),
  );
  expect(statuses(next.text)).toEqual([200]);
});

/** Writes the pieces with pauses between them. */
function slowly(pieces: readonly string[], pauseMs: number): Script {
  return async (socket) => {
    for (const piece of pieces) {
      if (socket.destroyed) return;
      socket.write(piece);
      await sleep(pauseMs);
    }
  };
}

const POST = (...headers: string[]) => head('POST /echo HTTP/1.1', ...headers);

describe('slow and silent clients', () => {
  it('headers, an octet at a time: 408', async () => {
    const heard = await converse({ port }, slowly([...POST('content-length: 1')], 20));
    expect([statuses(heard.text), reason(heard.text)]).toEqual([[408], 'REQUEST_TIMEOUT']);
    expect(heard.end).not.toBe('open');
  });

  it('headers that never end: 408', async () => {
    const heard = await converse({ port }, 'GET /small HTTP/1.1\r\nHost: x\r\n');
    expect([statuses(heard.text), reason(heard.text)]).toEqual([[408], 'REQUEST_TIMEOUT']);
  });

  it('a connection that says nothing: closed', async () => {
    const heard = await converse({ port }, '');
    expect(heard.end).not.toBe('open');
    expect([[], [408]]).toContainEqual(statuses(heard.text));
  });

  it.each([
    ['an octet at a time', 'content-length: 5000', Array.from({ length: 200 }, () => 'x')],
    ['that stops', 'content-length: 5000', ['xxx']],
    [
      'in chunks, slowly',
      'transfer-encoding: chunked',
      Array.from({ length: 200 }, () => '1\r\nx\r\n'),
    ],
    ['in chunks, without an end', 'transfer-encoding: chunked', ['1\r\nx\r\n']],
  ])('a body %s: 408', async (_, header, pieces) => {
    const before = handled;
    const heard = await converse({ port }, slowly([POST(header), ...pieces], 20));
    expect([statuses(heard.text), reason(heard.text)]).toEqual([[408], 'REQUEST_TIMEOUT']);
    expect(heard.end).not.toBe('open');
    expect(handled).toBe(before);
  });

  it.each([
    ['in the headers', 'POST /echo HTT'],
    ['in the body', `${POST('content-length: 9')}abc`],
    ['in a chunk', `${POST('transfer-encoding: chunked')}5\r\nab`],
  ])('a client that ends its side %s: 400 or closed, no fault', async (_, text) => {
    const heard = await converse({ port }, (socket) => {
      socket.end(text);
    });
    expect(heard.end).not.toBe('open');
    expect([[], [400]]).toContainEqual(statuses(heard.text));
  });

  it('a half-open client that ended its side after the request is answered', async () => {
    const heard = await converse({ port }, (socket) => {
      socket.end(`${POST('content-length: 3')}abc`);
    });
    expect(statuses(heard.text)).toEqual([200]);
    expect(heard.text.endsWith('3')).toBe(true);
  });

  it('an answer that nobody reads: closed', async () => {
    const impatient = await serve({ idleMs: 500 });
    const heard = await converse({ port: impatient.port, patienceMs: 10_000 }, (socket) => {
      socket.pause();
      socket.write(head('GET /large HTTP/1.1').repeat(16));
      // A paused socket hears of no end: it looks when the server must have left.
      setTimeout(() => socket.resume(), 2500);
    });
    expect(heard.end).not.toBe('open');
    expect(heard.text.length).toBeLessThan(16 * LARGE);
    await impatient.close(0);
  });

  it('clients that vanish leave nothing behind', async () => {
    for (const text of [
      'P',
      POST('content-length: 9'),
      `${POST('transfer-encoding: chunked')}5\r\na`,
    ]) {
      await converse({ port }, (socket) => {
        socket.write(text, () => socket.destroy());
      });
    }
  });
});

describe('odd requests', () => {
  const OVER = 20_000;
  it.each<[what: string, text: string, status: number, code: string]>([
    ['no HTTP', '\u0016\u0003\u0001\u0002\u0000\u0001\r\n\r\n', 400, 'REQUEST_MALFORMED'],
    ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'REQUEST_MALFORMED'],
    ['an unknown method', head('FROB / HTTP/1.1'), 400, 'REQUEST_MALFORMED'],
    [
      'a long header',
      head('GET /small HTTP/1.1', `x: ${'a'.repeat(OVER)}`),
      431,
      'REQUEST_HEADERS_TOO_LARGE',
    ],
    [
      'a flood of headers',
      head('GET /small HTTP/1.1', ...Array(4000).fill('a: b')),
      431,
      'REQUEST_HEADERS_TOO_LARGE',
    ],
    ['a long URL', head(`GET /${'a'.repeat(OVER)} HTTP/1.1`), 431, 'REQUEST_HEADERS_TOO_LARGE'],
    [
      'a flood of trailers',
      `${POST('transfer-encoding: chunked')}0\r\n${'a: b\r\n'.repeat(5000)}\r\n`,
      431,
      'REQUEST_HEADERS_TOO_LARGE',
    ],
    ['a URL of 15 KB', head(`GET /${'a'.repeat(15_000)} HTTP/1.1`), 404, 'NOT_FOUND'],
    ['percent signs that are none', head('GET /%zz%ff%00 HTTP/1.1'), 404, 'NOT_FOUND'],
    ['a URL without a path', head('OPTIONS * HTTP/1.1'), 400, 'REQUEST_MALFORMED'],
    ['a broken absolute URL', head('GET http:///[ HTTP/1.1'), 400, 'REQUEST_MALFORMED'],
    ['a Host that is none', 'GET /small HTTP/1.1\r\nHost: a b/@\r\n\r\n', 400, 'REQUEST_MALFORMED'],
    ['two Hosts', head('GET /small HTTP/1.1', 'Host: other'), 400, 'REQUEST_MALFORMED'],
    [
      'an upgrade',
      head('GET /none HTTP/1.1', 'Connection: upgrade', 'Upgrade: websocket'),
      404,
      'NOT_FOUND',
    ],
    [
      'two lengths',
      `${POST('content-length: 3', 'content-length: 4')}abc`,
      400,
      'REQUEST_MALFORMED',
    ],
    ['a negative length', `${POST('content-length: -3')}abc`, 400, 'REQUEST_MALFORMED'],
    [
      'a length beyond 64 bits',
      POST(`content-length: ${'9'.repeat(30)}`),
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'length and chunks',
      `${POST('content-length: 3', 'transfer-encoding: chunked')}0\r\n\r\n`,
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'an unknown transfer coding',
      `${POST('transfer-encoding: gzip')}abc`,
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'a chunk size that is none',
      `${POST('transfer-encoding: chunked')}zz\r\nabc\r\n`,
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'a chunk longer than its size',
      `${POST('transfer-encoding: chunked')}2\r\nabcdef\r\n`,
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'a negative chunk',
      `${POST('transfer-encoding: chunked')}-1\r\na\r\n`,
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'a chunk size beyond 64 bits',
      `${POST('transfer-encoding: chunked')}${'f'.repeat(17)}\r\na\r\n`,
      400,
      'REQUEST_MALFORMED',
    ],
    [
      'a flood of chunk extensions',
      `${POST('transfer-encoding: chunked')}1;${'a'.repeat(OVER)}\r\nx\r\n`,
      413,
      'REQUEST_TOO_LARGE',
    ],
    ['a body too large', POST(`content-length: ${BODY_LIMIT + 1}`), 413, 'REQUEST_TOO_LARGE'],
    [
      'a header with a raw line break',
      head('GET /small HTTP/1.1', 'x: a\nb'),
      400,
      'REQUEST_MALFORMED',
    ],
    ['a header without a name', head('GET /small HTTP/1.1', ': a'), 400, 'REQUEST_MALFORMED'],
  ])('%s', async (_, text, status, code) => {
    const until = (heard: string) => heard.includes('"reason"') && /}\]}\s*(0\s*)?$/.test(heard);
    const heard = await converse({ port, until }, text);
    expect([statuses(heard.text)[0], reason(heard.text)]).toEqual([status, code]);
  });

  it.each([
    ['no Host', 'GET /small HTTP/1.1\r\n\r\n', 400],
    ['an expectation that nobody meets', POST('expect: magic', 'content-length: 0'), 417],
  ])('%s', async (_, text, status) => {
    const heard = await converse({ port, until: (got) => got.includes('\r\n\r\n') }, text);
    expect(statuses(heard.text)).toEqual([status]);
  });

  it('CONNECT: closed', async () => {
    const heard = await converse({ port }, head('CONNECT localhost:1 HTTP/1.1'));
    expect([heard.text, heard.end]).toEqual(['', 'closed']);
  });
});

describe('Expect: 100-continue', () => {
  it('is told to go on', async () => {
    const heard = await converse(
      { port, until: (text) => text.endsWith('\r\n\r\n3') },
      async (socket) => {
        socket.once('data', () => socket.write('abc'));
        socket.write(POST('expect: 100-continue', 'content-length: 3'));
      },
    );
    expect(statuses(heard.text)).toEqual([100, 200]);
  });

  it('is refused before it sends a body that no route takes', async () => {
    const text = POST('expect: 100-continue', `content-length: ${BODY_LIMIT + 1}`);
    const heard = await converse({ port, until: (got) => got.includes('"reason"') }, text);
    expect([statuses(heard.text), reason(heard.text)]).toEqual([[413], 'REQUEST_TOO_LARGE']);
  });
});

describe('many at once', () => {
  it('pipelined requests are answered in order', async () => {
    const texts = Array.from(
      { length: 12 },
      (_, i) => `${POST(`content-length: ${i}`)}${'x'.repeat(i)}`,
    );
    const heard = await converse(
      { port, until: (text) => statuses(text).length === 12 && /\r\n\r\n11$/.test(text) },
      texts.join(''),
    );
    expect(statuses(heard.text)).toEqual(Array(12).fill(200));
    const bodies = [...heard.text.matchAll(/\r\n\r\n(\d+)/g)].map((match) => Number(match[1]));
    expect(bodies).toEqual(Array.from({ length: 12 }, (_, i) => i));
  });

  it('a client that asks on without reading is closed', async () => {
    const heard = await converse({ port }, (socket) => {
      socket.pause();
      socket.write(head('GET /large HTTP/1.1').repeat(2000));
      setTimeout(() => socket.resume(), 300);
    });
    expect(heard.end).not.toBe('open');
    expect(heard.text.length).toBeLessThan(20 * LARGE);
  });

  it('connections beyond the limit are closed at once, those before are served', async () => {
    const small = await serve({ connections: 40 });
    const open = new Set<Socket>();
    let connected = 0;
    const crowd = Array.from({ length: 60 }, () =>
      converse({ port: small.port, patienceMs: 20_000 }, (socket) => {
        connected++;
        open.add(socket.on('close', () => open.delete(socket)));
      }),
    );
    // All have connected, and twenty have been closed again.
    await expect.poll(() => connected, { timeout: 10_000 }).toBe(60);
    await expect.poll(() => open.size, { timeout: 10_000 }).toBe(40);
    for (const socket of open) socket.write(head('GET /small HTTP/1.1', 'Connection: close'));
    const heard = await Promise.all(crowd);
    const served = heard.filter(({ text }) => statuses(text)[0] === 200);
    const turned = heard.filter(({ text }) => text === '');
    expect([served.length, turned.length]).toEqual([40, 20]);
    await small.close(0);
  });

  it('a body beyond the limit is drained or cut, and never kept', async () => {
    const block = Buffer.alloc(1 << 20);
    const heard = await converse({ port }, (socket) => {
      socket.write(POST('content-length: 1000000000'));
      const pump = () => {
        while (socket.writable && socket.write(block));
      };
      socket.on('drain', pump);
      pump();
    });
    expect(statuses(heard.text)).toEqual([413]);
    expect(heard.end).not.toBe('open');
  });

  it('counts whom it refuses', async () => {
    const text = await metrics.text();
    for (const why of [
      'connections',
      'host',
      'pipelining',
      'REQUEST_TIMEOUT',
      'REQUEST_HEADERS_TOO_LARGE',
      'REQUEST_MALFORMED',
    ]) {
      expect(text).toMatch(new RegExp(`^http_refused_total\\{reason="${why}"\\} [1-9]`, 'm'));
    }
  });

  it('gives paths that nobody serves one label, whatever they are answered', async () => {
    for (let i = 0; i < 50; i++) {
      await converse(
        { port, until: (text) => text.includes('"reason"') },
        head(`GET /scan-${'abcdefghij'[i % 10]}${'xyz'.repeat(i)} HTTP/1.1`),
      );
    }
    const text = await metrics.text();
    expect(text).not.toContain('scan');
    expect(text).toMatch(/route="unknown"/);
  });
});
