// SPDX-License-Identifier: Apache-2.0
// Time: within the chain, never back, whatever ends the process.
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../services/core/errors.ts';
import { encodeTimestampRequest, parseTimestampResponse } from '../../services/core/tsp.ts';
import type { Service } from '../../services/runtime/service.ts';
import { AHEAD_MS, MARK_FILE, openTimeMark, type TimeMark } from '../../services/tsa/mark.ts';
import { createTimekeeper } from '../../services/tsa/time.ts';
import {
  type Bench,
  bench,
  DAY,
  makeChain,
  NOW,
  post,
  refusal,
  requestFor,
  stamp,
} from './harness.ts';

let b: Bench;
beforeEach(() => {
  b = bench();
});
afterEach(() => b.remove());

const QUERY = encodeTimestampRequest(requestFor());
const refused = async (service: Service) => refusal(await post(service, QUERY));
const timeOf = async (service: Service) => parseTimestampResponse(await stamp(service)).genTimeMs;
/** What the next start would find. */
async function floorMs(): Promise<number> {
  const mark = await openTimeMark(b.directory);
  await mark.close(mark.floorMs);
  return mark.floorMs;
}
const markFile = () => join(b.directory, MARK_FILE);

describe('the chain', () => {
  it.each<[string, Parameters<typeof makeChain>, number]>([
    ['leaf has expired', [{ notAfter: NOW }, {}], NOW + 1],
    ['root has expired', [{}, { notAfter: NOW }], NOW + 1],
    ['leaf is not yet valid', [{ notBefore: NOW }, {}], NOW - 1],
    ['root is not yet valid', [{}, { notBefore: NOW }], NOW - 1],
  ])('stops all stamps when its %s', async (_, drafts, now) => {
    const other = bench(makeChain(...drafts));
    other.clock.now = now;
    const service = await other.open();
    expect(await refused(service)).toMatchObject({ status: 503, reason: 'TSA_CHAIN_EXPIRED' });
    expect(service.readiness()).toHaveLength(1);
    expect((await service.routes.request('/api/v1/timestamp/certchain')).status).toBe(200);
    other.clock.now = NOW;
    expect(await timeOf(service)).toBe(NOW);
    expect(service.readiness()).toEqual([]);
    await service.close();
    other.remove();
  });

  it('tells how long to wait', async () => {
    const service = await b.open();
    b.clock.now = NOW + 2 * DAY;
    const response = await post(service, QUERY);
    expect(response.headers.get('retry-after')).toBe('1');
    await service.close();
  });
});

describe('a clock that goes back', () => {
  it('stops all stamps until it has caught up', async () => {
    const service = await b.open();
    b.clock.now = NOW + 5500;
    expect(await timeOf(service)).toBe(NOW + 5000);
    b.clock.now = NOW + 5000;
    expect(await timeOf(service)).toBe(NOW + 5000);
    b.clock.now = NOW + 4999;
    expect(await refused(service)).toMatchObject({ status: 503, reason: 'TSA_CLOCK' });
    expect(service.readiness()[0]).toContain('last stamp 2026-01-15T12:00:05');
    b.clock.now = NOW + 6000;
    expect(await timeOf(service)).toBe(NOW + 6000);
    await service.close();
  });

  it('stops them after a restart too', async () => {
    const first = await b.open();
    b.clock.now = NOW + DAY / 2;
    await stamp(first);
    await first.close();
    b.clock.now = NOW;
    const second = await b.open();
    expect(await refused(second)).toMatchObject({ status: 503, reason: 'TSA_CLOCK' });
    b.clock.now = NOW + DAY / 2;
    expect(await timeOf(second)).toBe(NOW + DAY / 2);
    await second.close();
  });

  it('stops them after a crash, up to what the mark promised', async () => {
    const first = await b.open();
    await stamp(first);
    // No close: the mark still runs ahead.
    b.clock.now = NOW + AHEAD_MS - 1001;
    const second = await b.open();
    expect(await refused(second)).toMatchObject({ reason: 'TSA_CLOCK' });
    b.clock.now = NOW + AHEAD_MS;
    expect(await timeOf(second)).toBe(NOW + AHEAD_MS);
    await second.close();
    await first.close();
  });
});

