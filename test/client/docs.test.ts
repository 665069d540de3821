// SPDX-License-Identifier: Apache-2.0
// The documents tell what the code does: every code with its mend and its exit code.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PREDICATE_TYPES } from '../../services/client/statement.ts';
import { ERRORS, type ErrorCode, EXIT } from '../../services/core/errors.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const verify = read('docs/verify.md');
const cli = read('docs/cli.md');

/** Codes that a source names. */
function codesIn(paths: readonly string[]): ErrorCode[] {
  const words = paths.flatMap((path) => [...read(path).matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)]);
  const names = new Set(words.map((match) => match[1] ?? ''));
  return (Object.keys(ERRORS) as ErrorCode[]).filter((code) => names.has(code));
}

const inRoom = (room: string) =>
  readdirSync(join(ROOT, room))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${room}/${name}`);

const verifier = codesIn([
  ...inRoom('services/core/verify'),
  'services/core/bundle.ts',
  'services/core/tsp.ts',
  'services/core/x509.ts',
]);

describe('docs/verify.md', () => {
  it.each(verifier)('has %s with mend and exit code', (code) => {
    const { mend, exit } = ERRORS[code];
    const row = verify.split('\n').find((line) => line.startsWith(`| \`${code}\` |`));
    expect(row).toMatch(/\|/);
    expect(row?.endsWith(` ${mend} | ${exit} |`)).toBe(true);
  });

  it('has no code that does not exist', () => {
    const named = [...`${verify}${cli}`.matchAll(/^\| `([A-Z_]+)` \|/gm)].map((m) => m[1] ?? '');
    expect(
      named.filter((name) => !Object.hasOwn(ERRORS, name) && name !== 'SIGSTORE_ID_TOKEN'),
    ).toEqual([]);
  });
});

describe('docs/cli.md', () => {
  it('has every exit code', () => {
    for (const code of Object.values(EXIT))
      expect(cli).toMatch(new RegExp(`^\\| ${code} \\| `, 'm'));
  });

  it('has every alias of a predicate type', () => {
    for (const alias of PREDICATE_TYPES.keys()) expect(cli).toContain(`\`${alias}\``);
  });
});
