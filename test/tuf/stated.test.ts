// SPDX-License-Identifier: Apache-2.0
// Entries of trusted_root.json by configuration: former material that ended, future material that is
// announced, material of others; and what verifiers make of it when a service changes its key.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromBase64 } from '../../services/core/bytes.ts';
import { ed25519KeyId } from '../../services/core/note.ts';
import { pem } from '../../services/core/pem.ts';
import { parsePublicKey } from '../../services/core/spki.ts';
import { inWindow, parseTrustedRoot } from '../../services/core/trust.ts';
import { verifyTimestamp } from '../../services/core/tsp.ts';
import { judgeConfig } from '../../services/runtime/config.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { readStated, trustConfig } from '../../services/tuf/config.ts';
import { type Bench, bench, MESSAGE, makeChain, stamp } from '../tsa/harness.ts';
import { MATERIAL, newPlace, type Place } from './harness.ts';
import { DAY, NOW, newKey, refusal } from './repo.ts';

let here: Place;
let folder: string;
beforeEach(() => {
  here = newPlace();
  folder = mkdtempSync(join(tmpdir(), 'sigstead-stated-'));
});
afterEach(() => {
  here.remove();
  rmSync(folder, { recursive: true });
});

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};
const keyFile = (name: string, spki: Uint8Array) => file(name, pem('PUBLIC KEY', spki));
const chainFile = (name: string, ders: readonly Uint8Array[]) =>
  file(name, ders.map((der) => pem('CERTIFICATE', der)).join(''));
const iso = (timeMs: number) => new Date(timeMs).toISOString().replace('.000Z', 'Z');
const config = (tree: object) => judgeConfig(trustConfig, { ...tree });
const seen = async () => parseTrustedRoot((await here.look()).trustedRoot);

const { rsaKey, ed25519Key, p384Key } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/trust/documents.json'), 'utf8'),
) as Record<string, string>;
const spkiOf = (text: string | undefined) => fromBase64(text ?? '');

describe('a future entry', () => {
  it('is announced beside the one in use, and takes over without a gap', async () => {
    const next = newKey().spki;
    const tlogs = [
      { url: 'http://localhost:8400', keyFile: keyFile('next', next), start: iso(NOW + 10 * DAY) },
    ];
    await here.open({ config: config({ tlogs }) });
    const before = (await seen()).tlogs;
    expect(before.map(({ start, end }) => [start, end])).toEqual([
      [NOW, undefined],
      [NOW + 10 * DAY, undefined],
    ]);
    // What is handed out as the key in use is the one in use.
    expect(readFileSync(join(here.data, 'trust/rekor.pub'), 'utf8')).toBe(
      pem('PUBLIC KEY', MATERIAL.tlogKey),
    );
    here.nowMs += 12 * DAY;
    await here.open({ config: config({ tlogs }), material: { ...MATERIAL, tlogKey: next } });
    const after = (await seen()).tlogs;
    expect(after.map(({ start, end }) => [start, end])).toEqual([
      [NOW, NOW + 12 * DAY + 1000],
      [NOW + 10 * DAY, undefined],
    ]);
  });

  it('is in force at once when its key is used before its day', async () => {
    const next = newKey().spki;
    const entry = { url: 'http://localhost:8400', keyFile: keyFile('next', next) };
    const settings = config({ tlogs: [{ ...entry, start: iso(NOW + 10 * DAY) }] });
    await here.open({ config: settings });
    here.nowMs += DAY;
    await here.open({ config: settings, material: { ...MATERIAL, tlogKey: next } });
    const current = (await seen()).tlogs.find(({ end }) => end === undefined);
    expect(current && inWindow(current, here.nowMs)).toBe(true);
  });
});

