// SPDX-License-Identifier: Apache-2.0
// Writes the vectors of ECDSA over a digest beside this file: `node test/vectors/ecdsa/generate.ts`.
// Each case is built from the equation of the signature, so its verdict is known before anything
// verifies it. Same output on every run.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { concat, hex, utf8 } from '../../../services/core/bytes.ts';
import { sequence, TAG, tlv, unsignedInteger } from '../../../services/core/der.ts';
import {
  type Curve,
  curveOf,
  digestInteger,
  toBigInt,
  toOctets,
} from '../../../services/core/ecdsa.ts';

interface Vector {
  comment: string;
  key: string;
  digest: string;
  signature: string;
  valid: boolean;
}

const KINDS = [
  { kind: 'p256', engine: p256, hash: 'sha256', random: 60, flips: true },
  { kind: 'p384', engine: p384, hash: 'sha384', random: 6, flips: false },
  { kind: 'p521', engine: p521, hash: 'sha512', random: 6, flips: false },
] as const;

function der(r: bigint, s: bigint, size: number): Uint8Array {
  return sequence(unsignedInteger(toOctets(r, size)), unsignedInteger(toOctets(s, size)));
}

class Maker {
  readonly vectors: Vector[] = [];
  readonly curve: Curve;
  readonly engine: ECDSA;
  readonly hash: string;
  /** Counts up with every seed, so that no two are equal. */
  #seed = 0;

  constructor(curve: Curve, engine: ECDSA, hash: string) {
    this.curve = curve;
    this.engine = engine;
    this.hash = hash;
  }

  digest(): Uint8Array {
    return createHash(this.hash)
      .update(`digest ${this.#seed++}`)
      .digest();
  }

  /** A number in 1..n−1. */
  scalar(): bigint {
    const wide = Array.from({ length: 3 }, () =>
      createHash('sha256')
        .update(`scalar ${this.curve.kind} ${this.#seed++}`)
        .digest(),
    );
    return (toBigInt(concat(...wide)) % (this.curve.n - 1n)) + 1n;
  }

  mod(value: bigint): bigint {
    return this.engine.Point.Fn.create(value);
  }

  inv(value: bigint): bigint {
    return this.engine.Point.Fn.inv(value);
  }

  times(k: bigint) {
    return this.engine.Point.BASE.multiply(k);
  }

  /** The signature of e with key d and nonce k. */
  sign(d: bigint, e: bigint, k: bigint): { r: bigint; s: bigint } {
    const r = this.mod(this.times(k).toAffine().x);
    return { r, s: this.mod(this.inv(k) * (e + r * d)) };
  }

  add(
    comment: string,
    key: Uint8Array,
    digest: Uint8Array,
    signature: Uint8Array,
    valid: boolean,
  ): void {
    this.vectors.push({
      comment,
      key: hex(key),
      digest: hex(digest),
      signature: hex(signature),
      valid,
    });
  }

  key(d: bigint): Uint8Array {
    return this.times(d).toBytes(false);
  }
}

function randomPairs(m: Maker, count: number): void {
  const { n, size } = m.curve;
  for (let i = 0; i < count; i++) {
    const d = m.scalar();
    const digest = m.digest();
    const { r, s } = m.sign(d, digestInteger(digest, m.curve), m.scalar());
    m.add('random', m.key(d), digest, der(r, s, size), true);
    m.add('random, other half of s', m.key(d), digest, der(r, n - s, size), true);
    m.add('random, other digest', m.key(d), m.digest(), der(r, s, size), false);
    m.add('random, other key', m.key(m.scalar()), digest, der(r, s, size), false);
  }
}

function ranges(m: Maker): void {
  const { n, p, size } = m.curve;
  const d = m.scalar();
  const digest = m.digest();
  const { r, s } = m.sign(d, digestInteger(digest, m.curve), m.scalar());
  const wide = size + 1;
  const edges: Array<[string, bigint]> = [
    ['0', 0n],
    ['1', 1n],
    ['2', 2n],
    ['n-1', n - 1n],
    ['n', n],
    ['n+1', n + 1n],
    ['p-1', p - 1n],
    ['p', p],
    ['p+1', p + 1n],
    ['2^bits', 1n << BigInt(8 * size)],
  ];
  for (const [a, x] of edges) {
    m.add(`r = ${a}`, m.key(d), digest, der(x, s, wide), false);
    m.add(`s = ${a}`, m.key(d), digest, der(r, x, wide), false);
    for (const [b, y] of edges)
      m.add(`r = ${a}, s = ${b}`, m.key(d), digest, der(x, y, wide), false);
  }
  m.add('r + n', m.key(d), digest, der(r + n, s, wide), false);
  m.add('s + n', m.key(d), digest, der(r, s + n, wide), false);
  m.add('n - r', m.key(d), digest, der(n - r, s, size), false);
  m.add('r and s exchanged', m.key(d), digest, der(s, r, size), false);
}

