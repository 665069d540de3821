// SPDX-License-Identifier: Apache-2.0
// Timestamp responses (RFC 3161 §2.4.2, ESSCertIDv2 by RFC 5816), read strictly:
//
//   TimeStampResp SEQUENCE { status PKIStatusInfo, timeStampToken ContentInfo OPTIONAL }
//   PKIStatusInfo SEQUENCE { INTEGER, SEQUENCE OF UTF8String OPTIONAL, BIT STRING OPTIONAL }
//   TSTInfo       SEQUENCE { version 1, policy, messageImprint, serialNumber, genTime, accuracy OPTIONAL,
//                 ordering DEFAULT FALSE, nonce OPTIONAL, tsa [0] OPTIONAL, extensions [1] OPTIONAL }
import { equal, fromUtf8 } from './bytes.ts';
import { type HashRow, hashByOid, parseSignedData, readAlgorithm, type SignerInfo } from './cms.ts';
import {
  children,
  context,
  type DerNode,
  DerReader,
  readBoolean,
  readDer,
  readInteger,
  readNamedBits,
  readOid,
  readSmallInteger,
  readTime,
  sequence,
  TAG,
} from './der.ts';
import { CodedError, ParseError } from './errors.ts';
import { OID } from './oid.ts';
import { type Certificate, parseCertificate } from './x509.ts';
import { type Extension, parseExtensions } from './x509-extensions.ts';

/** ESSCertIDv2: which certificate the signer says is its own. */
export interface SigningCertificateId {
  readonly hash: HashRow;
  readonly certHash: Uint8Array;
  /** DER of the issuer's Name; content octets of the serial number. */
  readonly issuerSerial?: { readonly issuerRaw: Uint8Array; readonly serial: Uint8Array };
}

/** A timestamp as its token says it. Nothing here is verified. */
export interface Timestamp {
  /** Milliseconds since 1970. */
  readonly genTimeMs: number;
  readonly hash: HashRow;
  readonly digest: Uint8Array;
  readonly policy: string;
  /** Content octets of the INTEGER. */
  readonly serial: Uint8Array;
  readonly nonce?: Uint8Array;
  readonly extensions: readonly Extension[];
  /** Those that the token carries, in its order. */
  readonly certificates: readonly Certificate[];
  readonly signer: SignerInfo;
  /** DER of the TSTInfo, and its digest as the signed attributes name it. */
  readonly content: Uint8Array;
  readonly contentDigest: Uint8Array;
  readonly signingCertificate: SigningCertificateId;
  readonly signedAttrs: ReadonlyMap<string, Uint8Array>;
}

const MAX_TOKEN_OCTETS = 64 << 10;

/** PKIFailureInfo (§2.4.2). */
const FAILURES = new Map([
  [0, 'badAlg'],
  [2, 'badRequest'],
  [5, 'badDataFormat'],
  [14, 'timeNotAvailable'],
  [15, 'unacceptedPolicy'],
  [16, 'unacceptedExtension'],
  [17, 'addInfoNotAvailable'],
  [25, 'systemFailure'],
]);

/** @throws ParseError @throws CodedError TIMESTAMP_REFUSED unless the status is 0, granted */
function requireGranted(reader: DerReader): void {
  const status = readSmallInteger(reader.expect(TAG.integer, 'status'), 'status');
  const texts = reader.optional(TAG.sequence);
  const failure = reader.optional(TAG.bitString);
  reader.end();
  const reasons: string[] = [];
  for (const node of texts === undefined ? [] : children(texts.content, 'status text')) {
    if (node.tag !== TAG.utf8String) throw new ParseError('status text: not UTF8String');
    reasons.push(JSON.stringify(fromUtf8(node.content).slice(0, 200)));
  }
  for (const bit of failure === undefined ? [] : readNamedBits(failure)) {
    reasons.push(FAILURES.get(bit) ?? `failure ${bit}`);
  }
  if (status === 0 && failure === undefined) return;
  const message = [`status ${status} instead of 0`, ...reasons].join(', ');
  throw new CodedError('TIMESTAMP_REFUSED', message, { field: 'status' });
}

