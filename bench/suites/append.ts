// SPDX-License-Identifier: Apache-2.0
// Log entries: signature checked, durable, with inclusion proof and signed checkpoint in the answer.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Row } from '../goals.ts';
import { fdatasyncMs } from '../machine.ts';
import { startRekorTiles } from '../peers/servers.ts';
import { type Figures, race, type Side } from '../race.ts';
import { type Running, startCommitPerRequest } from '../servers.ts';
import type { Context, Outcome } from '../suite.ts';
import { costRow, latencyRow, serverShape, valueRow } from './rows.ts';

const CONNECTIONS = 64;
/** The peer answers by its clock: more clients, more answers in a window. */
const CLOCKED_CONNECTIONS = 256;
const CLOCKED_MS = 3000;
/**
 * One client after the other meets another clock than a client now and then: each answer lets the
 * next wait for a whole interval. A window holds a few of them.
 */
const STEADY_MS = 9000;
const STEADY_WINDOWS = 2;
const HOLDERS = { quick: 2048, full: 4096 };
/** What a durable answer may take: some work, and a few writes that wait for the disk. */
const WORK_MS = 2;
const SYNCS = 4;

type Named = Figures & { readonly name: string };

interface Found {
  readonly rows: readonly Row[];
  readonly figures: readonly Named[];
}

function named(sides: readonly Side[], figures: readonly Figures[]): Named[] {
  return figures.map((each, i) => ({ name: sides[i]?.server.name ?? '', ...each }));
}

async function alone(context: Context): Promise<Found> {
  const { load, ours, extent, directory } = context;
  const shape = serverShape(extent);
  const before = fdatasyncMs(directory);
  const sides: Side[] = [{ server: ours, operation: 'append', connections: 1 }];
  const figures = named(sides, await race(load, sides, { ...shape, millis: shape.millis / 2 }));
  const [own] = figures as [Named];
  // The disk as it is now: others may use it, too.
  const allowed = WORK_MS + (SYNCS * (before + fdatasyncMs(directory))) / 2;
  const peer = { name: `${WORK_MS} ms + ${SYNCS} fdatasync`, value: allowed };
  const value = own.p50Ms / allowed;
  const row = { id: 'append-p50', unit: 'ms', ours: own.p50Ms, peer, value, spread: own.p50Spread };
  return { rows: [row], figures };
}

async function together(context: Context): Promise<Found> {
  const { load, ours, extent, directory } = context;
  const own = join(directory, 'commit-per-request');
  mkdirSync(own, { recursive: true });
  const peer = await startCommitPerRequest(own);
  try {
    const sides: Side[] = [ours, peer].map((server) => ({
      server,
      operation: 'append',
      connections: CONNECTIONS,
    }));
    const figures = named(sides, await race(load, sides, serverShape(extent)));
    const [first, second] = figures as [Named, Named];
    const rows = [
      costRow('append-cpu-commit-per-request', peer.name, first, second),
      valueRow('append-p99', 'ms', first.p99Ms),
    ];
    return { rows, figures };
  } finally {
    await peer.close();
  }
}

async function withCertificates(context: Context): Promise<Found> {
  const { load, ours, extent } = context;
  await load.holders(ours.port, extent.quick ? HOLDERS.quick : HOLDERS.full);
  const side: Side = { server: ours, operation: 'appendCertificate', connections: CONNECTIONS };
  const shape = { ...serverShape(extent), warmMillis: extent.warmMs / 2 };
  const figures = named([side], await race(load, [side], shape));
  const [own] = figures as [Named];
  return {
    rows: [valueRow('append-certificate-cpu', 'µs CPU', own.cpuUs, own.cpuSpread)],
    figures: [{ ...own, name: `${own.name}, certificate` }],
  };
}

/** As its compose file starts it: what one client waits. */
async function againstCompose(context: Context): Promise<Found> {
  const { go, directory, load, ours, extent } = context;
  if (go === undefined) return { rows: [], figures: [] };
  const peer = await startRekorTiles(go, join(directory, 'rekor-compose'), 'compose');
  try {
    const sides: Side[] = [
      { server: ours, operation: 'append', connections: 1 },
      {
        server: peer,
        operation: 'append',
        connections: 1,
        millis: STEADY_MS,
        rounds: STEADY_WINDOWS,
      },
    ];
    const shape = serverShape(extent);
    const figures = named(
      sides,
      await race(load, sides, { ...shape, millis: shape.millis / 2, warmMillis: 0 }),
    );
    const [own, other] = figures as [Named, Named];
    return { rows: [latencyRow('append-p50-rekor-tiles', peer.name, own, other)], figures };
  } finally {
    await peer.close();
  }
}

const clocked = (server: Running, operation: Side['operation']): Side => ({
  server,
  operation,
  connections: CLOCKED_CONNECTIONS,
  millis: CLOCKED_MS,
});

/** With the fastest clock that it takes, so that its CPU has work. */
async function againstTuned(context: Context): Promise<Found> {
  const { go, directory, load, ours, extent } = context;
  if (go === undefined) return { rows: [], figures: [] };
  const peer = await startRekorTiles(go, join(directory, 'rekor-tuned'), 'tuned');
  try {
    const rows: Row[] = [];
    const figures: Named[] = [];
    for (const [operation, id] of [
      ['append', 'append-cpu-rekor-tiles'],
      ['appendCertificate', 'append-certificate-cpu-rekor-tiles'],
    ] as const) {
      const sides = [
        { server: ours, operation, connections: CONNECTIONS },
        clocked(peer, operation),
      ];
      const found = named(sides, await race(load, sides, serverShape(extent)));
      const [own, other] = found as [Named, Named];
      rows.push(costRow(id, peer.name, own, other));
      figures.push(...found);
    }
    return { rows, figures };
  } finally {
    await peer.close();
  }
}

export async function append(context: Context): Promise<Outcome> {
  const parts = [
    await alone(context),
    await together(context),
    await withCertificates(context),
    await againstCompose(context),
    await againstTuned(context),
  ];
  const figures = parts.flatMap((part) => part.figures);
  const own = figures.filter(({ name }) => name.startsWith(context.ours.name));
  return {
    rows: parts.flatMap((part) => part.rows),
    answered: own.reduce((sum, { answered }) => sum + answered, 0),
    verified: own.reduce((sum, { verified }) => sum + verified, 0),
    series: { figures },
  };
}
