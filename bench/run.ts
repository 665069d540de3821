// SPDX-License-Identifier: Apache-2.0
// `npm run bench [-- --quick]`: append, issue and stamp against the real process over HTTP,
// signatures and fsync on, in windows that alternate with @sigstore/mock called in process.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { devToken } from '../test/support/requests.ts';
import { type StackProcess, startServe, temporaryDirectory } from '../test/support/stack.ts';
import type { LoadAnswer, LoadData, Measured, Window } from './load.ts';
import { calibrate, drift, machineFacts, processCpuUs } from './machine.ts';
import { OPERATIONS, type Operation } from './operations.ts';
import { median, spread } from './statistics.ts';

const RESULTS = join(import.meta.dirname, 'results.json');
const CONNECTIONS = 32;
const TOKENS = 64;
const MAX_DRIFT = 0.2;

const quick = process.argv.includes('--quick');
/** `--only append,stamp`: some operations. */
const only = process.argv.includes('--only')
  ? (process.argv[process.argv.indexOf('--only') + 1] ?? '').split(',')
  : undefined;
const ROUNDS = quick ? 5 : 9;
const WINDOW_MS = quick ? 700 : 3000;
/** Long enough for the compiler of the engine to settle. */
const WARM_MS = quick ? 1500 : 4000;
const LATENCY_MS = quick ? 300 : 1000;

function ask(worker: Worker, window: Window): Promise<Measured> {
  return new Promise((resolve, reject) => {
    worker.once('message', (answer: LoadAnswer) => {
      if ('measured' in answer) resolve(answer.measured);
      else reject(new Error(answer.error));
    });
    worker.postMessage(window);
  });
}

const perSecond = (measured: Measured) => (measured.answered * 1000) / measured.millis;

/** Enough requests for a window a half faster than the one before. */
const enough = (measured: Measured, millis: number) =>
  Math.ceil((perSecond(measured) * millis * 1.5) / 1000) + CONNECTIONS;

interface Side {
  readonly worker: Worker;
  readonly connections: number;
}

/** One discarded window, which also tells how many requests a window takes. */
async function warmUp(side: Side, operation: Operation): Promise<Measured> {
  const window = { operation: operation.name, connections: side.connections };
  const cold = await ask(side.worker, { ...window, millis: 400, requests: 400 });
  const requests = enough(cold, WARM_MS);
  return ask(side.worker, { ...window, millis: WARM_MS, requests });
}

export interface Row {
  readonly operation: string;
  readonly what: string;
  readonly oursPerSecond: number;
  readonly peerPerSecond: number;
  readonly ratio: number;
  /** Interquartile range of our windows as a part of their median. */
  readonly spread: number;
  readonly oursP50Ms: number;
  readonly peerP50Ms: number;
  readonly oursP99Ms: number;
  /** Server CPU for one request under load, all threads, µs. */
  readonly serverCpuUs: number | undefined;
  readonly verified: number;
  readonly answered: number;
}

async function measure(operation: Operation, ours: Side, peer: Side, pid: number): Promise<Row> {
  const last = { ours: await warmUp(ours, operation), peer: await warmUp(peer, operation) };
  const windows = { ours: [] as Measured[], peer: [] as Measured[] };
  const cpu: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = processCpuUs(pid);
    last.ours = await ask(ours.worker, {
      operation: operation.name,
      connections: ours.connections,
      millis: WINDOW_MS,
      requests: enough(last.ours, WINDOW_MS),
    });
    const after = processCpuUs(pid);
    if (before !== undefined && after !== undefined)
      cpu.push((after - before) / last.ours.answered);
    windows.ours.push(last.ours);
    last.peer = await ask(peer.worker, {
      operation: operation.name,
      connections: peer.connections,
      millis: WINDOW_MS,
      requests: enough(last.peer, WINDOW_MS),
    });
    windows.peer.push(last.peer);
  }
  const alone = (side: Side) =>
    ask(side.worker, {
      operation: operation.name,
      connections: 1,
      millis: LATENCY_MS,
      requests: enough(last.ours, LATENCY_MS),
    });
  const single = { ours: await alone(ours), peer: await alone(peer) };
  const oursPerSecond = median(windows.ours.map(perSecond));
  const peerPerSecond = median(windows.peer.map(perSecond));
  const sum = (pick: (m: Measured) => number) => windows.ours.reduce((n, m) => n + pick(m), 0);
  return {
    operation: operation.name,
    what: operation.what,
    oursPerSecond,
    peerPerSecond,
    ratio: oursPerSecond / peerPerSecond,
    spread: spread(windows.ours.map(perSecond)),
    oursP50Ms: single.ours.p50Ms,
    peerP50Ms: single.peer.p50Ms,
    oursP99Ms: median(windows.ours.map(({ p99Ms }) => p99Ms)),
    serverCpuUs: cpu.length === 0 ? undefined : median(cpu),
    verified: sum(({ verified }) => verified),
    answered: sum(({ answered }) => answered),
  };
}

