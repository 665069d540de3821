// SPDX-License-Identifier: Apache-2.0
// The signing certificate: its path to a trusted CA at every verified time, its purpose, its form.
import { concat, utf8 } from '../../../services/core/bytes.ts';
import { octetString, oid, sequence, smallInteger, TAG, tlv } from '../../../services/core/der.ts';
import { OID } from '../../../services/core/oid.ts';
import { type Authority, type Link, makeCa } from '../../support/sigstore/authority.ts';
import {
  altNames,
  authorityConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
  name,
} from '../../support/sigstore/certificate.ts';
import { authorityJson, instant, YEAR } from '../../support/sigstore/instance.ts';
import { keyPair, type Pair, rsaPair } from '../../support/sigstore/keys.ts';
import type { LeafRecipe } from '../../support/sigstore/leaf.ts';
import {
  type Case,
  elsewhere,
  fail,
  flipLast,
  IDENTITY,
  MINUTE,
  main,
  NOW,
  pass,
  rogue,
  rootWith,
  SIGNED,
  stamp,
  under,
  v1,
  variant,
} from './common.ts';

const SECOND = 1000;
const DAY = 24 * 3_600_000;
const START = NOW - YEAR;
const root = { key: keyPair('p256', 'ca root') };
const issuing = { key: keyPair('p256', 'ca issuing') };
const between = { key: keyPair('p256', 'ca between') };

/** `main` with a CA of its own, root first. */
const withCa = (label: string, ...links: readonly Link[]) =>
  variant(`ca-${label}`, { ca: makeCa(`CA ${label}`, START, links) });
const withIssuing = (label: string, link: Partial<Link>) =>
  withCa(label, root, { ...issuing, ...link });
const withKeys = (label: string, rootKey: Pair, key: Pair) =>
  withCa(label, { key: rootKey }, { key });
const leaf = (recipe: LeafRecipe) => ({ leaf: recipe });

/** The window of the CA of `main`. */
const window = (label: string, validFor: { start?: string; end?: string }) => ({
  root: rootWith(`ca-window-${label}`, (r) => {
    for (const ca of r.certificateAuthorities) Object.assign(ca.validFor ?? {}, validFor);
  }),
});

const TIMES = under('the certificate is valid at every verified time, both ends included', [
  pass('time at the first instant of the certificate', stamp({ timeMs: NOW })),
  pass('time at the last instant of the certificate', stamp({ timeMs: NOW + 10 * MINUTE })),
  fail('CERTIFICATE_TIME', 'signed before the certificate', stamp({ timeMs: NOW - SECOND })),
  fail(
    'CERTIFICATE_TIME',
    'signed after the certificate',
    stamp({ timeMs: NOW + 10 * MINUTE + SECOND }),
  ),
  fail('CERTIFICATE_TIME', 'expired at the second of two times', {
    stamps: [{}, { timeMs: NOW + 11 * MINUTE }],
  }),
  fail('CERTIFICATE_TIME', 'expired at the first of two times', {
    stamps: [{ timeMs: NOW + 11 * MINUTE }, {}],
  }),
  fail('CERTIFICATE_TIME', 'promise of Rekor v1 after the certificate, timestamp within', {
    ...v1({ integratedMs: NOW + 11 * MINUTE }),
    stamps: [{}],
  }),
  fail('CERTIFICATE_TIME', 'timestamp after the certificate, promise of Rekor v1 within', {
    ...v1(),
    stamps: [{ timeMs: NOW + 11 * MINUTE }],
  }),
  pass('certificate valid for a year', leaf({ notBeforeMs: NOW - DAY, notAfterMs: NOW + YEAR })),
]);

const CHAIN_TIMES = under('so is every CA above it', [
  fail(
    'CERTIFICATE_TIME',
    'issuing CA ended',
    {},
    withIssuing('ended', { notAfterMs: SIGNED - SECOND }),
  ),
  fail(
    'CERTIFICATE_TIME',
    'issuing CA not yet valid',
    {},
    withIssuing('not-yet', { notBeforeMs: SIGNED + SECOND }),
  ),
  fail(
    'CERTIFICATE_TIME',
    'root CA ended',
    {},
    withCa('root-ended', { ...root, notAfterMs: SIGNED - SECOND }, issuing),
  ),
  pass('issuing CA ends at the signature', {}, withIssuing('ends', { notAfterMs: SIGNED })),
  pass('issuing CA starts at the signature', {}, withIssuing('starts', { notBeforeMs: SIGNED })),
]);

const WINDOWS = under('the window of the CA in the trusted root holds every verified time', [
  pass('CA window ends at the signature', {}, window('ends', { end: instant(SIGNED) })),
  pass('CA window starts at the signature', {}, window('starts', { start: instant(SIGNED) })),
  fail('CERTIFICATE_PATH', 'CA window ended', {}, window('ended', { end: instant(SIGNED - 1) })),
  fail(
    'CERTIFICATE_PATH',
    'CA window not begun',
    {},
    window('not-yet', { start: instant(SIGNED + 1) }),
  ),
  fail(
    'CERTIFICATE_PATH',
    'CA window ended before the second of two times',
    { stamps: [{}, { timeMs: SIGNED + MINUTE }] },
    window('ends', { end: instant(SIGNED) }),
  ),
]);

