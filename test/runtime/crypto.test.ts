// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, hash, type KeyObject, sign, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { describe, expect, it } from 'vitest';
import {
  ALGORITHMS,
  type Algorithm,
  ECDSA_P256_SHA256,
  type HashName,
  type KeyKind,
  type PublicKey,
} from '../../services/core/algorithm.ts';
import { fromHex, utf8 } from '../../services/core/bytes.ts';
import type { Crypto } from '../../services/core/crypto.ts';
import { nobleCrypto, nobleVerifyEcdsaDigest } from '../../services/core/crypto-noble.ts';
import { sequence, unsignedInteger } from '../../services/core/der.ts';
import { curveOf, toBigInt, toOctets } from '../../services/core/ecdsa.ts';
import { inverse } from '../../services/core/inverse.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { verifyEcdsaDigest } from '../../services/runtime/ecdsa-digest.ts';

interface Vector {
  comment: string;
  key: string;
  digest: string;
  signature: string;
  valid: boolean;
}

const NAMES = { p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1' } as const;
type EcKind = keyof typeof NAMES;
const EC_KINDS: readonly EcKind[] = ['p256', 'p384', 'p521'];

function publicKey(kind: KeyKind, key: KeyObject): PublicKey {
  const spki = new Uint8Array(key.export({ type: 'spki', format: 'der' }));
  const curve = curveOf(kind);
  const bits =
    kind === 'rsa'
      ? new Uint8Array(key.export({ type: 'pkcs1', format: 'der' }))
      : spki.subarray(curve === undefined ? -32 : -(1 + 2 * curve.size));
  return {
    kind,
    spki,
    bits,
    sizeBits: key.asymmetricKeyDetails?.modulusLength ?? curve?.nBits ?? 256,
  };
}

function algorithm(id: string): Algorithm {
  const found = ALGORITHMS.find((row) => row.id === id);
  if (found === undefined) throw new Error(id);
  return found;
}

function ecPair(kind: EcKind) {
  const pair = generateKeyPairSync('ec', { namedCurve: NAMES[kind] });
  return {
    privateKey: pair.privateKey,
    key: publicKey(kind, pair.publicKey),
    object: pair.publicKey,
  };
}

describe('curve parameters', () => {
  it.each([
    ['p256', p256],
    ['p384', p384],
    ['p521', p521],
  ] as const)('%s agree with noble', (kind, engine) => {
    const { p, n, b } = engine.Point.CURVE();
    expect(curveOf(kind)).toMatchObject({ p, n, b, size: engine.Point.Fp.BYTES });
  });
});

describe('ECDSA over a digest: vectors', () => {
  it.each(EC_KINDS)('%s', (kind) => {
    const file = join(import.meta.dirname, '../vectors/ecdsa', `${kind}.json`);
    const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];
    expect(vectors.length).toBeGreaterThan(100);
    expect(vectors.filter(({ valid }) => valid).length).toBeGreaterThan(20);
    const wrong = vectors.filter(({ key, digest, signature, valid }) => {
      const parsed: PublicKey = { kind, spki: new Uint8Array(), bits: fromHex(key), sizeBits: 0 };
      return verifyEcdsaDigest(parsed, fromHex(digest), fromHex(signature)) !== valid;
    });
    expect(wrong).toEqual([]);
  });

  it('finds the same verdicts with noble alone', () => {
    const file = join(import.meta.dirname, '../vectors/ecdsa/p256.json');
    const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];
    const wrong = vectors.filter(({ key, digest, signature, valid }) => {
      const parsed: PublicKey = {
        kind: 'p256',
        spki: new Uint8Array(),
        bits: fromHex(key),
        sizeBits: 0,
      };
      return nobleVerifyEcdsaDigest(parsed, fromHex(digest), fromHex(signature)) !== valid;
    });
    expect(wrong).toEqual([]);
  });
});

