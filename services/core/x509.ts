// SPDX-License-Identifier: Apache-2.0
// X.509 v3 certificates, read strictly (RFC 5280 §4.1):
//
//   Certificate    SEQUENCE { tbsCertificate, signatureAlgorithm, signature BIT STRING }
//   TBSCertificate SEQUENCE { version [0], serialNumber, signature, issuer, validity, subject,
//                  subjectPublicKeyInfo, issuerUniqueID [1], subjectUniqueID [2], extensions [3] }
//
// and paths of them, judged for one purpose at one time (§6.1 without policies and revocation: a
// Sigstore leaf lives ten minutes).
import type { PublicKey } from './algorithm.ts';
import { equal } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import {
  checkBits,
  context,
  type DerNode,
  DerReader,
  readBitString,
  readDer,
  readInteger,
  readOid,
  readSmallInteger,
  readTime,
  TAG,
} from './der.ts';
import { curveOf, parsePoint } from './ecdsa.ts';
import { CodedError, type ErrorCode, ParseError } from './errors.ts';
import { OID } from './oid.ts';
import { signatureAlgorithm } from './signature-algorithm.ts';
import { parsePublicKey } from './spki.ts';
import {
  type Extension,
  type ExtensionFacts,
  KEY_USAGE,
  parseExtensions,
  readExtensions,
  unknownCritical,
} from './x509-extensions.ts';
import { type Name, parseName } from './x509-name.ts';

export { type PemBlock, parsePem, pem } from './pem.ts';
export { parsePublicKey } from './spki.ts';
export type { Extension } from './x509-extensions.ts';
export type { Name, SubjectAltName } from './x509-name.ts';

/** An X.509 certificate, parsed once. */
export interface Certificate extends Readonly<ExtensionFacts> {
  /** The whole. */
  readonly der: Uint8Array;
  /** DER of the TBSCertificate: what is signed. */
  readonly tbs: Uint8Array;
  /** Content octets of the INTEGER. */
  readonly serial: Uint8Array;
  /** Algorithm of the signature, in dotted form. */
  readonly signatureOid: string;
  /** Content of the BIT STRING. */
  readonly signature: Uint8Array;
  /** Who signed it. */
  readonly issuer: Name;
  /** Whom it is about; empty for signers. */
  readonly subject: Name;
  /** Milliseconds since 1970. */
  readonly notBeforeMs: number;
  /** The certificate is valid at this instant, and no longer after it. */
  readonly notAfterMs: number;
  /** The key that it certifies. */
  readonly publicKey: PublicKey;
  /** All, in their order. */
  readonly extensions: readonly Extension[];
  /** OIDs of critical extensions that path validation does not process. */
  readonly unknownCritical: readonly string[];
}

const VERSION_3 = 2;
const MAX_SERIAL_OCTETS = 20;
const YEAR_2050_MS = Date.UTC(2050, 0, 1);
const MIN_RSA_BITS = 2048;
const EMPTY_NAME_LENGTH = 2;

/** SPEC RFC 5280 §4.1.2.2: at most 20 octets, not negative. Zero occurs in old roots. */
function parseSerial(node: DerNode): Uint8Array {
  const serial = readInteger(node);
  const [first] = serial;
  if ((first as number) >= 0x80) throw new ParseError('serial number is negative');
  if (serial.length > MAX_SERIAL_OCTETS + (first === 0 ? 1 : 0)) {
    throw new ParseError('serial number exceeds 20 octets');
  }
  return serial;
}

function parseInstant(node: DerNode): number {
  const ms = readTime(node);
  // SPEC RFC 5280 §4.1.2.5: dates through 2049 MUST be UTCTime.
  if (node.tag === TAG.generalizedTime && ms < YEAR_2050_MS) {
    throw new ParseError('validity: GeneralizedTime before 2050');
  }
  return ms;
}

function parseValidity(reader: DerReader): { notBeforeMs: number; notAfterMs: number } {
  const notBeforeMs = parseInstant(reader.next());
  const notAfterMs = parseInstant(reader.next());
  reader.end();
  if (notAfterMs < notBeforeMs) throw new ParseError('validity ends before it begins');
  return { notBeforeMs, notAfterMs };
}

function parseAlgorithm(node: DerNode): string {
  const reader = new DerReader(node.content, 'signature algorithm');
  const oid = readOid(reader.expect(TAG.oid, 'algorithm'));
  if (reader.peek() !== undefined) reader.next();
  reader.end();
  return oid;
}

