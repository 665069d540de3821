// SPDX-License-Identifier: Apache-2.0
// The key that a certificate is for, and the proof that the client holds it.
import { ALGORITHMS, type Algorithm, defaultAlgorithm, withHash } from '../core/algorithm.ts';
import { fromAnyBase64, fromUtf8, utf8 } from '../core/bytes.ts';
import type { Crypto, HashName, PublicKey } from '../core/crypto.ts';
import { DerReader, readBitString, readDer, readOid, TAG } from '../core/der.ts';
import { CodedError, coded, ParseError } from '../core/errors.ts';
import { parsePem } from '../core/pem.ts';
import { parsePublicKey } from '../core/spki.ts';

const MAX_KEY_BYTES = 8192;
const RSA_SIZES = new Set([2048, 3072, 4096]);

/** PEM (PUBLIC KEY) or DER. @throws CodedError KEY_UNPARSABLE, KEY_WEAK */
export function parseSubjectKey(bytes: Uint8Array, field: string): PublicKey {
  if (bytes.length === 0 || bytes.length > MAX_KEY_BYTES) {
    throw new CodedError(
      'KEY_UNPARSABLE',
      `${field}: empty or larger than ${MAX_KEY_BYTES} bytes`,
      { field },
    );
  }
  const key = coded('KEY_UNPARSABLE', field, () => {
    if (bytes[0] === TAG.sequence) return parsePublicKey(bytes);
    const blocks = parsePem(fromUtf8(bytes), 'PUBLIC KEY');
    const [block] = blocks;
    if (block === undefined || blocks.length > 1)
      throw new ParseError('not one PEM block PUBLIC KEY');
    return parsePublicKey(block.der);
  });
  refuseWeak(key, field);
  return key;
}

/** RSAPublicKey: exactly the common sizes, exponent 65537, odd modulus without a small factor. */
function refuseWeak(key: PublicKey, field: string): void {
  if (key.kind !== 'rsa') return;
  const weak = (why: string) => new CodedError('KEY_WEAK', `${field}: ${why}`, { field });
  if (!RSA_SIZES.has(key.sizeBits)) throw weak(`RSA of ${key.sizeBits} bits`);
  const reader = new DerReader(
    readDer(key.bits, TAG.sequence, 'RSAPublicKey').content,
    'RSAPublicKey',
  );
  const modulus = BigInt(
    `0x${Buffer.from(reader.expect(TAG.integer, 'modulus').content).toString('hex')}`,
  );
  const exponent = Buffer.from(reader.expect(TAG.integer, 'exponent').content).toString('hex');
  if (exponent !== '010001') throw weak('RSA exponent is not 65537');
  if (SMALL_PRIMES.some((prime) => modulus % prime === 0n))
    throw weak('RSA modulus has a small factor');
  if (isFermatClose(modulus)) throw weak('the prime factors of the RSA modulus are too close');
}

const SMALL_PRIMES = smallPrimes(752);

function smallPrimes(below: number): bigint[] {
  const primes: bigint[] = [];
  for (let n = 2; n < below; n++) {
    if (primes.every((prime) => BigInt(n) % prime !== 0n)) primes.push(BigInt(n));
  }
  return primes;
}

