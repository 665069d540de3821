// SPDX-License-Identifier: Apache-2.0
// Declarations of the library, by tsc from the sources: one file for each of theirs.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ENTRIES = ['services/client/index.ts', 'services/client/browser.ts'];
const FLAGS = [
  ...['--declaration', '--emitDeclarationOnly', '--noEmit', 'false', '--stripInternal'],
  ...['--target', 'es2024', '--lib', 'es2024', '--types', 'node'],
  ...['--module', 'nodenext', '--moduleResolution', 'nodenext', '--allowImportingTsExtensions'],
  ...['--strict', '--exactOptionalPropertyTypes', '--verbatimModuleSyntax', '--skipLibCheck'],
];

/** tsc leaves the endings of the sources; what a reader has are declarations of .js files. */
function nameJavaScript(directory: string): void {
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const path = join(directory, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replaceAll(/((?:from |import\()["']\.[^"']*)\.ts(["'])/g, '$1.js$2'));
  }
}

/** @param out directory to write @throws Error with what tsc says */
export function writeTypes(root: string, out: string): void {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const place = ['--rootDir', 'services', '--outDir', out, '--ignoreConfig'];
  const done = spawnSync(process.execPath, [tsc, ...FLAGS, ...place, ...ENTRIES], {
    cwd: root,
    encoding: 'utf8',
  });
  if (done.status !== 0) throw new Error(`tsc ended with ${done.status}\n${done.stdout}`);
  nameJavaScript(out);
}
