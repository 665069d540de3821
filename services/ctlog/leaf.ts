// SPDX-License-Identifier: Apache-2.0
// The bytes of one CT log entry, in the three forms that the two APIs show:
//
//   TimestampedEntry  u64 ms | u16 type | x509: u24 cert / precert: issuer_key_hash[32] u24 TBS | u16 ext
//   leaf_input        u8 0 | u8 0 | TimestampedEntry                        RFC 6962 §3.4
//   TileLeaf          TimestampedEntry | precert: u24 precert | u16 { fingerprint[32] }*   static-ct-api
//   extra_data        precert: u24 precert | u24 { u24 cert }*              RFC 6962 §4.6
//
// The signed part of an SCT (RFC 6962 §3.2) has the very bytes of leaf_input: version 0, type 0.
import { ByteReader, concat, uint, uint64 } from '../core/bytes.ts';
import { ParseError } from '../core/errors.ts';

const X509_ENTRY = 0;
const PRECERT_ENTRY = 1;
const HASH_LENGTH = 32;

/** What a submission asks to be logged. */
export type CtEntry =
  | { readonly type: 'x509'; readonly certificate: Uint8Array }
  | {
      readonly type: 'precert';
      readonly precert: Uint8Array;
      /** TBSCertificate without poison. */
      readonly tbs: Uint8Array;
      /** SHA-256 of the issuer's SPKI. */
      readonly issuerKeyHash: Uint8Array;
    };

function vector(size: number, bytes: Uint8Array): Uint8Array {
  return concat(uint(bytes.length, size), bytes);
}

/** entry_type and signed_entry: what makes two submissions the same. */
export function signedEntry(entry: CtEntry): Uint8Array {
  return entry.type === 'x509'
    ? concat(uint(X509_ENTRY, 2), vector(3, entry.certificate))
    : concat(uint(PRECERT_ENTRY, 2), entry.issuerKeyHash, vector(3, entry.tbs));
}

export function timestampedEntry(
  entry: CtEntry,
  timestampMs: number,
  extensions: Uint8Array,
): Uint8Array {
  return concat(uint64(timestampMs), signedEntry(entry), vector(2, extensions));
}

/** MerkleTreeLeaf, and the signed part of the SCT. */
export function leafInput(timestamped: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0, 0), timestamped);
}

/** @param fingerprints SHA-256 of the issuers, issuing certificate first, root last */
export function tileLeaf(
  entry: CtEntry,
  timestamped: Uint8Array,
  fingerprints: readonly Uint8Array[],
): Uint8Array {
  const precert = entry.type === 'precert' ? vector(3, entry.precert) : new Uint8Array();
  return concat(timestamped, precert, vector(2, concat(...fingerprints)));
}

export interface ParsedLeaf {
  readonly timestampMs: number;
  /** Octets of the TimestampedEntry inside the TileLeaf. */
  readonly timestamped: Uint8Array;
  readonly extensions: Uint8Array;
  readonly precert: Uint8Array | undefined;
  readonly fingerprints: readonly Uint8Array[];
}

/** @throws ParseError */
export function parseTileLeaf(bytes: Uint8Array): ParsedLeaf {
  const reader = new ByteReader(bytes);
  const timestamp = reader.uint64();
  if (timestamp > BigInt(Number.MAX_SAFE_INTEGER)) throw new ParseError('time out of range');
  const timestampMs = Number(timestamp);
  const type = reader.uint(2);
  if (type === PRECERT_ENTRY) reader.take(HASH_LENGTH);
  else if (type !== X509_ENTRY) throw new ParseError(`entry type ${type}`);
  reader.vector(3);
  const extensions = reader.vector(2);
  const timestamped = bytes.subarray(0, bytes.length - reader.remaining);
  const precert = type === PRECERT_ENTRY ? reader.vector(3) : undefined;
  const chain = new ByteReader(reader.vector(2));
  reader.end('the tile leaf');
  const fingerprints: Uint8Array[] = [];
  while (chain.remaining > 0) fingerprints.push(chain.take(HASH_LENGTH));
  return { timestampMs, timestamped, extensions, precert, fingerprints };
}

/** @param chain DER of the issuers, in the order of the fingerprints */
export function extraData(leaf: ParsedLeaf, chain: readonly Uint8Array[]): Uint8Array {
  const list = vector(3, concat(...chain.map((der) => vector(3, der))));
  return leaf.precert === undefined ? list : concat(vector(3, leaf.precert), list);
}
