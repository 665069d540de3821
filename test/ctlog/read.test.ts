// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, verify } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ByteReader, concat, fromBase64, hex, uint64, utf8 } from '../../services/core/bytes.ts';
import type { CtLog } from '../../services/ctlog/main.ts';
import {
  type Bench,
  bench,
  chainBody,
  get,
  type LeafMaterial,
  leaf,
  ORIGIN,
  post,
  type Refusal,
  sha256,
} from './harness.ts';

const SIZE = 11;

interface Sth {
  tree_size: number;
  timestamp: number;
  sha256_root_hash: string;
  tree_head_signature: string;
}
interface Entry {
  leaf_input: string;
  extra_data: string;
}

const node = (left: Uint8Array, right: Uint8Array) => sha256(Uint8Array.of(1), left, right);
/** By the definitions of RFC 6962 §2.1 to §2.1.2. */
const split = (n: number) => {
  let k = 1;
  while (2 * k < n) k *= 2;
  return k;
};
function mth(d: readonly Uint8Array[]): Uint8Array {
  if (d.length === 1) return d[0] as Uint8Array;
  const k = split(d.length);
  return node(mth(d.slice(0, k)), mth(d.slice(k)));
}
function path(m: number, d: readonly Uint8Array[]): Uint8Array[] {
  if (d.length === 1) return [];
  const k = split(d.length);
  return m < k
    ? [...path(m, d.slice(0, k)), mth(d.slice(k))]
    : [...path(m - k, d.slice(k)), mth(d.slice(0, k))];
}
function subproof(m: number, d: readonly Uint8Array[], whole: boolean): Uint8Array[] {
  if (m === d.length) return whole ? [] : [mth(d)];
  const k = split(d.length);
  return m <= k
    ? [...subproof(m, d.slice(0, k), whole), mth(d.slice(k))]
    : [...subproof(m - k, d.slice(k), false), mth(d.slice(0, k))];
}
const base64All = (hashes: readonly Uint8Array[]) =>
  hashes.map((bytes) => Buffer.from(bytes).toString('base64'));

