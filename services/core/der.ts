// SPDX-License-Identifier: Apache-2.0
// Strict DER (X.690 §10): definite minimal lengths, single-byte tags, canonical values. What is read
// re-encodes to the same bytes.
import { compare, equal, hex } from './bytes.ts';
import { ParseError } from './errors.ts';

export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  numericString: 0x12,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context-specific tag number `n`; constructed unless said otherwise. */
export function context(n: number, constructed = true): number {
  return (constructed ? 0xa0 : 0x80) | n;
}

export interface DerNode {
  readonly tag: number;
  /** The whole element, tag and length included. */
  readonly raw: Uint8Array;
  readonly content: Uint8Array;
}

/** Makes views of its octets when they are asked for: most are not. */
class Element implements DerNode {
  readonly tag: number;
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #contentStart: number;
  readonly #end: number;

  constructor(bytes: Uint8Array, start: number, contentStart: number, end: number) {
    this.tag = bytes[start] as number;
    this.#bytes = bytes;
    this.#start = start;
    this.#contentStart = contentStart;
    this.#end = end;
  }

  get raw(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  get content(): Uint8Array {
    return this.#bytes.subarray(this.#contentStart, this.#end);
  }
}

/** A cursor over the elements of one constructed value. Every method throws ParseError. */
export class DerReader {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  /** Moved by next() alone. */
  #at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** Tag of the element that next() would return; undefined at the end. */
  peek(): number | undefined {
    return this.#bytes[this.#at];
  }

  next(): DerNode {
    const start = this.#at;
    const tag = this.#octet();
    if ((tag & 0x1f) === 0x1f) throw new ParseError(`${this.#what}: multi-byte tag`);
    const length = this.#length();
    if (length > this.#bytes.length - this.#at) throw new ParseError(`${this.#what}: truncated`);
    const contentStart = this.#at;
    this.#at += length;
    return new Element(this.#bytes, start, contentStart, this.#at);
  }

  expect(tag: number, what: string): DerNode {
    const found = this.peek();
    if (found !== tag) {
      const name = found === undefined ? 'nothing' : `tag 0x${found.toString(16)}`;
      throw new ParseError(`${this.#what}: ${name} where ${what} was expected`);
    }
    return this.next();
  }

  optional(tag: number): DerNode | undefined {
    return this.peek() === tag ? this.next() : undefined;
  }

  sequence(what: string): DerReader {
    return new DerReader(this.expect(TAG.sequence, what).content, what);
  }

  /** Refuses bytes that nobody read. */
  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new ParseError(`${this.#what}: unexpected data at the end`);
  }

  #octet(): number {
    const octet = this.#bytes[this.#at];
    if (octet === undefined) throw new ParseError(`${this.#what}: truncated`);
    this.#at++;
    return octet;
  }

  #length(): number {
    const first = this.#octet();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new ParseError(`${this.#what}: length is not DER`);
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#octet();
    if (length < 0x80 || length < 256 ** (count - 1)) {
      throw new ParseError(`${this.#what}: length is not minimal`);
    }
    return length;
  }
}

/** The one element that `bytes` hold, nothing after it. */
export function readDer(bytes: Uint8Array, tag: number, what: string): DerNode {
  const reader = new DerReader(bytes, what);
  const node = reader.expect(tag, what);
  reader.end();
  return node;
}

/** No list of certificates, names or timestamps comes near. Two octets make an element, and each
 * costs a hundred times that, so without a bound a body of megabytes takes a gigabyte. */
const MAX_ELEMENTS = 4096;

/** Splits constructed content into its elements, at most 4096. */
export function children(content: Uint8Array, what: string): DerNode[] {
  const reader = new DerReader(content, what);
  const nodes: DerNode[] = [];
  while (reader.peek() !== undefined) {
    if (nodes.length === MAX_ELEMENTS) throw new ParseError(`${what}: too many elements`);
    nodes.push(reader.next());
  }
  return nodes;
}

export function readBoolean(node: DerNode): boolean {
  const { content } = node;
  const [octet] = content;
  if (content.length !== 1 || (octet !== 0x00 && octet !== 0xff)) {
    throw new ParseError('BOOLEAN is not DER');
  }
  return octet === 0xff;
}

/** Two's complement content octets, minimal. */
export function readInteger(node: DerNode): Uint8Array {
  const { content } = node;
  const [first, second] = content;
  if (first === undefined) throw new ParseError('INTEGER is empty');
  if (
    second !== undefined &&
    ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
  ) {
    throw new ParseError('INTEGER is not minimal');
  }
  return content;
}

export function readBigInt(node: DerNode): bigint {
  const content = readInteger(node);
  return BigInt.asIntN(8 * content.length, BigInt(`0x${hex(content)}`));
}

