// SPDX-License-Identifier: Apache-2.0
// TUF metadata (specification 1.0.34), read strictly. A file is
//
//   { "signed": { "_type", "spec_version", "version", "expires", … }, "signatures": [{ keyid, sig }] }
//
//   root       consistent_snapshot, keys { keyid: key }, roles { name: { keyids, threshold } }
//   timestamp  meta { "snapshot.json": { version, length?, hashes? } }
//   snapshot   meta { "targets.json": { version, length?, hashes? } }
//   targets    targets { name: { length, hashes, custom? } }
//
// What is signed is the OLPC canonical form of `signed` as it was read, so fields that are not known
// here keep their part in the signature.
import { defaultAlgorithm, type PublicKey } from './algorithm.ts';
import { concat, fromHex, hex, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { CodedError, coded, ParseError } from './errors.ts';
import { isJsonObject, type Json, type JsonObject, olpcJson, parseJson } from './json.ts';
import { parsePem } from './pem.ts';
import { parsePublicKey } from './spki.ts';

export const ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;
export type Role = (typeof ROLES)[number];

/** Octets that clients read at most. */
export const TUF_LIMITS: Readonly<Record<Role, number>> = {
  root: 512_000,
  timestamp: 16_384,
  snapshot: 2_000_000,
  targets: 5_000_000,
};
export const MAX_ROOT_STEPS = 256;
const MAX_SIGNATURES = 64;

export interface Metadata {
  /** As it was fetched, for errors. */
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly signed: JsonObject;
  /** What the signatures are over. */
  readonly canonical: Uint8Array;
  readonly signatures: ReadonlyMap<string, Uint8Array>;
  readonly version: number;
  readonly expiresMs: number;
}

export interface RoleKeys {
  readonly keyids: readonly string[];
  readonly threshold: number;
}

export interface Root extends Metadata {
  readonly keys: ReadonlyMap<string, PublicKey>;
  readonly roles: Readonly<Record<Role, RoleKeys>>;
}

/** What one file says of another. */
export interface FileMeta {
  readonly version: number;
  readonly length?: number;
  /** 32 octets. */
  readonly sha256?: Uint8Array;
}

export interface Timestamp extends Metadata {
  readonly snapshot: FileMeta;
}

export interface Snapshot extends Metadata {
  readonly meta: ReadonlyMap<string, FileMeta>;
  readonly targets: FileMeta;
}

export interface TargetFile {
  readonly name: string;
  readonly length: number;
  readonly sha256: Uint8Array;
}

export interface Targets extends Metadata {
  readonly targets: ReadonlyMap<string, TargetFile>;
}

// --- fields ---

function member(object: JsonObject, name: string): Json {
  const value = object[name];
  if (value === undefined) throw new ParseError(`${name} is missing`);
  return value;
}

function objectIn(object: JsonObject, name: string): JsonObject {
  const value = member(object, name);
  if (!isJsonObject(value)) throw new ParseError(`${name} is not an object`);
  return value;
}

function textIn(object: JsonObject, name: string): string {
  const value = member(object, name);
  if (typeof value !== 'string') throw new ParseError(`${name} is not a string`);
  return value;
}

function integerIn(object: JsonObject, name: string, least: number): number {
  const value = member(object, name);
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
    throw new ParseError(`${name} is not an integer of at least ${least}`);
  }
  return value;
}

function listIn(object: JsonObject, name: string): readonly Json[] {
  const value = member(object, name);
  if (!Array.isArray(value)) throw new ParseError(`${name} is not an array`);
  return value as readonly Json[];
}

const EXPIRES = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** SPEC §4.2: `YYYY-MM-DDTHH:MM:SSZ`. Python refuses milliseconds, Go writes them away. */
function expiry(signed: JsonObject): number {
  const text = textIn(signed, 'expires');
  const time = Date.parse(text);
  if (
    !EXPIRES.test(text) ||
    Number.isNaN(time) ||
    new Date(time).toISOString() !== text.replace('Z', '.000Z')
  ) {
    throw new ParseError('expires is not YYYY-MM-DDTHH:MM:SSZ');
  }
  return time;
}

