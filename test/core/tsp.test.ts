// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64, concat, utf8 } from '../../services/core/bytes.ts';
import {
  context,
  generalizedTime,
  octetString,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
} from '../../services/core/der.ts';
import { CodedError, type ErrorCode, ParseError } from '../../services/core/errors.ts';
import { OID } from '../../services/core/oid.ts';
import {
  encodeTimestampRequest,
  parseTimestampRequest,
  parseTimestampResponse,
  requireAnswer,
  type TimestampAuthority,
  type TimestampRequest,
  verifyTimestamp,
} from '../../services/core/tsp.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { attribute, essFor, type Faults, failInfo, forge, refusalOf } from '../tsa/forge.ts';
import { certify, DAY, MESSAGE, makeChain, NOW, requestFor, STAMPING } from '../tsa/harness.ts';

const chain = makeChain();
const { leaf, root } = chain;

function authority(extra: Partial<TimestampAuthority> = {}): TimestampAuthority {
  return { uri: 'https://tsa.test', chain: chain.certificates, start: NOW - DAY, ...extra };
}

function verify(token: Uint8Array, authorities: readonly TimestampAuthority[] = [authority()]) {
  return verifyTimestamp(nodeCrypto, token, MESSAGE, authorities);
}

function codeOf(run: () => unknown): ErrorCode | string {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return 'accepted';
}

const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));
const FALSE = tlv(TAG.boolean, Uint8Array.of(0));

describe('a timestamp that is right', () => {
  it.each<[string, Faults]>([
    ['without a certificate', {}],
    [
      "with an empty set of certificates, as Sigstore's own authority writes it",
      { certificates: [] },
    ],
    ['with the leaf', { certificates: [leaf.certificate.der] }],
    ['with its chain', { certificates: [leaf.certificate.der, root.certificate.der] }],
    [
      'with a status text',
      { status: [smallInteger(0), sequence(tlv(TAG.utf8String, utf8('ok')))] },
    ],
    ['with ESSCertIDv2 by SHA-512', { signingCertificate: essFor(leaf, { hash: 'sha512' }) }],
    ['with accuracy', { afterTime: [sequence(smallInteger(1), tlv(0x80, Uint8Array.of(5)))] }],
    ['ordered', { afterTime: [TRUE] }],
    [
      'with an extension that may be ignored',
      { afterTime: [tlv(context(1), sequence(oid('1.2.3'), octetString()))] },
    ],
    ['with milliseconds', { genTime: tlv(TAG.generalizedTime, utf8('20260115120000.25Z')) }],
  ])('passes %s', (_, faults) => {
    const { genTimeMs, authority: found } = verify(forge(leaf, faults));
    expect(Math.floor(genTimeMs / 1000) * 1000).toBe(NOW);
    expect(found.uri).toBe('https://tsa.test');
  });

  it('passes when the chain expired long ago', () => {
    const old = makeChain(
      { notBefore: Date.UTC(2001, 0, 1), notAfter: Date.UTC(2002, 0, 1) },
      { notBefore: Date.UTC(2001, 0, 1), notAfter: Date.UTC(2002, 0, 1) },
    );
    const genTimeMs = Date.UTC(2001, 5, 1);
    const trusted = [authority({ chain: old.certificates, start: 0 })];
    const token = forge(old.leaf, { genTime: generalizedTime(genTimeMs) });
    expect(verify(token, trusted).genTimeMs).toBe(genTimeMs);
  });

  it('passes at both ends of every window', () => {
    for (const end of [NOW, undefined]) {
      expect(codeOf(() => verify(forge(leaf), [authority({ start: NOW, end })]))).toBe('accepted');
    }
    for (const at of [NOW - DAY, NOW + DAY]) {
      const token = forge(leaf, { genTime: generalizedTime(at) });
      expect(verify(token).genTimeMs).toBe(at);
    }
  });

  it('finds its authority among others, by the entry that accepts', () => {
    const ended = authority({ uri: 'old', end: NOW - 1 });
    const other = authority({ uri: 'other', chain: makeChain().certificates });
    expect(verify(forge(leaf), [other, ended, authority()]).authority.uri).toBe('https://tsa.test');
  });

  it('passes with an intermediate, with a P-384 key', () => {
    const top = certify({ subject: 'root', ca: true });
    const middle = certify({ subject: 'middle', ca: true, issuer: top, eku: [OID.timeStamping] });
    const end = certify({ ...STAMPING, issuer: middle, curve: 'P-384' });
    const parties = [end, middle, top].map(({ certificate }) => certificate);
    const faults = { signatureOid: OID.ecdsaSha256 };
    expect(codeOf(() => verify(forge(end, faults), [authority({ chain: parties })]))).toBe(
      'accepted',
    );
  });
});

