// SPDX-License-Identifier: Apache-2.0
// SNTP (RFC 4330, RFC 5905 §7.3): one question to a time server, one answer, 48 octets each.
//
//   0   leap indicator (2 bits), version (3), mode (3)
//   1   stratum        2  poll        3  precision
//   4   root delay     8  root dispersion       (16.16 seconds)
//   12  reference identifier; of a kiss-of-death its four letters
//   16  reference      24 originate   32 receive   40 transmit   (32.32 seconds since 1900)
import { equal } from '../core/bytes.ts';
import { ParseError } from '../core/errors.ts';

export const SNTP_OCTETS = 48;
export const NONCE_OCTETS = 8;

const VERSION = 4;
const CLIENT = 3;
const SERVER = 4;
const NOT_SYNCHRONISED = 3;
const MAX_STRATUM = 15;
const NTP_EPOCH_MS = Date.UTC(1900, 0, 1);
const ERA_MS = 2 ** 32 * 1000;
/** "Infinity" of RFC 4330 §5. */
const MAX_ROOT_SECONDS = 16;
/** Our clock shows whole milliseconds: each end of the trip may be off by one. */
const GRAIN_MS = 2;

/** What a server says of our clock. */
export interface Sample {
  /** Its clock minus ours, in milliseconds. */
  readonly offsetMs: number;
  /** Time on the way, both ways; the offset may be wrong by half of it. */
  readonly delayMs: number;
}

/** The server asks to be left alone (RFC 5905 §7.4): RATE, DENY, RSTR, … */
export class KissOfDeath extends ParseError {
  override name = 'KissOfDeath';
  readonly kiss: string;

  constructor(kiss: string) {
    super(`kiss-of-death ${kiss}`);
    this.kiss = kiss;
  }
}

/**
 * A question. Its transmit timestamp is random: the answer must bring it back, which nobody can who
 * has not seen it, and it tells nothing of our clock.
 * @param nonce 8 octets
 */
export function sntpRequest(nonce: Uint8Array): Uint8Array {
  const request = new Uint8Array(SNTP_OCTETS);
  request[0] = (VERSION << 3) | CLIENT;
  request.set(nonce, 40);
  return request;
}

function shortSeconds(view: DataView, at: number): number {
  return view.getInt32(at) / 65_536;
}

/** Milliseconds since 1970, in the era of NTP that lies nearest to our clock. */
function timestampMs(view: DataView, at: number, nearMs: number): number {
  const seconds = view.getUint32(at) + view.getUint32(at + 4) / 2 ** 32;
  const inEraZero = NTP_EPOCH_MS + seconds * 1000;
  return inEraZero + Math.round((nearMs - inEraZero) / ERA_MS) * ERA_MS;
}

function isZero(view: DataView, at: number): boolean {
  return view.getUint32(at) === 0 && view.getUint32(at + 4) === 0;
}

function requireSound(view: DataView): void {
  const first = view.getUint8(0);
  const [leap, version, mode] = [first >> 6, (first >> 3) & 7, first & 7];
  if (mode !== SERVER) throw new ParseError(`mode ${mode}, not of a server`);
  if (version !== VERSION) throw new ParseError(`version ${version}, not ${VERSION}`);
  const stratum = view.getUint8(1);
  if (stratum === 0) {
    const letters = [12, 13, 14, 15].map((at) => String.fromCharCode(view.getUint8(at))).join('');
    throw new KissOfDeath(/^[A-Z]{4}$/.test(letters) ? letters : 'without a code');
  }
  if (leap === NOT_SYNCHRONISED) throw new ParseError('the server has no time itself');
  if (stratum > MAX_STRATUM) throw new ParseError(`stratum ${stratum}`);
  for (const [name, at] of [
    ['root delay', 4],
    ['root dispersion', 8],
  ] as const) {
    const seconds = shortSeconds(view, at);
    if (seconds < 0 || seconds >= MAX_ROOT_SECONDS) throw new ParseError(`${name} ${seconds} s`);
  }
}

/**
 * @param nonce of the question
 * @param sentMs @param receivedMs our clock when the question left and when the answer came
 * @throws ParseError for what is no answer to this very question; KissOfDeath
 */
export function readSntpReply(
  reply: Uint8Array,
  nonce: Uint8Array,
  sentMs: number,
  receivedMs: number,
): Sample {
  if (reply.length !== SNTP_OCTETS) throw new ParseError(`${reply.length} octets`);
  const view = new DataView(reply.buffer, reply.byteOffset, reply.byteLength);
  // SPEC RFC 4330 §5: the originate timestamp is what was sent, or the answer is old or forged. First
  // of all: a forged kiss-of-death would silence a server.
  if (!equal(reply.subarray(24, 32), nonce)) {
    throw new ParseError('the originate timestamp is not the one that was sent');
  }
  requireSound(view);
  // SPEC RFC 4330 §5: a transmit timestamp of zero is none.
  if (isZero(view, 40) || isZero(view, 32)) throw new ParseError('a timestamp is zero');
  const inMs = timestampMs(view, 32, sentMs);
  const outMs = timestampMs(view, 40, sentMs);
  if (outMs < inMs) throw new ParseError('the answer left before the question came');
  const delayMs = receivedMs - sentMs - (outMs - inMs);
  if (delayMs < -GRAIN_MS) throw new ParseError('the answer claims more time than the trip took');
  return {
    offsetMs: (inMs - sentMs + (outMs - receivedMs)) / 2,
    delayMs: Math.max(0, delayMs),
  };
}
