// SPDX-License-Identifier: Apache-2.0
// ECDSA over a digest. node:crypto hashes what it verifies and takes no digest, so the key is moved
// until the signature stands over a message that is known, and OpenSSL verifies that (some ten times
// faster than JavaScript). The check is exact:
//
//   R = u1·G + u2·Q  with u1 = e/s, u2 = r/s                  FIPS 186-5 §6.4.2
//     = (e − r·t)/s·G + r/s·(Q + t·G)                         for every t
//   with t = (e − e')/r: (r, s) is valid over e under Q  <=>  it is valid over e' under Q + t·G
//
//   1. t·G       = public key of the private key t
//   2. Q + t·G   one affine addition in integers
//   3. OpenSSL verifies (r, s) under that key over the message whose digest is e'
//
// The affine addition knows none of two points with one x: that goes to the slow path.
import { createECDH, type ECDH, hash, verify } from 'node:crypto';
import type { KeyKind, PublicKey } from '../core/algorithm.ts';
import { base64, concat, utf8 } from '../core/bytes.ts';
import { nobleVerifyEcdsaDigest } from '../core/crypto-noble.ts';
import { bitString, oid, sequence } from '../core/der.ts';
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
import { inverse } from '../core/inverse.ts';
import { OID } from '../core/oid.ts';

const CURVES: Partial<Record<KeyKind, { readonly name: string; readonly oid: string }>> = {
  p256: { name: 'prime256v1', oid: OID.p256 },
  p384: { name: 'secp384r1', oid: OID.p384 },
  p521: { name: 'secp521r1', oid: OID.p521 },
};

/** Any message will do; its digest is e'. */
const MESSAGE = utf8('the known message');
const MESSAGE_DIGEST = hash('sha256', MESSAGE, 'buffer');

interface Engine {
  /** Its private key is set anew before each use. */
  readonly ecdh: ECDH;
  /** SubjectPublicKeyInfo up to the point. */
  readonly prefix: Uint8Array;
}

/** One per curve. Filled by engineOf alone. */
const engines = new Map<KeyKind, Engine>();

/** Points of keys seen before; undefined = not on the curve. Filled by pointOf alone. */
const points = new WeakMap<PublicKey, { point: Point | undefined }>();

function engineOf({ kind, size }: Curve): Engine | undefined {
  const row = CURVES[kind];
  let engine = engines.get(kind);
  if (engine === undefined && row !== undefined) {
    const point = new Uint8Array(1 + 2 * size);
    const spki = sequence(sequence(oid(OID.ecPublicKey), oid(row.oid)), bitString(point));
    engine = { ecdh: createECDH(row.name), prefix: spki.subarray(0, -point.length) };
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

/** PEM is imported three times as fast as DER. */
function verifyKnown(spki: Uint8Array, signature: Uint8Array): boolean {
  const pem = `-----BEGIN PUBLIC KEY-----\n${base64(spki)}\n-----END PUBLIC KEY-----\n`;
  return verify('sha256', MESSAGE, pem, signature);
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
  const engine = curve && engineOf(curve);
  if (curve === undefined || engine === undefined) return false;
  const q = pointOf(key, curve);
  const parsed = parseEcdsaSignature(signature, curve);
  if (q === undefined || parsed === undefined) return false;
  const { n, size } = curve;
  const known = digestInteger(MESSAGE_DIGEST, curve);
  const t = mod((digestInteger(digest, curve) - known) * inverse(parsed.r, n), n);
  let moved = key.bits;
  if (t !== 0n) {
    engine.ecdh.setPrivateKey(toOctets(t, size));
    const tG = engine.ecdh.getPublicKey();
    const sum = { x: toBigInt(tG.subarray(1, 1 + size)), y: toBigInt(tG.subarray(1 + size)) };
    if (sum.x === q.x) return nobleVerifyEcdsaDigest(key, digest, signature);
    moved = add(sum, q, curve);
  }
  return verifyKnown(concat(engine.prefix, moved), signature);
}
