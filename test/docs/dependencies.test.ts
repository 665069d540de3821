// SPDX-License-Identifier: Apache-2.0
// docs/dependencies.md names every package of the manifest, what it is for, and who uses it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codes, readDocument, tableUnder } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly devDependencies: Record<string, string>;
  readonly optionalDependencies: Record<string, string>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
const document = readDocument('docs/dependencies.md');

const services = readdirSync(join(ROOT, 'services'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => ({
    room: name.split('/')[0] ?? '',
    text: readFileSync(join(ROOT, 'services', name), 'utf8'),
  }));

/** Rooms with a file that imports the package or a part of it. */
function users(name: string): string[] {
  const used = new RegExp(`(?:from |import |import\\()'${name}(?:/[^']*)?'`);
  return [
    ...new Set(services.filter(({ text }) => used.test(text)).map(({ room }) => room)),
  ].sort();
}

const TABLES = [
  { heading: 'At run time', packages: manifest.dependencies },
  { heading: 'Node itself', packages: manifest.optionalDependencies },
  { heading: 'For development', packages: manifest.devDependencies },
] as const;

describe.each(TABLES)('$heading', ({ heading, packages }) => {
  const rows = tableUnder(document, heading);

  it('names every package and no other', () => {
    expect(rows.flatMap(([name]) => codes(name)).sort()).toEqual(Object.keys(packages).sort());
  });

  it('gives a reason for each', () => {
    expect(rows.filter((cells) => (cells.at(-1) ?? '').length < 15)).toEqual([]);
  });
});

describe('packages at run time', () => {
  const rows = tableUnder(document, 'At run time');

  it.each(Object.keys(manifest.dependencies))('%s is used where the table says', (name) => {
    const row = rows.find(([names]) => codes(names).includes(name));
    expect(codes(row?.[1]).sort()).toEqual(users(name));
  });

  it('has a fixed version of each package', () => {
    const versions = TABLES.flatMap(({ packages }) => Object.entries(packages));
    expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
  });
});
