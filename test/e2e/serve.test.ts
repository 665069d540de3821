// SPDX-License-Identifier: Apache-2.0
// A whole stack on real sockets, started and stopped in this process: what an operator sees of it.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CodedError } from '../../services/core/errors.ts';
import { jsonLogger } from '../../services/runtime/telemetry.ts';
import { judgeStackConfig } from '../../services/stack/config.ts';
import { type Stack, startStack } from '../../services/stack/serve.ts';
import { devToken, entryBody, newKeyPair, PATHS, TYPES } from '../support/requests.ts';

const directory = mkdtempSync(join(tmpdir(), 'sigstead-serve-'));
afterAll(() => rmSync(directory, { recursive: true }));

const lines: Array<Record<string, unknown>> = [];
const logger = jsonLogger((line) => lines.push(JSON.parse(line)), Date.now);

function start(data: string, more: Record<string, unknown> = {}): Promise<Stack> {
  const config = judgeStackConfig({ dev: true, data, listen: { port: 0 }, ...more });
  return startStack({ config, clock: Date.now, logger });
}

async function fault(work: Promise<Stack>): Promise<string> {
  try {
    await (await work).close();
  } catch (error) {
    if (error instanceof CodedError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'none';
}

const text = (path: string) => readFileSync(path, 'utf8');

describe('a running stack', () => {
  const data = join(directory, 'running');
  let stack: Stack;
  beforeAll(async () => {
    stack = await start(data);
  });
  afterAll(() => stack.close());

  it('is healthy and ready', async () => {
    const health = await fetch(`${stack.url}/healthz`);
    expect([health.status, await health.text()]).toEqual([200, '{"status":"SERVING"}']);
    const ready = await fetch(`${stack.url}/readyz`);
    const { state, ...answer } = (await ready.json()) as { state: object };
    expect([ready.status, answer]).toEqual([200, { ready: true, missing: [] }]);
    expect(state).toMatchObject({
      tsa: { chainDaysLeft: expect.any(Number), clock: { mode: 'off' } },
      tuf: { timestamp: { version: 1, daysLeft: 13.9 } },
    });
  });

  it.each(['127.0.0.1', '[::1]'])('answers on %s', async (host) => {
    const { port } = new URL(stack.url);
    expect((await fetch(`http://${host}:${port}/healthz`)).status).toBe(200);
  });

  it('keeps metrics on a port of their own', async () => {
    const metrics = await (await fetch(stack.metricsUrl)).text();
    expect(metrics).toMatch(/^sigstead_tlog_tree_size \d+$/m);
    expect((await fetch(`${stack.url}/metrics`)).status).toBe(404);
    expect((await fetch(new URL('/healthz', stack.metricsUrl))).status).toBe(404);
  });

  it('shows one page that loads nothing from elsewhere', async () => {
    const page = await fetch(stack.url);
    const html = await page.text();
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    expect(html).not.toMatch(/<(script|link|img|iframe)|url\(|@import| on\w+=/);
    expect(html).toContain(stack.parts.trust.rootSha256);
  });

  it('writes each request as one JSON line with the id that the client got', async () => {
    const answer = await fetch(`${stack.url}/api/v2/nothing`);
    const id = answer.headers.get('x-request-id');
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const line = lines.find(({ requestId }) => requestId === id);
    expect(line).toMatchObject({ method: 'GET', path: '/api/v2/nothing', status: 404 });
    expect(line?.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  });

  it('lets no token into its logs', async () => {
    const token = await devToken(stack.url, 'somebody@example.com');
    const signature = token.split('.')[2] ?? token;
    for (const path of ['/api/v2/signingCert', `/api/v2/${token}`, `/?token=${token}`]) {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      await fetch(`${stack.url}${path}`, { method: 'POST', headers, body: `{"a":"${token}"` });
    }
    expect(JSON.stringify(lines)).not.toContain(signature);
  });

  it('keeps its keys from everybody else', () => {
    expect(statSync(join(data, 'keys')).mode & 0o777).toBe(0o700);
    for (const name of readdirSync(join(data, 'keys'))) {
      expect([name, statSync(join(data, 'keys', name)).mode & 0o777]).toEqual([name, 0o600]);
    }
  });

  it('refuses a second on the same data, with the pid of the first', async () => {
    expect(await fault(start(data))).toMatch(new RegExp(`^STATE_LOCKED: .*${process.pid}`));
    expect((await fetch(`${stack.url}/healthz`)).status).toBe(200);
  });

  it('refuses a port that is taken', async () => {
    const port = Number(new URL(stack.url).port);
    const taken = start(join(directory, 'taken'), { listen: { port } });
    expect(await fault(taken)).toMatch(/^CONFIG_INVALID: .*EADDRINUSE|^CONFIG_INVALID: .*in use/);
  });
});

describe('a later start', () => {
  const data = join(directory, 'later');
  const version = () => JSON.parse(text(join(data, 'tuf/timestamp.json'))).signed.version as number;
  const services = () => text(join(data, 'trust/signing_config.v0.2.json'));

  it('on another port republishes the trust files as the next version, under the same root', async () => {
    const first = await start(data);
    const root = text(join(data, 'trust/root.json'));
    expect(services()).toContain(first.url);
    await first.close();
    const before = version();
    const second = await start(data);
    expect(second.url).not.toBe(first.url);
    expect(services()).not.toContain(first.url);
    expect(services()).toContain(second.url);
    expect(version()).toBe(before + 1);
    expect(text(join(data, 'trust/root.json'))).toBe(root);
    const served = await fetch(`${second.url}/trust/signing_config.v0.2.json`);
    expect(await served.text()).toBe(services());
    await second.close();
  });

  it('on the same port publishes nothing', async () => {
    const before = version();
    const port = Number(new URL(JSON.parse(services()).caUrls[0].url).port);
    await (await start(data, { listen: { port } })).close();
    expect(version()).toBe(before);
  });

  it('frees the data when it stops', () => {
    expect(existsSync(join(data, 'endpoint.json'))).toBe(false);
  });
});

describe('marks on another volume', () => {
  const data = join(directory, 'marks');
  const markDirectory = join(directory, 'volume');

  it('are written there, and there alone', async () => {
    await (await start(data, { markDirectory })).close();
    expect(readdirSync(markDirectory).length).toBeGreaterThan(0);
    expect(existsSync(join(data, 'mark'))).toBe(false);
  });

  it('are missed when they are lost', async () => {
    const stack = await start(data, { markDirectory });
    const headers = { 'content-type': TYPES.entry };
    const body = entryBody(newKeyPair());
    const answer = await fetch(stack.url + PATHS.entry, { method: 'POST', headers, body });
    expect(answer.ok).toBe(true);
    await stack.close();
    expect(await fault(start(data, { markDirectory: join(directory, 'empty') }))).toMatch(
      /^STATE_INCONSISTENT: tlog: the high-water mark is missing/,
    );
  });
});
