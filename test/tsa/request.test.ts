// SPDX-License-Identifier: Apache-2.0
// What the authority refuses, and with which code.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base64, concat, utf8 } from '../../services/core/bytes.ts';
import { octetString, oid, sequence, smallInteger, TAG, tlv } from '../../services/core/der.ts';
import { OID } from '../../services/core/oid.ts';
import { encodeTimestampRequest, parseTimestampResponse } from '../../services/core/tsp.ts';
import type { Service } from '../../services/runtime/service.ts';
import { integerOctets } from '../../services/tsa/request.ts';
import { type Bench, bench, post, QUERY, refusal, requestFor } from './harness.ts';

let b: Bench;
let tsa: Service;
beforeAll(async () => {
  b = bench();
  tsa = await b.open();
});
afterAll(async () => {
  await tsa.close();
  b.remove();
});

const MALFORMED = 'TSA_REQUEST_MALFORMED';
const granted = encodeTimestampRequest(requestFor({ certReq: true }));
const imprint = (hashOid: string, length = 32) =>
  sequence(sequence(oid(hashOid)), octetString(new Uint8Array(length)));
const request = (version: number, ...parts: Uint8Array[]) =>
  sequence(smallInteger(version), ...parts);
/** An OID of so many arcs. */
const longOid = (arcs: number) => tlv(TAG.oid, new Uint8Array(arcs - 1).fill(42));
const indefinite = concat(Uint8Array.of(0x30, 0x80), granted.subarray(2), Uint8Array.of(0, 0));
const longLength = concat(Uint8Array.of(0x30, 0x81, granted[1] as number), granted.subarray(2));

describe('DER', () => {
  it.each<[string, string, Uint8Array, string?]>([
    ['noise', MALFORMED, utf8('not DER')],
    ['truncation', MALFORMED, granted.subarray(0, -1)],
    ['trailing octets', MALFORMED, concat(granted, Uint8Array.of(0))],
    ['BER of indefinite length', MALFORMED, indefinite],
    ['BER of a long length', MALFORMED, longLength],
    ['version 2', MALFORMED, request(2, imprint(OID.sha256))],
    ['no imprint', MALFORMED, request(1)],
    [
      'certReq FALSE',
      MALFORMED,
      request(1, imprint(OID.sha256), tlv(TAG.boolean, Uint8Array.of(0))),
    ],
    ['certReq 1', MALFORMED, request(1, imprint(OID.sha256), tlv(TAG.boolean, Uint8Array.of(1)))],
    [
      'a nonce that is not minimal',
      MALFORMED,
      request(1, imprint(OID.sha256), tlv(TAG.integer, Uint8Array.of(0, 1))),
    ],
    ['an empty nonce', MALFORMED, request(1, imprint(OID.sha256), tlv(TAG.integer))],
    [
      'a nonce of 129 octets',
      MALFORMED,
      request(1, imprint(OID.sha256), tlv(TAG.integer, new Uint8Array(129).fill(1))),
    ],
    [
      'hash parameters',
      MALFORMED,
      request(
        1,
        sequence(sequence(oid(OID.sha256), smallInteger(1)), octetString(new Uint8Array(32))),
      ),
    ],
    ['a response', MALFORMED, sequence(sequence(smallInteger(0)))],
    ['an unknown hash', 'TSA_HASH_UNKNOWN', request(1, imprint('1.2.3'))],
    ['MD5', 'TSA_HASH_UNKNOWN', request(1, imprint('1.2.840.113549.2.5', 16))],
    ['SHA3-256', 'TSA_HASH_UNKNOWN', request(1, imprint('2.16.840.1.101.3.4.2.8'))],
    [
      'SHA-1',
      'TSA_HASH_WEAK',
      request(1, imprint(OID.sha1, 20)),
      'Weak hash algorithm in timestamp request',
    ],
    [
      'a short digest',
      'TSA_DIGEST_LENGTH',
      request(1, imprint(OID.sha256, 31)),
      'Message digest has incorrect length for specified algorithm',
    ],
    ['a digest of another hash', 'TSA_DIGEST_LENGTH', request(1, imprint(OID.sha512, 32))],
    [
      'another policy',
      'TSA_POLICY',
      encodeTimestampRequest(requestFor({ policy: '1.2.3' })),
      'unaccepted policy: requested TSA policy is not supported by the TSA',
    ],
    [
      'an extension',
      'TSA_EXTENSION',
      encodeTimestampRequest(
        requestFor({ extensions: [{ oid: '1.2.3', critical: false, value: new Uint8Array() }] }),
      ),
      'unaccepted extension: requested extensions are not supported by the TSA',
    ],
    [
      'a policy of 129 arcs',
      'TSA_OID_TOO_LONG',
      request(1, imprint(OID.sha256), longOid(129)),
      'OID should be comprised of at most 128 components',
    ],
    [
      'a hash of 100,000 arcs',
      'TSA_OID_TOO_LONG',
      request(1, sequence(sequence(longOid(100_000)), octetString())),
    ],
    [
      'a policy of 128 arcs that nobody accepts',
      'TSA_POLICY',
      request(1, imprint(OID.sha256), longOid(128)),
    ],
  ])('with %s is %s', async (_, reason, body, message) => {
    const refused = await refusal(await post(tsa, body));
    expect(refused).toMatchObject({ status: 400, reason });
    expect(refused.type).toMatch(/^application\/json/);
    if (message !== undefined) expect(refused.message).toBe(message);
    if (reason === MALFORMED)
      expect(refused.message).toMatch(/^Error generating timestamp response/);
  });

  it('of more than 1 MiB is refused, whether or not it says so', async () => {
    const body = new Uint8Array((1 << 20) + 1);
    expect(await refusal(await post(tsa, body))).toMatchObject({
      status: 400,
      reason: 'TSA_REQUEST_TOO_LARGE',
    });
    const stream = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(1 << 18));
      },
    });
    const init = {
      method: 'POST',
      body: stream,
      duplex: 'half' as const,
      headers: { 'content-type': QUERY },
    };
    expect(await refusal(await tsa.routes.request('/api/v1/timestamp', init))).toMatchObject({
      status: 400,
      reason: 'TSA_REQUEST_TOO_LARGE',
    });
  });
});

