// SPDX-License-Identifier: Apache-2.0
// A sample of `npm run test:fuzz` with a fixed seed: the harness works, and no parser has become
// careless since.
import { describe, expect, it } from 'vitest';
import { randomFor } from './support/random.ts';
import { runGrowth, runInputs } from './support/session.ts';
import { judge } from './support/target.ts';
import { TARGETS } from './targets.ts';

const SEED = 1;
const INPUTS = 200;
const GROWN_OCTETS = 1 << 12;

describe('every parser', () => {
  it.each(TARGETS)('$name: refuses with a code or reads soundly', async (target) => {
    const { faults, inputs, outer, parsed } = await runInputs(target, SEED, [0, INPUTS]);
    expect(faults).toEqual([]);
    expect(inputs).toBe(INPUTS);
    expect(outer).toBeGreaterThan(INPUTS / 5);
    expect(parsed).toBeGreaterThan(0);
  });

  it.each(TARGETS.filter(({ largest }) => largest !== 0))(
    '$name: takes time as its input is long',
    async (target) => {
      const { faults, inputs } = await runGrowth(target, GROWN_OCTETS);
      expect(faults).toEqual([]);
      expect(inputs).toBeGreaterThan(10);
    },
  );
});

describe('the fuzzer', () => {
  it('makes the same input again from seed, parser and number', () => {
    for (const target of TARGETS) {
      const make = (seed: number) => target.make(randomFor(seed, target.name, 7));
      expect(make(SEED)).toEqual(make(SEED));
    }
  });

  it('takes any error but a refusal for a find', async () => {
    const [target] = TARGETS;
    if (target === undefined) throw new Error('no parser');
    const broken = {
      ...target,
      parse: () => {
        throw new TypeError('boom');
      },
    };
    expect(() => judge(broken, '')).toThrow('boom');
    const { faults } = await runInputs(broken, SEED, [3, 4]);
    expect(faults.map(({ where }) => where)).toEqual(['input 3']);
  });
});
