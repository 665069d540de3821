// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { drift } from '../../bench/machine.ts';
import { median, quantile, spread } from '../../bench/statistics.ts';

describe('median', () => {
  it.each([
    { values: [], expected: 0 },
    { values: [7], expected: 7 },
    { values: [9, 1], expected: 5 },
    { values: [9, 1, 4], expected: 4 },
    { values: [1, 10, 2, 100], expected: 6 },
  ])('of $values is $expected', ({ values, expected }) => {
    expect(median(values)).toBe(expected);
  });

  it('leaves its values as they are', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('quantile', () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);

  it.each([
    { part: 0, expected: 1 },
    { part: 0.5, expected: 51 },
    { part: 0.99, expected: 100 },
    { part: 1, expected: 100 },
  ])('$part of 1 to 100 is $expected', ({ part, expected }) => {
    expect(quantile(hundred, part)).toBe(expected);
  });

  it('of none is 0', () => {
    expect(quantile([], 0.99)).toBe(0);
  });
});

describe('spread', () => {
  it('is nothing for windows that agree', () => {
    expect(spread([5, 5, 5, 5, 5])).toBe(0);
  });

  it('does not see one window that fell out', () => {
    expect(spread([10, 10, 10, 10, 10, 10, 10, 500])).toBe(0);
  });

  it('is the interquartile range as a part of the median', () => {
    expect(spread([8, 9, 10, 11, 12])).toBeCloseTo(0.2);
  });

  it('of none is 0', () => {
    expect(spread([])).toBe(0);
  });
});

describe('drift', () => {
  const before = { verifies: 10_000, megabytes: 1500 };

  it('is the larger of both changes, in either direction', () => {
    expect(drift(before, { verifies: 9500, megabytes: 1500 })).toBeCloseTo(0.05);
    expect(drift(before, { verifies: 10_000, megabytes: 1875 })).toBeCloseTo(0.25);
  });
});
