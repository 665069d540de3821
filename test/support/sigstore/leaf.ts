// SPDX-License-Identifier: Apache-2.0
// Signing certificates with embedded SCTs, as Fulcio and a CT log make them.

import type { HashName } from '../../../services/core/algorithm.ts';
import { concat, uint, uint64 } from '../../../services/core/bytes.ts';
import { octetString, TAG, tlv } from '../../../services/core/der.ts';
import { OID } from '../../../services/core/oid.ts';
import type { Authority } from './authority.ts';
import {
  altNames,
  authorityKeyId,
  certificate,
  EMPTY_NAME,
  extendedKeyUsage,
  extension,
  fulcioExtension,
  type Holder,
  keyUsage,
  type LeafName,
  subjectKeyId,
  tbsCertificate,
} from './certificate.ts';
import type { Pair } from './keys.ts';
import { type Random, sha256 } from './random.ts';

/** How an SCT is made; every field left out is right. */
export interface SctRecipe {
  readonly log?: Pair;
  /** Signs in place of the log. */
  readonly key?: Pair;
  readonly logId?: Uint8Array;
  readonly version?: number;
  readonly timeMs?: number | bigint;
  /** CtExtensions in the SCT, and those that the log signed. */
  readonly extensions?: Uint8Array;
  readonly extensionsSigned?: Uint8Array;
  /** HashAlgorithm and SignatureAlgorithm that the SCT names; hash that the log really used. */
  readonly hash?: number;
  readonly scheme?: number;
  readonly digest?: HashName;
  readonly issuerKeyHash?: Uint8Array;
  /** x509_entry instead of precert_entry. */
  readonly entryType?: number;
  readonly signature?: Uint8Array;
  /** The SCT itself, encoded. */
  readonly raw?: Uint8Array;
}

/** How a leaf is made; every field left out is right. */
export interface LeafRecipe {
  readonly issuer?: Authority;
  /** Signs in place of the issuer. */
  readonly signer?: Pair;
  readonly names?: readonly LeafName[];
  readonly namesCritical?: boolean;
  readonly subject?: Uint8Array;
  /** Extensions of Fulcio: number and text. */
  readonly claims?: ReadonlyArray<readonly [number: number, value: string]>;
  /** Content octets of the INTEGER. */
  readonly serial?: Uint8Array;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** In place of key usage and purpose. */
  readonly usages?: readonly Uint8Array[];
  /** Null: none. */
  readonly authorityKey?: Holder | null;
  /** More extensions, DER. */
  readonly more?: readonly Uint8Array[];
  readonly scts?: readonly SctRecipe[];
  /** The content of the SCT extension, in place of a list of `scts`. */
  readonly sctList?: Uint8Array;
  /** The finished certificate. */
  readonly der?: (der: Uint8Array) => Uint8Array;
}

export interface LeafSurroundings {
  readonly nowMs: number;
  readonly ca: Authority;
  readonly ctlog: Pair;
  readonly identity: string;
  readonly oidcIssuer: string;
  readonly random: Random;
}

const MINUTE = 60_000;
const SHA256_ALGORITHM = 4;
const RSA_ALGORITHM = 1;
const ECDSA_ALGORITHM = 3;
const PRECERT_ENTRY = 1;

const vector = (size: number, bytes: Uint8Array) => concat(uint(bytes.length, size), bytes);

function makeSct(recipe: SctRecipe, tbs: Uint8Array, around: LeafSurroundings): Uint8Array {
  if (recipe.raw !== undefined) return recipe.raw;
  const log = recipe.log ?? around.ctlog;
  const key = recipe.key ?? log;
  const timeMs = recipe.timeMs ?? around.nowMs;
  const extensions = recipe.extensions ?? new Uint8Array();
  const signed = concat(
    Uint8Array.of(0, 0),
    uint64(timeMs),
    uint(recipe.entryType ?? PRECERT_ENTRY, 2),
    recipe.issuerKeyHash ?? sha256(around.ca.key.publicKey.spki),
    vector(3, tbs),
    vector(2, recipe.extensionsSigned ?? extensions),
  );
  const usual = log.publicKey.kind === 'rsa' ? RSA_ALGORITHM : ECDSA_ALGORITHM;
  return concat(
    Uint8Array.of(recipe.version ?? 0),
    recipe.logId ?? sha256(log.publicKey.spki),
    uint64(timeMs),
    vector(2, extensions),
    Uint8Array.of(recipe.hash ?? SHA256_ALGORITHM, recipe.scheme ?? usual),
    vector(2, recipe.signature ?? key.sign(signed, recipe.digest ?? 'sha256')),
  );
}

function sctExtension(recipe: LeafRecipe, tbs: Uint8Array, around: LeafSurroundings): Uint8Array[] {
  if (recipe.sctList !== undefined) return [extension(OID.sctList, recipe.sctList)];
  const scts = (recipe.scts ?? [{}]).map((sct) => vector(2, makeSct(sct, tbs, around)));
  if (scts.length === 0) return [];
  return [extension(OID.sctList, octetString(vector(2, concat(...scts))))];
}

/** @param key of the subject */
export function makeLeaf(
  recipe: LeafRecipe,
  key: Holder,
  surroundings: LeafSurroundings,
): Uint8Array {
  const around = { ...surroundings, ca: recipe.issuer ?? surroundings.ca };
  const { ca, nowMs, random } = around;
  const names = recipe.names ?? [{ kind: 'email', value: around.identity }];
  const claims = recipe.claims ?? [
    [1, around.oidcIssuer],
    [8, around.oidcIssuer],
  ];
  const usual = [keyUsage('digitalSignature'), extendedKeyUsage([OID.codeSigning])];
  const extensions = [
    ...(recipe.usages ?? usual),
    subjectKeyId(key),
    ...(recipe.authorityKey === null ? [] : [authorityKeyId(recipe.authorityKey ?? ca.key)]),
    ...(names.length === 0 ? [] : [altNames(names, recipe.namesCritical)]),
    ...claims.map(([number, value]) => fulcioExtension(number, value)),
    ...(recipe.more ?? []),
  ];
  const fields = {
    serial: tlv(TAG.integer, recipe.serial ?? concat(Uint8Array.of(0x40), random(18))),
    issuer: ca.subject,
    subject: recipe.subject ?? EMPTY_NAME,
    notBeforeMs: recipe.notBeforeMs ?? nowMs,
    notAfterMs: recipe.notAfterMs ?? nowMs + 10 * MINUTE,
    spki: key.publicKey.spki,
    extensions,
  };
  const signer = recipe.signer ?? ca.key;
  const last = sctExtension(recipe, tbsCertificate(fields, signer), around);
  const der = certificate({ ...fields, extensions: [...extensions, ...last] }, signer);
  return recipe.der?.(der) ?? der;
}
