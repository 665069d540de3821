// SPDX-License-Identifier: Apache-2.0
// Commands of the documents that need foreign programs, run as they stand there.
import { symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allDocuments, type Document } from '../support/documents.ts';
import { temporaryDirectory } from '../support/stack.ts';
import { openWorkshop, type Room, type Workshop } from '../support/workshop.ts';
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

const found = allDocuments().flatMap((document) =>
  document.blocks
    .filter(({ language, note }) => language === 'sh' && Object.hasOwn(RUNNERS, note))
    .map((block) => ({ block, document, where: `${document.path}:${block.line}` })),
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

  const rooms = new Map<Document, Room>();

  /** Blocks of one document for one program go on where the one before ended. */
  async function roomOf(document: Document): Promise<Room> {
    const known = rooms.get(document);
    if (known !== undefined) return known;
    const room = await workshop.room(document);
    // Where a script finds its packages is decided by its real path.
    for (const script of SCRIPTS) symlinkSync(join(NODE, script), join(room.directory, script));
    rooms.set(document, room);
    return room;
  }

  it.runIf(have(...tools)).each(blocks)('$where ends well', async ({ block, document }) => {
    const room = await roomOf(document);
    expect(await room.run(block)).toBeTypeOf('string');
  });

  it('stands somewhere in the documents', () => expect(blocks.length).toBeGreaterThan(0));
});
