// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, verify } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { concat, fromBase64, hex, uint, uint64 } from '../../services/core/bytes.ts';
import { parseSct } from '../../services/core/sct.ts';
import { parseCertificate } from '../../services/core/x509.ts';
import type { CtLog } from '../../services/ctlog/main.ts';
import {
  authority,
  type Bench,
  bench,
  chainBody,
  extension,
  type LeafMaterial,
  leaf,
  ODD_POISON,
  PRECERT_SIGNING,
  post,
  type Refusal,
  type SctAnswer,
  SOFT_POISON,
  sha256,
  userLeaf,
} from './harness.ts';

const indexExtension = (index: number) => concat(Uint8Array.of(0, 0, 5), uint(index, 5));

function precertLeaf(
  ms: number,
  issuerSpki: Uint8Array,
  tbs: Uint8Array,
  extensions: Uint8Array,
): Uint8Array {
  return concat(
    Uint8Array.of(0, 0),
    uint64(ms),
    Uint8Array.of(0, 1),
    sha256(issuerSpki),
    uint(tbs.length, 3),
    tbs,
    uint(extensions.length, 2),
    extensions,
  );
}

/** RFC 6962 §3.2 over digitally-signed of RFC 5246 §4.7. */
function sctVerifies(log: CtLog, signature: Uint8Array, signed: Uint8Array): boolean {
  expect([...signature.subarray(0, 2)]).toEqual([4, 3]);
  const key = createPublicKey({ key: Buffer.from(log.publicKey), format: 'der', type: 'spki' });
  expect((signature[2] as number) * 256 + (signature[3] as number)).toBe(signature.length - 4);
  return verify('sha256', signed, key, signature.subarray(4));
}

