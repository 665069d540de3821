// SPDX-License-Identifier: Apache-2.0
// JSON (RFC 8259) read strictly, and its two canonical forms. Two readers of one text must never
// see two values: a name stands once in an object, and no number is rounded silently.
import { fromUtf8 } from './bytes.ts';
import { ParseError } from './errors.ts';

/** Integers beyond 2^53 are bigints; every other number is a number. */
export type Json = null | boolean | number | bigint | string | readonly Json[] | JsonObject;
/** Objects from parseJson have no prototype, so that no name is special. */
export type JsonObject = { readonly [name: string]: Json };

export interface JsonLimits {
  /** Objects and arrays inside each other. Default 64. */
  readonly maxDepth?: number;
  /** UTF-16 units of text, or bytes. Default 32 Mi. */
  readonly maxLength?: number;
}

const MAX_DEPTH = 64;
const MAX_LENGTH = 32 << 20;

const SPACE = new Set([...' \t\n\r'].map((character) => character.charCodeAt(0)));
const LAST_SPACE = 0x20;
/** All but quote, backslash and control characters. */
const PLAIN = /[ !#-[\]-\uffff]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const HEX4 = /[0-9a-fA-F]{4}/y;
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  /** Moved by the methods of this class alone. */
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): Json {
    const value = this.#value(0);
    this.#space();
    if (this.#at !== this.#text.length) this.#fail('unexpected text after the value');
    return value;
  }

  #fail(what: string): never {
    throw new ParseError(`not JSON: ${what} at offset ${this.#at}`);
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found !== null) this.#at = pattern.lastIndex;
    return found;
  }

  #space(): void {
    let at = this.#at;
    // What stands between tokens is seldom more than one space, and most often nothing.
    while (this.#text.charCodeAt(at) <= LAST_SPACE && SPACE.has(this.#text.charCodeAt(at))) at++;
    this.#at = at;
  }

  /** All up to a quote, a backslash, a control character or the end. */
  #plain(): string {
    const start = this.#at;
    PLAIN.lastIndex = start;
    // It matches anywhere. Unlike exec(), this makes no list of what it found.
    PLAIN.test(this.#text);
    this.#at = PLAIN.lastIndex;
    return this.#text.slice(start, this.#at);
  }

  #value(depth: number): Json {
    this.#space();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#fail('unknown word');
    this.#at += word.length;
    return value;
  }

  #number(): number | bigint {
    const found = this.#match(NUMBER);
    if (found === null) return this.#fail('a value was expected');
    const value = Number(found[0]);
    if (!Number.isFinite(value)) this.#fail('number out of range');
    const integer = found[1] === undefined && found[2] === undefined;
    return integer && !Number.isSafeInteger(value) ? BigInt(found[0]) : value;
  }

  #string(): string {
    this.#at++;
    let out = '';
    for (;;) {
      out += this.#plain();
      const end = this.#text[this.#at++];
      if (end === '"') break;
      // RFC 8259 §7: control characters stand escaped; a raw newline is refused here.
      if (end !== '\\') this.#fail('unterminated string or raw control character');
      out += this.#escape();
    }
    // RFC 7493 §2.1: no unpaired surrogates, raw or escaped.
    if (!out.isWellFormed()) this.#fail('unpaired surrogate');
    return out;
  }

  #escape(): string {
    const letter = this.#text[this.#at++] ?? '';
    if (letter === 'u') {
      const digits = this.#match(HEX4);
      if (digits === null) return this.#fail('bad \\u escape');
      return String.fromCharCode(Number.parseInt(digits[0], 16));
    }
    const meant = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
    return meant ?? this.#fail('unknown escape');
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) this.#fail(`nested deeper than ${this.#maxDepth}`);
    this.#at++;
    this.#space();
  }

  /** True after the closing bracket, false after a comma. */
  #closed(bracket: string): boolean {
    this.#space();
    const next = this.#text[this.#at++];
    if (next === bracket) return true;
    if (next !== ',') this.#fail(`, or ${bracket} was expected`);
    return false;
  }

  #array(depth: number): Json[] {
    this.#enter(depth);
    const out: Json[] = [];
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return out;
    }
    do out.push(this.#value(depth));
    while (!this.#closed(']'));
    return out;
  }

  #object(depth: number): JsonObject {
    this.#enter(depth);
    const out: Record<string, Json> = Object.create(null);
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return out;
    }
    do {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail('a name was expected');
      const name = this.#string();
      if (name in out) this.#fail(`duplicate name ${JSON.stringify(name.slice(0, 64))}`);
      this.#space();
      if (this.#text[this.#at++] !== ':') this.#fail(': was expected');
      out[name] = this.#value(depth);
    } while (!this.#closed('}'));
    return out;
  }
}

