// SPDX-License-Identifier: Apache-2.0
// Every verification vector under Node: the code that its header names, and no other. The vectors
// are data; that the generator still makes the same bytes is tested beside.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ERRORS } from '../../services/core/errors.ts';
import { parseVector, readVectors, runVector, VECTORS, vectorRoot } from '../support/vectors.ts';
import { FAMILIES, vectorFiles } from './verify-cases/all.ts';

describe.each(Object.keys(FAMILIES))('vectors: %s', (family) => {
  it.each(readVectors(family))('$name: $vector.expect', ({ vector }) => {
    const { verdict, checks } = runVector(vector);
    expect(verdict).toBe(vector.expect);
    const failed = checks.filter(({ verdict: found }) => found === 'failed');
    // Nothing is checked after what fails.
    expect(failed).toEqual(vector.expect === 'PASS' || checks.length === 0 ? [] : [checks.at(-1)]);
  });
});

describe('the vectors', () => {
  const names = Object.keys(FAMILIES).flatMap(readVectors);

  it('refuse more than they accept', () => {
    const passing = names.filter(({ vector }) => vector.expect === 'PASS').length;
    expect(names.length - passing).toBeGreaterThan(passing);
  });

  it('expect codes of the table alone, and hold every code of the verifier', () => {
    const expected = new Set(names.map(({ vector }) => vector.expect));
    expect([...expected].filter((code) => code !== 'PASS' && !(code in ERRORS))).toEqual([]);
    const verifier = Object.keys(ERRORS).filter((code) => VERIFIER.test(code));
    expect(verifier.filter((code) => !expected.has(code))).toEqual([]);
  });

  it('are what the generator makes, byte for byte', () => {
    const files = vectorFiles();
    const stored = ['roots', ...Object.keys(FAMILIES)].flatMap((directory) =>
      readdirSync(join(VECTORS, directory)).map((name) => `${directory}/${name}`),
    );
    expect(stored.sort()).toEqual([...files.keys()].sort());
    const differing = stored.filter(
      (path) => readFileSync(join(VECTORS, path), 'utf8') !== files.get(path),
    );
    expect(differing).toEqual([]);
  }, 120_000);

  it('are the families that their document tells of', () => {
    const page = readFileSync(join(VECTORS, '../../../docs/vectors.md'), 'utf8');
    const [, table = ''] = page.split('## Families');
    const told = [...table.matchAll(/^\| `([a-z0-9-]+)` \| /gm)].map((match) => match[1]);
    expect(told).toEqual(Object.keys(FAMILIES));
  });

  it('use each trusted root', () => {
    const used = new Set(names.map(({ vector }) => `${vector.root}.json`));
    expect(readdirSync(join(VECTORS, 'roots')).filter((name) => !used.has(name))).toEqual([]);
  });
});

/** Codes that a verification can end with. */
const VERIFIER =
  /^(BUNDLE|CERTIFICATE|SCT|TIMESTAMP|LOG_(ENTRY|UNKNOWN|TIME)|CHECKPOINT|INCLUSION|SIGNATURE_|DIGEST_MISMATCH|STATEMENT|SUBJECT|PREDICATE|IDENTITY_(MISMATCH|POLICY)|ISSUER|EXTENSION_|KEY_MODE|TRUST_ROOT)/;

describe('a vector that is not sound', () => {
  it('is refused by its reader', () => {
    expect(() => parseVector('expect: PASS\n\n{}\n')).toThrow('lacks its field rule');
    expect(() => vectorRoot('../main')).toThrow('no name of a root');
  });
});
