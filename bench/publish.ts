// SPDX-License-Identifier: Apache-2.0
// Writes what docs/benchmarks.md shows of results.json: the table between its marks, and the plots.
//
//   npm run bench -- --peers go && node bench/publish.ts
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../test/support/stack.ts';
import { type Row, readGoals } from './goals.ts';
import type { Machine } from './machine.ts';
import { type Dot, drawPlot, type Group, type Plot } from './plot.ts';
import type { Figures } from './race.ts';
import type { Judged } from './suite.ts';
import type { GrowthPoint } from './suites/growth.ts';
import { HEADINGS, lines, markdown } from './table.ts';

interface Results {
  readonly date: string;
  readonly quick: boolean;
  readonly peers: string;
  readonly machine: Machine;
  readonly rows: readonly Row[];
  readonly suites: readonly Judged[];
}

type Named = Figures & { readonly name: string };

const DOCUMENT = join(ROOT, 'docs', 'benchmarks.md');
const PLOTS = join(ROOT, 'docs', 'benchmarks');
const MARKED = /(<!-- figures -->\n)[\s\S]*(<!-- end of figures -->)/;

const results = JSON.parse(
  readFileSync(join(import.meta.dirname, 'results.json'), 'utf8'),
) as Results;

const rowsOf = (...ids: readonly string[]) =>
  ids.flatMap((id) => results.rows.filter((row) => row.id === id));

const seriesOf = (suite: string) => results.suites.find((each) => each.suite === suite)?.series;

/** Ours once, then each peer. */
function compared(title: string, rows: readonly Row[]): Group {
  const [first] = rows;
  const own: Dot[] =
    first === undefined ? [] : [{ name: 'sigstead', value: first.ours, ours: true }];
  const peers = rows.flatMap(({ peer }) => (peer === undefined ? [] : [{ ...peer, ours: false }]));
  return { title, dots: [...own, ...peers] };
}

const cost: Plot = {
  title: 'Server CPU of one answer',
  unit: 'µs',
  groups: [
    compared(
      'Certificate, 21 extensions; ours durable in the CT log',
      rowsOf('issue-cpu-mock', 'issue-cpu-fulcio', 'issue-cpu-fulcio-ct'),
    ),
    compared(
      'Log entry, signature checked',
      rowsOf('append-cpu-commit-per-request', 'append-cpu-rekor-tiles'),
    ),
    compared('Log entry with certificate', rowsOf('append-certificate-cpu-rekor-tiles')),
    compared('Timestamp', rowsOf('stamp-cpu-mock', 'stamp-cpu-go')),
    compared('Verification, warm, P-384 roots', rowsOf('verify-warm-p384')),
    compared('Verification, warm, P-256 roots', rowsOf('verify-warm-p256')),
  ],
};

function waited(title: string, figures: readonly Named[]): Group {
  const dots = figures.map(({ name, p50Ms }) => ({
    name,
    value: p50Ms,
    ours: name === 'sigstead',
  }));
  return { title, dots };
}

const alone = (suite: string) => (seriesOf(suite)?.alone ?? []) as Named[];

const latency: Plot = {
  title: 'What one client waits, median',
  unit: 'ms',
  groups: [
    waited('Certificate', alone('issue')),
    compared('Log entry', rowsOf('append-p50-rekor-tiles')),
    waited('Timestamp', alone('stamp')),
    compared('Verification of one file, cold', rowsOf('verify-cold-js', 'verify-cold-cosign')),
  ],
};

const points = (seriesOf('growth')?.points ?? []) as GrowthPoint[];

function grown(title: string, pick: (point: GrowthPoint) => number): Group {
  const name = ({ size }: GrowthPoint) => `${size.toLocaleString('en-US')} entries`;
  return {
    title,
    dots: points.map((point) => ({ name: name(point), value: pick(point), ours: true })),
  };
}

const growth: Plot = {
  title: 'The log as it grows',
  unit: 'ms, µs',
  groups: [
    grown('Append at 64 clients, p50, ms', ({ appendP50Ms }) => appendP50Ms),
    grown('Append at 64 clients, p99, ms', ({ appendP99Ms }) => appendP99Ms),
    grown('Inclusion proof of one of the newest 10,000, p99, µs', ({ recentP99Us }) => recentP99Us),
    grown('Inclusion proof of any entry, p50, µs', ({ anyP50Us }) => anyP50Us),
  ],
};

const known = (plot: Plot): Plot => ({
  ...plot,
  groups: plot.groups.filter(({ dots }) => dots.length > 0),
});

function summary({ date, quick, peers, machine }: Results): string {
  const { cpu, cores, node, fdatasyncMs, load } = machine;
  return [
    `Measured on ${date.slice(0, 10)}, ${quick ? 'quick' : 'full'} form, peers in Go: ${peers}.`,
    `${cpu}, ${cores} cores, Node ${node}; fdatasync of 4 KB ${fdatasyncMs.toFixed(2)} ms;`,
    `load average ${load.toFixed(1)} before the start.`,
  ].join('\n');
}

const table = markdown([HEADINGS, ...lines(results.rows, readGoals())]);
const text = readFileSync(DOCUMENT, 'utf8');
if (!MARKED.test(text)) throw new Error(`${DOCUMENT} has no marks for the figures`);
writeFileSync(
  DOCUMENT,
  text.replace(MARKED, (_, begin, end) => `${begin}${summary(results)}\n\n${table}\n${end}`),
);
mkdirSync(PLOTS, { recursive: true });
for (const [name, plot] of Object.entries({ cost, latency, growth })) {
  if (known(plot).groups.length > 0)
    writeFileSync(join(PLOTS, `${name}.svg`), drawPlot(known(plot)));
}