const ARTIFACT = base64(requestFor().digest);
const json = (fields: object) =>
  JSON.stringify({ artifactHash: ARTIFACT, hashAlgorithm: 'sha256', ...fields });
const without = (name: string) => json({ [name]: undefined });
/** JSON.stringify knows no bigint. */
const nonced = (nonce: bigint) => json({}).replace('{', `{"nonce":${nonce},`);

describe('JSON', () => {
  it.each<[string, string, string]>([
    ['no JSON', MALFORMED, 'hello'],
    ['text after it', MALFORMED, `${json({})}}`],
    ['a byte order mark', MALFORMED, `\ufeff${json({})}`],
    ['an array', MALFORMED, '[]'],
    ['null', MALFORMED, 'null'],
    ['a name twice', MALFORMED, json({}).replace('{', '{"hashAlgorithm":"sha512",')],
    ['an unknown field', MALFORMED, json({ nonse: 1 })],
    ['no digest', MALFORMED, without('artifactHash')],
    ['no algorithm', MALFORMED, without('hashAlgorithm')],
    ['bad base64', MALFORMED, json({ artifactHash: `${ARTIFACT.slice(0, -2)}!=` })],
    ['base64 without padding', MALFORMED, json({ artifactHash: ARTIFACT.replace('=', '') })],
    ['base64url', MALFORMED, json({ artifactHash: `-_${ARTIFACT.slice(2)}` })],
    ['a nonce in quotes', MALFORMED, json({ nonce: '1' })],
    ['a fraction as nonce', MALFORMED, json({ nonce: 1.5 })],
    ['a rounded nonce', MALFORMED, json({ nonce: 0 }).replace(':0}', ':1e30}')],
    ['a nonce of 129 octets', MALFORMED, nonced(1n << 1023n)],
    ['certificates as text', MALFORMED, json({ certificates: 'true' })],
    ['a policy that is no OID', MALFORMED, json({ tsaPolicyOID: 'default' })],
    ['an unknown algorithm', 'TSA_HASH_UNKNOWN', json({ hashAlgorithm: 'sha3-256' })],
    ['an inherited name as algorithm', 'TSA_HASH_UNKNOWN', json({ hashAlgorithm: 'constructor' })],
    ['SHA-1', 'TSA_HASH_WEAK', json({ hashAlgorithm: 'SHA1' })],
    ['a digest of another hash', 'TSA_DIGEST_LENGTH', json({ hashAlgorithm: 'sha384' })],
    ['an empty digest', 'TSA_DIGEST_LENGTH', json({ artifactHash: '' })],
    ['another policy', 'TSA_POLICY', json({ tsaPolicyOID: '1.2.3' })],
    ['a policy of 129 arcs', 'TSA_OID_TOO_LONG', json({ tsaPolicyOID: `1${'.1'.repeat(128)}` })],
    ['more than 1024 bytes', 'TSA_JSON_TOO_LARGE', json({}) + ' '.repeat(1024)],
  ])('with %s is %s', async (_, reason, body) => {
    expect(await refusal(await post(tsa, body))).toMatchObject({ status: 400, reason });
  });

  it('may say more than the two fields, in any case', async () => {
    const policy = OID.sigstoreTsaPolicy;
    const full = { hashAlgorithm: 'SHA256', certificates: true, tsaPolicyOID: policy };
    const text = json(full).replace('{', '{"nonce":340282366920938463463374607431768211455,');
    const response = await post(tsa, text, { 'content-type': 'Application/JSON; charset=utf-8' });
    expect(response.status).toBe(200);
    const stamp = parseTimestampResponse(new Uint8Array(await response.arrayBuffer()));
    expect(stamp.nonce).toEqual(concat(Uint8Array.of(0), new Uint8Array(16).fill(255)));
    expect(stamp.certificates).toHaveLength(1);
    expect(stamp.policy).toBe(policy);
  });

  it.each([
    ['0', 0n, '00'],
    ['of 2^53 + 1', (1n << 53n) + 1n, '20000000000001'],
    ['with the high bit set', (1n << 64n) - 1n, '00ffffffffffffffff'],
    ['of 160 bits', (1n << 159n) - 1n, `7f${'ff'.repeat(19)}`],
    ['of 128 octets', (1n << 1023n) - 1n, `7f${'ff'.repeat(127)}`],
    ['that is negative', -129n, 'ff7f'],
  ])('gives back a nonce %s', async (_, nonce, octets) => {
    const response = await post(tsa, nonced(nonce));
    const stamp = parseTimestampResponse(new Uint8Array(await response.arrayBuffer()));
    expect(stamp.nonce).toEqual(Uint8Array.from(Buffer.from(octets, 'hex')));
    expect(stamp.certificates).toEqual([]);
  });

  it('names the field at fault', async () => {
    const bodies = [json({ nonce: '1' }), nonced(1n << 1023n), json({ artifactHash: '!' })];
    const fields: unknown[] = [];
    for (const body of bodies) fields.push((await refusal(await post(tsa, body))).field);
    expect(fields).toEqual(['nonce', 'nonce', 'artifactHash']);
    for (const body of ['hello', utf8('not DER')]) {
      expect((await refusal(await post(tsa, body))).field).toBe('body');
    }
  });

  it.each([
    [0n, '00'],
    [127n, '7f'],
    [128n, '0080'],
    [-1n, 'ff'],
    [-128n, '80'],
    [-129n, 'ff7f'],
    [1n << 63n, '008000000000000000'],
  ])('turns the nonce %s into the octets %s', (value, octets) => {
    expect(Buffer.from(integerOctets(value)).toString('hex')).toBe(octets);
  });
});

