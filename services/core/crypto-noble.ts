// SPDX-License-Identifier: Apache-2.0
// The Crypto door over noble: what a browser uses, and the slow path of the runtime.
import { eddsa } from '@noble/curves/abstract/edwards.js';
import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { ed25519, ed25519ph } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { sha1 } from '@noble/hashes/legacy.js';
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js';
import type { Algorithm, HashName, KeyKind, PublicKey } from './algorithm.ts';
import { concat, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { curveOf, parseEcdsaSignature, parsePoint, toOctets } from './ecdsa.ts';
import { verifyRsaDigest } from './pkcs1.ts';

const HASHES: Record<HashName, (data: Uint8Array) => Uint8Array> = { sha1, sha256, sha384, sha512 };
const CURVES: Partial<Record<KeyKind, ECDSA>> = { p256, p384, p521 };
const SHA512_LENGTH = 64;

/** RFC 8032 §5.1 dom2(1, ''): Ed25519ph over a digest that is already made. */
const ed25519OverDigest = eddsa(ed25519.Point, sha512, {
  prehash: (digest: Uint8Array) => digest.slice(),
  domain: (data: Uint8Array, context: Uint8Array, prehashed: boolean) =>
    concat(
      utf8('SigEd25519 no Ed25519 collisions'),
      Uint8Array.of(prehashed ? 1 : 0, context.length),
      context,
      data,
    ),
});

/** RFC 8032 decoding: no unreduced points, no keys of small order. */
const STRICT = { zip215: false };

/** ECDSA over a digest with exact integers throughout; about 2 ms on P-256. False for every fault. */
export function nobleVerifyEcdsaDigest(
  key: PublicKey,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const curve = curveOf(key.kind);
  const engine = CURVES[key.kind];
  if (curve === undefined || engine === undefined) return false;
  if (parsePoint(key.bits, curve) === undefined) return false;
  const parsed = parseEcdsaSignature(signature, curve);
  if (parsed === undefined) return false;
  const compact = concat(toOctets(parsed.r, curve.size), toOctets(parsed.s, curve.size));
  return engine.verify(compact, digest, key.bits, {
    prehash: false,
    lowS: false,
    format: 'compact',
  });
}

/** A reduced encoding of a point that is not of small order (RFC 8032 §5.1.3). */
export function isEd25519Point(bits: Uint8Array): boolean {
  try {
    return !ed25519.Point.fromBytes(bits, STRICT.zip215).isSmallOrder();
  } catch {
    return false;
  }
}

export function nobleVerifyEd25519(
  key: PublicKey,
  message: Uint8Array,
  signature: Uint8Array,
  form: 'pure' | 'prehash' | 'digest',
): boolean {
  if (signature.length !== 64 || key.bits.length !== 32) return false;
  if (form === 'digest') {
    return (
      message.length === SHA512_LENGTH &&
      ed25519OverDigest.verify(signature, message, key.bits, STRICT)
    );
  }
  const engine = form === 'pure' ? ed25519 : ed25519ph;
  return engine.verify(signature, message, key.bits, STRICT);
}

function verifyDigest(
  key: PublicKey,
  algorithm: Algorithm,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (algorithm.kind !== key.kind || algorithm.hash === undefined) return false;
  if (key.kind === 'rsa') return verifyRsaDigest(key.bits, algorithm.hash, digest, signature);
  if (key.kind === 'ed25519') return nobleVerifyEd25519(key, digest, signature, 'digest');
  return nobleVerifyEcdsaDigest(key, digest, signature);
}

export const nobleCrypto: Crypto = {
  digest: (hash, data) => HASHES[hash](data),
  verify(key, algorithm, message, signature) {
    if (algorithm.kind !== key.kind) return false;
    if (algorithm.hash === undefined) {
      return key.kind === 'ed25519' && nobleVerifyEd25519(key, message, signature, 'pure');
    }
    return verifyDigest(key, algorithm, HASHES[algorithm.hash](message), signature);
  },
  verifyDigest,
};
