// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ByteReader, fromBase64, fromUtf8 } from '../../services/core/bytes.ts';
import type { Tlog } from '../../services/tlog/main.ts';
import { type Answer, type Bench, bench, ORIGIN, post, type Refusal, request } from './harness.ts';

const SIZE = 259;
const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};
/** Root of up to 2^k leaves, by the definition of RFC 6962 §2.1. */
function root(leaves: Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  let k = 1;
  while (2 * k < leaves.length) k *= 2;
  return sha256(Uint8Array.of(1), root(leaves.slice(0, k)), root(leaves.slice(k)));
}

describe('the read API', () => {
  let place: Bench;
  let tlog: Tlog;
  const bodies: Uint8Array[] = [];
  const get = (path: string) => Promise.resolve(tlog.routes.request(path));
  const bytes = async (path: string) => new Uint8Array(await (await get(path)).arrayBuffer());

  beforeAll(async () => {
    place = bench();
    tlog = await place.open();
    const answers = await Promise.all(
      Array.from({ length: SIZE }, async (_, i) => {
        const response = await post(tlog, request(`entry ${i}`));
        return (await response.json()) as Answer;
      }),
    );
    for (const answer of answers) {
      bodies[Number(answer.logIndex)] = fromBase64(answer.canonicalizedBody);
    }
  });
  afterAll(async () => {
    await tlog.close();
    place.remove();
  });

  it('serves the checkpoint, never cached', async () => {
    const response = await get('/api/v2/checkpoint');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const text = await response.text();
    expect(text.split('\n').slice(0, 2)).toEqual([ORIGIN, String(SIZE)]);
    expect(text.split('\n\n')).toHaveLength(2);
    const leaves = bodies.map((body) => sha256(Uint8Array.of(0), body));
    expect(text.split('\n')[2]).toBe(Buffer.from(root(leaves)).toString('base64'));
  });

  it('serves tiles and bundles of every width, for ever', async () => {
    const response = await get('/api/v2/tile/0/000');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(response.headers.get('cache-control')).toBe('public, max-age=604800, immutable');
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
    const leaves = bodies.map((body) => sha256(Uint8Array.of(0), body));
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(
      new Uint8Array(Buffer.concat(leaves.slice(0, 256))),
    );
    expect(await bytes('/api/v2/tile/0/001.p/3')).toEqual(
      new Uint8Array(Buffer.concat(leaves.slice(256))),
    );
    expect(await bytes('/api/v2/tile/1/000.p/1')).toEqual(root(leaves.slice(0, 256)));
    for (const [path, from, to] of [
      ['000', 0, 256],
      ['001.p/3', 256, 259],
    ] as const) {
      const reader = new ByteReader(await bytes(`/api/v2/tile/entries/${path}`));
      for (let i = from; i < to; i++)
        expect(fromUtf8(reader.vector(2))).toBe(fromUtf8(bodies[i] ?? new Uint8Array()));
      reader.end('bundle');
    }
  });

  it('answers HEAD like GET, without a body', async () => {
    const response = await tlog.routes.request('/api/v2/checkpoint', { method: 'HEAD' });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('');
  });

  it.each([
    'tile/0/001',
    'tile/0/001.p/4',
    'tile/0/001.p/0',
    'tile/0/001.p/256',
    'tile/0/001.p/03',
    'tile/0/002.p/1',
    'tile/1/000',
    'tile/1/000.p/2',
    'tile/2/000.p/1',
    'tile/00/000',
    'tile/64/000',
    'tile/-1/000',
    'tile/0/0',
    'tile/0/0000',
    'tile/0/x000/000',
    'tile/0/001/000',
    'tile/0/x00/000',
    'tile/0/abc',
    'tile/0/000/',
    'tile/0//000',
    'tile/0',
    'tile/',
    'tile/0/000.p/',
    'tile/0/000.p/1/2',
    'tile/0/000.p/1x',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/0/x999/x999/x999/x999/x999/x999/999',
    'tile/01/000',
    'tile/99/000',
    'tile/18446744073709551616/000',
    'tile/+0/000',
    'tile/0/x000',
    'tile/0/x001/x000',
    'tile/0/001/x000',
    'tile/0/001x/000',
    'tile/0/X001/000',
    'tile/0/1234',
    'tile/0/12',
    'tile/0/000.p/1000',
    'tile/0/000.p/-1',
    'tile/0/000.P/1',
    'tile/0/..%2f..%2fcheckpoint',
    'tile/0/../../checkpoint.p/1',
    'tile/entries/x000/000',
    'tile/entries/000.p/0',
    'tile/entries/000.p/256',
    'tile/entries/001.p/04',
    'tile/entries/001',
    'tile/entries/001.p/4',
    'tile/entries/002',
    'tile/entries/0',
    'tile/entries/',
    'tile/data/000',
    'tile/0/%2e%2e/checkpoint',
    'tile/0/000%00',
    'log/entries/0',
    'nothing',
  ])('finds nothing at %s', async (path) => {
    const response = await get(`/api/v2/${path}`);
    expect([404, 405]).toContain(response.status);
    expect(response.headers.get('cache-control') ?? '').not.toContain('immutable');
    const refusal = (await response.json()) as Refusal;
    const reason = response.status === 404 ? 'NOT_FOUND' : 'METHOD_NOT_ALLOWED';
    expect(refusal.details[0]?.reason).toBe(reason);
  });

  it('lets pages read refusals, and nobody keep them: what is not there yet will be', async () => {
    for (const path of ['tile/0/002.p/1', 'tile/entries/001.p/4', 'tile/0/001', 'tile/x']) {
      const { status, headers } = await get(`/api/v2/${path}`);
      expect(status).toBe(404);
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('cache-control')).toBe('no-store');
    }
  });

  it.each(['POST', 'PUT', 'DELETE'])('answers %s with 405', async (method) => {
    for (const path of ['/api/v2/checkpoint', '/api/v2/tile/0/000']) {
      const { status, headers } = await tlog.routes.request(path, { method });
      expect([status, headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    }
  });
});
