// SPDX-License-Identifier: Apache-2.0
// Commands of the documents that need foreign programs, run as they stand there.
import { symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allDocuments } from '../support/documents.ts';
import { temporaryDirectory } from '../support/stack.ts';
import { openWorkshop, type Workshop } from '../support/workshop.ts';
import { BIN, have, NODE, PROGRAMS } from './support/cache.ts';

/** What stands after the language, and what it needs. */
const RUNNERS = {
  cosign: ['cosign'],
  sigstore: ['sigstore'],
  model_signing: ['model_signing'],
  conformance: ['sigstore-go'],
  node: ['sigstore-js'],
  openssl: ['openssl'],
  curl: [],
} as const;

const found = allDocuments().flatMap(({ path, blocks }) =>
  blocks
    .filter(({ language, note }) => language === 'sh' && Object.hasOwn(RUNNERS, note))
    .map((block) => ({ block, where: `${path}:${block.line}` })),
);

const SCRIPTS = ['sign.mjs', 'verify.mjs'];

const directory = temporaryDirectory();
let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop(directory.path, [BIN, dirname(PROGRAMS.sigstore)]);
});
afterAll(async () => {
  await workshop.stack.end('SIGKILL');
  directory.remove();
});

describe.each(Object.entries(RUNNERS))('with %s', (program, tools) => {
  const blocks = found.filter(({ block }) => block.note === program);

  it.runIf(have(...tools)).each(blocks)('$where ends well', async ({ block, where }) => {
    const room = await workshop.room(where.replaceAll(/[^\w]/g, '-'));
    // Where a script finds its packages is decided by its real path.
    for (const script of SCRIPTS) symlinkSync(join(NODE, script), join(room.directory, script));
    expect(await room.run(block)).toBeTypeOf('string');
  });

  it('stands somewhere in the documents', () => expect(blocks.length).toBeGreaterThan(0));
});