describe('ECDSA over a digest: against OpenSSL', () => {
  const sizes: Record<EcKind, { hash: HashName; rounds: number }> = {
    p256: { hash: 'sha256', rounds: 2000 },
    p384: { hash: 'sha384', rounds: 60 },
    p521: { hash: 'sha512', rounds: 30 },
  };
  it.each(EC_KINDS)('%s: valid, bent and foreign signatures', (kind) => {
    const { hash: name, rounds } = sizes[kind];
    const pairs = Array.from({ length: 8 }, () => ecPair(kind));
    let differences = 0;
    let accepted = 0;
    for (let i = 0; i < rounds; i++) {
      const signer = pairs[i % 8];
      const reader = pairs[i % 13 === 0 ? (i + 1) % 8 : i % 8];
      if (signer === undefined || reader === undefined) throw new Error('no pair');
      const message = utf8(`message ${i}`);
      const signature = new Uint8Array(sign(name, message, signer.privateKey));
      if (i % 2 === 1) {
        const at = (i * 7) % signature.length;
        signature[at] = (signature[at] as number) ^ (1 << (i % 8));
      }
      const expected = verify(name, message, reader.object, signature);
      const found = verifyEcdsaDigest(reader.key, hash(name, message, 'buffer'), signature);
      if (found !== expected) differences++;
      if (found) accepted++;
    }
    expect(differences).toBe(0);
    expect(accepted).toBeGreaterThan(rounds / 3);
  });

  it('agrees with noble on digests of any kind, zero among them', () => {
    const { key, privateKey } = ecPair('p256');
    const d = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url');
    for (let i = 0; i < 60; i++) {
      const digest =
        i % 3 === 0 ? new Uint8Array(32) : new Uint8Array(hash('sha256', `${i}`, 'buffer'));
      const signature = p256.sign(digest, new Uint8Array(d), {
        prehash: false,
        lowS: i % 2 === 0,
        format: 'der',
      });
      expect(verifyEcdsaDigest(key, digest, signature)).toBe(true);
      digest[31] = (digest[31] as number) ^ 1;
      expect(verifyEcdsaDigest(key, digest, signature)).toBe(false);
      expect(nobleVerifyEcdsaDigest(key, digest, signature)).toBe(false);
    }
  });

  // What the moved key makes special: it stays where it is, doubles, or vanishes.
  it.each([
    ['the known message', 0n],
    ['a key that doubles', 1n],
    ['a key that vanishes', -1n],
  ])('agrees on the digest of %s', (_, times) => {
    const n = p256.Point.CURVE().n;
    const { key, privateKey } = ecPair('p256');
    const d = BigInt(
      `0x${Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url').toString('hex')}`,
    );
    const nonce = 0x1234_5678_9abc_def0n;
    const r = p256.Point.BASE.multiply(nonce).toAffine().x % n;
    const known = toBigInt(hash('sha256', 'the known message', 'buffer'));
    const digest = (((known + times * r * d) % n) + n) % n;
    const s = (((digest + r * d) % n) * inverse(nonce, n)) % n;
    const integer = (value: bigint) => unsignedInteger(toOctets(value, 32));
    const signature = sequence(integer(r), integer(s));
    expect(verifyEcdsaDigest(key, toOctets(digest, 32), signature)).toBe(true);
    expect(nobleVerifyEcdsaDigest(key, toOctets(digest, 32), signature)).toBe(true);
    expect(verifyEcdsaDigest(key, toOctets(digest ^ 1n, 32), signature)).toBe(false);
    const bent = sequence(integer(r), integer(s ^ 1n));
    expect(verifyEcdsaDigest(key, toOctets(digest, 32), bent)).toBe(false);
  });

  it('refuses keys that are not ECDSA', () => {
    const ed = generateKeyPairSync('ed25519');
    const key = publicKey('ed25519', ed.publicKey);
    expect(verifyEcdsaDigest(key, new Uint8Array(32), new Uint8Array(70))).toBe(false);
    expect(nobleVerifyEcdsaDigest(key, new Uint8Array(32), new Uint8Array(70))).toBe(false);
  });
});

