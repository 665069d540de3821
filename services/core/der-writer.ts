// SPDX-License-Identifier: Apache-2.0
// DER written from its end to its beginning: when a length is written, its content already stands
// behind it, so nothing is measured twice and nothing is copied but once at the end.
import { utf8 } from './bytes.ts';
import { ParseError } from './errors.ts';

const FIRST_CAPACITY = 4096;

export class DerWriter {
  /** Replaced by #reserve() alone. */
  #bytes = new Uint8Array(FIRST_CAPACITY);
  /** First octet that is written; moves towards 0. */
  #at = FIRST_CAPACITY;

  /** Octets written since reset(). */
  get length(): number {
    return this.#bytes.length - this.#at;
  }

  reset(): void {
    this.#at = this.#bytes.length;
  }

  /** A copy of what is written. */
  finish(): Uint8Array {
    return this.#bytes.slice(this.#at);
  }

  /** Octets in front of all that is written. */
  put(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  /**
   * Tag and length in front of the octets that were written since `end`, which is what `length`
   * said before they were.
   */
  wrap(tag: number, end: number): void {
    this.#reserve(6);
    let length = this.length - end;
    if (length < 0x80) this.#bytes[--this.#at] = length;
    else {
      let count = 0x80;
      for (; length > 0; length >>>= 8, count++) this.#bytes[--this.#at] = length;
      this.#bytes[--this.#at] = count;
    }
    this.#bytes[--this.#at] = tag;
  }

  /** One octet. */
  octet(value: number): void {
    this.#reserve(1);
    this.#bytes[--this.#at] = value;
  }

  /** UTF-8. @throws ParseError for text with half a surrogate pair, which UTF-8 cannot hold */
  text(value: string): void {
    if (this.#ascii(value)) return;
    if (!value.isWellFormed()) throw new ParseError('text is not well-formed');
    this.put(utf8(value));
  }

  /** @throws ParseError outside ASCII, which IA5String cannot hold */
  asciiText(value: string): void {
    if (!this.#ascii(value)) throw new ParseError('text is not ASCII');
  }

  /** Writes nothing and says false when a character lies outside ASCII. */
  #ascii(value: string): boolean {
    this.#reserve(value.length);
    const bytes = this.#bytes;
    const start = this.#at - value.length;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 0x7f) return false;
      bytes[start + i] = code;
    }
    this.#at = start;
    return true;
  }

  /** Doubles the buffer until `count` octets fit in front. */
  #reserve(count: number): void {
    if (count <= this.#at) return;
    const written = this.length;
    let capacity = this.#bytes.length;
    while (capacity - written < count) capacity *= 2;
    const bytes = new Uint8Array(capacity);
    bytes.set(this.#bytes.subarray(this.#at), capacity - written);
    this.#bytes = bytes;
    this.#at = capacity - written;
  }
}
