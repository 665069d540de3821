// SPDX-License-Identifier: Apache-2.0
// docs/compatibility.md as the test reads it: what is expected of each cell, and in which words.
import { codes, readDocument, tableUnder } from '../../support/documents.ts';

const CANNOT = 'client cannot: ';

export const DOCUMENT = readDocument('docs/compatibility.md');

/** A table with names in its first row and first column. */
export interface Grid {
  readonly columns: readonly string[];
  readonly rows: readonly string[];
  cell(row: string, column: string): string;
}

export function gridUnder(heading: string): Grid {
  const lines = tableWithHead(heading);
  const [, ...columns] = lines[0] ?? [];
  const rows = lines.slice(1);
  return {
    columns,
    rows: rows.map(([name = '']) => name),
    cell(row, column) {
      const found = rows.find(([name]) => name === row)?.[columns.indexOf(column) + 1];
      return found ?? '';
    },
  };
}

/** As `tableUnder`, with the first row. */
function tableWithHead(heading: string): string[][] {
  const { prose } = DOCUMENT;
  const start = prose.indexOf(`## ${heading}`);
  const head = prose.slice(start).find((line) => line.startsWith('|')) ?? '';
  const cells = head.split('|').slice(1, -1);
  return [cells.map((cell) => cell.trim()), ...tableUnder(DOCUMENT, heading)];
}

/** Version of the bundles that a client writes: of blobs, of attestations. */
export function bundlesOf(client: string): readonly string[] {
  const row = tableUnder(DOCUMENT, 'Compatibility').find(([name]) => codes(name)[0] === client);
  return row?.slice(2) ?? [];
}

export interface Reason {
  readonly name: string;
  /** One of these stands in what the client says; none where it verifies what it should not. */
  readonly words: readonly string[];
}

export const REASONS: readonly Reason[] = tableUnder(DOCUMENT, 'What a client cannot').map(
  ([name = '', says]) => ({ name, words: codes(says) }),
);

export const cannot = (reason: string): string => `${CANNOT}${reason}`;

/** What a client is expected to make of each alteration. */
export interface Refusal {
  readonly words?: string;
  /** Why it does not refuse. */
  readonly reason?: string;
}

/** Alteration by alteration; empty where the document says nothing. */
export function refusalsOf(client: string): ReadonlyMap<string, Refusal> {
  return new Map(
    tableUnder(DOCUMENT, client).map(([name = '', says = '']): [string, Refusal] => {
      const [words] = codes(says);
      if (words !== undefined) return [name, { words }];
      return [name, says.startsWith(CANNOT) ? { reason: says.slice(CANNOT.length) } : {}];
    }),
  );
}
