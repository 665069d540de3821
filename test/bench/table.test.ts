// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Goal, Row } from '../../bench/goals.ts';
import { cells, figure, HEADINGS, layOut, lines, markdown } from '../../bench/table.ts';

const goal: Goal = {
  id: 'stamp',
  operation: 'timestamp',
  needs: 'go',
  gate: { atLeast: 0.8 },
  headline: { atLeast: 1.2 },
};
const row: Row = {
  id: 'stamp',
  unit: 'µs CPU',
  ours: 120,
  peer: { name: 'peer', value: 90 },
  value: 0.75,
  spread: 0.034,
};

describe('figure', () => {
  it.each([
    [0.1234, '0.123'],
    [1.234, '1.23'],
    [12.34, '12.3'],
    [123.4, '123'],
    [12_345.6, '12,346'],
    [Number.NaN, 'none'],
    [Number.POSITIVE_INFINITY, 'none'],
  ])('%d is %s', (value, text) => {
    expect(figure(value)).toBe(text);
  });
});

describe('cells', () => {
  it('says what was held against what, and that it fell short', () => {
    expect(cells(row, goal)).toEqual([
      'timestamp',
      '120 µs CPU',
      '90.0 µs CPU, peer',
      '0.750x',
      '3 %',
      '≥ 0.8x',
      '≥ 1.2x',
      'BELOW THE GATE',
    ]);
  });

  it('judges a figure without peer by its own unit', () => {
    const memory: Row = { id: 'm', unit: 'MB', ours: 90, value: 90, spread: 0 };
    const limit: Goal = { id: 'm', operation: 'memory', needs: 'nothing', gate: { atMost: 128 } };
    expect(cells(memory, limit)).toEqual([
      'memory',
      '90.0 MB',
      '',
      '',
      '0 %',
      '≤ 128 MB',
      '',
      'passed',
    ]);
  });
});

describe('the table', () => {
  it('keeps the order of the goals and drops rows without goal', () => {
    const goals = [{ ...goal, id: 'b' }, goal];
    const found = lines([row, { ...row, id: 'b' }, { ...row, id: 'stranger' }], goals);
    expect(found).toHaveLength(2);
  });

  it('stands in columns', () => {
    expect(
      layOut([
        ['a', 'bb'],
        ['ccc', 'd'],
      ]),
    ).toBe('a    bb\nccc  d');
  });

  it('is a table of a document, too', () => {
    const text = markdown([HEADINGS, ...lines([row], [goal])]);
    expect(text.split('\n')).toHaveLength(3);
    expect(text).toContain('| timestamp | 120 µs CPU |');
  });
});
