// SPDX-License-Identifier: Apache-2.0
// DSSE envelopes (secure-systems-lab/dsse v1) and the in-toto statements inside them.
import { concat, utf8 } from './bytes.ts';
import { ParseError } from './errors.ts';
import { isJsonObject, type Json, type JsonObject, parseJson } from './json.ts';
import { FieldError, ProtoMessage } from './protojson.ts';

export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** What a DSSE signature covers: `DSSEv1 SP len(type) SP type SP len(payload) SP payload`. */
export function pae(payloadType: string, payload: Uint8Array): Uint8Array {
  const type = utf8(payloadType);
  return concat(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload);
}

/** A signature over the pre-authentication encoding of an envelope. */
export interface EnvelopeSignature {
  /** Raw: ASN.1 DER for ECDSA. */
  readonly sig: Uint8Array;
  /** A hint; nothing may be decided by it. */
  readonly keyid: string;
}

/** A DSSE envelope. */
export interface Envelope {
  /** What was signed, of the type below. */
  readonly payload: Uint8Array;
  /** `application/vnd.in-toto+json` for statements. */
  readonly payloadType: string;
  /** One in a bundle. */
  readonly signatures: readonly EnvelopeSignature[];
}

const ENVELOPE_FIELDS = ['payload', 'payloadType', 'signatures'];
const SIGNATURE_FIELDS = ['sig', 'keyid'];
/** No client makes more; each costs a verification. */
const MAX_SIGNATURES = 10;

/** An envelope in protojson form. Empty fields stay empty: the caller judges them. @throws FieldError */
export function envelopeFrom(value: Json, path: string): Envelope {
  const message = new ProtoMessage(value, path, ENVELOPE_FIELDS);
  return {
    payload: message.bytes('payload'),
    payloadType: message.string('payloadType'),
    signatures: message
      .messages('signatures', SIGNATURE_FIELDS, MAX_SIGNATURES)
      .map((signature) => ({ sig: signature.bytes('sig'), keyid: signature.string('keyid') })),
  };
}

/** An envelope as text, whole: payload type and at least one non-empty signature. @throws ParseError */
export function parseEnvelope(input: string | Uint8Array): Envelope {
  const envelope = envelopeFrom(parseJson(input), '');
  if (envelope.payloadType === '') throw new FieldError('payloadType', 'missing');
  if (envelope.signatures.length === 0) throw new FieldError('signatures', 'missing');
  if (envelope.signatures.some(({ sig }) => sig.length === 0)) {
    throw new FieldError('signatures', 'empty signature');
  }
  return envelope;
}

/** A file that a statement is about. */
export interface Subject {
  /** As the signer calls it; not compared. */
  readonly name: string;
  /** Algorithm → value as the statement spells it (hex for hashes). Never empty. */
  readonly digest: ReadonlyMap<string, string>;
}

/** An in-toto statement, v1 or v0.1. */
export interface Statement {
  /** URI of the version. */
  readonly type: string;
  /** URI of what is stated. */
  readonly predicateType: string;
  /** One at least. */
  readonly subjects: readonly Subject[];
  /** What is stated; not judged. */
  readonly predicate: Json | undefined;
}

export const STATEMENT_V1 = 'https://in-toto.io/Statement/v1';
const STATEMENT_TYPES = new Set([STATEMENT_V1, 'https://in-toto.io/Statement/v0.1']);
const MAX_SUBJECTS = 100_000;

function text(object: JsonObject, name: string, what: string): string {
  const value = object[name];
  if (typeof value !== 'string') throw new ParseError(`${what}: ${name} is not a string`);
  return value;
}

function subjectFrom(value: Json, what: string): Subject {
  if (!isJsonObject(value)) throw new ParseError(`${what} is not an object`);
  const { digest } = value;
  if (!isJsonObject(digest)) throw new ParseError(`${what}: digest is not an object`);
  const entries = Object.keys(digest).map((name): [string, string] => {
    const found = text(digest, name, `${what}.digest`);
    if (name === '' || found === '') throw new ParseError(`${what}: empty digest`);
    return [name, found];
  });
  if (entries.length === 0) throw new ParseError(`${what}: no digest`);
  const name = value.name === undefined || value.name === null ? '' : text(value, 'name', what);
  return { name, digest: new Map(entries) };
}

/**
 * An in-toto Statement v1 or v0.1. Unknown fields are ignored, as in-toto's parsing rules demand;
 * duplicate names never.
 * @throws ParseError
 */
export function parseStatement(payload: Uint8Array): Statement {
  const value = parseJson(payload);
  if (!isJsonObject(value)) throw new ParseError('statement is not an object');
  const type = text(value, '_type', 'statement');
  if (!STATEMENT_TYPES.has(type)) throw new ParseError(`statement type ${type.slice(0, 100)}`);
  const predicateType = text(value, 'predicateType', 'statement');
  if (predicateType === '') throw new ParseError('statement: predicateType is empty');
  const { subject } = value;
  if (!Array.isArray(subject) || subject.length === 0) {
    throw new ParseError('statement has no subject');
  }
  if (subject.length > MAX_SUBJECTS) throw new ParseError('statement has too many subjects');
  return {
    type,
    predicateType,
    subjects: subject.map((item: Json, i) => subjectFrom(item, `subject[${i}]`)),
    predicate: value.predicate,
  };
}
