// SPDX-License-Identifier: Apache-2.0
// What can be wrong with the extensions of a certificate.
import { concat, utf8 } from '../../services/core/bytes.ts';
import {
  children,
  context,
  octetString,
  oid,
  readDer,
  readOid,
  sequence,
  smallInteger,
  TAG,
  tlv,
} from '../../services/core/der.ts';
import { OID } from '../../services/core/oid.ts';
import { encodeSctList } from '../../services/core/sct.ts';
import { indefinite, longLength, type Mutation } from './corpus-mutations.ts';
import { type ExtensionParts, extensionOf, extensionParts, type Shape } from './corpus-shape.ts';

const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));
const NULL = tlv(TAG.null);
const NOTHING = new Uint8Array();

const isOf = (id: string) => (raw: Uint8Array) =>
  readOid({
    tag: TAG.oid,
    raw,
    content: readDer(extensionParts(raw).oid, TAG.oid, 'oid').content,
  }) === id;

function exchanged(shape: Shape, id: string, change: (raw: Uint8Array) => readonly Uint8Array[]) {
  const is = isOf(id);
  return { extensions: shape.extensions.flatMap((raw) => (is(raw) ? change(raw) : [raw])) };
}

/** Exchanges parts of one extension. */
const within = (
  id: string,
  name: string,
  change: (parts: ExtensionParts) => Partial<ExtensionParts>,
): Mutation => ({
  name,
  change: (shape) =>
    exchanged(shape, id, (raw) => {
      const parts = extensionParts(raw);
      return [extensionOf({ ...parts, ...change(parts) })];
    }),
});
const valued = (id: string, name: string, value: Uint8Array) => within(id, name, () => ({ value }));
const without = (id: string, name: string): Mutation => ({
  name,
  change: (shape) => exchanged(shape, id, () => []),
});
const added = (name: string, id: string, critical: boolean, value: Uint8Array): Mutation => ({
  name,
  change: ({ extensions }) => {
    const more = extensionOf({ oid: oid(id), critical: critical ? TRUE : NOTHING, value });
    return { extensions: [...extensions, more] };
  },
});
const list = (
  name: string,
  change: (extensions: readonly Uint8Array[]) => readonly Uint8Array[],
): Mutation => ({
  name: `extensions: ${name}`,
  change: ({ extensions }) => ({ extensions: change(extensions) }),
});
const wrapped = (name: string, wrap: Shape['wrap']): Mutation => ({
  name: `extensions: ${name}`,
  change: () => ({ wrap }),
});
const inner = (extensions: readonly Uint8Array[]) => sequence(...extensions);

const UNKNOWN = '1.3.6.1.4.1.57264.99';
const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';

const LISTS: readonly Mutation[] = [
  list('reversed', (extensions) => extensions.toReversed()),
  list('rotated', ([first = NOTHING, ...rest]) => [...rest, first]),
  list('one twice', ([first = NOTHING, ...rest]) => [first, first, ...rest]),
  list('an unknown one twice', (extensions) => [...extensions, ...extensions.slice(-2, -1)]),
  list('none', () => []),
  wrapped('absent', () => NOTHING),
  wrapped('a SET', (extensions) => tlv(context(3), tlv(TAG.set, ...extensions))),
  wrapped('not constructed', (extensions) => tlv(context(3, false), inner(extensions))),
  wrapped('two lists', (extensions) => tlv(context(3), inner(extensions), inner(extensions))),
  wrapped('twice', (extensions) =>
    concat(tlv(context(3), inner(extensions)), tlv(context(3), inner(extensions))),
  ),
  wrapped('under another tag', (extensions) => tlv(context(4), inner(extensions))),
  wrapped('indefinite length', (extensions) => tlv(context(3), indefinite(inner(extensions)))),
  wrapped('length in too many octets', (extensions) =>
    tlv(context(3), longLength(inner(extensions))),
  ),
  { name: 'extensions: an element behind them', change: () => ({ tbsTail: NULL }) },
  added('extensions: an unknown one', UNKNOWN, false, NULL),
  added('extensions: an unknown one, critical', UNKNOWN, true, NULL),
  added('extensions: an unknown one of no DER', UNKNOWN, false, Uint8Array.of(0x30, 5)),
  added('extensions: an unknown one, empty', UNKNOWN, false, NOTHING),
  added('extensions: poison', OID.precertPoison, true, NULL),
  added('extensions: name constraints', OID.nameConstraints, true, sequence()),
  added(
    'extensions: a permitted subtree',
    OID.nameConstraints,
    false,
    sequence(tlv(context(0), sequence(tlv(context(2, false), utf8('corp.example'))))),
  ),
  added(
    'extensions: policy constraints',
    '2.5.29.36',
    true,
    sequence(tlv(context(0, false), Uint8Array.of(0))),
  ),
  added('extensions: policies', '2.5.29.32', false, sequence(sequence(oid('2.5.29.32.0')))),
  added('extensions: critical policies', '2.5.29.32', true, sequence(sequence(oid('2.5.29.32.0')))),
  added('extensions: policies of no DER', '2.5.29.32', false, sequence(NULL)),
];

