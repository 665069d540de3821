// SPDX-License-Identifier: Apache-2.0
// What the commands need of the process around them; handed in, so that tests read what they say.
import { styleText } from 'node:util';
import { CodedError, EXIT } from '../core/errors.ts';
import type { Clock } from '../runtime/clock.ts';

export type OutputFormat = 'text' | 'json';

export interface Io {
  /** Results: stdout. */
  readonly out: (text: string) => void;
  /** Errors and warnings: stderr. */
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether stderr is a terminal that wants colour. */
  readonly colour: boolean;
  /** The system's unless given. */
  readonly clock?: Clock;
}

/** Whoever read our output may go before its end (`| head`): no reason to end, nor to fail. */
function outliveReader(stream: NodeJS.WriteStream): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
for (const stream of [process.stdout, process.stderr]) outliveReader(stream);

export const processIo: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  colour: process.stderr.isTTY === true && process.env.NO_COLOR === undefined,
};

function paint(io: Io, colour: 'red' | 'yellow', text: string): string {
  return io.colour ? styleText(colour, text, { validateStream: false }) : text;
}

export function warn(io: Io, text: string): void {
  io.err(`${paint(io, 'yellow', 'warning:')} ${text}\n`);
}

/** Control characters of hostile files must not steer a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\u{fffd}');
}

/** Says what was wrong and how to mend it. @returns the exit code */
export function report(io: Io, error: unknown): number {
  if (error instanceof CodedError) {
    io.err(`${paint(io, 'red', 'error:')} ${error.code}: ${printable(error.message)}\n`);
    io.err(`mend: ${error.row.mend}\n`);
    return error.row.exit;
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.err(`${paint(io, 'red', 'error:')} INTERNAL: ${message}\n`);
  io.err('mend: this is a fault of the program; report it with the lines above.\n');
  return EXIT.internal;
}

/** `  name   value` lines with the values in one column. */
export function columns(rows: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${printable(value)}\n`).join('');
}
