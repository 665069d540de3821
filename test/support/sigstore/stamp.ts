// SPDX-License-Identifier: Apache-2.0
// Timestamps of RFC 3161, written part by part so that each part can be left out or bent:
//
//   TimeStampResp { status, ContentInfo { SignedData { TSTInfo, certificates, SignerInfo } } }
import type { HashName } from '../../../services/core/algorithm.ts';
import {
  certificateTime,
  children,
  context,
  generalizedTime,
  octetString,
  oid,
  readDer,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
  unsignedInteger,
} from '../../../services/core/der.ts';
import { OID } from '../../../services/core/oid.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { Authority } from './authority.ts';
import { CERTIFICATE_HASH, signatureOidOf } from './certificate.ts';
import type { Pair } from './keys.ts';
import type { Random } from './random.ts';

type Sha2 = Exclude<HashName, 'sha1'>;

/** How a timestamp is made; every field left out is right. */
export interface StampRecipe {
  readonly tsa?: Authority;
  /** Signs in place of the authority. */
  readonly key?: Pair;
  readonly timeMs?: number;
  /** PKIStatusInfo: status, and what follows it. */
  readonly status?: number;
  readonly statusMore?: readonly Uint8Array[];
  /** Is there a token? */
  readonly token?: boolean;

  /** Bytes that are stamped in place of the signature, and their hash. */
  readonly over?: Uint8Array;
  readonly hash?: HashName;
  /** The digest and the OID that the imprint names, whatever was hashed. */
  readonly digest?: Uint8Array;
  readonly imprintOid?: string;
  readonly version?: number;
  readonly serial?: Uint8Array;
  /** INTEGER of the nonce, content octets. */
  readonly nonce?: Uint8Array | undefined;
  readonly accuracy?: Uint8Array;
  readonly genTime?: Uint8Array;
  /** After accuracy: ordering, nonce, tsa and extensions stand here. */
  readonly tstMore?: readonly Uint8Array[];

  readonly contentType?: string;
  readonly contentTypeAttribute?: string;
  readonly messageDigest?: Uint8Array;
  readonly signingTimeMs?: number;
  /** The signingCertificateV2 attribute; null leaves it out. */
  readonly ess?: Uint8Array | null;
  /** The attributes, in the order in which they shall stand. */
  readonly attributes?: (sorted: Uint8Array[]) => Uint8Array[];

  /** Hash of the signer and signature OID. */
  readonly signerHash?: Sha2;
  readonly signatureOid?: string;
  /** What it really signs with. */
  readonly signsWith?: Sha2;
  /** Issuer and serial number that the signer goes by. */
  readonly signerIssuer?: Uint8Array;
  readonly signerSerial?: Uint8Array;
  readonly signature?: Uint8Array;
  /** Unsigned attributes and whatever else follows the signature. */
  readonly signerMore?: readonly Uint8Array[];
  readonly signers?: (signer: Uint8Array) => Uint8Array[];

  /**
   * Certificates in the token: no set of them unless said otherwise, as most clients ask. Sigstore's own
   * authority writes an empty set then.
   */
  readonly embed?: readonly Uint8Array[];
  readonly signedDataVersion?: number;
  /** DER of each. */
  readonly digestAlgorithms?: readonly Uint8Array[];
  readonly crls?: Uint8Array;
  /** The finished response. */
  readonly der?: (der: Uint8Array) => Uint8Array;
}

const HASH_OIDS: Readonly<Record<HashName, string>> = {
  sha1: OID.sha1,
  sha256: OID.sha256,
  sha384: OID.sha384,
  sha512: OID.sha512,
};

const NULL = tlv(TAG.null);
const attribute = (type: string, value: Uint8Array) => sequence(oid(type), tlv(TAG.set, value));

function tstInfo(recipe: StampRecipe, signature: Uint8Array, random: Random, timeMs: number) {
  const hash = recipe.hash ?? 'sha256';
  const digest = recipe.digest ?? nodeCrypto.digest(hash, recipe.over ?? signature);
  const nonce = recipe.nonce === undefined ? [] : [tlv(TAG.integer, recipe.nonce)];
  return sequence(
    smallInteger(recipe.version ?? 1),
    oid(OID.sigstoreTsaPolicy),
    sequence(sequence(oid(recipe.imprintOid ?? HASH_OIDS[hash]), NULL), octetString(digest)),
    tlv(TAG.integer, recipe.serial ?? Uint8Array.from([0x40, ...random(15)])),
    recipe.genTime ?? generalizedTime(timeMs),
    recipe.accuracy ?? sequence(smallInteger(1)),
    ...(recipe.tstMore ?? nonce),
  );
}

