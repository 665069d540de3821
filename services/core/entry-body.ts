// SPDX-License-Identifier: Apache-2.0
// Bodies of log entries as a verifier reads them: every kind that Rekor v1 and v2 write for Sigstore
// clients, one row each, brought to one shape.
//
//   hashedrekord 0.0.2  v2  digest of the message or of the PAE, signature, verifier
//   dsse 0.0.2          v2  payload hash, signatures with their verifiers
//   hashedrekord 0.0.1  v1  digest, signature, PEM
//   dsse 0.0.1          v1  payload hash, signatures with their PEMs
//   intoto 0.0.2        v1  payload hash, payload type, signatures with their PEMs
//   intoto 0.0.1        v1  payload hash, PEM: the signature itself is not in the log
//
// dsse 0.0.2 is no longer written: rekor-tiles from 2.3 on takes hashedrekord over the PAE alone, and
// sigstore-go from 1.2, sigstore-python from 4.3 on verify nothing else for DSSE. Bundles that older
// clients and logs made stay in archives, what such an entry proves is the same, and sigstore-js and
// older sigstore-go verify them; so it is read, and never written by default.
//
// The hash of the whole envelope (dsse 0.0.1, intoto) depends on how the submitter spelled its JSON.
// No verifier can rebuild it from a bundle; payload, type and signature are compared one by one.
import { equal, fromBase64, fromHex, fromUtf8, utf8 } from './bytes.ts';
import type { HashName } from './crypto.ts';
import {
  type EntryVerifier,
  HASH_ALGORITHMS,
  HASHEDREKORD_V002,
  parseEntryBody,
  verifierFrom,
} from './entry.ts';
import { ParseError } from './errors.ts';
import { canonicalJson, isJsonObject, type Json, type JsonObject, parseJson } from './json.ts';
import { parsePem } from './pem.ts';

/** A generation of the log API: v1 promises (SET) and knows the time, v2 does neither. */
export type LogApi = 1 | 2;

/** What an entry says about one signature. */
export interface EntryClaim {
  /** What `digest` is of: what was signed (file, or PAE of an envelope), or the payload alone. */
  readonly of: 'message' | 'payload';
  readonly hash: HashName;
  readonly digest: Uint8Array;
  readonly verifier: EntryVerifier;
  /** Raw. Absent where the kind holds none (intoto 0.0.1). */
  readonly signature: Uint8Array | undefined;
  /** PublicKeyDetails; v2 alone says it. */
  readonly keyDetails: string | undefined;
  readonly payloadType: string | undefined;
}

export interface EntryKind {
  readonly kind: string;
  readonly version: string;
  readonly api: LogApi;
  /**
   * What a canonical body says.
   * @throws ParseError, also when the body is of another kind than the row
   */
  readonly read: (body: Uint8Array) => EntryClaim;
}

const WHAT = 'entry body';
const MAX_DEPTH = 12;

function object(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  if (!isJsonObject(value)) throw new ParseError(`${WHAT}: ${name} is not an object`);
  return value;
}

function text(parent: JsonObject, name: string): string {
  const value = parent[name];
  if (typeof value !== 'string') throw new ParseError(`${WHAT}: ${name} is not a string`);
  return value;
}

/** A bundle holds one signature, so an entry about several is about another envelope. */
function soleSignature(parent: JsonObject): JsonObject {
  const { signatures } = parent;
  const list: readonly Json[] = Array.isArray(signatures) ? signatures : [];
  const [only] = list;
  if (list.length !== 1 || !isJsonObject(only)) {
    throw new ParseError(`${WHAT}: ${list.length} signatures, not one`);
  }
  return only;
}

/** `{algorithm: "sha256", value: hex}` of Rekor v1. */
function hexHash(parent: JsonObject, name: string): Pick<EntryClaim, 'hash' | 'digest'> {
  const value = object(parent, name);
  const algorithm = text(value, 'algorithm');
  const row = HASH_ALGORITHMS.find(({ hash }) => hash === algorithm);
  if (row === undefined) throw new ParseError(`${WHAT}: unknown hash ${algorithm.slice(0, 32)}`);
  // Rekor v1 keeps the letter case that the submitter wrote.
  const digest = fromHex(text(value, 'value').toLowerCase());
  if (digest.length !== row.length) throw new ParseError(`${WHAT}: ${name} has another length`);
  return { hash: row.hash, digest };
}

