// SPDX-License-Identifier: Apache-2.0
// What both engines need to check ECDSA (FIPS 186-5 §6.4) over a digest: curves, the strict form of
// a signature, the integer of a digest.
import type { KeyKind } from './algorithm.ts';
import { hex } from './bytes.ts';
import { DerReader, readInteger, TAG } from './der.ts';
import { ParseError } from './errors.ts';

/** y² = x³ − 3x + b over GF(p), prime order n (SP 800-186 §3.2.1). */
export interface Curve {
  readonly kind: KeyKind;
  /** Octets of a coordinate. */
  readonly size: number;
  readonly p: bigint;
  readonly n: bigint;
  readonly nBits: number;
  readonly b: bigint;
}

const P256: Curve = {
  kind: 'p256',
  size: 32,
  p: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
  n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  nBits: 256,
  b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
};

const P384: Curve = {
  kind: 'p384',
  size: 48,
  p: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
  n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  nBits: 384,
  b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
};

const P521: Curve = {
  kind: 'p521',
  size: 66,
  p: 2n ** 521n - 1n,
  n: 0x01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  nBits: 521,
  b: 0x0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
};

export function curveOf(kind: KeyKind): Curve | undefined {
  return [P256, P384, P521].find((curve) => curve.kind === kind);
}

/** Big-endian unsigned. */
export function toBigInt(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt(`0x${hex(bytes)}`);
}

/** Big-endian, padded to `size` octets; the value must fit. */
export function toOctets(value: bigint, size: number): Uint8Array {
  const digits = value.toString(16).padStart(2 * size, '0');
  const out = new Uint8Array(size);
  for (let i = 0; i < size; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}

export interface EcdsaSignature {
  readonly r: bigint;
  readonly s: bigint;
}

/**
 * ECDSA-Sig-Value in strict DER (RFC 3279 §2.2.3), both numbers in 1..n−1; undefined for anything
 * else. A high s is valid: FIPS 186-5 knows no other rule.
 */
export function parseEcdsaSignature(der: Uint8Array, curve: Curve): EcdsaSignature | undefined {
  try {
    const reader = new DerReader(der, 'signature');
    const parts = reader.sequence('signature');
    reader.end();
    const r = readInteger(parts.expect(TAG.integer, 'r'));
    const s = readInteger(parts.expect(TAG.integer, 's'));
    parts.end();
    if ((r[0] as number) >= 0x80 || (s[0] as number) >= 0x80) return undefined;
    const signature = { r: toBigInt(r), s: toBigInt(s) };
    const inRange = (value: bigint) => value > 0n && value < curve.n;
    return inRange(signature.r) && inRange(signature.s) ? signature : undefined;
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

/** FIPS 186-5 §6.4.2 step 2: the leftmost nBits of the digest, mod n. */
export function digestInteger(digest: Uint8Array, curve: Curve): bigint {
  const surplus = 8 * digest.length - curve.nBits;
  const value = toBigInt(digest);
  return (surplus > 0 ? value >> BigInt(surplus) : value) % curve.n;
}

export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** An uncompressed point (SEC 1 §2.3.4), coordinates reduced and on the curve; else undefined. */
export function parsePoint(bits: Uint8Array, curve: Curve): Point | undefined {
  const { size, p, b } = curve;
  if (bits.length !== 1 + 2 * size || bits[0] !== 4) return undefined;
  const x = toBigInt(bits.subarray(1, 1 + size));
  const y = toBigInt(bits.subarray(1 + size));
  if (x >= p || y >= p) return undefined;
  return (y * y - (x * x * x - 3n * x + b)) % p === 0n ? { x, y } : undefined;
}
