// SPDX-License-Identifier: Apache-2.0
// Entries of the transparency log: the canonical body (RFC 8785) that is hashed into the tree.
import type { Algorithm, HashName } from './algorithm.ts';
import { base64, equal, fromBase64, utf8 } from './bytes.ts';
import { ParseError } from './errors.ts';
import { isJsonObject, type Json, type JsonObject, parseJson } from './json.ts';

/** sigstore.common.v1.HashAlgorithm. */
export const HASH_ALGORITHMS: ReadonlyArray<{
  readonly hash: HashName;
  readonly name: string;
  readonly number: number;
  readonly length: number;
}> = [
  { hash: 'sha256', name: 'SHA2_256', number: 1, length: 32 },
  { hash: 'sha384', name: 'SHA2_384', number: 2, length: 48 },
  { hash: 'sha512', name: 'SHA2_512', number: 3, length: 64 },
];

/** Who signed: a SubjectPublicKeyInfo or a leaf certificate, DER exactly as submitted. */
export type EntryVerifier =
  | { readonly publicKey: Uint8Array }
  | { readonly x509Certificate: Uint8Array };

export interface HashedRekord {
  readonly digest: Uint8Array;
  /** Its hash names the digest's; its keyDetails are the default for the key. */
  readonly algorithm: Pick<Algorithm, 'keyDetails' | 'hash'>;
  /** Bytes exactly as submitted: verifiers rebuild the leaf from the bundle. */
  readonly signature: Uint8Array;
  readonly verifier: EntryVerifier;
}

export const HASHEDREKORD_V002 = { kind: 'hashedrekord', version: '0.0.2' } as const;

/**
 * `{"apiVersion","kind","spec":{"hashedRekordV002":{"data":{"algorithm","digest"},"signature":
 * {"content","verifier":{"keyDetails","publicKey"|"x509Certificate":{"rawBytes"}}}}}}`: written
 * straight in canonical form, since names are fixed and base64 needs no escape.
 */
export function buildHashedRekord(entry: HashedRekord): Uint8Array {
  const { algorithm, verifier } = entry;
  const row = HASH_ALGORITHMS.find(({ hash }) => hash === algorithm.hash);
  if (row === undefined) throw new RangeError(`${algorithm.keyDetails} has no hash`);
  const [member, der] =
    'publicKey' in verifier
      ? ['publicKey', verifier.publicKey]
      : ['x509Certificate', verifier.x509Certificate];
  return utf8(
    `{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{` +
      `"data":{"algorithm":"${row.name}","digest":"${base64(entry.digest)}"},` +
      `"signature":{"content":"${base64(entry.signature)}","verifier":{` +
      `"keyDetails":"${algorithm.keyDetails}","${member}":{"rawBytes":"${base64(der)}"}}}}}}`,
  );
}

export interface EntryBody {
  readonly kind: 'hashedrekord';
  readonly version: '0.0.2';
  readonly hash: HashName;
  readonly digest: Uint8Array;
  readonly signature: Uint8Array;
  readonly keyDetails: string;
  readonly verifier: EntryVerifier;
}

function object(parent: JsonObject, name: string): JsonObject {
  const value = parent[name];
  if (!isJsonObject(value)) throw new ParseError(`entry body: ${name} is not an object`);
  return value;
}

function text(parent: JsonObject, name: string): string {
  const value = parent[name];
  if (typeof value !== 'string') throw new ParseError(`entry body: ${name} is not a string`);
  return value;
}

/** @param verifier in protojson @throws ParseError */
export function verifierFrom(verifier: JsonObject): EntryVerifier {
  return verifier.publicKey === undefined
    ? { x509Certificate: fromBase64(text(object(verifier, 'x509Certificate'), 'rawBytes')) }
    : { publicKey: fromBase64(text(object(verifier, 'publicKey'), 'rawBytes')) };
}

/**
 * The body of a hashedrekord 0.0.2. What parses re-encodes to the same bytes, so no second
 * spelling of an entry passes.
 * @throws ParseError
 */
export function parseEntryBody(body: Uint8Array): EntryBody {
  const root: Json = parseJson(body, { maxDepth: 8 });
  if (!isJsonObject(root)) throw new ParseError('entry body is not an object');
  const kind = text(root, 'kind');
  const version = text(root, 'apiVersion');
  if (kind !== HASHEDREKORD_V002.kind || version !== HASHEDREKORD_V002.version) {
    throw new ParseError(`entry kind ${kind.slice(0, 32)} ${version.slice(0, 32)} is not known`);
  }
  const spec = object(object(root, 'spec'), 'hashedRekordV002');
  const data = object(spec, 'data');
  const name = text(data, 'algorithm');
  const row = HASH_ALGORITHMS.find((hash) => hash.name === name);
  if (row === undefined) throw new ParseError(`hash algorithm ${name.slice(0, 32)} is not known`);
  const signature = object(spec, 'signature');
  const verifier = object(signature, 'verifier');
  const keyDetails = text(verifier, 'keyDetails');
  const entry: EntryBody = {
    ...HASHEDREKORD_V002,
    hash: row.hash,
    digest: fromBase64(text(data, 'digest')),
    signature: fromBase64(text(signature, 'content')),
    keyDetails,
    verifier: verifierFrom(verifier),
  };
  const again = buildHashedRekord({ ...entry, algorithm: { keyDetails, hash: row.hash } });
  if (!equal(again, body)) throw new ParseError('entry body is not canonical');
  return entry;
}
