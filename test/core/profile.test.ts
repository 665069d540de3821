// SPDX-License-Identifier: Apache-2.0
import { createHash, X509Certificate } from 'node:crypto';
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import * as peculiar from '@peculiar/x509';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromUtf8, hex, utf8 } from '../../services/core/bytes.ts';
import { readDer, TAG } from '../../services/core/der.ts';
import { CodedError, ParseError } from '../../services/core/errors.ts';
import { FULCIO_EXTENSIONS, OID } from '../../services/core/oid.ts';
import {
  assembleCertificate,
  type LastExtension,
  type LeafFields,
  leafTbs,
  prepareIssuer,
} from '../../services/core/profile.ts';
import { encodeSct, parseSctList, precertTbs } from '../../services/core/sct.ts';
import {
  buildPath,
  type Certificate,
  findExtension,
  parseCertificate,
  parsePem,
} from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { authority, basicConstraints, keyUsage, NOW_MS } from './certificates.ts';
import { FIELDS, issueDer, issuing, root, SCT, SCT_LIST, spkiOf, template, URI } from './leaves.ts';

const issue = (fields: LeafFields, last: LastExtension | undefined): Certificate =>
  parseCertificate(issueDer(fields, last));

describe('a leaf from the template', () => {
  const leaf = issue(FIELDS, SCT_LIST);

  it('carries every field', () => {
    expect(leaf.serial).toEqual(FIELDS.serial);
    expect(leaf.issuer.raw).toEqual(issuing.certificate.subject.raw);
    expect(hex(leaf.subject.raw)).toBe('3000');
    expect([leaf.notBeforeMs, leaf.notAfterMs]).toEqual([NOW_MS, NOW_MS + 600_000]);
    expect(leaf.publicKey.spki).toEqual(FIELDS.spki);
    expect([...(leaf.keyUsage ?? [])]).toEqual([0]);
    expect(leaf.extendedKeyUsage).toEqual({ oids: [OID.codeSigning], critical: false });
    expect(leaf.subjectKeyId).toEqual(FIELDS.subjectKeyId);
    expect(leaf.authorityKeyId).toEqual(issuing.certificate.subjectKeyId);
    expect(leaf.altNames).toEqual([{ kind: 'uri', value: URI }]);
    expect([leaf.altNamesCritical, leaf.isCa]).toEqual([true, false]);
  });

  it('carries the extensions in their order, key usage and alternative name critical', () => {
    expect(leaf.extensions.map(({ oid }) => oid)).toEqual([
      OID.keyUsage,
      OID.extendedKeyUsage,
      OID.subjectKeyIdentifier,
      OID.authorityKeyIdentifier,
      OID.subjectAltName,
      ...FULCIO_EXTENSIONS.map(({ oid }) => oid),
      OID.sctList,
    ]);
    expect(leaf.extensions.filter((e) => e.critical).map(({ oid }) => oid)).toEqual([
      OID.keyUsage,
      OID.subjectAltName,
    ]);
  });

  it('writes 1 to 6 raw and 8 to 24 as UTF8String', () => {
    for (const { number, oid, encoding } of FULCIO_EXTENSIONS) {
      const value = findExtension(leaf, oid)?.value ?? new Uint8Array();
      const text = encoding === 'raw' ? value : readDer(value, TAG.utf8String, 'text').content;
      expect(fromUtf8(text)).toBe(`value ${number}`);
      expect(encoding).toBe(number < 7 ? 'raw' : 'der');
    }
  });

  it('is a leaf for code signing under its chain', () => {
    const chain = [issuing.certificate, root.certificate];
    buildPath(nodeCrypto, leaf, chain, NOW_MS, OID.codeSigning);
  });

  it('as a precertificate ends in the poison, and is refused by path validation', () => {
    const precert = issue(FIELDS, { poison: true });
    const last = precert.extensions.at(-1);
    expect([last?.oid, last?.critical]).toEqual([OID.precertPoison, true]);
    expect(hex(last?.value ?? new Uint8Array())).toBe('0500');
    const chain = [issuing.certificate, root.certificate];
    expect(() => buildPath(nodeCrypto, precert, chain, NOW_MS, OID.codeSigning)).toThrow(
      CodedError,
    );
  });

  it('is what the log signed, but for its mark', () => {
    const bare = leafTbs(template, FIELDS, undefined);
    expect(precertTbs(leaf)).toEqual(bare);
    expect(precertTbs(issue(FIELDS, { poison: true }))).toEqual(bare);
  });

  it('holds the SCT list that it was given', () => {
    const scts = parseSctList(findExtension(leaf, OID.sctList)?.value ?? new Uint8Array());
    expect(scts.map(encodeSct)).toEqual([SCT]);
  });
});

