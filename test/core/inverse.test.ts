// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { curveOf } from '../../services/core/ecdsa.ts';
import { inverse } from '../../services/core/inverse.ts';

const CURVES = (['p256', 'p384', 'p521'] as const).map(curveOf);
const PRIMES = CURVES.flatMap((curve) => (curve === undefined ? [] : [curve.n, curve.p]));

describe('inverse', () => {
  it('times the value is one, for values of every length', () => {
    for (const modulus of PRIMES) {
      const length = modulus.toString(2).length;
      const value = fc
        .integer({ min: 1, max: length })
        .chain((bits) => fc.bigInt(1n, 2n ** BigInt(bits) - 1n))
        .map((number) => 1n + ((number - 1n) % (modulus - 1n)));
      fc.assert(
        fc.property(value, (v) => {
          const result = inverse(v, modulus);
          expect(result > 0n && result < modulus).toBe(true);
          expect((v * result) % modulus).toBe(1n);
        }),
        { numRuns: 500 },
      );
    }
  });

  it('holds at the edges: small values, powers of two, their neighbours, and the negatives of all', () => {
    for (const modulus of PRIMES) {
      for (let bits = 0n; 2n ** bits < modulus; bits++) {
        for (const near of [2n ** bits - 1n, 2n ** bits, 2n ** bits + 1n, modulus >> bits]) {
          for (const value of [near, modulus - near]) {
            if (value <= 0n || value >= modulus) continue;
            const result = inverse(value, modulus);
            expect(result > 0n && result < modulus && (value * result) % modulus === 1n).toBe(true);
          }
        }
      }
    }
  });

  it('holds for every value of small primes', () => {
    for (const modulus of [3n, 5n, 7n, 257n, 8191n]) {
      for (let value = 1n; value < modulus; value++) {
        expect((value * inverse(value, modulus)) % modulus).toBe(1n);
      }
    }
  });

  it('holds where all quotients are one: neighbours in the sequence of Fibonacci', () => {
    const prime = PRIMES[0] ?? 0n;
    let [a, b] = [1n, 2n];
    while (b < prime) {
      expect((b * inverse(b, prime)) % prime).toBe(1n);
      [a, b] = [b, a + b];
    }
    expect(a < prime).toBe(true);
  });
});
