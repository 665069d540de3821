// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { ALGORITHMS, ECDSA_P256_SHA256 } from '../../services/core/algorithm.ts';
import { base64, fromUtf8, utf8 } from '../../services/core/bytes.ts';
import { buildHashedRekord, parseEntryBody } from '../../services/core/entry.ts';
import { ParseError } from '../../services/core/errors.ts';
import { canonicalJson, type Json } from '../../services/core/json.ts';

const entry = {
  digest: new Uint8Array(32).fill(0xfb),
  algorithm: ECDSA_P256_SHA256,
  signature: Uint8Array.of(0x30, 1, 2, 3),
  verifier: { publicKey: Uint8Array.of(9, 8, 7) },
};

/** The body as an object, for tests that bend it. */
function body(
  verifier: Json = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', publicKey: { rawBytes: 'CQgH' } },
) {
  return {
    apiVersion: '0.0.2',
    kind: 'hashedrekord',
    spec: {
      hashedRekordV002: {
        data: { algorithm: 'SHA2_256', digest: base64(entry.digest) },
        signature: { content: 'MAECAw==', verifier },
      },
    },
  };
}

describe('buildHashedRekord', () => {
  it('is RFC 8785 of the message, with a key or a certificate', () => {
    expect(fromUtf8(buildHashedRekord(entry))).toBe(canonicalJson(body()));
    const certificate = buildHashedRekord({
      ...entry,
      verifier: { x509Certificate: Uint8Array.of(1) },
    });
    expect(fromUtf8(certificate)).toBe(
      canonicalJson(
        body({ x509Certificate: { rawBytes: 'AQ==' }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' }),
      ),
    );
  });

  it('names the hash of each algorithm', () => {
    const text = ALGORITHMS.filter(({ hash }) => hash !== undefined).map(
      (algorithm) =>
        /"algorithm":"(\w+)"/.exec(fromUtf8(buildHashedRekord({ ...entry, algorithm })))?.[1],
    );
    expect(new Set(text)).toEqual(new Set(['SHA2_256', 'SHA2_384', 'SHA2_512']));
  });

  it('refuses an algorithm without a hash', () => {
    const pure = ALGORITHMS.find(({ id }) => id === 'ed25519');
    expect(pure).toBeDefined();
    expect(() => buildHashedRekord({ ...entry, algorithm: pure ?? ECDSA_P256_SHA256 })).toThrow(
      RangeError,
    );
  });
});

describe('parseEntryBody', () => {
  it('reads what was built', () => {
    expect(parseEntryBody(buildHashedRekord(entry))).toEqual({
      kind: 'hashedrekord',
      version: '0.0.2',
      hash: 'sha256',
      digest: entry.digest,
      signature: entry.signature,
      keyDetails: 'PKIX_ECDSA_P256_SHA_256',
      verifier: entry.verifier,
    });
  });

  const text = canonicalJson(body());
  it.each<[string, string]>([
    ['nothing', ''],
    ['an array', '[]'],
    ['white space', ` ${text}`],
    ['a newline at the end', `${text}\n`],
    [
      'another order',
      JSON.stringify({ spec: body().spec, apiVersion: '0.0.2', kind: 'hashedrekord' }),
    ],
    ['another version', text.replace('"0.0.2"', '"0.0.1"')],
    ['another kind', text.replace('"hashedrekord"', '"dsse"')],
    ['an unknown hash', text.replace('SHA2_256', 'SHA3_256')],
    ['a hash as a number', text.replace('"SHA2_256"', '1')],
    ['URL-safe base64', text.replaceAll('+', '-').replaceAll('/', '_')],
    ['base64 without padding', text.replaceAll('=', '')],
    ['an escaped character', text.replace('hashedrekord', 'h\\u0061shedrekord')],
    ['an extra field', text.replace('{"apiVersion"', '{"a":1,"apiVersion"')],
    ['no verifier', text.replace('"verifier"', '"verifier2"')],
    ['no spec', text.replace('"spec"', '"spec2"')],
    ['no content', text.replace('"content":"MAECAw=="', '"content":null')],
    [
      'both verifiers',
      text.replace(
        '"publicKey":{"rawBytes":"CQgH"}',
        '"publicKey":{"rawBytes":"CQgH"},"x509Certificate":{"rawBytes":"CQgH"}',
      ),
    ],
    ['a duplicate name', text.replace('"kind"', '"kind":"x","kind"')],
  ])('refuses %s', (_, bent) => {
    expect(() => parseEntryBody(utf8(bent))).toThrow(ParseError);
  });
});
