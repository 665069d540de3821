// SPDX-License-Identifier: Apache-2.0
// RSA keys that somebody can factor, after the checks that certificate authorities run: exact sizes,
// exponent 65537, small factors, factors beside each other (Fermat), Infineon's generator (ROCA).
import type { PublicKey } from '../core/algorithm.ts';
import { hex } from '../core/bytes.ts';
import { readRsaKey } from '../core/spki.ts';

const SIZES: ReadonlySet<number> = new Set([2048, 3072, 4096]);
const EXPONENT = '010001';
const SMALL_PRIME_LIMIT = 752;
const FERMAT_ROUNDS = 100;

function primesBelow(limit: number): number[] {
  const primes: number[] = [];
  for (let n = 2; n < limit; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

const SMALL_PRIMES = primesBelow(SMALL_PRIME_LIMIT);
/** One long division by it gives a number that is as good for all small primes. */
const SMALL_PRODUCT = SMALL_PRIMES.reduce((product, prime) => product * BigInt(prime), 1n);

/** CVE-2017-15361: such moduli are powers of 65537 modulo each of these primes. */
const ROCA = primesBelow(168)
  .slice(1)
  .map((prime) => {
    const powers = new Set<number>();
    for (let power = 1; !powers.has(power); power = (power * 65537) % prime) powers.add(power);
    return { prime: BigInt(prime), powers };
  });

/** Squares modulo 256, 255 and 253: all but one in 130 of other numbers fall through. */
const SQUARES = [256, 255, 253].map((modulus) => {
  const residues = new Set(Array.from({ length: modulus }, (_, i) => (i * i) % modulus));
  return { modulus: BigInt(modulus), residues };
});

function integerSqrt(n: bigint): bigint {
  let root = 1n << BigInt((n.toString(16).length * 4 + 1) >> 1);
  for (;;) {
    const next = (root + n / root) >> 1n;
    if (next >= root) return root;
    root = next;
  }
}

function isSquare(n: bigint): boolean {
  if (!SQUARES.every(({ modulus, residues }) => residues.has(Number(n % modulus)))) return false;
  if (n === 0n) return true;
  const root = integerSqrt(n);
  return root * root === n;
}

/** Finds p and q when they lie within a hundred steps of Fermat's method. */
function factorsAreClose(modulus: bigint): boolean {
  let a = integerSqrt(modulus);
  if (a * a < modulus) a++;
  for (let round = 0; round < FERMAT_ROUNDS; round++, a++) {
    if (isSquare(a * a - modulus)) return true;
  }
  return false;
}

/** Why an RSA key is weak; undefined for keys of other kinds, which their curve settles. */
export function weakness(key: PublicKey): string | undefined {
  if (key.kind !== 'rsa') return undefined;
  if (!SIZES.has(key.sizeBits)) return `RSA of ${key.sizeBits} bits`;
  const { modulus: octets, exponent } = readRsaKey(key.bits);
  if (hex(exponent) !== EXPONENT) return 'RSA exponent is not 65537';
  const modulus = BigInt(`0x${hex(octets)}`);
  const rest = modulus % SMALL_PRODUCT;
  if (SMALL_PRIMES.some((prime) => rest % BigInt(prime) === 0n))
    return 'RSA modulus has a small factor';
  if (ROCA.every(({ prime, powers }) => powers.has(Number(rest % prime))))
    return 'RSA modulus comes from a broken generator (ROCA)';
  return factorsAreClose(modulus)
    ? 'the prime factors of the RSA modulus are too close'
    : undefined;
}
