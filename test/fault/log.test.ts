// SPDX-License-Identifier: Apache-2.0
// A fault before and after every write of the log. Whatever it leaves, a start takes it up: every
// answer that was given holds, no index was given twice, no second root exists for one size.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hex } from '../../services/core/bytes.ts';
import type { Appended, Log } from '../../services/log/log.ts';
import { readMark } from '../../services/log/mark.ts';
import { append, audit, type Bench, bench, code, leafOf, verify } from '../log/harness.ts';

let place: Bench;
beforeEach(() => {
  place = bench();
});
afterEach(() => place.remove());

/** Throws at the given occurrence of one point. */
function failAt(wanted: string, occurrence: number): (point: string) => void {
  let seen = 0;
  return (point) => {
    if (point === wanted && ++seen === occurrence) throw new Error(`no space left: ${point}`);
  };
}

/** Appends in bursts until the log stops or all is done; keeps what was answered. */
async function load(log: Log, total: number): Promise<Map<string, Appended>> {
  const answers = new Map<string, Appended>();
  for (let at = 0; at < total; ) {
    const burst = Array.from({ length: Math.min(1 + (at % 90), total - at) }, (_, i) => at + i);
    const results = await Promise.allSettled(burst.map((i) => append(log, `entry ${i}`)));
    results.forEach((result, i) => {
      if (result.status === 'fulfilled') answers.set(`entry ${burst[i]}`, result.value);
      else expect(result.reason).toMatchObject({ code: 'LOG_STOPPED' });
    });
    at += burst.length;
  }
  return answers;
}

/** The first mark is that of the empty log. */
const firstMark = (point: string) => (point.endsWith('mark') ? 1 : 0);

const POINTS = [
  'before commit',
  'before mark',
  'after mark',
  'after commit',
  'before compact',
  'after compact',
];

describe('a fault', () => {
  it.each(POINTS.flatMap((point) => [1, 3].map((occurrence) => [point, occurrence] as const)))(
    '%s, time %i, stops the log; the next start loses nothing',
    async (point, occurrence) => {
      const log = await place.openHooked(failAt(point, firstMark(point) + occurrence));
      const answers = await load(log, 800);
      const published = log.head();
      const failed = log.readiness().length > 0;
      if (failed) {
        // What was published stays readable; nothing more is taken.
        expect(log.readiness()[0]).toMatch(/no space left/);
        expect(await code(append(log, 'more'))).toBe('LOG_STOPPED');
        expect(log.head()).toEqual(published);
      } else {
        expect(point).toMatch(/compact/);
      }
      audit(log, answers);
      await place.shut(log);

      const next = await place.open();
      audit(next, answers);
      expect(next.head().size).toBeGreaterThanOrEqual(published.size);
      expect(hex(next.rootAt(published.size))).toBe(hex(published.root));
      expect(readMark(place.markFile)?.size).toBe(next.head().size);
      // Who got no answer asks again, and stands in the log once.
      const all = await load(next, 800);
      expect(new Set([...all.values()].map(({ index }) => index)).size).toBe(800);
      expect(next.head().size).toBe(800);
      for (const [text, { index }] of answers) expect(all.get(text)?.index).toBe(index);
      audit(next, all);
    },
  );

  it.each(['before create', 'before mark', 'after mark', 'after create'])(
    '%s at the very first start leaves what the next one makes whole',
    async (point) => {
      await expect(place.openHooked(failAt(point, 1))).rejects.toThrow(/no space left/);
      const log = await place.open();
      verify('first', await append(log, 'first'));
    },
  );
});

describe('two writers', () => {
  it('of one log: one loses the swap and stops, the other goes on', async () => {
    const one = await place.open();
    const two = await place.open();
    verify('a', await append(one, 'a'));
    expect(await code(append(two, 'b'))).toBe('LOG_STOPPED');
    expect(two.readiness()[0]).toMatch(/another writer/);
    verify('c', await append(one, 'c'));
    expect(one.head().size).toBe(2);
    expect(two.head().size).toBe(0);
  });

  it('racing with many requests never give one index twice', async () => {
    const logs = [await place.open(), await place.open()];
    const race = logs.map((log, l) =>
      Promise.allSettled(Array.from({ length: 200 }, (_, i) => append(log, `${l} ${i}`))),
    );
    const answered = (await Promise.all(race)).flat().flatMap((result) => {
      return result.status === 'fulfilled' ? [result.value.index] : [];
    });
    expect(new Set(answered).size).toBe(answered.length);
    expect(logs.filter((log) => log.readiness().length === 0).length).toBe(1);
    for (const log of logs) await place.shut(log);
    const after = await place.open();
    expect(after.head().size).toBe(answered.length);
    audit(after, new Map());
  });
});

describe('while a commit is under way', () => {
  it('nothing of it is shown, and an equal request waits for its answer', async () => {
    let open: () => void = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let waits = false;
    const log = await place.openHooked((point) =>
      waits && point === 'after commit' ? gate : undefined,
    );
    await append(log, 'old');
    const old = log.head();
    waits = true;
    const pending = append(log, 'new');
    const { leafHash } = leafOf('new');
    await expect.poll(() => readMark(place.markFile)?.size).toBe(2);
    expect(log.head()).toEqual(old);
    expect(log.entry(1)).toBeUndefined();
    expect(log.entryBundle(0, 2)).toBeUndefined();
    expect(log.tile(0, 0, 2)).toBeUndefined();
    expect(log.findLeaf(leafHash)).toBeUndefined();
    expect(() => log.inclusionProof(1, 2)).toThrow();
    expect(() => log.rootAt(2)).toThrow();
    const same = append(log, 'new');
    open();
    expect((await same).index).toBe((await pending).index);
    expect([(await pending).duplicate, (await same).duplicate]).toEqual([false, true]);
    expect(log.findLeaf(leafHash)).toBe(1);
  });
});
