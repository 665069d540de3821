// SPDX-License-Identifier: Apache-2.0
// The wire: what /tuf/ and /trust/ answer, octet by octet.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseClientTrustConfig } from '../../services/core/signing-config.ts';
import { createApp } from '../../services/runtime/http.ts';
import type { Trust } from '../../services/tuf/main.ts';
import { newPlace } from './harness.ts';

const here = newPlace();
let trust: Trust;
const app = createApp();
beforeAll(async () => {
  trust = await here.open();
  app.route('/', trust.routes);
});
afterAll(() => here.remove());

const get = (path: string, init?: RequestInit) => app.request(path, init);
const bytesOf = async (path: string) => Buffer.from(await (await get(path)).arrayBuffer());

describe('/tuf/', () => {
  it('serves every file as it is stored', async () => {
    const root = join(here.data, 'tuf');
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.[a-z]+$/.test(name),
    );
    expect(names.length).toBe(5 + 13);
    for (const name of names) {
      const response = await get(`/tuf/${name}`);
      expect(response.status).toBe(200);
      expect(response.headers.get('content-encoding')).toBeNull();
      expect(Buffer.from(await response.arrayBuffer())).toEqual(readFileSync(join(root, name)));
    }
  });

  it.each(['timestamp.json', 'root.json'])('lets nobody keep %s', async (name) => {
    const response = await get(`/tuf/${name}`);
    expect(response.headers.get('cache-control')).toBe('no-cache, no-transform');
  });

  it.each(['1.root.json', '1.snapshot.json', '1.targets.json'])('lets %s be kept', async (name) => {
    const response = await get(`/tuf/${name}`);
    expect(response.headers.get('cache-control')).toContain('immutable');
    expect(response.headers.get('content-type')).toBe('application/json');
  });

  it.each([
    '2.root.json',
    '0.root.json',
    '01.root.json',
    '1.timestamp.json',
    '',
    'targets/',
    'targets/trusted_root.json',
    '../keys/tuf-root.pem',
    '..%2fkeys%2ftuf-root.pem',
    '%2e%2e/keys/tuf-root.pem',
    'targets/..%2f1.root.json',
    'constructor',
    '__proto__',
    '%ff',
  ])('answers exactly 404 to %j', async (name) => {
    const response = await get(`/tuf/${name}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('cache-control') ?? 'no-store').toBe('no-store');
    expect(await response.json()).toMatchObject({ details: [{ reason: 'NOT_FOUND' }] });
  });

  it('answers HEAD, and no other method', async () => {
    expect((await get('/tuf/root.json', { method: 'HEAD' })).status).toBe(200);
    expect((await get('/tuf/2.root.json', { method: 'HEAD' })).status).toBe(404);
    for (const method of ['POST', 'PUT', 'DELETE']) {
      const response = await get('/tuf/root.json', { method });
      expect(response.status).toBe(405);
      expect(await response.json()).toMatchObject({ details: [{ reason: 'METHOD_NOT_ALLOWED' }] });
    }
  });
});

describe('/trust/', () => {
  it('serves what SHA256SUMS names, and it is right', async () => {
    const sums = (await bytesOf('/trust/SHA256SUMS')).toString().trimEnd().split('\n');
    expect(sums).toHaveLength(11);
    for (const line of sums) {
      const [sum, name] = line.split('  ');
      const bytes = await bytesOf(`/trust/${name}`);
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sum);
      expect(bytes).toEqual(readFileSync(join(here.data, 'trust', name ?? '')));
    }
  });

  it('serves the newest root, whose hash is the fingerprint', async () => {
    const root = await bytesOf('/trust/root.json');
    expect(root).toEqual(await bytesOf('/tuf/root.json'));
    expect(createHash('sha256').update(root).digest('hex')).toBe(trust.rootSha256);
  });

  it('serves one file that holds both documents', async () => {
    const text = (await bytesOf('/trust/client_trust_config.json')).toString();
    expect(parseClientTrustConfig(text).signingConfig.rekorTlogUrls).toHaveLength(1);
  });

  it('serves note keys in C2SP form', async () => {
    expect((await bytesOf('/trust/rekor.vkey')).toString()).toMatch(
      /^localhost\+[0-9a-f]{8}\+Aj[A-Za-z0-9+/]+={0,2}\n$/,
    );
    expect((await bytesOf('/trust/ctlog.vkey')).toString()).toMatch(
      /^localhost\/ctlog\+[0-9a-f]{8}\+BT[A-Za-z0-9+/]+={0,2}\n$/,
    );
  });

  it.each(['', 'nothing', '..%2fkeys%2ftuf-root.pem', 'tuf-root.pem'])(
    'has no %j',
    async (name) => {
      expect((await get(`/trust/${name}`)).status).toBe(404);
    },
  );
});
