// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type Goal, judge, missing, parseGoals, type Row, readGoals } from '../../bench/goals.ts';

const row = (id: string, value: number): Row => ({ id, unit: 'x', ours: 1, value, spread: 0 });
const goal = (more: Partial<Goal>): Goal => ({
  id: 'a',
  operation: 'an operation',
  needs: 'nothing',
  ...more,
});

describe('judge', () => {
  const least = goal({ gate: { atLeast: 5 }, headline: { atLeast: 10 } });
  const most = goal({ gate: { atMost: 1.5 }, headline: { atMost: 1.2 } });

  it.each([
    { value: 4.999, of: least, expected: 'failed' },
    { value: 5, of: least, expected: 'passed' },
    { value: 10, of: least, expected: 'headline' },
    { value: 1.501, of: most, expected: 'failed' },
    { value: 1.5, of: most, expected: 'passed' },
    { value: 1.2, of: most, expected: 'headline' },
    { value: Number.NaN, of: least, expected: 'failed' },
    { value: Number.NaN, of: most, expected: 'failed' },
    { value: 1, of: goal({}), expected: 'no gate' },
    { value: 9, of: goal({ headline: { atLeast: 10 } }), expected: 'no gate' },
    { value: 10, of: goal({ headline: { atLeast: 10 } }), expected: 'headline' },
    { value: Number.NaN, of: goal({ headline: { atLeast: 10 } }), expected: 'no gate' },
  ])('$value against $of.gate is $expected', ({ value, of, expected }) => {
    expect(judge(row('a', value), of)).toBe(expected);
  });
});

describe('missing', () => {
  const goals = [
    goal({ id: 'always', gate: { atLeast: 1 } }),
    goal({ id: 'peer', needs: 'go', gate: { atLeast: 1 } }),
    goal({ id: 'told', headline: { atLeast: 1 } }),
  ];

  it('is a gate whose row the run owes', () => {
    expect(missing(goals, [], new Set(['nothing', 'go'])).map(({ id }) => id)).toEqual([
      'always',
      'peer',
    ]);
  });

  it('is no gate that needs what the run has not, and none that was measured', () => {
    expect(missing(goals, [row('always', 0)], new Set(['nothing']))).toEqual([]);
  });
});

describe('goals.json', () => {
  it('is read', () => {
    expect(readGoals().length).toBeGreaterThan(20);
  });

  it.each([
    [
      'a goal twice',
      '{"goals":[{"id":"a","operation":"o","needs":"nothing"},{"id":"a","operation":"o","needs":"nothing"}]}',
    ],
    ['an unknown need', '{"goals":[{"id":"a","operation":"o","needs":"rust"}]}'],
    [
      'a bound of both kinds',
      '{"goals":[{"id":"a","operation":"o","needs":"nothing","gate":{"atLeast":1,"atMost":2}}]}',
    ],
    [
      'a bound that is no number',
      '{"goals":[{"id":"a","operation":"o","needs":"nothing","gate":{"atLeast":"1"}}]}',
    ],
    [
      'a field that nobody reads',
      '{"goals":[{"id":"a","operation":"o","needs":"nothing","gates":{}}]}',
    ],
  ])('refuses %s', (_, text) => {
    expect(() => parseGoals(text)).toThrow();
  });

  it('has a headline beyond the gate wherever it has both', () => {
    for (const { id, gate, headline } of readGoals()) {
      if (gate === undefined || headline === undefined) continue;
      const edge = 'atLeast' in headline ? headline.atLeast : headline.atMost;
      const same = 'atLeast' in gate === 'atLeast' in headline;
      expect({ id, same, beyond: judge(row(id, edge), goal({ gate })) }).toEqual({
        id,
        same: true,
        beyond: 'passed',
      });
    }
  });
});