const stranger = makeChain();
const flipped = Uint8Array.from(nodeCrypto.digest('sha256', utf8('other')));

describe('a timestamp that is wrong', () => {
  it.each<[string, ErrorCode, Faults]>([
    ['status 1, granted with mods', 'TIMESTAMP_REFUSED', { status: [smallInteger(1)] }],
    ['status 2 beside a token', 'TIMESTAMP_REFUSED', { status: [smallInteger(2)] }],
    [
      'status 0 with failInfo',
      'TIMESTAMP_REFUSED',
      { status: [smallInteger(0), failInfo(7, 0x80)] },
    ],
    ['imprint of other bytes', 'TIMESTAMP_MISMATCH', { message: utf8('other') }],
    ['imprint over base64', 'TIMESTAMP_MISMATCH', { message: utf8(base64(MESSAGE)) }],
    [
      'imprint over the envelope',
      'TIMESTAMP_MISMATCH',
      { message: utf8(JSON.stringify({ signatures: [{ sig: base64(MESSAGE) }] })) },
    ],
    ['SHA-1 imprint', 'TIMESTAMP_MALFORMED', { imprintOid: OID.sha1, imprint: new Uint8Array(20) }],
    ['imprint algorithm of another length', 'TIMESTAMP_MALFORMED', { imprintOid: OID.sha512 }],
    ['TSTInfo version 2', 'TIMESTAMP_MALFORMED', { version: 2 }],
    ['messageDigest of other content', 'TIMESTAMP_INVALID', { messageDigest: flipped }],
    ['no ESS attribute', 'TIMESTAMP_MALFORMED', { signingCertificate: undefined }],
    [
      'ESS without a certificate',
      'TIMESTAMP_MALFORMED',
      { signingCertificate: sequence(sequence()) },
    ],
    [
      'ESS of another certificate',
      'TIMESTAMP_INVALID',
      { signingCertificate: essFor(stranger.leaf) },
    ],
    [
      'ESS of another serial number',
      'TIMESTAMP_INVALID',
      { signingCertificate: essFor(leaf, { serial: Uint8Array.of(1) }) },
    ],
    [
      'ESS with its DEFAULT encoded',
      'TIMESTAMP_MALFORMED',
      { signingCertificate: essFor(leaf, { explicit: true }) },
    ],
    ['two SignerInfos', 'TIMESTAMP_MALFORMED', { signers: 2 }],
    ['no SignerInfo', 'TIMESTAMP_MALFORMED', { signers: 0 }],
    ['another eContentType', 'TIMESTAMP_MALFORMED', { eContentType: '1.2.840.113549.1.7.1' }],
    ['another contentType attribute', 'TIMESTAMP_MALFORMED', { contentTypeAttribute: '1.2.3' }],
    ['unsorted attributes', 'TIMESTAMP_MALFORMED', { arrange: (a) => a.reverse() }],
    [
      'an attribute twice',
      'TIMESTAMP_MALFORMED',
      { arrange: ([a, ...b]) => [a, a, ...b] as never },
    ],
    [
      'an attribute with two values',
      'TIMESTAMP_MALFORMED',
      { moreAttributes: [attribute('1.2.3', smallInteger(1), smallInteger(2))] },
    ],
    [
      'unsigned attributes',
      'TIMESTAMP_MALFORMED',
      { unsigned: attribute('1.2.3', smallInteger(1)) },
    ],
    ['revocation lists', 'TIMESTAMP_MALFORMED', { crls: sequence() }],
    ['signer by key identifier', 'TIMESTAMP_MALFORMED', { sid: tlv(0x80, Uint8Array.of(1)) }],
    ['SignerInfo version 3', 'TIMESTAMP_MALFORMED', { signerVersion: 3 }],
    ['SignedData version 1', 'TIMESTAMP_MALFORMED', { dataVersion: 1 }],
    ['a broken certificate', 'TIMESTAMP_MALFORMED', { certificates: [sequence()] }],
    [
      'an attribute certificate',
      'TIMESTAMP_MALFORMED',
      { certificates: [leaf.certificate.der, tlv(context(2))] },
    ],
    [
      'an injected certificate',
      'TIMESTAMP_UNTRUSTED',
      { certificates: [leaf.certificate.der, stranger.leaf.certificate.der] },
    ],
    [
      'the root embedded without the leaf',
      'TIMESTAMP_UNTRUSTED',
      { certificates: [root.certificate.der] },
    ],
    ['another signature', 'TIMESTAMP_INVALID', { signature: new Uint8Array(70) }],
    ['a digest outside the list', 'TIMESTAMP_MALFORMED', { digestOid: OID.sha512 }],
    [
      'digest and signature by two hashes',
      'TIMESTAMP_INVALID',
      { signatureOid: OID.ecdsaSha512, signatureHash: 'sha512' },
    ],
    ['SHA-1 digest', 'TIMESTAMP_MALFORMED', { digestOid: OID.sha1 }],
    ['RSA with an EC key', 'TIMESTAMP_INVALID', { signatureOid: OID.rsaEncryption }],
    ['unknown signature algorithm', 'TIMESTAMP_INVALID', { signatureOid: '1.2.3' }],
    ['genTime before the chain', 'TIMESTAMP_TIME', { genTime: generalizedTime(NOW - DAY - 1000) }],
    ['genTime after the chain', 'TIMESTAMP_TIME', { genTime: generalizedTime(NOW + DAY + 1000) }],
    [
      'genTime with a trailing zero',
      'TIMESTAMP_MALFORMED',
      { genTime: tlv(TAG.generalizedTime, utf8('20260115120000.50Z')) },
    ],
    [
      'genTime in another zone',
      'TIMESTAMP_MALFORMED',
      { genTime: tlv(TAG.generalizedTime, utf8('20260115120000+0100')) },
    ],
    [
      'genTime as UTCTime',
      'TIMESTAMP_MALFORMED',
      { genTime: tlv(TAG.utcTime, utf8('260115120000Z')) },
    ],
    ['ordering FALSE', 'TIMESTAMP_MALFORMED', { afterTime: [FALSE] }],
    [
      'accuracy of 0 ms',
      'TIMESTAMP_MALFORMED',
      { afterTime: [sequence(tlv(0x80, Uint8Array.of(0)))] },
    ],
    [
      'two names in tsa',
      'TIMESTAMP_MALFORMED',
      { afterTime: [tlv(context(0), oid('1.2'), oid('1.2'))] },
    ],
    [
      'a critical extension',
      'TIMESTAMP_INVALID',
      { afterTime: [tlv(context(1), sequence(oid('1.2.3'), TRUE, octetString()))] },
    ],
    ['octets after it', 'TIMESTAMP_MALFORMED', { trailing: Uint8Array.of(0) }],
  ])('refuses %s: %s', (_, code, faults) => {
    expect(codeOf(() => verify(forge(leaf, faults)))).toBe(code);
  });

  it.each<[string, number[], RegExp]>([
    ['badAlg', [7, 0x80], /badAlg/],
    ['unacceptedPolicy', [0, 0, 0x01], /unacceptedPolicy/],
    ['systemFailure', [6, 0, 0, 0, 0x40], /systemFailure/],
  ])('names the failure %s of a refusal without a token', (_, bits, name) => {
    expect(() => verify(refusalOf(2, ...bits))).toThrow(name);
    expect(codeOf(() => verify(refusalOf(2, ...bits)))).toBe('TIMESTAMP_REFUSED');
  });

  it('refuses the request, nothing, noise and a token that is too long', () => {
    const inputs = [
      encodeTimestampRequest(requestFor()),
      new Uint8Array(),
      utf8('timestamp'),
      octetString(new Uint8Array(70_000)),
    ];
    for (const input of inputs) expect(codeOf(() => verify(input))).toBe('TIMESTAMP_MALFORMED');
  });

  it('refuses every truncation and never accepts a flipped bit', () => {
    const token = forge(leaf, { certificates: [leaf.certificate.der] });
    for (let length = 0; length < token.length; length += 7) {
      expect(codeOf(() => verify(token.subarray(0, length)))).toBe('TIMESTAMP_MALFORMED');
    }
    for (let at = 0; at < token.length; at++) {
      const altered = Uint8Array.from(token);
      altered[at] = (altered[at] as number) ^ 0x01;
      expect(codeOf(() => verify(altered))).toMatch(/^TIMESTAMP_/);
    }
  });
});

