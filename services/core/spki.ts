// SPDX-License-Identifier: Apache-2.0
// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of the keys that Sigstore knows:
//
//   SEQUENCE { SEQUENCE { algorithm OID, parameters }, BIT STRING }
//
// RSA has NULL parameters (RFC 3279 §2.3.1), EC a named curve (RFC 5480 §2.1.1), Ed25519 none
// (RFC 8410 §3). Whether a point lies on its curve is judged by the engine that uses it.
import type { KeyKind, PublicKey } from './algorithm.ts';
import {
  bitString,
  type DerNode,
  DerReader,
  oid as encodeOid,
  readBitString,
  readDer,
  readInteger,
  readOid,
  sequence,
  TAG,
  tlv,
} from './der.ts';
import { ParseError } from './errors.ts';
import { OID } from './oid.ts';

const MAX_RSA_BITS = 16_384;
const MAX_EXPONENT_OCTETS = 8;
const ED25519_OCTETS = 32;

interface Curve {
  readonly kind: KeyKind;
  readonly sizeBits: number;
}

const CURVES = new Map<string, Curve>([
  [OID.p256, { kind: 'p256', sizeBits: 256 }],
  [OID.p384, { kind: 'p384', sizeBits: 384 }],
  [OID.p521, { kind: 'p521', sizeBits: 521 }],
]);

function positiveInteger(node: DerNode, what: string): Uint8Array {
  const content = readInteger(node);
  if ((content[0] as number) >= 0x80) throw new ParseError(`${what} is negative`);
  return content[0] === 0 ? content.subarray(1) : content;
}

export interface RsaKey {
  /** Big-endian, no leading zero. */
  readonly modulus: Uint8Array;
  readonly exponent: Uint8Array;
  readonly sizeBits: number;
}

/** RSAPublicKey (RFC 8017 §A.1.1). Sizes and exponents are a policy's matter. @throws ParseError */
export function readRsaKey(bits: Uint8Array): RsaKey {
  const outer = new DerReader(bits, 'RSA key');
  const key = outer.sequence('RSAPublicKey');
  outer.end();
  const modulus = positiveInteger(key.expect(TAG.integer, 'modulus'), 'RSA modulus');
  const exponent = positiveInteger(key.expect(TAG.integer, 'exponent'), 'RSA exponent');
  key.end();
  const [first] = modulus;
  if (first === undefined) throw new ParseError('RSA modulus is zero');
  const sizeBits = 8 * modulus.length - Math.clz32(first) + 24;
  if (sizeBits > MAX_RSA_BITS) throw new ParseError(`RSA modulus of ${sizeBits} bits`);
  if (exponent.length === 0 || exponent.length > MAX_EXPONENT_OCTETS) {
    throw new ParseError('RSA exponent is out of range');
  }
  return { modulus, exponent, sizeBits };
}

function ecKey(parameters: DerReader, spki: Uint8Array, bits: Uint8Array): PublicKey {
  const curve = CURVES.get(readOid(parameters.expect(TAG.oid, 'named curve')));
  if (curve === undefined) throw new ParseError('public key: unknown curve');
  // SPEC RFC 5480 §2.2: the first octet tells the form; only uncompressed points are interoperable.
  if (bits.length !== 1 + 2 * Math.ceil(curve.sizeBits / 8) || bits[0] !== 0x04) {
    throw new ParseError('public key: not an uncompressed point of its curve');
  }
  return { kind: curve.kind, spki, bits, sizeBits: curve.sizeBits };
}

function rsaKey(parameters: DerReader, spki: Uint8Array, bits: Uint8Array): PublicKey {
  if (parameters.expect(TAG.null, 'NULL').content.length !== 0) {
    throw new ParseError('public key: NULL has content');
  }
  return { kind: 'rsa', spki, bits, sizeBits: readRsaKey(bits).sizeBits };
}

function ed25519Key(_parameters: DerReader, spki: Uint8Array, bits: Uint8Array): PublicKey {
  if (bits.length !== ED25519_OCTETS) throw new ParseError('public key: Ed25519 takes 32 octets');
  return { kind: 'ed25519', spki, bits, sizeBits: 256 };
}

const KEYS = new Map<string, typeof ecKey>([
  [OID.ecPublicKey, ecKey],
  [OID.rsaEncryption, rsaKey],
  [OID.ed25519, ed25519Key],
]);

/**
 * RSA, P-256, P-384, P-521 (uncompressed) and Ed25519 keys.
 * @param spkiDer one SubjectPublicKeyInfo, nothing after it @throws ParseError
 */
export function parsePublicKey(spkiDer: Uint8Array): PublicKey {
  const { content } = readDer(spkiDer, TAG.sequence, 'public key');
  const reader = new DerReader(content, 'public key');
  const algorithm = reader.sequence('algorithm');
  const oid = readOid(algorithm.expect(TAG.oid, 'algorithm'));
  const bits = readBitString(reader.expect(TAG.bitString, 'key bits'));
  reader.end();
  const parse = KEYS.get(oid);
  if (parse === undefined) throw new ParseError(`public key: unknown algorithm ${oid}`);
  const key = parse(algorithm, spkiDer, bits);
  algorithm.end();
  return key;
}

const RSA_ALGORITHM = sequence(encodeOid(OID.rsaEncryption), tlv(TAG.null));

/** An RSA key that stands alone as RSAPublicKey (old trust roots: PKCS1_RSA_PKCS1V5). @throws ParseError */
export function parsePkcs1PublicKey(der: Uint8Array): PublicKey {
  return parsePublicKey(sequence(RSA_ALGORITHM, bitString(der)));
}