function signaturesOf(envelope: JsonObject): ReadonlyMap<string, Uint8Array> {
  const list = listIn(envelope, 'signatures');
  if (list.length > MAX_SIGNATURES) throw new ParseError('too many signatures');
  const signatures = new Map<string, Uint8Array>();
  for (const item of list) {
    if (!isJsonObject(item)) throw new ParseError('a signature is not an object');
    const keyid = textIn(item, 'keyid');
    // SPEC §4.2: keyids are unique in `signatures`.
    if (signatures.has(keyid)) throw new ParseError(`two signatures of key ${keyid.slice(0, 64)}`);
    signatures.set(keyid, fromHex(textIn(item, 'sig')));
  }
  return signatures;
}

function readMetadata(bytes: Uint8Array, role: Role, file: string): Metadata {
  if (bytes.length > TUF_LIMITS[role]) throw new ParseError(`longer than ${TUF_LIMITS[role]}`);
  const envelope = parseJson(bytes);
  if (!isJsonObject(envelope)) throw new ParseError('not an object');
  const signed = objectIn(envelope, 'signed');
  const type = textIn(signed, '_type');
  if (type !== role) throw new ParseError(`_type is ${type.slice(0, 32)}, not ${role}`);
  if (!/^1\.0(\.\d+)?$/.test(textIn(signed, 'spec_version'))) {
    throw new ParseError('spec_version is not 1.0');
  }
  return {
    file,
    bytes,
    signed,
    canonical: utf8(olpcJson(signed)),
    signatures: signaturesOf(envelope),
    version: integerIn(signed, 'version', 1),
    expiresMs: expiry(signed),
  };
}

// --- keys ---

/** SubjectPublicKeyInfo of Ed25519 up to the key (RFC 8410 §4). */
const ED25519_SPKI = fromHex('302a300506032b6570032100');

/** Key type and scheme → key. The second row is how cosign 1 spells the first. */
const KEY_TYPES: ReadonlyMap<string, (text: string) => PublicKey> = new Map([
  ['ecdsa ecdsa-sha2-nistp256', p256],
  ['ecdsa-sha2-nistp256 ecdsa-sha2-nistp256', p256],
  ['ed25519 ed25519', (text) => parsePublicKey(concat(ED25519_SPKI, fromHex(text)))],
]);

function p256(text: string): PublicKey {
  const [block, second] = parsePem(text, 'PUBLIC KEY');
  if (block === undefined || second !== undefined) throw new ParseError('not one public key');
  const key = parsePublicKey(block.der);
  if (key.kind !== 'p256') throw new ParseError('not a P-256 key');
  return key;
}

/** SHA-256 of the canonical form of the whole key object, fields unknown here included. */
export function keyId(crypto: Crypto, key: JsonObject): string {
  return hex(crypto.digest('sha256', utf8(olpcJson(key))));
}

function readKeys(crypto: Crypto, signed: JsonObject): ReadonlyMap<string, PublicKey> {
  const keys = new Map<string, PublicKey>();
  const object = objectIn(signed, 'keys');
  for (const id of Object.keys(object)) {
    const key = objectIn(object, id);
    // tough (sigstore-rs) enforces this; one key under two names would count twice elsewhere.
    if (keyId(crypto, key) !== id) throw new ParseError(`keyid ${id.slice(0, 64)} is not its hash`);
    const type = `${textIn(key, 'keytype')} ${textIn(key, 'scheme')}`;
    const parse = KEY_TYPES.get(type);
    if (parse === undefined) throw new ParseError(`key type ${type.slice(0, 64)} is not known`);
    keys.set(id, parse(textIn(objectIn(key, 'keyval'), 'public')));
  }
  return keys;
}

function readRole(roles: JsonObject, role: Role, keys: ReadonlyMap<string, PublicKey>): RoleKeys {
  const object = objectIn(roles, role);
  const keyids = listIn(object, 'keyids').map((id) => {
    if (typeof id !== 'string' || !keys.has(id)) {
      throw new ParseError(`role ${role} names a key that root does not hold`);
    }
    return id;
  });
  if (new Set(keyids).size !== keyids.length) throw new ParseError(`role ${role}: a keyid twice`);
  const threshold = integerIn(object, 'threshold', 1);
  if (threshold > keyids.length) throw new ParseError(`role ${role}: fewer keys than threshold`);
  return { keyids, threshold };
}

// --- files ---

const parsed = <T>(file: string, parse: () => T): T => coded('TUF_MALFORMED', file, parse);

