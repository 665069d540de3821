// SPDX-License-Identifier: Apache-2.0
// The programs of a release, made of the sources as they are now: what users start is measured.
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeBundles } from '../scripts/release/bundles.ts';
import { ROOT } from '../test/support/stack.ts';

const RELEASE = join(import.meta.dirname, '.cache', 'release');
/** What the programs read of their package. */
const BESIDE = ['package.json', 'README.md'];

/** The built `sigstead`. */
export async function buildRelease(): Promise<string> {
  rmSync(RELEASE, { recursive: true, force: true });
  // Two folders below the manifest, as in the package.
  const out = join(RELEASE, 'dist', 'lib');
  mkdirSync(out, { recursive: true });
  for (const name of BESIDE) copyFileSync(join(ROOT, name), join(RELEASE, name));
  await writeBundles({ root: ROOT, out, banner: '// bench' });
  return join(out, 'bin.cjs');
}
