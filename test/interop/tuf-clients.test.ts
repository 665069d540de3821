// SPDX-License-Identifier: Apache-2.0
// The clients of python-tuf and go-tuf against a stack: a first fetch, updates, keys that change, what
// a crash leaves, expiry and healing. Each keeps its state from step to step, as on a user's machine.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../../services/core/tuf.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import { rotateKeys } from '../../services/stack/rotate.ts';
import { layoutOf } from '../../services/stack/state.ts';
import { Publisher } from '../../services/tuf/publisher.ts';
import { prepareNextKey } from '../../services/tuf/signers.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/stack.ts';
import { Crash, stopAfter } from '../tuf/harness.ts';
import { have, INTEROP, PROGRAMS, type Tool } from './support/cache.ts';
import { ok, type Result, run, type Workplace, workplace } from './support/commands.ts';
import { type AgingStack, agingStack, serveFiles } from './support/tuf-stack.ts';

const TRUSTED_ROOT = 'trusted_root.json';

interface TufClient {
  readonly tool: Tool;
  /** One update and targets; `root` is trusted when nothing else is yet. */
  get(place: Workplace, url: string, root: string, targets: readonly string[]): Promise<Result>;
  /** The version of root that the client keeps. */
  rootVersion(place: Workplace): number;
  /** What it says of expired metadata. */
  readonly expired: RegExp;
}

const kept = (place: Workplace, name: string) =>
  JSON.parse(readFileSync(join(place.directory, 'tuf_metadata', name), 'utf8'));

const CLIENTS: readonly TufClient[] = [
  {
    tool: 'python-tuf',
    get: (place, url, root, targets) =>
      run(place, PROGRAMS['python-tuf'], [
        join(INTEROP, 'python', 'tuf_client.py'),
        ...[url, place.directory, root, ...targets],
      ]),
    rootVersion: (place) => kept(place, 'root.json').signed.version,
    expired: /ExpiredMetadataError: timestamp\.json is expired/,
  },
  {
    tool: 'tuf-client',
    async get(place, url, root, targets) {
      const known = readdirSync(place.directory).includes('tuf_metadata');
      if (!known) {
        // It takes a name in its working directory alone.
        copyFileSync(root, join(place.directory, 'root.json'));
        const first = await run(place, PROGRAMS['tuf-client'], [
          'init',
          '-u',
          url,
          '-f',
          'root.json',
        ]);
        if (first.status !== 0) return first;
      }
      const where = ['-u', url, '-t', `${url}/targets`];
      const one = (target: string) => run(place, PROGRAMS['tuf-client'], ['get', ...where, target]);
      const [first = '', ...others] = targets;
      let result = await one(first);
      for (const target of others) if (result.status === 0) result = await one(target);
      return result;
    },
    rootVersion: (place) => kept(place, 'root.json').signed.version,
    expired: /timestamp(\.json)? is expired/i,
  },
];

let directory: TemporaryDirectory;
beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => directory.remove());

