// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { hex } from '../../services/core/bytes.ts';
import { randomSource } from '../../services/runtime/random.ts';

describe('random octets', () => {
  it('are as many as asked for, and never the same', () => {
    const random = randomSource();
    const seen = new Set<string>();
    for (let i = 0; i < 5000; i++) {
      const drawn = random(16 + (i % 17));
      expect(drawn.length).toBe(16 + (i % 17));
      seen.add(hex(drawn.subarray(0, 16)));
    }
    expect(seen.size).toBe(5000);
  });

  it('belong to the caller: later calls change nothing in them', () => {
    const random = randomSource();
    const drawn = random(20);
    const before = hex(drawn);
    for (let i = 0; i < 1000; i++) random(20);
    expect(hex(drawn)).toBe(before);
    drawn.fill(0);
    expect(hex(random(20))).not.toBe('00'.repeat(20));
  });

  it('come in any number', () => {
    const random = randomSource();
    for (const size of [0, 1, 4095, 4096, 4097, 100_000]) {
      const drawn = random(size);
      expect(drawn.length).toBe(size);
      if (size > 1000) expect(new Set(drawn).size).toBeGreaterThan(200);
    }
  });

  it('of two sources have nothing in common', () => {
    const [a, b] = [randomSource(), randomSource()];
    expect(hex(a(32))).not.toBe(hex(b(32)));
  });
});
