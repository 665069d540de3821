// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { equal, utf8 } from '../../services/core/bytes.ts';
import { CodedError } from '../../services/core/errors.ts';
import {
  leafHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from '../../services/core/merkle.ts';
import { parseBundleEntries } from '../../services/core/tile.ts';
import {
  type Appended,
  type Log,
  type LogOptions,
  openLog,
  runLog,
} from '../../services/log/log.ts';
import { openMark, readMark } from '../../services/log/mark.ts';
import { openReader } from '../../services/log/sqlite.ts';
import type { LogStore } from '../../services/log/store.ts';
import { type Order, openWriter } from '../../services/log/writer.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';

export const sha256 = (data: Uint8Array) => nodeCrypto.digest('sha256', data);

export const leafOf = (text: string) => ({
  data: utf8(text),
  leafHash: leafHash(sha256, utf8(text)),
});

export const append = (log: Log, text: string): Promise<Appended> =>
  log.append({ dedupKey: sha256(utf8(text)), build: () => leafOf(text) });

export const fill = (log: Log, count: number, name = 'entry'): Promise<Appended[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => append(log, `${name} ${i}`)));

export function verify(text: string, { index, size, root, proof }: Appended): void {
  verifyInclusion(nodeCrypto, { index, size, root, proof, leafHash: leafOf(text).leafHash });
}

/** Code of the error that the work ends with. */
export const code = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof CodedError ? error.code : String(error)),
  );

/** Reads the whole log back and holds it against its head and against every answer ever given. */
export function audit(log: Log, answers: ReadonlyMap<string, Appended>): void {
  const { size, root } = log.head();
  const hashes: Uint8Array[] = [];
  for (let start = 0; start < size; start += 256) {
    const width = Math.min(256, size - start);
    const bundle = log.entryBundle(start / 256, width) ?? new Uint8Array();
    for (const data of parseBundleEntries(bundle, width)) hashes.push(leafHash(sha256, data));
  }
  if (!equal(rootOf(sha256, hashes), root)) throw new Error('the entries lead to another root');
  for (const [text, answer] of answers) {
    const claim = { index: answer.index, size, root, leafHash: leafOf(text).leafHash };
    verifyInclusion(nodeCrypto, { ...claim, proof: log.inclusionProof(answer.index, size) });
    verifyConsistency(nodeCrypto, {
      first: answer.size,
      second: size,
      firstRoot: answer.root,
      secondRoot: root,
      proof: log.consistencyProof(answer.size, size),
    });
  }
}

/** Called with the name of each write, before and after it. */
export type Hook = (point: string) => void | Promise<void>;

export interface Bench {
  readonly directory: string;
  readonly dbFile: string;
  readonly markFile: string;
  open(change?: Partial<LogOptions>): Promise<Log>;
  /** The same log with the writer in this thread, and a hook before and after each write. */
  openHooked(hook: Hook, change?: Partial<LogOptions>): Promise<Log>;
  shut(log: Log): Promise<void>;
  remove(): Promise<void>;
}

function hookedStore(dbFile: string, markFile: string, hook: Hook): LogStore {
  const file = openMark(markFile);
  const found = readMark(markFile);
  const sync = (point: string) => {
    if (hook(point) !== undefined) throw new Error(`${point} cannot wait`);
  };
  const writer = openWriter(dbFile, {
    write(mark) {
      sync('before mark');
      file.write(mark);
      sync('after mark');
    },
    close: () => file.close(),
  });
  const { close, ...reader } = openReader(dbFile);
  const perform = async (order: Order) => {
    await hook(`before ${order.kind}`);
    writer.perform(order);
    await hook(`after ${order.kind}`);
  };
  return {
    reader,
    mark: found,
    create: (identity, head) => perform({ kind: 'create', identity, head }),
    commit: (batch) => perform({ kind: 'commit', batch }),
    compact: (bundles) => perform({ kind: 'compact', bundles }),
    roll: (mark) => perform({ kind: 'roll', mark }),
    async close() {
      close();
      writer.close();
    },
  };
}

export function bench(): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'sigstead-log-'));
  let opened: Log[] = [];
  for (const name of ['db', 'mark']) mkdirSync(join(directory, name));
  const dbFile = join(directory, 'db', 'test.sqlite');
  const markFile = join(directory, 'mark', 'test.mark');
  const optionsOf = (change: Partial<LogOptions>): LogOptions => ({
    name: 'test',
    directory: join(directory, 'db'),
    markDirectory: join(directory, 'mark'),
    treeId: 'log.example',
    signHead: async ({ size, root }) => utf8(`${size} ${Buffer.from(root).toString('hex')}`),
    framing: 'u16',
    clock: () => Date.now(),
    logger: silentLogger,
    metrics: noMetrics,
    ...change,
  });
  const keep = (log: Log) => {
    opened.push(log);
    return log;
  };
  return {
    directory,
    dbFile,
    markFile,
    open: async (change = {}) => keep(await openLog(optionsOf(change))),
    async openHooked(hook, change = {}) {
      const store = hookedStore(dbFile, markFile, hook);
      try {
        return keep(await runLog(optionsOf(change), store));
      } catch (error) {
        await store.close();
        throw error;
      }
    },
    async shut(log) {
      opened = opened.filter((other) => other !== log);
      await log.close();
    },
    async remove() {
      for (const log of opened) await log.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Random bytes that are the same on every run. */
export function noise(seed: string, length: number): Uint8Array {
  const block = (i: number) => createHash('sha256').update(`${seed} ${i}`).digest();
  const blocks = Array.from({ length: Math.ceil(length / 32) }, (_, i) => block(i));
  return new Uint8Array(Buffer.concat(blocks).subarray(0, length));
}