function table(rows: readonly Row[]): string {
  const lines = [
    [
      'operation',
      'ours/s',
      'peer/s',
      'ratio',
      'spread',
      'p50 c=1 ms',
      'peer',
      `p99 c=${CONNECTIONS}`,
      'server CPU µs',
    ],
    ...rows.map((row) => [
      row.operation,
      row.oursPerSecond.toFixed(0),
      row.peerPerSecond.toFixed(0),
      `${row.ratio.toFixed(2)}x`,
      `${(row.spread * 100).toFixed(0)} %`,
      row.oursP50Ms.toFixed(2),
      row.peerP50Ms.toFixed(2),
      row.oursP99Ms.toFixed(1),
      row.serverCpuUs?.toFixed(0) ?? 'unknown',
    ]),
  ];
  const widths = (lines[0] ?? []).map((_, i) =>
    Math.max(...lines.map((line) => line[i]?.length ?? 0)),
  );
  const pad = (cell: string, i: number) =>
    i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0);
  return lines.map((line) => line.map(pad).join('  ')).join('\n');
}

async function loadData(stack: StackProcess): Promise<LoadData> {
  const trusted = await fetch(`${stack.url}/trust/trusted_root.json`);
  const tokens = await Promise.all(
    Array.from({ length: TOKENS }, async (_, i) => {
      const identity = `load-${i}@example.com`;
      return { identity, token: await devToken(stack.url, identity, 3600) };
    }),
  );
  const port = Number(new URL(stack.url).port);
  return { port, tokens, trustedRoot: new Uint8Array(await trusted.arrayBuffer()) };
}

async function main(): Promise<void> {
  const directory = temporaryDirectory();
  const stack = await startServe({ data: join(directory.path, 'data') });
  const workers: Worker[] = [];
  const spawn = (file: string, workerData?: LoadData) => {
    const worker = new Worker(join(import.meta.dirname, file), { workerData });
    workers.push(worker);
    return worker;
  };
  try {
    await stack.settled();
    const machine = machineFacts(directory.path);
    const before = calibrate();
    const ours = { worker: spawn('load.ts', await loadData(stack)), connections: CONNECTIONS };
    // More at once gain nothing on the peer's one thread.
    const peer = { worker: spawn('peer.ts'), connections: 4 };
    const rows: Row[] = [];
    const chosen = OPERATIONS.filter(({ name }) => only?.includes(name) ?? true);
    for (const operation of chosen) rows.push(await measure(operation, ours, peer, stack.pid));
    const drifted = drift(before, calibrate());
    const shape = `${ROUNDS} windows of ${WINDOW_MS} ms, ${CONNECTIONS} connections`;
    console.log(
      `${machine.cpu}, ${machine.cores} cores shared by server and load, Node ${machine.node}`,
    );
    const { verifyPerSecond: verifies, hashMegabytesPerSecond: hashed } = before;
    console.log(
      `one core: ${verifies.toFixed(0)} P-256 checks/s, ${hashed.toFixed(0)} MB/s SHA-256`,
    );
    console.log(`fdatasync ${machine.fsyncMs.toFixed(2)} ms, ${shape}, medians\n`);
    console.log(table(rows));
    console.log('\nours: the real process over HTTP, everything signed, durable and checked');
    console.log(
      'peer: @sigstore/mock in process, no HTTP, no tree, nothing durable, nothing checked',
    );
    for (const row of rows) {
      console.log(`${row.operation}: ${row.verified} of ${row.answered} answers verified in full`);
    }
    const steady = drifted <= MAX_DRIFT;
    console.log(
      `calibration drifted by ${(drifted * 100).toFixed(0)} %${steady ? '' : ': too much, run again'}`,
    );
    const results = {
      quick,
      machine,
      calibration: before,
      drift: drifted,
      steady,
      connections: CONNECTIONS,
      rounds: ROUNDS,
      windowMs: WINDOW_MS,
      rows,
    };
    writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
    await stack.end('SIGTERM');
    directory.remove();
  }
}

await main();
