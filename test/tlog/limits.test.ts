// SPDX-License-Identifier: Apache-2.0
// The log at its limits: the longest entry, every tile that was ever published, bundles as they are
// stored, a clock that is wrong, a log that takes no more.
import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ByteReader, fromBase64, hex } from '../../services/core/bytes.ts';
import { tilePath } from '../../services/core/tile.ts';
import { takesGzip } from '../../services/tlog/app.ts';
import type { Tlog } from '../../services/tlog/main.ts';
import { certificate, certified, hashed, spki } from '../vectors/tlog/material.ts';
import { type Answer, type Bench, bench, post, type Refusal, request } from './harness.ts';

let place: Bench;
let tlog: Tlog;
beforeEach(async () => {
  place = bench();
  tlog = await place.open();
});
afterEach(async () => {
  await tlog.close();
  place.remove();
});

const get = (path: string, headers: Record<string, string> = {}) =>
  Promise.resolve(tlog.routes.request(`/api/v2/${path}`, { headers }));
const bytesOf = async (response: Response) => new Uint8Array(await response.arrayBuffer());
async function reasonOf(response: Response): Promise<string | undefined> {
  return ((await response.json()) as Refusal).details[0]?.reason;
}

describe('an entry', () => {
  /** The body of the entry that a certificate with so much filler makes; undefined when refused. */
  async function logged(filler: number): Promise<Uint8Array | undefined> {
    const response = await post(
      tlog,
      JSON.stringify(hashed({ verifier: certified(certificate(spki, filler)) })),
    );
    if (response.status === 201) {
      return fromBase64(((await response.json()) as Answer).canonicalizedBody);
    }
    expect([response.status, await reasonOf(response)]).toEqual([400, 'ENTRY_TOO_LARGE']);
    return undefined;
  }

  it('has up to 65,535 bytes, and not one triple of base64 more', async () => {
    const near = (await logged(48_000))?.length ?? 0;
    const room = ((65_535 - near) / 4) * 3;
    const bodies: Array<Uint8Array | undefined> = [];
    // The signature of the certificate is a few octets longer or shorter each time.
    for (let more = -6; more <= 6; more++) bodies.push(await logged(48_000 + room + more));
    const lengths = new Set(bodies.map((body) => body?.length));
    expect([
      Math.max(...[...lengths].map((length) => length ?? 0)),
      lengths.has(undefined),
    ]).toEqual([65_535, true]);
    const longest = bodies.findIndex((body) => body?.length === 65_535);
    const at = 1 + bodies.slice(0, longest).filter((body) => body !== undefined).length;
    const bundle = new ByteReader(await bytesOf(await get(`tile/entries/000.p/${at + 1}`)));
    for (let i = 0; i < at; i++) bundle.vector(2);
    expect(bundle.vector(2)).toEqual(bodies[longest]);
    bundle.end('bundle');
  });
});

describe('partial tiles', () => {
  it('are served for every size that was published, also once the tile is full', async () => {
    const sizes: number[] = [];
    for (const count of [1, 1, 3, 200, 51, 1, 40]) {
      const from = tlog.log.head().size;
      await Promise.all(
        Array.from({ length: count }, (_, i) => post(tlog, request(`partial ${from + i}`))),
      );
      const { size } = tlog.log.head();
      expect(size).toBe(from + count);
      sizes.push(size);
    }
    const whole = {
      hashes: await bytesOf(await get('tile/0/000')),
      entries: await bytesOf(await get('tile/entries/000', { 'accept-encoding': 'identity' })),
    };
    for (const size of sizes) {
      for (let level = 0; 256 ** level <= size; level++) {
        const count = Math.floor(size / 256 ** level);
        const [n, width] = [Math.floor(count / 256), count % 256];
        if (width === 0) continue;
        const path = tilePath({ kind: 'hash', level, n, width }, 'entries');
        const tile = await get(`tile/${path}`);
        expect([path, tile.status]).toEqual([path, 200]);
        const hashes = await bytesOf(tile);
        expect(hashes.length).toBe(32 * width);
        if (level + n === 0) expect(hashes).toEqual(whole.hashes.subarray(0, hashes.length));
      }
      const [n, width] = [Math.floor(size / 256), size % 256];
      if (width === 0) continue;
      const path = tilePath({ kind: 'entries', n, width }, 'entries');
      const bundle = await bytesOf(await get(`tile/${path}`));
      if (n === 0) expect(bundle).toEqual(whole.entries.subarray(0, bundle.length));
    }
    expect((await get('tile/0/000.p/256')).status).toBe(404);
    expect((await get('tile/0/001.p/0')).status).toBe(404);
  });
});

