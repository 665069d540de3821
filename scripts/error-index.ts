// SPDX-License-Identifier: Apache-2.0
// docs/errors.md: every code by name, from the table of errors and the pages that explain it. After
// a change: node scripts/error-index.ts; a test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ERRORS, type ErrorCode, EXIT } from '../services/core/errors.ts';

const ROOT = join(import.meta.dirname, '..');
const DOCUMENT = 'docs/errors.md';

/** In this order a code is looked for: the first page that explains it wins, its last row at that. */
const PAGES = ['operating', 'ca', 'cli', 'verify', 'ctlog', 'tlog', 'tsa', 'tuf'] as const;

/** Tables of what commands say. What stands elsewhere, services answer over HTTP. */
const OF_COMMANDS = /^(cli|verify|tuf)\.md|#refusals-at-the-start$/;

export interface Explained {
  readonly code: ErrorCode;
  /** File under docs/ with the heading of the table: `ca.md#codes`. */
  readonly where: string;
  readonly cause: string;
  /** As the page says it; it may know more than the program. */
  readonly mend: string;
}

const anchor = (heading: string) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

/** Rows of the tables whose head has a cause and a mend. */
function rowsOf(page: string): Explained[] {
  const rows: Explained[] = [];
  let heading = '';
  let columns: readonly string[] = [];
  for (const line of readFileSync(join(ROOT, `docs/${page}.md`), 'utf8').split('\n')) {
    heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    if (!line.startsWith('|')) {
      columns = [];
      continue;
    }
    const cells = line
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim());
    if (columns.length === 0) columns = cells;
    const at = (name: string) => cells[columns.indexOf(name)] ?? '';
    if (!columns.includes('Cause') || !columns.includes('Mend')) continue;
    for (const [, name = ''] of (cells[0] ?? '').matchAll(/`([A-Z_]+)`/g)) {
      if (!Object.hasOwn(ERRORS, name)) continue;
      const where = `${page}.md#${anchor(heading)}`;
      rows.push({ code: name as ErrorCode, where, cause: at('Cause'), mend: at('Mend') });
    }
  }
  return rows;
}

export function explained(): Explained[] {
  return PAGES.flatMap(rowsOf);
}

/** Exit codes are of commands, which hand on what the certificate authority says about a token. */
function row(code: ErrorCode, { where, cause }: Explained): string {
  const { http, exit, mend } = ERRORS[code];
  const command = OF_COMMANDS.test(where);
  const [page = ''] = where.split('#');
  const cells = [
    `\`${code}\``,
    // Links within a page lead there from here too.
    cause.replaceAll('](#', `](${page}#`),
    mend,
    command ? '' : `${http}`,
    command || exit === EXIT.token ? `${exit}` : '',
    `[${page.replace('.md', '')}](${where})`,
  ];
  return `| ${cells.join(' | ')} |`;
}

function rowOf(rows: readonly Explained[], code: ErrorCode): Explained | undefined {
  const all = rows.filter((one) => one.code === code);
  const page = all[0]?.where.split('#')[0];
  return all.findLast(({ where }) => where.startsWith(`${page}#`));
}

export function errorIndex(): string {
  const rows = explained();
  const codes = (Object.keys(ERRORS) as ErrorCode[]).sort();
  const lines = codes.map((code) => {
    const found = rowOf(rows, code);
    if (found === undefined) throw new Error(`no page under docs/ explains ${code}`);
    return row(code, found);
  });
  return `# Every error code

Made by \`node scripts/error-index.ts\` from the program and the pages that explain each code.

A code with an HTTP status is the answer of a service, in \`details[0].reason\`. One with an exit code ends a command, which prints
\`error: CODE: what was wrong\` and \`mend: what to do\` on stderr. Codes are stable: compare them, not texts.

| Code | Means | Mend | HTTP | Exit | More |
|---|---|---|---|---|---|
${lines.join('\n')}
`;
}

export const readErrorIndex = () => readFileSync(join(ROOT, DOCUMENT), 'utf8');

if (import.meta.main) writeFileSync(join(ROOT, DOCUMENT), errorIndex());
