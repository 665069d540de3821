// SPDX-License-Identifier: Apache-2.0
// Settings of the log reach it.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { judgeStackConfig } from '../../services/stack/config.ts';
import { startStack } from '../../services/stack/serve.ts';
import { temporaryDirectory } from '../support/stack.ts';
import { post, request } from './harness.ts';

it('a frozen log refuses entries in a stack that starts and serves', async () => {
  const directory = temporaryDirectory();
  const config = (frozen: boolean) =>
    judgeStackConfig({
      url: 'http://127.0.0.1',
      origin: 'log.corp.example',
      data: join(directory.path, 'data'),
      listen: { port: 0, hosts: ['127.0.0.1'] },
      ca: { issuers: [{ url: 'https://login.corp.example', type: 'email' }] },
      tlog: { frozen },
    });
  for (const [frozen, status] of [
    [false, 201],
    [true, 405],
  ] as const) {
    const stack = await startStack({
      config: config(frozen),
      clock: Date.now,
      logger: silentLogger,
    });
    const { tlog } = stack.parts;
    expect((await post(tlog, request(`frozen ${frozen}`))).status).toBe(status);
    const checkpoint = await (await tlog.routes.request('/api/v2/checkpoint')).text();
    expect(checkpoint).toMatch(/^log\.corp\.example\n1\n/);
    expect(tlog.readiness()).toEqual([]);
    await stack.close();
  }
  directory.remove();
});

it('a dev stack, which signs at its start, has no frozen log', () => {
  expect(() => judgeStackConfig({ dev: true, tlog: { frozen: true } })).toThrow(/^tlog\.frozen: /);
});
