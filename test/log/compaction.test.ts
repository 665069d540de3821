// SPDX-License-Identifier: Apache-2.0
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { base64, concat, utf8 } from '../../services/core/bytes.ts';
import { leafHash } from '../../services/core/merkle.ts';
import type { Log } from '../../services/log/log.ts';
import { append, audit, type Bench, bench, code, fill, noise, sha256 } from './harness.ts';

let place: Bench;
beforeEach(() => {
  place = bench();
});
afterEach(() => place.remove());

function count(table: string): number {
  const db = new Database(place.dbFile, { readonly: true });
  try {
    return db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number;
  } finally {
    db.close();
  }
}

const compacted = (bundles: number) => expect.poll(() => count('bundle')).toBe(bundles);

/** A hashedrekord whose certificate has the entropy of a real one: keys, signatures, identifiers. */
function certificateEntry(i: number): Uint8Array {
  const identity = utf8('https://gitlab.example/group/project//.gitlab-ci.yml@refs/heads/main ');
  const fixed = utf8(
    'CN=intermediate, O=Example Corporation; extensions of the issuer; '.repeat(9),
  );
  const fresh = (what: string, length: number) => noise(`${what} ${i}`, length);
  const certificate = concat(
    fresh('serial', 20),
    fixed,
    fresh('key', 65),
    identity,
    fresh('key id', 20),
    identity,
    fresh('sct', 72),
    identity,
    fresh('signature', 72),
  );
  const spec = {
    data: { algorithm: 'SHA2_256', digest: base64(fresh('digest', 32)) },
    signature: {
      content: base64(fresh('content', 72)),
      verifier: {
        keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        x509Certificate: { rawBytes: base64(concat(certificate, fixed)) },
      },
    },
  };
  return utf8(JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec }));
}

describe('full bundles', () => {
  it('take one row, read the same before and after, and after a restart', async () => {
    let now = 1_000;
    let log = await place.open({ clock: () => now });
    const before: Array<Uint8Array | undefined> = [];
    for (const [name, entries] of [
      ['a', 100],
      ['b', 300],
      ['c', 212],
    ] as const) {
      now += 1_000;
      await fill(log, entries, name);
      before.push(log.entryBundle(0, 100));
    }
    await compacted(2);
    expect(count('chunk WHERE first < 512')).toBe(0);
    for (const again of [false, true]) {
      if (again) {
        await place.shut(log);
        log = await place.open({ clock: () => now });
      }
      for (const bundle of before) expect(log.entryBundle(0, 100)).toEqual(bundle);
      expect([0, 99, 100, 399, 400, 611].map((i) => log.entry(i)?.timeMs)).toEqual([
        2_000, 2_000, 3_000, 3_000, 4_000, 4_000,
      ]);
      const known = await append(log, 'b 7');
      expect([known.duplicate, known.timeMs]).toEqual([true, 3_000]);
      audit(log, new Map([['b 7', known]]));
    }
  });

  it('are compressed at the next start when a stop came first', async () => {
    const hooked = await place.openHooked((point) => {
      if (point === 'before compact') throw new Error('killed');
    });
    await fill(hooked, 600);
    await expect.poll(() => hooked.readiness()).not.toEqual([]);
    await place.shut(hooked);
    expect(count('bundle')).toBe(0);
    const log = await place.open();
    await compacted(2);
    audit(log, new Map());
  });

  it('keep a certificate entry of 2 KB under 0.8 KB of disk, indexes and tiles included', async () => {
    const log: Log = await place.open();
    const entries = 16 * 256;
    let bytes = 0;
    const one = async (i: number) => {
      const data = certificateEntry(i);
      bytes += data.length;
      const hash = leafHash(sha256, data);
      await log.append({ dedupKey: hash, build: () => ({ data, leafHash: hash }) });
    };
    for (let at = 0; at < entries; at += 512) {
      await Promise.all(Array.from({ length: 512 }, (_, i) => one(at + i)));
    }
    await compacted(16);
    await place.shut(log);
    expect(bytes / entries).toBeGreaterThan(2_000);
    const directory = dirname(place.dbFile);
    const files = readdirSync(directory).map((name) => statSync(join(directory, name)).size);
    expect(files.reduce((sum, size) => sum + size, 0) / entries).toBeLessThan(800);
  });
});

describe('what a damaged store leads to', () => {
  const harm = (sql: string) => {
    const db = new Database(place.dbFile);
    db.prepare(sql).run();
    db.close();
  };

  it('is found when an old tile is read, and never becomes a proof', async () => {
    let log = await place.open();
    const [first] = await fill(log, 800);
    await place.shut(log);
    harm('UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND n = 0');
    log = await place.open();
    const { size } = log.head();
    expect(() => log.inclusionProof(first?.index ?? 0, size)).toThrow(/tile 0\/000/);
    expect(() => log.tile(0, 0, 256)).toThrow(/tile 0\/000/);
    expect(await code(append(log, 'entry 0'))).toBe('STATE_INCONSISTENT');
    expect(log.inclusionProof(size - 1, size).length).toBeGreaterThan(0);
    expect(await code(append(log, 'new'))).toBe('no error');
  });

  it.each([
    ['gone', 'DELETE FROM bundle WHERE n = 0'],
    ['short', "UPDATE bundle SET times = x'00010000000003e8' WHERE n = 0"],
  ])('is named when a bundle is %s', async (_, sql) => {
    let log = await place.open();
    await fill(log, 300);
    await compacted(1);
    await place.shut(log);
    harm(sql);
    log = await place.open();
    expect(() => log.entry(255)).toThrow(/bundle|entry/);
    expect(log.entry(256)).toBeDefined();
  });
});
