// SPDX-License-Identifier: Apache-2.0
// Every error code has a row in the document that its section of the table names, with a cause and a
// mend, and stands in docs/errors.md.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { errorIndex, explained, readErrorIndex } from '../../scripts/error-index.ts';
import { ERRORS } from '../../services/core/errors.ts';
import { codes, readDocument } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';

describe('error codes', () => {
  const source = readFileSync(join(ROOT, 'services/core/errors.ts'), 'utf8');
  const table = source.split('export const ERRORS')[1] ?? '';
  const sections = table.split(/\n {2}\/\/ /).slice(1);
  const rows = sections.flatMap((section) => {
    const heading = section.split('\n', 1)[0] ?? '';
    const document = /\((docs\/[\w-]+\.md)\)/.exec(heading)?.[1];
    const names = [...section.matchAll(/^ {2}([A-Z][A-Z_]+): /gm)].map((match) => match[1] ?? '');
    return names.map((code) => ({ code, heading, document }));
  });

  it('stand in sections that name their document', () => {
    expect(rows.map(({ code }) => code).sort()).toEqual(Object.keys(ERRORS).sort());
    expect(rows.filter(({ document }) => document === undefined)).toEqual([]);
  });

  it.each(rows)('$code has its row in $document', ({ code, document }) => {
    const { prose } = readDocument(document ?? '');
    const named = prose.filter((line) => codes(/^\| ([^|]+) \|/.exec(line)?.[1]).includes(code));
    expect(named).not.toEqual([]);
  });

  const tables = explained();

  it.each(Object.keys(ERRORS))('%s has a cause and a mend wherever it is explained', (code) => {
    const found = tables.filter((one) => one.code === code);
    expect(found).not.toEqual([]);
    expect(found.filter(({ cause, mend }) => cause.length < 4 || mend.length < 8)).toEqual([]);
  });

  it.each(Object.entries(ERRORS))('%s has a mend that says what to do', (_, { mend }) => {
    expect(mend).toMatch(/^[A-Z`].{10,}\.$/);
  });

  it('stand in docs/errors.md, which is up to date (node scripts/error-index.ts)', () => {
    expect(readErrorIndex()).toBe(errorIndex());
  });
});