describe('the authority', () => {
  const byChain = (parties: ReadonlyArray<{ certificate: (typeof leaf)['certificate'] }>) => [
    authority({ chain: parties.map(({ certificate }) => certificate) }),
  ];

  it('must be trusted, whether its certificate is embedded or not', () => {
    for (const certificates of [undefined, [stranger.leaf.certificate.der]]) {
      const faults = certificates === undefined ? {} : { certificates };
      expect(codeOf(() => verify(forge(stranger.leaf, faults)))).toBe('TIMESTAMP_UNTRUSTED');
      expect(codeOf(() => verify(forge(stranger.leaf, faults), []))).toBe('TIMESTAMP_UNTRUSTED');
    }
  });

  it('is not impersonated by a certificate of the same issuer and serial number', () => {
    const { serial } = leaf.certificate;
    const impostor = certify({ ...STAMPING, serial, issuer: root, subject: 'impostor' });
    const faults = { certificates: [impostor.certificate.der] };
    expect(codeOf(() => verify(forge(impostor, faults)))).toBe('TIMESTAMP_UNTRUSTED');
    expect(codeOf(() => verify(forge(impostor)))).toBe('TIMESTAMP_INVALID');
    const ess = { signingCertificate: essFor(leaf) };
    expect(codeOf(() => verify(forge(impostor, ess)))).toBe('TIMESTAMP_INVALID');
  });

  it('is trusted only within its window', () => {
    expect(codeOf(() => verify(forge(leaf), [authority({ start: NOW + 1 })]))).toBe(
      'TIMESTAMP_TIME',
    );
    expect(codeOf(() => verify(forge(leaf), [authority({ end: NOW - 1 })]))).toBe('TIMESTAMP_TIME');
  });

  it.each<[string, ErrorCode, Parameters<typeof makeChain>]>([
    ['root is not yet valid', 'TIMESTAMP_TIME', [{}, { notBefore: NOW + 1000 }]],
    ['root had expired', 'TIMESTAMP_TIME', [{}, { notAfter: NOW - 1000 }]],
    ['leaf had expired', 'TIMESTAMP_TIME', [{ notAfter: NOW - 1000 }, {}]],
    ['EKU is not critical', 'TIMESTAMP_CERTIFICATE', [{ ekuCritical: false }, {}]],
    [
      'EKU has company',
      'TIMESTAMP_CERTIFICATE',
      [{ eku: [OID.timeStamping, OID.codeSigning] }, {}],
    ],
    ['EKU is another', 'TIMESTAMP_CERTIFICATE', [{ eku: [OID.codeSigning] }, {}]],
    ['leaf is a CA', 'TIMESTAMP_CERTIFICATE', [{ ca: true }, {}]],
    ['root is no CA', 'TIMESTAMP_CERTIFICATE', [{}, { ca: false }]],
  ])('is refused when its %s', (_, code, drafts) => {
    const bad = makeChain(...drafts);
    expect(codeOf(() => verify(forge(bad.leaf), byChain([bad.leaf, bad.root])))).toBe(code);
  });

  it.each([
    ['leaf alone', [leaf], 'TIMESTAMP_CERTIFICATE'],
    ['root alone', [root], 'TIMESTAMP_UNTRUSTED'],
    ['chain reversed', [root, leaf], 'TIMESTAMP_UNTRUSTED'],
    ['another root', [leaf, stranger.root], 'TIMESTAMP_CERTIFICATE'],
    ['nothing', [], 'TIMESTAMP_UNTRUSTED'],
  ])('is refused with the %s', (_, parties, code) => {
    expect(codeOf(() => verify(forge(leaf), byChain(parties)))).toBe(code);
  });
});

