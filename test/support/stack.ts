// SPDX-License-Identifier: Apache-2.0
// A real `serve --dev` process on a data directory of its own, killed by its pid.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const ROOT = join(import.meta.dirname, '..', '..');
const MAIN = join(ROOT, 'services', 'stack', 'main.ts');
const READY_MS = 60_000;
const POLL_MS = 20;
/** The last line of the screen: the self-check has ended, nothing is appended by itself any more. */
const SETTLED = 'Ctrl-C ends it.';

export interface StackProcess {
  /** As clients know it: http://localhost:PORT. */
  readonly url: string;
  readonly pid: number;
  readonly data: string;
  /** Everything written to stdout so far. */
  screen(): string;
  errors(): string;
  /** Resolves once the self-check has ended. */
  settled(): Promise<void>;
  /** Sends a signal and resolves with how the process ended. */
  end(signal: NodeJS.Signals): Promise<Exit>;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SpawnOptions {
  readonly data: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  readonly env?: Record<string, string>;
  /** The command's entry; that of the checkout unless given. */
  readonly main?: string;
}

export interface Spawned {
  readonly child: ChildProcess;
  readonly exit: Promise<Exit>;
  stdout(): string;
  stderr(): string;
}

/** Ours without settings of the stack: a developer's own must not reach the tests. */
function cleanEnvironment(): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SIGSTEAD_'));
  return Object.fromEntries(own);
}

/** `serve --dev --port 0` under this Node, without a shell or a wrapper between it and a signal. */
export function spawnServe(options: SpawnOptions): Spawned {
  const { data, args = [], cwd = ROOT, env = {}, main = MAIN } = options;
  const words = [main, 'serve', '--dev', '--port', '0', '--data', data, ...args];
  const child = spawn(process.execPath, words, {
    cwd,
    env: { ...cleanEnvironment(), UV_THREADPOOL_SIZE: '8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out: string[] = [];
  const err: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => err.push(text));
  const exit = new Promise<Exit>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  return { child, exit, stdout: () => out.join(''), stderr: () => err.join('') };
}

async function until<T>(what: string, spawned: Spawned, look: () => Promise<T | undefined>) {
  let ended: Exit | undefined;
  spawned.exit.then((exit) => {
    ended = exit;
  });
  for (const end = Date.now() + READY_MS; Date.now() < end; await sleep(POLL_MS)) {
    const found = await look();
    if (found !== undefined) return found;
    if (ended !== undefined) {
      const how = `code ${ended.code}, signal ${ended.signal}`;
      throw new Error(
        `serve ended (${how}) before ${what}:\n${spawned.stdout()}${spawned.stderr()}`,
      );
    }
  }
  spawned.child.kill('SIGKILL');
  throw new Error(`no ${what} in ${READY_MS} ms:\n${spawned.stdout()}${spawned.stderr()}`);
}

/** The url of this very process: an older file names another pid. */
function endpoint(data: string, pid: number | undefined): string | undefined {
  try {
    const found = JSON.parse(readFileSync(join(data, 'endpoint.json'), 'utf8'));
    return found.pid === pid && typeof found.url === 'string' ? found.url : undefined;
  } catch {
    return undefined;
  }
}

async function healthy(url: string): Promise<true | undefined> {
  try {
    const answer = await fetch(`${url}/healthz`);
    return answer.ok && ((await answer.json()) as { status?: string }).status === 'SERVING'
      ? true
      : undefined;
  } catch {
    return undefined;
  }
}

/** Resolves when it serves. @throws Error with everything it wrote when it ends before */
export async function startServe(options: SpawnOptions): Promise<StackProcess> {
  const spawned = spawnServe(options);
  const { child } = spawned;
  const url = await until('endpoint.json', spawned, async () => endpoint(options.data, child.pid));
  await until('healthz', spawned, () => healthy(url));
  return {
    url,
    pid: child.pid ?? 0,
    data: options.data,
    screen: spawned.stdout,
    errors: spawned.stderr,
    async settled() {
      await until('end of the self-check', spawned, async () =>
        spawned.stdout().includes(SETTLED) ? true : undefined,
      );
    },
    end(signal) {
      child.kill(signal);
      return spawned.exit;
    },
  };
}

export interface TemporaryDirectory {
  readonly path: string;
  remove(): void;
}

export function temporaryDirectory(): TemporaryDirectory {
  const path = mkdtempSync(join(tmpdir(), 'sigstead-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}
