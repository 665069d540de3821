// SPDX-License-Identifier: Apache-2.0
// Keys of subjects. Those on curves follow from the seed, so that what is made of their octets is the
// same on every run; RSA keys are drawn anew.
import { createECDH, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { base64, fromHex } from '../../services/core/bytes.ts';
import { SUBJECT_HASHES, type Subject, subject } from '../ca/harness.ts';
import type { Chance } from './corpus-random.ts';

export type KeyName = keyof typeof SUBJECT_HASHES;
export const KEY_NAMES = Object.keys(SUBJECT_HASHES) as KeyName[];

/** Name of the curve in OpenSSL, octets of a coordinate. */
const CURVES: Readonly<Partial<Record<KeyName, readonly [string, number]>>> = {
  'P-256': ['prime256v1', 32],
  'P-384': ['secp384r1', 48],
  'P-521': ['secp521r1', 66],
};
/** PrivateKeyInfo of Ed25519 up to the seed (RFC 8410 §7). */
const ED25519_PREFIX = fromHex('302e020100300506032b657004220420');

function ecKey(crv: KeyName, [curve, size]: readonly [string, number], chance: Chance): KeyObject {
  const d = chance.bytes(size);
  // Below the order of every curve.
  d.fill(0, 0, 2);
  const ecdh = createECDH(curve);
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const [x, y] = [point.subarray(1, 1 + size), point.subarray(1 + size)];
  const text = (octets: Uint8Array) => Buffer.from(octets).toString('base64url');
  const key = { kty: 'EC', crv, d: text(d), x: text(x), y: text(y) };
  return createPrivateKey({ key, format: 'jwk' });
}

function ed25519Key(chance: Chance): KeyObject {
  const key = Buffer.concat([ED25519_PREFIX, chance.bytes(32)]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

/** A key of this kind, and proofs that it is held. */
export function subjectKey(name: KeyName, chance: Chance): Subject {
  const curve = CURVES[name];
  if (curve === undefined && name !== 'ed25519') return subject(name);
  const key = curve === undefined ? ed25519Key(chance) : ecKey(name, curve, chance);
  return {
    pem: createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString(),
    prove: (principal) => base64(sign(SUBJECT_HASHES[name], Buffer.from(principal), key)),
  };
}
