// SPDX-License-Identifier: Apache-2.0
// Children that repeat one piece of work, in windows that alternate between them.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { median, spread } from './statistics.ts';
import type { Turn } from './workers/turns.ts';

interface Worker {
  turn(millis: number): Promise<Turn>;
  close(): void;
}

function next(child: ChildProcess, file: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error(`${file} ended`));
    child.once('exit', ended);
    child.once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}

/** @param file in `workers/` */
async function startWorker(file: string, args: readonly string[]): Promise<Worker> {
  const path = join(import.meta.dirname, 'workers', file);
  const child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 2, 2, 'ipc'] });
  await next(child, file);
  return {
    async turn(millis) {
      const answer = next(child, file);
      child.send(millis);
      return (await answer) as Turn;
    },
    close: () => child.kill(),
  };
}

export interface TurnFigures {
  /** Median of the windows, µs of CPU for one piece of work. */
  readonly cpuUs: number;
  readonly spread: number;
}

/** @throws Error when a worker ends */
export async function raceWorkers(
  files: readonly string[],
  args: readonly string[],
  shape: { readonly rounds: number; readonly millis: number; readonly warmMillis: number },
): Promise<TurnFigures[]> {
  const workers = await Promise.all(files.map((file) => startWorker(file, args)));
  try {
    const found: number[][] = workers.map(() => []);
    for (const worker of workers) await worker.turn(shape.warmMillis);
    for (let round = 0; round < shape.rounds; round++) {
      for (const [i, worker] of workers.entries()) {
        found[i]?.push((await worker.turn(shape.millis)).cpuUs);
      }
    }
    return found.map((values) => ({ cpuUs: median(values), spread: spread(values) }));
  } finally {
    for (const worker of workers) worker.close();
  }
}
