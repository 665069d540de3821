// SPDX-License-Identifier: Apache-2.0
// Timestamps that other programs made, from test/vectors/tsa/foreign.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromBase64, utf8 } from '../../services/core/bytes.ts';
import { hashByOid, parseSignedData } from '../../services/core/cms.ts';
import {
  children,
  context,
  DerReader,
  readDer,
  sequence,
  TAG,
  tlv,
} from '../../services/core/der.ts';
import { CodedError, ParseError } from '../../services/core/errors.ts';
import { OID } from '../../services/core/oid.ts';
import { parseTimestampResponse, verifyTimestamp } from '../../services/core/tsp.ts';
import { parseCertificate } from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

interface Vector {
  name: string;
  message: string;
  token: string;
  chain: string[];
}

const file = join(import.meta.dirname, '../vectors/tsa/foreign.json');
const vectors = (JSON.parse(readFileSync(file, 'utf8')) as Vector[]).map((vector) => ({
  name: vector.name,
  message: utf8(vector.message),
  token: fromBase64(vector.token),
  chain: vector.chain.map((der) => parseCertificate(fromBase64(der))),
}));

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe.each(vectors)('a timestamp by $name', ({ message, token, chain }) => {
  const authority = { uri: 'foreign', chain, start: 0 };

  it('verifies', () => {
    const { genTimeMs } = verifyTimestamp(nodeCrypto, token, message, [authority]);
    expect(new Date(genTimeMs).getUTCFullYear()).toBeGreaterThan(2020);
    expect(parseTimestampResponse(token).signer.attributes.has(OID.messageDigest)).toBe(true);
  });

  it('does not verify over other bytes, by other authorities, after an alteration', () => {
    const other = vectors.find((vector) => vector.token !== token)?.chain ?? [];
    expect(codeOf(() => verifyTimestamp(nodeCrypto, token, utf8('other'), [authority]))).toBe(
      'TIMESTAMP_MISMATCH',
    );
    expect(
      codeOf(() => verifyTimestamp(nodeCrypto, token, message, [{ ...authority, chain: other }])),
    ).toBe('TIMESTAMP_UNTRUSTED');
    for (let at = 0; at < token.length; at += 11) {
      const altered = Uint8Array.from(token);
      altered[at] = (altered[at] as number) ^ 0x20;
      expect(codeOf(() => verifyTimestamp(nodeCrypto, altered, message, [authority]))).toMatch(
        /^TIMESTAMP_/,
      );
    }
  });
});

describe('SignedData', () => {
  const [first] = vectors;
  const response = readDer(first?.token ?? new Uint8Array(), TAG.sequence, 'response');
  const token = response.content.subarray(5);

  it('is read with its one signer', () => {
    const data = parseSignedData(token);
    expect(data.contentType).toBe(OID.tstInfo);
    expect(data.certificates).toHaveLength(1);
    expect(data.signer.signedAttributes[0]).toBe(TAG.set);
  });

  it('is not read from other forms', () => {
    const inputs = [new Uint8Array(), sequence(), response.raw, token.subarray(1)];
    for (const input of inputs) expect(() => parseSignedData(input)).toThrow(ParseError);
  });

  it('may hold an empty set of certificates', () => {
    const outer = new DerReader(readDer(token, TAG.sequence, 'ContentInfo').content, 'ContentInfo');
    const type = outer.expect(TAG.oid, 'type').raw;
    const wrapped = outer.expect(context(0), 'content').content;
    const parts = children(readDer(wrapped, TAG.sequence, 'SignedData').content, 'SignedData');
    const signedData = (certificates: Uint8Array) =>
      sequence(...parts.map(({ tag, raw }) => (tag === context(0) ? certificates : raw)));
    const info = (certificates: Uint8Array) =>
      sequence(type, tlv(context(0), signedData(certificates)));
    expect(parseSignedData(info(tlv(context(0)))).certificates).toEqual([]);
    expect(parseSignedData(info(new Uint8Array())).certificates).toEqual([]);
    const noCertificate = info(tlv(context(0), tlv(TAG.null)));
    expect(() => parseSignedData(noCertificate)).toThrow('not an X.509 certificate');
  });

  it('knows no weak hash', () => {
    expect(hashByOid(OID.sha512).digestLength).toBe(64);
    for (const oid of [OID.sha1, '1.2.840.113549.2.5']) {
      expect(() => hashByOid(oid)).toThrow(ParseError);
    }
  });
});
