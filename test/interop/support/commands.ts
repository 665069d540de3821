// SPDX-License-Identifier: Apache-2.0
// Foreign and own commands, each with a home of its own and no way to a public Sigstore.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../support/stack.ts';
import { PROGRAMS } from './cache.ts';

export interface Result {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, for messages of tools that choose either. */
  readonly output: string;
}

export interface Workplace {
  /** Working directory of every command. */
  readonly directory: string;
  readonly environment: Record<string, string>;
}

const TIMEOUT_MS = 60_000;

/** Nothing of the machine's own settings or caches is seen; nothing is left in them. */
export function workplace(directory: string): Workplace {
  const home = join(directory, 'home');
  for (const name of ['', '.cache', '.config', '.local']) {
    mkdirSync(join(home, name), { recursive: true });
  }
  const environment = {
    PATH: process.env.PATH ?? '',
    HOME: home,
    TUF_ROOT: join(home, 'tuf'),
    XDG_CACHE_HOME: join(home, '.cache'),
    XDG_CONFIG_HOME: join(home, '.config'),
    XDG_DATA_HOME: join(home, '.local'),
    NO_COLOR: '1',
  };
  return { directory, environment };
}

export function run(place: Workplace, command: string, args: readonly string[]): Promise<Result> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: place.directory,
      env: place.environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: TIMEOUT_MS,
    });
    const out: string[] = [];
    const all: string[] = [];
    const err: string[] = [];
    const collect = (own: string[]) => (text: string) => {
      own.push(text);
      all.push(text);
    };
    child.stdout.setEncoding('utf8').on('data', collect(out));
    child.stderr.setEncoding('utf8').on('data', collect(err));
    child.once('error', reject);
    child.once('close', (status) =>
      resolve({ status, stdout: out.join(''), stderr: err.join(''), output: all.join('') }),
    );
  });
}

export const cosign = (place: Workplace, ...args: string[]) => run(place, PROGRAMS.cosign, args);
export const openssl = (place: Workplace, ...args: string[]) => run(place, PROGRAMS.openssl, args);
export const sigstead = (place: Workplace, ...args: string[]) =>
  run(place, join(ROOT, 'scripts', 'sigstead'), args);

/** A command that must end 0; its output is the reason when it does not. */
export async function ok(result: Promise<Result>): Promise<Result> {
  const found = await result;
  if (found.status !== 0) throw new Error(`ended with ${found.status}\n${found.output}`);
  return found;
}
