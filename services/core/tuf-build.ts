// SPDX-License-Identifier: Apache-2.0
// TUF metadata, written so that every Sigstore client reads it: ECDSA P-256 keys in PEM, keyids over
// the whole key object, sha256 alone, dates without milliseconds, consistent snapshots.
import { hex, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { type Json, type JsonObject, olpcJson } from './json.ts';
import { pem } from './pem.ts';
import { keyId, ROLES, type Role, type Root } from './tuf.ts';

export const SPEC_VERSION = '1.0.31';
const SECOND = 1000;

/** Field of a role whose keys lie beside the data they protect, as in a dev start. */
export const DEV_ONLY_FIELD = 'x-sigstead-dev-only';

export interface Validity {
  readonly version: number;
  readonly expiresMs: number;
}

/** Whole seconds, never milliseconds: Go would write them away and break its own signature check. */
export function tufDate(timeMs: number): string {
  return new Date(Math.floor(timeMs / SECOND) * SECOND).toISOString().replace('.000Z', 'Z');
}

function common(type: Role, { version, expiresMs }: Validity): JsonObject {
  return { _type: type, spec_version: SPEC_VERSION, version, expires: tufDate(expiresMs) };
}

/** The key object of an ECDSA P-256 key. */
export function tufKey(spki: Uint8Array): JsonObject {
  return {
    keytype: 'ecdsa',
    scheme: 'ecdsa-sha2-nistp256',
    keyval: { public: pem('PUBLIC KEY', spki) },
  };
}

export interface RoleSpec {
  /** SubjectPublicKeyInfo, DER, ECDSA P-256. */
  readonly keys: readonly Uint8Array[];
  readonly threshold: number;
  /** Says in the role itself why its keys are not to be relied on. */
  readonly devOnly?: string;
}

/** @param previous root, of whose roles the fields that are not known here survive */
export function rootSigned(
  crypto: Crypto,
  validity: Validity,
  roles: Readonly<Record<Role, RoleSpec>>,
  previous?: Root,
): JsonObject {
  const keys: Record<string, Json> = {};
  const before = previous?.signed.roles as Readonly<Record<string, JsonObject>> | undefined;
  const named: Record<string, Json> = {};
  for (const role of ROLES) {
    const { keys: spkis, threshold, devOnly } = roles[role];
    const keyids = spkis.map((spki) => {
      const key = tufKey(spki);
      const id = keyId(crypto, key);
      keys[id] = key;
      return id;
    });
    named[role] = {
      ...before?.[role],
      keyids,
      threshold,
      ...(devOnly === undefined ? {} : { [DEV_ONLY_FIELD]: devOnly }),
    };
  }
  return { ...common('root', validity), consistent_snapshot: true, keys, roles: named };
}

function fileMeta(crypto: Crypto, version: number, bytes: Uint8Array): JsonObject {
  return {
    version,
    length: bytes.length,
    hashes: { sha256: hex(crypto.digest('sha256', bytes)) },
  };
}

export interface NumberedFile {
  readonly version: number;
  readonly bytes: Uint8Array;
}

export function timestampSigned(
  crypto: Crypto,
  validity: Validity,
  snapshot: NumberedFile,
): JsonObject {
  const meta = { 'snapshot.json': fileMeta(crypto, snapshot.version, snapshot.bytes) };
  return { ...common('timestamp', validity), meta };
}

export function snapshotSigned(
  crypto: Crypto,
  validity: Validity,
  targets: NumberedFile,
): JsonObject {
  const meta = { 'targets.json': fileMeta(crypto, targets.version, targets.bytes) };
  return { ...common('snapshot', validity), meta };
}

export interface TargetSource {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly custom?: JsonObject;
}

export function targetsSigned(
  crypto: Crypto,
  validity: Validity,
  files: readonly TargetSource[],
): JsonObject {
  // Without a prototype, so that no name is special.
  const targets: Record<string, Json> = Object.create(null);
  for (const { name, bytes, custom } of files) {
    targets[name] = {
      length: bytes.length,
      hashes: { sha256: hex(crypto.digest('sha256', bytes)) },
      ...(custom === undefined ? {} : { custom }),
    };
  }
  return { ...common('targets', validity), targets };
}

/** What is signed. */
export function canonicalBytes(signed: JsonObject): Uint8Array {
  return utf8(olpcJson(signed));
}

export interface TufSignature {
  readonly keyid: string;
  /** ECDSA: DER. */
  readonly signature: Uint8Array;
}

/** The file: signatures beside what they sign. */
export function sealMetadata(signed: JsonObject, signatures: readonly TufSignature[]): Uint8Array {
  const list = signatures.map(({ keyid, signature }) => ({ keyid, sig: hex(signature) }));
  return utf8(`${JSON.stringify({ signatures: list, signed }, null, 1)}\n`);
}
