// SPDX-License-Identifier: Apache-2.0
// The software bill of materials of a release: CycloneDX 1.6, JSON. It has nothing of the machine or
// the hour in it, so that the same sources give the same bytes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest, Package } from './packages.ts';

const SQLITE_HEADER = 'deps/sqlite3/sqlite3.h';

/** purl specification: the `@` of a scope is encoded. */
const purl = ({ name, version }: { name: string; version: string }) =>
  `pkg:npm/${name.replace('@', '%40')}@${version}`;

/** Subresource integrity → algorithm and hex, as CycloneDX wants them. */
function hashOf(integrity: string) {
  const [, bits, digest] = /^sha(\d+)-(.+)$/.exec(integrity) ?? [];
  if (bits === undefined || digest === undefined) throw new Error(`${integrity} is no integrity`);
  return { alg: `SHA-${bits}`, content: Buffer.from(digest, 'base64').toString('hex') };
}

/** SQLite is compiled into better-sqlite3, where no lockfile shows it. */
function sqliteIn(root: string, { path }: Package) {
  const header = readFileSync(join(root, path, SQLITE_HEADER), 'utf8');
  const [, version] = /#define SQLITE_VERSION +"([\d.]+)"/.exec(header) ?? [];
  if (version === undefined) throw new Error(`${path}/${SQLITE_HEADER} names no version`);
  return {
    type: 'library',
    'bom-ref': `pkg:generic/sqlite@${version}`,
    name: 'sqlite',
    version,
    licenses: [{ license: { id: 'blessing' } }],
    cpe: `cpe:2.3:a:sqlite:sqlite:${version}:*:*:*:*:*:*:*`,
    purl: `pkg:generic/sqlite@${version}`,
  };
}

function componentOf(root: string, one: Package) {
  return {
    type: 'library',
    'bom-ref': purl(one),
    name: one.name,
    version: one.version,
    scope: 'required',
    hashes: [hashOf(one.integrity)],
    licenses: [{ license: { id: one.license } }],
    purl: purl(one),
    properties: [
      { name: 'cdx:npm:package:bundled', value: String(one.how === 'bundled') },
      { name: 'cdx:npm:package:path', value: one.path },
    ],
    ...(one.name === 'better-sqlite3' ? { components: [sqliteIn(root, one)] } : {}),
  };
}

/** RFC 9562 §5.8: a UUID out of what it names. */
function uuidOf(text: string): string {
  const bytes = createHash('sha256').update(text).digest();
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return [...parts, hex.slice(20, 32)].join('-');
}

/**
 * The document as text.
 * @param wanted names of the packages that the program itself imports
 */
export function cyclonedx(
  root: string,
  manifest: Manifest,
  packages: readonly Package[],
  wanted: ReadonlySet<string>,
): string {
  const byPath = new Map(packages.map((one) => [one.path, purl(one)]));
  const own = purl(manifest);
  const document = {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      tools: {
        components: [{ type: 'application', name: manifest.name, version: manifest.version }],
      },
      component: {
        type: 'application',
        'bom-ref': own,
        name: manifest.name,
        version: manifest.version,
        description: manifest.description,
        licenses: [{ license: { id: manifest.license } }],
        purl: own,
      },
    },
    components: packages.map((one) => componentOf(root, one)),
    dependencies: [
      { ref: own, dependsOn: packages.filter(({ name }) => wanted.has(name)).map(purl) },
      ...packages.map((one) => ({
        ref: purl(one),
        dependsOn: one.needs.flatMap((path) => byPath.get(path) ?? []),
      })),
    ],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(document))}`;
  const { $schema, bomFormat, specVersion, ...rest } = document;
  const whole = { $schema, bomFormat, specVersion, serialNumber, ...rest };
  return `${JSON.stringify(whole, null, 2)}\n`;
}