/**
 * One JSON value and nothing else. Refuses duplicate names, a byte order mark, raw control
 * characters and unpaired surrogates in strings, numbers beyond double range, ill-formed UTF-8.
 * @throws ParseError
 */
export function parseJson(input: string | Uint8Array, limits: JsonLimits = {}): Json {
  const maxLength = limits.maxLength ?? MAX_LENGTH;
  if (input.length > maxLength) throw new ParseError(`not JSON: longer than ${maxLength}`);
  const text = typeof input === 'string' ? input : fromUtf8(input);
  return new Parser(text, limits.maxDepth ?? MAX_DEPTH).document();
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Form {
  string(text: string): string;
  number(value: number | bigint): string;
  readonly order: ((a: string, b: string) => number) | undefined;
}

function write(value: Json, form: Form): string {
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return form.string(value);
  if (typeof value === 'number' || typeof value === 'bigint') return form.number(value);
  if (Array.isArray(value)) return `[${value.map((item: Json) => write(item, form)).join(',')}]`;
  if (!isJsonObject(value)) throw new TypeError(`${typeof value} is not JSON`);
  const names = Object.keys(value).sort(form.order);
  const members = names.map((name) => `${form.string(name)}:${write(value[name] as Json, form)}`);
  return `{${members.join(',')}}`;
}

function wellFormed(text: string): string {
  if (!text.isWellFormed()) throw new ParseError('unpaired surrogate has no canonical form');
  return text;
}

const JCS: Form = {
  // RFC 8785 §3.2.2.2 is ECMAScript's JSON.stringify, but for unpaired surrogates.
  string: (text) => JSON.stringify(wellFormed(text)),
  number: (value) => {
    if (!Number.isFinite(Number(value)) || typeof value === 'bigint') {
      throw new ParseError(`${value} has no canonical form: not a double`);
    }
    return JSON.stringify(value);
  },
  // RFC 8785 §3.2.3: by UTF-16 code units, which is the default order.
  order: undefined,
};

/** RFC 8785 (JCS). @throws ParseError for unpaired surrogates and numbers that are not doubles */
export function canonicalJson(value: Json): string {
  return write(value, JCS);
}

/** Surrogates stand for code points beyond every other unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit < 0xe000 ? unit + 0x10000 : unit;
}

/** By code points, as Python's sorted() and Go's sort.Strings (bytes of UTF-8) order names. */
function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = rank(a.charCodeAt(i)) - rank(b.charCodeAt(i));
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const OLPC: Form = {
  string: (text) => `"${wellFormed(text).replaceAll(/["\\]/g, '\\$&')}"`,
  number: (value) => {
    // Beyond 2^53 tuf-js rounds and python-tuf does not, so one of them would refuse the signature.
    if (!Number.isSafeInteger(value)) {
      throw new ParseError(`${value} has no canonical form: not an integer below 2^53`);
    }
    return BigInt(value).toString();
  },
  order: byCodePoint,
};

/**
 * OLPC canonical JSON, which TUF signs (securesystemslib): strings escape `"` and `\` alone,
 * control characters stand raw; integers below 2^53 only.
 * @throws ParseError for other numbers and for unpaired surrogates
 */
export function olpcJson(value: Json): string {
  return write(value, OLPC);
}