/** Accuracy SEQUENCE { seconds, millis [0] 1..999, micros [1] 1..999 }, each OPTIONAL */
function checkAccuracy(node: DerNode | undefined): void {
  if (node === undefined) return;
  const reader = new DerReader(node.content, 'accuracy');
  const seconds = reader.optional(TAG.integer);
  if (seconds !== undefined) readSmallInteger(seconds, 'accuracy');
  for (const tag of [context(0, false), context(1, false)]) {
    const part = reader.optional(tag);
    if (part === undefined) continue;
    const value = readSmallInteger(part, 'accuracy');
    if (value < 1 || value > 999) throw new ParseError('accuracy is out of range');
  }
  reader.end();
}

function checkOrdering(node: DerNode | undefined): void {
  if (node !== undefined && !readBoolean(node)) throw new ParseError('ordering: encoded DEFAULT');
}

function parseImprint(reader: DerReader): { hash: HashRow; digest: Uint8Array } {
  const hash = hashByOid(readOid(readAlgorithm(reader.expect(TAG.sequence, 'hash algorithm')).oid));
  const digest = reader.expect(TAG.octetString, 'hashed message').content;
  reader.end();
  if (digest.length !== hash.digestLength) {
    throw new ParseError(`messageImprint: ${digest.length} octets are no ${hash.name}`);
  }
  return { hash, digest };
}

function parseTstInfo(der: Uint8Array) {
  const reader = new DerReader(readDer(der, TAG.sequence, 'TSTInfo').content, 'TSTInfo');
  if (readSmallInteger(reader.expect(TAG.integer, 'version'), 'version') !== 1) {
    throw new ParseError('TSTInfo: not version 1');
  }
  const policy = readOid(reader.expect(TAG.oid, 'policy'));
  const imprint = parseImprint(reader.sequence('messageImprint'));
  const serial = readInteger(reader.expect(TAG.integer, 'serial number'));
  const genTimeMs = readTime(reader.expect(TAG.generalizedTime, 'genTime'), true);
  checkAccuracy(reader.optional(TAG.sequence));
  checkOrdering(reader.optional(TAG.boolean));
  const nonce = reader.optional(TAG.integer);
  // A hint in any GeneralName form; the signer is known from issuer, serial and ESSCertIDv2.
  const tsa = reader.optional(context(0));
  if (tsa !== undefined && children(tsa.content, 'tsa').length !== 1) {
    throw new ParseError('tsa: not one name');
  }
  const extensions = reader.optional(context(1));
  reader.end();
  return {
    genTimeMs,
    ...imprint,
    policy,
    serial,
    ...(nonce === undefined ? {} : { nonce: readInteger(nonce) }),
    extensions: extensions === undefined ? [] : parseExtensions(sequence(extensions.content)),
  };
}

/** IssuerSerial ::= SEQUENCE { issuer GeneralNames, serialNumber INTEGER } */
function parseIssuerSerial(node: DerNode) {
  const reader = new DerReader(node.content, 'issuerSerial');
  const names = reader.sequence('issuer');
  const directory = names.expect(context(4), 'directoryName').content;
  names.end();
  const serial = readInteger(reader.expect(TAG.integer, 'serial number'));
  reader.end();
  return { issuerRaw: readDer(directory, TAG.sequence, 'directoryName').raw, serial };
}