/** @throws CodedError TUF_MALFORMED, `field` = file */
export function parseRoot(crypto: Crypto, bytes: Uint8Array, file = 'root.json'): Root {
  return parsed(file, () => {
    const metadata = readMetadata(bytes, 'root', file);
    if (member(metadata.signed, 'consistent_snapshot') !== true) {
      throw new ParseError('consistent_snapshot is not true');
    }
    const keys = readKeys(crypto, metadata.signed);
    const roles = objectIn(metadata.signed, 'roles');
    const of = (role: Role) => readRole(roles, role, keys);
    return {
      ...metadata,
      keys,
      roles: {
        root: of('root'),
        timestamp: of('timestamp'),
        snapshot: of('snapshot'),
        targets: of('targets'),
      },
    };
  });
}

/** SPEC of the Sigstore clients: sha256 and nothing beside it; each picks another of two hashes. */
function readHash(object: JsonObject): Uint8Array {
  const hashes = objectIn(object, 'hashes');
  if (Object.keys(hashes).join() !== 'sha256')
    throw new ParseError('hashes holds not sha256 alone');
  const digest = fromHex(textIn(hashes, 'sha256'));
  if (digest.length !== 32) throw new ParseError('sha256 has not 32 octets');
  return digest;
}

function readFileMeta(meta: JsonObject, name: string): FileMeta {
  const object = objectIn(meta, name);
  return {
    version: integerIn(object, 'version', 1),
    // A length of 0 vanishes when Go writes the file again.
    ...('length' in object ? { length: integerIn(object, 'length', 1) } : {}),
    ...('hashes' in object ? { sha256: readHash(object) } : {}),
  };
}

/** @throws CodedError TUF_MALFORMED, `field` = file */
export function parseTimestamp(bytes: Uint8Array, file = 'timestamp.json'): Timestamp {
  return parsed(file, () => {
    const metadata = readMetadata(bytes, 'timestamp', file);
    const meta = objectIn(metadata.signed, 'meta');
    if (Object.keys(meta).join() !== 'snapshot.json') {
      throw new ParseError('meta holds not snapshot.json alone');
    }
    return { ...metadata, snapshot: readFileMeta(meta, 'snapshot.json') };
  });
}

/** @throws CodedError TUF_MALFORMED, `field` = file */
export function parseSnapshot(bytes: Uint8Array, file: string): Snapshot {
  return parsed(file, () => {
    const metadata = readMetadata(bytes, 'snapshot', file);
    const object = objectIn(metadata.signed, 'meta');
    const meta = new Map(Object.keys(object).map((name) => [name, readFileMeta(object, name)]));
    const targets = meta.get('targets.json');
    if (targets === undefined) throw new ParseError('meta lacks targets.json');
    return { ...metadata, meta, targets };
  });
}

/** A name becomes part of a path, here and in every client. */
const TARGET_NAME = /^(?!\.)[A-Za-z0-9._-]{1,128}$/;

/** @throws CodedError TUF_MALFORMED, `field` = file */
export function parseTargets(bytes: Uint8Array, file: string): Targets {
  return parsed(file, () => {
    const metadata = readMetadata(bytes, 'targets', file);
    const object = objectIn(metadata.signed, 'targets');
    const targets = new Map<string, TargetFile>();
    for (const name of Object.keys(object)) {
      if (!TARGET_NAME.test(name)) throw new ParseError('a target has no plain file name');
      const entry = objectIn(object, name);
      const length = integerIn(entry, 'length', 1);
      if (length > TUF_LIMITS.targets) throw new ParseError(`target ${name} is too long`);
      targets.set(name, { name, length, sha256: readHash(entry) });
    }
    return { ...metadata, targets };
  });
}

/**
 * SPEC §5.3.4 and elsewhere: signatures of a threshold of the role's keys. A key counts once, also
 * under two keyids.
 * @throws CodedError TUF_THRESHOLD, `field` = file
 */
export function requireThreshold(crypto: Crypto, root: Root, role: Role, file: Metadata): void {
  const { keyids, threshold } = root.roles[role];
  const signers = new Set<string>();
  for (const keyid of keyids) {
    const key = root.keys.get(keyid);
    const signature = file.signatures.get(keyid);
    const algorithm = key && defaultAlgorithm(key);
    if (key === undefined || signature === undefined || algorithm === undefined) continue;
    if (crypto.verify(key, algorithm, file.canonical, signature)) signers.add(hex(key.spki));
  }
  if (signers.size < threshold) {
    throw new CodedError(
      'TUF_THRESHOLD',
      `${file.file}: ${signers.size} of ${threshold} signatures that ${root.file} (version ${root.version}) asks for`,
      { field: file.file },
    );
  }
}
