// SPDX-License-Identifier: Apache-2.0
// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint, static-ct-api).
//
//   <origin>\n<size>\n<base64 root>\n[<extension>\n]*\n(— <name> <base64(hint[4] ‖ signature)>\n)+
//
//   key         key id (hint = its first four octets)   signature over
//   ECDSA       SHA-256(SPKI)                           the text
//   Ed25519     SHA-256(name ‖ \n ‖ 01 ‖ key)           the text
//   CT log      SHA-256(name ‖ \n ‖ 05 ‖ log id)        the tree head of RFC 6962 §3.5
import { defaultAlgorithm } from './algorithm.ts';
import {
  ByteReader,
  base64,
  concat,
  equal,
  fromBase64,
  fromUtf8,
  hex,
  uint64,
  utf8,
} from './bytes.ts';
import type { Crypto, PublicKey } from './crypto.ts';
import { ParseError } from './errors.ts';

export interface NoteSignature {
  readonly name: string;
  /** First four octets of the key id. */
  readonly hint: Uint8Array;
  readonly signature: Uint8Array;
}

export interface Note {
  /** What is signed: everything before the blank line, its newline included. */
  readonly text: string;
  readonly signatures: readonly NoteSignature[];
}

export interface Checkpoint {
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
  readonly extensions: readonly string[];
}

/** Sixteen signatures, which every verifier must take, may be post-quantum ones of 5 kB each. */
const MAX_NOTE_LENGTH = 1 << 18;
const MAX_SIGNATURES = 64;
const SIGNATURE_LINE = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u;
const CONTROL = /\p{Cc}/u;

function parseSignature(line: string): NoteSignature {
  const match = SIGNATURE_LINE.exec(line);
  const [, name, encoded] = match ?? [];
  if (name === undefined || encoded === undefined)
    throw new ParseError('signature line is malformed');
  const bytes = fromBase64(encoded);
  if (bytes.length < 5) throw new ParseError('signature line is too short');
  return { name, hint: bytes.subarray(0, 4), signature: bytes.subarray(4) };
}

/** Strict: one blank line, no control characters, every signature line well formed. @throws ParseError */
export function parseNote(note: string | Uint8Array): Note {
  const whole = typeof note === 'string' ? note : fromUtf8(note);
  if (!whole.isWellFormed()) throw new ParseError('note is not Unicode text');
  if (whole.length > MAX_NOTE_LENGTH) throw new ParseError('note is too long');
  const blank = whole.indexOf('\n\n');
  if (blank < 0 || whole.indexOf('\n\n', blank + 1) >= 0)
    throw new ParseError('note has not one blank line');
  if (!whole.endsWith('\n')) throw new ParseError('note does not end with a newline');
  if (CONTROL.test(whole.replaceAll('\n', ''))) throw new ParseError('note has control characters');
  const lines = whole.slice(blank + 2, -1).split('\n');
  if (lines.length > MAX_SIGNATURES) throw new ParseError('note has too many signatures');
  return { text: whole.slice(0, blank + 1), signatures: lines.map(parseSignature) };
}

export function formatNote(text: string, signatures: readonly NoteSignature[]): string {
  const lines = signatures.map((s) => `— ${s.name} ${base64(concat(s.hint, s.signature))}\n`);
  return `${text}\n${lines.join('')}`;
}

export function formatCheckpoint(origin: string, size: number, root: Uint8Array): string {
  return `${origin}\n${size}\n${base64(root)}\n`;
}

/** @param text the signed part of a note. @throws ParseError */
export function parseCheckpoint(text: string): Checkpoint {
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new ParseError('checkpoint does not end with a newline');
  const [origin, sizeText, rootText, ...extensions] = lines;
  if (!origin) throw new ParseError('checkpoint has no origin');
  if (sizeText === undefined || !/^(0|[1-9]\d{0,15})$/.test(sizeText)) {
    throw new ParseError('checkpoint has no size');
  }
  const size = Number(sizeText);
  if (!Number.isSafeInteger(size)) throw new ParseError('checkpoint size is too large');
  if (rootText === undefined) throw new ParseError('checkpoint has no root');
  const root = fromBase64(rootText);
  if (root.length !== 32) throw new ParseError('checkpoint root is not 32 bytes');
  return { origin, size, root, extensions };
}

/** Note key id of an ECDSA key: SHA-256(SPKI), which is the log id of Rekor v1 too. */
export function ecdsaKeyId(crypto: Crypto, spki: Uint8Array): Uint8Array {
  return crypto.digest('sha256', spki);
}

const NEWLINE = 0x0a;
/** Signature types of C2SP signed-note. */
const TYPE = { ed25519: 0x01, ecdsa: 0x02, rfc6962: 0x05 } as const;

function namedKeyId(crypto: Crypto, name: string, type: number, key: Uint8Array): Uint8Array {
  return crypto.digest('sha256', concat(utf8(name), Uint8Array.of(NEWLINE, type), key));
}

