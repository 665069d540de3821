// SPDX-License-Identifier: Apache-2.0
// The form of a timestamp: status, SignedData, attributes, TSTInfo; strict DER throughout.
import { concat, utf8 } from '../../../services/core/bytes.ts';
import {
  context,
  octetString,
  oid,
  sequence,
  smallInteger,
  TAG,
  tlv,
} from '../../../services/core/der.ts';
import { OID } from '../../../services/core/oid.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import { extension } from '../../support/sigstore/certificate.ts';
import type { StampRecipe } from '../../support/sigstore/stamp.ts';
import { type Case, fail, main, pass, shortened, stamp, under } from './common.ts';

const malformed = (name: string, recipe: StampRecipe) =>
  fail('TIMESTAMP_MALFORMED', name, stamp(recipe));

/** PKIFailureInfo with one bit set. */
function failure(bit: number): Uint8Array {
  const octets = new Uint8Array(Math.floor(bit / 8) + 1);
  octets[octets.length - 1] = 0x80 >> (bit % 8);
  return tlv(TAG.bitString, Uint8Array.of(7 - (bit % 8)), octets);
}
const freeText = sequence(tlv(TAG.utf8String, utf8('not today')));

const refused = (name: string, recipe: StampRecipe) =>
  fail('TIMESTAMP_REFUSED', name, stamp(recipe));

const STATUS = under('the status is 0, granted, with no failure', [
  refused('status granted with modifications', { status: 1 }),
  refused('status rejection with a token', { status: 2 }),
  refused('status rejection without a token', { status: 2, token: false }),
  refused('status waiting', { status: 3, token: false }),
  refused('status revocation warning', { status: 4 }),
  refused('status granted, and a failure', { statusMore: [failure(25)] }),
  ...[0, 2, 5, 14, 15, 16, 25].map((bit) =>
    refused(`rejection for failure ${bit}`, {
      status: 2,
      statusMore: [freeText, failure(bit)],
      token: false,
    }),
  ),
  malformed('status granted without a token', { token: false }),
  malformed('status negative', { der: (der) => replaced(der, [2, 1, 0], [2, 1, 0xff]) }),
  pass('status granted with a text', stamp({ statusMore: [freeText] })),
  malformed('status text that is no UTF8String', {
    statusMore: [sequence(tlv(TAG.ia5String, utf8('no')))],
  }),
]);

/** The first run of octets, replaced by one as long. */
function replaced(der: Uint8Array, from: readonly number[], to: readonly number[]): Uint8Array {
  const at = der.findIndex((_, i) => from.every((octet, j) => der[i + j] === octet));
  const copy = Uint8Array.from(der);
  copy.set(to, at);
  return copy;
}

const BYTES = under('one DER value, nothing after it', [
  malformed('timestamp that is no DER', { der: () => utf8('no timestamp') }),
  malformed('timestamp of three octets', { der: () => Uint8Array.of(0, 0, 0) }),
  malformed('timestamp cut off', { der: (der) => der.subarray(0, -1) }),
  malformed('timestamp with data after it', { der: (der) => concat(der, Uint8Array.of(0)) }),
  malformed('timestamp twice over', { der: (der) => concat(der, der) }),
  malformed('timestamp in BER of indefinite length', {
    der: (der) => concat(Uint8Array.of(0x30, 0x80), der.subarray(4), Uint8Array.of(0, 0)),
  }),
  malformed('timestamp with a length that is not minimal', {
    der: (der) => concat(Uint8Array.of(0x30, 0x83, 0), der.subarray(2)),
  }),
  malformed('token alone, without a status', { der: (der) => der.subarray(9) }),
  malformed('timestamp of more than 64 KiB', {
    statusMore: [sequence(tlv(TAG.utf8String, new Uint8Array(70_000).fill(0x20)))],
  }),
]);

const attributeOf = (type: string, ...values: readonly Uint8Array[]) =>
  sequence(oid(type), tlv(TAG.set, ...values));
