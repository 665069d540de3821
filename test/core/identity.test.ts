// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../services/core/bytes.ts';
import { context, oid, sequence, TAG, tlv } from '../../services/core/der.ts';
import { CodedError } from '../../services/core/errors.ts';
import { FULCIO_ARC, OID } from '../../services/core/oid.ts';
import { readIdentity, requireIdentity } from '../../services/core/verify/identity.ts';
import { altName, authority, extension, leaf, uriName } from './certificates.ts';

const ca = authority('CA');
const URI = uriName('https://example.test/dev');
const username = (type: string, value: string) =>
  tlv(context(0), oid(type), tlv(context(0), tlv(TAG.utf8String, utf8(value))));
const fulcio = (number: number, value: Uint8Array) =>
  extension(`${FULCIO_ARC}.${number}`, false, value);
const text = (value: string) => tlv(TAG.utf8String, utf8(value));

const read = (...extensions: Uint8Array[]) => readIdentity(leaf(ca, { extensions }));

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return undefined;
}

describe('readIdentity', () => {
  it.each([
    ['email', tlv(context(1, false), utf8('dev@example.com')), 'dev@example.com'],
    ['uri', URI, 'https://example.test/dev'],
    ['username', username(OID.fulcioUsername, 'änn!corp'), 'änn!corp'],
  ])('reads %s', (kind, name, value) => {
    expect(read(altName(true, name))).toMatchObject({ kind, name: value, issuer: '' });
  });

  it('takes the issuer from 1.8, else from 1.1, and every text as it stands', () => {
    const names = altName(true, URI);
    const both = read(names, fulcio(1, utf8('https://a')), fulcio(8, text('https://b')));
    expect(both.issuer).toBe('https://b');
    expect(read(names, fulcio(1, utf8('https://a'))).issuer).toBe('https://a');
    expect([...both.extensions]).toEqual([
      [1, 'https://a'],
      [8, 'https://b'],
    ]);
  });

  it.each([
    ['two names', altName(true, URI, URI)],
    ['an e-mail address and a URI', altName(true, tlv(context(1, false), utf8('a@b.c')), URI)],
    ['a DNS name', altName(true, tlv(context(2, false), utf8('example.test')))],
    ['an otherName of another type', altName(true, username('1.2.3', 'ann'))],
    ['a directory name', altName(true, tlv(context(4), sequence()))],
  ])('refuses %s', (_, names) => {
    expect(codeOf(() => read(names))).toBe('CERTIFICATE_MALFORMED');
  });

  it.each([
    ['1.8 that is bare text', fulcio(8, utf8('https://b'))],
    ['1.8 with octets after it', fulcio(8, Uint8Array.of(...text('https://b'), 0))],
    ['1.8 of another type', fulcio(8, tlv(TAG.ia5String, utf8('https://b')))],
    ['1.1 that is no UTF-8', fulcio(1, Uint8Array.of(0xff))],
    ['1.24 that is empty', fulcio(24, new Uint8Array())],
  ])('refuses an extension %s', (_, row) => {
    expect(codeOf(() => read(altName(true, URI), row))).toBe('CERTIFICATE_MALFORMED');
  });
});

describe('requireIdentity', () => {
  const identity = read(altName(true, URI));

  it('never takes an absent issuer for an empty one', () => {
    const name = 'https://example.test/dev';
    expect(codeOf(() => requireIdentity(identity, { identity: name }))).toBe('ISSUER_MISMATCH');
    expect(codeOf(() => requireIdentity(identity, {}))).toBe('ISSUER_MISMATCH');
  });
});
