// SPDX-License-Identifier: Apache-2.0
// docs/compatibility.md is whole and names what is pinned; that it is true, test/interop shows.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  cannot,
  DOCUMENT,
  gridUnder,
  REASONS,
  refusalsOf,
} from '../interop/support/compatibility.ts';
import { ALTERATIONS, CONTENTS } from '../interop/support/matrix.ts';
import { codes, tableUnder } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';

const YES = 'yes';

const cells = CONTENTS.flatMap((content) => {
  const grid = gridUnder(content.name);
  return content.producers.flatMap((producer) =>
    content.verifiers.map((verifier) => ({
      content,
      row: producer.name,
      column: verifier.name,
      cell: grid.cell(producer.name, verifier.name),
    })),
  );
});

describe('cells', () => {
  const known = new Set([YES, ...REASONS.map(({ name }) => cannot(name))]);

  it('there is one for each signer and verifier', () => {
    for (const { name, producers, verifiers } of CONTENTS) {
      const { rows, columns } = gridUnder(name);
      expect(rows).toEqual(producers.map((producer) => producer.name));
      expect(columns).toEqual(verifiers.map((verifier) => verifier.name));
    }
  });

  it('none is empty or says anything but yes, or a reason of the table', () => {
    const strange = cells.filter(({ cell }) => cell.split('; ').some((part) => !known.has(part)));
    expect(strange).toEqual([]);
  });

  it('every reason stands in one', () => {
    const used = new Set(cells.flatMap(({ cell }) => cell.split('; ')));
    expect(used).toEqual(known);
  });

  it('a verifier that says yes says how it refuses each alteration', () => {
    for (const { content, column, cell } of cells.filter((one) => one.cell.startsWith(YES))) {
      const refusals = refusalsOf(column);
      for (const { name } of ALTERATIONS(content)) {
        const { words, reason } = refusals.get(name) ?? {};
        expect([column, name, words ?? reason]).not.toEqual([column, name, undefined]);
        if (reason !== undefined) expect(cell).toContain(cannot(reason));
      }
    }
  });
});

/** NAME or NAME VERSION as the files of test/interop pin them. */
const PINS = ['go/cosign3/go.mod', 'go/sigstore-go/go.mod', 'python/sigstore.txt']
  .concat('python/sigstore-4.2.txt', 'node/package.json')
  .map((path) => ({ path, text: readFileSync(join(ROOT, 'test/interop', path), 'utf8') }));

const pinned = (path: string, pattern: RegExp): string | undefined =>
  pattern.exec(PINS.find((pin) => pin.path === path)?.text ?? '')?.[1];

const packages = (cell: string) =>
  codes(cell).map((name) => `\`${name}\` ${pinned('node/package.json', versionOf(name))}`);
const versionOf = (name: string) => new RegExp(`"${name}": "([^"]+)"`);

const VERSIONS: Readonly<Record<string, (cell: string) => string | undefined>> = {
  sigstead: () => 'this one',
  cosign: () => pinned('go/cosign3/go.mod', /sigstore\/cosign\/v3 v(\S+)/),
  'sigstore-python': () => pinned('python/sigstore.txt', /^sigstore==(.*)$/m),
  'sigstore-python 4.2': () => pinned('python/sigstore-4.2.txt', /^sigstore==(.*)$/m),
  'sigstore-js': (cell) => packages(cell).join(', '),
  'sigstore-go': () => pinned('go/sigstore-go/go.mod', /sigstore\/sigstore-go v(\S+)/),
  model_signing: () => pinned('python/sigstore.txt', /^model-signing==(.*)$/m),
};

describe('versions', () => {
  const rows = tableUnder(DOCUMENT, 'Compatibility');

  it('every client has one', () => {
    expect(rows.map(([client]) => codes(client)[0])).toEqual(Object.keys(VERSIONS));
  });

  it.each(rows)('%s %s is what is installed', (client, version = '') => {
    expect(version).toBe(VERSIONS[codes(client)[0] ?? '']?.(version));
  });
});
