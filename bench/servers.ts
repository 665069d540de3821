// SPDX-License-Identifier: Apache-2.0
// The servers that are always there: the real stack, its variant that commits each request alone,
// and @sigstore/mock.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type StackProcess, startServe } from '../test/support/stack.ts';
import type { Issuer } from './issuer.ts';
import { pinServer, type Server } from './race.ts';

export interface Running extends Server {
  close(): Promise<void>;
}

/** `serve --dev` of a release, with one issuer more. */
export async function startStack(
  main: string,
  directory: string,
  issuer?: Issuer,
): Promise<StackProcess> {
  const config = join(directory, 'config.json');
  const { url, keys = [] } = issuer ?? {};
  const row = { url, type: 'ci-provider', provider: 'github', jwks: { keys } };
  writeFileSync(config, JSON.stringify({ ca: { issuers: issuer === undefined ? [] : [row] } }));
  const data = join(directory, 'data');
  const stack = await startServe({ main, data, args: ['--config', config] });
  await stack.settled();
  return stack;
}

/** @param main the built `sigstead` */
export async function startOurs(main: string, directory: string, issuer: Issuer): Promise<Running> {
  const stack = await startStack(main, directory, issuer);
  pinServer(stack.pid);
  return {
    name: 'sigstead',
    port: Number(new URL(stack.url).port),
    pids: [stack.pid],
    trust: readFileSync(join(stack.data, 'trust', 'trusted_root.json'), 'utf8'),
    close: async () => void (await stack.end('SIGTERM')),
  };
}

/** A script of `servers/` that sends its port once it listens. @throws Error when it ends before */
async function startScript(name: string, file: string, args: readonly string[]): Promise<Running> {
  const path = join(import.meta.dirname, 'servers', file);
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ['ignore', 2, 2, 'ipc'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '8' },
  });
  const exit = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (message) => resolve(Number(message)));
    child.once('exit', () => reject(new Error(`${file} ended before it listened`)));
  });
  const pid = child.pid ?? 0;
  pinServer(pid);
  return {
    name,
    port,
    pids: [pid],
    async close() {
      child.kill();
      await exit;
    },
  };
}

export const startMock = () => startScript('@sigstore/mock', 'mock.ts', []);

export const startCommitPerRequest = (directory: string) =>
  startScript('commit per request', 'commit-per-request.ts', [directory]);
