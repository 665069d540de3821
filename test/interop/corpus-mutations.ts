// SPDX-License-Identifier: Apache-2.0
// What can be wrong with a certificate, one thing at a time: certificate, version to key.
import { concat, utf8 } from '../../services/core/bytes.ts';
import {
  bitString,
  context,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
} from '../../services/core/der.ts';
import { OID } from '../../services/core/oid.ts';
import type { Shape } from './corpus-shape.ts';

export interface Mutation {
  readonly name: string;
  /** What is exchanged; undefined where the base has no such part. */
  change(shape: Shape): Partial<Shape> | undefined;
}

const TRAILING = Uint8Array.of(5, 0);
const NULL = tlv(TAG.null);

/** The same element with its length in one octet more than it needs. */
export function longLength(der: Uint8Array): Uint8Array {
  const [tag = 0, first = 0] = der;
  if (first < 0x80) return concat(Uint8Array.of(tag, 0x81, first), der.subarray(2));
  const count = first & 0x7f;
  return concat(Uint8Array.of(tag, 0x80 | (count + 1), 0), der.subarray(2));
}

/** Constructed, of indefinite length (BER). */
export function indefinite(der: Uint8Array): Uint8Array {
  const [tag = 0, first = 0] = der;
  const header = first < 0x80 ? 2 : 2 + (first & 0x7f);
  return concat(Uint8Array.of(tag, 0x80), der.subarray(header), new Uint8Array(2));
}

const replaced = (bytes: Uint8Array, at: number, change: (octet: number) => number) =>
  Uint8Array.from(bytes, (octet, i) =>
    i === (at < 0 ? bytes.length + at : at) ? change(octet) : octet,
  );

/** INTEGERs of an ECDSA signature. */
function signatureWith(signature: Uint8Array, pad: Uint8Array): Uint8Array {
  const length = signature[3] ?? 0;
  const r = signature.subarray(4, 4 + length);
  return sequence(tlv(TAG.integer, pad, r), signature.subarray(4 + length));
}

type WholeParts = Parameters<Shape['whole']>;
const outside = (name: string, whole: (...parts: WholeParts) => Uint8Array): Mutation => ({
  name: `certificate: ${name}`,
  change: () => ({ whole }),
});
const sealed = (name: string, seal: (signature: Uint8Array) => Uint8Array): Mutation => ({
  name: `signature: ${name}`,
  change: () => ({ sealed: seal }),
});
const part = <Part extends keyof Shape>(
  field: Part,
  name: string,
  change: (shape: Shape) => Shape[Part],
): Mutation => ({
  name: `${field}: ${name}`,
  change: (shape) => ({ [field]: change(shape) }) as Partial<Shape>,
});

const WHOLE: readonly Mutation[] = [
  outside('as issued', sequence),
  outside('an octet after it', (...parts) => concat(sequence(...parts), Uint8Array.of(0))),
  outside('an element after it', (...parts) => concat(sequence(...parts), NULL)),
  outside('twice in a row', (...parts) => concat(sequence(...parts), sequence(...parts))),
  outside('one octet short', (...parts) => sequence(...parts).subarray(0, -1)),
  outside('length in too many octets', (...parts) => longLength(sequence(...parts))),
  outside('indefinite length', (...parts) => indefinite(sequence(...parts))),
  outside('a SET', (...parts) => tlv(TAG.set, ...parts)),
  outside('without signature', (tbs, algorithm) => sequence(tbs, algorithm)),
  outside('algorithm behind the signature', (tbs, algorithm, signature) =>
    sequence(tbs, signature, algorithm),
  ),
  outside('another element inside', (...parts) => sequence(...parts, TRAILING)),
  outside('TBS length in too many octets, unsigned', (tbs, ...rest) =>
    sequence(longLength(tbs), ...rest),
  ),
];

const SEALS: readonly Mutation[] = [
  sealed('one bit flipped', (signature) =>
    bitString(replaced(signature, 20, (octet) => octet ^ 1)),
  ),
  sealed('empty', () => bitString(new Uint8Array())),
  sealed('BIT STRING without octets', () => tlv(TAG.bitString)),
  // The last bit of a signature is a matter of chance: here it is 0.
  sealed('unused bits', (signature) =>
    tlv(TAG.bitString, Uint8Array.of(1), signature, Uint8Array.of(0)),
  ),
  sealed('OCTET STRING', (signature) => tlv(TAG.octetString, signature)),
  sealed('constructed', (signature) => tlv(TAG.bitString | 0x20, bitString(signature))),
  sealed('an octet after it', (signature) => bitString(concat(signature, Uint8Array.of(0)))),
  sealed('r not minimal', (signature) => bitString(signatureWith(signature, Uint8Array.of(0)))),
  sealed('r negative', (signature) => bitString(signatureWith(signature, Uint8Array.of(0xff)))),
  sealed('length in too many octets', (signature) => bitString(longLength(signature))),
];