const PARTS: readonly Mutation[] = [
  within(ISSUER_V2, 'extension: critical FALSE, encoded', () => ({
    critical: tlv(TAG.boolean, Uint8Array.of(0)),
  })),
  within(OID.keyUsage, 'extension: critical 01', () => ({
    critical: tlv(TAG.boolean, Uint8Array.of(1)),
  })),
  within(OID.keyUsage, 'extension: critical of two octets', () => ({
    critical: tlv(TAG.boolean, Uint8Array.of(0xff, 0xff)),
  })),
  within(OID.keyUsage, 'extension: critical an INTEGER', () => ({ critical: smallInteger(1) })),
  within(OID.keyUsage, 'extension: critical twice', () => ({ critical: concat(TRUE, TRUE) })),
  within(ISSUER_V2, 'extension: OID not minimal', () => ({
    oid: tlv(TAG.oid, Uint8Array.of(0x2b, 0x80, 0x06, 0x01)),
  })),
  within(ISSUER_V2, 'extension: OID empty', () => ({ oid: tlv(TAG.oid) })),
  within(ISSUER_V2, 'extension: OID cut off', () => ({
    oid: tlv(TAG.oid, Uint8Array.of(0x2b, 0x86)),
  })),
  within(ISSUER_V2, 'extension: OID with a huge arc', () => ({
    oid: tlv(TAG.oid, Uint8Array.of(0x2b, ...new Array<number>(20).fill(0xff), 0x7f)),
  })),
  within(ISSUER_V2, 'extension: text of no UTF-8', () => ({
    value: tlv(TAG.utf8String, Uint8Array.of(0xc3, 0x28)),
  })),
  within(ISSUER_V2, 'extension: another issuer than before', () => ({
    value: tlv(TAG.utf8String, utf8('https://elsewhere.example')),
  })),
  {
    name: 'extension: an element more',
    change: (shape) =>
      exchanged(shape, ISSUER_V2, (raw) => [
        sequence(readDer(raw, TAG.sequence, 'extension').content, NULL),
      ]),
  },
  {
    name: 'extension: without value',
    change: (shape) => exchanged(shape, ISSUER_V2, (raw) => [sequence(extensionParts(raw).oid)]),
  },
  {
    name: 'extension: value constructed',
    change: (shape) =>
      exchanged(shape, OID.keyUsage, (raw) => {
        const { oid: id, critical, value } = extensionParts(raw);
        return [sequence(id, critical, tlv(TAG.octetString | 0x20, octetString(value)))];
      }),
  },
];

const bits = (...octets: readonly number[]) => tlv(TAG.bitString, Uint8Array.from(octets));
const usage = (name: string, value: Uint8Array) =>
  valued(OID.keyUsage, `key usage: ${name}`, value);
const KEY_USAGES: readonly Mutation[] = [
  without(OID.keyUsage, 'key usage: absent'),
  within(OID.keyUsage, 'key usage: not critical', () => ({ critical: NOTHING })),
  usage('keyCertSign alone', bits(2, 0b100)),
  usage('digitalSignature and keyCertSign', bits(2, 0b1000_0100)),
  usage('contentCommitment too', bits(6, 0b1100_0000)),
  usage('decipherOnly too', bits(7, 0x80, 0x80)),
  usage('no bit', bits(0)),
  usage('a zero octet', bits(0, 0)),
  usage('zero bits at its end', bits(0, 0x80)),
  usage('a zero octet at its end', bits(0, 0x80, 0)),
  usage('unused bits that are set', bits(7, 0xff)),
  usage('8 unused bits', bits(8, 0x80)),
  usage('without octets', tlv(TAG.bitString)),
  usage('an OCTET STRING', tlv(TAG.octetString, Uint8Array.of(7, 0x80))),
  usage('data after it', concat(bits(7, 0x80), NULL)),
  usage('empty', NOTHING),
  usage('nine bits and more', bits(0, 0x80, 0x80, 0x01)),
];

const purposes = (name: string, ...list: readonly Uint8Array[]) =>
  valued(OID.extendedKeyUsage, `extended key usage: ${name}`, sequence(...list));
