// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: what Sigstead costs and how long it takes, beside others in the same run.
//
//   --quick            within 90 seconds: the gates that need no peer in Go
//   --peers go         also against the original servers, built from go/*/go.mod
//   --only issue,hash  these suites alone; what the others owe is not asked for
//   --growth 7         the log grows to 10^7 entries (default 6)
//
// Ends with 1 when a row is below its gate in goals.json.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { temporaryDirectory } from '../test/support/stack.ts';
import { type Goal, judge, missing, type Row, readGoals } from './goals.ts';
import { openIssuer } from './issuer.ts';
import { machineFacts } from './machine.ts';
import { installPrograms } from './peers/install.ts';
import { openLoad } from './race.ts';
import { buildRelease } from './release.ts';
import { type Running, startMock, startOurs } from './servers.ts';
import { type Context, type Extent, type Judged, runSteady, type Suite } from './suite.ts';
import { append } from './suites/append.ts';
import { disk, memory } from './suites/footprint.ts';
import { growth } from './suites/growth.ts';
import { hash } from './suites/hash.ts';
import { issue } from './suites/issue.ts';
import { stamp } from './suites/stamp.ts';
import { verifyCold, verifyWarm } from './suites/verify.ts';
import { HEADINGS, layOut, lines } from './table.ts';

const RESULTS = join(import.meta.dirname, 'results.json');
const TOKENS = 64;

const SUITES: readonly Suite[] = [
  { name: 'issue', run: issue },
  { name: 'append', run: append },
  { name: 'stamp', run: stamp },
  { name: 'verify-warm', run: verifyWarm },
  { name: 'verify-cold', run: verifyCold },
  { name: 'hash', run: hash },
  { name: 'memory', run: memory },
  { name: 'disk', run: disk },
  { name: 'growth', run: growth, full: true },
];

const QUICK: Extent = { quick: true, rounds: 5, windowMs: 500, warmMs: 1200 };
const FULL: Extent = { quick: false, rounds: 5, windowMs: 1500, warmMs: 4000 };

const { values: flags } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    peers: { type: 'string' },
    only: { type: 'string' },
    growth: { type: 'string', default: '6' },
    /** Figures alone: a missed gate is shown and does not fail the run. */
    ungated: { type: 'boolean', default: false },
  },
});

const say = (line: string) => process.stderr.write(`bench: ${line}\n`);

/** @throws Error for a name that is no suite */
function chosenSuites(): readonly Suite[] {
  const wanted = flags.only?.split(',');
  const unknown = wanted?.find((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown !== undefined) {
    throw new Error(`no suite ${unknown}; one of ${SUITES.map(({ name }) => name).join(', ')}`);
  }
  return SUITES.filter(
    ({ name, full = false }) => (wanted?.includes(name) ?? true) && !(full && flags.quick),
  );
}

/** What rows this run owes. */
function abilities(): ReadonlySet<Goal['needs']> {
  const python = spawnSync('python3', ['-c', 'import hashlib']).status === 0;
  return new Set<Goal['needs']>([
    'nothing',
    ...(flags.quick ? [] : (['full'] as const)),
    ...(flags.peers === 'go' ? (['go'] as const) : []),
    ...(python ? (['python'] as const) : []),
  ]);
}

/** Opens what all suites share, runs them, closes it. @throws Error what a suite throws */
async function runSuites(suites: readonly Suite[], directory: string) {
  const extent = flags.quick ? QUICK : FULL;
  const issuer = await openIssuer();
  const load = openLoad();
  const opened: Running[] = [];
  const keep = async (starting: Promise<Running>) => {
    const server = await starting;
    opened.push(server);
    return server;
  };
  try {
    await load.tokens(await Promise.all(Array.from({ length: TOKENS }, () => issuer.token())));
    const go = flags.peers === 'go' ? installPrograms(say) : undefined;
    const release = await buildRelease();
    const home = join(directory, 'ours');
    mkdirSync(home);
    const ours = await keep(startOurs(release, home, issuer));
    /** Set by the first suite that asks. */
    let mocked: Promise<Running> | undefined;
    const mock = () => {
      mocked ??= keep(startMock());
      return mocked;
    };
    const judged: Judged[] = [];
    for (const suite of suites) {
      const started = performance.now();
      const own = join(directory, suite.name);
      mkdirSync(own);
      const growthSize = 10 ** Number(flags.growth);
      const peers = { ours, mock, go, release };
      const shared = { extent, issuer, load, ...peers, growth: growthSize, say };
      const context: Context = { ...shared, directory: own };
      judged.push(await runSteady(suite, context));
      rmSync(own, { recursive: true, force: true });
      say(`${suite.name}: ${((performance.now() - started) / 1000).toFixed(0)} s`);
    }
    return judged;
  } finally {
    load.close();
    for (const server of opened) await server.close();
    issuer.close();
  }
}

function report(judged: readonly Judged[], rows: readonly Row[], goals: readonly Goal[]): void {
  console.log(`\n${layOut([HEADINGS, ...lines(rows, goals)])}\n`);
  for (const { suite, answered, verified, attempts, drift } of judged) {
    const parts = [
      ...(answered === undefined ? [] : [`${verified} of ${answered} answers verified in full`]),
      `the core drifted by ${(drift * 100).toFixed(0)} %`,
      ...(attempts === 1 ? [] : [`attempt ${attempts}`]),
    ];
    console.log(`${suite}: ${parts.join(', ')}`);
  }
}

/** Whether every gate holds. */
function conclude(rows: readonly Row[], goals: readonly Goal[]): boolean {
  const failed = goals.filter((goal) =>
    rows.some((row) => row.id === goal.id && judge(row, goal) === 'failed'),
  );
  const owed = flags.only === undefined ? missing(goals, rows, abilities()) : [];
  for (const { id } of failed) console.log(`below its gate: ${id}`);
  for (const { id } of owed) console.log(`not measured: ${id}`);
  return failed.length + owed.length === 0;
}

async function main(): Promise<void> {
  if (flags.peers !== undefined && flags.peers !== 'go') throw new Error('--peers takes: go');
  const suites = chosenSuites();
  const goals = readGoals();
  const temporary = temporaryDirectory();
  try {
    const machine = machineFacts(temporary.path);
    const { cpu, cores, node, load, fdatasyncMs } = machine;
    console.log(`${cpu}, ${cores} cores, Node ${node}, load ${load.toFixed(1)} before the start`);
    console.log(`fdatasync of 4 KB ${fdatasyncMs.toFixed(2)} ms`);
    const judged = await runSuites(suites, temporary.path);
    const rows = judged.flatMap((outcome) => outcome.rows);
    report(judged, rows, goals);
    const passed = conclude(rows, goals);
    const form = { quick: flags.quick, peers: flags.peers ?? 'none', only: flags.only };
    const results = {
      date: new Date().toISOString(),
      ...form,
      machine,
      passed,
      rows,
      suites: judged,
    };
    writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
    process.exitCode = passed || flags.ungated ? 0 : 1;
  } finally {
    temporary.remove();
  }
}

await main();