const SMALL_OCTETS = 4;

/** A small non-negative INTEGER (versions, counts), up to 2^31 - 1. */
export function readSmallInteger(node: DerNode, what: string): number {
  const value = readInteger(node).length > SMALL_OCTETS ? -1n : readBigInt(node);
  if (value < 0n) throw new ParseError(`${what} is out of range`);
  return Number(value);
}

/** BIT STRING of whole octets. */
export function readBitString(node: DerNode): Uint8Array {
  const { content } = node;
  if (content[0] !== 0) throw new ParseError('BIT STRING has unused bits');
  return content.subarray(1);
}

/** Content of a BIT STRING that is kept and not read (X.690 §11.2.1). @throws ParseError */
export function checkBits(content: Uint8Array, what: string): undefined {
  const [unused = 8] = content;
  const last = content.length > 1 ? (content.at(-1) ?? 0) : 0;
  const sound = unused < 8 && (content.length > 1 || unused === 0);
  if (!sound || (last & ((1 << unused) - 1)) !== 0) {
    throw new ParseError(`${what}: BIT STRING is not DER`);
  }
}

/** KeyUsage names nine bits, PKIFailureInfo 26. */
const MAX_NAMED_OCTETS = 4;

/** Named bits (RFC 5280 KeyUsage), at most 32: the numbers of the bits that are set. */
export function readNamedBits(node: DerNode): Set<number> {
  const unused = node.content[0];
  const octets = node.content.subarray(1);
  if (octets.length > MAX_NAMED_OCTETS) throw new ParseError('BIT STRING names too many bits');
  const last = octets.at(-1);
  if (unused === undefined || unused > 7 || (octets.length === 0 && unused !== 0)) {
    throw new ParseError('BIT STRING is not DER');
  }
  // X.690 §11.2.2: trailing zero bits are removed
  if (last !== undefined && (last & ((1 << (unused + 1)) - 1)) !== 1 << unused) {
    throw new ParseError('BIT STRING is not DER');
  }
  const bits = new Set<number>();
  octets.forEach((octet, i) => {
    for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) bits.add(8 * i + bit);
  });
  return bits;
}

/** Arcs beyond this are read as bigint (2.25.<UUID>). */
const LARGE_ARC = 2 ** 45;

function appendSeptet(value: number | bigint, octet: number): number | bigint {
  const septet = octet & 0x7f;
  if (typeof value === 'number' && value < LARGE_ARC) return value * 128 + septet;
  const large = (BigInt(value) << 7n) | BigInt(septet);
  if (large >> 128n) throw new ParseError('OID arc is too large');
  return large;
}

/** The first subidentifier holds two arcs (X.690 §8.19.4). */
function firstArcs(first: number | bigint): string {
  if (typeof first === 'bigint') return `2.${first - 80n}`;
  const root = first < 40 ? 0 : first < 80 ? 1 : 2;
  return `${root}.${first - 40 * root}`;
}

function decodeOid(content: Uint8Array): string {
  let text = '';
  let arcs = 1;
  let value: number | bigint = 0;
  let fresh = true;
  for (const octet of content) {
    if (fresh && octet === 0x80) throw new ParseError('OID is not minimal');
    value = appendSeptet(value, octet);
    fresh = octet < 0x80;
    if (!fresh) continue;
    text += arcs === 1 ? firstArcs(value) : `.${value}`;
    value = 0;
    if (++arcs > 128) throw new ParseError('OID should be comprised of at most 128 components');
  }
  if (!fresh || arcs === 1) throw new ParseError('OID is truncated');
  return text;
}

/** Certificates repeat some fifty OIDs: the last one met of each hash. Filled by readOid() alone. */
const metOids: Array<{ readonly content: Uint8Array; readonly text: string }> = [];
const MET_OIDS = 512;
/** A longer one is not worth its place. */
const MAX_MET_OCTETS = 16;

/** At most 128 arcs (GHSA-4qg8-fj49-pxjh). */
export function readOid({ content }: DerNode): string {
  if (content.length > MAX_MET_OCTETS) return decodeOid(content);
  let sum = content.length;
  for (let i = 0; i < content.length; i++) sum = (sum * 31 + (content[i] as number)) % MET_OIDS;
  const met = metOids[sum];
  if (met !== undefined && equal(met.content, content)) return met.text;
  const text = decodeOid(content);
  metOids[sum] = { content: content.slice(), text };
  return text;
}

/** A decimal number of fixed length in a time. */
function decimal(content: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = at; i < at + length; i++) {
    const digit = (content[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 9) throw new ParseError('time is not DER');
    value = 10 * value + digit;
  }
  return value;
}

const POINT = 0x2e;
const ZULU = 0x5a;
const MAX_FRACTION = 3;

