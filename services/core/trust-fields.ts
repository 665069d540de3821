// SPDX-License-Identifier: Apache-2.0
// Fields that trusted roots and signing configs share, and how a fault in one is named.
import { CodedError, type ErrorCode, ParseError } from './errors.ts';
import { FieldError, type ProtoMessage } from './protojson.ts';

/** A closed interval of time: both ends belong to it. Milliseconds since 1970. */
export interface Window {
  /** First moment. */
  readonly start: number;
  /** Last moment; absent: none yet. */
  readonly end?: number;
}

export function inWindow(window: Window, timeMs: number): boolean {
  return window.start <= timeMs && (window.end === undefined || timeMs <= window.end);
}

const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;
/** SPEC timestamp.proto: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, inclusive. */
const FIRST_YEAR = 1;
const LAST_YEAR = 9999;

/** google.protobuf.Timestamp in JSON (RFC 3339), to the millisecond below. @throws ParseError */
export function parseTime(text: string): number {
  const found = TIMESTAMP.exec(text);
  if (found === null) throw new ParseError('not an RFC 3339 time');
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const wall = Date.UTC(year, month - 1, day, hour, minute, second);
  if (Number.isNaN(wall) || new Date(wall).toISOString().slice(0, 19) !== text.slice(0, 19)) {
    throw new ParseError('the time does not exist');
  }
  const offsetMinutes = Number(found[9] ?? 0) * 60 + Number(found[10] ?? 0);
  const millis = Number((found[7] ?? '').padEnd(3, '0').slice(0, 3));
  const time = wall + millis - (found[8] === '-' ? -1 : 1) * offsetMinutes * 60_000;
  const utcYear = new Date(time).getUTCFullYear();
  if (utcYear < FIRST_YEAR || utcYear > LAST_YEAR) throw new ParseError('the time is out of range');
  return time;
}

/** Whole seconds without a fraction: the form that every client reads. */
export function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('.000Z', 'Z');
}

function time(message: ProtoMessage, name: string): number | undefined {
  if (!message.has(name)) return undefined;
  try {
    return parseTime(message.string(name));
  } catch (error) {
    if (error instanceof FieldError || !(error instanceof ParseError)) throw error;
    return message.fail(name, error.message);
  }
}

/**
 * `validFor` of a message.
 * @param absentStart what a missing start means; without it a missing start is a fault
 * @throws FieldError
 */
export function readWindow(message: ProtoMessage, absentStart?: number): Window {
  const validFor = message.message('validFor', ['start', 'end']);
  const start = (validFor && time(validFor, 'start')) ?? absentStart;
  if (start === undefined) return message.fail('validFor.start', 'is missing');
  const end = validFor && time(validFor, 'end');
  if (end === undefined) return { start };
  if (end < start) return message.fail('validFor.end', 'lies before the start');
  return { start, end };
}

/** An absolute http(s) URL as it was written. @throws FieldError */
export function readUrl(message: ProtoMessage, name: string): string {
  const text = message.string(name);
  if (text === '') return message.fail(name, 'is missing');
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || !/^https?:\/\//.test(text)) {
    return message.fail(name, 'is not an http or https URL');
  }
  if (url.username !== '' || url.password !== '') return message.fail(name, 'holds credentials');
  return text;
}

/** SPEC: a media type of another version is another format; nothing is guessed. @throws FieldError */
export function requireMediaType(message: ProtoMessage, mediaType: string): void {
  const found = message.string('mediaType');
  if (found !== mediaType) {
    message.fail('mediaType', `${JSON.stringify(found.slice(0, 80))} is not ${mediaType}`);
  }
}

/** Runs a reader; its faults leave as `code`, with the path of the field or else the document. */
export function naming<T>(code: ErrorCode, document: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const field = error instanceof FieldError && error.path !== '' ? error.path : document;
    throw new CodedError(code, `${document}: ${error.message}`, { field, cause: error });
  }
}