describe.each<[string, Crypto]>([
  ['node', nodeCrypto],
  ['noble', nobleCrypto],
])('%s', (_, crypto) => {
  const message = utf8('a message');

  it('digests', () => {
    for (const name of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const digest = crypto.digest(name, message);
      expect(digest.constructor).toBe(Uint8Array);
      expect(Buffer.from(digest).toString('hex')).toBe(hash(name, message));
    }
  });

  it.each(EC_KINDS)('verifies %s', (kind) => {
    const { key, privateKey } = ecPair(kind);
    const row = ALGORITHMS.find((a) => a.kind === kind) ?? ECDSA_P256_SHA256;
    const name = row.hash ?? 'sha256';
    const signature = new Uint8Array(sign(name, message, privateKey));
    const digest = crypto.digest(name, message);
    expect(crypto.verify(key, row, message, signature)).toBe(true);
    expect(crypto.verifyDigest(key, row, digest, signature)).toBe(true);
    expect(crypto.verify(key, row, utf8('another'), signature)).toBe(false);
    expect(crypto.verifyDigest(key, row, crypto.digest(name, digest), signature)).toBe(false);
    expect(crypto.verify(key, row, message, new Uint8Array())).toBe(false);
    const other = row === ECDSA_P256_SHA256 ? algorithm('ed25519') : ECDSA_P256_SHA256;
    expect(crypto.verify(key, other, message, signature)).toBe(false);
    expect(crypto.verifyDigest(key, other, digest, signature)).toBe(false);
  });

  it.each([2048, 3072])('verifies RSA %i, PKCS#1 v1.5 alone', (modulusLength) => {
    const pair = generateKeyPairSync('rsa', { modulusLength });
    const key = publicKey('rsa', pair.publicKey);
    const row = algorithm(`rsa-sign-pkcs1-${modulusLength}-sha256`);
    const signature = new Uint8Array(sign('sha256', message, pair.privateKey));
    const digest = crypto.digest('sha256', message);
    expect(crypto.verify(key, row, message, signature)).toBe(true);
    expect(crypto.verifyDigest(key, row, digest, signature)).toBe(true);
    const bent = signature.slice();
    bent[9] = (bent[9] as number) ^ 1;
    const pss = new Uint8Array(sign('sha256', message, { key: pair.privateKey, padding: 6 }));
    const sha512 = new Uint8Array(sign('sha512', message, pair.privateKey));
    const padded = new Uint8Array([0, ...signature]);
    const cut = signature.subarray(1);
    for (const bad of [
      bent,
      pss,
      sha512,
      padded,
      cut,
      new Uint8Array(),
      signature.slice().fill(0xff),
    ]) {
      expect(crypto.verify(key, row, message, bad)).toBe(false);
      expect(crypto.verifyDigest(key, row, digest, bad)).toBe(false);
    }
    for (const length of [0, 20, 31, 33, 64]) {
      expect(crypto.verifyDigest(key, row, new Uint8Array(length), signature)).toBe(false);
    }
  });

  it('verifies pure Ed25519 over messages, never over digests', () => {
    const pair = generateKeyPairSync('ed25519');
    const key = publicKey('ed25519', pair.publicKey);
    const row = algorithm('ed25519');
    const signature = new Uint8Array(sign(null, message, pair.privateKey));
    expect(crypto.verify(key, row, message, signature)).toBe(true);
    expect(crypto.verify(key, row, utf8('another'), signature)).toBe(false);
    expect(crypto.verify(key, row, message, signature.subarray(1))).toBe(false);
    expect(crypto.verifyDigest(key, row, message, signature)).toBe(false);
    expect(crypto.verify(key, algorithm('ed25519-ph'), message, signature)).toBe(false);
  });

  it('verifies Ed25519ph, which is another algorithm than Ed25519 of the digest', () => {
    const seed = new Uint8Array(32).fill(7);
    const bits = ed25519ph.getPublicKey(seed);
    const key: PublicKey = { kind: 'ed25519', spki: new Uint8Array(), bits, sizeBits: 256 };
    const row = algorithm('ed25519-ph');
    const signature = ed25519ph.sign(message, seed);
    const digest = crypto.digest('sha512', message);
    expect(crypto.verify(key, row, message, signature)).toBe(true);
    expect(crypto.verifyDigest(key, row, digest, signature)).toBe(true);
    expect(crypto.verifyDigest(key, row, digest.subarray(1), signature)).toBe(false);
    expect(crypto.verifyDigest(key, row, crypto.digest('sha512', digest), signature)).toBe(false);
    expect(crypto.verify(key, row, digest, signature)).toBe(false);
    expect(crypto.verify(key, row, message, new Uint8Array(63))).toBe(false);
  });

  it('verifies the vector of RFC 8032 §7.3', () => {
    const key: PublicKey = {
      kind: 'ed25519',
      spki: new Uint8Array(),
      bits: fromHex('ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf'),
      sizeBits: 256,
    };
    const signature = fromHex(
      '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41' +
        '31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
    );
    expect(crypto.verify(key, algorithm('ed25519-ph'), utf8('abc'), signature)).toBe(true);
  });

  it('is false, not a fault, for keys that are no keys', () => {
    const bits = new Uint8Array(65).fill(4);
    for (const kind of ['p256', 'p384', 'rsa', 'ed25519'] as const) {
      const key: PublicKey = { kind, spki: Uint8Array.of(0x30, 0), bits, sizeBits: 2048 };
      for (const row of ALGORITHMS.filter((a) => a.kind === kind)) {
        expect(crypto.verify(key, row, message, new Uint8Array(256))).toBe(false);
        expect(crypto.verifyDigest(key, row, new Uint8Array(32), new Uint8Array(256))).toBe(false);
      }
    }
  });
});