function specialEquations(m: Maker): void {
  const { n, p, b, size, nBits } = m.curve;
  const octets = Math.ceil(nBits / 8);
  const digestOf = (e: bigint) => toOctets(e << BigInt(8 * octets - nBits), octets);
  for (const [name, e] of [
    ['0', 0n],
    ['1', 1n],
    ['n-1', n - 1n],
    ['n (= 0 mod n)', n],
    ['n+1', n + 1n],
    ['all ones', (1n << BigInt(nBits)) - 1n],
  ] as const) {
    const d = m.scalar();
    const { r, s } = m.sign(d, e, m.scalar());
    m.add(`e = ${name}`, m.key(d), digestOf(e), der(r, s, size), true);
    m.add(`e = ${name}, other s`, m.key(d), digestOf(e), der(r, m.mod(s + 1n), size), false);
  }
  for (let i = 0; i < 4; i++) {
    // k·G = Q, that is e = r·d: the sum is a doubling.
    const d = m.scalar();
    const nonce = m.scalar();
    const r = m.mod(m.times(nonce).toAffine().x);
    const { s } = m.sign(d, m.mod(r * d), nonce);
    m.add('kG = Q', m.key(d), digestOf(m.mod(r * d)), der(r, s, size), true);
    m.add('kG = Q, other s', m.key(d), digestOf(m.mod(r * d)), der(r, m.mod(s + 1n), size), false);
    // k·G = −Q, that is e = −r·d: R is the point at infinity whatever s is.
    m.add('kG = -Q', m.key(d), digestOf(m.mod(-r * d)), der(r, m.scalar(), size), false);
  }
  for (const [name, d] of [
    ['Q = G', 1n],
    ['Q = -G', n - 1n],
    ['Q = 2G', 2n],
  ] as const) {
    const digest = m.digest();
    const { r, s } = m.sign(d, digestInteger(digest, m.curve), m.scalar());
    m.add(name, m.key(d), digest, der(r, s, size), true);
    m.add(`${name}, other r`, m.key(d), digest, der(m.mod(r + 1n), s, size), false);
  }
  for (const nonce of [1n, 2n, n - 1n]) {
    const d = m.scalar();
    const digest = m.digest();
    const { r, s } = m.sign(d, digestInteger(digest, m.curve), nonce);
    m.add(`nonce ${nonce < 3n ? nonce : 'n-1'}`, m.key(d), digest, der(r, s, size), true);
  }
  // x(R) in n..p−1, so that r = x(R) − n: the key is solved from R.
  const { Fp } = m.engine.Point;
  let found = 0;
  for (let x = n; x < p && found < 4; x++) {
    const square = Fp.create(x * x * x - 3n * x + b);
    const r = x - n;
    let y: bigint;
    try {
      y = Fp.sqrt(square);
    } catch {
      continue;
    }
    if (r === 0n) continue;
    found++;
    const digest = m.digest();
    const s = m.scalar();
    const R = m.engine.Point.fromAffine({ x, y });
    const e = m.mod(digestInteger(digest, m.curve));
    const Q = R.multiply(s).subtract(m.times(e)).multiply(m.inv(r));
    m.add('x(R) > n', Q.toBytes(false), digest, der(r, s, size), true);
    m.add('x(R) > n, r not reduced', Q.toBytes(false), digest, der(x, s, size + 1), false);
  }
}

