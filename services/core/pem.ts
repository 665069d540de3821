// SPDX-License-Identifier: Apache-2.0
// Textual encoding (RFC 7468). Strict inside the armour; explanatory text may stand between blocks,
// as the tools that write chains put it there.
import { base64, fromBase64 } from './bytes.ts';
import { ParseError } from './errors.ts';

export interface PemBlock {
  readonly label: string;
  readonly der: Uint8Array;
}

const BEGIN = /^-----BEGIN ([A-Z0-9]+(?: [A-Z0-9]+)*)-----$/;

const COLUMNS = 64;

/** One block: 64 columns, newline at the end. */
export function pem(label: string, der: Uint8Array): string {
  const text = base64(der);
  let lines = '';
  for (let at = 0; at < text.length; at += COLUMNS) lines += `${text.slice(at, at + COLUMNS)}\n`;
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

/**
 * Every block of the text, in its order. With `label`, a block of another label is an error.
 * Headers (RFC 1421, as in encrypted keys) are refused.
 * @throws ParseError, also when there is no block
 */
export function parsePem(text: string, label?: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: string | undefined;
  let body: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
    const trimmed = line.trimEnd();
    if (open === undefined) {
      open = BEGIN.exec(trimmed)?.[1];
      if (open === undefined && trimmed.startsWith('-----'))
        throw new ParseError('PEM: stray armour');
      if (open !== undefined && label !== undefined && open !== label) {
        throw new ParseError(`PEM: ${open} where ${label} was expected`);
      }
      body = [];
    } else if (trimmed === `-----END ${open}-----`) {
      const der = fromBase64(body.join(''));
      if (der.length === 0) throw new ParseError(`PEM: ${open} is empty`);
      blocks.push({ label: open, der });
      open = undefined;
    } else body.push(trimmed);
  }
  if (open !== undefined) throw new ParseError(`PEM: ${open} is not closed`);
  if (blocks.length === 0) throw new ParseError('PEM: no block');
  return blocks;
}
