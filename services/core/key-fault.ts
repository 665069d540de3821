// SPDX-License-Identifier: Apache-2.0
// Keys that parse and that still no engine can verify with: one rule for each kind, so that Node and
// a browser say the same.
import type { KeyKind, PublicKey } from './algorithm.ts';
import { isEd25519Point } from './crypto-noble.ts';
import { curveOf, parsePoint } from './ecdsa.ts';
import { rsaFault } from './pkcs1.ts';

function ecFault({ kind, bits }: PublicKey): string | undefined {
  const curve = curveOf(kind);
  return curve !== undefined && parsePoint(bits, curve) !== undefined
    ? undefined
    : 'the point is not on its curve';
}

function ed25519Fault({ bits }: PublicKey): string | undefined {
  return isEd25519Point(bits) ? undefined : 'not a point of Ed25519, or one of small order';
}

const FAULTS: Record<KeyKind, (key: PublicKey) => string | undefined> = {
  p256: ecFault,
  p384: ecFault,
  p521: ecFault,
  rsa: ({ bits }) => rsaFault(bits),
  ed25519: ed25519Fault,
};

/** What is wrong with a key; undefined for one that can verify. */
export function keyFault(key: PublicKey): string | undefined {
  return FAULTS[key.kind](key);
}
