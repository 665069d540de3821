// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, hex, utf8 } from '../../services/core/bytes.ts';
import {
  certificateTime,
  context,
  generalizedTime,
  octetString,
  oid,
  sequence,
  smallInteger,
  TAG,
  tlv,
} from '../../services/core/der.ts';
import { ParseError } from '../../services/core/errors.ts';
import { OID } from '../../services/core/oid.ts';
import { parsePkcs1PublicKey } from '../../services/core/spki.ts';
import {
  findExtension,
  parseCertificate,
  parsePem,
  parsePublicKey,
  verifyIssuedBy,
} from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  altName,
  basicConstraints,
  certificate,
  ECDSA_SHA256,
  extendedKeyUsage,
  extension,
  keyUsage,
  NOW_MS,
  name,
  type Parts,
  p256,
  period,
  uriName,
} from './certificates.ts';

const keys = p256();
const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));

interface Vectors {
  readonly chain: readonly string[];
  readonly certificates: readonly { name: string; accepted: boolean; pem: string }[];
}
const vectors: Vectors = JSON.parse(
  readFileSync(new URL('../vectors/x509/openssl.json', import.meta.url), 'utf8'),
);

function derOf(pem: string): Uint8Array {
  const [block] = parsePem(pem, 'CERTIFICATE');
  if (block === undefined) throw new Error('no certificate in the vector');
  return block.der;
}

describe('certificates that OpenSSL made', () => {
  const accepted = vectors.certificates.filter((v) => v.accepted);
  const refused = vectors.certificates.filter((v) => !v.accepted);

  it.each(accepted)('$name: says what node:crypto says', ({ pem }) => {
    const der = derOf(pem);
    const ours = parseCertificate(der);
    const theirs = new X509Certificate(der);
    expect(hex(ours.serial).replace(/^00/, '')).toBe(theirs.serialNumber.toLowerCase());
    expect(ours.isCa).toBe(theirs.ca);
    expect(ours.notBeforeMs).toBe(Date.parse(theirs.validFrom));
    expect(ours.notAfterMs).toBe(Date.parse(theirs.validTo));
    expect(theirs.subject).toContain('O=Example Corp');
    expect(ours.subject.organization).toBe('Example Corp');
    expect(Buffer.from(ours.publicKey.spki)).toEqual(
      theirs.publicKey.export({ type: 'spki', format: 'der' }),
    );
  });

  it.each(accepted.filter((v) => !/1024|pss/.test(v.name)))('$name: verifies itself', ({ pem }) => {
    const cert = parseCertificate(derOf(pem));
    expect(verifyIssuedBy(nodeCrypto, cert, cert)).toBe(true);
  });

  it.each(accepted.filter((v) => /1024|pss/.test(v.name)))(
    '$name: is read, but its signature is not taken',
    ({ pem }) => {
      const cert = parseCertificate(derOf(pem));
      expect(verifyIssuedBy(nodeCrypto, cert, cert)).toBe(false);
    },
  );

  it.each(refused)('$name: is refused', ({ pem }) => {
    expect(() => parseCertificate(derOf(pem))).toThrow(ParseError);
  });

  it('reads names outside ASCII', () => {
    const vector = vectors.certificates.find((v) => v.name === 'utf8-name');
    expect(parseCertificate(derOf(vector?.pem ?? '')).subject.commonName).toBe('Zürich 東京');
  });

  it('notes critical extensions that nobody processes', () => {
    const unknown = accepted.flatMap((v) => parseCertificate(derOf(v.pem)).unknownCritical);
    expect(unknown).toEqual([OID.nameConstraints, '1.2.3.4.5']);
  });

  it('reads every alternative name', () => {
    const [leaf] = vectors.chain;
    expect(parseCertificate(derOf(leaf ?? '')).altNames).toEqual([
      { kind: 'email', value: 'dev@example.test' },
      { kind: 'uri', value: 'https://example.test/dev' },
      { kind: 'dns', value: 'example.test' },
      { kind: 'other', value: '87040a000001' },
    ]);
  });
});

const parse = (parts: Partial<Parts>) => parseCertificate(certificate(keys, parts));