describe('every leaf', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 300 });
  const fields = fc.record({
    serial: fc
      .uint8Array({ minLength: 1, maxLength: 19 })
      .filter((serial) => serial.some((octet) => octet !== 0)),
    altName: fc.oneof(
      fc.record({
        kind: fc.constantFrom('email' as const, 'uri' as const),
        value: fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 300 }),
      }),
      fc.record({ kind: fc.constant('username' as const), value: text.filter((t) => t !== '') }),
    ),
    extensions: fc
      .uniqueArray(
        fc.record({
          number: fc.constantFrom(...FULCIO_EXTENSIONS.map((e) => e.number)),
          value: text,
        }),
        { selector: ({ number }) => number },
      )
      .map((rows) => rows.toSorted((a, b) => a.number - b.number)),
    notBeforeMs: fc.nat({ max: Date.UTC(2100, 0, 1) }),
    subjectKeyId: fc.uint8Array({ minLength: 1, maxLength: 64 }),
  });

  it('is read as it was written, and gives the log back its TBS', () => {
    fc.assert(
      fc.property(fields, ({ notBeforeMs, ...rest }) => {
        const all = { ...FIELDS, ...rest, notBeforeMs, notAfterMs: notBeforeMs + 600_000 };
        const tbs = leafTbs(template, all, SCT_LIST);
        const cert = parseCertificate(
          assembleCertificate(tbs, template.signatureOid, Uint8Array.of()),
        );
        expect(cert.tbs).toEqual(tbs);
        expect(cert.altNames).toEqual([all.altName]);
        expect(cert.notBeforeMs).toBe(Math.floor(notBeforeMs / 1000) * 1000);
        expect(BigInt(`0x${hex(cert.serial)}`)).toBe(BigInt(`0x${hex(all.serial)}`));
        for (const { number, value } of all.extensions) {
          const found = findExtension(cert, `1.3.6.1.4.1.57264.1.${number}`);
          const bytes = found?.value ?? new Uint8Array();
          expect(fromUtf8(number < 7 ? bytes : readDer(bytes, TAG.utf8String, 't').content)).toBe(
            value,
          );
        }
        expect(precertTbs(cert)).toEqual(leafTbs(template, all, undefined));
      }),
    );
  });
});

describe('second opinions on a leaf', () => {
  const KEYS = ['p256', 'p384', 'p521', 'rsa', 'ed25519'] as const;
  const subjectKeyId = (spki: Uint8Array) => {
    const bits = parseCertificate(issueDer({ ...FIELDS, spki }, undefined)).publicKey.bits;
    return new Uint8Array(createHash('sha1').update(bits).digest());
  };

  it.each(KEYS)('node:crypto and @peculiar/x509 agree on a %s key', async (kind) => {
    const spki = spkiOf(kind);
    const keyId = subjectKeyId(spki);
    const der = issueDer({ ...FIELDS, spki, subjectKeyId: keyId }, SCT_LIST);
    const node = new X509Certificate(der);
    expect(node.verify(new X509Certificate(issuing.certificate.der).publicKey)).toBe(true);
    expect(node.checkIssued(new X509Certificate(issuing.certificate.der))).toBe(true);
    expect(node.subjectAltName).toBe(`URI:${URI}`);
    expect(node.keyUsage).toEqual(['1.3.6.1.5.5.7.3.3']);
    expect(Date.parse(node.validTo)).toBe(NOW_MS + 600_000);
    const theirs = new peculiar.X509Certificate(der);
    expect(theirs.serialNumber).toBe(hex(FIELDS.serial));
    expect(theirs.extensions).toHaveLength(5 + FULCIO_EXTENSIONS.length + 1);
    expect(theirs.getExtension(peculiar.SubjectKeyIdentifierExtension)?.keyId).toBe(hex(keyId));
    const made = await peculiar.SubjectKeyIdentifierExtension.create(
      await theirs.publicKey.export(),
    );
    expect(made.keyId).toBe(hex(keyId));
  });

  it('@peculiar/x509 writes the same extensions', () => {
    const leaf = issue(
      { ...FIELDS, altName: { kind: 'email', value: 'dev@example.test' } },
      undefined,
    );
    const raw = (extension: peculiar.Extension) => hex(new Uint8Array(extension.value));
    const { keyUsage: bits } = OID;
    expect(hex(findExtension(leaf, bits)?.value ?? utf8(''))).toBe(
      raw(new peculiar.KeyUsagesExtension(peculiar.KeyUsageFlags.digitalSignature, true)),
    );
    expect(hex(findExtension(leaf, OID.subjectAltName)?.value ?? utf8(''))).toBe(
      raw(
        new peculiar.SubjectAlternativeNameExtension(
          [{ type: 'email', value: 'dev@example.test' }],
          true,
        ),
      ),
    );
  });
});

