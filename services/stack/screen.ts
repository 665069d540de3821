// SPDX-License-Identifier: Apache-2.0
// What `npm start` shows. On a pipe: no colour, no cursor tricks, at most 100 columns.

export interface Screen {
  line(text?: string): void;
  title(text: string): void;
  /** Two columns; the first as wide as its widest cell. */
  table(rows: ReadonlyArray<readonly [string, string]>): void;
  step(name: string, millis: number, note?: string): void;
  good(text: string): void;
  bad(text: string): void;
}

const COLUMNS = 100;

/** `colour` only where stdout is a terminal and NO_COLOR is unset. */
export function createScreen(write: (text: string) => void, colour: boolean): Screen {
  const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const line = (text = '') => write(`${text}\n`);
  return {
    line,
    title: (text) => line(`\n${paint(1, text)}`),
    table(rows) {
      const width = Math.max(...rows.map(([name]) => name.length));
      for (const [name, value] of rows) line(`  ${name.padEnd(width)}  ${value}`);
    },
    step(name, millis, note = '') {
      const time = `${millis.toFixed(millis < 10 ? 1 : 0)} ms`.padStart(9);
      line(
        `  ${paint(32, 'ok')} ${time}  ${name}${note === '' ? '' : `: ${note}`}`.slice(
          0,
          COLUMNS + (colour ? 9 : 0),
        ),
      );
    },
    good: (text) => line(`  ${paint(32, text)}`),
    bad: (text) => line(`  ${paint(31, text)}`),
  };
}

/** A shell command over several lines with `\`, none wider than the screen where its words allow. */
export function wrapCommand(words: readonly string[]): string {
  const lines: string[] = [];
  let current = '';
  for (const word of words) {
    const next = current === '' ? word : `${current} ${word}`;
    if (next.length > COLUMNS - 6 && current !== '') {
      lines.push(current);
      current = `  ${word}`;
    } else {
      current = next;
    }
  }
  lines.push(current);
  return lines.join(' \\\n');
}