const SIGNING = oid(OID.codeSigning);
const SERVER = oid('1.3.6.1.5.5.7.3.1');
const EXTENDED_KEY_USAGES: readonly Mutation[] = [
  without(OID.extendedKeyUsage, 'extended key usage: absent'),
  within(OID.extendedKeyUsage, 'extended key usage: critical', () => ({ critical: TRUE })),
  purposes('servers alone', SERVER),
  purposes('servers too', SERVER, SIGNING),
  purposes('any alone', oid(OID.anyExtendedKeyUsage)),
  purposes('any too', SIGNING, oid(OID.anyExtendedKeyUsage)),
  purposes('twice', SIGNING, SIGNING),
  purposes('none'),
  purposes('a NULL too', SIGNING, NULL),
  purposes('an empty OID too', SIGNING, tlv(TAG.oid)),
  valued(
    OID.extendedKeyUsage,
    'extended key usage: data after it',
    concat(sequence(SIGNING), NULL),
  ),
  valued(OID.extendedKeyUsage, 'extended key usage: a SET', tlv(TAG.set, SIGNING)),
];

const keyId = (octets: number) => new Uint8Array(octets).fill(1);
const authority = (name: string, ...parts: readonly Uint8Array[]) =>
  valued(OID.authorityKeyIdentifier, `authority key id: ${name}`, sequence(...parts));
const KEY_IDS: readonly Mutation[] = [
  without(OID.subjectKeyIdentifier, 'subject key id: absent'),
  valued(OID.subjectKeyIdentifier, 'subject key id: of one octet', octetString(keyId(1))),
  valued(OID.subjectKeyIdentifier, 'subject key id: empty', octetString()),
  valued(OID.subjectKeyIdentifier, 'subject key id: a BIT STRING', bits(0, 1)),
  valued(
    OID.subjectKeyIdentifier,
    'subject key id: data after it',
    concat(octetString(keyId(20)), NULL),
  ),
  within(OID.subjectKeyIdentifier, 'subject key id: critical', () => ({ critical: TRUE })),
  without(OID.authorityKeyIdentifier, 'authority key id: absent'),
  within(OID.authorityKeyIdentifier, 'authority key id: critical', () => ({ critical: TRUE })),
  authority('another', tlv(context(0, false), keyId(20))),
  authority('empty'),
  authority('a serial number without issuer', tlv(context(2, false), Uint8Array.of(1))),
  authority(
    'another issuer and serial number',
    tlv(context(1), tlv(context(4), sequence())),
    tlv(context(2, false), Uint8Array.of(1)),
  ),
  authority('unknown field', tlv(context(5, false), keyId(1))),
  valued(OID.authorityKeyIdentifier, 'authority key id: an OCTET STRING', octetString(keyId(20))),
  {
    name: 'authority key id: data after it',
    change: (shape) =>
      exchanged(shape, OID.authorityKeyIdentifier, (raw) => {
        const parts = extensionParts(raw);
        return [extensionOf({ ...parts, value: concat(parts.value, NULL) })];
      }),
  },
];

const URI = 6;
const general = (tag: number, text: string) => tlv(context(tag, false), utf8(text));
const name = (what: string, ...names: readonly Uint8Array[]) =>
  valued(OID.subjectAltName, `name: ${what}`, sequence(...names));
