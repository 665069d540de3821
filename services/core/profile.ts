// SPDX-License-Identifier: Apache-2.0
// The leaf certificate of a Sigstore CA (Fulcio's certificate specification), from a template:
//
//   version 3 | serial | issuer's signature algorithm | issuer | validity | empty subject | key
//   extensions: KU critical, EKU, SKI, AKI, SAN critical, 1.3.6.1.4.1.57264.1.{1–6,8–24},
//               then poison (critical) in the precertificate, the SCT list in the certificate
//
// All that an issuer settles is encoded once; the rest is written backwards into one buffer.
import { defaultAlgorithm } from './algorithm.ts';
import { concat } from './bytes.ts';
import { bitString, context, octetString, oid, sequence, smallInteger, TAG, tlv } from './der.ts';
import { DerWriter } from './der-writer.ts';
import { CodedError, ParseError } from './errors.ts';
import { FULCIO_EXTENSIONS, OID } from './oid.ts';
import { algorithmIdentifier } from './signature-algorithm.ts';
import type { Certificate } from './x509.ts';
import { KEY_USAGE } from './x509-extensions.ts';

/** @property value mail address, URI or user name, emitted verbatim */
export interface LeafName {
  readonly kind: 'email' | 'uri' | 'username';
  readonly value: string;
}

export interface LeafFields {
  /** Big-endian, 1–20 octets, not zero, top bit clear when 20 octets long. */
  readonly serial: Uint8Array;
  /** Milliseconds since 1970; cut to whole seconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** SHA-1 of the key bits (RFC 5280 §4.2.1.2). */
  readonly subjectKeyId: Uint8Array;
  readonly altName: LeafName;
  /** Rows of FULCIO_EXTENSIONS by number, in ascending order. */
  readonly extensions: readonly { readonly number: number; readonly value: string }[];
}

/** Poison makes a precertificate, `sctList` (encodeSctList) a certificate. */
export type LastExtension = { readonly poison: true } | { readonly sctList: Uint8Array };

export interface IssuerTemplate {
  readonly signatureOid: string;
  /** AlgorithmIdentifier and issuer Name, which stand together in front of the validity. */
  readonly algorithm: Uint8Array;
  readonly issuer: Uint8Array;
  readonly authorityKeyId: Uint8Array;
  /** Used by leafTbs from reset() to finish(), never across calls. */
  readonly writer: DerWriter;
}

const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));
const VERSION_3 = tlv(context(0), smallInteger(2));
const EMPTY_NAME = sequence();
const MAX_SERIAL_OCTETS = 20;
const UTC_TIME_END_MS = Date.UTC(2050, 0, 1);

/** KU digitalSignature, critical (named bits end with the last one set, X.690 §11.2.2), then EKU
 * codeSigning. */
const USAGES = concat(
  sequence(
    oid(OID.keyUsage),
    TRUE,
    octetString(tlv(TAG.bitString, Uint8Array.of(7, 0x80 >> KEY_USAGE.digitalSignature))),
  ),
  sequence(oid(OID.extendedKeyUsage), octetString(sequence(oid(OID.codeSigning)))),
);
const SUBJECT_KEY_ID_OID = oid(OID.subjectKeyIdentifier);
const ALT_NAME_OID = oid(OID.subjectAltName);
const USERNAME_OID = oid(OID.fulcioUsername);
const SCT_LIST_OID = oid(OID.sctList);
/** RFC 6962 §3.1: critical, extnValue an ASN.1 NULL. */
const POISON_EXTENSION = sequence(oid(OID.precertPoison), TRUE, octetString(tlv(TAG.null)));

/** extnID and encoding by number of the extension. */
const FULCIO = new Map(
  FULCIO_EXTENSIONS.map((row) => [row.number, { oid: oid(row.oid), der: row.encoding === 'der' }]),
);

/** @throws CodedError CHAIN_INVALID when the certificate cannot issue leaves that clients accept */
export function prepareIssuer(issuer: Certificate): IssuerTemplate {
  const invalid = (why: string) =>
    new CodedError('CHAIN_INVALID', `issuing certificate: ${why}`, { field: 'chain' });
  const { publicKey, subjectKeyId } = issuer;
  if (!issuer.isCa) throw invalid('not a CA');
  if (subjectKeyId === undefined) throw invalid('no subject key identifier');
  // sigstore-python's path policy takes no Ed25519 CA.
  if (publicKey.kind === 'ed25519') throw invalid('Ed25519 keys are not accepted by every client');
  const signatureOid = defaultAlgorithm(publicKey)?.signatureOid;
  const algorithm = signatureOid === undefined ? undefined : algorithmIdentifier(signatureOid);
  if (signatureOid === undefined || algorithm === undefined) {
    throw invalid(`${publicKey.kind} key of ${publicKey.sizeBits} bits`);
  }
  return {
    signatureOid,
    algorithm,
    issuer: issuer.subject.raw,
    authorityKeyId: sequence(
      oid(OID.authorityKeyIdentifier),
      octetString(sequence(tlv(context(0, false), subjectKeyId))),
    ),
    writer: new DerWriter(),
  };
}

/** GeneralName by kind, written in front of what stands in the writer. */
const ALT_NAMES: Record<LeafName['kind'], (writer: DerWriter, value: string) => void> = {
  email(writer, value) {
    const end = writer.length;
    writer.asciiText(value);
    writer.wrap(context(1, false), end);
  },
  uri(writer, value) {
    const end = writer.length;
    writer.asciiText(value);
    writer.wrap(context(6, false), end);
  },
  username(writer, value) {
    const end = writer.length;
    writer.text(value);
    writer.wrap(TAG.utf8String, end);
    writer.wrap(context(0), end);
    writer.put(USERNAME_OID);
    writer.wrap(context(0), end);
  },
};

