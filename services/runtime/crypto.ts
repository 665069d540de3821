// SPDX-License-Identifier: Apache-2.0
// The Crypto door over node:crypto (OpenSSL).
import { createPublicKey, hash, type KeyObject, publicDecrypt, verify } from 'node:crypto';
import type { PublicKey } from '../core/algorithm.ts';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { nobleVerifyEd25519 } from '../core/crypto-noble.ts';
import { digestInfo, rsaFault } from '../core/pkcs1.ts';
import { verifyEcdsaDigest } from './ecdsa-digest.ts';

/** Keys met before: PEM after the first use; null = a key that no engine takes. Filled by keyOf alone. */
const met = new WeakMap<PublicKey, string | KeyObject | null>();

/** PEM is imported three times as fast as DER. */
function pemOf({ kind, bits, spki }: PublicKey): string | null {
  // OpenSSL takes RSA exponents that no other engine does.
  if (kind === 'rsa' && rsaFault(bits) !== undefined) return null;
  const text = Buffer.from(spki.buffer, spki.byteOffset, spki.length).toString('base64');
  let lines = '';
  for (let at = 0; at < text.length; at += 64) lines += `${text.slice(at, at + 64)}\n`;
  return `-----BEGIN PUBLIC KEY-----\n${lines}-----END PUBLIC KEY-----\n`;
}

function importKey(text: string): KeyObject | null {
  try {
    return createPublicKey(text);
  } catch {
    return null;
  }
}

/**
 * What node:crypto verifies with; null for a key that no engine takes. Keys of requests and bundles
 * are used once, and a KeyObject costs more than it saves then: the second use makes it.
 */
function keyOf(key: PublicKey): string | KeyObject | null {
  const known = met.get(key);
  if (known !== undefined && typeof known !== 'string') return known;
  const usable = known === undefined ? pemOf(key) : importKey(known);
  met.set(key, usable);
  return usable;
}

function verifyRsaDigest(key: PublicKey, info: Uint8Array, signature: Uint8Array): boolean {
  const usable = keyOf(key);
  if (usable === null || signature.length !== Math.ceil(key.sizeBits / 8)) return false;
  try {
    // RFC 8017 §8.2.2 by comparison: OpenSSL strips the padding (PKCS #1 v1.5 unless told otherwise),
    // the DigestInfo must be exact.
    return equal(publicDecrypt(usable, signature), info);
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
    const usable = keyOf(key);
    if (usable === null) return false;
    try {
      return verify(algorithm.hash ?? null, message, usable, signature);
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
