// SPDX-License-Identifier: Apache-2.0
// The Crypto door over node:crypto (OpenSSL).
import {
  constants,
  createPublicKey,
  hash,
  type KeyObject,
  publicDecrypt,
  verify,
} from 'node:crypto';
import type { PublicKey } from '../core/algorithm.ts';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { nobleVerifyEd25519 } from '../core/crypto-noble.ts';
import { digestInfo, rsaFault } from '../core/pkcs1.ts';
import { verifyEcdsaDigest } from './ecdsa-digest.ts';

/** Keys imported before; null = a key that no engine takes. Filled by keyObject alone. */
const imported = new WeakMap<PublicKey, KeyObject | null>();

/** PEM is imported three times as fast as DER. */
function importKey(spki: Uint8Array): KeyObject | null {
  const text = Buffer.from(spki).toString('base64').replaceAll(/.{64}/g, '$&\n');
  try {
    return createPublicKey(`-----BEGIN PUBLIC KEY-----\n${text}\n-----END PUBLIC KEY-----\n`);
  } catch {
    return null;
  }
}

function keyObject(key: PublicKey): KeyObject | null {
  let object = imported.get(key);
  if (object === undefined) {
    // OpenSSL takes RSA exponents that no other engine does.
    const unfit = key.kind === 'rsa' && rsaFault(key.bits) !== undefined;
    object = unfit ? null : importKey(key.spki);
    imported.set(key, object);
  }
  return object;
}

function verifyRsaDigest(key: PublicKey, info: Uint8Array, signature: Uint8Array): boolean {
  const object = keyObject(key);
  if (object === null || signature.length !== Math.ceil(key.sizeBits / 8)) return false;
  try {
    // RFC 8017 §8.2.2 by comparison: OpenSSL strips the padding, the DigestInfo must be exact.
    const padding = constants.RSA_PKCS1_PADDING;
    return equal(publicDecrypt({ key: object, padding }, signature), info);
  } catch {
    return false;
  }
}

export const nodeCrypto: Crypto = {
  digest(name, data) {
    const buffer = hash(name, data, 'buffer');
    return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
  },

  verify(key, algorithm, message, signature) {
    if (algorithm.kind !== key.kind) return false;
    if (key.kind === 'ed25519' && algorithm.hash !== undefined) {
      return nobleVerifyEd25519(key, message, signature, 'prehash');
    }
    if (key.kind !== 'ed25519' && algorithm.hash === undefined) return false;
    const object = keyObject(key);
    if (object === null) return false;
    try {
      return verify(algorithm.hash ?? null, message, object, signature);
    } catch {
      return false;
    }
  },

  verifyDigest(key, algorithm, digest, signature) {
    if (algorithm.kind !== key.kind || algorithm.hash === undefined) return false;
    if (key.kind === 'ed25519') return nobleVerifyEd25519(key, digest, signature, 'digest');
    if (key.kind !== 'rsa') return verifyEcdsaDigest(key, digest, signature);
    const info = digestInfo(algorithm.hash, digest);
    return info !== undefined && verifyRsaDigest(key, info, signature);
  },
};
