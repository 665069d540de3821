// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { releaseMemory } from '../../services/runtime/memory.ts';

describe('releasing memory', () => {
  it('gives back what nobody uses, and keeps what somebody does', () => {
    const kept = Array.from({ length: 1000 }, (_, i) => ({ i }));
    let heap: unknown[] = Array.from({ length: 500_000 }, (_, i) => ({ i, text: `text ${i}` }));
    const full = process.memoryUsage().heapUsed;
    expect(heap.length).toBe(500_000);
    heap = [];
    releaseMemory();
    expect(process.memoryUsage().heapUsed).toBeLessThan(full - 20e6);
    expect(kept.every(({ i }, at) => i === at)).toBe(true);
  });

  it('leaves no collector within the reach of the program', () => {
    releaseMemory();
    expect('gc' in globalThis).toBe(false);
  });
});
