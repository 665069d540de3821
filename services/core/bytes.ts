// SPDX-License-Identifier: Apache-2.0
// Bytes, and their text forms. Every decoder is strict: what it accepts re-encodes to the same text.
import { ParseError } from './errors.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** @throws ParseError when the bytes are not well-formed UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new ParseError('not valid UTF-8');
  }
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Not constant-time: compares public values only. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Lexicographic order of raw bytes: negative, zero or positive. */
export function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

export function hex(bytes: Uint8Array): string {
  let out = '';
  for (let i = 0; i < bytes.length; i++) out += HEX[bytes[i] as number];
  return out;
}

/** Lower-case hex only. @throws ParseError */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-f]*$/.test(text))
    throw new ParseError('not lower-case hex');
  const out = new Uint8Array(text.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return out;
}

const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUE = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) VALUE[STANDARD.charCodeAt(i)] = i;

const DIGITS = Uint8Array.from(STANDARD, (digit) => digit.charCodeAt(0));
const PADDING = '='.charCodeAt(0);

/** RFC 4648 §4, padded. Written as octets: a text that grows digit by digit takes ten times the memory. */
export function base64(bytes: Uint8Array): string {
  const out = new Uint8Array(4 * Math.ceil(bytes.length / 3));
  let at = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const word = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    out[at++] = DIGITS[word >> 18] as number;
    out[at++] = DIGITS[(word >> 12) & 63] as number;
    out[at++] = DIGITS[(word >> 6) & 63] as number;
    out[at++] = DIGITS[word & 63] as number;
  }
  out.fill(PADDING, at - ((3 - (bytes.length % 3)) % 3));
  return decoder.decode(out);
}

/** RFC 4648 §4 exactly: padded, no white space, unused bits zero. @throws ParseError */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0) throw new ParseError('not base64: length is not a multiple of 4');
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const digits = text.length - padding;
  const out = new Uint8Array((digits * 3) >> 2);
  let word = 0;
  let at = 0;
  for (let i = 0; i < digits; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? (VALUE[code] as number) : -1;
    if (value < 0) throw new ParseError(`not base64: character ${i}`);
    word = (word << 6) | value;
    if ((i & 3) === 3) {
      out[at++] = word >> 16;
      out[at++] = word >> 8;
      out[at++] = word;
      word = 0;
    }
  }
  if (padding === 1) {
    if (word & 3) throw new ParseError('not base64: unused bits are set');
    out[at++] = word >> 10;
    out[at++] = word >> 2;
  } else if (padding === 2) {
    if (word & 15) throw new ParseError('not base64: unused bits are set');
    out[at++] = word >> 4;
  }
  return out;
}

/**
 * What protojson accepts: the standard or the URL-safe alphabet, never both; padded as it must be,
 * or not at all.
 * @throws ParseError
 */
export function fromAnyBase64(text: string): Uint8Array {
  const urlSafe = /[-_]/.test(text);
  if (urlSafe && /[+/]/.test(text)) throw new ParseError('not base64: two alphabets');
  const standard = urlSafe ? text.replaceAll('-', '+').replaceAll('_', '/') : text;
  if (standard.includes('=')) return fromBase64(standard);
  return fromBase64(standard + '='.repeat((4 - (standard.length % 4)) % 4));
}

export function base64url(bytes: Uint8Array): string {
  return base64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Big-endian unsigned integer of `size` bytes (1–6). */
export function uint(value: number, size: number): Uint8Array {
  const out = new Uint8Array(size);
  let rest = value;
  for (let i = size - 1; i >= 0; i--) {
    out[i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  if (rest !== 0 || value < 0) throw new RangeError(`${value} does not fit ${size} bytes`);
  return out;
}

export function uint64(value: number | bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, BigInt(value));
  return out;
}

/** A cursor over bytes in TLS presentation language (RFC 8446 §3). @throws ParseError past the end */
export class ByteReader {
  readonly #bytes: Uint8Array;
  /** Moved by take() alone. */
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  take(length: number): Uint8Array {
    if (length > this.remaining)
      throw new ParseError(`${length} bytes wanted, ${this.remaining} left`);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** Big-endian unsigned integer of 1–6 bytes. */
  uint(size: number): number {
    let value = 0;
    for (const byte of this.take(size)) value = value * 256 + byte;
    return value;
  }

  uint64(): bigint {
    const bytes = this.take(8);
    return new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  }

  /** A vector whose length stands before it in `size` bytes. */
  vector(size: number): Uint8Array {
    return this.take(this.uint(size));
  }

  end(what: string): void {
    if (this.remaining !== 0) throw new ParseError(`${this.remaining} bytes after ${what}`);
  }
}
