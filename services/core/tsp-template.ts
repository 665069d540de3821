// SPDX-License-Identifier: Apache-2.0
// Timestamp responses written from a template: everything that no request changes stands encoded
// once, and one backward pass writes the rest. ECDSA P-256 with SHA-256; structures as tsp-token.ts
// and cms.ts read them. The caller digests and signs between the three steps:
//
//   tstInfo → digest → signedAttributes → signature → timestampResponse
import { HASHES, type HashRow } from './cms.ts';
import type { Crypto } from './crypto.ts';
import {
  certificateTime,
  context,
  generalizedTime,
  octetString,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
} from './der.ts';
import { DerWriter } from './der-writer.ts';
import { OID } from './oid.ts';
import type { Certificate } from './x509.ts';

export interface StampFields {
  readonly hash: HashRow;
  /** As long as the hash makes it. */
  readonly digest: Uint8Array;
  /** DER of the OBJECT IDENTIFIER. */
  readonly policy: Uint8Array;
  /** Unsigned, big-endian, not zero. */
  readonly serial: Uint8Array;
  /** A whole second. */
  readonly genTimeMs: number;
  /** Content octets of the INTEGER. */
  readonly nonce: Uint8Array | undefined;
}

/** One second, as genTime and as signingTime spell it. */
interface Second {
  readonly ms: number;
  readonly genTime: Uint8Array;
  readonly signingTime: Uint8Array;
}

export interface StampTemplate {
  /** Scratch of each step; holds nothing between them. */
  readonly writer: DerWriter;
  /** The second stamped last: thousands of stamps share it. Replaced by secondOf() alone. */
  second: Second;
  readonly algorithms: ReadonlyMap<HashRow, Uint8Array>;
  /** tsa [0] of TSTInfo. */
  readonly tsa: Uint8Array;
  /** Signed attributes that never change. */
  readonly contentType: Uint8Array;
  readonly signingCertificate: Uint8Array;
  /** version, issuerAndSerialNumber and digestAlgorithm of SignerInfo. */
  readonly signerHead: Uint8Array;
  /** certificates [0]: the leaf alone. */
  readonly certificates: Uint8Array;
  /** version and digestAlgorithms of SignedData. */
  readonly signedDataHead: Uint8Array;
}

const VERSION_1 = smallInteger(1);
/** SPEC RFC 5754 §2: SHA-2 identifiers in CMS SHOULD have no parameters. */
const SHA256 = sequence(oid(OID.sha256));
/** SPEC RFC 5758 §3.2: the parameters MUST be absent. */
const ECDSA_SHA256 = sequence(oid(OID.ecdsaSha256));
const ACCURACY = sequence(smallInteger(1));
const GRANTED = sequence(smallInteger(0));
const TST_INFO_OID = oid(OID.tstInfo);
const SIGNED_DATA_OID = oid(OID.signedData);
const SIGNING_TIME_OID = oid(OID.signingTime);
const MESSAGE_DIGEST_OID = oid(OID.messageDigest);
const EXPLICIT_0 = context(0);

function attribute(type: string, value: Uint8Array): Uint8Array {
  return sequence(oid(type), tlv(TAG.set, value));
}

function encodeSecond(ms: number): Second {
  return { ms, genTime: generalizedTime(ms), signingTime: certificateTime(ms) };
}

function secondOf(template: StampTemplate, ms: number): Second {
  if (template.second.ms !== ms) template.second = encodeSecond(ms);
  return template.second;
}

/** The parts that follow from the leaf. */
export function prepareStamps(crypto: Crypto, leaf: Certificate): StampTemplate {
  const serial = tlv(TAG.integer, leaf.serial);
  const issuer = sequence(tlv(context(4), leaf.issuer.raw));
  // RFC 5816 §2.2.1: SHA-256 is the DEFAULT and stands nowhere.
  const certId = sequence(octetString(crypto.digest('sha256', leaf.der)), sequence(issuer, serial));
  return {
    writer: new DerWriter(),
    second: encodeSecond(0),
    algorithms: new Map(HASHES.map((hash) => [hash, sequence(oid(hash.oid), tlv(TAG.null))])),
    tsa: tlv(context(0), tlv(context(4), leaf.subject.raw)),
    contentType: attribute(OID.contentType, TST_INFO_OID),
    signingCertificate: attribute(OID.signingCertificateV2, sequence(sequence(certId))),
    signerHead: new Uint8Array([...VERSION_1, ...sequence(leaf.issuer.raw, serial), ...SHA256]),
    certificates: tlv(EXPLICIT_0, leaf.der),
    signedDataHead: new Uint8Array([...smallInteger(3), ...setOf(SHA256)]),
  };
}

