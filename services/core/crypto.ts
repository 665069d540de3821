// SPDX-License-Identifier: Apache-2.0
// The one door through which core reaches cryptography: node:crypto in the runtime, noble in a
// browser. Everything behind it is synchronous.
import type { Algorithm, HashName, PublicKey } from './algorithm.ts';

export type { HashName, KeyKind, PublicKey } from './algorithm.ts';

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
