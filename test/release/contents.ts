// SPDX-License-Identifier: Apache-2.0
// What a release says of the packages of others in it, held against the lockfile, against what the
// sources reach, and against what npm installed.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { ALLOWED, thirdPartyLicences } from '../../scripts/release/licences.ts';
import { type Package, packagesOf, readLockfile } from '../../scripts/release/packages.ts';
import { ROOT } from '../support/stack.ts';

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly 'bom-ref': string;
  readonly hashes: ReadonlyArray<{ readonly alg: string; readonly content: string }>;
  readonly licenses: ReadonlyArray<{ readonly license: { readonly id: string } }>;
  readonly properties: ReadonlyArray<{ readonly name: string; readonly value: string }>;
  readonly components?: readonly Component[];
}

interface Bom {
  readonly specVersion: string;
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: ReadonlyArray<{ readonly ref: string; readonly dependsOn: string[] }>;
}

const lock = readLockfile(ROOT);

const pathOf = ({ properties }: Component) =>
  properties.find(({ name }) => name === 'cdx:npm:package:path')?.value ?? '';

/** Independent of a release's bundles: packages with a file that any source reaches. */
async function reachedPackages(): Promise<Set<string>> {
  const names = readdirSync(join(ROOT, 'services'), { recursive: true, encoding: 'utf8' });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: names.filter((name) => name.endsWith('.ts')).map((name) => `services/${name}`),
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'esm',
    outdir: 'out',
    external: ['better-sqlite3'],
    logLevel: 'silent',
  });
  const found = Object.keys(metafile.inputs).flatMap(
    (path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
  );
  return new Set(found);
}

/** Packages that a source imports by name. */
function importedPackages(): string[] {
  const services = join(ROOT, 'services');
  const specifier = /(?:from |import |import\()'((?:@[^/']+\/)?[a-z][^/':]*)(?:\/[^']*)?'/g;
  const texts = readdirSync(services, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => readFileSync(join(services, name), 'utf8'));
  const names = texts.flatMap((text) => [...text.matchAll(specifier)].map((m) => m[1] ?? ''));
  return [...new Set(names)].sort();
}

/** @param place of the installed package, once it is there */
export function describeContents(place: () => string): void {
  let bom: Bom;
  let licences: string;
  beforeAll(() => {
    bom = JSON.parse(readFileSync(join(place(), 'dist/sbom.cdx.json'), 'utf8')) as Bom;
    licences = readFileSync(join(place(), 'dist/THIRD-PARTY-LICENSES'), 'utf8');
  });

  describe('the SBOM', () => {
    it('is about this package at this version', () => {
      const manifest = JSON.parse(readFileSync(join(place(), 'package.json'), 'utf8'));
      const { name, version, purl } = bom.metadata.component;
      expect([name, version]).toEqual([manifest.name, manifest.version]);
      expect(purl).toBe(`pkg:npm/${name}@${version}`);
    });

    it('has every package that the sources reach or npm carries along, and no other', async () => {
      const carried = Object.keys(lock).filter((path) => lock[path]?.inBundle);
      const expected = new Set([...(await reachedPackages()), ...carried]);
      expect(bom.components.map(pathOf).sort()).toEqual([...expected].sort());
      expect(bom.components.length).toBeGreaterThan(20);
    });

    it('has version and hash of each as the lockfile has them', () => {
      for (const component of bom.components) {
        const entry = lock[pathOf(component)];
        const [hash] = component.hashes;
        const integrity = `sha512-${Buffer.from(hash?.content ?? '', 'hex').toString('base64')}`;
        expect([component.name, component.version, hash?.alg, integrity]).toEqual([
          pathOf(component).replace(/^.*node_modules\//, ''),
          entry?.version,
          'SHA-512',
          entry?.integrity,
        ]);
      }
    });

    it('knows what lies beside the bundles', () => {
      const beside = readdirSync(join(place(), 'node_modules')).filter((name) => name[0] !== '.');
      const whole = bom.components.filter(({ properties }) =>
        properties.some(({ name, value }) => name.endsWith(':bundled') && value === 'false'),
      );
      expect(whole.map(({ name }) => name).sort()).toEqual(beside.sort());
    });

    it('names SQLite, which no lockfile shows', () => {
      const parent = bom.components.find(({ name }) => name === 'better-sqlite3');
      expect(parent?.components?.[0]).toMatchObject({
        name: 'sqlite',
        version: expect.stringMatching(/^3\.\d+\.\d+/),
      });
    });

    it('leads from the program to every package', () => {
      const edges = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
      const [own] = bom.dependencies;
      const byRef = new Map(bom.components.map((one) => [one['bom-ref'], one.name]));
      expect(own?.ref).toBe(bom.metadata.component['bom-ref']);
      expect(own?.dependsOn.map((ref) => byRef.get(ref)).sort()).toEqual(importedPackages());
      const seen = new Set<string>();
      const visit = (ref: string) => {
        if (seen.has(ref)) return;
        seen.add(ref);
        for (const next of edges.get(ref) ?? []) visit(next);
      };
      visit(own?.ref ?? '');
      const lost = bom.components.filter((one) => !seen.has(one['bom-ref']));
      expect(lost.map(({ name }) => name)).toEqual([]);
    });
  });

  describe('the licences', () => {
    it('are allowed ones, each with its text', () => {
      for (const { name, version, licenses } of bom.components) {
        const [id = ''] = licenses.map(({ license }) => license.id);
        expect([name, ALLOWED.has(id)]).toEqual([name, true]);
        const [, section = ''] = licences.split(`\n${name} ${version} (${id}; `);
        expect([name, section.split('='.repeat(80))[1]]).toEqual([
          name,
          expect.stringMatching(/permi(t|ssion)|terms and conditions/i),
        ]);
      }
    });

    const [zod] = packagesOf(lock, ['node_modules/zod/index.js']).filter(
      ({ name }) => name === 'zod',
    );
    it.each<[string, Partial<Package>]>([
      ['one that is not on the list', { license: 'GPL-3.0-only' }],
      ['an expression of several', { license: '(MIT OR GPL-3.0-only)' }],
      ['a package without a text', { path: 'services/client' }],
    ])('refuse %s', (_, wrong) => {
      if (zod === undefined) throw new Error('zod is not in the lockfile');
      expect(() => thirdPartyLicences(ROOT, [{ ...zod, ...wrong }])).toThrow(/zod/);
    });

    it('refuse a package that the lockfile does not know', () => {
      expect(() => packagesOf(lock, ['node_modules/unknown/index.js'])).toThrow(/unknown/);
    });
  });
}
