// SPDX-License-Identifier: Apache-2.0
// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2): exact encodings, compared and never parsed.
import type { HashName } from './algorithm.ts';
import { concat, equal, fromHex } from './bytes.ts';
import { toBigInt, toOctets } from './ecdsa.ts';
import { ParseError } from './errors.ts';
import { readRsaKey } from './spki.ts';

/** DER of DigestInfo up to the digest (RFC 8017 §9.2 note 1), and the digest's length. */
const DIGEST_INFO: Partial<Record<HashName, { prefix: Uint8Array; length: number }>> = {
  sha256: { prefix: fromHex('3031300d060960864801650304020105000420'), length: 32 },
  sha384: { prefix: fromHex('3041300d060960864801650304020205000430'), length: 48 },
  sha512: { prefix: fromHex('3051300d060960864801650304020305000440'), length: 64 },
};

/** DigestInfo; undefined for a hash that is not offered or a digest of another length. */
export function digestInfo(hash: HashName, digest: Uint8Array): Uint8Array | undefined {
  const row = DIGEST_INFO[hash];
  return row?.length === digest.length ? concat(row.prefix, digest) : undefined;
}

/** Go, which most clients are written in, reads no larger one; nor does it buy seconds of work. */
const MAX_EXPONENT = 0x7fffffffn;

/** @throws ParseError for keys that no engine should verify with (RFC 8017 §3.1) */
function parseRsaKey(bits: Uint8Array): { n: bigint; e: bigint; size: number } {
  const { modulus, exponent } = readRsaKey(bits);
  const n = toBigInt(modulus);
  const e = toBigInt(exponent);
  if (e < 3n || e > MAX_EXPONENT || e % 2n === 0n) {
    throw new ParseError('RSA exponent is out of range');
  }
  if (n % 2n === 0n) throw new ParseError('RSA modulus is even');
  return { n, e, size: modulus.length };
}

/** What is wrong with an RSA key; undefined for a sound one. */
export function rsaFault(bits: Uint8Array): string | undefined {
  try {
    parseRsaKey(bits);
    return undefined;
  } catch (error) {
    if (error instanceof ParseError) return error.message;
    throw error;
  }
}

function modularPower(base: bigint, exponent: bigint, modulus: bigint): bigint {
  let result = 1n;
  let square = base % modulus;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = (result * square) % modulus;
    square = (square * square) % modulus;
  }
  return result;
}

/** The check without an engine, for browsers. @param bits RSAPublicKey, DER */
export function verifyRsaDigest(
  bits: Uint8Array,
  hash: HashName,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const info = digestInfo(hash, digest);
  if (info === undefined) return false;
  try {
    const { n, e, size } = parseRsaKey(bits);
    const value = toBigInt(signature);
    if (signature.length !== size || value >= n || size < info.length + 11) return false;
    const filler = new Uint8Array(size - info.length - 3).fill(0xff);
    const expected = concat(Uint8Array.of(0, 1), filler, Uint8Array.of(0), info);
    return equal(toOctets(modularPower(value, e, n), size), expected);
  } catch (error) {
    if (error instanceof ParseError) return false;
    throw error;
  }
}
