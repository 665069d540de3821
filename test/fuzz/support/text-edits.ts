// SPDX-License-Identifier: Apache-2.0
// Edits of texts that are no JSON: line by line, word by word, letter by letter.
import type { Random } from './random.ts';

const LETTERS = [
  '\0',
  '\t',
  '\r',
  '\n',
  ' ',
  '"',
  '\\',
  '+',
  '-',
  '/',
  '=',
  '.',
  '0',
  '9',
  'A',
  'x',
  '\u007f',
  '\u0085',
  '\u00a0',
  'é',
  '—',
  '\u2028',
  '\ud800',
  '\u{1f600}',
];

function letters(random: Random, text: string): string {
  const at = random.int(text.length + 1);
  const letter = random.pick(LETTERS);
  switch (random.int(4)) {
    case 0:
      return text.slice(0, at) + letter + text.slice(at);
    case 1:
      return text.slice(0, at) + letter + text.slice(at + 1);
    case 2:
      return text.slice(0, at) + text.slice(at + 1 + random.int(3));
    default:
      return text.slice(0, at) + text.slice(at, at + 2).toUpperCase() + text.slice(at + 2);
  }
}

/** Edits of the list that `parts` makes: of lines, of words. */
function pieces(random: Random, parts: readonly string[], words: readonly string[]): string[] {
  if (parts.length === 0) return [random.pick(words)];
  const at = random.int(parts.length);
  const other = random.int(parts.length);
  const piece = parts[at] ?? '';
  switch (random.int(7)) {
    case 0:
      return parts.toSpliced(at, 1);
    case 1:
      return parts.toSpliced(at, 0, piece);
    case 2:
      return parts.with(at, parts[other] ?? '').with(other, piece);
    case 3:
      return parts.with(at, random.pick(words));
    case 4:
      return parts.toSpliced(at, 0, random.pick(words));
    case 5:
      return Array.from({ length: random.pick([2, 17, 70]) }, () => piece);
    default:
      return parts.slice(0, at + 1);
  }
}

export interface Grammar {
  readonly seeds: readonly string[];
  /** What may stand in place of a piece. */
  readonly words: readonly string[];
  /** Between the pieces: newlines, slashes, blanks. */
  readonly separator: string;
}

/** One to three edits; seldom none. */
export function mutateText(random: Random, { seeds, words, separator }: Grammar): string {
  let text = random.pick(seeds);
  if (random.chance(0.02)) return text;
  for (let edits = random.pick([1, 1, 1, 2, 3]); edits > 0; edits--) {
    text = random.chance(0.5)
      ? pieces(random, text.split(separator), words).join(separator)
      : letters(random, text);
  }
  return text;
}