const ISSUERS = under('the path leads to a CA of the trusted root', [
  pass('CA with P-384', {}, withKeys('p384', keyPair('p384', 'ca root'), keyPair('p384', 'ca'))),
  pass('CA with P-521', {}, withKeys('p521', keyPair('p521', 'ca root'), keyPair('p521', 'ca'))),
  pass('CA with RSA 4096', {}, withKeys('rsa4096', rsaPair('rsa4096-1'), rsaPair('rsa4096-1'))),
  pass('CA with RSA 2048', {}, withKeys('rsa2048', rsaPair('rsa2048-1'), rsaPair('rsa2048-2'))),
  pass('issuing P-256 under RSA', {}, withKeys('mixed', rsaPair('rsa4096-1'), issuing.key)),
  pass(
    'issuing RSA under P-384',
    {},
    withKeys('rsa-p384', keyPair('p384', 'r'), rsaPair('rsa3072-1')),
  ),
  fail(
    'CERTIFICATE_PATH',
    'issuing CA with RSA of 1024 bits',
    {},
    withKeys('rsa1024', root.key, rsaPair('rsa1024-1')),
  ),
  pass('root that issues by itself', {}, withCa('alone', root)),
  pass('two intermediates', {}, withCa('three', root, between, issuing)),
  fail('CERTIFICATE_PATH', 'certificate of another instance', leaf({ issuer: elsewhere.ca })),
  fail('CERTIFICATE_PATH', 'forged under the name of the CA', leaf({ signer: rogue })),
  fail('CERTIFICATE_PATH', 'damaged signature of the CA', leaf({ der: flipLast })),
  fail(
    'CERTIFICATE_PATH',
    'no CA in the trusted root',
    {},
    { root: rootWith('no-ca', (r) => Object.assign(r, { certificateAuthorities: [] })) },
  ),
  fail('CERTIFICATE_PATH', 'another key named as the issuer', leaf({ authorityKey: rogue })),
  pass('no key named as the issuer', leaf({ authorityKey: null })),
  fail(
    'CERTIFICATE_PATH',
    'another name as the issuer',
    leaf({ issuer: { ...main.ca, subject: name('main CA', 'another') } }),
  ),
  pass(
    'second of two CAs',
    {},
    {
      root: rootWith('two-cas', (r) =>
        r.certificateAuthorities.unshift(authorityJson('https://old.test', elsewhere.ca)),
      ),
    },
  ),
  pass(
    'second of two entries of one CA, the first ended',
    {},
    {
      root: rootWith('ca-twice', (r) =>
        r.certificateAuthorities.unshift({
          ...authorityJson('https://ca.test', main.ca),
          validFor: { start: instant(START), end: instant(NOW - DAY) },
        }),
      ),
    },
  ),
]);

/** A leaf that the root issued, where the trusted root lists the intermediate in front. */
const rootAsIssuer: Authority = {
  ...main.ca,
  key: keyPair('p256', 'main ca root'),
  subject: main.ca.issuer,
};

const LINKS = under(
  'every link: names, keys, CA bits, path length, purposes, critical extensions',
  [
    fail(
      'CERTIFICATE_PATH',
      'issued by the root over the head of the CA',
      leaf({ issuer: rootAsIssuer }),
    ),
    fail(
      'CERTIFICATE_PATH',
      'issuing CA signed by another root',
      {},
      withIssuing('forged', { signer: rogue }),
    ),
    fail(
      'CERTIFICATE_PATH',
      'issuing CA that may not sign certificates',
      {},
      withIssuing('crl', { extensions: [keyUsage('crlSign'), authorityConstraints(0)] }),
    ),
    fail(
      'CERTIFICATE_PATH',
      'path longer than the root allows',
      {},
      withCa('long', { ...root, pathLength: 0 }, issuing),
    ),
    fail(
      'CERTIFICATE_PATH',
      'path longer than an intermediate allows',
      {},
      withCa('long-between', root, { ...between, pathLength: 0 }, issuing),
    ),
    pass(
      'no path lengths',
      {},
      withCa('no-length', { ...root, pathLength: null }, { ...issuing, pathLength: null }),
    ),
    fail(
      'CERTIFICATE_USAGE',
      'issuing CA for timestamps',
      {},
      withIssuing('stamping', {
        extensions: [
          keyUsage('certSign'),
          extendedKeyUsage([OID.timeStamping]),
          authorityConstraints(0),
        ],
      }),
    ),
    pass(
      'issuing CA without a purpose',
      {},
      withIssuing('no-purpose', { extensions: [keyUsage('certSign'), authorityConstraints(0)] }),
    ),
    fail(
      'CERTIFICATE_PATH',
      'issuing CA with an unknown critical extension',
      {},
      withIssuing('critical', {
        more: [extension('1.3.6.1.4.1.99999.1', Uint8Array.of(5, 0), true)],
      }),
    ),
    fail(
      'CERTIFICATE_PATH',
      'issuing CA with name constraints',
      {},
      withIssuing('constraints', { more: [extension(OID.nameConstraints, sequence(), false)] }),
    ),
  ],
);

