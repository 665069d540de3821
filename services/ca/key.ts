// SPDX-License-Identifier: Apache-2.0
// The key that a certificate is for, and the proof that the client holds it.
import { createPublicKey } from 'node:crypto';
import { type Algorithm, defaultAlgorithm, type PublicKey, withHash } from '../core/algorithm.ts';
import { fromUtf8, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { readDer, TAG } from '../core/der.ts';
import { CodedError, coded, ParseError } from '../core/errors.ts';
import { parsePem } from '../core/pem.ts';
import { parsePkcs1PublicKey, parsePublicKey } from '../core/spki.ts';
import { weakness } from './weak-key.ts';

const MAX_KEY_BYTES = 8192;

interface EncodedKey {
  readonly der: Uint8Array;
  readonly form: 'spki' | 'pkcs1';
}

/** Labels of PEM; older clients write the second. */
const PEM_FORMS = new Map<string, EncodedKey['form']>([
  ['PUBLIC KEY', 'spki'],
  ['RSA PUBLIC KEY', 'pkcs1'],
]);

function unparsable(field: string, why: string): CodedError {
  return new CodedError('KEY_UNPARSABLE', `${field}: ${why}`, { field });
}

/** @throws ParseError */
function unwrap(bytes: Uint8Array): EncodedKey {
  if (bytes[0] === TAG.sequence) return { der: bytes, form: 'spki' };
  const [block, second] = parsePem(fromUtf8(bytes));
  const form = PEM_FORMS.get(block?.label ?? '');
  if (block === undefined || second !== undefined || form === undefined)
    throw new ParseError('not one PEM public key');
  return { der: block.der, form };
}

/** A key that OpenSSL reads is a key, though not one of ours: P-224, X25519, an RSA key too long. */
function openSslReads({ der, form }: EncodedKey): boolean {
  try {
    readDer(der, TAG.sequence, 'public key');
    createPublicKey({ key: Buffer.from(der), format: 'der', type: form });
    return true;
  } catch {
    return false;
  }
}

function judgeKey(encoded: EncodedKey, field: string): PublicKey {
  const weak = (why: string) => new CodedError('KEY_WEAK', `${field}: ${why}`, { field });
  let key: PublicKey;
  try {
    key = encoded.form === 'spki' ? parsePublicKey(encoded.der) : parsePkcs1PublicKey(encoded.der);
  } catch (error) {
    if (error instanceof ParseError && openSslReads(encoded)) throw weak(error.message);
    throw error;
  }
  const why = weakness(key);
  if (why !== undefined) throw weak(why);
  return key;
}

/**
 * PEM or DER; P-256, P-384, P-521, Ed25519, RSA of a common size.
 * @throws CodedError KEY_UNPARSABLE, KEY_WEAK
 */
export function parseSubjectKey(bytes: Uint8Array, field: string): PublicKey {
  if (bytes.length === 0) throw unparsable(field, 'missing');
  if (bytes.length > MAX_KEY_BYTES) throw unparsable(field, `larger than ${MAX_KEY_BYTES} bytes`);
  return coded('KEY_UNPARSABLE', field, () => judgeKey(unwrap(bytes), field));
}

/** Whether a point lies on its curve is known to OpenSSL alone, and matters once a proof failed. */
export function requirePoint(key: PublicKey, field: string): void {
  try {
    createPublicKey({ key: Buffer.from(key.spki), format: 'der', type: 'spki' });
  } catch {
    throw unparsable(field, 'not a point of its curve');
  }
}

/** The algorithm that the key signs with. @throws CodedError KEY_WEAK */
export function subjectAlgorithm(key: PublicKey): Algorithm {
  const algorithm = defaultAlgorithm(key);
  if (algorithm !== undefined) return algorithm;
  throw new CodedError('KEY_WEAK', `${key.kind} key of ${key.sizeBits} bits`);
}

/** Kinds and hashes as error texts show them. */
const KIND_NAMES = {
  p256: 'ECDSA P-256',
  p384: 'ECDSA P-384',
  p521: 'ECDSA P-521',
  rsa: 'RSA',
  ed25519: 'Ed25519',
} as const;

export function notPermitted({ kind, hash }: Algorithm, sizeBits: number): CodedError {
  const name = kind === 'rsa' ? `RSA ${sizeBits}` : KIND_NAMES[kind];
  const hashName = hash === undefined ? 'no hash' : hash.toUpperCase().replace('SHA', 'SHA-');
  return new CodedError(
    'KEY_NOT_PERMITTED',
    `signing algorithm not permitted: ${name}, ${hashName}`,
    { field: 'publicKey' },
  );
}

export interface PossessionRules {
  readonly crypto: Crypto;
  /** Registry names that certificates are issued for. */
  readonly keyAlgorithms: readonly string[];
  /** Take SHA-256 from keys that go with a longer hash. */
  readonly sha256Possession: boolean;
}

/**
 * The signature over the UTF-8 of a principal's name that proves possession.
 * @throws CodedError POSSESSION_INVALID, KEY_UNPARSABLE (not a point of its curve)
 */
export function checkPossession(
  { crypto, sha256Possession }: PossessionRules,
  key: PublicKey,
  principals: readonly string[],
  signature: Uint8Array,
): void {
  const algorithm = subjectAlgorithm(key);
  const algorithms =
    sha256Possession && algorithm.hash !== undefined && algorithm.hash !== 'sha256'
      ? [algorithm, withHash(algorithm, 'sha256')]
      : [algorithm];
  const proven = principals.some((name) =>
    algorithms.some((candidate) => crypto.verify(key, candidate, utf8(name), signature)),
  );
  if (proven) return;
  requirePoint(key, 'publicKey');
  const names = principals.map((name) => JSON.stringify(name)).join(' or ');
  throw new CodedError(
    'POSSESSION_INVALID',
    `the proof of possession is no signature over ${names} with this key`,
    { field: 'proofOfPossession' },
  );
}