function putAltName(writer: DerWriter, { kind, value }: LeafName): void {
  if (value === '') throw new ParseError('subject alternative name is empty');
  const end = writer.length;
  ALT_NAMES[kind](writer, value);
  writer.wrap(TAG.sequence, end);
  writer.wrap(TAG.octetString, end);
  // SPEC RFC 5280 §4.1.2.6: with an empty subject the alternative name MUST be critical.
  writer.put(TRUE);
  writer.put(ALT_NAME_OID);
  writer.wrap(TAG.sequence, end);
}

function putSubjectKeyId(writer: DerWriter, keyId: Uint8Array): void {
  const end = writer.length;
  writer.put(keyId);
  writer.wrap(TAG.octetString, end);
  writer.wrap(TAG.octetString, end);
  writer.put(SUBJECT_KEY_ID_OID);
  writer.wrap(TAG.sequence, end);
}

function putLast(writer: DerWriter, last: LastExtension | undefined): void {
  if (last === undefined) return;
  if ('poison' in last) {
    writer.put(POISON_EXTENSION);
    return;
  }
  const end = writer.length;
  writer.put(last.sctList);
  writer.wrap(TAG.octetString, end);
  writer.wrap(TAG.octetString, end);
  writer.put(SCT_LIST_OID);
  writer.wrap(TAG.sequence, end);
}

function putFulcioExtensions(writer: DerWriter, extensions: LeafFields['extensions']): void {
  let above = Number.POSITIVE_INFINITY;
  for (let i = extensions.length - 1; i >= 0; i--) {
    const { number, value } = extensions[i] as { number: number; value: string };
    const row = FULCIO.get(number);
    if (row === undefined || number >= above) {
      throw new RangeError(`extension ${number} is unknown or out of order`);
    }
    above = number;
    const end = writer.length;
    writer.text(value);
    if (row.der) writer.wrap(TAG.utf8String, end);
    writer.wrap(TAG.octetString, end);
    writer.put(row.oid);
    writer.wrap(TAG.sequence, end);
  }
}

function putTwoDigits(writer: DerWriter, value: number): void {
  writer.octet(0x30 + (value % 10));
  writer.octet(0x30 + Math.floor(value / 10));
}

/** SPEC RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050 on. */
function putTime(writer: DerWriter, ms: number): void {
  const end = writer.length;
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  writer.octet(0x5a); // Z
  putTwoDigits(writer, date.getUTCSeconds());
  putTwoDigits(writer, date.getUTCMinutes());
  putTwoDigits(writer, date.getUTCHours());
  putTwoDigits(writer, date.getUTCDate());
  putTwoDigits(writer, date.getUTCMonth() + 1);
  putTwoDigits(writer, year % 100);
  if (ms < UTC_TIME_END_MS) {
    writer.wrap(TAG.utcTime, end);
    return;
  }
  putTwoDigits(writer, Math.floor(year / 100));
  writer.wrap(TAG.generalizedTime, end);
}

function putValidity(writer: DerWriter, { notBeforeMs, notAfterMs }: LeafFields): void {
  if (!(notBeforeMs >= 0 && notBeforeMs <= notAfterMs)) throw new RangeError('validity');
  const end = writer.length;
  putTime(writer, notAfterMs);
  putTime(writer, notBeforeMs);
  writer.wrap(TAG.sequence, end);
}

function putSerial(writer: DerWriter, serial: Uint8Array): void {
  const start = serial.findIndex((octet) => octet !== 0);
  // SPEC RFC 5280 §4.1.2.2: positive, at most 20 octets.
  if (start < 0) throw new RangeError('serial number is zero');
  const end = writer.length;
  writer.put(serial.subarray(start));
  if ((serial[start] as number) >= 0x80) writer.octet(0);
  if (writer.length - end > MAX_SERIAL_OCTETS) throw new RangeError('serial number is too long');
  writer.wrap(TAG.integer, end);
}

/**
 * TBSCertificate of a leaf. Without `last` it is what the CT log signs.
 * The caller keeps the validity inside that of the issuer.
 * @throws ParseError when a name or an extension cannot be encoded: input of the requester
 * @throws RangeError when another field breaks its range: a fault of the caller
 */
export function leafTbs(
  { writer, algorithm, issuer, authorityKeyId }: IssuerTemplate,
  fields: LeafFields,
  last: LastExtension | undefined,
): Uint8Array {
  writer.reset();
  putLast(writer, last);
  putFulcioExtensions(writer, fields.extensions);
  putAltName(writer, fields.altName);
  writer.put(authorityKeyId);
  putSubjectKeyId(writer, fields.subjectKeyId);
  writer.put(USAGES);
  writer.wrap(TAG.sequence, 0);
  writer.wrap(context(3), 0);
  writer.put(fields.spki);
  writer.put(EMPTY_NAME);
  putValidity(writer, fields);
  writer.put(issuer);
  writer.put(algorithm);
  putSerial(writer, fields.serial);
  writer.put(VERSION_3);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}

/** Certificate ::= SEQUENCE { tbs, signatureAlgorithm, signature } */
export function assembleCertificate(
  tbs: Uint8Array,
  signatureOid: string,
  signature: Uint8Array,
): Uint8Array {
  const algorithm = algorithmIdentifier(signatureOid);
  if (algorithm === undefined) throw new RangeError(`unknown signature algorithm ${signatureOid}`);
  return sequence(tbs, algorithm, bitString(signature));
}
