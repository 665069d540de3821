// SPDX-License-Identifier: Apache-2.0
// The one door through which core reaches cryptography: node:crypto in the runtime, noble in a
// browser. Everything behind it is synchronous.
import type { Algorithm } from './algorithm.ts';

export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

export type KeyKind = 'p256' | 'p384' | 'p521' | 'rsa' | 'ed25519';

/** A public key, parsed once. Identity of the object is the cache key of the engines. */
export interface PublicKey {
  readonly kind: KeyKind;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Content of the BIT STRING: an uncompressed point, an RSAPublicKey, 32 bytes. */
  readonly bits: Uint8Array;
  /** RSA modulus length; curve size otherwise. */
  readonly sizeBits: number;
}

export interface Crypto {
  digest(hash: HashName, data: Uint8Array): Uint8Array;
  /** Signature over a message. False for every fault; never throws for bad signatures. */
  verify(key: PublicKey, algorithm: Algorithm, message: Uint8Array, signature: Uint8Array): boolean;
  /** Signature over a digest that the caller holds (Rekor hashedrekord). */
  verifyDigest(
    key: PublicKey,
    algorithm: Algorithm,
    digest: Uint8Array,
    signature: Uint8Array,
  ): boolean;
}
