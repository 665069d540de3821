// SPDX-License-Identifier: Apache-2.0
// A plot as SVG: one line for each figure, a dot on a logarithmic scale, since these figures lie
// apart by factors. It follows the reader's light or dark.

export interface Dot {
  readonly name: string;
  readonly value: number;
  readonly ours: boolean;
}

export interface Group {
  readonly title: string;
  readonly dots: readonly Dot[];
}

export interface Plot {
  readonly title: string;
  readonly unit: string;
  readonly groups: readonly Group[];
}

const WIDTH = 820;
const NAMES = 290;
const RIGHT = 96;
const LINE = 24;
const HEAD = 44;
const GAP = 14;
const FOOT = 34;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; font-size: 15px; }
  .group { font-weight: 600; }
  .quiet { fill: #59636e; }
  .grid { stroke: #d1d9e0; }
  .stem { stroke: #d1d9e0; stroke-width: 2; }
  .ours { fill: #0969da; }
  .peer { fill: #818b98; }
  .back { fill: #ffffff; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .grid, .stem { stroke: #3d444d; }
    .ours { fill: #4493f8; }
    .peer { fill: #9198a1; }
    .back { fill: #0d1117; }
  }`;

export const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** Powers of ten that hold every value. */
export function decades(values: readonly number[]): number[] {
  const known = values.filter((value) => value > 0 && Number.isFinite(value));
  if (known.length === 0) return [0, 1];
  const low = Math.floor(Math.log10(Math.min(...known)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...known))));
  return Array.from({ length: high - low + 1 }, (_, i) => low + i);
}

/** 3 digits and no more. */
export function short(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

const round = (value: number) => Number(value.toFixed(1));

export function drawPlot({ title, unit, groups }: Plot): string {
  const powers = decades(groups.flatMap(({ dots }) => dots.map(({ value }) => value)));
  const [first = 0] = powers;
  const step = (WIDTH - NAMES - RIGHT) / (powers.length - 1);
  const x = (value: number) => round(NAMES + (Math.log10(value) - first) * step);
  const parts: string[] = [];
  let y = HEAD;
  for (const group of groups) {
    parts.push(`<text class="group" x="16" y="${y + 16}">${escapeXml(group.title)}</text>`);
    y += LINE;
    for (const { name, value, ours } of group.dots) {
      const [at, middle] = [x(value), y + LINE / 2];
      const kind = ours ? 'ours' : 'peer';
      parts.push(
        `<text x="${NAMES - 12}" y="${middle + 4}" text-anchor="end">${escapeXml(name)}</text>`,
        `<line class="stem" x1="${NAMES}" y1="${middle}" x2="${at}" y2="${middle}"/>`,
        `<circle class="${kind}" cx="${at}" cy="${middle}" r="6"/>`,
        `<text x="${at + 12}" y="${middle + 4}">${short(value)}</text>`,
      );
      y += LINE;
    }
    y += GAP;
  }
  const grid = powers.flatMap((power) => {
    const at = x(10 ** power);
    const label = short(10 ** power);
    return [
      `<line class="grid" x1="${at}" y1="${HEAD}" x2="${at}" y2="${y}"/>`,
      `<text class="quiet" x="${at}" y="${y + 18}" text-anchor="middle">${label}</text>`,
    ];
  });
  const height = y + FOOT;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="back" width="${WIDTH}" height="${height}" rx="8"/>`,
    `<text class="title" x="16" y="26">${escapeXml(title)} <tspan class="quiet">(${escapeXml(unit)}, logarithmic)</tspan></text>`,
    ...grid,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}
