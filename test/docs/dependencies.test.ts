// SPDX-License-Identifier: Apache-2.0
// docs/dependencies.md names every package of the manifest, what it is for, and who uses it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codes, readDocument, tableUnder } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';

type Versions = Record<string, string>;

interface Manifest {
  readonly dependencies: Versions;
  readonly devDependencies: Versions;
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T;
}

const manifest = readJson<Manifest>('package.json');
const runtimes = readJson<{ optionalDependencies: Versions }>('scripts/node/package.json');
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

/** A release carries what it runs on inside its bundles, so that to npm most of it is development. */
const installed: Versions = { ...manifest.dependencies, ...manifest.devDependencies };
const local = Object.keys(installed).filter((name) => installed[name]?.startsWith('file:'));
const atRunTime = Object.keys(installed).filter((name) => users(name).length > 0);
const forDevelopment = Object.keys(installed).filter(
  (name) => !atRunTime.includes(name) && !local.includes(name),
);

const TABLES = [
  { heading: 'At run time', packages: atRunTime },
  { heading: 'Node itself', packages: Object.keys(runtimes.optionalDependencies) },
  { heading: 'For development', packages: forDevelopment },
] as const;

describe.each(TABLES)('$heading', ({ heading, packages }) => {
  const rows = tableUnder(document, heading);

  it('names every package and no other', () => {
    expect(rows.flatMap(([name]) => codes(name)).sort()).toEqual([...packages].sort());
  });

  it('gives a reason for each', () => {
    expect(rows.filter((cells) => (cells.at(-1) ?? '').length < 15)).toEqual([]);
  });
});

describe('packages at run time', () => {
  const rows = tableUnder(document, 'At run time');

  it.each(atRunTime)('%s is used where the table says', (name) => {
    const row = rows.find(([names]) => codes(names).includes(name));
    expect(codes(row?.[1]).sort()).toEqual(users(name));
  });

  it('has a fixed version of each package', () => {
    const versions = Object.entries({ ...installed, ...runtimes.optionalDependencies });
    const loose = versions.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version));
    expect(loose.map(([name]) => name)).toEqual(local);
  });
});
