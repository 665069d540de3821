// SPDX-License-Identifier: Apache-2.0
// Commands of the documents that need foreign programs, run as they stand there.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allDocuments } from '../support/documents.ts';
import { temporaryDirectory } from '../support/stack.ts';
import { openWorkshop, type Workshop } from '../support/workshop.ts';
import { BIN, have } from './support/cache.ts';

const PROGRAMS = {
  cosign: ['cosign'],
  openssl: ['openssl'],
  curl: [],
} as const;

const found = allDocuments().flatMap(({ path, blocks }) =>
  blocks
    .filter(({ language, note }) => language === 'sh' && Object.hasOwn(PROGRAMS, note))
    .map((block) => ({ block, where: `${path}:${block.line}` })),
);

const directory = temporaryDirectory();
let workshop: Workshop;
beforeAll(async () => {
  workshop = await openWorkshop(directory.path, [BIN]);
});
afterAll(async () => {
  await workshop.stack.end('SIGKILL');
  directory.remove();
});

describe.each(Object.entries(PROGRAMS))('with %s', (program, tools) => {
  const blocks = found.filter(({ block }) => block.note === program);

  it.runIf(have(...tools)).each(blocks)('$where ends well', async ({ block, where }) => {
    const room = await workshop.room(where.replaceAll(/[^\w]/g, '-'));
    expect(await room.run(block)).toBeTypeOf('string');
  });

  it('stands somewhere in the documents', () => expect(blocks.length).toBeGreaterThan(0));
});
