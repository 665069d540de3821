// SPDX-License-Identifier: Apache-2.0
// Signed certificate timestamps (RFC 6962 §3.2–3.4) and the leaf index of the static CT API.
//
//   SCT        u8 0 | log_id[32] | u64 ms | u16 extensions | u8 hash | u8 signature | u16 signature
//   extnValue  OCTET STRING { u16 { u16 SCT }* }
//   signed     u8 0 | u8 0 | u64 ms | u16 1 | issuer_key_hash[32] | u24 TBS | u16 extensions
//
// The TBS in the signed part is that of the precertificate without poison, which is that of the
// certificate without the SCT list.
import { ByteReader, concat, uint, uint64 } from './bytes.ts';
import { children, context, readDer, sequence, TAG, tlv } from './der.ts';
import { ParseError } from './errors.ts';
import { OID } from './oid.ts';
import type { Certificate, Extension } from './x509.ts';

/** HashAlgorithm and SignatureAlgorithm of RFC 5246 §7.4.1.4.1, as far as logs use them. */
export const SCT_SHA256 = 4;
export const SCT_RSA = 1;
export const SCT_ECDSA = 3;

export interface Sct {
  /** 32 octets: SHA-256 of the log's SPKI. */
  readonly logId: Uint8Array;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
  /** CtExtensions, without their length. */
  readonly extensions: Uint8Array;
  readonly hash: number;
  readonly signatureAlgorithm: number;
  readonly signature: Uint8Array;
}

export interface PrecertEntry {
  readonly timestampMs: number;
  /** SHA-256 of the SPKI of the issuing certificate. */
  readonly issuerKeyHash: Uint8Array;
  /** TBSCertificate without poison and without SCT list. */
  readonly tbs: Uint8Array;
  readonly extensions: Uint8Array;
}

/** Logs a precertificate whose maker vouches for it, and gives the SCT, encoded. */
export type SubmitPrecert = (submission: {
  /** DER, signed, with poison. */
  readonly precert: Uint8Array;
  /** TBSCertificate without poison. */
  readonly tbs: Uint8Array;
  /** SHA-256 of the issuer's SPKI. */
  readonly issuerKeyHash: Uint8Array;
  /** Issuing certificate first, root last; DER. */
  readonly chain: readonly Uint8Array[];
  /** The serial number was drawn for it, from enough random bits: it stands in no log yet. */
  readonly fresh?: boolean;
}) => Promise<Uint8Array>;

const VERSION_1 = 0;
/** SignatureType and MerkleLeafType have this value both. */
const TIMESTAMPED = 0;
const PRECERT_ENTRY = 1;
const LOG_ID_LENGTH = 32;
const LEAF_INDEX_TYPE = 0;
const LEAF_INDEX_LENGTH = 5;

function vector(size: number, bytes: Uint8Array): Uint8Array {
  return concat(uint(bytes.length, size), bytes);
}

function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length) throw new RangeError(`${what} takes ${length} octets`);
}

export function encodeSct(sct: Sct): Uint8Array {
  requireLength(sct.logId, LOG_ID_LENGTH, 'log id');
  return concat(
    Uint8Array.of(VERSION_1),
    sct.logId,
    uint64(sct.timestampMs),
    vector(2, sct.extensions),
    Uint8Array.of(sct.hash, sct.signatureAlgorithm),
    vector(2, sct.signature),
  );
}

/** One SCT of version 1, nothing after it. @throws ParseError */
export function parseSct(bytes: Uint8Array): Sct {
  const reader = new ByteReader(bytes);
  const version = reader.uint(1);
  if (version !== VERSION_1) throw new ParseError(`SCT of version ${version}`);
  const logId = reader.take(LOG_ID_LENGTH);
  const timestamp = reader.uint64();
  if (timestamp > BigInt(Number.MAX_SAFE_INTEGER)) throw new ParseError('SCT: time out of range');
  const extensions = reader.vector(2);
  const hash = reader.uint(1);
  const signatureAlgorithm = reader.uint(1);
  const signature = reader.vector(2);
  reader.end('the SCT');
  const timestampMs = Number(timestamp);
  return { logId, timestampMs, extensions, hash, signatureAlgorithm, signature };
}