/** Note key id of an Ed25519 key: SHA-256(name ‖ \n ‖ 0x01 ‖ key). */
export function ed25519KeyId(crypto: Crypto, name: string, key: Uint8Array): Uint8Array {
  return namedKeyId(crypto, name, TYPE.ed25519, key);
}

/** Note key id of a CT log: SHA-256(name ‖ \n ‖ 0x05 ‖ log id). */
export function rfc6962KeyId(crypto: Crypto, name: string, logId: Uint8Array): Uint8Array {
  return namedKeyId(crypto, name, TYPE.rfc6962, logId);
}

function vkey(name: string, keyId: Uint8Array, type: number, spki: Uint8Array): string {
  return `${name}+${hex(keyId.subarray(0, 4))}+${base64(concat(Uint8Array.of(type), spki))}`;
}

/** C2SP vkey: `name+hint hex+base64(type ‖ key)`. Type 0x02 is ECDSA with an SPKI. */
export function verifierKey(crypto: Crypto, name: string, spki: Uint8Array): string {
  return vkey(name, ecdsaKeyId(crypto, spki), TYPE.ecdsa, spki);
}

/** vkey of a CT log: type 0x05 with an SPKI. */
export function rfc6962VerifierKey(crypto: Crypto, name: string, spki: Uint8Array): string {
  const logId = crypto.digest('sha256', spki);
  return vkey(name, rfc6962KeyId(crypto, name, logId), TYPE.rfc6962, spki);
}

export interface CheckpointKey {
  /** Signature name that the checkpoint must carry. */
  readonly name: string;
  /** First line; the name unless given (Rekor v1: `name - tree id`). */
  readonly origin?: string;
  readonly key: PublicKey;
  /** Of this key and, but for ECDSA, this name. */
  readonly keyId: Uint8Array;
}

/** The checkpoint of a note and the log's own signatures, at least one. @throws ParseError */
function openCheckpoint(
  envelope: string | Uint8Array,
  { name, keyId, origin = name }: CheckpointKey,
): { checkpoint: Checkpoint; signed: Uint8Array; signatures: Uint8Array[] } {
  const note = parseNote(envelope);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== origin) {
    throw new ParseError(`checkpoint is of ${checkpoint.origin}, not of ${origin}`);
  }
  const hint = keyId.subarray(0, 4);
  const own = note.signatures.filter((s) => s.name === name && equal(s.hint, hint));
  if (own.length === 0) throw new ParseError('checkpoint has no signature of the log');
  return { checkpoint, signed: utf8(note.text), signatures: own.map((s) => s.signature) };
}

const UNSIGNED = 'the signature of the log does not verify';

/**
 * The checkpoint in an envelope that the log signed. The log's line may be any of the lines; lines
 * of cosigners are not looked at. @throws ParseError
 */
export function verifyCheckpoint(
  crypto: Crypto,
  envelope: string | Uint8Array,
  log: CheckpointKey,
): Checkpoint {
  const { checkpoint, signed, signatures } = openCheckpoint(envelope, log);
  const algorithm = defaultAlgorithm(log.key);
  // SPEC signed-note: name and id match a known key, so each such line MUST be verified, and one
  // that fails SHOULD condemn the whole note.
  const good =
    algorithm !== undefined &&
    signatures.every((s) => crypto.verify(log.key, algorithm, signed, s));
  if (!good) throw new ParseError(UNSIGNED);
  return checkpoint;
}

/** digitally-signed of RFC 5246 §4.7, after the time. */
const SHA256_ECDSA = Uint8Array.of(4, 3);

/** RFC 6962 §3.5: version v1, signature type tree_hash. */
function treeHead(timeMs: bigint, { size, root }: Checkpoint): Uint8Array {
  return concat(Uint8Array.of(0, 1), uint64(timeMs), uint64(size), root);
}

/**
 * The checkpoint of a CT log (static-ct-api): the one signature is that of its RFC 6962 tree head.
 * @throws ParseError
 */
export function verifyRfc6962Checkpoint(
  crypto: Crypto,
  envelope: string | Uint8Array,
  log: CheckpointKey,
): Checkpoint & { readonly timeMs: number } {
  const { checkpoint, signatures } = openCheckpoint(envelope, log);
  // SPEC static-ct-api: exactly one signature of the log, no extension lines.
  const [only, second] = signatures;
  if (only === undefined || second !== undefined || checkpoint.extensions.length > 0) {
    throw new ParseError('checkpoint of a CT log has one signature and no extension');
  }
  const reader = new ByteReader(only);
  const timeMs = reader.uint64();
  const algorithm = defaultAlgorithm(log.key);
  const known = equal(reader.take(2), SHA256_ECDSA) && log.key.kind === 'p256';
  const signature = reader.vector(2);
  reader.end('the tree head signature');
  if (!known || algorithm === undefined) throw new ParseError('tree heads are signed with P-256');
  if (!crypto.verify(log.key, algorithm, treeHead(timeMs, checkpoint), signature)) {
    throw new ParseError(UNSIGNED);
  }
  if (timeMs > BigInt(Number.MAX_SAFE_INTEGER)) throw new ParseError('tree head time is too large');
  return { ...checkpoint, timeMs: Number(timeMs) };
}