describe('the fields of a certificate', () => {
  it('are read as they are written', () => {
    const cert = parse({
      serial: fromHex('021100ff000000000000000000000000000000'),
      subject: name('Leaf'),
      extensions: [
        keyUsage(5, 6),
        extendedKeyUsage(OID.codeSigning, OID.timeStamping),
        basicConstraints(3),
        altName(false, uriName('spiffe://example.test/a')),
      ],
    });
    expect(hex(cert.serial)).toBe('00ff000000000000000000000000000000');
    expect(cert.subject.commonName).toBe('Leaf');
    expect(cert.issuer.raw).toEqual(name('Issuer'));
    expect([...(cert.keyUsage ?? [])]).toEqual([5, 6]);
    expect(cert.extendedKeyUsage).toEqual({
      oids: [OID.codeSigning, OID.timeStamping],
      critical: false,
    });
    expect([cert.isCa, cert.pathLength]).toEqual([true, 3]);
    expect(cert.altNamesCritical).toBe(false);
    expect(cert.signatureOid).toBe(OID.ecdsaSha256);
    expect(findExtension(cert, OID.keyUsage)?.critical).toBe(true);
    expect(findExtension(cert, OID.sctList)).toBeUndefined();
  });

  it('may lack extensions, and carry unique identifiers', () => {
    const uniqueIds = concat(
      tlv(context(1, false), Uint8Array.of(0, 1)),
      tlv(context(2, false), Uint8Array.of(0, 2)),
    );
    expect(parse({ extensions: undefined, uniqueIds }).extensions).toEqual([]);
  });

  it('reads the user name of an otherName, and keeps other forms as hex', () => {
    const username = tlv(
      context(0),
      oid(OID.fulcioUsername),
      tlv(context(0), tlv(TAG.utf8String, utf8('bøb!example.test'))),
    );
    const upn = tlv(
      context(0),
      oid('1.3.6.1.4.1.311.20.2.3'),
      tlv(context(0), tlv(TAG.utf8String, utf8('u'))),
    );
    expect(parse({ extensions: [altName(true, username, upn)] }).altNames).toEqual([
      { kind: 'username', value: 'bøb!example.test' },
      { kind: 'other', value: hex(upn) },
    ]);
  });

  it.each<[number, Uint8Array, string | undefined]>([
    [TAG.printableString, utf8('a*b@c'), 'a*b@c'],
    [TAG.ia5String, utf8('abc'), 'abc'],
    [TAG.t61String, Uint8Array.of(0x4d, 0xfc), 'Mü'],
    [TAG.bmpString, Uint8Array.of(0x67, 0x71, 0, 0x41), '東A'],
    [TAG.numericString, utf8('12'), '12'],
    [TAG.universalString, Uint8Array.of(0, 0, 0, 0x41, 0, 1, 0xf6, 0), 'A\u{1f600}'],
    [TAG.bitString, Uint8Array.of(4, 0xf0), undefined],
  ])('reads a common name of tag %i', (tag, content, text) => {
    const subject = sequence(tlv(TAG.set, sequence(oid(OID.commonName), tlv(tag, content))));
    expect(parse({ subject }).subject.commonName).toBe(text);
  });

  it('takes GeneralizedTime from 2050 on, and year 9999', () => {
    const forever = tlv(TAG.generalizedTime, utf8('99991231235959Z'));
    const cert = parse({ validity: sequence(certificateTime(NOW_MS), forever) });
    expect(cert.notAfterMs).toBe(Date.UTC(9999, 11, 31, 23, 59, 59));
  });
});

const SAN = (...names: Uint8Array[]) => ({ extensions: [altName(true, ...names)] });
/** A point whose last octet is another. */
const offCurve = keys.spki.map((octet, i, { length }) => (i === length - 1 ? octet ^ 1 : octet));