describe('HTTP', () => {
  it.each([
    ['text/plain', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['application/timestamp-reply', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['timestamp', 400, 'TSA_CONTENT_TYPE'],
    ['application/', 400, 'TSA_CONTENT_TYPE'],
    ['application/json charset', 400, 'TSA_CONTENT_TYPE'],
    [`application/json${';'.repeat(2000)}`, 400, 'TSA_CONTENT_TYPE'],
  ])('with Content-Type %s is %i %s', async (type, status, reason) => {
    const refused = await refusal(await post(tsa, granted, { 'content-type': type }));
    expect(refused).toMatchObject({ status, reason });
  });

  it('without Content-Type is 415', async () => {
    const init = { method: 'POST', body: new Uint8Array(granted) };
    expect(await refusal(await tsa.routes.request('/api/v1/timestamp', init))).toMatchObject({
      status: 415,
      reason: 'UNSUPPORTED_MEDIA_TYPE',
    });
  });

  it.each([
    'text/html',
    'application/json',
    'application/timestamp-reply;q=0',
    '*/*;q=0',
    'application/*;q=0, */*',
  ])('that accepts %s alone is 406', async (accept) => {
    const refused = await refusal(await post(tsa, granted, { accept }));
    expect(refused).toMatchObject({ status: 406, reason: 'NOT_ACCEPTABLE' });
  });

  it.each([
    '*/*',
    'application/*',
    'Application/Timestamp-Reply',
    'text/html, */*;q=0.1',
    'application/timestamp-reply;q=0.5, */*;q=0',
  ])('that accepts %s is answered', async (accept) => {
    expect((await post(tsa, granted, { accept })).status).toBe(200);
  });

  it.each([QUERY, 'application/json', 'text/plain'])('with an empty %s is 422', async (type) => {
    const refused = await refusal(await post(tsa, new Uint8Array(), { 'content-type': type }));
    expect(refused).toMatchObject({ status: 422, reason: 'TSA_BODY_EMPTY' });
  });

  it('on an unknown path is 404, with another method 405', async () => {
    const unknown = await tsa.routes.request('/api/v1/timestamps', { method: 'POST' });
    expect(await refusal(unknown)).toMatchObject({ status: 404, reason: 'NOT_FOUND' });
    for (const [method, path, allow] of [
      ['GET', '/api/v1/timestamp', 'POST'],
      ['POST', '/api/v1/timestamp/certchain', 'GET, HEAD'],
      ['DELETE', '/ping', 'GET, HEAD'],
    ] as const) {
      const response = await tsa.routes.request(path, { method });
      expect(response.headers.get('allow')).toBe(allow);
      expect(await refusal(response)).toMatchObject({ status: 405, reason: 'METHOD_NOT_ALLOWED' });
    }
  });
});