describe('full bundles', () => {
  it('leave as they are stored, gzip, unless the request refuses that', async () => {
    await Promise.all(Array.from({ length: 256 }, (_, i) => post(tlog, request(`gzip ${i}`))));
    await expect.poll(() => tlog.log.gzipBundle(0)).toBeDefined();
    const packed = await get('tile/entries/000');
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    expect(packed.headers.get('vary')).toBe('Accept-Encoding');
    expect(packed.headers.get('content-type')).toBe('application/octet-stream');
    expect(packed.headers.get('cache-control')).toBe('public, max-age=604800, immutable');
    const plain = await get('tile/entries/000', { 'accept-encoding': 'identity' });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(plain.headers.get('vary')).toBe('Accept-Encoding');
    const entries = await bytesOf(plain);
    expect(new Uint8Array(gunzipSync(await bytesOf(packed)))).toEqual(entries);
    const reader = new ByteReader(entries);
    const leaves = Array.from({ length: 256 }, () =>
      createHash('sha256').update(Uint8Array.of(0)).update(reader.vector(2)).digest(),
    );
    reader.end('bundle');
    const hashes = await bytesOf(await get('tile/0/000'));
    expect(hashes).toEqual(new Uint8Array(Buffer.concat(leaves)));
    const partial = await get('tile/entries/000.p/7', { 'accept-encoding': 'gzip' });
    expect(partial.headers.get('content-encoding')).toBeNull();
  });

  it.each<[string | undefined, boolean]>([
    [undefined, true],
    ['gzip', true],
    ['gzip, deflate, br', true],
    ['GZIP;Q=0.5', true],
    ['x-gzip', true],
    ['*', true],
    ['br, *;q=0.1', true],
    ['identity', false],
    ['', false],
    ['gzip;q=0', false],
    ['gzip; q=0, *', false],
    ['br', false],
    ['*;q=0', false],
    ['gzip;q=none', false],
  ])('Accept-Encoding: %s takes gzip: %s', (field, wanted) => {
    expect(takesGzip(field)).toBe(wanted);
  });
});

describe('a clock behind the last head', () => {
  it('stops the log with 503 and 14 until it is right again; known entries are answered', async () => {
    await tlog.close();
    let now = Date.now();
    tlog = await place.open({ clock: () => now });
    const known = request('known');
    expect((await post(tlog, known)).status).toBe(201);
    now -= 3_600_000;
    const refused = await post(tlog, request('late'));
    expect(refused.status).toBe(503);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await reasonOf(refused)).toBe('LOG_CLOCK');
    expect(tlog.readiness()[0]).toMatch(/^tlog waits: the clock says /);
    expect((await post(tlog, known)).status).toBe(201);
    expect((await get('checkpoint')).status).toBe(200);
    now += 3_600_000;
    expect((await post(tlog, request('late'))).status).toBe(201);
    expect(tlog.readiness()).toEqual([]);
  });
});

describe('a frozen log', () => {
  it('lets the resource take no method, serves on, and signs the same tree', async () => {
    const known = request('known');
    await post(tlog, known);
    const { root } = tlog.log.head();
    await tlog.close();
    tlog = await place.open({ frozen: true });
    for (const [method, body] of [
      ['POST', known],
      ['POST', 'not JSON'],
      ['POST', ''],
    ] as const) {
      const response = await tlog.routes.request('/api/v2/log/entries', { method, body });
      expect([response.status, response.headers.get('allow')]).toEqual([405, '']);
      expect(await response.text()).toBe(
        'This log has been frozen, please switch to the latest log.',
      );
    }
    const put = await tlog.routes.request('/api/v2/log/entries', { method: 'PUT' });
    expect([put.status, put.headers.get('allow')]).toEqual([405, '']);
    for (const path of ['checkpoint', 'tile/0/000.p/1', 'tile/entries/000.p/1']) {
      expect((await get(path)).status).toBe(200);
    }
    expect(hex(tlog.log.head().root)).toBe(hex(root));
    expect(tlog.readiness()).toEqual([]);
  });
});
