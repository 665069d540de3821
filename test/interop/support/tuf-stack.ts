// SPDX-License-Identifier: Apache-2.0
// A whole stack in this process whose clock a test turns, so that its signatures age; and a bare
// server for what a crash left of a repository.
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, normalize } from 'node:path';
import { silentLogger } from '../../../services/runtime/telemetry.ts';
import { judgeStackConfig } from '../../../services/stack/config.ts';
import { type Stack, startStack } from '../../../services/stack/serve.ts';

export const DAY = 86_400_000;

export interface AgingStack {
  readonly data: string;
  /** Base of the TUF repository. */
  url(): string;
  /** Turns the clock of the stack to so many days from now, starting it there if it does not run. */
  at(days: number): Promise<Stack>;
  /** Ends it and starts it on another port. */
  move(): Promise<Stack>;
  stop(): Promise<void>;
}

export function agingStack(data: string): AgingStack {
  let offsetMs = 0;
  let stack: Stack | undefined;
  const clock = () => Date.now() + offsetMs;
  const start = async () => {
    const any = { hosts: ['127.0.0.1'], port: 0 };
    const config = judgeStackConfig({ dev: true, data, listen: any, metrics: any });
    stack = await startStack({ config, clock, logger: silentLogger });
    return stack;
  };
  const stop = async () => {
    await stack?.close();
    stack = undefined;
  };
  return {
    data,
    url: () => `${stack?.url}/tuf`,
    async at(days) {
      offsetMs = days * DAY;
      if (stack === undefined) return start();
      // What the hourly timer does.
      await stack.parts.trust.renew();
      return stack;
    },
    async move() {
      await stop();
      return start();
    },
    stop,
  };
}

export interface FileServer {
  readonly url: string;
  close(): Promise<void>;
}

/** Files of a directory as they lie there; what is missing is 404. */
export async function serveFiles(directory: string): Promise<FileServer> {
  const server = createServer((request, response) => {
    const file = join(directory, normalize(request.url ?? '/'));
    const found = existsSync(file);
    response.writeHead(found ? 200 : 404, { 'content-type': 'application/octet-stream' });
    response.end(found ? readFileSync(file) : undefined);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