function integerSqrt(n: bigint): bigint {
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** A hundred rounds of Fermat's method find factors that were drawn beside each other. */
function isFermatClose(n: bigint): boolean {
  let a = integerSqrt(n);
  if (a * a < n) a++;
  for (let round = 0; round < 100; round++, a++) {
    const rest = a * a - n;
    const root = integerSqrt(rest);
    if (rest === 0n || root * root === rest) return true;
  }
  return false;
}

/** The row of the registry that the key falls under. @throws CodedError KEY_NOT_PERMITTED */
export function permittedAlgorithm(key: PublicKey, allowed: readonly string[]): Algorithm {
  const algorithm = defaultAlgorithm(key);
  if (algorithm === undefined || !allowed.includes(algorithm.id)) {
    throw new CodedError(
      'KEY_NOT_PERMITTED',
      `signing algorithm not permitted: ${algorithm?.id ?? key.kind}`,
      { field: 'publicKey' },
    );
  }
  return algorithm;
}

/**
 * The signature over a principal name that proves possession. Clients before Fulcio 1.7 hashed
 * with SHA-256 whatever the curve. @throws CodedError POSSESSION_INVALID
 */
export function checkPossession(
  crypto: Crypto,
  key: PublicKey,
  algorithm: Algorithm,
  principals: readonly string[],
  signature: Uint8Array,
): void {
  const hashes: ReadonlyArray<HashName | undefined> =
    algorithm.hash === undefined ? [undefined] : [algorithm.hash, 'sha256'];
  const proven = principals.some((name) =>
    [...new Set(hashes)].some((hash) =>
      crypto.verify(
        key,
        hash === undefined ? algorithm : withHash(algorithm, hash),
        utf8(name),
        signature,
      ),
    ),
  );
  if (!proven) {
    const names = principals.join(' or ');
    throw new CodedError(
      'POSSESSION_INVALID',
      `proofOfPossession is no signature over ${names} with this key`,
      { field: 'proofOfPossession' },
    );
  }
}

export interface SigningRequest {
  readonly key: PublicKey;
  readonly signed: Uint8Array;
  readonly signatureOid: string;
  readonly signature: Uint8Array;
}

/**
 * PKCS#10 (RFC 2986 §4.2). Only the key and the self-signature count: subject and attributes are
 * not looked into, because some clients write there what DER does not allow.
 * @throws CodedError CSR_UNPARSABLE, KEY_UNPARSABLE, KEY_WEAK
 */
export function parseSigningRequest(bytes: Uint8Array): SigningRequest {
  const field = 'certificateSigningRequest';
  const parts = coded('CSR_UNPARSABLE', field, () => {
    const [block, ...rest] = parsePem(fromUtf8(bytes));
    if (
      block === undefined ||
      rest.length > 0 ||
      !/^(NEW )?CERTIFICATE REQUEST$/.test(block.label)
    ) {
      throw new ParseError('not one PEM block CERTIFICATE REQUEST');
    }
    const reader = new DerReader(readDer(block.der, TAG.sequence, 'CSR').content, 'CSR');
    const info = reader.expect(TAG.sequence, 'CertificationRequestInfo');
    const algorithm = reader.sequence('signature algorithm');
    const signatureOid = readOid(algorithm.expect(TAG.oid, 'algorithm'));
    const signature = readBitString(reader.expect(TAG.bitString, 'signature'));
    reader.end();
    const inner = new DerReader(info.content, 'CertificationRequestInfo');
    inner.expect(TAG.integer, 'version');
    inner.expect(TAG.sequence, 'subject');
    const spki = inner.expect(TAG.sequence, 'SubjectPublicKeyInfo').raw;
    return { spki, signed: info.raw, signatureOid, signature };
  });
  return { ...parts, key: parseSubjectKey(parts.spki, field) };
}

/** @throws CodedError KEY_NOT_PERMITTED (a hash that does not go with the key), POSSESSION_INVALID */
export function checkSigningRequest(
  crypto: Crypto,
  request: SigningRequest,
  algorithm: Algorithm,
): void {
  const field = 'certificateSigningRequest';
  if (request.signatureOid !== algorithm.signatureOid) {
    const known = ALGORITHMS.find(({ signatureOid }) => signatureOid === request.signatureOid);
    const named =
      known === undefined ? `unrecognized signature algorithm ${request.signatureOid}` : known.id;
    throw new CodedError('KEY_NOT_PERMITTED', `signing algorithm not permitted: ${named}`, {
      field,
    });
  }
  if (!crypto.verify(request.key, algorithm, request.signed, request.signature)) {
    throw new CodedError('POSSESSION_INVALID', 'the request is not signed with its own key', {
      field,
    });
  }
}

/** protojson bytes. @throws CodedError with `code` */
export function decodeBytes(
  code: 'KEY_UNPARSABLE' | 'CSR_UNPARSABLE' | 'POSSESSION_INVALID',
  field: string,
  text: string,
): Uint8Array {
  return coded(code, field, () => fromAnyBase64(text));
}
