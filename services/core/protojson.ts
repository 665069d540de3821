// SPDX-License-Identifier: Apache-2.0
// The JSON mapping of protobuf, read as strictly as its specification allows: camelCase or
// snake_case names, null = absent, enums by name or number, any base64, 64-bit integers as text.
import { fromAnyBase64 } from './bytes.ts';
import { ParseError } from './errors.ts';
import { isJsonObject, type Json } from './json.ts';

/** A ParseError that knows where: `a.b[0].c`. */
export class FieldError extends ParseError {
  override name = 'FieldError';
  readonly path: string;

  constructor(path: string, what: string) {
    super(`${path}: ${what}`);
    this.path = path;
  }
}

function at(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** One message. Its values are read through the methods; each throws FieldError. */
export class ProtoMessage {
  readonly path: string;
  readonly #fields = new Map<string, Json>();

  /** @param names the fields of the message in camelCase; others are refused */
  constructor(value: Json, path: string, names: readonly string[]) {
    this.path = path;
    if (!isJsonObject(value)) throw new FieldError(path === '' ? 'body' : path, 'not an object');
    for (const [spelling, item] of Object.entries(value)) {
      const name = names.includes(spelling)
        ? spelling
        : names.find((candidate) => snakeCase(candidate) === spelling);
      if (name === undefined)
        throw new FieldError(at(path, spelling.slice(0, 64)), 'unknown field');
      if (this.#fields.has(name)) throw new FieldError(at(path, name), 'given twice');
      this.#fields.set(name, item);
    }
  }

  /** undefined when absent or null. */
  value(name: string): Json | undefined {
    return this.#fields.get(name) ?? undefined;
  }

  has(name: string): boolean {
    return this.value(name) !== undefined;
  }

  /** The message in a field. */
  message(name: string, names: readonly string[]): ProtoMessage | undefined {
    const value = this.value(name);
    return value === undefined ? undefined : new ProtoMessage(value, at(this.path, name), names);
  }

  /** The messages of a repeated field; empty when absent. */
  messages(name: string, names: readonly string[], limit: number): ProtoMessage[] {
    return this.list(name, limit).map(
      (item, i) => new ProtoMessage(item, `${at(this.path, name)}[${i}]`, names),
    );
  }

  /** The values of a repeated field; null among them is refused. */
  list(name: string, limit: number): readonly Json[] {
    const value = this.value(name) ?? [];
    if (!Array.isArray(value)) return this.fail(name, 'not an array');
    if (value.length > limit) return this.fail(name, `more than ${limit} elements`);
    if (value.includes(null)) return this.fail(name, 'null in an array');
    return value;
  }

  /** The one field of a oneof that is set. @throws FieldError when several are */
  oneOf(...names: readonly string[]): string | undefined {
    const set = names.filter((name) => this.has(name));
    if (set.length > 1) return this.fail(set[1] ?? '', `given together with ${set[0]}`);
    return set[0];
  }

  /** '' when absent. */
  string(name: string): string {
    const value = this.value(name) ?? '';
    return typeof value === 'string' ? value : this.fail(name, 'not a string');
  }

  /** Empty when absent. Standard or URL-safe base64, padded or not. */
  bytes(name: string): Uint8Array {
    const text = this.string(name);
    try {
      return fromAnyBase64(text);
    } catch (error) {
      if (error instanceof ParseError) return this.fail(name, error.message);
      throw error;
    }
  }

  /** 0 when absent. @param numberOf number of a name in the enum; undefined for unknown names */
  enumNumber(name: string, numberOf: (name: string) => number | undefined): number {
    const value = this.value(name) ?? 0;
    if (typeof value === 'string') {
      return numberOf(value) ?? this.fail(name, `unknown value ${value.slice(0, 64)}`);
    }
    if (typeof value !== 'number' || !Number.isInteger(value) || Math.abs(value) > 0x7fffffff) {
      return this.fail(name, 'neither a name nor a number of the enum');
    }
    return value;
  }

  /** int64 or uint64, as decimal text or number; 0 when absent. Up to 2^53. */
  integer(name: string): number {
    const value = this.value(name) ?? 0;
    const number =
      typeof value === 'string' && /^(0|-?[1-9][0-9]{0,15})$/.test(value) ? Number(value) : value;
    return typeof number === 'number' && Number.isSafeInteger(number)
      ? number
      : this.fail(name, 'not an integer');
  }

  fail(name: string, what: string): never {
    throw new FieldError(at(this.path, name), what);
  }
}
