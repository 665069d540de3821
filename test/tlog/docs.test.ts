// SPDX-License-Identifier: Apache-2.0
// docs/tlog.md tells what the log does.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALGORITHMS } from '../../services/core/algorithm.ts';
import { ERRORS, type ErrorCode } from '../../services/core/errors.ts';
import { createMetrics } from '../../services/runtime/metrics.ts';
import type { Tlog } from '../../services/tlog/main.ts';
import { codes, readDocument, tableUnder } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';
import { type Answer, type Bench, bench, post, request } from './harness.ts';

const document = readDocument('docs/tlog.md');
const sectionOf = (heading: string) =>
  document.text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';

describe('the log', () => {
  let place: Bench;
  let tlog: Tlog;
  let answer: Answer;
  const metrics = createMetrics();
  beforeAll(async () => {
    place = bench();
    tlog = await place.open({ metrics });
    const body = request('documented');
    answer = (await (await post(tlog, body)).json()) as Answer;
    await post(tlog, body);
    await tlog.close();
    expect((await post(tlog, request('late'))).status).toBe(503);
  });
  afterAll(() => place.remove());

  const reads = tableUnder(document, 'Endpoints')
    .map(([asked, , caching]) => ({ words: (codes(asked)[0] ?? '').split(' '), caching }))
    .filter(({ words }) => words[0] === 'GET')
    .map(({ words, caching }) => ({ path: words[1] ?? '', caching: codes(caching)[0] }));

  it.each(reads)('serves $path as said', async ({ path, caching }) => {
    const { status, headers } = await tlog.routes.request(
      path.replace('<L>', '0').replace('<N>[.p/<W>]', '000.p/1'),
    );
    expect([status, headers.get('cache-control')]).toEqual([200, caching]);
  });

  it('answers with the fields that are named, in their order', () => {
    const named = codes(sectionOf('Answers').trim().split('no other field')[0]);
    expect(Object.keys(answer)).toEqual(named);
  });

  it('counts what is named', async () => {
    const named = [...document.text.matchAll(/`(sigstead_\w+)`/g)].map((match) => match[1] ?? '');
    const text = await metrics.text();
    expect(named.filter((name) => !text.includes(`# HELP ${name} `))).toEqual([]);
    expect(named.length).toBe(7);
  });
});

describe('keyDetails', () => {
  const rows = tableUnder(document, 'Requests')
    .map(([names, numbers]) => ({ names: codes(names), numbers: (numbers ?? '').split(', ') }))
    .filter(({ names }) => names[0]?.startsWith('PKIX_'));

  it('are the rows that the log takes, by name and number', () => {
    const told = rows.flatMap(({ names, numbers }) =>
      names.map((name, at) => [name, Number(numbers[at])]),
    );
    const taken = ALGORITHMS.filter(({ hash }) => hash !== undefined);
    expect(told.sort()).toEqual(
      taken.map(({ keyDetails, keyDetailsNumber }) => [keyDetails, keyDetailsNumber]).sort(),
    );
  });
});

describe('codes', () => {
  const rows = tableUnder(document, 'Codes').map(([code, ...cells]) => ({
    code: (codes(code)[0] ?? '') as ErrorCode,
    cells,
  }));
  /** Of the engine, and of every service. */
  const SHARED: readonly ErrorCode[] = [
    'INTERNAL',
    'LOG_CLOCK',
    'LOG_FROZEN',
    'LOG_FULL',
    'LOG_STOPPED',
    'REQUEST_TOO_LARGE',
  ];

  it('are all there, and no other', () => {
    const room = join(ROOT, 'services/tlog');
    const source = readdirSync(room)
      .map((name) => readFileSync(join(room, name), 'utf8'))
      .join('\n');
    const named = (Object.keys(ERRORS) as ErrorCode[]).filter((code) =>
      source.includes(`'${code}'`),
    );
    const wanted = new Set([...named, ...SHARED]);
    expect(rows.map(({ code }) => code).sort()).toEqual([...wanted].sort());
  });

  it.each(rows)('$code has its status and mend', ({ code, cells }) => {
    const { http, grpc, mend } = ERRORS[code];
    expect([cells[0], cells[1], cells.at(-1)]).toEqual([`${http}`, `${grpc}`, mend]);
  });

  it('are each the answer of some request in a test', () => {
    const tests = [
      'write.test.ts',
      'read.test.ts',
      'limits.test.ts',
      '../vectors/tlog/requests.json',
    ]
      .map((name) => readFileSync(join(ROOT, 'test/tlog', name), 'utf8'))
      .join('\n');
    const silent = rows.map(({ code }) => code).filter((code) => !tests.includes(code));
    expect(silent).toEqual(['LOG_FROZEN', 'INTERNAL']);
  });
});
