// SPDX-License-Identifier: Apache-2.0
// docs/api.md is what the library is: made from its types, with a word about each of them.
import { describe, expect, it } from 'vitest';
import {
  apiDocument,
  type Declared,
  readApiDocument,
  readLibrary,
} from '../../scripts/api-reference.ts';

const library = readLibrary();
const all = [...library.modules.flatMap(({ exports }) => exports), ...library.others];

describe('docs/api.md', () => {
  it('is up to date (node scripts/api-reference.ts)', () => {
    const written = readApiDocument();
    expect(written).toBe(apiDocument(written, library));
  });

  it('has both modules with what they export', () => {
    const names = (at: number) => library.modules[at]?.exports.map(({ name }) => name) ?? [];
    expect(names(0)).toEqual(expect.arrayContaining(['sign', 'attest', 'verify', 'examine']));
    expect(names(1)).toEqual(expect.arrayContaining(['verify', 'examine', 'parseBundle']));
    expect(names(1)).not.toContain('sign');
  });
});

describe('what stands above a declaration', () => {
  const throwing = (one: Declared) => one.tags.some(({ name }) => name === 'throws');

  it('tells what each is', () => {
    expect(all.filter(({ about }) => about === '').map(({ name }) => name)).toEqual([]);
  });

  it('tells what each field is', () => {
    expect(all.flatMap(({ name, bare }) => bare.map((field) => `${name}.${field}`))).toEqual([]);
  });

  it('tells what each function throws, if anything', () => {
    const functions = all.filter(({ kind }) => kind === 'function');
    expect(functions.length).toBeGreaterThan(10);
    expect(functions.filter((one) => !throwing(one)).map(({ name }) => name)).toEqual([]);
  });
});
