// SPDX-License-Identifier: Apache-2.0
// Writes every verification vector and its trusted root anew; the same bytes unless a case changed.
// Run: node test/vectors/verify/generate.ts
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { vectorFiles } from '../../core/verify-cases/all.ts';

const here = import.meta.dirname;
const files = vectorFiles();
for (const entry of readdirSync(here, { withFileTypes: true })) {
  if (entry.isDirectory()) rmSync(join(here, entry.name), { recursive: true });
}
for (const [path, text] of files) {
  mkdirSync(dirname(join(here, path)), { recursive: true });
  writeFileSync(join(here, path), text);
}
console.log(`${files.size} files`);
