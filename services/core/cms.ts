// SPDX-License-Identifier: Apache-2.0
// CMS SignedData (RFC 5652), read strictly and only in the shape that a timestamp has (RFC 3161
// §2.4.2): one signer, named by issuer and serial number, with signed attributes.
//
//   ContentInfo  SEQUENCE { id-signedData, [0] SignedData }
//   SignedData   SEQUENCE { version 3, digestAlgorithms SET, SEQUENCE { eContentType, [0] OCTET STRING },
//                certificates [0] OPTIONAL, signerInfos SET }
//   SignerInfo   SEQUENCE { version 1, SEQUENCE { issuer, serialNumber }, digestAlgorithm,
//                signedAttrs [0], signatureAlgorithm, signature OCTET STRING }
//
// CRLs, unsigned attributes and signers named by key identifier are refused: nothing signs the first
// two, and no Sigstore client reads the third.
import type { HashName } from './algorithm.ts';
import { compare } from './bytes.ts';
import {
  children,
  context,
  type DerNode,
  DerReader,
  readDer,
  readInteger,
  readOid,
  readSmallInteger,
  TAG,
} from './der.ts';
import { ParseError } from './errors.ts';
import { OID } from './oid.ts';

export interface SignerInfo {
  /** DER of the issuer's Name. */
  readonly issuerRaw: Uint8Array;
  /** Content octets of the INTEGER. */
  readonly serial: Uint8Array;
  readonly digest: HashRow;
  /** OID → its one value, DER. Every type occurs once. */
  readonly attributes: ReadonlyMap<string, Uint8Array>;
  /** What is signed: the attributes under the tag of SET OF instead of [0] (§5.4). */
  readonly signedAttributes: Uint8Array;
  readonly signatureOid: string;
  readonly signature: Uint8Array;
}

export interface SignedData {
  readonly contentType: string;
  readonly content: Uint8Array;
  /** DER of each certificate, in the order of the token. */
  readonly certificates: readonly Uint8Array[];
  readonly signer: SignerInfo;
}

export interface HashRow {
  readonly name: Exclude<HashName, 'sha1'>;
  readonly oid: string;
  readonly digestLength: number;
}

/** Hashes of requests, tokens and their attributes; SHA-1 is none of them. */
export const HASHES: readonly HashRow[] = [
  { name: 'sha256', oid: OID.sha256, digestLength: 32 },
  { name: 'sha384', oid: OID.sha384, digestLength: 48 },
  { name: 'sha512', oid: OID.sha512, digestLength: 64 },
];

/** @throws ParseError for a hash that no timestamp may use */
export function hashByOid(oid: string): HashRow {
  const row = HASHES.find((hash) => hash.oid === oid);
  if (row === undefined) throw new ParseError(`unknown or weak hash algorithm ${oid}`);
  return row;
}

/** AlgorithmIdentifier without parameters or with NULL, which mean the same (RFC 5754 §2). */
export function readAlgorithm(node: DerNode): { oid: DerNode; parameters: 'absent' | 'null' } {
  const reader = new DerReader(node.content, 'algorithm');
  const oid = reader.expect(TAG.oid, 'OID');
  const parameters = reader.optional(TAG.null);
  if (parameters !== undefined && parameters.content.length !== 0) {
    throw new ParseError('algorithm: NULL has content');
  }
  reader.end();
  return { oid, parameters: parameters === undefined ? 'absent' : 'null' };
}

function algorithmOid(node: DerNode): string {
  return readOid(readAlgorithm(node).oid);
}

function requireVersion(reader: DerReader, version: number, what: string): void {
  if (readSmallInteger(reader.expect(TAG.integer, 'version'), what) !== version) {
    throw new ParseError(`${what}: not version ${version}`);
  }
}

/** Attribute ::= SEQUENCE { type OID, values SET SIZE (1) } */
function parseAttribute(node: DerNode): [type: string, value: Uint8Array] {
  if (node.tag !== TAG.sequence) throw new ParseError('signed attribute: not a SEQUENCE');
  const reader = new DerReader(node.content, 'signed attribute');
  const type = readOid(reader.expect(TAG.oid, 'type'));
  const values = children(reader.expect(TAG.set, 'values').content, 'signed attribute');
  reader.end();
  const [value] = values;
  if (value === undefined || values.length !== 1) {
    throw new ParseError(`signed attribute ${type}: not one value`);
  }
  return [type, value.raw];
}