describe.each(CLIENTS)('$tool', ({ tool, get, rootVersion, expired }) => {
  const can = describe.runIf(have(tool));
  const below = (name: string) => join(directory.path, `${tool}-${name}`);

  const newPlace = (name: string): Workplace => {
    const path = below(name);
    mkdirSync(path);
    return workplace(path);
  };
  const rootOf = (data: string, version = 1) => join(data, 'tuf', `${version}.root.json`);

  /** An update must succeed and bring the trusted root that the stack publishes. */
  async function follows(place: Workplace, url: string, data: string): Promise<string> {
    await ok(get(place, url, rootOf(data), [TRUSTED_ROOT]));
    const files = readdirSync(join(place.directory, 'tuf_download'));
    const file = files.find((name) => name.endsWith(TRUSTED_ROOT)) ?? '';
    return readFileSync(join(place.directory, 'tuf_download', file), 'utf8');
  }

  can('with a stack that changes', () => {
    let stack: AgingStack;
    let place: Workplace;
    beforeAll(async () => {
      stack = agingStack(below('data'));
      await stack.at(0);
      place = newPlace('user');
    });
    afterAll(() => stack.stop());
    const published = () => readFileSync(join(stack.data, 'trust', TRUSTED_ROOT), 'utf8');

    it('fetches the trusted root', async () => {
      expect(await follows(place, stack.url(), stack.data)).toBe(published());
    });

    it('fetches every target, those for older clients too', async () => {
      const { targets } = JSON.parse(
        readFileSync(join(stack.data, 'tuf', '1.targets.json'), 'utf8'),
      ).signed;
      await ok(get(place, stack.url(), rootOf(stack.data), Object.keys(targets)));
    });

    it('refuses a target that is not listed, and a root of another stack', async () => {
      const missing = await get(place, stack.url(), rootOf(stack.data), ['none.json']);
      expect(missing.status).not.toBe(0);
      const other = agingStack(below('other'));
      await other.at(0);
      try {
        const stranger = newPlace('stranger');
        const result = await get(stranger, stack.url(), rootOf(other.data), [TRUSTED_ROOT]);
        expect(result.status).not.toBe(0);
        expect(result.output).toMatch(/sign|verif/i);
      } finally {
        await other.stop();
      }
    });

    it('follows to another address of the services', async () => {
      const before = published();
      await stack.move();
      const found = await follows(place, stack.url(), stack.data);
      expect(found).toBe(published());
      expect(found).not.toBe(before);
    });

    it.each([...ROLES])('follows to another key of %s', async (role) => {
      const before = rootVersion(place);
      const done = await rotateKeys({ roles: [role], data: stack.data });
      expect(done).toMatchObject({ by: 'running', rootVersion: before + 1 });
      expect(await follows(place, stack.url(), stack.data)).toBe(published());
      expect(rootVersion(place)).toBe(done.rootVersion);
      const fresh = newPlace(`after-${role}`);
      expect(await follows(fresh, stack.url(), stack.data)).toBe(published());
    });

    it('reads every state that a crash may leave of a rotation', async () => {
      await stack.stop();
      const layout = layoutOf(stack.data, undefined);
      const files = await serveFiles(layout.tuf);
      try {
        for (const role of ['timestamp', 'targets'] as const satisfies readonly Role[]) {
          prepareNextKey(layout.keys, role);
        }
        for (let steps = 1; ; steps++) {
          const ended = await publishUntil(steps);
          expect(await follows(place, files.url, stack.data)).toBe(published());
          const fresh = newPlace(`crash-${steps}`);
          expect(await follows(fresh, files.url, stack.data)).toBe(published());
          if (ended) break;
        }
      } finally {
        await files.close();
        await stack.at(0);
      }

      async function publishUntil(steps: number): Promise<boolean> {
        const { write } = stopAfter(steps);
        const publisher = new Publisher({
          directory: layout.tuf,
          trustDirectory: layout.trust,
          keysDirectory: layout.keys,
          markDirectory: layout.mark,
          dev: true,
          clock: systemClock,
          write,
        });
        try {
          await publisher.renew();
          return true;
        } catch (error) {
          if (error instanceof Crash) return false;
          throw error;
        }
      }
    });
  });

  can('with a stack that ages', () => {
    it('walks over roots that have expired, and finds the newest', async () => {
      const stack = agingStack(below('old'));
      // The root of 800 days ago expired 435 days ago, the next one 35 days ago.
      await stack.at(-800);
      const early = newPlace('early');
      await stack.at(-400);
      await stack.at(0);
      try {
        expect(await follows(early, stack.url(), stack.data)).toContain('tlogs');
        expect(rootVersion(early)).toBe(3);
      } finally {
        await stack.stop();
      }
    });

    it('refuses an expired timestamp, and heals once it is signed again', async () => {
      const stack = agingStack(below('frozen'));
      await stack.at(-20);
      try {
        const place = newPlace('waiting');
        const refused = await get(place, stack.url(), rootOf(stack.data), [TRUSTED_ROOT]);
        expect(refused.status).not.toBe(0);
        expect(refused.output).toMatch(expired);
        await stack.at(0);
        expect(await follows(place, stack.url(), stack.data)).toContain('tlogs');
      } finally {
        await stack.stop();
      }
    });

    it('refuses an older repository than it has seen', async () => {
      const stack = agingStack(below('restored'));
      await stack.at(0);
      const old = readFileSync(join(stack.data, 'tuf', 'timestamp.json'));
      const place = newPlace('wary');
      await stack.move();
      await follows(place, stack.url(), stack.data);
      await stack.stop();
      writeFileSync(join(stack.data, 'tuf', 'timestamp.json'), old);
      const files = await serveFiles(join(stack.data, 'tuf'));
      try {
        const result = await get(place, files.url, rootOf(stack.data), [TRUSTED_ROOT]);
        expect(result.status).not.toBe(0);
        expect(result.output).toMatch(/version/i);
      } finally {
        await files.close();
      }
    });
  });
});