describe('submissions', () => {
  let place: Bench;
  let log: CtLog;
  beforeAll(async () => {
    place = bench();
    log = await place.open();
  });
  afterAll(async () => {
    await log.close();
    place.remove();
  });
  const inProcess = (made: LeafMaterial) =>
    log.submit({
      precert: made.der,
      tbs: made.tbs,
      issuerKeyHash: sha256(place.intermediate.spki),
      chain: [place.intermediate.der, place.root.der],
    });

  it('answers add-pre-chain with an SCT over the TBS without poison', async () => {
    const made = leaf(place.intermediate, 100);
    const body = chainBody(made.der, place.intermediate.der, place.root.der);
    const response = await post(log, 'add-pre-chain', body);
    expect(response.status).toBe(200);
    const sct = (await response.json()) as SctAnswer;
    expect(Object.keys(sct)).toEqual(['sct_version', 'id', 'timestamp', 'extensions', 'signature']);
    expect(sct.sct_version).toBe(0);
    expect(fromBase64(sct.id)).toEqual(sha256(log.publicKey));
    expect(Math.abs(Date.now() - sct.timestamp)).toBeLessThan(60_000);
    const extensions = fromBase64(sct.extensions);
    expect(extensions).toEqual(indexExtension(log.log.head().size - 1));
    const input = precertLeaf(sct.timestamp, place.intermediate.spki, made.tbs, extensions);
    expect(sctVerifies(log, fromBase64(sct.signature), input)).toBe(true);
    expect(log.log.findLeaf(sha256(Uint8Array.of(0), input))).toBe(log.log.head().size - 1);
  });

  it('takes a chain without its root, and one signed by the root', async () => {
    const short = chainBody(leaf(place.intermediate, 101).der, place.intermediate.der);
    expect((await post(log, 'add-pre-chain', short)).status).toBe(200);
    expect((await post(log, 'add-pre-chain', chainBody(leaf(place.root, 102).der))).status).toBe(
      200,
    );
  });

  it('takes a certificate without subject, for a user name', async () => {
    const made = userLeaf(place.intermediate, 108);
    const response = await post(log, 'add-pre-chain', chainBody(made.der, place.intermediate.der));
    const sct = (await response.json()) as SctAnswer;
    const extensions = fromBase64(sct.extensions);
    const input = precertLeaf(sct.timestamp, place.intermediate.spki, made.tbs, extensions);
    expect(sctVerifies(log, fromBase64(sct.signature), input)).toBe(true);
  });

  it('answers add-chain with an SCT over the certificate', async () => {
    const { der } = leaf(place.intermediate, 103, []);
    const response = await post(log, 'add-chain', chainBody(der, place.intermediate.der));
    const sct = (await response.json()) as SctAnswer;
    const extensions = fromBase64(sct.extensions);
    const input = concat(
      Uint8Array.of(0, 0),
      uint64(sct.timestamp),
      Uint8Array.of(0, 0),
      uint(der.length, 3),
      der,
      uint(extensions.length, 2),
      extensions,
    );
    expect(sctVerifies(log, fromBase64(sct.signature), input)).toBe(true);
  });

  it('gives the CA in process an encoded SCT', async () => {
    const made = leaf(place.intermediate, 104);
    const sct = parseSct(await inProcess(made));
    expect(sct.logId).toEqual(log.logId);
    const input = precertLeaf(
      Number(sct.timestampMs),
      place.intermediate.spki,
      made.tbs,
      sct.extensions,
    );
    const key = createPublicKey({ key: Buffer.from(log.publicKey), format: 'der', type: 'spki' });
    expect(verify('sha256', input, key, sct.signature)).toBe(true);
  });

  it('gives a duplicate the time and index of its entry, through either door', async () => {
    const made = leaf(place.intermediate, 105);
    const first = parseSct(await inProcess(made));
    await inProcess(leaf(place.intermediate, 106));
    const { size } = log.log.head();
    // The same TBS, signed once more: another precertificate, the same entry.
    const again = leaf(place.intermediate, 105);
    expect(again.der).not.toEqual(made.der);
    const body = chainBody(again.der, place.intermediate.der);
    const sct = (await (await post(log, 'add-pre-chain', body)).json()) as SctAnswer;
    expect(sct.timestamp).toBe(Number(first.timestampMs));
    expect(fromBase64(sct.extensions)).toEqual(first.extensions);
    const both = await Promise.all([inProcess(made), inProcess(made)]);
    for (const bytes of both) expect(parseSct(bytes).extensions).toEqual(first.extensions);
    expect(log.log.head().size).toBe(size);
  });

  it('keeps the same TBS of two issuers apart', async () => {
    const twin = authority('intermediate', place.root);
    const a = leaf(place.intermediate, 107);
    const b = leaf(twin, 107);
    expect(a.tbs).toEqual(b.tbs);
    const { size } = log.log.head();
    await post(log, 'add-pre-chain', chainBody(a.der, place.intermediate.der));
    await post(log, 'add-pre-chain', chainBody(b.der, twin.der));
    expect(log.log.head().size).toBe(size + 2);
  });

  const refusals: ReadonlyArray<
    readonly [string, string, string, (p: Bench) => string | readonly Uint8Array[]]
  > = [
    ['nothing', 'add-pre-chain', 'REQUEST_MALFORMED', () => ''],
    ['no JSON', 'add-pre-chain', 'REQUEST_MALFORMED', () => '{'],
    ['an array', 'add-pre-chain', 'REQUEST_MALFORMED', () => '[]'],
    ['null', 'add-chain', 'REQUEST_MALFORMED', () => 'null'],
    ['no chain', 'add-chain', 'REQUEST_MALFORMED', () => '{}'],
    ['chain null', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":null}'],
    ['chain text', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":"AA=="}'],
    ['empty chain', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":[]}'],
    ['a number in the chain', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":[1]}'],
    ['not base64', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":["*"]}'],
    ['not a certificate', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":["AAAA"]}'],
    ['empty certificate', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":[""]}'],
    ['duplicate field', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":[],"chain":[]}'],
    ['unknown field', 'add-chain', 'REQUEST_MALFORMED', () => '{"chain":["AA=="],"x":1}'],
    [
      'octet after a certificate',
      'add-pre-chain',
      'REQUEST_MALFORMED',
      (p) => [concat(leaf(p.intermediate, 1).der, Uint8Array.of(0)), p.intermediate.der],
    ],
    [
      'nine certificates',
      'add-pre-chain',
      'REQUEST_MALFORMED',
      (p) => [leaf(p.intermediate, 1).der, ...Array<Uint8Array>(8).fill(p.intermediate.der)],
    ],
    [
      'poison that is not critical',
      'add-pre-chain',
      'REQUEST_MALFORMED',
      (p) => [leaf(p.intermediate, 1, [SOFT_POISON]).der, p.intermediate.der],
    ],
    [
      'poison that is not NULL',
      'add-pre-chain',
      'REQUEST_MALFORMED',
      (p) => [leaf(p.intermediate, 1, [ODD_POISON]).der, p.intermediate.der],
    ],
    [
      'a certificate',
      'add-pre-chain',
      'CT_ENTRY_TYPE',
      (p) => [leaf(p.intermediate, 1, []).der, p.intermediate.der],
    ],
    [
      'a precertificate',
      'add-chain',
      'CT_ENTRY_TYPE',
      (p) => [leaf(p.intermediate, 1).der, p.intermediate.der],
    ],
    [
      'a foreign root',
      'add-pre-chain',
      'CT_CHAIN_UNTRUSTED',
      () => {
        const root = authority('root');
        const issuing = authority('intermediate', root);
        return [leaf(issuing, 1).der, issuing.der, root.der];
      },
    ],
    [
      'a missing intermediate',
      'add-pre-chain',
      'CT_CHAIN_UNTRUSTED',
      (p) => [leaf(p.intermediate, 1).der, p.root.der],
    ],
    [
      'a leaf alone, not of a root',
      'add-pre-chain',
      'CT_CHAIN_UNTRUSTED',
      (p) => [leaf(p.intermediate, 1).der],
    ],
    [
      'another order',
      'add-pre-chain',
      'CT_CHAIN_UNTRUSTED',
      (p) => [leaf(p.intermediate, 1).der, p.root.der, p.intermediate.der],
    ],
    [
      'an intermediate of the right name and another key',
      'add-pre-chain',
      'CT_CHAIN_UNTRUSTED',
      (p) => [leaf(p.intermediate, 1).der, authority('intermediate', p.root).der],
    ],
    ['a root', 'add-chain', 'CT_CHAIN_UNTRUSTED', (p) => [p.root.der]],
    [
      'a leaf as issuer',
      'add-pre-chain',
      'CT_CHAIN_UNTRUSTED',
      (p) => {
        const above = leaf(p.intermediate, 2, []);
        return [leaf({ ...p.intermediate, name: 'leaf' }, 1).der, above.der, p.intermediate.der];
      },
    ],
    [
      'a precertificate signing certificate',
      'add-pre-chain',
      'CT_CHAIN_UNTRUSTED',
      (p) => {
        const signing = authority('signing', p.intermediate, [PRECERT_SIGNING]);
        return [leaf(signing, 1).der, signing.der, p.intermediate.der];
      },
    ],
    [
      'a signature that was altered',
      'add-pre-chain',
      'CT_CHAIN_UNTRUSTED',
      (p) => {
        const bent = leaf(p.intermediate, 1).der.slice();
        bent[bent.length - 1] = (bent[bent.length - 1] as number) ^ 1;
        return [bent, p.intermediate.der];
      },
    ],
  ];
  it.each(refusals)('refuses %s to %s with %s', async (_, endpoint, code, make) => {
    const { size } = log.log.head();
    const issuers = readdirSync(join(place.directory, 'ctlog/issuers')).length;
    const made = make(place);
    const body = typeof made === 'string' ? made : chainBody(...made);
    const response = await post(log, endpoint, body);
    expect(response.status).toBe(400);
    const refusal = (await response.json()) as Refusal;
    expect(refusal.details[0]?.reason).toBe(code);
    expect(log.log.head().size).toBe(size);
    expect(readdirSync(join(place.directory, 'ctlog/issuers'))).toHaveLength(issuers);
  });

  it('refuses more than 128 KiB', async () => {
    const response = await post(log, 'add-chain', ' '.repeat((128 << 10) + 1));
    expect(response.status).toBe(413);
    expect(((await response.json()) as Refusal).details[0]?.reason).toBe('REQUEST_TOO_LARGE');
    const wide = leaf(place.intermediate, 110, [extension('1.2.3', false, new Uint8Array(65_536))]);
    const large = await post(log, 'add-chain', chainBody(wide.der, place.intermediate.der));
    expect([large.status, ((await large.json()) as Refusal).details[0]?.reason]).toEqual([
      400,
      'ENTRY_TOO_LARGE',
    ]);
    const made = leaf(place.intermediate, 109);
    const fits = chainBody(made.der, place.intermediate.der).padEnd(128 << 10);
    expect((await post(log, 'add-pre-chain', fits)).status).toBe(200);
  });

  it('answers other methods with 405', async () => {
    for (const [name, method] of [
      ['add-chain', 'GET'],
      ['add-pre-chain', 'PUT'],
      ['get-sth', 'POST'],
    ] as const) {
      const response = await log.routes.request(`/ctlog/ct/v1/${name}`, { method });
      expect(response.status).toBe(405);
    }
  });
});

describe('a full queue', () => {
  it('is answered with 503 and when to come again; what was accepted stands in the tree', async () => {
    const place = bench();
    try {
      const log = await place.open({ queueLimit: 1 });
      const bodies = Array.from({ length: 24 }, (_, i) =>
        chainBody(leaf(place.intermediate, i + 1).der, place.intermediate.der),
      );
      const answers = await Promise.all(bodies.map((body) => post(log, 'add-pre-chain', body)));
      const refused = answers.filter(({ status }) => status !== 200);
      expect(refused.length).toBeGreaterThan(0);
      for (const answer of refused) {
        expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
        expect(((await answer.json()) as Refusal).details[0]?.reason).toBe('LOG_FULL');
      }
      expect(log.log.head().size).toBe(answers.length - refused.length);
      const again = bodies[answers.findIndex(({ status }) => status !== 200)] ?? '';
      expect((await post(log, 'add-pre-chain', again)).status).toBe(200);
      await log.close();
    } finally {
      place.remove();
    }
  });
});

describe('settings and restarts', () => {
  it('leaves the extensions empty when told so, and keeps those that stand in the tree', async () => {
    const place = bench();
    try {
      let log = await place.open({ leafIndex: false });
      const body = chainBody(leaf(place.intermediate, 1).der, place.intermediate.der);
      const first = (await (await post(log, 'add-pre-chain', body)).json()) as SctAnswer;
      expect(first.extensions).toBe('');
      await log.close();
      log = await place.open();
      const again = (await (await post(log, 'add-pre-chain', body)).json()) as SctAnswer;
      expect([again.extensions, again.timestamp]).toEqual(['', first.timestamp]);
      const next = chainBody(leaf(place.intermediate, 2).der, place.intermediate.der);
      const second = (await (await post(log, 'add-pre-chain', next)).json()) as SctAnswer;
      expect(fromBase64(second.extensions)).toEqual(indexExtension(1));
      await log.close();
    } finally {
      place.remove();
    }
  });

  it('keeps its issuers, ignores a half-written one, refuses a damaged one', async () => {
    const place = bench();
    try {
      let log = await place.open();
      const body = chainBody(leaf(place.intermediate, 1).der, place.intermediate.der);
      await post(log, 'add-pre-chain', body);
      await log.close();
      const issuers = join(place.directory, 'ctlog/issuers');
      const name = `${hex(sha256(place.intermediate.der))}.der`;
      expect(readdirSync(issuers).sort()).toEqual(
        [name, `${hex(sha256(place.root.der))}.der`].sort(),
      );
      writeFileSync(join(issuers, `${name}.123.tmp`), 'half');
      log = await place.open();
      const path = `/ctlog/issuer/${hex(sha256(place.intermediate.der))}`;
      expect((await log.routes.request(path)).status).toBe(200);
      await log.close();
      writeFileSync(join(issuers, name), 'damaged');
      await expect(place.open()).rejects.toMatchObject({ code: 'STATE_INCONSISTENT' });
    } finally {
      place.remove();
    }
  });

  it('takes chains to former roots too', async () => {
    const place = bench();
    try {
      const former = authority('former');
      const roots = [place.root, former].map(({ der }) => parseCertificate(der));
      const log = await place.open({ roots });
      const response = await post(log, 'add-pre-chain', chainBody(leaf(former, 1).der));
      expect(response.status).toBe(200);
      await log.close();
    } finally {
      place.remove();
    }
  });
});