const DIGITAL = keyUsage('digitalSignature');
const usages = (...list: readonly Uint8Array[]) => leaf({ usages: list });
const misused = (label: string, ...list: readonly Uint8Array[]) =>
  fail('CERTIFICATE_USAGE', label, usages(...list));
const CODE = extendedKeyUsage([OID.codeSigning]);

const USAGES = under('the leaf is for code signing, and no CA', [
  misused('certificate without a purpose', DIGITAL),
  misused('certificate for timestamps', DIGITAL, extendedKeyUsage([OID.timeStamping])),
  misused('certificate for any purpose', DIGITAL, extendedKeyUsage([OID.anyExtendedKeyUsage])),
  misused('certificate for TLS', DIGITAL, extendedKeyUsage(['1.3.6.1.5.5.7.3.1'])),
  misused('certificate without key usage', CODE),
  misused('certificate for signing certificates', keyUsage('certSign'), CODE),
  fail('CERTIFICATE_USAGE', 'leaf that is a CA', {
    leaf: {
      subject: name('Test', 'leaf'),
      usages: [DIGITAL, CODE, authorityConstraints(0)],
    },
  }),
  pass('purpose critical', usages(DIGITAL, extendedKeyUsage([OID.codeSigning], true))),
  pass('second purpose', usages(DIGITAL, extendedKeyUsage(['1.3.6.1.5.5.7.3.4', OID.codeSigning]))),
  pass(
    'basic constraints of no CA',
    leaf({ more: [extension(OID.basicConstraints, sequence(), true)] }),
  ),
  pass('subject beside the name', leaf({ subject: name('Test', 'leaf'), namesCritical: false })),
  pass(
    'extension of a stranger, not critical',
    leaf({ more: [extension('1.3.6.1.4.1.99999.1', Uint8Array.of(5, 0))] }),
  ),
  fail(
    'CERTIFICATE_PATH',
    'extension of a stranger, critical',
    leaf({ more: [extension('1.3.6.1.4.1.99999.1', Uint8Array.of(5, 0), true)] }),
  ),
  fail(
    'CERTIFICATE_PATH',
    'precertificate',
    leaf({
      scts: [],
      more: [extension(OID.precertPoison, tlv(TAG.null), true)],
    }),
  ),
]);

const malformed = (label: string, recipe: LeafRecipe) =>
  fail('CERTIFICATE_MALFORMED', label, leaf(recipe));

const FORM = under(
  'an X.509 certificate of version 3 in DER, with critical names for want of a subject',
  [
    malformed('certificate that is no DER', { der: () => utf8('-----BEGIN CERTIFICATE-----') }),
    malformed('certificate cut off', { der: (der) => der.subarray(0, -1) }),
    malformed('certificate with data after it', { der: (der) => concat(der, Uint8Array.of(0)) }),
    malformed('certificate in BER', {
      der: (der) => concat(Uint8Array.of(0x30, 0x83, 0), der.subarray(2)),
    }),
    malformed('negative serial number', { serial: Uint8Array.of(0xff, 0) }),
    malformed('serial number of 21 octets', { serial: new Uint8Array(21).fill(1) }),
    malformed('serial number of the certificate that is not minimal', {
      serial: Uint8Array.of(0, 1),
    }),
    pass('serial number of 20 octets', leaf({ serial: new Uint8Array(20).fill(1) })),
    malformed('names that are not critical', { namesCritical: false }),
    malformed('extension twice', { more: [altNames([{ kind: 'email', value: IDENTITY }])] }),
    malformed('key usage that is no BIT STRING', {
      usages: [extension(OID.keyUsage, octetString(), true), CODE],
    }),
    malformed('purposes that are empty', {
      usages: [DIGITAL, extension(OID.extendedKeyUsage, sequence())],
    }),
    malformed('path length without a CA', {
      more: [extension(OID.basicConstraints, sequence(smallInteger(0)), true)],
    }),
    malformed('extension of Fulcio that is no text', {
      claims: [[1, 'https://issuer.test']],
      more: [extension('1.3.6.1.4.1.57264.1.8', oid('1.2.3'))],
    }),
    malformed('validity that ends before it begins', {
      notBeforeMs: NOW,
      notAfterMs: NOW - MINUTE,
    }),
  ],
);

export function certificateCases(): Case[] {
  return [...TIMES, ...CHAIN_TIMES, ...WINDOWS, ...ISSUERS, ...LINKS, ...USAGES, ...FORM];
}
