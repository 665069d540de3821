// SPDX-License-Identifier: Apache-2.0
// ECDSA over a digest. node:crypto hashes what it verifies and takes no digest, so the check is led
// through ECDH, which is OpenSSL's scalar multiplication under another name (some ten times faster
// than JavaScript), and is exact:
//
//   R = u1·G + u2·Q  with u1 = e/s, u2 = r/s          FIPS 186-5 §6.4.2
//     = u2·(k·G + Q) with k  = e/r
//   valid  <=>  x(R) mod n = r
//
//   1. k·G   = public key of the private key k
//   2. T     = k·G + Q, one affine addition in integers
//   3. x(R)  = ECDH secret of the private key u2 with T: the x coordinate, no sign in doubt
//
// ECDH has no k = 0, and the affine addition none of two points with one x: both go to the slow path.
import { createECDH, type ECDH } from 'node:crypto';
import type { KeyKind, PublicKey } from '../core/algorithm.ts';
import { concat } from '../core/bytes.ts';
import { nobleVerifyEcdsaDigest } from '../core/crypto-noble.ts';
import {
  type Curve,
  curveOf,
  digestInteger,
  type Point,
  parseEcdsaSignature,
  parsePoint,
  toBigInt,
  toOctets,
} from '../core/ecdsa.ts';

const NODE_CURVES: Partial<Record<KeyKind, string>> = {
  p256: 'prime256v1',
  p384: 'secp384r1',
  p521: 'secp521r1',
};

/** One engine per curve; its private key is set anew before each use. Filled by engineOf alone. */
const engines = new Map<KeyKind, ECDH>();

/** Points of keys seen before; undefined = not on the curve. Filled by pointOf alone. */
const points = new WeakMap<PublicKey, { point: Point | undefined }>();

function engineOf(kind: KeyKind): ECDH | undefined {
  const name = NODE_CURVES[kind];
  let engine = engines.get(kind);
  if (engine === undefined && name !== undefined) {
    engine = createECDH(name);
    engines.set(kind, engine);
  }
  return engine;
}

function pointOf(key: PublicKey, curve: Curve): Point | undefined {
  let known = points.get(key);
  if (known === undefined) {
    known = { point: parsePoint(key.bits, curve) };
    points.set(key, known);
  }
  return known.point;
}

/** value⁻¹ mod a prime, for values in 1..modulus−1, by the extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b] = [value, modulus];
  let [x, y] = [1n, 0n];
  while (a > 1n) {
    const quotient = b / a;
    [a, b] = [b - quotient * a, a];
    [x, y] = [y - quotient * x, x];
  }
  return x < 0n ? x + modulus : x;
}

function mod(value: bigint, modulus: bigint): bigint {
  const rest = value % modulus;
  return rest < 0n ? rest + modulus : rest;
}

/** Sum of two points whose x differ, uncompressed. */
function add(a: Point, b: Point, { p, size }: Curve): Uint8Array {
  const slope = mod((b.y - a.y) * inverse(mod(b.x - a.x, p), p), p);
  const x = mod(slope * slope - a.x - b.x, p);
  const y = mod(slope * (a.x - x) - a.y, p);
  return concat(Uint8Array.of(4), toOctets(x, size), toOctets(y, size));
}

/**
 * True when the signature (ASN.1 DER) is valid over the digest. False for every fault: not strict
 * DER, numbers out of range, a key whose point is not on the curve, a key that is not ECDSA.
 */
export function verifyEcdsaDigest(
  key: PublicKey,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const curve = curveOf(key.kind);
  const engine = engineOf(key.kind);
  if (curve === undefined || engine === undefined) return false;
  const q = pointOf(key, curve);
  const parsed = parseEcdsaSignature(signature, curve);
  if (q === undefined || parsed === undefined) return false;
  const { n, size } = curve;
  const { r, s } = parsed;
  const e = digestInteger(digest, curve);
  if (e === 0n) return nobleVerifyEcdsaDigest(key, digest, signature);

  const shared = inverse((r * s) % n, n);
  const k = (((e * shared) % n) * s) % n;
  const u2 = (((r * shared) % n) * r) % n;

  engine.setPrivateKey(toOctets(k, size));
  const kG = engine.getPublicKey();
  const sum = { x: toBigInt(kG.subarray(1, 1 + size)), y: toBigInt(kG.subarray(1 + size)) };
  if (sum.x === q.x) return nobleVerifyEcdsaDigest(key, digest, signature);

  engine.setPrivateKey(toOctets(u2, size));
  return toBigInt(engine.computeSecret(add(sum, q, curve))) % n === r;
}