describe('a start after a crash', () => {
  it('waits for the clock to pass what the mark promised, then stamps', async () => {
    const first = await b.open();
    await stamp(first);
    const begin = performance.now();
    const running = () => NOW + AHEAD_MS - 200 + Math.floor(performance.now() - begin);
    const second = await b.open({ clock: running });
    expect(await timeOf(second)).toBe(NOW + AHEAD_MS);
    await second.close();
    await first.close();
  });
});

describe('a mark that is slower than the clock', () => {
  const slow = (lasts: number) => {
    let bound = 0;
    const mark: TimeMark = {
      floorMs: 0,
      covers: (timeMs) => timeMs <= bound,
      async extend(timeMs) {
        bound = timeMs + AHEAD_MS;
        b.clock.now += lasts;
      },
      close: () => Promise.resolve(),
    };
    const far = { ...makeChain(), leaf: b.chain.leaf.certificate };
    return createTimekeeper(
      () => b.clock.now,
      { ...far, notBeforeMs: 0, notAfterMs: 2 * NOW },
      mark,
    );
  };

  it('gives the time after the write, never the one before', async () => {
    expect(await slow(1500).take()).toBe(NOW + 1000);
  });

  it('gives none when every write outlasts what it covers', async () => {
    await expect(slow(5000).take()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('the mark', () => {
  it('is written before a time leaves, and once for the seconds that it covers', async () => {
    const service = await b.open();
    expect(readFileSync(markFile(), 'utf8')).toBe('');
    await stamp(service);
    const written = readFileSync(markFile(), 'utf8');
    expect(written).toContain(String(NOW + AHEAD_MS));
    b.clock.now = NOW + AHEAD_MS;
    await Promise.all(Array.from({ length: 20 }, () => stamp(service)));
    expect(readFileSync(markFile(), 'utf8')).toBe(written);
    b.clock.now = NOW + AHEAD_MS + 1000;
    await Promise.all(Array.from({ length: 20 }, () => stamp(service)));
    expect(readFileSync(markFile(), 'utf8')).toContain(String(NOW + 2 * AHEAD_MS + 1000));
    await service.close();
    expect(await floorMs()).toBe(NOW + AHEAD_MS + 1000);
  });

  it('survives a torn write of either slot', async () => {
    const mark = await openTimeMark(b.directory);
    await mark.extend(1000);
    await mark.extend(5000);
    await mark.close(5000 + AHEAD_MS);
    const whole = readFileSync(markFile());
    expect(await floorMs()).toBe(5000 + AHEAD_MS);
    const floors: number[] = [];
    for (const at of [3, 131]) {
      const torn = Buffer.from(whole);
      torn[at] = 0x39;
      writeFileSync(markFile(), torn);
      floors.push(await floorMs());
    }
    expect(floors.sort()).toEqual([1000 + AHEAD_MS, 5000 + AHEAD_MS]);
  });

  it.each([
    ['noise', 'hello'],
    ['zeros', '\0'.repeat(256)],
    ['a bound without its checksum', `1 5000 ${'0'.repeat(32)}\n`.padEnd(128)],
  ])('that holds %s stops the start', async (_, content) => {
    writeFileSync(markFile(), content);
    await expect(b.open()).rejects.toThrow(CodedError);
    await expect(b.open()).rejects.toMatchObject({ code: 'STATE_INCONSISTENT', field: markFile() });
  });

  it('that is gone is begun anew', async () => {
    const first = await b.open();
    await stamp(first);
    await first.close();
    rmSync(markFile());
    const second = await b.open();
    expect(await timeOf(second)).toBe(NOW);
    await second.close();
  });

  it('is closed once, and then covers nothing', async () => {
    const mark = await openTimeMark(b.directory);
    await mark.extend(1000);
    await mark.close(1000);
    expect(mark.covers(1000)).toBe(true);
    expect(mark.covers(1001)).toBe(false);
    await expect(mark.extend(3000)).rejects.toThrow();
  });

  it('that cannot be written stops all stamps', async () => {
    const service = await b.open();
    await service.close();
    b.clock.now = NOW + 5000;
    expect(await refused(service)).toMatchObject({ status: 503, reason: 'UNAVAILABLE' });
  });
});

it('makes the directory of the mark', async () => {
  const service = await b.open({ markDirectory: join(b.directory, 'deep', 'mark') });
  chmodSync(join(b.directory, 'deep', 'mark', MARK_FILE), 0o600);
  await stamp(service);
  await service.close();
});