const unsigned = tlv(context(1), attributeOf('1.2.840.113549.1.9.16.2.14', octetString()));
/** ESSCertID with SHA-1, the form before RFC 5816. */
const oldSigningCertificate = attributeOf(
  '1.2.840.113549.1.9.16.2.12',
  sequence(sequence(sequence(octetString(new Uint8Array(20))))),
);
const without = (type: string) => (attributes: Uint8Array[]) => {
  const name = oid(type);
  const holds = (one: Uint8Array) => Buffer.from(one).includes(Buffer.from(name));
  return attributes.filter((one) => !holds(one));
};

const SHA256 = sequence(oid(OID.sha256));
const SHA512 = sequence(oid(OID.sha512));
/** The same content under the tag of SET. */
function asSet(der: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(der);
  copy[0] = TAG.set;
  return copy;
}
const ODD = '1.3.6.1.4.1.99999.2';
const andMore = (...more: readonly Uint8Array[]) => ({
  attributes: (sorted: Uint8Array[]) => [...sorted, ...more].sort(Buffer.compare),
});
const leafHash = nodeCrypto.digest('sha256', main.tsa.chain[0] ?? new Uint8Array());
const certId = sequence(octetString(leafHash));
const signingCertificate = (...ids: readonly Uint8Array[]) => ({
  ess: attributeOf(OID.signingCertificateV2, sequence(sequence(...ids))),
});

const SIGNED_DATA = under(
  'one SignerInfo with signed attributes alone, in DER order, over a TSTInfo',
  [
    malformed('two SignerInfos', { signers: (one) => [one, one] }),
    malformed('no SignerInfo', { signers: () => [] }),
    malformed('another content type', { contentType: '1.2.840.113549.1.7.1' }),
    malformed('another content type in the attribute', {
      contentTypeAttribute: '1.2.840.113549.1.7.1',
    }),
    malformed('another content type in both', {
      contentType: '1.2.840.113549.1.7.1',
      contentTypeAttribute: '1.2.840.113549.1.7.1',
    }),
    malformed('attributes in reverse', { attributes: (sorted) => sorted.reverse() }),
    malformed('attribute twice', { attributes: (sorted) => sorted.flatMap((one) => [one, one]) }),
    malformed('no messageDigest', { attributes: without(OID.messageDigest) }),
    malformed('no contentType attribute', { attributes: without(OID.contentType) }),
    malformed('signing certificate in the old form alone', { ess: oldSigningCertificate }),
    malformed('attribute with two values', {
      ess: attributeOf(OID.signingCertificateV2, sequence(), sequence()),
    }),
    malformed(
      'another attribute with two values',
      andMore(attributeOf(ODD, sequence(), sequence())),
    ),
    malformed('another attribute without a value', andMore(attributeOf(ODD))),
    malformed('attribute that is a SET', andMore(asSet(attributeOf(ODD, sequence())))),
    malformed('signing time that is no time', {
      attributes: (sorted) =>
        [...without(OID.signingTime)(sorted), attributeOf(OID.signingTime, sequence())].sort(
          Buffer.compare,
        ),
    }),
    malformed('signing certificate that names none', signingCertificate()),
    malformed('signing certificate in a SET', signingCertificate(asSet(certId))),
    pass('signing certificate and a second one', stamp(signingCertificate(certId, certId))),
    malformed('digest algorithm in a SET', { digestAlgorithms: [SHA256, asSet(SHA512)] }),
    malformed('digest algorithm with a NULL that holds something', {
      digestAlgorithms: [SHA256, sequence(oid(OID.sha512), tlv(TAG.null, Uint8Array.of(0)))],
    }),
    malformed('SignerInfo that is a SET', { signers: (one) => [asSet(one)] }),
    malformed('unsigned attributes', { signerMore: [unsigned] }),
    malformed('revocation list', { crls: tlv(context(1), sequence()) }),
    malformed('version 1 of SignedData', { signedDataVersion: 1 }),
    malformed('digest algorithms that lack the signer’s', { digestAlgorithms: [SHA512] }),
    malformed('no digest algorithm', { digestAlgorithms: [] }),
    malformed('certificate that is none', { embed: [sequence(smallInteger(1))] }),
    pass('signing time left out', stamp({ attributes: without(OID.signingTime) })),
    pass(
      'another attribute beside',
      stamp({
        attributes: (sorted) =>
          [
            ...sorted.slice(0, 1),
            ...[...sorted.slice(1), attributeOf('1.2.840.113549.1.9.52', sequence())].sort(
              Buffer.compare,
            ),
          ].sort(Buffer.compare),
      }),
    ),
    pass('more digest algorithms', stamp({ digestAlgorithms: [SHA256, SHA512] })),
  ],
);

