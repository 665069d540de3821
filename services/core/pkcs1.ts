// SPDX-License-Identifier: Apache-2.0
// RSASSA-PKCS1-v1_5 (RFC 8017 §8.2): exact encodings, compared and never parsed.
import type { HashName } from './algorithm.ts';
import { concat, equal, fromHex } from './bytes.ts';
import { DerReader, readDer, readInteger, TAG } from './der.ts';
import { toBigInt, toOctets } from './ecdsa.ts';
import { ParseError } from './errors.ts';

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

function parseRsaKey(bits: Uint8Array): { n: bigint; e: bigint; size: number } {
  const key = new DerReader(readDer(bits, TAG.sequence, 'RSA key').content, 'RSA key');
  const modulus = readInteger(key.expect(TAG.integer, 'modulus'));
  const exponent = readInteger(key.expect(TAG.integer, 'exponent'));
  key.end();
  const n = toBigInt(modulus);
  const e = toBigInt(exponent);
  // An exponent of this size keeps a hostile key from buying seconds of work.
  if ((modulus[0] as number) >= 0x80 || e < 3n || e > 0xffffffffn || e % 2n === 0n || n % 2n === 0n)
    throw new ParseError('RSA key is out of range');
  return { n, e, size: Math.ceil(n.toString(2).length / 8) };
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
