// SPDX-License-Identifier: Apache-2.0
// Verification of a bundle: again and again in one process, and once in a process of its own.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { type FixtureFiles, makeFixture, type RootCurve, writeFixture } from '../fixture.ts';
import type { Row } from '../goals.ts';
import { versionOf } from '../peers/install.ts';
import { median, spread } from '../statistics.ts';
import type { Context, Outcome } from '../suite.ts';
import { raceWorkers } from '../turns.ts';

const WORKERS = ['verify-ours.ts', 'verify-sigstore-js.ts'];
const JS = '@sigstore/verify';

async function warmRow(curve: RootCurve, { extent }: Context): Promise<Row> {
  const { rounds, windowMs, warmMs } = extent;
  const shape = { rounds, millis: windowMs / 2, warmMillis: warmMs / 2 };
  const [ours, peer] = await raceWorkers(WORKERS, [curve], shape);
  if (ours === undefined || peer === undefined) throw new Error('no figures');
  return {
    id: `verify-warm-${curve}`,
    unit: 'µs CPU',
    ours: ours.cpuUs,
    peer: { name: JS, value: peer.cpuUs },
    value: peer.cpuUs / ours.cpuUs,
    spread: ours.spread,
  };
}

export async function verifyWarm(context: Context): Promise<Outcome> {
  return { rows: [await warmRow('p384', context), await warmRow('p256', context)] };
}

type Command = readonly [string, ...string[]];

/** ms until the command has ended. @throws Error unless it ended with 0 */
function timed([program, ...args]: Command, expected = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    const words: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => words.push(text));
    child.once('error', reject);
    child.once('exit', (status) => {
      const millis = performance.now() - started;
      if ((status === 0) === (expected === 0)) resolve(millis);
      else reject(new Error(`${program} ended with ${status}: ${words.join('')}`));
    });
  });
}

interface Contestant {
  /** Of the row; ours has none. */
  readonly id?: string;
  readonly name: string;
  readonly command: (files: FixtureFiles) => Command;
}

function contestants({ go, release }: Context, identity: string, issuer: string): Contestant[] {
  const claim = ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer];
  const flags = ({ bundle, trustedRoot, artifact }: FixtureFiles) => [
    ...['--trusted-root', trustedRoot, '--bundle', bundle],
    ...claim,
    artifact,
  ];
  const script = join(import.meta.dirname, '..', 'workers', 'verify-once.mjs');
  const node = process.execPath;
  const all: Contestant[] = [
    { name: 'sigstead', command: (files) => [node, release, 'verify', ...flags(files)] },
    {
      id: 'verify-cold-js',
      name: `${JS} script`,
      command: ({ trustedRoot, bundle, artifact }) => [
        ...([node, script, trustedRoot, bundle] as const),
        ...[identity, issuer, artifact],
      ],
    },
  ];
  if (go === undefined) return all;
  const cosign: Contestant = {
    id: 'verify-cold-cosign',
    name: `cosign ${versionOf('cosign')}`,
    command: (files) => [go.cosign, 'verify-blob', ...flags(files)],
  };
  return [...all, cosign];
}

const RUNS = { quick: 9, full: 21 };

export async function verifyCold(context: Context): Promise<Outcome> {
  const { directory, extent } = context;
  const fixture = makeFixture('p384');
  const files = writeFixture(directory, fixture);
  const all = contestants(context, fixture.identity, fixture.issuer);
  const times: number[][] = all.map(() => []);
  // Whoever takes everything is fast, too.
  for (const { command } of all) await timed(command({ ...files, artifact: files.bundle }), 1);
  for (const { command } of all) await timed(command(files));
  for (let run = 0; run < (extent.quick ? RUNS.quick : RUNS.full); run++) {
    for (const [i, { command }] of all.entries()) times[i]?.push(await timed(command(files)));
  }
  const [own = []] = times;
  const rows = all.flatMap(({ id, name }, i): Row[] => {
    const peer = median(times[i] ?? []);
    const value = median(own) / peer;
    if (id === undefined) return [];
    return [
      {
        id,
        unit: 'ms',
        ours: median(own),
        peer: { name, value: peer },
        value,
        spread: spread(own),
      },
    ];
  });
  const bare = await bareNode(extent.quick ? 5 : 9);
  return { rows, series: { bareNodeMs: bare } };
}

/** What no program on Node can go below. */
async function bareNode(runs: number): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) times.push(await timed([process.execPath, '-e', '0']));
  return median(times);
}