const ECDSA_SHA384 = sequence(oid('1.2.840.10045.4.3.3'));
const withNull = sequence(oid(OID.ecdsaSha256), NULL);
const algorithms = (name: string, value: Uint8Array): Mutation => ({
  name: `algorithm: ${name}`,
  change: () => ({ algorithm: value, outerAlgorithm: value }),
});

const ALGORITHMS: readonly Mutation[] = [
  part('outerAlgorithm', 'another than inside', () => ECDSA_SHA384),
  part('outerAlgorithm', 'NULL outside alone', () => withNull),
  algorithms('NULL parameters', withNull),
  algorithms('another hash', ECDSA_SHA384),
  algorithms('of RSA', sequence(oid(OID.rsaSha256), NULL)),
  algorithms('unknown', sequence(oid('1.3.6.1.4.1.57264.99'))),
  algorithms('empty', sequence()),
];

const version = (name: string, value: Uint8Array) => part('version', name, () => value);
const VERSIONS: readonly Mutation[] = [
  version('1, absent', new Uint8Array()),
  version('1, encoded', tlv(context(0), smallInteger(0))),
  version('2', tlv(context(0), smallInteger(1))),
  version('4', tlv(context(0), smallInteger(3))),
  version('3 in two octets', tlv(context(0), tlv(TAG.integer, Uint8Array.of(0, 2)))),
  version('negative', tlv(context(0), tlv(TAG.integer, Uint8Array.of(0xff)))),
  version('two INTEGERs', tlv(context(0), smallInteger(2), smallInteger(2))),
  version('not constructed', tlv(context(0, false), smallInteger(2))),
];

const serial = (name: string, ...octets: readonly number[]) =>
  part('serial', name, () => tlv(TAG.integer, Uint8Array.from(octets)));
const SERIALS: readonly Mutation[] = [
  serial('negative', 0x80, 1),
  serial('zero', 0),
  serial('one', 1),
  serial('two octets with a sign octet', 0, 0x80),
  serial('leading zero', 0, 1),
  serial('leading ff', 0xff, 0x80),
  serial('without octets'),
  serial('20 octets', ...new Array<number>(20).fill(0x7f)),
  serial('20 octets and a sign octet', 0, ...new Array<number>(20).fill(0xff)),
  serial('21 octets', ...new Array<number>(21).fill(0x7f)),
  part('serial', 'an OCTET STRING', ({ serial: der }) => replaced(der, 0, () => TAG.octetString)),
  part('serial', 'length in too many octets', ({ serial: der }) => longLength(der)),
];

const cn = (tag: number, text: string) => sequence(oid(OID.commonName), tlv(tag, utf8(text)));
const rdn = (...attributes: readonly Uint8Array[]) => sequence(tlv(TAG.set, ...attributes));
/** The last UTF8String of a name as a PrintableString. */
function retyped(name: Uint8Array): Uint8Array {
  const at = name.lastIndexOf(TAG.utf8String);
  return replaced(name, at, () => TAG.printableString);
}
const lastLetter = (name: Uint8Array) => replaced(name, -1, (octet) => octet ^ 0x20);

const NAMES: readonly Mutation[] = [
  part('issuer', 'empty', () => sequence()),
  part('issuer', 'another', () => rdn(cn(TAG.utf8String, 'Somebody'))),
  part('issuer', 'in another case', ({ issuer }) => lastLetter(issuer)),
  part('issuer', 'another type of string', ({ issuer }) => retyped(issuer)),
  part('issuer', 'length in too many octets', ({ issuer }) => longLength(issuer)),
  part('subject', 'a common name', () => rdn(cn(TAG.utf8String, 'leaf'))),
  part('subject', 'an RDN without attribute', () => rdn()),
  part('subject', 'two attributes out of order', () =>
    rdn(cn(TAG.utf8String, 'b'), cn(TAG.utf8String, 'a')),
  ),
  part('subject', 'two attributes in order', () =>
    sequence(setOf(cn(TAG.utf8String, 'b'), cn(TAG.utf8String, 'a'))),
  ),
  part('subject', 'no UTF-8', () =>
    rdn(sequence(oid(OID.commonName), tlv(TAG.utf8String, Uint8Array.of(0xff)))),
  ),
  part('subject', '@ in a PrintableString', () => rdn(cn(TAG.printableString, 'a@b'))),
  part('subject', 'a NULL for text', () => rdn(sequence(oid(OID.commonName), NULL))),
  part('subject', 'an OID too many', () =>
    rdn(sequence(oid(OID.commonName), oid(OID.commonName), NULL)),
  ),
  part('subject', 'a SEQUENCE for the SET', () => sequence(sequence(cn(TAG.utf8String, 'leaf')))),
];