const GOOD = general(URI, 'https://corp.example/a');
const other = (...parts: readonly Uint8Array[]) => tlv(context(0), ...parts);
const USERNAME = oid(OID.fulcioUsername);
const NAMES: readonly Mutation[] = [
  without(OID.subjectAltName, 'name: absent'),
  within(OID.subjectAltName, 'name: not critical', () => ({ critical: NOTHING })),
  name('none'),
  name('two', GOOD, general(1, 'dev@corp.example')),
  name('twice', GOOD, GOOD),
  name('empty URI', general(URI, '')),
  name('empty mail address', general(1, '')),
  name('empty host', general(2, '')),
  name('no ASCII', general(URI, 'https://corp.example/ä')),
  name('NUL inside', general(URI, 'https://corp.example/a\0b')),
  name('a line break inside', general(1, 'dev@corp.example\nroot@corp.example')),
  name('no URI', general(URI, 'a b')),
  name('a URI without scheme', general(URI, 'corp.example')),
  name('a URI with a user', general(URI, 'https://a@corp.example')),
  name('a URI with a bad host', general(URI, 'https://corp..example/')),
  name('a URI with a bad escape', general(URI, 'https://corp.example/%zz')),
  name('no mail address', general(1, 'nobody')),
  name('a mail address of two @', general(1, 'a@b@corp.example')),
  name('a host', general(2, 'corp.example')),
  name('a wildcard host', general(2, '*.corp.example')),
  name('an address of 4 octets', tlv(context(7, false), keyId(4))),
  name('an address of 5 octets', tlv(context(7, false), keyId(5))),
  name('a directory name', tlv(context(4), sequence())),
  name('a registered id', tlv(context(8, false), Uint8Array.of(0x2b, 6))),
  name('a registered id of no OID', tlv(context(8, false), Uint8Array.of(0x80))),
  name('unknown form', tlv(context(9, false), keyId(1))),
  name('constructed URI', tlv(context(URI), tlv(TAG.ia5String, utf8('https://corp.example/a')))),
  name('universal tag', tlv(TAG.ia5String, utf8('https://corp.example/a'))),
  name(
    'a user name',
    other(USERNAME, tlv(context(0), tlv(TAG.utf8String, utf8('a!corp.example')))),
  ),
  name(
    'a user name of no UTF-8',
    other(USERNAME, tlv(context(0), tlv(TAG.utf8String, Uint8Array.of(0xff)))),
  ),
  name(
    'a user name as IA5String',
    other(USERNAME, tlv(context(0), tlv(TAG.ia5String, utf8('a!corp.example')))),
  ),
  name('a user name without value', other(USERNAME)),
  name('another otherName', other(oid(UNKNOWN), tlv(context(0), NULL))),
  valued(OID.subjectAltName, 'name: data after it', concat(sequence(GOOD), NULL)),
  valued(OID.subjectAltName, 'name: a SET', tlv(TAG.set, GOOD)),
  valued(OID.subjectAltName, 'name: length in too many octets', longLength(sequence(GOOD))),
  valued(OID.subjectAltName, 'name: indefinite length', indefinite(sequence(GOOD))),
  added('name: a second list', OID.subjectAltName, true, sequence(GOOD)),
];

const basic = (what: string, value: Uint8Array) =>
  added(`basic constraints: ${what}`, OID.basicConstraints, true, value);
const BASIC: readonly Mutation[] = [
  basic('no CA', sequence()),
  basic('a CA', sequence(TRUE)),
  basic('no CA, encoded', sequence(tlv(TAG.boolean, Uint8Array.of(0)))),
  basic('a CA by 01', sequence(tlv(TAG.boolean, Uint8Array.of(1)))),
  basic('a length without a CA', sequence(smallInteger(0))),
  basic('a negative length', sequence(TRUE, tlv(TAG.integer, Uint8Array.of(0xff)))),
  basic('empty', NOTHING),
  basic('an element more', sequence(NULL)),
  basic('data after it', concat(sequence(), NULL)),
];

const vector = (value: Uint8Array) => children(value, 'SCTs')[0]?.content ?? NOTHING;
const scts = (what: string, change: (list: Uint8Array) => Uint8Array) =>
  within(OID.sctList, `SCTs: ${what}`, ({ value }) => ({
    value: octetString(change(vector(value))),
  }));
/** Behind the lengths of list and SCT. */
const sctOf = (list: Uint8Array) => list.subarray(4);
const altered = (list: Uint8Array, at: number, octet: number) =>
  list.map((value, i) => (i === at ? octet : value));
const SCTS: readonly Mutation[] = [
  without(OID.sctList, 'SCTs: absent'),
  within(OID.sctList, 'SCTs: critical', () => ({ critical: TRUE })),
  scts('none', () => Uint8Array.of(0, 0)),
  scts('no octets', () => NOTHING),
  scts('an octet after the list', (list) => concat(list, Uint8Array.of(0))),
  scts('list one octet short', (list) => list.subarray(0, -1)),
  scts('of no octets', () => encodeSctList([NOTHING])),
  scts('version 2', (list) => altered(list, 4, 1)),
  scts('two', (list) => encodeSctList([sctOf(list), sctOf(list)])),
  scts('an octet after the SCT', (list) => encodeSctList([concat(sctOf(list), Uint8Array.of(0))])),
  scts('an unknown hash', (list) => altered(list, 4 + 1 + 32 + 8 + 2 + 8, 99)),
  scts('in a far future', (list) => altered(list, 4 + 1 + 32, 0x7f)),
  within(OID.sctList, 'SCTs: not in an OCTET STRING', ({ value }) => ({ value: vector(value) })),
  within(OID.sctList, 'SCTs: data after the OCTET STRING', ({ value }) => ({
    value: concat(value, NULL),
  })),
];

export const EXTENSION_MUTATIONS: readonly Mutation[] = [
  ...LISTS,
  ...PARTS,
  ...KEY_USAGES,
  ...EXTENDED_KEY_USAGES,
  ...KEY_IDS,
  ...NAMES,
  ...BASIC,
  ...SCTS,
];
