// SPDX-License-Identifier: Apache-2.0
// Commands of the documents are run. The word after ```sh says by whom:
//
//   (none)    here, against a stack, in a directory of the document's own, block after block
//   cosign    by `npm run test:interop`, which has the foreign programs; so with those of FOREIGN
//   release   by `npm run test:release`, which has a packed release
//   npm       by .ci/run on a fresh clone; here, that the scripts exist
//   example   by nobody: it needs an installation of the reader's; here, that its flags exist
//
// A block ```yaml NAME, ```json NAME or ```js NAME becomes the file NAME before anything runs. What
// stands in a block ```text prints behind commands is printed by them; `…` is any text. A ```yml
// block is a file of another program, a workflow say: commands of ours in it exist with their flags.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { buildCli } from '../../services/client/cli.ts';
import { otherCommands } from '../../services/stack/program.ts';
import { allDocuments, type Block, type Document } from '../support/documents.ts';
import { ROOT, temporaryDirectory } from '../support/stack.ts';
import { openWorkshop, type Room, type Workshop } from '../support/workshop.ts';

const FOREIGN = ['cosign', 'sigstore', 'model_signing', 'conformance', 'node', 'openssl', 'curl'];
const RUNNERS = ['', ...FOREIGN, 'release', 'npm', 'example'];

const shells = allDocuments().flatMap((document) =>
  document.blocks
    .filter(({ language }) => language === 'sh')
    .map((block) => ({ document, block, where: `${document.path}:${block.line}` })),
);
const marked = (note: string) => shells.filter(({ block }) => block.note === note);

describe('sh blocks', () => {
  it.each(shells)('$where says who runs it', ({ block }) => {
    expect(RUNNERS).toContain(block.note);
  });
});

describe('commands that need Node alone', () => {
  const directory = temporaryDirectory();
  const rooms = new Map<Document, Room>();
  let workshop: Workshop;
  beforeAll(async () => {
    workshop = await openWorkshop(directory.path, []);
  });
  afterAll(async () => {
    await workshop.stack.end('SIGKILL');
    directory.remove();
  });

  async function roomOf(document: Document): Promise<Room> {
    const known = rooms.get(document);
    if (known !== undefined) return known;
    const room = await workshop.room(document);
    rooms.set(document, room);
    return room;
  }

  it.each(marked(''))('$where ends well', async ({ document, block }) => {
    const room = await roomOf(document);
    expect(await room.run(block)).toBeTypeOf('string');
  });

  it('stand in several documents', () => {
    expect(new Set(marked('').map(({ document }) => document)).size).toBeGreaterThan(1);
  });
});

describe('commands of npm', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };

  it.each(marked('npm'))('$where names scripts that exist', ({ block }) => {
    for (const line of block.text.trim().split('\n')) {
      const [, script] = /^npm (?:run )?([\w:]+)/.exec(line) ?? [];
      expect([line, Object.hasOwn(scripts, script ?? '')]).toEqual([line, true]);
    }
  });
});

describe('examples', () => {
  const cli = buildCli(otherCommands());

  /** Lines of sigstead, continued ones joined. */
  const lines = ({ text }: Block) =>
    text
      .replaceAll(/\\\n */g, '')
      .split('\n')
      .flatMap((line) => /(?:^|[/\s])sigstead (.*)$/.exec(line)?.[1] ?? []);

  function commandOf(words: readonly string[]): Command {
    let command: Command = cli;
    for (const word of words) {
      const next = command.commands.find((child) => child.name() === word);
      if (next === undefined) break;
      command = next;
    }
    return command;
  }

  const others = allDocuments().flatMap(({ path, blocks }) =>
    blocks
      .filter(({ language }) => language === 'yml')
      .map((block) => ({ block, where: `${path}:${block.line}` })),
  );

  it.each(others)('$where is YAML', ({ block }) => {
    expect(parseAllDocuments(block.text).flatMap(({ errors }) => errors)).toEqual([]);
  });

  it.each([...marked('example'), ...others])(
    '$where uses commands and flags that exist',
    ({ block }) => {
      expect(lines(block).length).toBeGreaterThan(0);
      for (const line of lines(block)) {
        const words = line
          .replace(/ #.*$/, '')
          .replace(/ [|>].*$/, '')
          .split(/\s+/);
        const command = commandOf(words);
        const known = new Set(command.options.map(({ long }) => long));
        const flags = words
          .filter((word) => word.startsWith('--'))
          .map((word) => word.split('=')[0]);
        expect([line, command === cli]).toEqual([line, false]);
        expect(flags.filter((flag) => !known.has(flag ?? ''))).toEqual([]);
      }
    },
  );
});