describe('leafTbs refuses', () => {
  it.each<[string, Partial<LeafFields>]>([
    ['a mail address outside ASCII', { altName: { kind: 'email', value: 'dëv@example.test' } }],
    ['a URI outside ASCII', { altName: { kind: 'uri', value: 'https://example.test/ü' } }],
    ['an empty name', { altName: { kind: 'email', value: '' } }],
    ['an empty user name', { altName: { kind: 'username', value: '' } }],
    ['half a surrogate pair in a user name', { altName: { kind: 'username', value: '\udc00' } }],
    ['half a surrogate pair in an extension', { extensions: [{ number: 8, value: 'a\ud800' }] }],
  ])('%s as input', (_, change) => {
    expect(() => leafTbs(template, { ...FIELDS, ...change }, undefined)).toThrow(ParseError);
  });

  it.each<[string, Partial<LeafFields>]>([
    ['serial zero', { serial: new Uint8Array(20) }],
    ['no serial', { serial: new Uint8Array() }],
    ['a serial of 21 octets', { serial: new Uint8Array(21).fill(1) }],
    ['a serial of 20 octets with the top bit', { serial: new Uint8Array(20).fill(0x80) }],
    ['extension 7', { extensions: [{ number: 7, value: '' }] }],
    ['extension 25', { extensions: [{ number: 25, value: '' }] }],
    [
      'extensions out of order',
      {
        extensions: [
          { number: 9, value: '' },
          { number: 8, value: '' },
        ],
      },
    ],
    [
      'an extension twice',
      {
        extensions: [
          { number: 9, value: '' },
          { number: 9, value: '' },
        ],
      },
    ],
    ['a validity that ends first', { notAfterMs: NOW_MS - 1 }],
    ['a time that is none', { notAfterMs: Number.NaN }],
    ['a time before 1970', { notBeforeMs: -1000 }],
  ])('%s as a fault of the caller', (_, change) => {
    expect(() => leafTbs(template, { ...FIELDS, ...change }, undefined)).toThrow(RangeError);
  });

  it('and works on after a refusal', () => {
    const before = leafTbs(template, FIELDS, SCT_LIST);
    expect(() => leafTbs(template, { ...FIELDS, serial: new Uint8Array() }, undefined)).toThrow();
    expect(leafTbs(template, FIELDS, SCT_LIST)).toEqual(before);
  });
});

describe('prepareIssuer', () => {
  const vectors = JSON.parse(
    readFileSync(new URL('../vectors/x509/openssl.json', import.meta.url), 'utf8'),
  ) as { certificates: { name: string; pem: string }[] };
  const vector = (name: string) => {
    const found = vectors.certificates.find((v) => v.name === name);
    return parseCertificate(parsePem(found?.pem ?? '')[0]?.der ?? new Uint8Array());
  };

  it.each([
    ['p256', OID.ecdsaSha256],
    ['p384', OID.ecdsaSha384],
    ['p521', OID.ecdsaSha512],
    ['rsa-2048', OID.rsaSha256],
  ])('signs with the algorithm of a %s key', (name, signatureOid) => {
    const prepared = prepareIssuer(vector(name));
    expect(prepared.signatureOid).toBe(signatureOid);
    const tbs = leafTbs(prepared, FIELDS, SCT_LIST);
    const cert = parseCertificate(assembleCertificate(tbs, signatureOid, Uint8Array.of(0)));
    expect(cert.signatureOid).toBe(signatureOid);
  });

  it('refuses a leaf, an issuer without key identifier, Ed25519 and odd RSA keys', () => {
    const bare = authority('Bare', undefined, { extensions: [keyUsage(5), basicConstraints()] });
    const refused = [
      issue(FIELDS, SCT_LIST),
      bare.certificate,
      vector('ed25519'),
      vector('rsa-1024'),
    ];
    for (const issuer of refused) {
      expect(() => prepareIssuer(issuer)).toThrow(
        expect.objectContaining({ code: 'CHAIN_INVALID' }),
      );
    }
  });

  it('knows every algorithm that it assembles', () => {
    expect(() => assembleCertificate(new Uint8Array(), '1.2.3', new Uint8Array())).toThrow(
      RangeError,
    );
  });
});

describe('the table of extensions', () => {
  it('has one row per number from 1 to 24, but for 7', () => {
    const numbers = Array.from({ length: 24 }, (_, i) => i + 1).filter((n) => n !== 7);
    expect(FULCIO_EXTENSIONS.map(({ number }) => number)).toEqual(numbers);
  });

  it('spells the keys of templates as upstream configurations do', () => {
    const yaml = FULCIO_EXTENSIONS.map(({ yamlKey }) => yamlKey);
    expect(yaml).toContain('github-workflow-sha');
    expect(yaml).toContain('build-signer-uri');
    expect(yaml).toContain('source-repository-visibility-at-signing');
  });
});