/** Base64 of PEM: one public key, or a certificate, which may have its chain after it. */
function pemVerifier(encoded: string): EntryVerifier {
  const [first, ...others] = parsePem(fromUtf8(fromBase64(encoded)));
  if (first?.label === 'PUBLIC KEY' && others.length === 0) return { publicKey: first.der };
  if (first?.label === 'CERTIFICATE' && others.every(({ label }) => label === 'CERTIFICATE')) {
    return { x509Certificate: first.der };
  }
  throw new ParseError(`${WHAT}: neither a public key nor certificates`);
}

const V1 = { keyDetails: undefined, payloadType: undefined };

function hashedRekord001(spec: JsonObject): EntryClaim {
  const signature = object(spec, 'signature');
  return {
    ...V1,
    of: 'message',
    ...hexHash(object(spec, 'data'), 'hash'),
    signature: fromBase64(text(signature, 'content')),
    verifier: pemVerifier(text(object(signature, 'publicKey'), 'content')),
  };
}

function dsse001(spec: JsonObject): EntryClaim {
  const only = soleSignature(spec);
  return {
    ...V1,
    of: 'payload',
    ...hexHash(spec, 'payloadHash'),
    signature: fromBase64(text(only, 'signature')),
    verifier: pemVerifier(text(only, 'verifier')),
  };
}

function intoto001(spec: JsonObject): EntryClaim {
  return {
    ...V1,
    of: 'payload',
    ...hexHash(object(spec, 'content'), 'payloadHash'),
    signature: undefined,
    verifier: pemVerifier(text(spec, 'publicKey')),
  };
}

function intoto002(spec: JsonObject): EntryClaim {
  const content = object(spec, 'content');
  const envelope = object(content, 'envelope');
  const only = soleSignature(envelope);
  return {
    keyDetails: undefined,
    payloadType: text(envelope, 'payloadType'),
    of: 'payload',
    ...hexHash(content, 'payloadHash'),
    // The envelope spells the signature in base64, and the entry spells that in base64 again.
    signature: fromBase64(fromUtf8(fromBase64(text(only, 'sig')))),
    verifier: pemVerifier(text(only, 'publicKey')),
  };
}

function hashedRekord002(body: Uint8Array): EntryClaim {
  const { hash, digest, signature, keyDetails, verifier } = parseEntryBody(body);
  return { of: 'message', hash, digest, signature, keyDetails, verifier, payloadType: undefined };
}

function dsse002(spec: JsonObject): EntryClaim {
  const entry = object(spec, 'dsseV002');
  const payloadHash = object(entry, 'payloadHash');
  const only = soleSignature(entry);
  const verifier = object(only, 'verifier');
  if (text(payloadHash, 'algorithm') !== 'SHA2_256') {
    throw new ParseError(`${WHAT}: payloadHash is not SHA2_256`);
  }
  return {
    of: 'payload',
    hash: 'sha256',
    digest: fromBase64(text(payloadHash, 'digest')),
    signature: fromBase64(text(only, 'content')),
    keyDetails: text(verifier, 'keyDetails'),
    verifier: verifierFrom(verifier),
    payloadType: undefined,
  };
}

/** A kind whose body is read as JSON: canonical (RFC 8785), as both logs write it. */
function row(
  kind: string,
  version: string,
  api: LogApi,
  read: (spec: JsonObject) => EntryClaim,
): EntryKind {
  return {
    kind,
    version,
    api,
    read(body) {
      const root = parseJson(body, { maxDepth: MAX_DEPTH });
      if (!isJsonObject(root)) throw new ParseError(`${WHAT} is not an object`);
      if (text(root, 'kind') !== kind || text(root, 'apiVersion') !== version) {
        throw new ParseError(`${WHAT} is not of kind ${kind} ${version}`);
      }
      if (!equal(utf8(canonicalJson(root)), body)) throw new ParseError(`${WHAT} is not canonical`);
      return read(object(root, 'spec'));
    },
  };
}

const KINDS: readonly EntryKind[] = [
  { ...HASHEDREKORD_V002, api: 2, read: hashedRekord002 },
  row('dsse', '0.0.2', 2, dsse002),
  row('hashedrekord', '0.0.1', 1, hashedRekord001),
  row('dsse', '0.0.1', 1, dsse001),
  row('intoto', '0.0.2', 1, intoto002),
  row('intoto', '0.0.1', 1, intoto001),
];

/** Undefined for a kind that this verifier does not read. */
export function findEntryKind(kind: string, version: string): EntryKind | undefined {
  return KINDS.find((found) => found.kind === kind && found.version === version);
}