function parseAttributes(node: DerNode): Map<string, Uint8Array> {
  const nodes = children(node.content, 'signed attributes');
  const attributes = new Map<string, Uint8Array>();
  nodes.forEach((attribute, i) => {
    const before = nodes[i - 1];
    // SPEC RFC 5652 §5.3: SignedAttributes MUST be DER encoded; X.690 §11.6 orders a SET OF.
    if (before !== undefined && compare(before.raw, attribute.raw) > 0) {
      throw new ParseError('signed attributes: not in DER order');
    }
    const [type, value] = parseAttribute(attribute);
    // SPEC RFC 5652 §11: MUST NOT include multiple instances of these attributes.
    if (attributes.has(type)) throw new ParseError(`signed attribute ${type} occurs twice`);
    attributes.set(type, value);
  });
  return attributes;
}

function parseSigner(node: DerNode): SignerInfo {
  const reader = new DerReader(node.content, 'SignerInfo');
  // SPEC RFC 5652 §5.3: version 1 goes with issuerAndSerialNumber.
  requireVersion(reader, 1, 'SignerInfo');
  const sid = reader.sequence('issuerAndSerialNumber');
  const issuerRaw = sid.expect(TAG.sequence, 'issuer').raw;
  const serial = readInteger(sid.expect(TAG.integer, 'serial number'));
  sid.end();
  const digest = hashByOid(algorithmOid(reader.expect(TAG.sequence, 'digest algorithm')));
  // SPEC RFC 5652 §5.3: MUST be present when the content is not id-data.
  const wrapped = reader.expect(context(0), 'signed attributes');
  const attributes = parseAttributes(wrapped);
  const signatureOid = algorithmOid(reader.expect(TAG.sequence, 'signature algorithm'));
  const signature = reader.expect(TAG.octetString, 'signature').content;
  reader.end();
  const signedAttributes = Uint8Array.from(wrapped.raw);
  signedAttributes[0] = TAG.set;
  return { issuerRaw, serial, digest, attributes, signedAttributes, signatureOid, signature };
}

function parseContent(reader: DerReader): { contentType: string; content: Uint8Array } {
  const encapsulated = reader.sequence('encapsulated content');
  const contentType = readOid(encapsulated.expect(TAG.oid, 'content type'));
  const wrapped = encapsulated.expect(context(0), 'content').content;
  encapsulated.end();
  return { contentType, content: readDer(wrapped, TAG.octetString, 'content').content };
}

/** RFC 5652 §10.2.3 sets no minimum: Sigstore's own timestamp authority writes an empty set for none. */
function parseCertificates(node: DerNode | undefined): Uint8Array[] {
  if (node === undefined) return [];
  return children(node.content, 'certificates').map(({ tag, raw }) => {
    if (tag !== TAG.sequence) throw new ParseError('certificates: not an X.509 certificate');
    return raw;
  });
}

function parseDigestAlgorithms(reader: DerReader): string[] {
  const nodes = children(reader.expect(TAG.set, 'digest algorithms').content, 'SignedData');
  return nodes.map((node) => {
    if (node.tag !== TAG.sequence) throw new ParseError('digest algorithms: not a SEQUENCE');
    return algorithmOid(node);
  });
}

function parseOnlySigner(reader: DerReader, digestOids: readonly string[]): SignerInfo {
  const signers = children(reader.expect(TAG.set, 'signerInfos').content, 'signerInfos');
  const [node] = signers;
  // SPEC RFC 3161 §2.4.2: the token MUST NOT contain any signatures other than that of the TSA.
  if (node === undefined || signers.length !== 1) throw new ParseError('not one SignerInfo');
  if (node.tag !== TAG.sequence) throw new ParseError('SignerInfo: not a SEQUENCE');
  const signer = parseSigner(node);
  // SPEC RFC 5652 §5.1: MAY fail for a digest algorithm that is not in this set. No signature covers
  // the set, so without this check one token could be spelled in many ways.
  if (!digestOids.includes(signer.digest.oid)) {
    throw new ParseError('digest algorithms: lack that of the signer');
  }
  return signer;
}

/**
 * One ContentInfo with SignedData of one signer, nothing after it. Checks form alone, no signature.
 * @throws ParseError
 */
export function parseSignedData(der: Uint8Array): SignedData {
  const info = new DerReader(readDer(der, TAG.sequence, 'ContentInfo').content, 'ContentInfo');
  if (readOid(info.expect(TAG.oid, 'content type')) !== OID.signedData) {
    throw new ParseError('ContentInfo: not SignedData');
  }
  const wrapped = info.expect(context(0), 'SignedData').content;
  info.end();
  const reader = new DerReader(readDer(wrapped, TAG.sequence, 'SignedData').content, 'SignedData');
  // SPEC RFC 5652 §5.1: version 3 when eContentType is not id-data.
  requireVersion(reader, 3, 'SignedData');
  const digestOids = parseDigestAlgorithms(reader);
  const { contentType, content } = parseContent(reader);
  const certificates = parseCertificates(reader.optional(context(0)));
  const signer = parseOnlySigner(reader, digestOids);
  reader.end();
  return { contentType, content, certificates, signer };
}
