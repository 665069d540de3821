// SPDX-License-Identifier: Apache-2.0
// Documents as tests read them: fenced blocks, tables, headings, links.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './stack.ts';

export interface Block {
  readonly line: number;
  /** First word after the fence. */
  readonly language: string;
  /** What stands after it. */
  readonly note: string;
  readonly text: string;
}

export interface Document {
  /** From the root of the checkout. */
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  /** Text outside fenced blocks, line for line. */
  readonly prose: readonly string[];
}

function split(text: string): Pick<Document, 'blocks' | 'prose'> {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let open: { line: number; language: string; note: string; lines: string[] } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const fence = /^ {0,3}```(\S*) *(.*)$/.exec(line);
    if (open === undefined && fence !== null) {
      open = { line: index + 1, language: fence[1] ?? '', note: fence[2] ?? '', lines: [] };
    } else if (open !== undefined && fence !== null) {
      blocks.push({ ...open, text: `${open.lines.join('\n')}\n` });
      open = undefined;
    } else if (open !== undefined) open.lines.push(line);
    prose.push(open === undefined && fence === null ? line : '');
  }
  return { blocks, prose };
}

export function readDocument(path: string): Document {
  const text = readFileSync(join(ROOT, path), 'utf8');
  return { path, text, ...split(text) };
}

/** Blocks that are files: what stands after the language is the name. */
const FILE_LANGUAGES = new Set(['yaml', 'json', 'js']);

export function filesIn({ blocks }: Document): Array<{ name: string; text: string }> {
  return blocks
    .filter(({ language, note }) => FILE_LANGUAGES.has(language) && note !== '')
    .map(({ note, text }) => ({ name: note, text }));
}

/** Lines that the commands of a block print, as the block behind it says: ```text prints. */
export function printsOf({ blocks }: Document, block: Block): string[] {
  const next = blocks[blocks.indexOf(block) + 1];
  if (next?.language !== 'text' || next.note !== 'prints') return [];
  return next.text.trimEnd().split('\n');
}

/** The lines that do not stand in the output, in their order; `…` is any text. */
export function notPrinted(lines: readonly string[], output: string): string[] {
  const plain = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const found = output.split('\n').map((line) => line.trim());
  let at = 0;
  return lines.filter((line) => {
    const wanted = new RegExp(`^${line.trim().split('…').map(plain).join('.*')}$`);
    const place = found.findIndex((one, index) => index >= at && wanted.test(one));
    if (place >= 0) at = place + 1;
    return place < 0;
  });
}

/** Documents at the root, beside those under docs/. */
const AT_ROOT = ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];

/** Those at the root and everything under docs/. */
export function allDocuments(): Document[] {
  const under = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort()
    .map((name) => join('docs', name));
  return [...AT_ROOT, ...under].map(readDocument);
}

/** Anchors as GitHub and GitLab make them from headings. */
export function anchors({ prose }: Document): Set<string> {
  const seen = new Map<string, number>();
  const found = prose.flatMap((line) => /^#{1,6} +(.*)$/.exec(line)?.[1] ?? []);
  return new Set(
    found.map((heading) => {
      const words = heading.replaceAll(/[`*]/g, '').trim().toLowerCase();
      const anchor = words.replaceAll(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-');
      const before = seen.get(anchor) ?? 0;
      seen.set(anchor, before + 1);
      return before === 0 ? anchor : `${anchor}-${before}`;
    }),
  );
}

export interface Link {
  readonly line: number;
  readonly target: string;
}

export function links({ prose }: Document): Link[] {
  return prose.flatMap((line, index) =>
    [...line.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => ({
      line: index + 1,
      target: match[1] ?? '',
    })),
  );
}

/** Cells of the rows of every table under a heading, without head and rule. */
export function tableUnder({ path, prose }: Document, heading: string): string[][] {
  const start = prose.findIndex((line) => line.replace(/^#+ /, '') === heading && line !== heading);
  if (start < 0) throw new Error(`${path} has no heading "${heading}"`);
  const length = prose.slice(start + 1).findIndex((line) => /^#{1,6} /.test(line));
  const section = prose.slice(start + 1, length < 0 ? undefined : start + 1 + length);
  return section
    .filter((line, at) => line.startsWith('|') && !/^\|[ :|-]+\|$/.test(section[at + 1] ?? ''))
    .filter((line) => !/^\|[ :|-]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

/** The code spans of a cell. */
export function codes(cell: string | undefined): string[] {
  return [...(cell ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}
