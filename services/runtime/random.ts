// SPDX-License-Identifier: Apache-2.0
// Unpredictable octets for serial numbers, drawn from the operating system's generator by the block:
// a call for each number costs more than the number.
import { randomFillSync } from 'node:crypto';

const BLOCK = 4096;

/** Every octet is handed out once; what is returned is the caller's. */
export function randomSource(): (size: number) => Uint8Array {
  const block = new Uint8Array(BLOCK);
  /** Octets handed out. Moved by the function below alone. */
  let used = BLOCK;
  return (size) => {
    if (size > BLOCK) return randomFillSync(new Uint8Array(size));
    if (used + size > BLOCK) {
      randomFillSync(block);
      used = 0;
    }
    const drawn = block.slice(used, used + size);
    // What was handed out stays nowhere else.
    block.fill(0, used, used + size);
    used += size;
    return drawn;
  };
}