const REFUSED: [string, Partial<Parts>][] = [
  ['version absent', { version: new Uint8Array() }],
  ['version 1 encoded', { version: tlv(context(0), smallInteger(0)) }],
  ['version 2', { version: tlv(context(0), smallInteger(1)) }],
  ['version 4', { version: tlv(context(0), smallInteger(3)) }],
  ['two versions', { version: tlv(context(0), smallInteger(2), smallInteger(2)) }],
  ['serial negative', { serial: fromHex('020180') }],
  ['serial not minimal', { serial: fromHex('02020001') }],
  ['serial of 21 octets', { serial: tlv(TAG.integer, new Uint8Array(21).fill(1)) }],
  ['serial not an INTEGER', { serial: octetString(Uint8Array.of(1)) }],
  ['signature algorithms differ', { outerAlgorithm: sequence(oid(OID.ecdsaSha384)) }],
  ['parameters differ', { outerAlgorithm: sequence(oid(OID.ecdsaSha256), tlv(TAG.null)) }],
  [
    'algorithm with three fields',
    {
      algorithm: sequence(oid(OID.ecdsaSha256), tlv(TAG.null), tlv(TAG.null)),
    },
  ],
  ['issuer empty', { issuer: sequence() }],
  ['issuer not a SEQUENCE', { issuer: tlv(TAG.set) }],
  ['RDN not a SET', { subject: sequence(sequence()) }],
  ['RDN empty', { subject: sequence(tlv(TAG.set)) }],
  ['attribute not a SEQUENCE', { subject: sequence(tlv(TAG.set, tlv(TAG.null))) }],
  ['attribute without value', { subject: sequence(tlv(TAG.set, sequence(oid(OID.commonName)))) }],
  [
    'attribute with two values',
    {
      subject: sequence(tlv(TAG.set, sequence(oid(OID.commonName), tlv(TAG.null), tlv(TAG.null)))),
    },
  ],
  [
    'attribute of a megabyte',
    {
      subject: sequence(
        tlv(
          TAG.set,
          sequence(oid(OID.commonName), tlv(TAG.t61String, new Uint8Array(1_000_000).fill(65))),
        ),
      ),
    },
  ],
  [
    'attribute not UTF-8',
    {
      subject: sequence(
        tlv(TAG.set, sequence(oid(OID.commonName), tlv(TAG.utf8String, Uint8Array.of(0xff)))),
      ),
    },
  ],
  [
    'time with an offset',
    {
      validity: sequence(tlv(TAG.utcTime, utf8('260101000000+0000')), certificateTime(NOW_MS)),
    },
  ],
  [
    'GeneralizedTime before 2050',
    { validity: sequence(generalizedTime(NOW_MS), generalizedTime(NOW_MS)) },
  ],
  ['one time only', { validity: sequence(certificateTime(NOW_MS)) }],
  ['times that are no times', { validity: sequence(smallInteger(1), smallInteger(2)) }],
  [
    'three times',
    { validity: sequence(certificateTime(1), certificateTime(2000), certificateTime(3000)) },
  ],
  ['validity ends before it begins', { validity: period(NOW_MS, NOW_MS - 1000) }],
  ['key off its curve', { spki: offCurve }],
  [
    'subjectKeyIdentifier critical',
    { extensions: [extension(OID.subjectKeyIdentifier, true, octetString(Uint8Array.of(1)))] },
  ],
  [
    'authorityKeyIdentifier critical',
    { extensions: [extension(OID.authorityKeyIdentifier, true, sequence())] },
  ],
  ['key of an unknown algorithm', { spki: sequence(sequence(oid('1.2.3')), tlv(TAG.null)) }],
  [
    'issuerUniqueID after subjectUniqueID',
    {
      uniqueIds: concat(
        tlv(context(2, false), Uint8Array.of(0, 2)),
        tlv(context(1, false), Uint8Array.of(0, 1)),
      ),
    },
  ],
  ['something behind the extensions', { tbsTail: tlv(TAG.null) }],
  ['extensions twice', { tbsTail: tlv(context(3), sequence(keyUsage(0))) }],
  ['something behind the signature', { tail: tlv(TAG.null) }],
  ['signature with unused bits', { signature: fromHex('03020780') }],
  ['signature not a BIT STRING', { signature: octetString(Uint8Array.of(1)) }],
  ['extensions empty', { extensions: [] }],
  [
    '257 extensions',
    {
      extensions: Array.from({ length: 257 }, (_, i) =>
        extension(`1.2.3.${i}`, false, new Uint8Array()),
      ),
    },
  ],
  ['extension twice', { extensions: [keyUsage(0), keyUsage(0)] }],
  ['extension not a SEQUENCE', { extensions: [tlv(TAG.set)] }],
  [
    'critical FALSE encoded',
    {
      extensions: [sequence(oid('1.2.3'), tlv(TAG.boolean, Uint8Array.of(0)), octetString())],
    },
  ],
  [
    'critical as 01',
    { extensions: [sequence(oid('1.2.3'), tlv(TAG.boolean, Uint8Array.of(1)), octetString())] },
  ],
  ['extension without value', { extensions: [sequence(oid('1.2.3'), TRUE)] }],
  ['extension with a tail', { extensions: [sequence(oid('1.2.3'), octetString(), tlv(TAG.null))] }],
  [
    'cA FALSE encoded',
    {
      extensions: [
        extension(OID.basicConstraints, true, sequence(tlv(TAG.boolean, Uint8Array.of(0)))),
      ],
    },
  ],
  [
    'path length without cA',
    { extensions: [extension(OID.basicConstraints, true, sequence(smallInteger(0)))] },
  ],
  [
    'path length negative',
    { extensions: [extension(OID.basicConstraints, true, sequence(TRUE, fromHex('0201ff')))] },
  ],
  [
    'basicConstraints with a tail',
    { extensions: [extension(OID.basicConstraints, true, concat(sequence(TRUE), tlv(TAG.null)))] },
  ],
  ['keyUsage without a bit', { extensions: [extension(OID.keyUsage, true, fromHex('030100'))] }],
  [
    'keyUsage with trailing zero bits',
    { extensions: [extension(OID.keyUsage, true, fromHex('03020080'))] },
  ],
  ['extKeyUsage empty', { extensions: [extendedKeyUsage()] }],
  [
    'extKeyUsage of another type',
    { extensions: [extension(OID.extendedKeyUsage, false, sequence(smallInteger(1)))] },
  ],
  [
    'subjectKeyIdentifier of another type',
    { extensions: [extension(OID.subjectKeyIdentifier, false, Uint8Array.of(1))] },
  ],
  [
    'authorityKeyIdentifier with a serial alone',
    {
      extensions: [
        extension(
          OID.authorityKeyIdentifier,
          false,
          sequence(tlv(context(2, false), Uint8Array.of(1))),
        ),
      ],
    },
  ],
  ['alternative names empty', SAN()],
  ['alternative name outside ASCII', SAN(uriName('https://example.test/ü'))],
  ['mail address empty', SAN(tlv(context(1, false)))],
  ['alternative name of an unknown form', SAN(tlv(context(9, false)))],
  ['alternative name constructed where it is not', SAN(tlv(context(1), utf8('a@b')))],
  [
    'user name not a UTF8String',
    SAN(tlv(context(0), oid(OID.fulcioUsername), tlv(context(0), tlv(TAG.ia5String, utf8('a'))))),
  ],
  [
    'user name with a tail',
    SAN(
      tlv(
        context(0),
        oid(OID.fulcioUsername),
        tlv(context(0), tlv(TAG.utf8String, utf8('a')), tlv(TAG.null)),
      ),
    ),
  ],
  [
    'empty subject, alternative name not critical',
    { subject: sequence(), extensions: [altName(false, uriName('https://example.test'))] },
  ],
  ['empty subject, no alternative name', { subject: sequence() }],
  [
    'empty subject of a CA',
    {
      subject: sequence(),
      extensions: [basicConstraints(), altName(true, uriName('https://example.test'))],
    },
  ],
];

