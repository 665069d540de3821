// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64, fromUtf8, utf8 } from '../../services/core/bytes.ts';
import { pae } from '../../services/core/dsse.ts';
import { parseEntryBody } from '../../services/core/entry.ts';
import { canonicalJson, parseJson } from '../../services/core/json.ts';
import { ensureSigner } from '../../services/runtime/keys.ts';
import type { Tlog } from '../../services/tlog/main.ts';
import { type Answer, type Bench, bench, ORIGIN, post, type Refusal, request } from './harness.ts';

interface Case {
  name: string;
  body: string;
  status: number;
  code?: string;
  field?: string;
}
const CASES = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/tlog/requests.json'), 'utf8'),
) as Case[];

const sha256 = (...parts: Uint8Array[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
};

/** RFC 9162 §2.1.3.2, written a second time, so that the test does not ask the code under test. */
function rootOf(index: number, size: number, leaf: Uint8Array, proof: Uint8Array[]): Uint8Array {
  let fn = index;
  let sn = size - 1;
  let r = leaf;
  for (const p of proof) {
    expect(sn).toBeGreaterThan(0);
    if (fn % 2 === 1 || fn === sn) {
      r = sha256(Uint8Array.of(1), p, r);
      while (fn % 2 === 0 && fn !== 0) {
        fn >>= 1;
        sn >>= 1;
      }
    } else r = sha256(Uint8Array.of(1), r, p);
    fn >>= 1;
    sn >>= 1;
  }
  expect(sn).toBe(0);
  return r;
}

/** Everything a client checks of an answer. */
function checkAnswer(tlog: Tlog, spki: Uint8Array, answer: Answer): void {
  expect(Object.keys(answer).sort()).toEqual([
    'canonicalizedBody',
    'inclusionProof',
    'integratedTime',
    'kindVersion',
    'logId',
    'logIndex',
  ]);
  expect(answer.kindVersion).toEqual({ kind: 'hashedrekord', version: '0.0.2' });
  expect(answer.integratedTime).toBe('0');
  expect(fromBase64(answer.logId.keyId)).toEqual(sha256(spki));
  expect(tlog.logId).toEqual(sha256(spki));

  const { inclusionProof: proof } = answer;
  expect(proof.logIndex).toBe(answer.logIndex);
  const leaf = sha256(Uint8Array.of(0), fromBase64(answer.canonicalizedBody));
  const root = rootOf(
    Number(proof.logIndex),
    Number(proof.treeSize),
    leaf,
    proof.hashes.map(fromBase64),
  );
  expect(fromBase64(proof.rootHash)).toEqual(root);

  const { envelope } = proof.checkpoint;
  const [text = '', signatures = '', ...rest] = envelope.split('\n\n');
  expect(rest).toEqual([]);
  expect(text).toBe(`${ORIGIN}\n${proof.treeSize}\n${proof.rootHash}`);
  const match = /^— (\S+) (\S+)\n$/.exec(signatures);
  expect(match?.[1]).toBe(ORIGIN);
  const signature = fromBase64(match?.[2] ?? '');
  expect(signature.subarray(0, 4)).toEqual(sha256(spki).subarray(0, 4));
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  expect(verify('sha256', utf8(`${text}\n`), key, signature.subarray(4))).toBe(true);
}

describe('POST /api/v2/log/entries', () => {
  let place: Bench;
  let tlog: Tlog;
  let spki: Uint8Array;
  beforeAll(async () => {
    place = bench();
    const pem = readFileSync(join(place.directory, 'key.pem'));
    spki = new Uint8Array(createPublicKey(pem).export({ type: 'spki', format: 'der' }));
    tlog = await place.open();
  });
  afterAll(async () => {
    await tlog.close();
    place.remove();
  });

  it.each(CASES)('$name', async ({ body, status, code, field }) => {
    const before = tlog.log.head().size;
    const response = await post(tlog, body);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const text = await response.text();
    expect([response.status, text]).toEqual([status, expect.anything()]);
    if (status === 201) {
      checkAnswer(tlog, spki, JSON.parse(text) as Answer);
      return;
    }
    const refusal = JSON.parse(text) as Refusal;
    expect(refusal.code).toBe(3);
    if (code !== undefined) expect(refusal.details[0]?.reason).toBe(code);
    if (field !== undefined) expect(refusal.details[0]?.metadata.field).toBe(field);
    expect(tlog.log.head().size).toBe(before);
  });

  it('keeps the submitted bytes and writes the canonical form', async () => {
    const body = request('canonical');
    const answer = (await (await post(tlog, body)).json()) as Answer;
    const stored = fromBase64(answer.canonicalizedBody);
    expect(canonicalJson(parseJson(stored))).toBe(fromUtf8(stored));
    const { hashedRekordRequestV002: sent } = JSON.parse(body) as {
      hashedRekordRequestV002: {
        digest: string;
        signature: { content: string; verifier: { publicKey: { rawBytes: string } } };
      };
    };
    const entry = parseEntryBody(stored);
    expect(entry.digest).toEqual(fromBase64(sent.digest));
    expect(entry.signature).toEqual(fromBase64(sent.signature.content));
    expect(entry.verifier).toEqual({
      publicKey: fromBase64(sent.signature.verifier.publicKey.rawBytes),
    });
    expect(entry.keyDetails).toBe('PKIX_ECDSA_P256_SHA_256');
    expect(Uint8Array.from(tlog.log.entry(Number(answer.logIndex))?.data ?? [])).toEqual(stored);
  });

  it('logs DSSE as hashedrekord over SHA-256 of the PAE', async () => {
    const sent = CASES.find(({ name }) => name === 'dsse');
    const answer = (await (await post(tlog, sent?.body ?? '')).json()) as Answer;
    const { envelope } = (
      JSON.parse(sent?.body ?? '') as {
        dsseRequestV002: {
          envelope: { payload: string; payloadType: string; signatures: Array<{ sig: string }> };
        };
      }
    ).dsseRequestV002;
    const entry = parseEntryBody(fromBase64(answer.canonicalizedBody));
    expect(entry.digest).toEqual(sha256(pae(envelope.payloadType, fromBase64(envelope.payload))));
    expect(entry.signature).toEqual(fromBase64(envelope.signatures[0]?.sig ?? ''));
  });

  it('knows the two requests of one hashedrekord: DSSE, and the digest of its PAE', async () => {
    const sent = JSON.parse(CASES.find(({ name }) => name === 'dsse')?.body ?? '').dsseRequestV002;
    const { payload, payloadType, signatures } = sent.envelope;
    const digest = Buffer.from(sha256(pae(payloadType, fromBase64(payload)))).toString('base64');
    const signature = { content: signatures[0].sig, verifier: sent.verifiers[0] };
    const twin = JSON.stringify({ hashedRekordRequestV002: { digest, signature } });
    const answers = await Promise.all(
      [JSON.stringify({ dsseRequestV002: sent }), twin].map(
        async (body) => (await (await post(tlog, body)).json()) as Answer,
      ),
    );
    expect(answers[1]?.logIndex).toBe(answers[0]?.logIndex);
    expect(answers[1]?.canonicalizedBody).toBe(answers[0]?.canonicalizedBody);
  });

  it('takes a message of any length up to the limit of the body', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const rawBytes = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const payload = Buffer.alloc(3_000_000, 'x');
    const sig = sign('sha256', pae('text/plain', payload), privateKey).toString('base64');
    const envelope = {
      payload: payload.toString('base64'),
      payloadType: 'text/plain',
      signatures: [{ sig }],
    };
    const verifiers = [{ publicKey: { rawBytes }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' }];
    const body = JSON.stringify({ dsseRequestV002: { envelope, verifiers } });
    expect(body.length).toBeGreaterThan(4_000_000);
    expect((await post(tlog, body)).status).toBe(201);
  });

  it('answers a duplicate with 201, its index and a proof in the newest tree', async () => {
    const body = request('twice');
    const first = (await (await post(tlog, body)).json()) as Answer;
    await post(tlog, request('something after it'));
    const response = await post(tlog, body);
    expect(response.status).toBe(201);
    const second = (await response.json()) as Answer;
    expect(second.logIndex).toBe(first.logIndex);
    expect(Number(second.inclusionProof.treeSize)).toBeGreaterThan(Number(first.logIndex) + 1);
    checkAnswer(tlog, spki, second);
  });

  it('gives duplicates in one batch one index', async () => {
    const bodies = Array.from({ length: 40 }, (_, i) =>
      request(`batch ${i % 4}`).replace(/\s/g, ''),
    );
    const four = bodies.slice(0, 4);
    const before = tlog.log.head().size;
    const answers = await Promise.all(
      bodies.map(async (_, i) => {
        const response = await post(tlog, four[i % 4] ?? '');
        expect(response.status).toBe(201);
        return (await response.json()) as Answer;
      }),
    );
    expect(new Set(answers.map(({ logIndex }) => logIndex)).size).toBe(4);
    expect(tlog.log.head().size).toBe(before + 4);
    for (const answer of answers) checkAnswer(tlog, spki, answer);
  });

  it('refuses a body of more than 4 MiB', async () => {
    const response = await post(tlog, ' '.repeat((4 << 20) + 1));
    expect(response.status).toBe(413);
    expect(((await response.json()) as Refusal).details[0]?.reason).toBe('REQUEST_TOO_LARGE');
  });

  it('survives bytes that are no text', async () => {
    for (const body of [
      Uint8Array.of(0xff, 0xfe),
      new Uint8Array(1000),
      Uint8Array.of(0xc0, 0x80),
    ]) {
      expect((await post(tlog, body)).status).toBe(400);
    }
  });

  it.each(['GET', 'PUT', 'DELETE', 'PATCH'])('answers %s with 405', async (method) => {
    const { status, headers } = await tlog.routes.request('/api/v2/log/entries', { method });
    expect([status, headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('never answers 5xx, however the request is cut or bent', async () => {
    const good = request('bent');
    for (let i = 0; i < 300; i++) {
      const at = (i * 37) % good.length;
      const cut = i % 2 === 0;
      const bent = cut
        ? good.slice(0, at)
        : `${good.slice(0, at)}${String.fromCharCode(33 + ((i * 7) % 94))}${good.slice(at + 1)}`;
      const { status } = await post(tlog, bent);
      expect(status === 400 || (status === 201 && !cut)).toBe(true);
    }
  });
});

describe('over a restart', () => {
  it('knows its entries again', async () => {
    const place = bench();
    try {
      let tlog = await place.open();
      const bodies = [0, 1, 2].map((i) => request(`restart ${i}`));
      for (const body of bodies) expect((await post(tlog, body)).status).toBe(201);
      const { root } = tlog.log.head();
      await tlog.close();
      tlog = await place.open();
      expect(tlog.log.head().root).toEqual(root);
      const answer = (await (await post(tlog, bodies[1] ?? '')).json()) as Answer;
      expect(answer.logIndex).toBe('1');
      expect(answer.inclusionProof.treeSize).toBe('3');
      expect(tlog.readiness()).toEqual([]);
      await tlog.close();
    } finally {
      place.remove();
    }
  });
});

describe('a full queue', () => {
  it('answers 503 with Retry-After, and takes the rest', async () => {
    const place = bench();
    try {
      const tlog = await place.open({ queueLimit: 2 });
      const answers = await Promise.all(
        Array.from({ length: 40 }, (_, i) => post(tlog, request(`full ${i}`))),
      );
      const full = answers.filter(({ status }) => status === 503);
      const taken = answers.filter(({ status }) => status === 201);
      expect(full.length + taken.length).toBe(40);
      expect(full.length).toBeGreaterThan(0);
      expect(tlog.log.head().size).toBe(taken.length);
      for (const response of full) {
        expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
        const refusal = (await response.json()) as Refusal;
        expect([refusal.code, refusal.details[0]?.reason]).toEqual([14, 'LOG_FULL']);
      }
      await tlog.close();
    } finally {
      place.remove();
    }
  });
});

describe('a log that cannot write', () => {
  it('says so with 500 and 13, stays unready, and serves what it published', async () => {
    const place = bench();
    try {
      const tlog = await place.open();
      const known = request('known');
      const first = (await (await post(tlog, known)).json()) as Answer;
      const db = new Database(join(place.directory, 'tlog', 'tlog.sqlite'));
      db.prepare('UPDATE log SET root = zeroblob(32)').run();
      db.close();
      for (const name of ['one', 'two']) {
        const response = await post(tlog, request(name));
        const refusal = (await response.json()) as Refusal;
        expect([response.status, refusal.code]).toEqual([500, 13]);
        expect(refusal.details[0]?.reason).toBe('LOG_STOPPED');
      }
      expect(tlog.readiness()[0]).toMatch(/^tlog stopped/);
      const checkpoint = await tlog.routes.request('/api/v2/checkpoint');
      expect(await checkpoint.text()).toBe(first.inclusionProof.checkpoint.envelope);
      expect((await tlog.routes.request('/api/v2/tile/entries/000.p/1')).status).toBe(200);
      await tlog.close();
    } finally {
      place.remove();
    }
  });

  it('answers 503 with Retry-After when no checkpoint comes in time, and logs once', async () => {
    const place = bench();
    try {
      let sign: () => void = () => {};
      const gate = new Promise<void>((resolve) => {
        sign = resolve;
      });
      const signer = ensureSigner(join(place.directory, 'key.pem'));
      let slow = false;
      const tlog = await place.open({
        deadlineMs: 20,
        signer: {
          spki: signer.spki,
          async sign(message) {
            if (slow) await gate;
            return signer.sign(message);
          },
        },
      });
      slow = true;
      const body = request('slow');
      const response = await post(tlog, body);
      const refusal = (await response.json()) as Refusal;
      expect([response.status, refusal.code]).toEqual([503, 14]);
      expect(refusal.details[0]?.reason).toBe('UNAVAILABLE');
      expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(tlog.log.head().size).toBe(0);
      sign();
      await expect.poll(() => tlog.log.head().size).toBe(1);
      const again = (await (await post(tlog, body)).json()) as Answer;
      expect([again.logIndex, again.inclusionProof.treeSize]).toEqual(['0', '1']);
      await tlog.close();
    } finally {
      place.remove();
    }
  });
});

describe('a frozen log', () => {
  it('refuses to write with 405 in plain words and keeps serving', async () => {
    const place = bench();
    try {
      const tlog = await place.open({ frozen: true });
      const response = await post(tlog, request('late'));
      expect(response.status).toBe(405);
      expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
      expect(await response.text()).toBe(
        'This log has been frozen, please switch to the latest log.',
      );
      expect((await tlog.routes.request('/api/v2/checkpoint')).status).toBe(200);
      await tlog.close();
    } finally {
      place.remove();
    }
  });
});
