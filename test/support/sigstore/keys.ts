// SPDX-License-Identifier: Apache-2.0
// Keys that are the same in every run and sign the same bytes in every run: curves by RFC 6979 and
// RFC 8032 from a seed, RSA (PKCS#1 v1.5) from the keys in rsa-keys.json. They guard nothing.
import { createPrivateKey, createPublicKey, sign as nodeSign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { ed25519, ed25519ph } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import type { HashName, PublicKey } from '../../../services/core/algorithm.ts';
import { bitString, oid, sequence } from '../../../services/core/der.ts';
import { OID } from '../../../services/core/oid.ts';
import { parsePublicKey } from '../../../services/core/spki.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import { seeded } from './random.ts';

export interface Pair {
  readonly publicKey: PublicKey;
  /** @param hash of the message; Ed25519 signs the pure message without one, as Ed25519ph with it */
  sign(message: Uint8Array, hash?: HashName): Uint8Array;
}

export type CurveKind = 'p256' | 'p384' | 'p521' | 'ed25519';

interface Curve {
  readonly engine: ECDSA;
  readonly oid: string;
  readonly hash: HashName;
}

const CURVES: Readonly<Record<'p256' | 'p384' | 'p521', Curve>> = {
  p256: { engine: p256, oid: OID.p256, hash: 'sha256' },
  p384: { engine: p384, oid: OID.p384, hash: 'sha384' },
  p521: { engine: p521, oid: OID.p521, hash: 'sha512' },
};

function ecPair({ engine, oid: curve, hash }: Curve, label: string): Pair {
  const { secretKey, publicKey: point } = engine.keygen(
    seeded(label)(engine.lengths.seed ?? engine.lengths.secretKey ?? 0),
  );
  const bits = engine.Point.fromBytes(point).toBytes(false);
  const spki = sequence(sequence(oid(OID.ecPublicKey), oid(curve)), bitString(bits));
  return {
    publicKey: parsePublicKey(spki),
    sign: (message, name = hash) =>
      engine.sign(nodeCrypto.digest(name, message), secretKey, {
        prehash: false,
        lowS: false,
        format: 'der',
      }),
  };
}

function ed25519Pair(label: string): Pair {
  const secret = seeded(label)(32);
  const spki = sequence(sequence(oid(OID.ed25519)), bitString(ed25519.getPublicKey(secret)));
  return {
    publicKey: parsePublicKey(spki),
    sign: (message, hash) => (hash === undefined ? ed25519 : ed25519ph).sign(message, secret),
  };
}

/** @param label two keys of one kind differ by it */
export function keyPair(kind: CurveKind, label: string): Pair {
  const seed = `${kind} ${label}`;
  return kind === 'ed25519' ? ed25519Pair(seed) : ecPair(CURVES[kind], seed);
}

/** Names in rsa-keys.json: size and number. */
export type RsaName =
  | 'rsa1024-1'
  | 'rsa2048-1'
  | 'rsa2048-2'
  | 'rsa2048-3'
  | 'rsa3072-1'
  | 'rsa4096-1';

const rsaKeys = JSON.parse(
  readFileSync(join(import.meta.dirname, 'rsa-keys.json'), 'utf8'),
) as Readonly<Record<RsaName, string>>;

export function rsaPair(name: RsaName): Pair {
  const key = Buffer.from(rsaKeys[name], 'base64');
  const privateKey = createPrivateKey({ key, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return {
    publicKey: parsePublicKey(new Uint8Array(spki)),
    sign: (message, hash = 'sha256') => new Uint8Array(nodeSign(hash, message, privateKey)),
  };
}
