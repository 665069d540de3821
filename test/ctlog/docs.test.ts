// SPDX-License-Identifier: Apache-2.0
// docs/ctlog.md tells what the log does.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base64, fromBase64, hex } from '../../services/core/bytes.ts';
import { ERRORS, type ErrorCode } from '../../services/core/errors.ts';
import type { CtLog } from '../../services/ctlog/main.ts';
import { codes, readDocument, tableUnder } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';
import { type Bench, bench, chainBody, leaf, post, sha256 } from './harness.ts';

const document = readDocument('docs/ctlog.md');
/** In a tree of one leaf. */
const PARAMETERS: Record<string, string> = {
  first: '0',
  second: '1',
  tree_size: '1',
  start: '0',
  end: '0',
  leaf_index: '0',
};

describe('endpoints', () => {
  let place: Bench;
  let log: CtLog;
  beforeAll(async () => {
    place = bench();
    log = await place.open();
    const body = chainBody(leaf(place.intermediate, 1).der, place.intermediate.der);
    expect((await post(log, 'add-pre-chain', body)).status).toBe(200);
  });
  afterAll(async () => {
    await log.close();
    place.remove();
  });

  const rows = tableUnder(document, 'Endpoints').map(([request, parameters, answer]) => {
    const [method = '', path = ''] = (codes(request)[0] ?? '').split(' ');
    return { method, path, parameters: codes(parameters), fields: codes(answer) };
  });

  async function leafHash(): Promise<string> {
    const response = await log.routes.request('/ctlog/ct/v1/get-entries?start=0&end=0');
    const { entries } = (await response.json()) as { entries: Array<{ leaf_input: string }> };
    const input = fromBase64(entries[0]?.leaf_input ?? '');
    return encodeURIComponent(base64(sha256(Uint8Array.of(0), input)));
  }

  it.each(rows.filter(({ method }) => method === 'GET'))(
    '$path answers as said',
    async ({ path, parameters, fields }) => {
      const values: Record<string, string> = { ...PARAMETERS, hash: await leafHash() };
      const query = parameters.map((name) => `${name}=${values[name]}`).join('&');
      const address = path
        .replace('<L>', '0')
        .replace('<N>[.p/<W>]', '000.p/1')
        .replace('<SHA-256>', hex(sha256(place.root.der)));
      const response = await log.routes.request(`${address}?${query}`);
      expect(response.status).toBe(200);
      if (!path.includes('/ct/v1/')) return;
      const text = await response.text();
      for (const field of fields) expect(text).toContain(`"${field}"`);
    },
  );

  it('that are written to give an SCT', async () => {
    for (const { path, fields } of rows.filter(({ method }) => method === 'POST')) {
      const made = leaf(place.intermediate, 2, path.endsWith('pre-chain') ? undefined : []);
      const body = chainBody(made.der, place.intermediate.der);
      const response = await log.routes.request(path, { method: 'POST', body });
      const sct = Object.keys((await response.json()) as object);
      expect(sct).toEqual(expect.arrayContaining(fields));
    }
  });
});

describe('codes', () => {
  const room = join(ROOT, 'services/ctlog');
  const source = readdirSync(room)
    .map((name) => readFileSync(join(room, name), 'utf8'))
    .join('\n');
  const rows = tableUnder(document, 'Codes').map(([code, ...cells]) => ({
    code: (codes(code)[0] ?? '') as ErrorCode,
    cells,
  }));
  /** Of the engine, and of every service. */
  const SHARED: readonly ErrorCode[] = [
    'ENTRY_TOO_LARGE',
    'LOG_CLOCK',
    'LOG_FULL',
    'LOG_STOPPED',
    'REQUEST_TOO_LARGE',
  ];

  it('are all there, and no other', () => {
    const named = (Object.keys(ERRORS) as ErrorCode[])
      .filter((code) => source.includes(`'${code}'`))
      .filter((code) => code !== 'STATE_INCONSISTENT');
    expect(rows.map(({ code }) => code).sort()).toEqual([...named, ...SHARED].sort());
  });

  it.each(rows)('$code has its status and mend', ({ code, cells }) => {
    const { http, grpc, mend } = ERRORS[code];
    expect([cells[0], cells[1], cells.at(-1)]).toEqual([`${http}`, `${grpc}`, mend]);
  });
});
