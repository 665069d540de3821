// SPDX-License-Identifier: Apache-2.0
// THIRD-PARTY-LICENSES: the licence text of every package that a release carries.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Package } from './packages.ts';

/** What may be given on without more than its text. Anything else is for people to judge. */
export const ALLOWED: ReadonlySet<string> = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
]);

const TEXTS = /^(licen[cs]e|copying|notice|copyright)/i;
const RULE = '='.repeat(80);

function textsOf(root: string, { path }: Package): string[] {
  return readdirSync(join(root, path))
    .filter((name) => TEXTS.test(name))
    .sort()
    .map((name) =>
      readFileSync(join(root, path, name), 'utf8')
        .replaceAll('\r\n', '\n')
        .trim(),
    );
}

function sectionOf(root: string, one: Package): string {
  if (!ALLOWED.has(one.license))
    throw new Error(`${one.name}: ${one.license} is none of ${[...ALLOWED].join(', ')}`);
  const texts = textsOf(root, one);
  if (texts.length === 0) throw new Error(`${one.name} has no file with its licence`);
  const where = one.how === 'bundled' ? 'parts of it are in dist/' : `whole, under ${one.path}`;
  return [RULE, `${one.name} ${one.version} (${one.license}; ${where})`, RULE, '', ...texts].join(
    '\n',
  );
}

/** @throws Error when a package has no licence text, or a licence that is not allowed */
export function thirdPartyLicences(root: string, packages: readonly Package[]): string {
  const head =
    'Sigstead carries the following packages of others. SQLite, inside better-sqlite3, is in the\n' +
    'public domain.';
  return `${[head, ...packages.map((one) => sectionOf(root, one))].join('\n\n')}\n`;
}