/** SPEC RFC 5480 §2.2, SEC 1 §3.2.2.1: a point that is not on its curve is no key. */
function parseSubjectKey(spki: Uint8Array): PublicKey {
  const key = parsePublicKey(spki);
  const curve = curveOf(key.kind);
  if (curve !== undefined && parsePoint(key.bits, curve) === undefined) {
    throw new ParseError('public key: the point is not on its curve');
  }
  return key;
}

function skipUniqueIds(reader: DerReader): void {
  for (const tag of [context(1, false), context(2, false)]) {
    const node = reader.optional(tag);
    if (node !== undefined) checkBits(node.content, 'unique identifier');
  }
}

/** SPEC RFC 5280 §4.1.2.4, §4.1.2.6: who must be named, and where. */
function requireNames(issuer: Name, subject: Name, facts: ExtensionFacts): void {
  if (issuer.raw.length === EMPTY_NAME_LENGTH) throw new ParseError('issuer is empty');
  if (subject.raw.length !== EMPTY_NAME_LENGTH) return;
  if (facts.isCa) throw new ParseError('subject of a CA is empty');
  if (!facts.altNamesCritical)
    throw new ParseError('subject is empty, subjectAltName not critical');
}

function parseTbs(tbs: Uint8Array, outerAlgorithm: Uint8Array) {
  const reader = new DerReader(readDer(tbs, TAG.sequence, 'TBSCertificate').content, 'certificate');
  const version = reader.expect(context(0), 'version').content;
  if (readSmallInteger(readDer(version, TAG.integer, 'version'), 'version') !== VERSION_3) {
    throw new ParseError('certificate: not version 3');
  }
  const serial = parseSerial(reader.expect(TAG.integer, 'serial number'));
  // SPEC RFC 5280 §4.1.1.2: MUST contain the same algorithm identifier as the field outside.
  if (!equal(reader.expect(TAG.sequence, 'signature algorithm').raw, outerAlgorithm)) {
    throw new ParseError('certificate: signature algorithms differ');
  }
  const issuer = parseName(reader.expect(TAG.sequence, 'issuer'));
  const validity = parseValidity(reader.sequence('validity'));
  const subject = parseName(reader.expect(TAG.sequence, 'subject'));
  const publicKey = parseSubjectKey(reader.expect(TAG.sequence, 'public key').raw);
  skipUniqueIds(reader);
  const wrapped = reader.optional(context(3));
  reader.end();
  const extensions = wrapped === undefined ? [] : parseExtensions(wrapped.content);
  const facts = readExtensions(extensions);
  requireNames(issuer, subject, facts);
  const unknown = unknownCritical(extensions);
  return { serial, issuer, ...validity, subject, publicKey, extensions, unknown, ...facts };
}

/**
 * One certificate, version 3, nothing after it. The views in the result share memory with `der`.
 * @throws ParseError
 */
export function parseCertificate(der: Uint8Array): Certificate {
  const reader = new DerReader(readDer(der, TAG.sequence, 'certificate').content, 'certificate');
  const tbs = reader.expect(TAG.sequence, 'TBSCertificate').raw;
  const algorithm = reader.expect(TAG.sequence, 'signature algorithm');
  const signature = readBitString(reader.expect(TAG.bitString, 'signature'));
  reader.end();
  const signatureOid = parseAlgorithm(algorithm);
  const { unknown, ...fields } = parseTbs(tbs, algorithm.raw);
  return { der, tbs, signatureOid, signature, unknownCritical: unknown, ...fields };
}

export function findExtension(cert: Certificate, oid: string): Extension | undefined {
  return cert.extensions.find((extension) => extension.oid === oid);
}

/** Child → the issuer whose key verified it. Filled by signedBy alone, with true results only:
 * the upper links of a trusted chain are the same for every leaf. */
const verified = new WeakMap<Certificate, { issuer: Certificate; crypto: Crypto }>();

function signedBy(crypto: Crypto, child: Certificate, issuer: Certificate): boolean {
  const known = verified.get(child);
  if (known?.issuer === issuer && known.crypto === crypto) return true;
  const { publicKey } = issuer;
  if (publicKey.kind === 'rsa' && publicKey.sizeBits < MIN_RSA_BITS) return false;
  const algorithm = signatureAlgorithm(child.signatureOid, publicKey.kind);
  if (algorithm === undefined) return false;
  if (!crypto.verify(publicKey, algorithm, child.tbs, child.signature)) return false;
  verified.set(child, { issuer, crypto });
  return true;
}

/** RFC 5280 §6.1.4 (k), (n): may this certificate certify others? */
function certifies(issuer: Certificate): boolean {
  return issuer.isCa && (issuer.keyUsage?.has(KEY_USAGE.keyCertSign) ?? true);
}

