// SPDX-License-Identifier: Apache-2.0
// A foreign server: started, waited for, pinned to the core of the servers, ended by its pid.
import { type ChildProcess, spawn } from 'node:child_process';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pinServer } from '../race.ts';

const START_MS = 20_000;
const STOP_MS = 5000;
const POLL_MS = 50;

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export interface Peer {
  readonly pid: number;
  close(): Promise<void>;
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url);
    return true;
  } catch {
    return false;
  }
}

function stop(child: ChildProcess, exit: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  return exit.finally(() => clearTimeout(hard));
}

/**
 * Resolves once something answers at `url`, whatever it says.
 * @throws Error with what it wrote when it ends before
 */
export async function startPeer(
  program: string,
  args: readonly string[],
  url: string,
): Promise<Peer> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // One core is what every server here has.
    env: { ...process.env, GOMAXPROCS: '1' },
  });
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output.push(text);
      if (output.length > 200) output.shift();
    });
  }
  let ended = false;
  const exit = new Promise<void>((resolve) => {
    const end = () => {
      ended = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  for (const end = Date.now() + START_MS; !(await answers(url)); await sleep(POLL_MS)) {
    if (!ended && Date.now() < end) continue;
    await stop(child, exit);
    throw new Error(`${program} does not answer at ${url}:\n${output.join('')}`);
  }
  const pid = child.pid ?? 0;
  pinServer(pid);
  return { pid, close: () => stop(child, exit) };
}