/** @param hash none = SHA-256, which DER leaves out as the DEFAULT */
export function signingCertificateV2(
  certHash: Uint8Array,
  signer?: { readonly issuer: Uint8Array; readonly serial: Uint8Array },
  hash?: Sha2,
): Uint8Array {
  const issuerSerial =
    signer === undefined
      ? []
      : [sequence(sequence(tlv(context(4), signer.issuer)), unsignedInteger(signer.serial))];
  const algorithm = hash === undefined ? [] : [sequence(oid(HASH_OIDS[hash]))];
  const id = sequence(...algorithm, octetString(certHash), ...issuerSerial);
  return attribute(OID.signingCertificateV2, sequence(sequence(id)));
}

function signedAttributes(recipe: StampRecipe, tsa: Authority, info: Uint8Array, hash: Sha2) {
  const [leaf = new Uint8Array()] = tsa.chain;
  const { ess = signingCertificateV2(nodeCrypto.digest('sha256', leaf), tsa) } = recipe;
  const timeMs = recipe.signingTimeMs ?? recipe.timeMs ?? 0;
  const sorted = setOf(
    attribute(OID.contentType, oid(recipe.contentTypeAttribute ?? OID.tstInfo)),
    attribute(OID.signingTime, certificateTime(timeMs)),
    attribute(
      OID.messageDigest,
      octetString(recipe.messageDigest ?? nodeCrypto.digest(hash, info)),
    ),
    ...(ess === null ? [] : [ess]),
  );
  if (recipe.attributes === undefined) return sorted;
  const { content } = readDer(sorted, TAG.set, 'attributes');
  const one = children(content, 'attributes').map(({ raw }) => raw);
  return tlv(TAG.set, ...recipe.attributes(one));
}

function signerInfo(recipe: StampRecipe, tsa: Authority, info: Uint8Array): Uint8Array {
  const key = recipe.key ?? tsa.key;
  const { kind } = key.publicKey;
  const hash = recipe.signerHash ?? (CERTIFICATE_HASH[kind] as Sha2);
  const attributes = signedAttributes(recipe, tsa, info, hash);
  const wrapped = Uint8Array.from(attributes);
  wrapped[0] = context(0);
  const signatureOid = recipe.signatureOid ?? signatureOidOf(kind, hash);
  const parameters = kind === 'rsa' ? [NULL] : [];
  return sequence(
    smallInteger(1),
    sequence(recipe.signerIssuer ?? tsa.issuer, unsignedInteger(recipe.signerSerial ?? tsa.serial)),
    sequence(oid(HASH_OIDS[hash])),
    wrapped,
    sequence(oid(signatureOid), ...parameters),
    octetString(recipe.signature ?? key.sign(attributes, recipe.signsWith ?? hash)),
    ...(recipe.signerMore ?? []),
  );
}

function signedData(recipe: StampRecipe, tsa: Authority, info: Uint8Array): Uint8Array {
  const kind = (recipe.key ?? tsa.key).publicKey.kind;
  const hash = recipe.signerHash ?? CERTIFICATE_HASH[kind];
  const signer = signerInfo(recipe, tsa, info);
  return sequence(
    smallInteger(recipe.signedDataVersion ?? 3),
    setOf(...(recipe.digestAlgorithms ?? [sequence(oid(HASH_OIDS[hash]))])),
    sequence(oid(recipe.contentType ?? OID.tstInfo), tlv(context(0), octetString(info))),
    ...(recipe.embed === undefined ? [] : [tlv(context(0), ...recipe.embed)]),
    ...(recipe.crls === undefined ? [] : [recipe.crls]),
    tlv(TAG.set, ...(recipe.signers?.(signer) ?? [signer])),
  );
}

/**
 * DER of a TimeStampResp over `signature`.
 * @param around authority and time that a recipe without its own goes by
 */
export function makeStamp(
  given: StampRecipe,
  signature: Uint8Array,
  around: { readonly tsa: Authority; readonly timeMs: number; readonly random: Random },
): Uint8Array {
  const tsa = given.tsa ?? around.tsa;
  const timeMs = given.timeMs ?? around.timeMs;
  const recipe = { ...given, timeMs };
  const info = tstInfo(recipe, signature, around.random, timeMs);
  const data = signedData(recipe, tsa, info);
  const token = sequence(oid(OID.signedData), tlv(context(0), data));
  const status = sequence(smallInteger(given.status ?? 0), ...(given.statusMore ?? []));
  const der = sequence(status, ...(given.token === false ? [] : [token]));
  return given.der?.(der) ?? der;
}
