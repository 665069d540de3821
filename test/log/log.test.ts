// SPDX-License-Identifier: Apache-2.0
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { concat, hex, utf8 } from '../../services/core/bytes.ts';
import { CodedError } from '../../services/core/errors.ts';
import {
  leafHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../../services/core/merkle.ts';
import type { Log, LogOptions } from '../../services/log/log.ts';
import { readMark } from '../../services/log/mark.ts';
import { committer, openDatabase } from '../../services/log/sqlite.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { append, type Bench, bench, code, fill, leafOf, sha256, verify } from './harness.ts';

let place: Bench;
beforeEach(() => {
  place = bench();
});
afterEach(() => place.remove());

const open = (change?: Partial<LogOptions>) => place.open(change);
const shut = (log: Log) => place.shut(log);
const dbFile = () => place.dbFile;
const markFile = () => place.markFile;

describe('log', () => {
  it('answers each append with an index and a proof under its checkpoint', async () => {
    const log = await open();
    const answers = await fill(log, 700);
    expect(new Set(answers.map(({ index }) => index)).size).toBe(700);
    answers.forEach((answer, i) => {
      verify(`entry ${i}`, answer);
      expect(Buffer.from(answer.checkpoint).toString()).toBe(
        `${answer.size} ${Buffer.from(answer.root).toString('hex')}`,
      );
    });
    const hashes = answers
      .map((_, i) => i)
      .sort((a, b) => (answers[a]?.index ?? 0) - (answers[b]?.index ?? 0));
    expect(hex(log.head().root)).toBe(
      hex(
        rootOf(
          sha256,
          hashes.map((i) => leafOf(`entry ${i}`).leafHash),
        ),
      ),
    );
  });

  it('proves old entries and old heads across full tiles and a restart', async () => {
    let log = await open();
    await fill(log, 600);
    const old = log.head();
    await fill(log, 300, 'later');
    for (const again of [false, true]) {
      if (again) {
        await shut(log);
        log = await open();
      }
      const { size, root } = log.head();
      expect(size).toBe(900);
      verifyConsistency(nodeCrypto, {
        first: old.size,
        second: size,
        firstRoot: old.root,
        secondRoot: root,
        proof: log.consistencyProof(old.size, size),
      });
      for (const index of [0, 255, 256, 511, 599, 600, 899]) {
        const entry = log.entry(index);
        const hash = leafHash(sha256, entry?.data ?? new Uint8Array());
        verifyInclusion(nodeCrypto, {
          index,
          size,
          root,
          leafHash: hash,
          proof: log.inclusionProof(index, size),
        });
        expect(log.findLeaf(hash)).toBe(index);
      }
    }
    expect((await append(log, 'after')).index).toBe(900);
  });

  it('gives a duplicate the index of the first: queued, stored, after a restart', async () => {
    let log = await open();
    const [first, second] = await Promise.all([append(log, 'same'), append(log, 'same')]);
    expect([second.index, second.duplicate]).toEqual([first.index, true]);
    await fill(log, 10);
    const third = await append(log, 'same');
    expect([third.index, third.duplicate, third.size]).toEqual([first.index, true, 11]);
    verify('same', third);
    await shut(log);
    log = await open();
    expect((await append(log, 'same')).index).toBe(first.index);
  });

  it('looks for no fresh key, keeps it, and finds the first entry that has it', async () => {
    const log = await open();
    const fresh = (text: string, key: string) =>
      log.append({ dedupKey: sha256(utf8(key)), fresh: true, build: () => leafOf(text) });
    const first = await fresh('one', 'key');
    expect((await append(log, 'key')).index).toBe(first.index);
    // Against the promise, queued and stored: entries of their own, the log goes on.
    const others = await Promise.all([fresh('two', 'key'), fresh('three', 'other')]);
    const third = await fresh('four', 'other');
    expect([...others, third].map(({ index }) => index)).toEqual([1, 2, 3]);
    expect((await append(log, 'key')).index).toBe(0);
    expect((await append(log, 'other')).index).toBe(2);
    verify('four', third);
  });

  it('shows tiles and bundles of the published tree and nothing beyond', async () => {
    const log = await open();
    await fill(log, 300);
    expect(log.tile(0, 0, 256)?.length).toBe(8192);
    expect(log.tile(0, 1, 44)?.length).toBe(44 * 32);
    expect(log.tile(0, 1, 45)).toBeUndefined();
    expect(log.tile(0, 2, 1)).toBeUndefined();
    expect(log.tile(1, 0, 1)?.length).toBe(32);
    expect(log.tile(1, 0, 2)).toBeUndefined();
    expect(log.tile(2, 0, 1)).toBeUndefined();
    expect(log.tile(0, 0, 7)).toEqual(log.tile(0, 0, 256)?.subarray(0, 7 * 32));
    expect(log.entryBundle(1, 44)).toBeDefined();
    expect(log.entryBundle(1, 45)).toBeUndefined();
    expect(log.entry(300)).toBeUndefined();
    expect(log.entry(-1)).toBeUndefined();
    for (const [level, n, width] of [
      [0, 0, 0],
      [0, 0, 257],
      [0, -1, 1],
      [0, 0.5, 1],
      [-1, 0, 1],
      [63, 0, 1],
    ] as const) {
      expect(log.tile(level, n, width)).toBeUndefined();
    }
    expect(log.entryBundle(0, 0)).toBeUndefined();
    expect(log.entryBundle(-1, 1)).toBeUndefined();
  });

  it.each<[string, (log: Log) => unknown]>([
    ['an index beyond the size', (log) => log.inclusionProof(2, 2)],
    ['a negative index', (log) => log.inclusionProof(-1, 2)],
    ['a size beyond the head', (log) => log.inclusionProof(0, 4)],
    ['no whole size', (log) => log.inclusionProof(0, 1.5)],
    ['the empty tree', (log) => log.inclusionProof(0, 0)],
    ['growth backwards', (log) => log.consistencyProof(2, 1)],
    ['growth beyond the head', (log) => log.consistencyProof(1, 4)],
    ['a root beyond the head', (log) => log.rootAt(4)],
  ])('refuses a proof for %s', async (_, prove) => {
    const log = await open();
    await fill(log, 3);
    await expect(async () => prove(log)).rejects.toMatchObject({ code: 'TREE_RANGE' });
    expect(log.consistencyProof(0, 3)).toEqual([]);
    expect(log.consistencyProof(3, 3)).toEqual([]);
  });

  it('serves bare entries where they tell their own length', async () => {
    const log = await open({ framing: 'none' });
    await fill(log, 3);
    expect(log.entryBundle(0, 2)).toEqual(utf8('entry 0entry 1'));
  });

  it('takes entries of every length up to 65,535 bytes', async () => {
    const log = await open();
    for (const length of [0, 1, 65_535]) {
      const data = new Uint8Array(length).fill(length);
      await log.append({ build: () => ({ data, leafHash: leafHash(sha256, data) }) });
    }
    expect([0, 1, 2].map((i) => log.entry(i)?.data.length)).toEqual([0, 1, 65_535]);
    expect(log.entryBundle(0, 2)).toEqual(concat(Uint8Array.of(0, 0, 0, 1, 1)));
  });

  it('keeps a key of the caller apart from the leaf, and refuses keys of another length', async () => {
    const log = await open();
    const dedupKey = new Uint8Array(32).fill(9);
    const build = (index: number) => leafOf(`at ${index}`);
    const first = await log.append({ dedupKey, build });
    await append(log, 'between');
    const again = await log.append({ dedupKey, build });
    expect([again.index, again.duplicate, again.size]).toEqual([first.index, true, 2]);
    expect(log.findLeaf(dedupKey)).toBeUndefined();
    expect(await code(log.append({ dedupKey: dedupKey.subarray(1), build }))).toMatch(/RangeError/);
  });

  it('answers what it accepted before it closes, and takes nothing after', async () => {
    const log = await open();
    const accepted = fill(log, 50);
    await Promise.all([shut(log), shut(log)]);
    expect((await accepted).length).toBe(50);
    expect(await code(append(log, 'late'))).toBe('UNAVAILABLE');
    expect((await open()).head().size).toBe(50);
  });

  it('refuses one entry without a hole or harm to the others', async () => {
    const log = await open();
    const large = log.append({ build: () => ({ ...leafOf('x'), data: new Uint8Array(65_536) }) });
    const broken = log.append({
      build() {
        throw new CodedError('ENTRY_MALFORMED', 'no');
      },
    });
    const [a, b] = await Promise.all([
      append(log, 'a'),
      append(log, 'b'),
      code(large),
      code(broken),
    ]);
    expect([a.index, b.index, log.head().size]).toEqual([0, 1, 2]);
    expect(await code(large)).toBe('ENTRY_TOO_LARGE');
    expect(await code(broken)).toBe('ENTRY_MALFORMED');
  });

  it('says when it is full, still knows what it has, and goes on', async () => {
    const log = await open({ queueLimit: 4 });
    await append(log, 'known');
    const results = Array.from({ length: 20 }, (_, i) => code(append(log, `e${i}`)));
    expect(await code(append(log, 'known'))).toBe('no error');
    expect(await Promise.all(results)).toContain('LOG_FULL');
    expect(await code(append(log, 'later'))).toBe('no error');
  });

  it('survives a signer that fails once', async () => {
    let fail = false;
    const log = await open({
      signHead: async ({ size }) => {
        if (fail) throw new CodedError('INTERNAL', 'no signature');
        return utf8(`${size}`);
      },
    });
    await fill(log, 257);
    fail = true;
    expect(await code(append(log, 'lost'))).toBe('INTERNAL');
    fail = false;
    const answer = await append(log, 'kept');
    expect(answer.index).toBe(257);
    verify('kept', answer);
  });

  it('stops when another writer moved the head, and says so', async () => {
    const log = await open();
    await fill(log, 3);
    const db = openDatabase(dbFile());
    const { size, root } = log.head();
    const head = { size: 4, root: new Uint8Array(32), checkpoint: utf8('x'), timeMs: 0 };
    const nothing = { chunks: [], tiles: [], dedup: [], bundles: [] };
    committer(db)({ old: { size, root }, head, ...nothing });
    db.close();
    expect(await code(append(log, 'mine'))).toBe('LOG_STOPPED');
    expect(await code(append(log, 'more'))).toBe('LOG_STOPPED');
    expect(log.readiness()[0]).toMatch(/another writer/);
  });

  it('holds its time while the clock is set back a little', async () => {
    let now = 1_000_000;
    const log = await open({ clock: () => now });
    await append(log, 'a');
    now -= 60_000;
    expect((await append(log, 'b')).timeMs).toBe(1_000_000);
    expect([log.head().timeMs, log.readiness()]).toEqual([1_000_000, []]);
  });

  it('stops while the clock stands further back, and goes on with it', async () => {
    let now = 1_000_000;
    let log = await open({ clock: () => now, resignMs: 20 });
    await append(log, 'a');
    const { checkpoint } = log.head();
    now -= 60_001;
    for (const again of [false, true]) {
      if (again) {
        await shut(log);
        log = await open({ clock: () => now });
      }
      expect(await Promise.all([code(append(log, 'b')), code(append(log, 'c'))])).toEqual([
        'LOG_CLOCK',
        'LOG_CLOCK',
      ]);
      expect(log.readiness()).toEqual([
        'test waits: the clock says 1970-01-01T00:15:39.999Z, the last head 1970-01-01T00:16:40.000Z',
      ]);
      expect((await append(log, 'a')).index).toBe(0);
      expect([log.head().size, hex(log.head().checkpoint)]).toEqual([1, hex(checkpoint)]);
    }
    now += 1;
    const late = await append(log, 'b');
    expect([late.index, late.timeMs, log.readiness()]).toEqual([1, 1_000_000, []]);
  });
});

describe('start', () => {
  async function grown(count: number): Promise<void> {
    const log = await open();
    await fill(log, count);
    await shut(log);
  }

  it('rolls the mark forward when the store is ahead', async () => {
    await grown(5);
    copyFileSync(markFile(), `${markFile()}.old`);
    const log = await open();
    await fill(log, 5, 'more');
    await shut(log);
    copyFileSync(`${markFile()}.old`, markFile());
    await open();
    expect(readMark(markFile())?.size).toBe(10);
  });

  it('takes the older slot when the newer one is torn, and moves the mark forward again', async () => {
    await grown(5);
    const whole = readFileSync(markFile());
    const newer = readMark(markFile());
    const torn = [0, 4096].map((at) => Buffer.from(whole).fill(0, at + 30, at + 60));
    const older = torn.map((bytes) => {
      writeFileSync(markFile(), bytes);
      return readMark(markFile());
    });
    expect(older).toContainEqual(newer);
    expect(older.map((mark) => mark?.size).sort()).not.toEqual([5, 5]);
    writeFileSync(markFile(), torn[older[0]?.size === 5 ? 1 : 0] ?? whole);
    await open();
    expect(readMark(markFile())).toEqual(newer);
  });

  it.each<[string, () => void | Promise<void>]>([
    [
      'a store older than the mark',
      async () => {
        copyFileSync(dbFile(), `${dbFile()}.old`);
        const log = await open();
        await fill(log, 5, 'more');
        await shut(log);
        copyFileSync(`${dbFile()}.old`, dbFile());
      },
    ],
    ['a store that is gone', () => rmSync(dbFile())],
    ['an empty database', () => writeFileSync(dbFile(), '')],
    ['a mark that is gone', () => rmSync(markFile())],
    ['a mark without a whole slot', () => writeFileSync(markFile(), Buffer.alloc(8192, 32))],
    ['an empty mark', () => writeFileSync(markFile(), '')],
    [
      'a head that was set back',
      () => {
        const db = new Database(dbFile());
        db.prepare('UPDATE log SET size = 299').run();
        db.close();
      },
    ],
    [
      'entries that are missing at the edge',
      () => {
        const db = new Database(dbFile());
        db.prepare('DELETE FROM chunk WHERE first >= 256').run();
        db.close();
      },
    ],
    [
      'a changed tile above the leaves',
      () => {
        const db = new Database(dbFile());
        db.prepare('UPDATE tile SET hashes = zeroblob(32) WHERE level = 1').run();
        db.close();
      },
    ],
    [
      'another tree of the same size',
      async () => {
        copyFileSync(markFile(), `${markFile()}.kept`);
        rmSync(dirname(dbFile()), { recursive: true });
        rmSync(markFile());
        const log = await open();
        await fill(log, 300, 'other');
        await shut(log);
        copyFileSync(`${markFile()}.kept`, markFile());
      },
    ],
    [
      'a changed leaf hash at the edge',
      () => {
        const db = new Database(dbFile());
        db.prepare('UPDATE chunk SET hashes = zeroblob(length(hashes)) WHERE first >= 256').run();
        db.close();
      },
    ],
    [
      'a changed tile',
      () => {
        const db = new Database(dbFile());
        db.prepare('UPDATE tile SET hashes = ? WHERE level = 0').run(new Uint8Array(8192));
        db.close();
      },
    ],
    [
      'a missing tile',
      () => {
        const db = new Database(dbFile());
        db.prepare('DELETE FROM tile').run();
        db.close();
      },
    ],
  ])('refuses %s', async (_, harm) => {
    await grown(300);
    await harm();
    expect(await code(open())).toBe('STATE_INCONSISTENT');
  });

  it('names both sizes and both roots when mark and store disagree', async () => {
    await grown(5);
    copyFileSync(dbFile(), `${dbFile()}.old`);
    const older = readMark(markFile());
    const log = await open();
    await fill(log, 5, 'more');
    await shut(log);
    copyFileSync(`${dbFile()}.old`, dbFile());
    const newer = readMark(markFile());
    const error = await open().catch((e: Error) => e.message);
    for (const mark of [older, newer]) {
      expect(error).toContain(`${mark?.size} entries (root ${hex(mark?.root ?? utf8(''))})`);
    }
  });

  it('signs the empty head, and takes up after a crash before the first mark', async () => {
    const log = await open();
    expect(log.head().size).toBe(0);
    expect(hex(log.head().root)).toBe(hex(sha256(new Uint8Array())));
    expect(log.rootAt(0)).toEqual(log.head().root);
    await shut(log);
    rmSync(markFile());
    expect(hex((await open()).head().checkpoint)).toBe(hex(log.head().checkpoint));
    expect(readMark(markFile())?.size).toBe(0);
  });

  it('refuses another identity of the log, and a newer schema', async () => {
    await grown(1);
    expect(await code(open({ treeId: 'other.example' }))).toBe('CONFIG_INVALID');
    expect(await code(open({ framing: 'none' }))).toBe('CONFIG_INVALID');
    expect(await code(open({ name: '../test' }))).toMatch(/RangeError/);
    const db = new Database(dbFile());
    db.pragma('user_version = 99');
    db.close();
    expect(await code(open())).toBe('STATE_NEWER');
  });

  it('signs its head anew when nothing was logged for a while', async () => {
    let now = 1_000;
    const log = await open({ clock: () => now, resignMs: 20 });
    await append(log, 'a');
    now += 100;
    await expect.poll(() => log.head().timeMs).toBe(1_100);
    expect(log.head().size).toBe(1);
  });
});