/** ESSCertIDv2 ::= SEQUENCE { hashAlgorithm DEFAULT sha256, certHash, issuerSerial OPTIONAL } */
function parseCertId(node: DerNode): SigningCertificateId {
  const reader = new DerReader(node.content, 'ESSCertIDv2');
  const algorithm = reader.optional(TAG.sequence);
  const oid = algorithm === undefined ? OID.sha256 : readOid(readAlgorithm(algorithm).oid);
  if (algorithm !== undefined && oid === OID.sha256) {
    throw new ParseError('ESSCertIDv2: encoded DEFAULT');
  }
  const certHash = reader.expect(TAG.octetString, 'certHash').content;
  const issuerSerial = reader.optional(TAG.sequence);
  reader.end();
  return {
    hash: hashByOid(oid),
    certHash,
    ...(issuerSerial === undefined ? {} : { issuerSerial: parseIssuerSerial(issuerSerial) }),
  };
}

/** SigningCertificateV2 ::= SEQUENCE { certs SEQUENCE OF ESSCertIDv2, policies OPTIONAL } */
function parseSigningCertificate(attribute: Uint8Array): SigningCertificateId {
  const what = 'signingCertificateV2';
  const reader = new DerReader(readDer(attribute, TAG.sequence, what).content, what);
  const [first, ...rest] = children(reader.expect(TAG.sequence, 'certs').content, what);
  reader.optional(TAG.sequence);
  reader.end();
  // SPEC RFC 5035 §3: the first certificate identified MUST be the one that verifies the signature.
  if (first === undefined) throw new ParseError(`${what}: empty`);
  for (const node of [first, ...rest]) {
    if (node.tag !== TAG.sequence) throw new ParseError(`${what}: not a SEQUENCE`);
  }
  return parseCertId(first);
}

function attribute({ attributes }: SignerInfo, oid: string, name: string): Uint8Array {
  const value = attributes.get(oid);
  if (value === undefined) throw new ParseError(`signed attribute ${name} is missing`);
  return value;
}

function requireContentType(signer: SignerInfo, contentType: string): void {
  // SPEC RFC 3161 §2.4.2: eContentType is id-ct-TSTInfo.
  if (contentType !== OID.tstInfo) throw new ParseError(`content type ${contentType}, not TSTInfo`);
  const named = readDer(attribute(signer, OID.contentType, 'contentType'), TAG.oid, 'contentType');
  // SPEC RFC 5652 §11.1: MUST match the eContentType.
  if (readOid(named) !== contentType) throw new ParseError('contentType attribute differs');
}

function checkSigningTime(signer: SignerInfo): void {
  const time = signer.attributes.get(OID.signingTime);
  if (time === undefined) return;
  const reader = new DerReader(time, 'signingTime');
  readTime(reader.next());
  reader.end();
}

/**
 * One TimeStampResp with a token, nothing after it. Checks form alone: no digest, no signature.
 * @throws ParseError @throws CodedError TIMESTAMP_REFUSED
 */
export function parseTimestampResponse(der: Uint8Array): Timestamp {
  if (der.length > MAX_TOKEN_OCTETS) throw new ParseError(`longer than ${MAX_TOKEN_OCTETS} octets`);
  const what = 'TimeStampResp';
  const reader = new DerReader(readDer(der, TAG.sequence, what).content, what);
  requireGranted(reader.sequence('status'));
  const token = reader.expect(TAG.sequence, 'timeStampToken').raw;
  reader.end();
  const { contentType, content, certificates, signer } = parseSignedData(token);
  requireContentType(signer, contentType);
  checkSigningTime(signer);
  const digest = attribute(signer, OID.messageDigest, 'messageDigest');
  const certId = attribute(signer, OID.signingCertificateV2, 'signingCertificateV2');
  return {
    ...parseTstInfo(content),
    certificates: certificates.map(parseCertificate),
    signer,
    content,
    contentDigest: readDer(digest, TAG.octetString, 'messageDigest').content,
    signingCertificate: parseSigningCertificate(certId),
    signedAttrs: signer.attributes,
  };
}

/** Same signer by issuer and serial number, compared as DER. */
export function namesCertificate(
  id: { readonly issuerRaw: Uint8Array; readonly serial: Uint8Array },
  certificate: Certificate,
): boolean {
  return equal(id.issuerRaw, certificate.issuer.raw) && equal(id.serial, certificate.serial);
}
