// SPDX-License-Identifier: Apache-2.0
// The data directory of a running stack, file by file, against docs/operating.md; its stores against
// docs/threat-model.md.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codes, readDocument, tableUnder } from '../support/documents.ts';
import { type StackProcess, startServe, temporaryDirectory } from '../support/stack.ts';

/** What stands for what in the table. */
const PLACEHOLDERS: Readonly<Record<string, string>> = {
  HASH: '[0-9a-f]{64}',
  NAME: '[\\w.-]+',
  N: '\\d+',
};

function pattern(shown: string): RegExp {
  const text = shown
    .replaceAll('.', '\\.')
    .replaceAll(/\b(HASH|NAME|N)\b/g, (name) => PLACEHOLDERS[name] ?? name);
  return new RegExp(`^${text}$`);
}

describe('the data directory', () => {
  const directory = temporaryDirectory();
  const data = join(directory.path, 'data');
  const shown = tableUnder(readDocument('docs/operating.md'), 'Data directory').flatMap(([name]) =>
    codes(name),
  );
  let stack: StackProcess;
  let files: string[];
  beforeAll(async () => {
    stack = await startServe({ data });
    await stack.settled();
    files = readdirSync(data, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(data, name)).isFile(),
    );
  });
  afterAll(async () => {
    await stack.end('SIGKILL');
    directory.remove();
  });

  it('has no file that the table does not explain', () => {
    const patterns = shown.map(pattern);
    expect(files.filter((name) => !patterns.some((known) => known.test(name)))).toEqual([]);
  });

  it.each(shown)('has %s', (name) => {
    expect(files.some((file) => pattern(name).test(file))).toBe(true);
  });

  it('keeps private keys and itself to its owner', () => {
    const mode = (name: string) => statSync(join(data, name)).mode & 0o077;
    expect([mode('.'), mode('keys')]).toEqual([0, 0]);
    const keys = files.filter((name) => /^keys\/.*\.pem$/.test(name) && !name.includes('chain'));
    expect(keys.filter((name) => mode(name) !== 0)).toEqual([]);
  });

  it('is made of stores that the threat model judges', () => {
    const judged = tableUnder(readDocument('docs/threat-model.md'), 'Stores').flatMap(([name]) =>
      codes(name),
    );
    const stores = new Set(
      files
        .map((name) => name.replace(/\/.*/, '/'))
        .filter((name) => !/^(lock|endpoint)/.test(name)),
    );
    expect([...stores].filter((name) => !judged.includes(name))).toEqual([]);
  });
});
