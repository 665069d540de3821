// SPDX-License-Identifier: Apache-2.0
// docs/ca.md tells what the CA does.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caRoutes } from '../../services/ca/app.ts';
import { ISSUER_TYPES } from '../../services/ca/issuer-fields.ts';
import { compileProvider } from '../../services/ca/provider.ts';
import { CodedError, ERRORS, type ErrorCode } from '../../services/core/errors.ts';
import { FULCIO_EXTENSIONS } from '../../services/core/oid.ts';
import { parsePem } from '../../services/core/pem.ts';
import { parseCertificate } from '../../services/core/x509.ts';
import { codes, readDocument, tableUnder } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';
import { ask, EMAIL_CLAIMS, type Harness, openHarness, subject, token, v2Body } from './harness.ts';

const document = readDocument('docs/ca.md');
const room = join(ROOT, 'services/ca');
const source = readdirSync(room)
  .map((name) => readFileSync(join(room, name), 'utf8'))
  .join('\n');
/** Ends of a start, not of a request. */
const START: readonly ErrorCode[] = ['CHAIN_INVALID', 'CONFIG_INVALID', 'KEY_UNREADABLE'];
const named = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => source.includes(`'${code}'`));

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness.close());

describe('endpoints', () => {
  it.each(tableUnder(document, 'Endpoints').map(([request]) => codes(request)[0] ?? ''))(
    '%s exists',
    async (request) => {
      const [method = '', path = ''] = request.split(' ');
      const { status } = await harness.ca.routes.request(path, { method });
      expect(status).toBe(method === 'GET' ? 200 : 400);
    },
  );
});

describe('types', () => {
  it('are those of the settings', () => {
    const rows = tableUnder(document, 'Tokens').flatMap(([type]) => codes(type));
    expect(rows).toEqual(Object.keys(ISSUER_TYPES));
  });
});

describe('extensions', () => {
  it('stand in the order of a certificate, as critical as said', async () => {
    const body = v2Body(subject(), EMAIL_CLAIMS.email);
    const { certificates } = await ask(harness, body, token(EMAIL_CLAIMS));
    const leaf = parseCertificate(parsePem(certificates[0] ?? '')[0]?.der ?? new Uint8Array());
    const fulcio = /^1\.3\.6\.1\.4\.1\.57264\.1\.\d+$/;
    const found = leaf.extensions.map(({ oid, critical }) => [
      oid.replace(fulcio, '1.3.6.1.4.1.57264.1.N'),
      critical ? 'yes' : 'no',
    ]);
    const shown = tableUnder(document, 'Extensions, in their order').map(([oid, critical]) => [
      codes(oid)[0],
      critical,
    ]);
    expect(found.filter(([oid], i) => oid !== found[i - 1]?.[0])).toEqual(shown);
  });

  const rows = tableUnder(document, 'Extensions of Fulcio').map(([number, ...cells]) => ({
    number: Number(number),
    cells: cells.map((cell) => codes(cell)[0]),
  }));

  it('have the numbers and names of the table', () => {
    expect(rows.map(({ number, cells }) => [number, cells[0]])).toEqual(
      FULCIO_EXTENSIONS.map(({ number, key }) => [number, key]),
    );
  });

  it.each([
    ['github', 1],
    ['gitlab', 2],
    ['buildkite', 3],
    ['codefresh', 4],
  ] as const)('of %s are made as shown', (provider, column) => {
    const claims = new Proxy(new Map<string, string>(), {
      get: () => (name: string) => (name === 'ref_type' ? 'branch' : `{${name}}`),
    });
    const compiled = compileProvider({ provider });
    const made = new Map(
      compiled.extensions.map(({ number, template }) => [number, template(claims)]),
    );
    const shown = rows
      .filter(({ number, cells }) => ![1, 8, 24].includes(number) && cells[column] !== undefined)
      .map(({ number, cells }) => [number, cells[column]]);
    expect([...made]).toEqual(shown);
    if (column < 3) expect(compiled.subject(claims)).toBe(made.get(9));
    else expect(document.text).toContain(`\`${compiled.subject(claims)}\``);
  });
});

describe('codes', () => {
  const rows = new Map(
    tableUnder(document, 'Codes').map(([code, ...cells]) => [codes(code)[0] ?? '', cells]),
  );
  const messages = tableUnder(document, 'Messages').map(([message = '', cell]) => ({
    message,
    codes: codes(cell),
  }));

  it('are all there, and no other', () => {
    const wire = named.filter((code) => !START.includes(code));
    expect([...rows.keys()].sort()).toEqual([...wire, 'NOT_FOUND', 'REQUEST_TOO_LARGE'].sort());
    for (const code of START) expect(document.text).toContain(`\`${code}\``);
  });

  it.each([...rows.keys()])('%s is answered as said', async (name) => {
    const code = name as ErrorCode;
    const routes = caRoutes({
      certify: () => Promise.reject(new CodedError(code, 'what was wrong')),
      bundle: () => [],
      configuration: {},
      observe: () => {},
      onFault: () => {},
    });
    const response = await routes.request('/api/v2/signingCert', { method: 'POST' });
    const answer = (await response.json()) as { code: number; message: string };
    const message =
      messages.find(({ codes: list }) =>
        list.some((shown) => shown === code || (shown === 'TOKEN_' && code.startsWith(shown))),
      )?.message ?? 'what was wrong';
    expect([`${response.status}`, `${answer.code}`, answer.message]).toEqual([
      ...(rows.get(code) ?? []).slice(0, 2),
      message,
    ]);
    expect(rows.get(code)?.at(-1)).toBe(ERRORS[code].mend);
  });
});
