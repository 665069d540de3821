// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { hashFile, readChunks, requireReadable } from '../../services/client/files.ts';
import { hashFiles } from '../../services/client/hash-files.ts';
import { concat, hex } from '../../services/core/bytes.ts';
import { noise } from '../log/harness.ts';
import { temporaryDirectory } from '../support/stack.ts';

const MB = 1 << 20;
const temporary = temporaryDirectory();
const at = (name: string) => join(temporary.path, name);
afterAll(() => temporary.remove());

function file(name: string, bytes: Uint8Array): string {
  writeFileSync(at(name), bytes);
  return at(name);
}

/** Of zeros, which take no room on the disk. */
function hollow(name: string, length: number): string {
  const path = file(name, new Uint8Array());
  truncateSync(path, length);
  return path;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const refusal = (path: string, why: string) =>
  expect.objectContaining({ code: 'FILE_UNREADABLE', field: path, message: `${path}: ${why}` });

mkdirSync(at('folder'));
const MISSING = [at('missing'), 'no such file or directory'] as const;
const FOLDER = [at('folder'), 'is a directory'] as const;

describe('readChunks', () => {
  it.each([0, 1, MB - 1, MB, MB + 1, 2 * MB, 3 * MB + 17])('reads %i bytes', async (length) => {
    const bytes = noise('chunks', length);
    const pieces: Uint8Array[] = [];
    for await (const piece of readChunks(file('chunks', bytes))) pieces.push(piece.slice());
    expect(sha256(concat(...pieces))).toBe(sha256(bytes));
  });

  it('closes the file when its reader has seen enough', async () => {
    const path = file('enough', noise('enough', 3 * MB));
    for (let i = 0; i < 2000; i++) {
      for await (const piece of readChunks(path)) if (piece.length > 0) break;
    }
    requireReadable(path);
  });

  it.each([MISSING, FOLDER])('refuses %s', async (path, why) => {
    await expect(readChunks(path).next()).rejects.toEqual(refusal(path, why));
  });
});

describe('requireReadable', () => {
  it('takes an empty file', () => {
    requireReadable(file('empty', new Uint8Array()));
  });

  it.each([MISSING, FOLDER])('refuses %s', (path, why) => {
    expect(() => requireReadable(path)).toThrow(refusal(path, why));
  });
});

describe('hashFile', () => {
  it('gives several digests of one reading', async () => {
    const bytes = noise('several', 2 * MB + 5);
    const found = await hashFile(file('several', bytes), ['sha256', 'sha512']);
    expect(hex(found.sha256 ?? new Uint8Array())).toBe(sha256(bytes));
    expect(hex(found.sha512 ?? new Uint8Array())).toBe(
      createHash('sha512').update(bytes).digest('hex'),
    );
  });
});

describe('hashFiles', () => {
  const sizes = [
    { what: 'small', length: MB },
    { what: 'large', length: 33 * MB },
  ];

  it.each(sizes)('keeps the order of $what files', async ({ what, length }) => {
    const lengths = [length - 3, length + 1, 7, length];
    const paths = lengths.map((each, i) => hollow(`${what}-${i}`, each));
    const found = await hashFiles(paths);
    expect(found.map(hex)).toEqual(lengths.map((each) => sha256(new Uint8Array(each))));
  });

  it('takes another hash', async () => {
    const paths = [file('a', noise('a', 10)), file('b', noise('b', 10))];
    const [first = new Uint8Array()] = await hashFiles(paths, 'sha384');
    expect(hex(first)).toBe(createHash('sha384').update(noise('a', 10)).digest('hex'));
  });

  it('has nothing to do for no files', async () => {
    expect(await hashFiles([])).toEqual([]);
  });

  it.each(sizes)('names a file that is missing among $what ones', async ({ what, length }) => {
    const [path, why] = MISSING;
    const others = [0, 1, 2].map((i) => hollow(`${what}-other-${i}`, length));
    await expect(hashFiles([...others, path])).rejects.toEqual(refusal(path, why));
  });
});
