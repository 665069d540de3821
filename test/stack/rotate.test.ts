// SPDX-License-Identifier: Apache-2.0
// `sigstead trust rotate` on a stack that is stopped, and on one that runs.
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directorySource, updateTuf } from '../../services/client/tuf-source.ts';
import { begin, type TufState } from '../../services/core/tuf-update.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { lockDataDirectory } from '../../services/runtime/store.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { judgeStackConfig } from '../../services/stack/config.ts';
import { placeOf, rotateKeys } from '../../services/stack/rotate.ts';
import { type Stack, startStack } from '../../services/stack/serve.ts';
import { refusal } from '../tuf/repo.ts';

const home = mkdtempSync(join(tmpdir(), 'sigstead-rotate-'));
const data = join(home, 'data');
const markDirectory = join(home, 'mark');
let stack: Stack | undefined;

async function start(): Promise<Stack> {
  const metrics = { hosts: ['127.0.0.1'], port: 0 };
  const listen = { hosts: ['127.0.0.1'], port: 0 };
  const config = judgeStackConfig({ dev: true, data, markDirectory, listen, metrics });
  return startStack({ config, clock: systemClock, logger: silentLogger });
}

beforeAll(async () => {
  stack = await start();
});
afterAll(async () => {
  await stack?.close();
  rmSync(home, { recursive: true, force: true });
});

const file = (...names: string[]) => readFileSync(join(data, ...names));
const update = (state?: TufState) =>
  updateTuf(
    nodeCrypto,
    directorySource(join(data, 'tuf')),
    state ?? begin(nodeCrypto, new Uint8Array(file('tuf', '1.root.json'))),
    Date.now(),
  );

describe('trust rotate', () => {
  it('lets the running process take up the keys', async () => {
    const before = await update();
    const key = file('keys', 'tuf-timestamp.pem');
    const done = await rotateKeys({ roles: ['timestamp'], data, markDirectory });
    expect(done).toMatchObject({ by: 'running', rootVersion: 2 });
    expect(done.rootSha256).toBe(stack?.parts.trust.rootSha256);
    expect(file('keys', 'tuf-timestamp.pem')).not.toEqual(key);
    expect((await update(before)).root.version).toBe(2);
    const ready = (await (await fetch(`${stack?.url}/readyz`)).json()) as {
      state: { tuf: Record<string, { version: number; daysLeft: number }> };
    };
    expect(ready.state.tuf).toMatchObject({
      root: { version: 2, daysLeft: 364.9 },
      timestamp: { version: 2, daysLeft: 13.9 },
    });
  });

  it('publishes by itself when nothing runs, and the next start goes on from there', async () => {
    await stack?.close();
    const before = await update();
    const targets = before.targets?.signed.targets;
    const done = await rotateKeys({
      roles: ['root', 'targets', 'snapshot'],
      data,
      markDirectory,
    });
    expect(done).toMatchObject({ by: 'here', rootVersion: 3 });
    const after = await update(before);
    expect(after.targets?.signed.targets).toEqual(targets);
    expect(JSON.stringify(after.root.signed)).toContain('x-sigstead-dev-only');
    expect(file('trust', 'README').toString()).toContain(done.rootSha256);
    expect(existsSync(join(data, 'mark', 'tuf.mark'))).toBe(false);
    expect(readFileSync(join(markDirectory, 'tuf.mark'), 'utf8')).toContain('"root":3');
    stack = await start();
    expect(stack.parts.trust.rootSha256).toBe(done.rootSha256);
  });

  it('says so when the process that holds the data does not take them up', async () => {
    const other = join(home, 'other');
    cpSync(data, other, { recursive: true, filter: (path) => !path.includes('lock.') });
    const lock = lockDataDirectory(other);
    const impatient = rotateKeys({ roles: ['root'], data: other, patienceMs: 200 });
    expect(await refusal(impatient)).toMatchObject({
      code: 'SERVICE_UNREACHABLE',
      message: expect.stringContaining('tuf-root.next.pem'),
    });
    // The key waits: the next call, or the next start, ends what was begun.
    lock.release();
    expect(await rotateKeys({ roles: [], data: other })).toMatchObject({ by: 'here' });
    expect(existsSync(join(other, 'keys', 'tuf-root.next.pem'))).toBe(false);
  });

  it('makes nothing where there is no trust root', async () => {
    const empty = join(home, 'empty');
    expect(await refusal(rotateKeys({ roles: ['root'], data: empty }))).toMatchObject({
      code: 'FILE_UNREADABLE',
      field: '--data',
    });
    expect(existsSync(empty)).toBe(false);
  });

  it('finds the directories as serve does: file, environment, flags', async () => {
    const config = join(home, 'sigstead.yaml');
    writeFileSync(config, 'data: /from/file\nmarkDirectory: /marks/file\n');
    const role = ['root'] as const;
    expect(placeOf({ role }, {})).toEqual({ data: './data' });
    expect(placeOf({ role, config }, {})).toEqual({
      data: '/from/file',
      markDirectory: '/marks/file',
    });
    expect(placeOf({ role, config }, { SIGSTEAD_DATA: '/from/env' }).data).toBe('/from/env');
    expect(placeOf({ role, config, data: '/flag', markDir: '/m' }, {})).toEqual({
      data: '/flag',
      markDirectory: '/m',
    });
    expect((await refusal(() => placeOf({ role }, { SIGSTEAD_DATA: '7' }))).code).toBe(
      'CONFIG_INVALID',
    );
  });
});
