// SPDX-License-Identifier: Apache-2.0
// Certificates from parts, so that a test may leave one out or bend it. Nothing is checked here.

import type { HashName, KeyKind } from '../../../services/core/algorithm.ts';
import { utf8 } from '../../../services/core/bytes.ts';
import {
  bitString,
  certificateTime,
  context,
  octetString,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
} from '../../../services/core/der.ts';
import { FULCIO_ARC, FULCIO_EXTENSIONS, OID } from '../../../services/core/oid.ts';
import { algorithmIdentifier } from '../../../services/core/signature-algorithm.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { Pair } from './keys.ts';

export interface CertificateFields {
  /** DER of the INTEGER. */
  readonly serial: Uint8Array;
  /** DER of the names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly spki: Uint8Array;
  /** DER, in their order. */
  readonly extensions: readonly Uint8Array[];
}

const SIGNATURES: Readonly<Record<KeyKind, Partial<Record<HashName, string>>>> = {
  p256: { sha256: OID.ecdsaSha256, sha384: OID.ecdsaSha384 },
  p384: { sha256: OID.ecdsaSha256, sha384: OID.ecdsaSha384 },
  p521: { sha512: OID.ecdsaSha512 },
  rsa: { sha256: OID.rsaSha256, sha384: OID.rsaSha384, sha512: OID.rsaSha512 },
  ed25519: {},
};

/** The hash that a key of a kind signs certificates with. */
export const CERTIFICATE_HASH: Readonly<Record<KeyKind, HashName>> = {
  p256: 'sha256',
  p384: 'sha384',
  p521: 'sha512',
  rsa: 'sha256',
  ed25519: 'sha512',
};

export function signatureOidOf(kind: KeyKind, hash = CERTIFICATE_HASH[kind]): string {
  return SIGNATURES[kind][hash] ?? OID.ed25519;
}

const VERSION_3 = tlv(context(0), smallInteger(2));
const CRITICAL = tlv(TAG.boolean, Uint8Array.of(0xff));

export function name(organization: string, commonName: string): Uint8Array {
  const part = (type: string, text: string) =>
    setOf(sequence(oid(type), tlv(TAG.utf8String, utf8(text))));
  return sequence(part(OID.organization, organization), part(OID.commonName, commonName));
}

export const EMPTY_NAME = sequence();

export function tbsCertificate(fields: CertificateFields, signer: Pair): Uint8Array {
  const { kind } = signer.publicKey;
  return sequence(
    VERSION_3,
    fields.serial,
    algorithmIdentifier(signatureOidOf(kind)) ?? EMPTY_NAME,
    fields.issuer,
    sequence(certificateTime(fields.notBeforeMs), certificateTime(fields.notAfterMs)),
    fields.subject,
    fields.spki,
    tlv(context(3), sequence(...fields.extensions)),
  );
}

export function certificate(fields: CertificateFields, signer: Pair): Uint8Array {
  const { kind } = signer.publicKey;
  const tbs = tbsCertificate(fields, signer);
  const signature =
    kind === 'ed25519' ? signer.sign(tbs) : signer.sign(tbs, CERTIFICATE_HASH[kind]);
  const algorithm = algorithmIdentifier(signatureOidOf(kind)) ?? EMPTY_NAME;
  return sequence(tbs, algorithm, bitString(signature));
}

export function extension(type: string, value: Uint8Array, critical = false): Uint8Array {
  return sequence(oid(type), ...(critical ? [CRITICAL] : []), octetString(value));
}

/** Bits of KeyUsage that chains use, with the octet and the count of unused bits (X.690 §11.2.2). */
const KEY_USAGES = {
  digitalSignature: [7, 0x80],
  certSign: [1, 0x06],
  crlSign: [1, 0x02],
} as const;

export function keyUsage(usage: keyof typeof KEY_USAGES): Uint8Array {
  const bits = tlv(TAG.bitString, Uint8Array.from(KEY_USAGES[usage]));
  return extension(OID.keyUsage, bits, true);
}

export function extendedKeyUsage(oids: readonly string[], critical = false): Uint8Array {
  return extension(OID.extendedKeyUsage, sequence(...oids.map(oid)), critical);
}

/** @param pathLength null = none */
export function authorityConstraints(pathLength: number | null): Uint8Array {
  const length = pathLength === null ? [] : [smallInteger(pathLength)];
  const value = sequence(tlv(TAG.boolean, Uint8Array.of(0xff)), ...length);
  return extension(OID.basicConstraints, value, true);
}

/** Of whom only the public key is needed. */
export type Holder = Pick<Pair, 'publicKey'>;

function keyId({ publicKey }: Holder): Uint8Array {
  return nodeCrypto.digest('sha1', publicKey.bits);
}

export function subjectKeyId(pair: Holder): Uint8Array {
  return extension(OID.subjectKeyIdentifier, octetString(keyId(pair)));
}

export function authorityKeyId(pair: Holder): Uint8Array {
  const id = tlv(context(0, false), keyId(pair));
  return extension(OID.authorityKeyIdentifier, sequence(id));
}

/** @property value mail address, URI, user name or host */
export interface LeafName {
  readonly kind: 'email' | 'uri' | 'username' | 'dns';
  readonly value: string;
}

const GENERAL_NAMES: Readonly<Record<LeafName['kind'], (value: Uint8Array) => Uint8Array>> = {
  email: (value) => tlv(context(1, false), value),
  dns: (value) => tlv(context(2, false), value),
  uri: (value) => tlv(context(6, false), value),
  username: (value) =>
    tlv(context(0), oid(OID.fulcioUsername), tlv(context(0), tlv(TAG.utf8String, value))),
};

export function altNames(names: readonly LeafName[], critical = true): Uint8Array {
  const value = sequence(...names.map((one) => GENERAL_NAMES[one.kind](utf8(one.value))));
  return extension(OID.subjectAltName, value, critical);
}

/** An extension of Fulcio by its number. */
export function fulcioExtension(number: number, value: string): Uint8Array {
  const raw = FULCIO_EXTENSIONS.find((row) => row.number === number)?.encoding === 'raw';
  const text = utf8(value);
  return extension(`${FULCIO_ARC}.${number}`, raw ? text : tlv(TAG.utf8String, text));
}
