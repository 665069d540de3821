// SPDX-License-Identifier: Apache-2.0
// Keys that parse and are none: both engines and the rule agree.
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { ALGORITHMS } from '../../services/core/algorithm.ts';
import { fromHex } from '../../services/core/bytes.ts';
import { nobleCrypto } from '../../services/core/crypto-noble.ts';
import { toBigInt } from '../../services/core/ecdsa.ts';
import { keyFault } from '../../services/core/key-fault.ts';
import { parsePublicKey, readRsaKey } from '../../services/core/spki.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { rsaPublic } from '../vectors/tlog/keys.ts';
import { ecSpki, edSpki, off } from '../vectors/tlog/material.ts';

const spkiOf = ({ publicKey }: KeyPairKeyObjectResult) =>
  new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
const rsa = spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const modulus = toBigInt(readRsaKey(parsePublicKey(rsa).bits).modulus);
const edwards = (hexBits: string) => {
  const key = edSpki.slice();
  key.set(fromHex(hexBits), key.length - 32);
  return key;
};

describe('sound keys', () => {
  it.each<[string, Uint8Array]>([
    ['P-256', spkiOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' }))],
    ['P-384', spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp384r1' }))],
    ['P-521', spkiOf(generateKeyPairSync('ec', { namedCurve: 'secp521r1' }))],
    ['RSA', rsa],
    ['RSA with exponent 3', rsaPublic(modulus, 3n)],
    ['RSA with exponent 2^31 - 1', rsaPublic(modulus, 2n ** 31n - 1n)],
    ['Ed25519', spkiOf(generateKeyPairSync('ed25519'))],
  ])('%s', (_, spki) => {
    expect(keyFault(parsePublicKey(spki))).toBeUndefined();
  });
});

describe('unsound keys', () => {
  const zeros = '00'.repeat(32);
  it.each<[string, Uint8Array, RegExp]>([
    ['P-256 off its curve', off, /curve/],
    ['P-256 at zero', ecSpki('1.2.840.10045.3.1.7', fromHex(`04${zeros}${zeros}`)), /curve/],
    ['P-384 at zero', ecSpki('1.3.132.0.34', fromHex(`04${'00'.repeat(96)}`)), /curve/],
    ['P-521 at zero', ecSpki('1.3.132.0.35', fromHex(`04${'00'.repeat(132)}`)), /curve/],
    [
      'P-256 coordinate not reduced',
      ecSpki('1.2.840.10045.3.1.7', fromHex(`04${'ff'.repeat(64)}`)),
      /curve/,
    ],
    ['RSA with exponent 1', rsaPublic(modulus, 1n), /exponent/],
    ['RSA with exponent 2', rsaPublic(modulus, 2n), /exponent/],
    ['RSA with an even exponent', rsaPublic(modulus, 65536n), /exponent/],
    ['RSA with exponent 2^31 + 1', rsaPublic(modulus, 2n ** 31n + 1n), /exponent/],
    ['RSA with an even modulus', rsaPublic(modulus - 1n, 65537n), /even/],
    ['Ed25519 off its curve', edwards(`02${'00'.repeat(31)}`), /Ed25519/],
    ['Ed25519, neutral element', edwards(`01${'00'.repeat(31)}`), /small order/],
    ['Ed25519, order 4', edwards(zeros), /small order/],
    ['Ed25519, y not reduced', edwards(`ee${'ff'.repeat(30)}7f`), /Ed25519/],
  ])('%s', (_, spki, reason) => {
    const key = parsePublicKey(spki);
    expect(keyFault(key)).toMatch(reason);
    const message = new Uint8Array(64);
    const signature = new Uint8Array(key.kind === 'rsa' ? 256 : 64);
    for (const algorithm of ALGORITHMS.filter(({ kind }) => kind === key.kind)) {
      for (const crypto of [nodeCrypto, nobleCrypto]) {
        expect(crypto.verify(key, algorithm, message, signature)).toBe(false);
        expect(crypto.verifyDigest(key, algorithm, message, signature)).toBe(false);
      }
    }
  });

  it('lets no engine take a signature that exponent 1 makes of every message', () => {
    const key = parsePublicKey(rsaPublic(modulus, 1n));
    const algorithm = ALGORITHMS.find(({ id }) => id === 'rsa-sign-pkcs1-2048-sha256');
    const message = new Uint8Array();
    const info = [
      ...fromHex('3031300d060960864801650304020105000420'),
      ...nodeCrypto.digest('sha256', message),
    ];
    const forged = Uint8Array.from([0, 1, ...Array(256 - info.length - 3).fill(0xff), 0, ...info]);
    for (const crypto of [nodeCrypto, nobleCrypto]) {
      expect(algorithm && crypto.verify(key, algorithm, message, forged)).toBe(false);
    }
  });
});