/** Key identifiers, where both certificates carry one. */
function keyIdsAgree(child: Certificate, issuer: Certificate): boolean {
  if (child.authorityKeyId === undefined || issuer.subjectKeyId === undefined) return true;
  return equal(child.authorityKeyId, issuer.subjectKeyId);
}

/** Names, key identifiers, CA bits and signature of one link. Not the validity, not the path length. */
export function verifyIssuedBy(crypto: Crypto, child: Certificate, issuer: Certificate): boolean {
  return (
    equal(child.issuer.raw, issuer.subject.raw) &&
    keyIdsAgree(child, issuer) &&
    certifies(issuer) &&
    signedBy(crypto, child, issuer)
  );
}

function label(cert: Certificate): string {
  const { commonName, organization } = cert.subject;
  return commonName ?? organization ?? cert.altNames[0]?.value ?? 'certificate';
}

function refuse(code: ErrorCode, cert: Certificate, why: string): never {
  throw new CodedError(code, `${label(cert)}: ${why}`, { field: 'certificate' });
}

function requireValidAt(cert: Certificate, atMs: number): void {
  if (atMs >= cert.notBeforeMs && atMs <= cert.notAfterMs) return;
  const window = [cert.notBeforeMs, cert.notAfterMs].map((ms) => new Date(ms).toISOString());
  const instant = new Date(atMs).toISOString();
  refuse('CERTIFICATE_TIME', cert, `valid ${window.join(' to ')}, not at ${instant}`);
}

/** SPEC RFC 5280 §4.2: a critical extension that is not processed MUST lead to refusal. Name
 * constraints are refused whether or not they are critical, as nobody here would enforce them. */
function requireProcessable(cert: Certificate): void {
  const [unknown] = cert.unknownCritical;
  if (unknown !== undefined) refuse('CERTIFICATE_PATH', cert, `unknown critical ${unknown}`);
  if (findExtension(cert, OID.nameConstraints) !== undefined) {
    refuse('CERTIFICATE_PATH', cert, 'name constraints are not supported');
  }
}

function requireLeafUsage(leaf: Certificate, ekuOid: string): void {
  if (leaf.isCa) refuse('CERTIFICATE_USAGE', leaf, 'is a CA');
  if (!leaf.keyUsage?.has(KEY_USAGE.digitalSignature)) {
    refuse('CERTIFICATE_USAGE', leaf, 'lacks key usage digitalSignature');
  }
  if (!leaf.extendedKeyUsage?.oids.includes(ekuOid)) {
    refuse('CERTIFICATE_USAGE', leaf, `lacks extended key usage ${ekuOid}`);
  }
}

/** A CA with extended key usages certifies for these alone (the rule of Go, OpenSSL and WebPKI). */
function requireNestedUsage(ca: Certificate, ekuOid: string): void {
  const oids = ca.extendedKeyUsage?.oids;
  if (oids === undefined || oids.includes(ekuOid) || oids.includes(OID.anyExtendedKeyUsage)) return;
  refuse('CERTIFICATE_USAGE', ca, `does not certify for ${ekuOid}`);
}

/** RFC 5280 §4.2.1.9: `below` = intermediates between this CA and the leaf, self-issued ones aside. */
function requirePathLength(ca: Certificate, below: readonly Certificate[]): void {
  const counted = below.filter(({ issuer, subject }) => !equal(issuer.raw, subject.raw));
  if (ca.pathLength !== undefined && counted.length > ca.pathLength) {
    refuse('CERTIFICATE_PATH', ca, `path longer than ${ca.pathLength}`);
  }
}

/**
 * Judges one path. The last certificate is trusted as such: its own signature is not checked,
 * everything else is.
 * @param chain issuing certificate first, root last @param atMs milliseconds since 1970
 * @param ekuOid purpose that the leaf must have and every CA must allow
 * @throws CodedError CERTIFICATE_PATH, CERTIFICATE_TIME, CERTIFICATE_USAGE
 */
export function buildPath(
  crypto: Crypto,
  leaf: Certificate,
  chain: readonly Certificate[],
  atMs: number,
  ekuOid: string,
): void {
  if (chain.length === 0) refuse('CERTIFICATE_PATH', leaf, 'no issuer is trusted');
  requireLeafUsage(leaf, ekuOid);
  chain.reduce((child, issuer) => {
    if (!verifyIssuedBy(crypto, child, issuer)) {
      refuse('CERTIFICATE_PATH', child, `not issued by ${label(issuer)}`);
    }
    return issuer;
  }, leaf);
  for (const cert of [leaf, ...chain]) {
    requireProcessable(cert);
    requireValidAt(cert, atMs);
  }
  chain.forEach((ca, i) => {
    requireNestedUsage(ca, ekuOid);
    requirePathLength(ca, chain.slice(0, i));
  });
}
