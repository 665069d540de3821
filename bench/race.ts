// SPDX-License-Identifier: Apache-2.0
// Windows of the same load that alternate between servers: what the machine does to one it does to
// all. The first window of each is discarded.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Token } from './issuer.ts';
import type { LoadAnswer, LoadOrder, Measured, Window } from './load.ts';
import { cpuUs } from './machine.ts';
import type { OperationName } from './operations.ts';
import { median, spread } from './statistics.ts';

/** Servers on the first core, the load on the second: neither takes time from the other. */
const SERVER_CORE = '0';
const LOAD_CORE = '1';

const canPin = spawnSync('taskset', ['--version']).status === 0;

/** Every thread of a process, and those to come. */
export function pinServer(pid: number): void {
  if (canPin) spawnSync('taskset', ['-a', '-p', '-c', SERVER_CORE, String(pid)]);
}

/** The command that runs another on the core of the load. */
function pinnedLoad(command: string, args: readonly string[]): [string, string[]] {
  return canPin ? ['taskset', ['-c', LOAD_CORE, command, ...args]] : [command, [...args]];
}

export interface Load {
  tokens(tokens: readonly Token[]): Promise<void>;
  /** Sees to certificates for entries that certificates sign. */
  holders(port: number, count: number): Promise<void>;
  window(window: Window): Promise<Measured>;
  close(): void;
}

/** @throws Error what the generator threw */
export function openLoad(): Load {
  const file = join(import.meta.dirname, 'load.ts');
  const [command, args] = pinnedLoad(process.execPath, [file]);
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 2, 2, 'ipc'] });
  const ask = (order: LoadOrder) =>
    new Promise<LoadAnswer>((resolve, reject) => {
      const ended = () => reject(new Error('the load generator ended'));
      child.once('exit', ended);
      child.once('message', (answer: LoadAnswer) => {
        child.off('exit', ended);
        if ('error' in answer) reject(new Error(answer.error));
        else resolve(answer);
      });
      child.send(order);
    });
  return {
    tokens: async (tokens) => void (await ask({ kind: 'tokens', tokens })),
    holders: async (port, count) => void (await ask({ kind: 'holders', port, count })),
    async window(window) {
      const answer = await ask({ kind: 'window', window });
      if ('error' in answer || answer.measured === undefined) throw new Error('no measurement');
      return answer.measured;
    },
    close: () => child.kill(),
  };
}

/** A server under load. */
export interface Server {
  readonly name: string;
  readonly port: number;
  /** Of everything that works for one request. */
  readonly pids: readonly number[];
  /** trusted_root.json, where its answers can be verified with one. */
  readonly trust?: string;
}

export interface Side {
  readonly server: Server;
  readonly operation: OperationName;
  readonly connections: number;
  /** In place of those of the race. */
  readonly millis?: number;
  readonly rounds?: number;
}

export interface Shape {
  readonly rounds: number;
  readonly millis: number;
  /** Long enough for the compiler of the engine to settle. */
  readonly warmMillis: number;
}

export interface Figures {
  /** Median of the windows, and how far they lie apart. */
  readonly perSecond: number;
  readonly spread: number;
  /** Server CPU for one answer, all threads, µs. */
  readonly cpuUs: number;
  readonly cpuSpread: number;
  readonly p50Ms: number;
  readonly p50Spread: number;
  readonly p99Ms: number;
  readonly answered: number;
  readonly verified: number;
}

interface Lap extends Measured {
  readonly cpuUs: number;
}

async function lap(load: Load, side: Side, millis: number, requests: number): Promise<Lap> {
  const { server, operation, connections } = side;
  const { port, pids, trust } = server;
  const window = { port, operation, connections, millis, requests };
  const before = cpuUs(pids);
  try {
    const measured = await load.window(trust === undefined ? window : { ...window, trust });
    return { ...measured, cpuUs: (cpuUs(pids) - before) / measured.answered };
  } catch (error) {
    throw new Error(`${server.name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Enough requests for a window a half faster than the one before. */
function enough({ answered, millis }: Measured, side: Side, windowMs: number): number {
  return Math.ceil((answered / millis) * windowMs * 1.5) + side.connections;
}

const PROBE_MS = 400;

/** Tells how many requests a window takes, and warms the server. */
async function warmUp(load: Load, side: Side, millis: number): Promise<Lap> {
  const probe = await lap(load, side, PROBE_MS, Math.max(400, side.connections));
  return millis === 0 ? probe : lap(load, side, millis, enough(probe, side, millis));
}

function figures(laps: readonly Lap[]): Figures {
  const rates = laps.map(({ answered, millis }) => (answered * 1000) / millis);
  const cpus = laps.map((each) => each.cpuUs);
  const middles = laps.map(({ p50Ms }) => p50Ms);
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  return {
    perSecond: median(rates),
    spread: spread(rates),
    cpuUs: median(cpus),
    cpuSpread: spread(cpus),
    p50Ms: median(middles),
    p50Spread: spread(middles),
    p99Ms: median(laps.map(({ p99Ms }) => p99Ms)),
    answered: sum(laps.map(({ answered }) => answered)),
    verified: sum(laps.map(({ verified }) => verified)),
  };
}

/** Figures of each side, in their order. @throws Error for any answer but the expected */
export async function race(load: Load, sides: readonly Side[], shape: Shape): Promise<Figures[]> {
  const laps: Lap[][] = sides.map(() => []);
  const last: Lap[] = [];
  for (const side of sides)
    last.push(await warmUp(load, side, side.rounds === undefined ? shape.warmMillis : 0));
  for (let round = 0; round < shape.rounds; round++) {
    for (const [i, side] of sides.entries()) {
      if (round >= (side.rounds ?? shape.rounds)) continue;
      const millis = side.millis ?? shape.millis;
      const found = await lap(load, side, millis, enough(last[i] as Lap, side, millis));
      laps[i]?.push(found);
      last[i] = found;
    }
  }
  return laps.map(figures);
}
