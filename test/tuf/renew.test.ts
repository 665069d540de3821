// SPDX-License-Identifier: Apache-2.0
// Fresh signatures without a restart, and after a long stop.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Metrics, noMetrics } from '../../services/runtime/telemetry.ts';
import { everyUnref } from '../../services/runtime/timer.ts';
import { newPlace, type Place } from './harness.ts';
import { DAY, NOW } from './repo.ts';

let here: Place;
beforeEach(() => {
  here = newPlace();
});
afterEach(() => here.remove());

const versions = async () => {
  const { state } = await here.look();
  return [state.root, state.targets, state.snapshot, state.timestamp].map((file) => file?.version);
};

describe('renewal', () => {
  it('gives each role its term', async () => {
    await here.open();
    const { state } = await here.look();
    const days = [state.root, state.targets, state.snapshot, state.timestamp].map(
      (file) => ((file?.expiresMs ?? 0) - NOW) / DAY,
    );
    expect(days).toEqual([365, 365, 365, 14]);
  });

  it('signs the timestamp again at half-life, by the timer of the running service', async () => {
    const tasks: Array<() => void> = [];
    let stopped = 0;
    const trust = await here.open({
      every: (_period, task) => {
        tasks.push(task);
        return () => {
          stopped++;
        };
      },
    });
    const tick = async () => {
      for (const task of tasks) task();
      await trust.renew();
    };
    here.nowMs = NOW + 7 * DAY - 1;
    await tick();
    expect(await versions()).toEqual([1, 1, 1, 1]);
    here.nowMs = NOW + 7 * DAY;
    await tick();
    expect(await versions()).toEqual([1, 1, 1, 2]);
    const { state } = await here.look();
    expect(state.timestamp?.expiresMs).toBe(NOW + 21 * DAY);
    const served = await trust.routes.request('/tuf/timestamp.json');
    expect(await served.text()).toBe(readFileSync(join(here.data, 'tuf/timestamp.json'), 'utf8'));
    await trust.close();
    expect(stopped).toBe(tasks.length);
  });

  it('serves clients for two years without a restart, and they follow', async () => {
    const trust = await here.open();
    const fingerprint = trust.rootSha256;
    let { state } = await here.look();
    for (let day = 0; day < 730; day += 5) {
      here.nowMs = NOW + day * DAY;
      await trust.renew();
      expect(trust.readiness()).toEqual([]);
      ({ state } = await here.look(state));
    }
    // Root changes a month before its end: what people compare changes once a year.
    expect(state.root.version).toBe(3);
    expect(state.snapshot?.version).toBeLessThanOrEqual(5);
    expect(trust.rootSha256).not.toBe(fingerprint);
    expect(Buffer.from(trust.files.get('root.json') ?? [])).toEqual(Buffer.from(state.root.bytes));
  });

  it('heals at the next start when everything has expired', async () => {
    await here.open();
    const known = (await here.look()).state;
    here.nowMs = NOW + 3 * 365 * DAY;
    const trust = await here.open();
    expect(trust.readiness()).toEqual([]);
    const { state } = await here.look(known);
    expect([state.root.version, state.timestamp?.version]).toEqual([2, 2]);
  });

  it('says which role has expired, and how many days are left', async () => {
    let read = (): number | Array<[Record<string, string>, number]> => 0;
    const metrics: Metrics = {
      ...noMetrics,
      gauge: (_name, _help, value) => {
        read = value;
      },
    };
    const trust = await here.open({ metrics });
    here.nowMs = NOW + 4 * DAY;
    expect(read()).toContainEqual([{ role: 'timestamp' }, 10]);
    here.nowMs = NOW + 14 * DAY;
    expect(trust.readiness()).toEqual(['timestamp.json has expired']);
  });

  it('looks often enough, and does not keep the process alive', async () => {
    const periods: number[] = [];
    const trust = await here.open({
      every: (period) => {
        periods.push(period);
        return () => {};
      },
    });
    expect(periods[0]).toBeLessThanOrEqual(DAY);
    await trust.close();
    const timers = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const stop = everyUnref(DAY, () => {});
    expect(timers()).toBe(before);
    stop();
  });
});
