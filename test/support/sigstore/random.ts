// SPDX-License-Identifier: Apache-2.0
// Octets that look random and are the same in every run: SHA-256 of a label and a counter.
import { concat, uint, utf8 } from '../../../services/core/bytes.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';

/** `length` octets, other ones at each call. */
export type Random = (length: number) => Uint8Array;

export const sha256 = (bytes: Uint8Array): Uint8Array => nodeCrypto.digest('sha256', bytes);

export function seeded(label: string): Random {
  const seed = sha256(utf8(label));
  let counter = 0;
  return (length) => {
    const blocks = Array.from({ length: Math.ceil(length / 32) }, () =>
      sha256(concat(seed, uint(counter++, 4))),
    );
    return concat(...blocks).subarray(0, length);
  };
}