/** Milliseconds in `.f` to `.fff`, the last digit not 0; `end` is where Z stands. */
function fraction(content: Uint8Array, at: number, end: number): number {
  const length = end - at - 1;
  const value = decimal(content, at + 1, Math.min(length, MAX_FRACTION + 1));
  if (content[at] !== POINT || length < 1 || length > MAX_FRACTION || value % 10 === 0) {
    throw new ParseError('time is not DER');
  }
  return value * 10 ** (MAX_FRACTION - length);
}

const FOUR_CENTURIES_MS = 146_097 * 86_400_000;

/**
 * UTCTime or GeneralizedTime, YYYYMMDDHHMMSS[.fff]Z, as milliseconds since 1970. Fractions (at most
 * three digits, no trailing zero) only where `fractions` allows them (RFC 3161 §2.4.2; RFC 5280
 * §4.1.2.5 has none).
 */
export function readTime({ tag, content }: DerNode, fractions = false): number {
  const utc = tag === TAG.utcTime;
  if (!utc && tag !== TAG.generalizedTime)
    throw new ParseError('neither UTCTime nor GeneralizedTime');
  const read = decimal(content, 0, utc ? 2 : 4);
  const year = utc ? read + (read < 50 ? 2000 : 1900) : read;
  const start = utc ? 2 : 4;
  const field = (n: number) => decimal(content, start + 2 * n, 2);
  const [month, day, hour, minute, second] = [field(0), field(1), field(2), field(3), field(4)];
  const [at, end] = [start + 10, content.length - 1];
  if (content[end] !== ZULU || end < at) throw new ParseError('time is not DER');
  if (end > at && (utc || !fractions)) throw new ParseError('time is not DER');
  const millis = end > at ? fraction(content, at, end) : 0;
  // Date.UTC takes years below 100 for those of the last century.
  const ms = Date.UTC(year + 400, month - 1, day, hour, minute, second) - FOUR_CENTURIES_MS;
  // It rolls what does not exist over into the next month, day or hour.
  const days = new Date(Date.UTC(year + 400, month, 0)).getUTCDate();
  const exists = month >= 1 && month <= 12 && day >= 1 && day <= days;
  if (!exists || hour > 23 || minute > 59 || second > 59)
    throw new ParseError('time does not exist');
  return ms + millis;
}

// --- writing ---

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff];
  return [0x83, length >> 16, (length >> 8) & 0xff, length & 0xff];
}

/** Tag, length, content. Content up to 16 MiB. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const header = lengthOctets(length);
  const out = new Uint8Array(1 + header.length + length);
  out[0] = tag;
  out.set(header, 1);
  let at = 1 + header.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(TAG.sequence, ...parts);
}

/** INTEGER of an unsigned big-endian number. */
export function unsignedInteger(bytes: Uint8Array): Uint8Array {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start++;
  const trimmed = bytes.subarray(start);
  return (trimmed[0] ?? 0) >= 0x80
    ? tlv(TAG.integer, new Uint8Array(1), trimmed)
    : tlv(TAG.integer, trimmed);
}

export function smallInteger(value: number): Uint8Array {
  return unsignedInteger(Uint8Array.of(value >> 24, value >> 16, value >> 8, value));
}

export function oid(text: string): Uint8Array {
  const arcs = text.split('.').map(BigInt);
  const [first, second, ...rest] = arcs;
  if (first === undefined || second === undefined) throw new RangeError(`not an OID: ${text}`);
  const octets: number[] = [];
  for (let arc of [first * 40n + second, ...rest]) {
    const group = [Number(arc & 0x7fn)];
    for (arc >>= 7n; arc > 0n; arc >>= 7n) group.unshift(Number(arc & 0x7fn) | 0x80);
    octets.push(...group);
  }
  return tlv(TAG.oid, Uint8Array.from(octets));
}

export function bitString(bytes: Uint8Array): Uint8Array {
  return tlv(TAG.bitString, new Uint8Array(1), bytes);
}

export function octetString(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(TAG.octetString, ...parts);
}

/** DER SET OF: elements in ascending order of their encodings (X.690 §11.6). */
export function setOf(...parts: readonly Uint8Array[]): Uint8Array {
  return tlv(TAG.set, ...[...parts].sort(compare));
}

function digits(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** Whole seconds. */
export function generalizedTime(ms: number): Uint8Array {
  return tlv(TAG.generalizedTime, ascii(digits(ms)));
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. Whole seconds. */
export function certificateTime(ms: number): Uint8Array {
  const text = digits(ms);
  return text < '2050'
    ? tlv(TAG.utcTime, ascii(text.slice(2)))
    : tlv(TAG.generalizedTime, ascii(text));
}
