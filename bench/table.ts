// SPDX-License-Identifier: Apache-2.0
// The table of a run, for a terminal and, in the same words, for a document.
import { type Bound, type Goal, judge, type Row, type Verdict } from './goals.ts';

export const HEADINGS = [
  'operation',
  'ours',
  'peer',
  'ratio',
  'spread',
  'gate',
  'headline',
  'verdict',
] as const;

/** Three digits that say something: 0.123, 12.3, 1,234. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return 'none';
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en-US');
  if (size >= 100) return value.toFixed(0);
  if (size >= 10) return value.toFixed(1);
  return value.toFixed(size >= 1 ? 2 : 3);
}

function boundText(limit: Bound | undefined, unit: string): string {
  if (limit === undefined) return '';
  return 'atLeast' in limit ? `≥ ${limit.atLeast}${unit}` : `≤ ${limit.atMost}${unit}`;
}

const VERDICTS: Readonly<Record<Verdict, string>> = {
  headline: 'headline',
  passed: 'passed',
  failed: 'BELOW THE GATE',
  'no gate': '',
};

/** The cells of a row, one for each heading. */
export function cells(row: Row, goal: Goal): string[] {
  const { ours, peer, value, unit, spread } = row;
  const valueUnit = peer === undefined ? ` ${unit}` : 'x';
  return [
    goal.operation,
    `${figure(ours)} ${unit}`,
    peer === undefined ? '' : `${figure(peer.value)} ${unit}, ${peer.name}`,
    peer === undefined ? '' : `${figure(value)}x`,
    `${(spread * 100).toFixed(0)} %`,
    boundText(goal.gate, valueUnit),
    boundText(goal.headline, valueUnit),
    VERDICTS[judge(row, goal)],
  ];
}

/** In the order of the goals. */
export function lines(rows: readonly Row[], goals: readonly Goal[]): string[][] {
  return goals.flatMap((goal) =>
    rows.filter(({ id }) => id === goal.id).map((row) => cells(row, goal)),
  );
}

/** Columns that stand one below the other. */
export function layOut(table: ReadonlyArray<readonly string[]>): string {
  const widths = (table[0] ?? []).map((_, column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  return table
    .map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '))
    .map((line) => line.trimEnd())
    .join('\n');
}

export function markdown(table: ReadonlyArray<readonly string[]>): string {
  const [head = [], ...body] = table;
  const line = (row: readonly string[]) => `| ${row.map((cell) => cell || ' ').join(' | ')} |`;
  return [line(head), `|${head.map(() => '---').join('|')}|`, ...body.map(line)].join('\n');
}
