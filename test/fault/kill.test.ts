// SPDX-License-Identifier: Apache-2.0
// What was answered survives: kill -9 at random instants, a second process on the same data, SIGTERM.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../services/core/bytes.ts';
import { parseEntryBody } from '../../services/core/entry.ts';
import { EXIT } from '../../services/core/errors.ts';
import { parseTimestampResponse } from '../../services/core/tsp-token.ts';
import { type HttpClient, httpClient, PATHS, TYPES, timestampQuery } from '../support/requests.ts';
import { spawnServe, startServe, temporaryDirectory } from '../support/stack.ts';
import { audit, type EntryAnswer } from './support/audit.ts';
import { startLoad } from './support/load.ts';
import { chooseSeed, seededRandom } from './support/random.ts';
import { type Record, readRecords } from './support/records.ts';
import { pinSources, type Sources } from './support/sources.ts';
import { fetchBytes } from './support/tree.ts';

const ROUNDS = 20;
const IN_FLIGHT = 96;
const MIN_IN_FLIGHT = 50;
/** The kill comes this long after the client is in full swing, at the latest. */
const SWING_MS = 500;

const cleanups: Array<() => unknown> = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function workspace() {
  const directory = temporaryDirectory();
  cleanups.push(() => directory.remove());
  return { data: join(directory.path, 'data'), records: join(directory.path, 'records') };
}

async function start(data: string) {
  const stack = await startServe({ data });
  cleanups.push(() => stack.end('SIGKILL'));
  const http = httpClient(stack.url, 4);
  cleanups.push(() => http.close());
  return { stack, http };
}

/** TUF root and published copy: neither may change without a ceremony. */
async function rootFiles(http: HttpClient): Promise<string[]> {
  const paths = ['/trust/root.json', '/tuf/1.root.json'];
  return Promise.all(paths.map(async (path) => fromUtf8(await fetchBytes(http, path))));
}

interface Pinned {
  readonly sources: Sources;
  readonly root: readonly string[];
}

async function pin(http: HttpClient): Promise<Pinned> {
  const sources = pinSources(await fetchBytes(http, '/trust/trusted_root.json'));
  return { sources, root: await rootFiles(http) };
}

/** The same request again is the same entry. */
async function requireSameIndex(http: HttpClient, records: readonly Record[]): Promise<void> {
  const entries = records.filter((record) => record.kind === 'entry');
  for (const { request, answer } of entries.slice(-3)) {
    const again = await http.post(PATHS.entry, TYPES.entry, request);
    expect(again.status).toBe(201);
    const first: EntryAnswer = JSON.parse(answer);
    const second: EntryAnswer = JSON.parse(again.body.toString());
    expect(second.logIndex).toBe(first.logIndex);
    expect(second.canonicalizedBody).toBe(first.canonicalizedBody);
  }
}

async function requireLaterStamp(http: HttpClient, latestMs: number): Promise<void> {
  const { status, body } = await http.post(
    PATHS.stamp,
    TYPES.stamp,
    timestampQuery(new Uint8Array(32)),
  );
  expect(status).toBe(200);
  expect(parseTimestampResponse(new Uint8Array(body)).genTimeMs).toBeGreaterThanOrEqual(latestMs);
}

describe('kill -9 under load', () => {
  it(`keeps every answer of ${ROUNDS} lives`, async () => {
    const seed = chooseSeed();
    console.log(`FAULT_SEED=${seed}`);
    const random = seededRandom(seed);
    const { data, records: recordsFile } = workspace();
    let pinned: Pinned | undefined;
    for (let round = 0; round <= ROUNDS; round++) {
      const started = performance.now();
      const { stack, http } = await start(data);
      const startMs = performance.now() - started;
      pinned ??= await pin(http);
      const records = readRecords(recordsFile);
      const found = await audit(http, pinned.sources, records);
      expect(await rootFiles(http)).toEqual(pinned.root);
      await requireSameIndex(http, records);
      await requireLaterStamp(http, found.latestStampMs);
      const auditMs = performance.now() - started - startMs;
      const sizes = `tlog ${found.tlog.checkpoint.size}, ctlog ${found.ctlog.checkpoint.size}`;
      const held = `${found.entries} entries, ${found.certificates} certificates, ${found.checkpoints} checkpoints`;
      const times = `start ${startMs.toFixed(0)} ms, audit ${auditMs.toFixed(0)} ms`;
      console.log(`life ${round}: ${sizes}; held to ${held}; ${times}`);
      if (round === ROUNDS) break;

      const load = startLoad(stack.url, recordsFile, IN_FLIGHT);
      cleanups.push(() => load.child.kill('SIGKILL'));
      await load.swing;
      await sleep(random() * SWING_MS);
      const end = await stack.end('SIGKILL');
      expect(end, stack.errors()).toEqual({ code: null, signal: 'SIGKILL' });
      const { cut, refused } = await load.end;
      expect(refused).toEqual([]);
      expect(cut).toBeGreaterThanOrEqual(MIN_IN_FLIGHT);
    }
  });
});

describe('one process on one data directory', () => {
  it('refuses a second, naming the pid of the first, and serves on', async () => {
    const { data } = workspace();
    const { stack, http } = await start(data);
    const second = spawnServe({ data });
    cleanups.push(() => second.child.kill('SIGKILL'));
    expect(await second.exit).toEqual({ code: EXIT.usage, signal: null });
    expect(second.stderr()).toContain('STATE_LOCKED');
    expect(second.stderr()).toMatch(new RegExp(`\\b${stack.pid}\\b`));
    expect((await http.get('/healthz')).status).toBe(200);
  });

  it('is free again after kill -9', async () => {
    const { data } = workspace();
    const first = await start(data);
    await first.stack.end('SIGKILL');
    const { http } = await start(data);
    expect((await http.get('/healthz')).status).toBe(200);
  });
});

describe('SIGTERM under load', () => {
  it('ends 0 and loses no accepted request: what was logged was answered', async () => {
    const { data, records: recordsFile } = workspace();
    const first = await start(data);
    await first.stack.settled();
    const pinned = await pin(first.http);
    const before = await audit(first.http, pinned.sources, []);
    const load = startLoad(first.stack.url, recordsFile, IN_FLIGHT);
    cleanups.push(() => load.child.kill('SIGKILL'));
    await load.swing;
    first.http.close();
    expect(await first.stack.end('SIGTERM')).toEqual({ code: 0, signal: null });
    const { refused } = await load.end;
    expect(refused).toEqual([]);

    const second = await start(data);
    const records = readRecords(recordsFile);
    const after = await audit(second.http, pinned.sources, records);
    const answered = new Set(
      records.flatMap((record) =>
        record.kind === 'entry' ? [Number(JSON.parse(record.answer).logIndex)] : [],
      ),
    );
    // Entries with a bare key are the client's; those of the self-check carry certificates.
    const logged = after.tlog.leaves.flatMap((leaf, index) =>
      index >= before.tlog.checkpoint.size && 'publicKey' in parseEntryBody(leaf).verifier
        ? [index]
        : [],
    );
    expect(logged.filter((index) => !answered.has(index))).toEqual([]);
    expect(after.entries).toBe(answered.size);
  });

  it('removes its endpoint file', async () => {
    const { data } = workspace();
    const { stack, http } = await start(data);
    expect(existsSync(join(data, 'endpoint.json'))).toBe(true);
    http.close();
    expect(await stack.end('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(existsSync(join(data, 'endpoint.json'))).toBe(false);
  });
});