const time = (text: string) => tlv(TAG.generalizedTime, utf8(text));
const FALSE = tlv(TAG.boolean, Uint8Array.of(0));
const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));
const small = (n: number, value: number) =>
  tlv(context(n, false), Uint8Array.of(value >> 8, value));
const accuracy = (...parts: Uint8Array[]) => ({ accuracy: sequence(...parts) });
const extensions = (critical: boolean) => ({
  tstMore: [tlv(context(1), extension('1.3.6.1.4.1.99999.1', Uint8Array.of(5, 0), critical))],
});

const TST_INFO = under('TSTInfo of version 1 in strict DER, no unknown critical extension', [
  malformed('version 2 of TSTInfo', { version: 2 }),
  malformed('ordering false, spelled out', { tstMore: [FALSE] }),
  pass('ordering true', stamp({ tstMore: [TRUE] })),
  pass('accuracy of 500 milliseconds', stamp(accuracy(small(0, 500)))),
  pass('no accuracy', stamp({ accuracy: new Uint8Array() })),
  malformed('accuracy of 0 milliseconds', accuracy(tlv(context(0, false), Uint8Array.of(0)))),
  malformed('accuracy of 1000 milliseconds', accuracy(small(0, 1000))),
  malformed('accuracy of 0 microseconds', accuracy(tlv(context(1, false), Uint8Array.of(0)))),
  pass('time with a fraction', stamp({ genTime: time('20260601120005.5Z') })),
  malformed('time with a fraction that ends in 0', { genTime: time('20260601120005.50Z') }),
  malformed('time with an empty fraction', { genTime: time('20260601120005.Z') }),
  malformed('time without seconds', { genTime: time('202606011200Z') }),
  malformed('time with an offset', { genTime: time('20260601140005+0200') }),
  malformed('local time', { genTime: time('20260601120005') }),
  malformed('time that does not exist', { genTime: time('20260631120005Z') }),
  malformed('time as UTCTime', { genTime: tlv(TAG.utcTime, utf8('260601120005Z')) }),
  malformed('serial number that is not minimal', { serial: Uint8Array.of(0, 1) }),
  malformed('serial number that is empty', { serial: new Uint8Array() }),
  malformed('nonce that is not minimal', { nonce: Uint8Array.of(0, 1) }),
  malformed('more after the extensions', { tstMore: [smallInteger(1), smallInteger(2)] }),
  pass('extension that is not critical', stamp(extensions(false))),
  fail('TIMESTAMP_INVALID', 'extension that is critical', stamp(extensions(true))),
  pass(
    'name of the authority',
    stamp({ tstMore: [tlv(context(0), tlv(context(4), main.tsa.subject))] }),
  ),
  malformed('two names of the authority', {
    tstMore: [
      tlv(context(0), tlv(context(4), main.tsa.subject), tlv(context(4), main.tsa.subject)),
    ],
  }),
]);

export function timestampFormCases(): Case[] {
  return shortened([...STATUS, ...BYTES, ...SIGNED_DATA, ...TST_INFO]);
}
