// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { decades, drawPlot, escapeXml, short } from '../../bench/plot.ts';

describe('decades', () => {
  it.each([
    { values: [3, 700], expected: [0, 1, 2, 3] },
    { values: [0.02, 0.5], expected: [-2, -1, 0] },
    { values: [10], expected: [1, 2] },
    { values: [], expected: [0, 1] },
    { values: [0, Number.NaN, 5], expected: [0, 1] },
  ])('of $values are $expected', ({ values, expected }) => {
    expect(decades(values)).toEqual(expected);
  });
});

describe('short', () => {
  it.each([
    [0.20512, '0.205'],
    [12.345, '12.3'],
    [100, '100'],
    [9254.4, '9,254'],
  ])('%d is %s', (value, text) => {
    expect(short(value)).toBe(text);
  });
});

describe('drawPlot', () => {
  const dots = [
    { name: 'ours', value: 10, ours: true },
    { name: 'a <peer> & co', value: 1000, ours: false },
  ];
  const svg = drawPlot({ title: 'Cost', unit: 'µs', groups: [{ title: 'Stamp', dots }] });
  const at = [...svg.matchAll(/<circle class="(\w+)" cx="([\d.]+)"/g)];

  it('puts ours and the peer a decade apart for each power of ten', () => {
    const grid = [...svg.matchAll(/<line class="grid" x1="([\d.]+)"/g)].map(([, x]) => Number(x));
    expect(at.map(([, kind, x]) => [kind, Number(x)])).toEqual([
      ['ours', grid[0]],
      ['peer', grid[2]],
    ]);
  });

  it('lets no name break out of its text', () => {
    expect(svg).toContain('a &lt;peer&gt; &amp; co');
    expect(escapeXml('</text>')).toBe('&lt;/text&gt;');
  });

  it('follows the reader into the dark', () => {
    expect(svg).toContain('prefers-color-scheme: dark');
  });
});
