// SPDX-License-Identifier: Apache-2.0
// Inverses modulo a prime: the extended Euclidean algorithm, with most of its quotients found from
// leading digits in doubles (Knuth, TAOCP volume 2, 4.5.2, Algorithm L). Not constant-time: for
// public values only.

/** Sums and products of leading digits stay below 2^53, and their quotients round down rightly. */
const LEADING_BITS = 48;
const MAX_COFACTOR = 2 ** 30;

/** Steps of the algorithm in one: (a, b) becomes (A·a + B·b, C·a + D·b). */
type Steps = readonly [A: number, B: number, C: number, D: number];

// Both loops move their numbers one by one: written as pairs of pairs, each step costs an array.

/** All steps from a and b down to a remainder of 1. */
function lastSteps(first: number, second: number): Steps {
  let a = first;
  let b = second;
  let A = 1;
  let B = 0;
  let C = 0;
  let D = 1;
  while (b > 1) {
    const quotient = Math.floor(a / b);
    const rest = a - quotient * b;
    const E = A - quotient * C;
    const F = B - quotient * D;
    a = b;
    b = rest;
    A = C;
    B = D;
    C = E;
    D = F;
  }
  return [A, B, C, D];
}

/** The steps that are the same whatever digits follow those of a and b. */
function leadingSteps(first: number, second: number): Steps {
  let a = first;
  let b = second;
  let A = 1;
  let B = 0;
  let C = 0;
  let D = 1;
  while (b + C > 0 && b + D > 0) {
    const quotient = Math.floor((a + A) / (b + C));
    if (quotient !== Math.floor((a + B) / (b + D))) break;
    const E = A - quotient * C;
    const F = B - quotient * D;
    if (Math.abs(E) > MAX_COFACTOR || Math.abs(F) > MAX_COFACTOR) break;
    const rest = a - quotient * b;
    a = b;
    b = rest;
    A = C;
    B = D;
    C = E;
    D = F;
  }
  return [A, B, C, D];
}

/** value⁻¹ mod a prime, for values in 1..modulus−1. */
export function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b] = [modulus, value];
  // a ≡ x·value and b ≡ y·value, always.
  let [x, y] = [0n, 1n];
  while (b > 1n) {
    const shift = Math.max(0, 4 * a.toString(16).length - LEADING_BITS);
    const digits = [Number(a >> BigInt(shift)), Number(b >> BigInt(shift))] as const;
    const steps = shift === 0 ? lastSteps(...digits) : leadingSteps(...digits);
    if (steps[1] === 0) {
      const quotient = a / b;
      [a, b] = [b, a - quotient * b];
      [x, y] = [y, x - quotient * y];
    } else {
      const [A, B, C, D] = [BigInt(steps[0]), BigInt(steps[1]), BigInt(steps[2]), BigInt(steps[3])];
      [a, b] = [A * a + B * b, C * a + D * b];
      [x, y] = [A * x + B * y, C * x + D * y];
    }
  }
  return y < 0n ? y + modulus : y;
}