describe('parseCertificate refuses', () => {
  it.each(REFUSED)('%s', (_, parts) => {
    expect(() => parse(parts)).toThrow(ParseError);
  });

  const good = certificate(keys);

  it('every cut, and every byte behind', () => {
    for (let length = 0; length < good.length; length++) {
      expect(() => parseCertificate(good.subarray(0, length))).toThrow(ParseError);
    }
    expect(() => parseCertificate(concat(good, Uint8Array.of(0)))).toThrow(ParseError);
  });

  it('lengths in BER', () => {
    const { tbs } = parseCertificate(good);
    const rest = good.subarray(4 + tbs.length);
    const content = tbs.subarray(3);
    const padded = concat(fromHex('308200'), Uint8Array.of(content.length), content);
    expect(() => parseCertificate(sequence(padded, rest))).toThrow('not minimal');
    const indefinite = concat(fromHex('3080'), content, fromHex('0000'));
    expect(() => parseCertificate(sequence(indefinite, rest))).toThrow(ParseError);
  });

  it('or reads hostile bytes, and throws nothing but ParseError', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const bytes = Uint8Array.from(good);
          for (const [at, value] of changes) bytes[at] = value;
          try {
            parseCertificate(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(ParseError);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('text where bytes in DER belong', () => {
    expect(() => parseCertificate(utf8('-----BEGIN CERTIFICATE-----'))).toThrow(ParseError);
  });
});

describe('parsePublicKey', () => {
  const EC = sequence(oid(OID.ecPublicKey), oid(OID.p256));
  const bits = (...octets: number[]) => tlv(TAG.bitString, Uint8Array.of(0, ...octets));
  const zeros = (length: number) => new Array<number>(length).fill(0);
  const rsa = (modulus: string, exponent: string, parameters = tlv(TAG.null)) =>
    sequence(
      sequence(oid(OID.rsaEncryption), parameters),
      tlv(
        TAG.bitString,
        Uint8Array.of(0),
        sequence(tlv(TAG.integer, fromHex(modulus)), tlv(TAG.integer, fromHex(exponent))),
      ),
    );

  it('measures RSA moduli in bits', () => {
    expect(parsePublicKey(rsa(`00${'ff'.repeat(256)}`, '010001')).sizeBits).toBe(2048);
    expect(parsePublicKey(rsa(`7f${'ff'.repeat(255)}`, '03')).sizeBits).toBe(2047);
    expect(parsePublicKey(rsa(`01${'ff'.repeat(255)}`, '03')).sizeBits).toBe(2041);
  });

  it('reads RSA keys that stand alone', () => {
    const spki = rsa(`00${'ff'.repeat(256)}`, '010001');
    const key = parsePublicKey(spki);
    expect(parsePkcs1PublicKey(key.bits)).toEqual(key);
    expect(() => parsePkcs1PublicKey(spki)).toThrow(ParseError);
  });

  it.each<[string, Uint8Array]>([
    ['a compressed point', sequence(EC, bits(2, ...zeros(32)))],
    ['a hybrid point', sequence(EC, bits(6, ...zeros(64)))],
    ['the point at infinity', sequence(EC, bits(0))],
    ['a point too short', sequence(EC, bits(4, ...zeros(63)))],
    ['a point too long', sequence(EC, bits(4, ...zeros(65)))],
    ['no bits', sequence(EC, tlv(TAG.bitString))],
    ['unused bits', sequence(EC, tlv(TAG.bitString, Uint8Array.of(1, 4, ...zeros(64))))],
    ['no curve', sequence(sequence(oid(OID.ecPublicKey)), bits(4, ...zeros(64)))],
    [
      'a curve and more',
      sequence(sequence(oid(OID.ecPublicKey), oid(OID.p256), tlv(TAG.null)), bits(4, ...zeros(64))),
    ],
    ['Ed25519 with NULL', sequence(sequence(oid(OID.ed25519), tlv(TAG.null)), bits(...zeros(32)))],
    ['Ed25519 of 31 octets', sequence(sequence(oid(OID.ed25519)), bits(...zeros(31)))],
    ['RSA without NULL', rsa(`00${'ff'.repeat(256)}`, '03', new Uint8Array())],
    ['RSA with a NULL that holds something', rsa('7f', '03', tlv(TAG.null, Uint8Array.of(0)))],
    ['RSA modulus negative', rsa('ff'.repeat(256), '03')],
    ['RSA modulus zero', rsa('00', '03')],
    ['RSA modulus not minimal', rsa('007f', '03')],
    ['RSA exponent zero', rsa('7f', '00')],
    ['RSA exponent negative', rsa('7f', 'ff')],
    ['RSA exponent beyond 64 bits', rsa('7f', `01${'00'.repeat(8)}`)],
    ['RSA modulus beyond 16384 bits', rsa(`01${'00'.repeat(2048)}`, '03')],
    ['a third field', sequence(EC, bits(4, ...zeros(64)), tlv(TAG.null))],
    ['bytes behind', concat(sequence(EC, bits(4, ...zeros(64))), Uint8Array.of(0))],
    ['an algorithm identifier', ECDSA_SHA256],
    ['nothing', new Uint8Array()],
  ])('refuses %s', (_, spki) => {
    expect(() => parsePublicKey(spki)).toThrow(ParseError);
  });
});
