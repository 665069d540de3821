// SPDX-License-Identifier: Apache-2.0
// One key after another, role by role: what clients see, what a crash leaves, what the past is worth.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ROLES, type Role } from '../../services/core/tuf.ts';
import type { TufState } from '../../services/core/tuf-update.ts';
import { keyPath, nextKeyPath, prepareNextKey } from '../../services/tuf/signers.ts';
import { extend } from './extend.ts';
import { Crash, newPlace, type Place, stopAfter } from './harness.ts';
import { DAY, refusal } from './repo.ts';

const places: Place[] = [];
function place(): Place {
  const made = newPlace();
  places.push(made);
  return made;
}
afterEach(() => {
  for (const made of places.splice(0)) made.remove();
});

const keys = (here: Place) => join(here.data, 'keys');
const prepare = (here: Place, roles: readonly Role[]) => {
  for (const role of roles) prepareNextKey(keys(here), role);
};
const pendingKeys = (here: Place) =>
  ROLES.filter((role) => existsSync(nextKeyPath(keys(here), role)));
const keyidsOf = ({ root }: TufState) =>
  Object.fromEntries(ROLES.map((role) => [role, root.roles[role].keyids.join()]));
const sets: Array<[string, readonly Role[]]> = [
  ...ROLES.map((role): [string, readonly Role[]] => [role, [role]]),
  ['all roles', ROLES],
  ['root and timestamp', ['root', 'timestamp']],
];

describe('a key that is to follow', () => {
  it.each(sets)('is taken up by a running service: %s', async (_, roles) => {
    const here = place();
    const tasks: Array<() => void | Promise<void>> = [];
    const trust = await here.open({
      every: (_period, task) => {
        tasks.push(task);
        return () => {};
      },
    });
    const known = (await here.look()).state;
    prepare(here, roles);
    const fresh = roles.map((role) => readFileSync(nextKeyPath(keys(here), role), 'utf8'));
    for (const task of tasks) await task();
    expect(pendingKeys(here)).toEqual([]);
    expect(roles.map((role) => readFileSync(keyPath(keys(here), role), 'utf8'))).toEqual(fresh);
    // One that knew the old root, one that knows the first alone, and one that comes tomorrow.
    const { state } = await here.look(known);
    expect(state.root.version).toBe(2);
    await here.look();
    const [before, after] = [keyidsOf(known), keyidsOf(state)];
    for (const role of ROLES) expect(before[role] === after[role]).toBe(!roles.includes(role));
    here.nowMs += 200 * DAY;
    await trust.renew();
    expect((await here.look(state)).state.timestamp?.signatures.size).toBe(1);
    expect(trust.readiness()).toEqual([]);
  });

  it('is taken up by the next start', async () => {
    const here = place();
    await here.open();
    const { state } = await here.look();
    prepare(here, ['targets']);
    const trust = await here.open();
    expect((await here.look(state)).state.root.version).toBe(2);
    expect(trust.files.get('root.json')).toEqual(
      new Uint8Array(readFileSync(join(here.data, 'tuf/2.root.json'))),
    );
    expect(readFileSync(join(here.data, 'mark/tuf.mark'), 'utf8')).toContain('"root":2');
  });

  it('heals a fast-forward: clients forget versions that the old timestamp key signed', async () => {
    const here = place();
    await here.open();
    const { state } = await here.look();
    const { timestamp } = state;
    if (timestamp === undefined) throw new Error('no timestamp');
    const attacked = { ...state, timestamp: { ...timestamp, version: 1000 } };
    expect((await refusal(here.look(attacked))).code).toBe('TUF_ROLLBACK');
    prepare(here, ['timestamp']);
    await here.open();
    expect((await here.look(attacked)).state.timestamp?.version).toBe(2);
  });

  it('leaves the targets as they are, but for their signatures', async () => {
    const here = place();
    await here.open();
    const before = (await here.look()).state.targets?.signed.targets;
    prepare(here, ['targets', 'snapshot']);
    await here.open();
    const { state } = await here.look();
    expect(state.targets?.signed.targets).toEqual(before);
    expect([state.targets?.version, state.snapshot?.version]).toEqual([2, 2]);
  });

  it('is refused when it is no key, and the one in force stays', async () => {
    const here = place();
    const trust = await here.open();
    const path = nextKeyPath(keys(here), 'snapshot');
    writeFileSync(path, 'no key');
    expect(await refusal(trust.renew())).toMatchObject({ code: 'KEY_UNREADABLE', field: path });
    expect(await refusal(here.open())).toMatchObject({ code: 'KEY_UNREADABLE', field: path });
    expect((await here.look()).state.root.version).toBe(1);
  });

  it('makes the old key worthless: a copy of it does not start', async () => {
    const here = place();
    await here.open();
    const path = keyPath(keys(here), 'root');
    const old = readFileSync(path);
    prepare(here, ['root']);
    await here.open();
    writeFileSync(path, old);
    expect(await refusal(here.open())).toMatchObject({ code: 'KEY_UNREADABLE', field: path });
  });

  it('may be the same as before: nothing happens', async () => {
    const here = place();
    await here.open();
    writeFileSync(nextKeyPath(keys(here), 'root'), readFileSync(keyPath(keys(here), 'root')));
    await here.open();
    expect(pendingKeys(here)).toEqual([]);
    expect((await here.look()).state.root.version).toBe(1);
  });

  it('follows year after year, also when roots on the way have expired', async () => {
    const here = place();
    await here.open();
    const { state: first } = await here.look();
    for (const role of [...ROLES, ...ROLES]) {
      here.nowMs += 400 * DAY;
      prepare(here, [role]);
      await here.open();
    }
    // Eight years on: every root between has expired, and clients of every age heal.
    expect((await here.look(first)).state.root.version).toBe(9);
    expect((await here.look()).state.root.version).toBe(9);
  });
});