describe('the answer to a request', () => {
  const nonce = Uint8Array.of(0, 0xff);
  const answer = parseTimestampResponse(
    forge(leaf, { afterTime: [tlv(TAG.integer, nonce)], certificates: [leaf.certificate.der] }),
  );
  const asked = { nonce, certReq: true };

  it('is accepted when it is one', () => {
    requireAnswer(requestFor(asked), answer);
    requireAnswer(requestFor({ ...asked, policy: OID.sigstoreTsaPolicy }), answer);
  });

  it.each<[string, Partial<TimestampRequest>]>([
    ['nonce', { nonce: Uint8Array.of(1) }],
    ['nonce, where none was asked', { nonce: undefined as never }],
    ['digest', { digest: new Uint8Array(32) }],
    ['hash algorithm', { hashOid: OID.sha512 }],
    ['policy', { policy: '1.2.3' }],
    ['certificates', { certReq: false }],
  ])('is refused for another %s', (_, extra) => {
    const request = requestFor({ ...asked, ...extra });
    expect(codeOf(() => requireAnswer(request, answer))).toBe('TIMESTAMP_MISMATCH');
  });
});

describe('requests', () => {
  const small = fc.bigInt({ min: 0n, max: 2n ** 70n });
  const dotted = fc
    .tuple(fc.constantFrom('0.9', '1.2', '2.999'), fc.array(small, { maxLength: 8 }))
    .map(([head, arcs]) => [head, ...arcs].join('.'));
  const integer = fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .filter(
      ([a = 0, b]) => b === undefined || !((a === 0 && b < 0x80) || (a === 0xff && b >= 0x80)),
    );
  const extension = fc.record({ oid: dotted, critical: fc.boolean(), value: fc.uint8Array() });
  const requests = fc.record(
    {
      hashOid: dotted,
      hashParameters: fc.constantFrom('absent' as const, 'null' as const),
      digest: fc.uint8Array({ maxLength: 70 }),
      policy: dotted,
      nonce: integer,
      certReq: fc.boolean(),
      extensions: fc.uniqueArray(extension, { maxLength: 3, selector: (e) => e.oid }),
    },
    { requiredKeys: ['hashOid', 'hashParameters', 'digest', 'certReq', 'extensions'] },
  );

  it('survive encoding and parsing', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const der = encodeTimestampRequest(request as TimestampRequest);
        const parsed = parseTimestampRequest(der);
        expect(parsed).toEqual({ ...request });
        expect(encodeTimestampRequest(parsed)).toEqual(der);
      }),
    );
  });

  it('that parse re-encode to the same octets, whatever was altered', () => {
    const der = encodeTimestampRequest(
      requestFor({ policy: '1.2.3', nonce: Uint8Array.of(0, 200), certReq: true }),
    );
    const position = fc.nat(der.length - 1);
    fc.assert(
      fc.property(fc.array(fc.tuple(position, fc.nat(255)), { maxLength: 3 }), (edits) => {
        const altered = Uint8Array.from(der);
        for (const [at, octet] of edits) altered[at] = octet;
        try {
          expect(encodeTimestampRequest(parseTimestampRequest(altered))).toEqual(altered);
        } catch (error) {
          if (!(error instanceof ParseError) && !(error instanceof CodedError)) throw error;
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('are refused for octets after them and for an empty list of extensions', () => {
    const der = encodeTimestampRequest(requestFor());
    expect(() => parseTimestampRequest(concat(der, Uint8Array.of(0)))).toThrow(ParseError);
    const imprint = sequence(sequence(oid(OID.sha256)), octetString(new Uint8Array(32)));
    const empty = sequence(smallInteger(1), imprint, tlv(context(0)));
    expect(() => parseTimestampRequest(empty)).toThrow(ParseError);
    expect(() => parseTimestampRequest(setOf(der))).toThrow(ParseError);
  });
});