function encodings(m: Maker): void {
  const { n, size } = m.curve;
  const d = m.scalar();
  const digest = m.digest();
  const { r, s } = m.sign(d, digestInteger(digest, m.curve), m.scalar());
  const raw = (value: bigint) => unsignedInteger(toOctets(value, size));
  const content = concat(raw(r), raw(s));
  const good = sequence(content);
  const zeros = (value: bigint) =>
    tlv(TAG.integer, concat(new Uint8Array(2), toOctets(value, size)));
  const negative = (value: bigint) =>
    tlv(TAG.integer, toOctets((1n << BigInt(8 * size)) - value, size));
  const bent: Array<[string, Uint8Array]> = [
    ['empty', new Uint8Array()],
    ['one octet', Uint8Array.of(0x30)],
    ['empty sequence', sequence()],
    ['r alone', sequence(raw(r))],
    ['three integers', sequence(content, raw(s))],
    ['octet after', concat(good, Uint8Array.of(0))],
    ['octet inside', sequence(content, Uint8Array.of(0))],
    ['NULL inside', sequence(content, Uint8Array.of(5, 0))],
    ['octet before', concat(Uint8Array.of(0), good)],
    ['cut by one', good.subarray(0, -1)],
    ['cut in half', good.subarray(0, good.length >> 1)],
    ['long length', concat(Uint8Array.of(0x30, 0x82, 0, content.length), content)],
    ['indefinite length', concat(Uint8Array.of(0x30, 0x80), content, new Uint8Array(2))],
    ['reserved length', concat(Uint8Array.of(0x30, 0xff), content)],
    ['huge length', concat(Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff), content)],
    ['set', tlv(TAG.set, content)],
    ['primitive sequence', tlv(0x10, content)],
    ['octet strings', sequence(tlv(TAG.octetString, toOctets(r, size)), raw(s))],
    ['leading zeros in r', sequence(zeros(r), raw(s))],
    ['leading zeros in s', sequence(raw(r), zeros(s))],
    ['negative r', sequence(negative(r), raw(s))],
    ['negative s', sequence(raw(r), negative(s))],
    ['empty r', sequence(tlv(TAG.integer), raw(s))],
    ['empty s', sequence(raw(r), tlv(TAG.integer))],
    ['plain r and s (IEEE P1363)', concat(toOctets(r, size), toOctets(s, size))],
    ['r as text', sequence(tlv(TAG.utf8String, utf8(r.toString())), raw(s))],
    ['nested', sequence(good)],
    ['twice', concat(good, good)],
    ['zero octets', new Uint8Array(good.length)],
    ['ones', new Uint8Array(good.length).fill(0xff)],
  ];
  for (const [name, signature] of bent) m.add(`DER: ${name}`, m.key(d), digest, signature, false);
  m.add('DER: strict', m.key(d), digest, good, true);

  const key = m.key(d);
  const x = key.subarray(1, 1 + size);
  const y = key.subarray(1 + size);
  const tag = (t: number, ...parts: Uint8Array[]) => concat(Uint8Array.of(t), ...parts);
  const bump = (bytes: Uint8Array) => toOctets(toBigInt(bytes) ^ 1n, size);
  const points: Array<[string, Uint8Array]> = [
    ['empty', new Uint8Array()],
    ['infinity', Uint8Array.of(0)],
    ['compressed', tag((y.at(-1) as number) & 1 ? 3 : 2, x)],
    ['hybrid', tag((y.at(-1) as number) & 1 ? 7 : 6, x, y)],
    ['no tag', key.subarray(1)],
    ['short', key.subarray(0, -1)],
    ['long', concat(key, Uint8Array.of(0))],
    ['off the curve, y', tag(4, x, bump(y))],
    ['off the curve, x', tag(4, bump(x), y)],
    ['zero', tag(4, new Uint8Array(2 * size))],
    ['all ones', tag(4, new Uint8Array(2 * size).fill(0xff))],
    ['mirrored', tag(4, x, toOctets(m.curve.p - toBigInt(y), size))],
    ['x and y exchanged', tag(4, y, x)],
  ];
  for (const [name, point] of points) m.add(`point: ${name}`, point, digest, good, false);

  for (const octets of [20, 28, size === 66 ? 48 : size + 16, size + 32]) {
    const other = createHash('sha512').update(`length ${octets}`).digest().subarray(0, octets);
    const e = digestInteger(other, m.curve);
    const signed = m.sign(d, m.mod(e), m.scalar());
    m.add(`digest of ${other.length} octets`, key, other, der(signed.r, signed.s, size), true);
  }
  m.add('n as s of a right r', key, digest, der(r, n, size + 1), false);
}

function flips(m: Maker): void {
  const d = m.scalar();
  const digest = m.digest();
  const { r, s } = m.sign(d, digestInteger(digest, m.curve), m.scalar());
  const good = der(r, s, m.curve.size);
  for (let i = 0; i < good.length; i++) {
    const bent = good.slice();
    bent[i] = (bent[i] as number) ^ (1 << (i % 8));
    m.add(`signature bit ${i}.${i % 8}`, m.key(d), digest, bent, false);
  }
  for (let i = 0; i < digest.length; i++) {
    const bent = Uint8Array.from(digest);
    bent[i] = (bent[i] as number) ^ (1 << (i % 8));
    m.add(`digest bit ${i}.${i % 8}`, m.key(d), bent, good, false);
  }
}

for (const { kind, engine, hash, random, flips: withFlips } of KINDS) {
  const curve = curveOf(kind);
  if (curve === undefined) throw new Error(kind);
  const maker = new Maker(curve, engine, hash);
  randomPairs(maker, random);
  if (withFlips) ranges(maker);
  specialEquations(maker);
  encodings(maker);
  if (withFlips) flips(maker);
  const lines = maker.vectors.map((vector) => JSON.stringify(vector)).join(',\n');
  writeFileSync(join(import.meta.dirname, `${kind}.json`), `[\n${lines}\n]\n`);
}