function putInteger(writer: DerWriter, content: Uint8Array): void {
  const end = writer.length;
  writer.put(content);
  writer.wrap(TAG.integer, end);
}

/** A positive INTEGER needs a zero octet before a set high bit, and none before a clear one. */
function putSerial(writer: DerWriter, serial: Uint8Array): void {
  let start = 0;
  while (serial[start] === 0) start++;
  const end = writer.length;
  writer.put(serial.subarray(start));
  if ((serial[start] as number) >= 0x80) writer.octet(0);
  writer.wrap(TAG.integer, end);
}

/** DER of the TSTInfo: no ordering, no extensions. */
export function tstInfo(template: StampTemplate, fields: StampFields): Uint8Array {
  const { writer } = template;
  const algorithm = template.algorithms.get(fields.hash);
  if (algorithm === undefined) throw new RangeError(`no template for ${fields.hash.name}`);
  writer.reset();
  writer.put(template.tsa);
  if (fields.nonce !== undefined) putInteger(writer, fields.nonce);
  writer.put(ACCURACY);
  writer.put(secondOf(template, fields.genTimeMs).genTime);
  putSerial(writer, fields.serial);
  const imprint = writer.length;
  writer.put(fields.digest);
  writer.wrap(TAG.octetString, imprint);
  writer.put(algorithm);
  writer.wrap(TAG.sequence, imprint);
  writer.put(fields.policy);
  writer.put(VERSION_1);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}

/**
 * The signed attributes as they are signed, under the tag of SET OF. Their order is that of DER:
 * each is longer than the one before, and the length is the first octet in which they differ.
 * @param digest SHA-256 of the TSTInfo @param timeMs a whole second
 */
export function signedAttributes(
  template: StampTemplate,
  digest: Uint8Array,
  timeMs: number,
): Uint8Array {
  const { writer } = template;
  writer.reset();
  writer.put(template.signingCertificate);
  const messageDigest = writer.length;
  writer.put(digest);
  writer.wrap(TAG.octetString, messageDigest);
  writer.wrap(TAG.set, messageDigest);
  writer.put(MESSAGE_DIGEST_OID);
  writer.wrap(TAG.sequence, messageDigest);
  const signingTime = writer.length;
  writer.put(secondOf(template, timeMs).signingTime);
  writer.wrap(TAG.set, signingTime);
  writer.put(SIGNING_TIME_OID);
  writer.wrap(TAG.sequence, signingTime);
  writer.put(template.contentType);
  writer.wrap(TAG.set, 0);
  return writer.finish();
}

export interface StampParts {
  readonly tstInfo: Uint8Array;
  readonly signedAttributes: Uint8Array;
  /** ECDSA over the signed attributes, as ASN.1 DER. */
  readonly signature: Uint8Array;
  /** certReq of the request. */
  readonly embedLeaf: boolean;
}

/** DER of the whole TimeStampResp, status granted. */
export function timestampResponse(template: StampTemplate, parts: StampParts): Uint8Array {
  const { writer } = template;
  writer.reset();
  writer.put(parts.signature);
  writer.wrap(TAG.octetString, 0);
  writer.put(ECDSA_SHA256);
  // RFC 5652 §5.3: in the token they stand under [0].
  writer.put(parts.signedAttributes.subarray(1));
  writer.octet(EXPLICIT_0);
  writer.put(template.signerHead);
  writer.wrap(TAG.sequence, 0);
  writer.wrap(TAG.set, 0);
  if (parts.embedLeaf) writer.put(template.certificates);
  const encapsulated = writer.length;
  writer.put(parts.tstInfo);
  writer.wrap(TAG.octetString, encapsulated);
  writer.wrap(EXPLICIT_0, encapsulated);
  writer.put(TST_INFO_OID);
  writer.wrap(TAG.sequence, encapsulated);
  writer.put(template.signedDataHead);
  writer.wrap(TAG.sequence, 0);
  writer.wrap(EXPLICIT_0, 0);
  writer.put(SIGNED_DATA_OID);
  writer.wrap(TAG.sequence, 0);
  writer.put(GRANTED);
  writer.wrap(TAG.sequence, 0);
  return writer.finish();
}
