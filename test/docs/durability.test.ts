// SPDX-License-Identifier: Apache-2.0
// Each sentence of docs/durability.md names tests, and these exist.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readDocument } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';

const { prose } = readDocument('docs/durability.md');
const rows = prose
  .filter((line) => line.startsWith('| ') && !/^\| (Sentence|A crash) \|/.test(line))
  .map((line) => line.split(' | '))
  .map((cells) => ({ says: cells[0]?.slice(2) ?? '', cell: cells.at(-1) ?? '' }));

const proofs = rows.map(({ says, cell }) => ({
  says,
  tests: [...cell.matchAll(/`(test\/[\w./-]+)` “([^”]+)”/g)].map(([, file = '', name = '']) => ({
    file,
    name,
  })),
}));

describe('docs/durability.md', () => {
  it.each(proofs)('proves: $says', ({ tests }) => {
    expect(tests.length).toBeGreaterThan(0);
    for (const { file, name } of tests) {
      const text = readFileSync(join(ROOT, file), 'utf8');
      const title = ["'", '`'].some((quote) => text.includes(`${quote}${name}`));
      expect([file, name, title]).toEqual([file, name, true]);
    }
  });

  it('has sentences', () => expect(proofs.length).toBeGreaterThan(25));
});
