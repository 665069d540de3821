// SPDX-License-Identifier: Apache-2.0
// `npm run build`: dist/, from which `npm pack` makes a release. The same sources and lockfile give
// the same bytes, wherever and whenever. It tells what it does on stderr: stdout is npm's.
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeBundles } from './release/bundles.ts';
import { thirdPartyLicences } from './release/licences.ts';
import { currentManual } from './release/manual.ts';
import { packagesOf, readLockfile, readManifest } from './release/packages.ts';
import { cyclonedx } from './release/sbom.ts';
import { writeTypes } from './release/types.ts';

const ROOT = join(import.meta.dirname, '..');
const DIST = join(ROOT, 'dist');

/** Directories of the checkout and single files that npm packs beside dist/. */
const PACKED = [
  'docs',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'SECURITY.md',
  'package.json',
];

/** npm packs files with the modes that they have: those must not depend on the builder's umask. */
function settleModes(place: string): void {
  const found = statSync(place);
  if (found.isDirectory()) {
    for (const name of readdirSync(place)) settleModes(join(place, name));
  } else {
    const wanted = (found.mode & 0o100) === 0 ? 0o644 : 0o755;
    if ((found.mode & 0o777) !== wanted) chmodSync(place, wanted);
  }
}

function kilobytes(directory: string): string {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true });
  const sizes = files
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name)).size);
  return `${sizes.length} files, ${Math.round(sizes.reduce((a, b) => a + b, 0) / 1024)} KB`;
}

async function main(): Promise<void> {
  const manifest = readManifest(ROOT);
  rmSync(DIST, { recursive: true, force: true });
  mkdirSync(DIST);
  const banner = `// ${manifest.name} ${manifest.version}, SPDX-License-Identifier: ${manifest.license}; packages of others: THIRD-PARTY-LICENSES`;
  const bundled = await writeBundles({ root: ROOT, out: join(DIST, 'lib'), banner });
  writeTypes(ROOT, join(DIST, 'types'));
  const packages = packagesOf(readLockfile(ROOT), bundled.inputs);
  writeFileSync(join(DIST, 'THIRD-PARTY-LICENSES'), thirdPartyLicences(ROOT, packages));
  const sbom = cyclonedx(ROOT, manifest, packages, bundled.wanted);
  writeFileSync(join(DIST, 'sbom.cdx.json'), sbom);
  writeFileSync(join(DIST, 'sigstead.1'), currentManual());
  chmodSync(join(DIST, 'lib', 'bin.cjs'), 0o755);
  const carried = packages.filter(({ how }) => how === 'beside').map(({ path }) => path);
  for (const name of ['dist', ...PACKED, ...carried]) settleModes(join(ROOT, name));
  process.stderr.write(
    `built dist/: ${kilobytes(DIST)}, ${packages.length} packages of others in it\n`,
  );
}

await main();