describe('a former entry', () => {
  it('stays for ever, and may get an end by configuration', async () => {
    const former = newKey().spki;
    const entry = { url: 'https://old.corp.example', keyFile: keyFile('former', former) };
    const stated = (end: number) =>
      config({ ctlogs: [{ ...entry, start: iso(NOW - 90 * DAY), end: iso(end) }] });
    await here.open({ config: stated(NOW - DAY) });
    expect((await seen()).ctlogs[0]).toMatchObject({ end: NOW - DAY });
    // A compromise that came to light later.
    await here.open({ config: stated(NOW - 30 * DAY) });
    expect((await seen()).ctlogs[0]).toMatchObject({ end: NOW - 30 * DAY });
    await here.open();
    expect((await seen()).ctlogs.map(({ end }) => end)).toEqual([NOW - 30 * DAY, undefined]);
  });

  it('without an end is ended when the configuration no longer states it', async () => {
    const entry = { url: 'https://other.corp.example', keyFile: keyFile('other', newKey().spki) };
    await here.open({ config: config({ tlogs: [{ ...entry, start: iso(NOW - DAY) }] }) });
    expect((await seen()).tlogs[0]?.end).toBeUndefined();
    here.nowMs += DAY;
    await here.open();
    expect((await seen()).tlogs[0]?.end).toBe(NOW + DAY + 1000);
  });
});

describe('a timestamp authority that changes its key', () => {
  const benches: Bench[] = [];
  afterEach(() => {
    for (const b of benches.splice(0)) b.remove();
  });

  const windows = { notBefore: NOW - DAY, notAfter: NOW + 1000 * DAY };
  async function authority() {
    const chain = makeChain(windows, windows);
    const b = bench(chain);
    benches.push(b);
    const stampAt = async (timeMs: number) => {
      b.clock.now = timeMs;
      const service = await b.open();
      const token = await stamp(service, { certReq: true });
      await service.close();
      return token;
    };
    return { ders: chain.certificates.map(({ der }) => der), stampAt };
  }
  const judge = async (token: Uint8Array) => {
    const { timestampAuthorities } = await seen();
    try {
      verifyTimestamp(nodeCrypto, token, MESSAGE, timestampAuthorities);
      return 'verified';
    } catch (error) {
      return (error as { code?: string }).code;
    }
  };

  it('has an ended entry that verifies what is old and refuses what is new', async () => {
    const [old, next] = [await authority(), await authority()];
    await here.open({ material: { ...MATERIAL, tsaChain: old.ders } });
    here.nowMs = NOW + 100 * DAY;
    await here.open({ material: { ...MATERIAL, tsaChain: next.ders } });
    const { timestampAuthorities } = await seen();
    expect(timestampAuthorities.map(({ end }) => end)).toEqual([NOW + 100 * DAY + 1000, undefined]);
    expect(await judge(await old.stampAt(NOW + 50 * DAY))).toBe('verified');
    expect(await judge(await old.stampAt(NOW + 100 * DAY))).toBe('verified');
    expect(await judge(await old.stampAt(NOW + 101 * DAY))).toBe('TIMESTAMP_TIME');
    expect(await judge(await next.stampAt(NOW + 50 * DAY))).toBe('TIMESTAMP_TIME');
    expect(await judge(await next.stampAt(NOW + 100 * DAY))).toBe('verified');
  });

  it('overlaps with the next while both are stated', async () => {
    const [old, next] = [await authority(), await authority()];
    const timestampAuthorities = [
      {
        url: 'http://localhost:8400/api/v1/timestamp',
        chainFile: chainFile('next.pem', next.ders),
        start: iso(NOW + 10 * DAY),
      },
    ];
    await here.open({
      material: { ...MATERIAL, tsaChain: old.ders },
      config: config({ timestampAuthorities }),
    });
    expect(await judge(await old.stampAt(NOW + 20 * DAY))).toBe('verified');
    expect(await judge(await next.stampAt(NOW + 9 * DAY))).toBe('TIMESTAMP_TIME');
    expect(await judge(await next.stampAt(NOW + 20 * DAY))).toBe('verified');
  });
});

