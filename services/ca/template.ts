// SPDX-License-Identifier: Apache-2.0
// The part of Go's text/template that CA configurations use:
//
//   {{ .claim }}   {{ index . "claim/with.dots" }}   {{ "text" }}
//   {{ if eq .claim "text" … }} … {{ else if ne .claim "text" }} … {{ else }} … {{ end }}
//   {{ if .claim }} … {{ end }}                      not empty
//   {{- and -}}                                      cut the white space beside them
//
// Without braces a template is the name of a claim. A claim that is not there is an error, as with
// Go's option missingkey=error; nothing is escaped.
import { CodedError } from '../core/errors.ts';

export interface Claims {
  /** Text of the claim; undefined when there is none. */
  get(name: string): string | undefined;
}
/** @throws CodedError IDENTITY_TEMPLATE for a claim that is not there */
export type Template = (claims: Claims) => string;
type Condition = (claims: Claims) => boolean;

const ACTION = /\{\{(-(?=\s))?([\s\S]*?)((?<=\s)-)?\}\}/g;
const TOKEN = /\s*(?:\.([A-Za-z_]\w*)|("(?:[^"\\\n]|\\.)*"|`[^`]*`)|([a-z]+)|([.()]))/y;

interface Token {
  readonly kind: 'field' | 'text' | 'word';
  readonly value: string;
}

/** One branch; `before` are the branches of the same `if` in front of it. */
interface Block {
  readonly parts: Template[];
  readonly test?: Condition;
  readonly before?: Block;
}

function invalid(source: string, why: string): CodedError {
  return new CodedError('CONFIG_INVALID', `template ${source}: ${why}`, { field: 'template' });
}

function claimOf(name: string): Template {
  return (claims) => {
    const value = claims.get(name);
    if (value !== undefined) return value;
    throw new CodedError('IDENTITY_TEMPLATE', `the token has no claim ${name}`, { field: name });
  };
}

function joined(parts: readonly Template[]): Template {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  return (claims) => parts.map((part) => part(claims)).join('');
}

/** The branches up to `last`, of which the first whose test holds is taken. */
function chosen(last: Block): Template {
  const branches: Array<{ test: Condition | undefined; body: Template }> = [];
  for (let block: Block | undefined = last; block !== undefined; block = block.before)
    branches.unshift({ test: block.test, body: joined(block.parts) });
  return (claims) =>
    branches.find(({ test }) => test === undefined || test(claims))?.body(claims) ?? '';
}

/** The words of one action, read from the left. */
class Action {
  readonly #source: string;
  readonly #tokens: Token[] = [];
  /** Next token. Moved by the methods of this class alone. */
  #at = 0;

  constructor(source: string, action: string) {
    this.#source = source;
    const text = action.trimEnd();
    TOKEN.lastIndex = 0;
    while (TOKEN.lastIndex < text.length) {
      const at = TOKEN.lastIndex;
      const found = TOKEN.exec(text);
      if (found === null) throw invalid(source, `${text.slice(at).trim()} is not understood`);
      const [, field, quoted, word, mark] = found;
      if (field !== undefined) this.#tokens.push({ kind: 'field', value: field });
      else if (quoted !== undefined)
        this.#tokens.push({ kind: 'text', value: this.#literal(quoted) });
      else this.#tokens.push({ kind: 'word', value: word ?? mark ?? '' });
    }
  }

  #literal(quoted: string): string {
    if (quoted.startsWith('`')) return quoted.slice(1, -1);
    try {
      return JSON.parse(quoted) as string;
    } catch {
      throw invalid(this.#source, `${quoted} is not a string`);
    }
  }

  /** Takes the next token when it is this word or mark. */
  take(value: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word' || token.value !== value) return false;
    this.#at++;
    return true;
  }

  operand(): Template {
    if (this.take('(')) {
      const inner = this.operand();
      if (this.take(')')) return inner;
      throw invalid(this.#source, ') is missing');
    }
    if (this.take('index')) {
      const dot = this.take('.');
      const key = this.#tokens[this.#at++];
      if (dot && key?.kind === 'text') return claimOf(key.value);
      throw invalid(this.#source, 'index takes . and one string');
    }
    const token = this.#tokens[this.#at++];
    if (token?.kind === 'field') return claimOf(token.value);
    if (token?.kind === 'text') return () => token.value;
    throw invalid(this.#source, `${token?.value ?? 'nothing'} where a claim was expected`);
  }

  condition(): Condition {
    const wanted = this.take('eq') ? true : this.take('ne') ? false : undefined;
    const left = this.operand();
    if (wanted === undefined) return (claims) => left(claims) !== '';
    const right = [this.operand()];
    // Go: eq a b c means a == b or a == c; ne takes two.
    while (wanted && this.#at < this.#tokens.length) right.push(this.operand());
    return (claims) => right.some((other) => left(claims) === other(claims)) === wanted;
  }

  end(): void {
    if (this.#at !== this.#tokens.length)
      throw invalid(this.#source, 'an action says more than is understood');
  }
}

type Piece = { readonly text: string } | { readonly action: string };

/** Text and actions in turn, white space cut where {{- and -}} want it. */
function piecesOf(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let cutStart = false;
  const literal = (end: number, cutEnd: boolean) => {
    let text = source.slice(at, end);
    if (/\{\{|\}\}/.test(text)) throw invalid(source, 'an action is not closed');
    if (cutStart) text = text.trimStart();
    if (cutEnd) text = text.trimEnd();
    if (text !== '') pieces.push({ text });
  };
  for (const match of source.matchAll(ACTION)) {
    literal(match.index, match[1] !== undefined);
    pieces.push({ action: match[2] ?? '' });
    at = match.index + match[0].length;
    cutStart = match[3] !== undefined;
  }
  literal(source.length, false);
  return pieces;
}

function otherwise(source: string, action: Action, before: Block): Block {
  if (before.test === undefined) throw invalid(source, 'else without if');
  return { parts: [], before, ...(action.take('if') ? { test: action.condition() } : {}) };
}

/** @throws CodedError CONFIG_INVALID for what this subset does not know */
export function compileTemplate(source: string): Template {
  if (!source.includes('{{')) return claimOf(source.trim());
  const outer: Block[] = [];
  let block: Block = { parts: [] };
  for (const piece of piecesOf(source)) {
    if ('text' in piece) {
      block.parts.push(() => piece.text);
      continue;
    }
    const action = new Action(source, piece.action);
    if (action.take('if')) {
      outer.push(block);
      block = { parts: [], test: action.condition() };
    } else if (action.take('else')) block = otherwise(source, action, block);
    else if (action.take('end')) {
      const around = outer.pop();
      if (around === undefined) throw invalid(source, 'end without if');
      around.parts.push(chosen(block));
      block = around;
    } else block.parts.push(action.operand());
    action.end();
  }
  if (outer.length > 0) throw invalid(source, 'if without end');
  return joined(block.parts);
}