/** SignedCertificateTimestampList: the content of the inner OCTET STRING. */
export function encodeSctList(scts: readonly Uint8Array[]): Uint8Array {
  if (scts.length === 0) throw new RangeError('an SCT list holds at least one');
  return vector(2, concat(...scts.map((sct) => vector(2, sct))));
}

/** @param value content of extnValue: the inner OCTET STRING, DER @throws ParseError */
export function parseSctList(value: Uint8Array): Sct[] {
  const outer = new ByteReader(readDer(value, TAG.octetString, 'SCT list').content);
  const list = new ByteReader(outer.vector(2));
  outer.end('the SCT list');
  const scts: Sct[] = [];
  while (list.remaining > 0) scts.push(parseSct(list.vector(2)));
  // SPEC RFC 6962 §3.3: at least one SCT MUST be included.
  if (scts.length === 0) throw new ParseError('SCT list is empty');
  return scts;
}

/** What the log signs (RFC 6962 §3.2). */
export function sctSignedData(entry: PrecertEntry): Uint8Array {
  requireLength(entry.issuerKeyHash, 32, 'issuer key hash');
  return concat(
    Uint8Array.of(VERSION_1, TIMESTAMPED),
    uint64(entry.timestampMs),
    uint(PRECERT_ENTRY, 2),
    entry.issuerKeyHash,
    vector(3, entry.tbs),
    vector(2, entry.extensions),
  );
}

/** leaf_input (RFC 6962 §3.4): octet for octet what the log signs. */
export function merkleTreeLeaf(entry: PrecertEntry): Uint8Array {
  return sctSignedData(entry);
}

/** CtExtensions that hold the index of the entry alone (static CT API). @param index 0 to 2^40 - 1 */
export function leafIndexExtension(index: number): Uint8Array {
  return concat(
    Uint8Array.of(LEAF_INDEX_TYPE),
    uint(LEAF_INDEX_LENGTH, 2),
    uint(index, LEAF_INDEX_LENGTH),
  );
}

/**
 * The leaf index in CtExtensions; undefined when they hold none. Unknown types are skipped, as the
 * static CT API demands; a type that occurs twice is an error.
 * @throws ParseError
 */
export function parseLeafIndexExtension(extensions: Uint8Array): number | undefined {
  const reader = new ByteReader(extensions);
  const seen = new Set<number>();
  let index: number | undefined;
  while (reader.remaining > 0) {
    const type = reader.uint(1);
    const data = reader.vector(2);
    if (seen.has(type)) throw new ParseError(`SCT extension ${type} occurs twice`);
    seen.add(type);
    if (type !== LEAF_INDEX_TYPE) continue;
    if (data.length !== LEAF_INDEX_LENGTH) throw new ParseError('leaf index takes 5 octets');
    index = new ByteReader(data).uint(LEAF_INDEX_LENGTH);
  }
  return index;
}

/** The [3] of the extensions without number `removed`; nothing when it was the only one. */
function withoutExtension(wrapped: Uint8Array, removed: number): Uint8Array {
  const { content } = readDer(wrapped, TAG.sequence, 'extensions');
  const kept = children(content, 'extensions').filter((_, i) => i !== removed);
  return kept.length === 0
    ? new Uint8Array()
    : tlv(context(3), sequence(...kept.map(({ raw }) => raw)));
}

/**
 * The TBSCertificate that a log signs: of a certificate without its SCT list, of a precertificate
 * without its poison. The three lengths around the list are encoded anew; all else stays octet for
 * octet.
 * @throws ParseError unless the certificate carries exactly one of the two extensions
 */
export function precertTbs(cert: Certificate): Uint8Array {
  const isMark = ({ oid }: Extension) => oid === OID.sctList || oid === OID.precertPoison;
  const mark = cert.extensions.findIndex(isMark);
  if (mark < 0) throw new ParseError('certificate: neither SCT list nor poison');
  if (cert.extensions.findLastIndex(isMark) !== mark) {
    throw new ParseError('certificate: both SCT list and poison');
  }
  const { content } = readDer(cert.tbs, TAG.sequence, 'TBSCertificate');
  const parts = children(content, 'TBSCertificate').map((node) =>
    node.tag === context(3) ? withoutExtension(node.content, mark) : node.raw,
  );
  return sequence(...parts);
}