describe('settings', () => {
  it('give a tiled log with an Ed25519 key its whole note key id, and other logs SHA-256 of the key', () => {
    const spki = spkiOf(ed25519Key);
    const entry = {
      url: 'https://log.corp.example',
      keyFile: keyFile('ed', spki),
      start: iso(NOW),
    };
    const of = (more: object) =>
      readStated(nodeCrypto, config({ tlogs: [{ ...entry, ...more }] })).tlogs[0]?.logId;
    const { bits } = parsePublicKey(spki);
    expect(of({ origin: 'log.corp.example' })).toEqual(
      ed25519KeyId(nodeCrypto, 'log.corp.example', bits),
    );
    expect(of({})).toEqual(nodeCrypto.digest('sha256', spki));
    const p384 = { keyFile: keyFile('p384', spkiOf(p384Key)), origin: 'log.corp.example' };
    expect(of(p384)).toEqual(nodeCrypto.digest('sha256', spkiOf(p384Key)));
  });

  it('start an authority with its first certificate unless they say otherwise', () => {
    const path = chainFile('tsa.pem', MATERIAL.tsaChain);
    const entry = { url: 'https://tsa.corp.example/api/v1/timestamp', chainFile: path };
    const [found] = readStated(
      nodeCrypto,
      config({ timestampAuthorities: [entry] }),
    ).timestampAuthorities;
    expect(found?.start).toBe(found?.chain[0]?.notBeforeMs);
  });

  const log = () => ({
    url: 'https://log.corp.example',
    keyFile: keyFile('key', newKey().spki),
    start: iso(NOW),
  });
  const tsa = (ders: readonly Uint8Array[]) => ({
    url: 'https://tsa.corp.example/api/v1/timestamp',
    chainFile: chainFile('chain', ders),
  });
  it.each<[string, () => object, string]>([
    ['a log without a start', () => ({ tlogs: [{ ...log(), start: undefined }] }), 'tlogs.0.start'],
    [
      'a time with milliseconds',
      () => ({ tlogs: [{ ...log(), start: '2026-01-01T00:00:00.5Z' }] }),
      'tlogs.0.start',
    ],
    [
      'a time without a zone',
      () => ({ ctlogs: [{ ...log(), start: '2026-01-01T00:00:00' }] }),
      'ctlogs.0.start',
    ],
    [
      'an end before the start',
      () => ({ tlogs: [{ ...log(), end: iso(NOW - 1000) }] }),
      'tlogs.0.end',
    ],
    ['no URL', () => ({ tlogs: [{ ...log(), url: 'log.corp.example' }] }), 'tlogs.0.url'],
    ['an unknown field', () => ({ tlogs: [{ ...log(), key: 'x' }] }), 'tlogs.0'],
    [
      'a key file that is missing',
      () => ({ tlogs: [{ ...log(), keyFile: join(folder, 'none') }] }),
      'trust.tlogs.0.keyFile',
    ],
    [
      'a key file without a key',
      () => ({ tlogs: [{ ...log(), keyFile: file('x', 'hello') }] }),
      'trust.tlogs.0.keyFile',
    ],
    [
      'an RSA log key',
      () => ({ tlogs: [{ ...log(), keyFile: keyFile('rsa', spkiOf(rsaKey)) }] }),
      'trust.tlogs.0.keyFile',
    ],
    [
      'a chain file without certificates',
      () => ({ certificateAuthorities: [{ ...tsa([]) }] }),
      'trust.certificateAuthorities.0.chainFile',
    ],
    [
      'a TSA chain of its root only',
      () => ({ timestampAuthorities: [tsa(MATERIAL.tsaChain.slice(-1))] }),
      'trust.timestampAuthorities[0].certChain.certificates[0]',
    ],
    [
      'a TSA chain that is leafless',
      () => ({ timestampAuthorities: [tsa(MATERIAL.fulcioChain)] }),
      'trust.timestampAuthorities[0].certChain.certificates[0]',
    ],
    [
      'a TSA chain reversed',
      () => ({ timestampAuthorities: [tsa([...MATERIAL.tsaChain].reverse())] }),
      'trust.timestampAuthorities[0].certChain.certificates[0]',
    ],
  ])('are refused: %s', async (_, tree, field) => {
    const error = await refusal(() => readStated(nodeCrypto, config(tree())));
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', field });
  });
});