describe('a crash between the steps of a rotation', () => {
  it.each(sets)(
    'leaves a whole view to everybody, and the next start ends it: %s',
    async (_, roles) => {
      for (let steps = 0; ; steps++) {
        const here = place();
        await here.open();
        const { state: known } = await here.look();
        prepare(here, roles);
        const { write, written } = stopAfter(steps);
        try {
          await here.open({ write });
          const metadata = written.map((path) => path.slice(here.data.length + 5));
          expect(metadata.filter((path) => /root\.json$/.test(path)).length).toBeGreaterThan(1);
          return;
        } catch (error) {
          if (!(error instanceof Crash)) throw error;
        }
        // Who knew the old view, and who knows the first root alone.
        const rooted = written.some((path) => path.endsWith('2.root.json'));
        for (const state of [known, undefined]) {
          expect((await here.look(state)).state.root.version).toBe(rooted ? 2 : 1);
        }
        const halfway = (await here.look(known)).state;
        await here.open();
        expect(pendingKeys(here)).toEqual([]);
        expect((await here.look(halfway)).state.root.version).toBe(2);
        await here.look(known);
        await here.look();
        here.remove();
      }
    },
  );

  it('between root and the names of the keys: the next start gives the names', async () => {
    const here = place();
    await here.open();
    prepare(here, ROLES);
    const old = readFileSync(keyPath(keys(here), 'targets'));
    const fresh = readFileSync(nextKeyPath(keys(here), 'targets'));
    await here.open();
    writeFileSync(nextKeyPath(keys(here), 'targets'), fresh);
    writeFileSync(keyPath(keys(here), 'targets'), old);
    await here.open();
    expect(readFileSync(keyPath(keys(here), 'targets'))).toEqual(fresh);
    expect((await here.look()).state.root.version).toBe(2);
  });
});

describe('unknown fields', () => {
  it('survive from version to version, in every role', async () => {
    const here = place();
    await here.open();
    const { state } = await here.look();
    // Written by another tool with the same keys.
    await extend(here, state, { 'x-tool': { deep: [1, null, 'ü'] } });
    expect((await here.look()).state.timestamp?.signed['x-tool']).toBeDefined();
    here.nowMs += 340 * DAY;
    prepare(here, ['targets', 'timestamp']);
    await here.open();
    const after = (await here.look()).state;
    for (const file of [after.root, after.timestamp, after.snapshot, after.targets]) {
      expect(file?.signed['x-tool']).toEqual({ deep: [1, null, 'ü'] });
    }
    const roles = after.root.signed.roles as Record<string, Record<string, unknown>>;
    expect(roles.timestamp?.['x-tool']).toEqual({ deep: [1, null, 'ü'] });
  });
});
