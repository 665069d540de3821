// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../services/core/errors.ts';
import { createApp, readBody } from '../../services/runtime/http.ts';
import { ensurePrivateKey, readSigner } from '../../services/runtime/keys.ts';
import { createMetrics } from '../../services/runtime/metrics.ts';
import { startServer } from '../../services/runtime/server.ts';
import { lockDataDirectory, writeFileDurably } from '../../services/runtime/store.ts';
import { jsonLogger, noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sigstead-edges-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function code(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof CodedError ? `${error.code}: ${error.message}` : String(error);
  }
  return 'none';
}

describe('files and keys', () => {
  it('replaces a file whole and leaves nothing beside it', () => {
    const path = join(directory, 'f');
    writeFileDurably(path, 'one', 0o600);
    writeFileDurably(path, new Uint8Array([50]), 0o600);
    expect([
      readFileSync(path, 'utf8'),
      readdirSync(directory),
      statSync(path).mode & 0o777,
    ]).toEqual(['2', ['f'], 0o600]);
  });

  it('makes a key once, for its owner alone', () => {
    const path = join(directory, 'k.pem');
    ensurePrivateKey(path);
    const first = readFileSync(path, 'utf8');
    ensurePrivateKey(path);
    expect([readFileSync(path, 'utf8'), statSync(path).mode & 0o777]).toEqual([first, 0o600]);
  });

  it.each([
    ['garbage', 'x'],
    ['nothing', ''],
  ])('refuses a key file with %s, and does not quote it', (_, text) => {
    const path = join(directory, 'k.pem');
    writeFileDurably(path, `${text}-----BEGIN PRIVATE KEY-----\nsecret\n`);
    expect(code(() => readSigner(path))).toMatch(/^KEY_UNREADABLE/);
    expect(code(() => readSigner(path))).not.toContain('secret');
  });

  it('is held by one process, until that ends however it ends', async () => {
    const store = new URL('../../services/runtime/store.ts', import.meta.url).href;
    const script = `const { lockDataDirectory } = await import('${store}'); lockDataDirectory('${directory}'); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    expect(code(() => lockDataDirectory(directory))).toBe(
      `STATE_LOCKED: ${directory} is in use by process ${child.pid}`,
    );
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
    lockDataDirectory(directory).release();
  });
});

describe('log lines', () => {
  it('never hold a token, a key or a field named like one', () => {
    let line = '';
    const logger = jsonLogger(
      (text) => {
        line += text;
      },
      () => 0,
    );
    const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln';
    logger.error('x', {
      error: new Error(`bad ${jwt}`),
      token: 'abc',
      nested: { authorization: 'Bearer q' },
      key: '-----BEGIN PRIVATE KEY-----\nMII',
    });
    expect(line).not.toMatch(/eyJ|abc|Bearer|MII/);
    expect(JSON.parse(line)).toMatchObject({
      time: '1970-01-01T00:00:00.000Z',
      level: 'error',
      event: 'x',
    });
  });
});

describe('server', () => {
  const app = createApp();
  app.post('/echo', async (c) => c.text(String((await readBody(c, 10)).length)));
  app.get('/slow', async (c) => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return c.text('done');
  });
  app.get('/fault', () => {
    throw new Error('inner secret');
  });
  const start = () =>
    startServer({
      hosts: ['127.0.0.1', '::1'],
      port: 0,
      fetch: app.fetch,
      logger: silentLogger,
      metrics: noMetrics,
    });

  it('limits bodies, names requests, hides faults, answers unknown paths', async () => {
    const server = await start();
    const base = `http://127.0.0.1:${server.port}`;
    const post = (body: string) => fetch(`${base}/echo`, { method: 'POST', body });
    expect(await (await post('0123456789')).text()).toBe('10');
    const large = await post('01234567890');
    expect([
      large.status,
      ((await large.json()) as { details: [{ reason: string }] }).details[0].reason,
    ]).toEqual([413, 'REQUEST_TOO_LARGE']);
    // Without Content-Length, piece by piece.
    const stream = (...parts: string[]) =>
      fetch(`${base}/echo`, {
        method: 'POST',
        body: ReadableStream.from(parts.map((part) => Buffer.from(part))),
        duplex: 'half',
      } as RequestInit);
    expect(await (await stream('01234', '56789')).text()).toBe('10');
    expect((await stream('01234', '56789', '0')).status).toBe(413);
    expect(await (await fetch(`${base}/echo`, { method: 'POST' })).text()).toBe('0');
    const lie = { method: 'POST', headers: { 'content-length': '2' }, body: '01234567890' };
    expect((await app.request('/echo', lie)).status).toBe(413);
    const fault = await fetch(`${base}/fault`, { headers: { 'x-request-id': 'mine' } });
    expect([
      fault.status,
      fault.headers.get('x-request-id'),
      (await fault.text()).includes('secret'),
    ]).toEqual([500, 'mine', false]);
    expect((await fetch(`${base}/none`)).status).toBe(404);
    await server.close(100);
  });

  it('takes no client that goes away for a fault', async () => {
    const ended: unknown[] = [];
    const faults: unknown[] = [];
    const gone = createApp((error) => faults.push(error));
    gone.post('/echo', async (c) => {
      const body = readBody(c, 100).finally(() => ended.push('read'));
      return c.text(String((await body).length));
    });
    const options = { hosts: ['127.0.0.1'], port: 0, logger: silentLogger, metrics: noMetrics };
    const server = await startServer({ ...options, fetch: gone.fetch });
    for (const length of ['content-length: 10', 'transfer-encoding: chunked']) {
      const socket = connect(server.port, '127.0.0.1');
      socket.write(`POST /echo HTTP/1.1\r\nhost: x\r\n${length}\r\n\r\n`, () => socket.destroy());
    }
    await expect.poll(() => ended).toHaveLength(2);
    expect(faults).toEqual([]);
    await server.close(0);
  });

  it('lets an accepted request end before it closes', async () => {
    const server = await start();
    const answer = fetch(`http://127.0.0.1:${server.port}/slow`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = server.close(5000);
    expect(await (await answer).text()).toBe('done');
    await closed;
  });

  it('says which port is taken', async () => {
    const server = await start();
    const again = startServer({
      hosts: ['127.0.0.1'],
      port: server.port,
      fetch: app.fetch,
      logger: silentLogger,
      metrics: noMetrics,
    });
    await expect(again).rejects.toMatchObject({ code: 'CONFIG_INVALID', field: 'listen' });
    await server.close(0);
  });
});

describe('metrics', () => {
  it('shows counters, gauges and histograms', async () => {
    const metrics = createMetrics();
    metrics.counter('c_total', 'C').inc({ code: 'A' });
    metrics.gauge('g', 'G', () => 7);
    metrics.histogram('h_seconds', 'H').observe(0.003);
    expect(await metrics.text()).toMatch(/c_total{code="A"} 1[\s\S]*g 7[\s\S]*h_seconds_count 1/);
  });
});