const POINT = 65;
const ec = (curve: string, point: Uint8Array) =>
  sequence(sequence(oid(OID.ecPublicKey), oid(curve)), bitString(point));
const isP256 = ({ spki }: Shape) => spki.length === 91;
const p256 = (name: string, change: (point: Uint8Array) => Uint8Array): Mutation => ({
  name: `spki: P-256 ${name}`,
  change: (shape) => (isP256(shape) ? { spki: change(shape.spki.subarray(-POINT)) } : undefined),
});
const ed25519 = (name: string, key: number, ...parameters: readonly Uint8Array[]) =>
  part('spki', `Ed25519 ${name}`, () =>
    sequence(sequence(oid(OID.ed25519), ...parameters), bitString(new Uint8Array(key).fill(9))),
  );

const KEYS: readonly Mutation[] = [
  p256('off its curve', (point) =>
    ec(
      OID.p256,
      replaced(point, -1, (octet) => octet ^ 1),
    ),
  ),
  p256('point at infinity', () => ec(OID.p256, Uint8Array.of(0))),
  p256('compressed', (point) =>
    ec(OID.p256, concat(Uint8Array.of(2 + ((point.at(-1) ?? 0) & 1)), point.subarray(1, 33))),
  ),
  p256('hybrid', (point) =>
    ec(OID.p256, concat(Uint8Array.of(6 + ((point.at(-1) ?? 0) & 1)), point.subarray(1))),
  ),
  p256('one octet short', (point) => ec(OID.p256, point.subarray(0, -1))),
  p256('one octet long', (point) => ec(OID.p256, concat(point, Uint8Array.of(0)))),
  p256('as P-384', (point) => ec(OID.p384, point)),
  p256('as secp256k1', (point) => ec('1.3.132.0.10', point)),
  p256('without parameters', (point) => sequence(sequence(oid(OID.ecPublicKey)), bitString(point))),
  p256('with NULL for its curve', (point) =>
    sequence(sequence(oid(OID.ecPublicKey), NULL), bitString(point)),
  ),
  p256('with a parameter more', (point) =>
    sequence(sequence(oid(OID.ecPublicKey), oid(OID.p256), NULL), bitString(point)),
  ),
  p256('with unused bits', (point) =>
    sequence(
      sequence(oid(OID.ecPublicKey), oid(OID.p256)),
      tlv(TAG.bitString, Uint8Array.of(1), point),
    ),
  ),
  p256('of an unknown algorithm', (point) =>
    sequence(sequence(oid('1.3.6.1.4.1.57264.99'), oid(OID.p256)), bitString(point)),
  ),
  ed25519('with NULL', 32, NULL),
  ed25519('of 31 octets', 31),
  part('spki', 'length in too many octets', ({ spki }) => longLength(spki)),
  part('spki', 'an element more', ({ spki }) => concat(spki, NULL)),
  part('uniqueIds', 'of the issuer', () => tlv(context(1, false), Uint8Array.of(0, 1))),
  part('uniqueIds', 'of both', () =>
    concat(
      tlv(context(1, false), Uint8Array.of(0, 1)),
      tlv(context(2, false), Uint8Array.of(0, 1)),
    ),
  ),
  part('uniqueIds', 'in the wrong order', () =>
    concat(
      tlv(context(2, false), Uint8Array.of(0, 1)),
      tlv(context(1, false), Uint8Array.of(0, 1)),
    ),
  ),
  part('uniqueIds', 'not a BIT STRING', () => tlv(context(1, false), Uint8Array.of(9, 1))),
];

export const FIELD_MUTATIONS: readonly Mutation[] = [
  ...WHOLE,
  ...SEALS,
  ...ALGORITHMS,
  ...VERSIONS,
  ...SERIALS,
  ...NAMES,
  ...KEYS,
];
