// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { base64, fromUtf8, utf8 } from '../../services/core/bytes.ts';
import { pae, parseEnvelope, parseStatement } from '../../services/core/dsse.ts';
import { ParseError } from '../../services/core/errors.ts';

describe('pae', () => {
  it('writes the example of the DSSE specification', () => {
    expect(fromUtf8(pae('http://example.com/HelloWorld', utf8('hello world')))).toBe(
      'DSSEv1 29 http://example.com/HelloWorld 11 hello world',
    );
  });

  it('counts bytes, not characters', () => {
    expect(fromUtf8(pae('é', utf8('ü')))).toBe('DSSEv1 2 é 2 ü');
    expect(fromUtf8(pae('', new Uint8Array()))).toBe('DSSEv1 0  0 ');
  });
});

describe('parseEnvelope', () => {
  const envelope = {
    payload: base64(utf8('{}')),
    payloadType: 'application/vnd.in-toto+json',
    signatures: [{ sig: base64(Uint8Array.of(1, 2)), keyid: '' }],
  };

  it('reads both spellings and either alphabet', () => {
    const { payloadType, ...rest } = envelope;
    const parsed = parseEnvelope(
      JSON.stringify({ ...rest, payload_type: payloadType, signatures: [{ sig: '-_8' }] }),
    );
    expect(parsed.payloadType).toBe(payloadType);
    expect(parsed.signatures).toEqual([{ sig: Uint8Array.of(0xfb, 0xff), keyid: '' }]);
  });

  it.each<[string, unknown]>([
    ['array', []],
    ['unknown field', { ...envelope, extra: 1 }],
    ['both spellings', { ...envelope, payload_type: 'x' }],
    ['no type', { ...envelope, payloadType: '' }],
    ['type null', { ...envelope, payloadType: null }],
    ['type not text', { ...envelope, payloadType: 1 }],
    ['payload not base64', { ...envelope, payload: '!' }],
    ['payload with space', { ...envelope, payload: 'e30 ' }],
    ['no signatures', { ...envelope, signatures: [] }],
    ['signatures not a list', { ...envelope, signatures: {} }],
    ['null signature', { ...envelope, signatures: [null] }],
    ['empty signature', { ...envelope, signatures: [{ sig: '' }] }],
    ['unknown field in signature', { ...envelope, signatures: [{ sig: 'AQ==', cert: 'x' }] }],
    ['eleven signatures', { ...envelope, signatures: Array(11).fill({ sig: 'AQ==' }) }],
  ])('refuses %s', (_, value) => {
    expect(() => parseEnvelope(JSON.stringify(value))).toThrow(ParseError);
  });
});

describe('parseStatement', () => {
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'a', digest: { sha256: '00' } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: { x: 1 },
  };
  const parse = (value: unknown) => parseStatement(utf8(JSON.stringify(value)));

  it('reads v1 and v0.1, ignoring unknown fields', () => {
    expect(parse({ ...statement, later: 1 }).subjects[0]?.digest.get('sha256')).toBe('00');
    const old = parse({ ...statement, _type: 'https://in-toto.io/Statement/v0.1' });
    expect(old.predicateType).toBe(statement.predicateType);
    expect(
      parse({ ...statement, subject: [{ digest: { gitCommit: 'x' } }] }).subjects[0]?.name,
    ).toBe('');
  });

  it.each<[string, unknown]>([
    ['no object', []],
    ['other type', { ...statement, _type: 'https://in-toto.io/Statement/v2' }],
    ['no type', { ...statement, _type: undefined }],
    ['no predicate type', { ...statement, predicateType: '' }],
    ['no subjects', { ...statement, subject: [] }],
    ['subject no list', { ...statement, subject: statement.subject[0] }],
    ['subject no object', { ...statement, subject: ['a'] }],
    ['no digest', { ...statement, subject: [{ name: 'a' }] }],
    ['empty digest set', { ...statement, subject: [{ name: 'a', digest: {} }] }],
    ['empty digest', { ...statement, subject: [{ digest: { sha256: '' } }] }],
    ['digest no text', { ...statement, subject: [{ digest: { sha256: 1 } }] }],
    ['name no text', { ...statement, subject: [{ name: 1, digest: { sha256: '00' } }] }],
  ])('refuses %s', (_, value) => {
    expect(() => parse(value)).toThrow(ParseError);
  });

  it('refuses duplicate names, which two readers would read differently', () => {
    const text = JSON.stringify(statement).replace('"subject"', '"subject":[],"subject"');
    expect(() => parseStatement(utf8(text))).toThrow(/duplicate/);
  });
});
