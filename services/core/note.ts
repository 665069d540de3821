// SPDX-License-Identifier: Apache-2.0
// Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint).
//
//   <origin>\n<size>\n<base64 root>\n[<extension>\n]*\n(— <name> <base64(hint[4] ‖ signature)>\n)+
import { defaultAlgorithm } from './algorithm.ts';
import { base64, concat, equal, fromBase64, fromUtf8, utf8 } from './bytes.ts';
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

const MAX_NOTE_LENGTH = 1 << 16;
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
  const [origin, sizeText, rootText, ...extensions] = text.split('\n').slice(0, -1);
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

/** Note key id of an Ed25519 key: SHA-256(name ‖ \n ‖ 0x01 ‖ key). */
export function ed25519KeyId(crypto: Crypto, name: string, key: Uint8Array): Uint8Array {
  return crypto.digest('sha256', concat(utf8(name), Uint8Array.of(0x0a, 0x01), key));
}

/** C2SP vkey: `name+hint hex+base64(type ‖ key)`. Type 0x02 is ECDSA with an SPKI. */
export function verifierKey(crypto: Crypto, name: string, spki: Uint8Array): string {
  const hint = [...ecdsaKeyId(crypto, spki).subarray(0, 4)].map((b) =>
    b.toString(16).padStart(2, '0'),
  );
  return `${name}+${hint.join('')}+${base64(concat(Uint8Array.of(0x02), spki))}`;
}

export interface CheckpointKey {
  /** Signature name and origin that the checkpoint must carry. */
  readonly name: string;
  readonly key: PublicKey;
  readonly keyId: Uint8Array;
}

/**
 * The checkpoint in an envelope that the log signed. The log's line may be any of the lines; lines
 * of cosigners are not looked at. @throws ParseError
 */
export function verifyCheckpoint(crypto: Crypto, envelope: string, log: CheckpointKey): Checkpoint {
  const note = parseNote(envelope);
  const checkpoint = parseCheckpoint(note.text);
  if (checkpoint.origin !== log.name) {
    throw new ParseError(`checkpoint is of ${checkpoint.origin}, not of ${log.name}`);
  }
  const algorithm = defaultAlgorithm(log.key);
  const hint = log.keyId.subarray(0, 4);
  const own = note.signatures.filter((s) => s.name === log.name && equal(s.hint, hint));
  if (algorithm === undefined || own.length === 0)
    throw new ParseError('checkpoint has no signature of the log');
  const signed = utf8(note.text);
  if (!own.some((s) => crypto.verify(log.key, algorithm, signed, s.signature))) {
    throw new ParseError('the signature of the log does not verify');
  }
  return checkpoint;
}