describe('the read APIs', () => {
  let place: Bench;
  let log: CtLog;
  const made: LeafMaterial[] = [];
  let leaves: Uint8Array[] = [];
  beforeAll(async () => {
    place = bench();
    log = await place.open();
    for (let i = 0; i < SIZE; i++) {
      const precert = i !== 4;
      const one = leaf(place.intermediate, 200 + i, precert ? undefined : []);
      made.push(one);
      const body = chainBody(one.der, place.intermediate.der);
      const response = await post(log, precert ? 'add-pre-chain' : 'add-chain', body);
      expect(response.status).toBe(200);
    }
    const { json } = await get<{ entries: Entry[] }>(log, `get-entries?start=0&end=${SIZE - 1}`);
    leaves = json.entries.map((e) => sha256(Uint8Array.of(0), fromBase64(e.leaf_input)));
  });
  afterAll(async () => {
    await log.close();
    place.remove();
  });
  const key = () =>
    createPublicKey({ key: Buffer.from(log.publicKey), format: 'der', type: 'spki' });

  it('get-sth signs the tree head, and the checkpoint carries the same signature', async () => {
    const { status, json } = await get<Sth>(log, 'get-sth');
    expect(status).toBe(200);
    expect(json.tree_size).toBe(SIZE);
    const root = fromBase64(json.sha256_root_hash);
    expect(root).toEqual(mth(leaves));
    const signature = fromBase64(json.tree_head_signature);
    const signed = concat(Uint8Array.of(0, 1), uint64(json.timestamp), uint64(SIZE), root);
    expect([...signature.subarray(0, 2)]).toEqual([4, 3]);
    expect(verify('sha256', signed, key(), signature.subarray(4))).toBe(true);

    const response = await log.routes.request('/ctlog/checkpoint');
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const [text = '', line = ''] = (await response.text()).split('\n\n');
    expect(text).toBe(`${ORIGIN}\n${SIZE}\n${json.sha256_root_hash}`);
    const [dash, name, blob = ''] = line.trimEnd().split(' ');
    expect([dash, name]).toEqual(['—', ORIGIN]);
    const id = sha256(utf8(`${ORIGIN}\n`), Uint8Array.of(5), log.logId).subarray(0, 4);
    expect(fromBase64(blob)).toEqual(concat(id, uint64(json.timestamp), signature));
  });

  it('get-entries gives leaves and chains', async () => {
    const { json } = await get<{ entries: Entry[] }>(log, 'get-entries?start=3&end=4');
    expect(json.entries).toHaveLength(2);
    const chain = [place.intermediate.der, place.root.der];
    json.entries.forEach((entry, i) => {
      const input = new ByteReader(fromBase64(entry.leaf_input));
      expect([...input.take(2)]).toEqual([0, 0]);
      input.uint64();
      expect(input.uint(2)).toBe(i === 0 ? 1 : 0);
      const extra = new ByteReader(fromBase64(entry.extra_data));
      const one = made[3 + i] as LeafMaterial;
      if (i === 0) {
        expect(input.take(32)).toEqual(sha256(place.intermediate.spki));
        expect(input.vector(3)).toEqual(one.tbs);
        expect(extra.vector(3)).toEqual(one.der);
      } else expect(input.vector(3)).toEqual(one.der);
      expect(input.vector(2)).toEqual(Uint8Array.of(0, 0, 5, 0, 0, 0, 0, 3 + i));
      input.end('leaf');
      const list = new ByteReader(extra.vector(3));
      extra.end('extra');
      expect(chain.map(() => list.vector(3))).toEqual(chain);
      list.end('chain');
    });
  });

  it('get-entries stops at the end of the tree', async () => {
    const { json } = await get<{ entries: Entry[] }>(log, `get-entries?start=${SIZE - 2}&end=9999`);
    expect(json.entries).toHaveLength(2);
  });

  it('proves every leaf in every tree', async () => {
    for (let size = 1; size <= SIZE; size++) {
      for (let index = 0; index < size; index++) {
        const hash = encodeURIComponent(
          Buffer.from(leaves[index] as Uint8Array).toString('base64'),
        );
        const byHash = await get<{ leaf_index: number; audit_path: string[] }>(
          log,
          `get-proof-by-hash?hash=${hash}&tree_size=${size}`,
        );
        const audit = base64All(path(index, leaves.slice(0, size)));
        expect(byHash.json).toEqual({ leaf_index: index, audit_path: audit });
        const both = await get<Entry & { audit_path: string[] }>(
          log,
          `get-entry-and-proof?leaf_index=${index}&tree_size=${size}`,
        );
        expect(both.json.audit_path).toEqual(audit);
        expect(sha256(Uint8Array.of(0), fromBase64(both.json.leaf_input))).toEqual(leaves[index]);
      }
    }
  });

  it('proves every tree a continuation of every smaller one', async () => {
    for (let second = 0; second <= SIZE; second++) {
      for (let first = 0; first <= second; first++) {
        const { status, json } = await get<{ consistency: string[] }>(
          log,
          `get-sth-consistency?first=${first}&second=${second}`,
        );
        expect(status).toBe(200);
        const expected = first === 0 ? [] : subproof(first, leaves.slice(0, second), true);
        expect(json.consistency).toEqual(base64All(expected));
      }
    }
  });

  it('get-roots lists the roots', async () => {
    const { json } = await get<{ certificates: string[] }>(log, 'get-roots');
    expect(json.certificates.map(fromBase64)).toEqual([place.root.der]);
  });

  it('serves the static tiles', async () => {
    const hashes = await log.routes.request(`/ctlog/tile/0/000.p/${SIZE}`);
    expect(hashes.headers.get('content-type')).toBe('application/octet-stream');
    expect(hashes.headers.get('cache-control')).toBe('public, max-age=604800, immutable');
    expect(new Uint8Array(await hashes.arrayBuffer())).toEqual(concat(...leaves));
    const data = await log.routes.request(`/ctlog/tile/data/000.p/${SIZE}`);
    const reader = new ByteReader(new Uint8Array(await data.arrayBuffer()));
    const fingerprints = concat(sha256(place.intermediate.der), sha256(place.root.der));
    for (let i = 0; i < SIZE; i++) {
      const time = reader.take(8);
      const type = reader.take(2);
      const precert = type[1] === 1;
      const signed = precert ? reader.take(32) : new Uint8Array();
      const body = reader.take(3);
      const content = reader.take((body[1] as number) * 256 + (body[2] as number));
      const extensions = reader.take(10);
      const input = concat(Uint8Array.of(0, 0), time, type, signed, body, content, extensions);
      expect(sha256(Uint8Array.of(0), input)).toEqual(leaves[i]);
      if (precert) expect(reader.vector(3)).toEqual((made[i] as LeafMaterial).der);
      expect(reader.vector(2)).toEqual(fingerprints);
    }
    reader.end('data tile');
  });

  it('serves issuers by fingerprint', async () => {
    for (const { der } of [place.intermediate, place.root]) {
      const response = await log.routes.request(`/ctlog/issuer/${hex(sha256(der))}`);
      expect(response.headers.get('content-type')).toBe('application/pkix-cert');
      expect(new Uint8Array(await response.arrayBuffer())).toEqual(der);
    }
  });

  const zero = encodeURIComponent(Buffer.alloc(32).toString('base64'));
  it.each<[string, number, string]>([
    ['get-sth-consistency', 400, 'REQUEST_MALFORMED'],
    ['get-sth-consistency?first=1', 400, 'REQUEST_MALFORMED'],
    ['get-sth-consistency?first=a&second=2', 400, 'REQUEST_MALFORMED'],
    ['get-sth-consistency?first=-1&second=2', 400, 'REQUEST_MALFORMED'],
    ['get-sth-consistency?first=1.5&second=2', 400, 'REQUEST_MALFORMED'],
    ['get-sth-consistency?first=01&second=2', 400, 'REQUEST_MALFORMED'],
    ['get-sth-consistency?first=1e0&second=2', 400, 'REQUEST_MALFORMED'],
    ['get-sth-consistency?first=1&first=1&second=2', 400, 'REQUEST_MALFORMED'],
    ['get-sth-consistency?first=3&second=2', 400, 'TREE_RANGE'],
    ['get-sth-consistency?first=1&second=12', 400, 'TREE_RANGE'],
    ['get-sth-consistency?first=1&second=99999999999999999999', 400, 'REQUEST_MALFORMED'],
    ['get-proof-by-hash?tree_size=1', 400, 'REQUEST_MALFORMED'],
    [`get-proof-by-hash?hash=${zero}`, 400, 'REQUEST_MALFORMED'],
    ['get-proof-by-hash?hash=***&tree_size=1', 400, 'REQUEST_MALFORMED'],
    [`get-proof-by-hash?hash=${zero}&tree_size=0`, 400, 'TREE_RANGE'],
    [`get-proof-by-hash?hash=${zero}&tree_size=12`, 400, 'TREE_RANGE'],
    [`get-proof-by-hash?hash=${zero}&tree_size=11`, 404, 'NOT_FOUND'],
    ['get-proof-by-hash?hash=AAAA&tree_size=11', 404, 'NOT_FOUND'],
    ['get-entries', 400, 'REQUEST_MALFORMED'],
    ['get-entries?start=0', 400, 'REQUEST_MALFORMED'],
    ['get-entries?start=-1&end=0', 400, 'REQUEST_MALFORMED'],
    ['get-entries?start=2&end=1', 400, 'TREE_RANGE'],
    ['get-entries?start=11&end=12', 400, 'TREE_RANGE'],
    ['get-entry-and-proof?leaf_index=0', 400, 'REQUEST_MALFORMED'],
    ['get-entry-and-proof?leaf_index=3&tree_size=3', 400, 'TREE_RANGE'],
    ['get-entry-and-proof?leaf_index=0&tree_size=0', 400, 'TREE_RANGE'],
    ['get-entry-and-proof?leaf_index=0&tree_size=12', 400, 'TREE_RANGE'],
    ['get-nothing', 404, 'NOT_FOUND'],
  ])('refuses %s with %i %s', async (query, status, code) => {
    const found = await get<Refusal>(log, query);
    expect([found.status, found.json.details[0]?.reason]).toEqual([status, code]);
  });

  it('names what a range lacks', async () => {
    const { json } = await get<Refusal>(log, 'get-entries?start=2&end=1');
    expect(json.message).toBe('end = 1 lies before start = 2');
    expect(json.details[0]?.metadata.field).toBe('end');
  });

  it('does not prove a leaf in a tree older than it', async () => {
    const hash = encodeURIComponent(Buffer.from(leaves[7] as Uint8Array).toString('base64'));
    expect((await get(log, `get-proof-by-hash?hash=${hash}&tree_size=7`)).status).toBe(404);
  });

  it.each([
    'tile/0/000',
    'tile/0/000.p/12',
    'tile/0/000.p/0',
    'tile/0/001.p/1',
    'tile/1/000.p/1',
    'tile/6/000.p/1',
    'tile/63/000.p/1',
    'tile/data/000',
    'tile/data/000.p/12',
    'tile/data/001.p/1',
    'tile/entries/000.p/1',
    'tile/0/0.p/1',
    'tile/',
    'issuer/',
    `issuer/${'0'.repeat(64)}`,
    'issuer/..%2f..%2fkey.pem',
    'issuer/__proto__',
    'nothing',
  ])('finds nothing at %s', async (at) => {
    const response = await log.routes.request(`/ctlog/${at}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('cache-control') ?? '').not.toContain('immutable');
  });
});

describe('an empty log', () => {
  it('has a head, and nothing else', async () => {
    const place = bench();
    try {
      const log = await place.open();
      const { json } = await get<Sth>(log, 'get-sth');
      expect(json.tree_size).toBe(0);
      expect(fromBase64(json.sha256_root_hash)).toEqual(sha256());
      expect((await get(log, 'get-entries?start=0&end=0')).status).toBe(400);
      expect((await get(log, 'get-sth-consistency?first=0&second=0')).status).toBe(200);
      expect(log.readiness()).toEqual([]);
      await log.close();
    } finally {
      place.remove();
    }
  });
});
