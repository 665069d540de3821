// SPDX-License-Identifier: Apache-2.0
// Timestamp requests (RFC 3161 §2.4.1), strict both ways:
//
//   TimeStampReq SEQUENCE { version 1, SEQUENCE { hashAlgorithm, hashedMessage }, reqPolicy OID OPTIONAL,
//                nonce INTEGER OPTIONAL, certReq BOOLEAN DEFAULT FALSE, extensions [0] OPTIONAL }
import { readAlgorithm } from './cms.ts';
import {
  context,
  type DerNode,
  DerReader,
  octetString,
  oid,
  readBoolean,
  readDer,
  readInteger,
  readOid,
  readSmallInteger,
  sequence,
  smallInteger,
  TAG,
  tlv,
} from './der.ts';
import { CodedError, ParseError } from './errors.ts';
import { type Extension, parseExtensions } from './x509-extensions.ts';

export interface TimestampRequest {
  readonly hashOid: string;
  /** Two spellings of one algorithm. */
  readonly hashParameters: 'absent' | 'null';
  /** As long as the request made it: whether it fits its hash is judged by who answers. */
  readonly digest: Uint8Array;
  readonly policy?: string;
  /** Content octets of the INTEGER, which an answer repeats as they are. */
  readonly nonce?: Uint8Array;
  readonly certReq: boolean;
  readonly extensions: readonly Extension[];
}

/** A nonce is random: 160 bits are usual. What is longer would only bloat answers. */
export const MAX_NONCE_OCTETS = 128;
export const MAX_OID_ARCS = 128;
const TRUE = Uint8Array.of(0xff);

/** Before the OID is decoded (GHSA-4qg8-fj49-pxjh). @throws CodedError TSA_OID_TOO_LONG */
function boundedOid(node: DerNode, field: string): string {
  let arcs = 1;
  for (const octet of node.content) if (octet < 0x80) arcs++;
  if (arcs > MAX_OID_ARCS) throw oidTooLong(field);
  return readOid(node);
}

export function oidTooLong(field: string): CodedError {
  const message = `OID should be comprised of at most ${MAX_OID_ARCS} components`;
  return new CodedError('TSA_OID_TOO_LONG', message, { field });
}

function parseNonce(node: DerNode): Uint8Array {
  const nonce = readInteger(node);
  if (nonce.length > MAX_NONCE_OCTETS) {
    throw new ParseError(`nonce of more than ${MAX_NONCE_OCTETS} octets`);
  }
  return nonce;
}

function parseImprint(reader: DerReader) {
  const algorithm = readAlgorithm(reader.expect(TAG.sequence, 'hash algorithm'));
  const hashOid = boundedOid(algorithm.oid, 'messageImprint.hashAlgorithm');
  const digest = reader.expect(TAG.octetString, 'hashed message').content;
  reader.end();
  return { hashOid, hashParameters: algorithm.parameters, digest };
}

function parseCertReq(node: DerNode | undefined): boolean {
  // X.690 §11.5: a DEFAULT value is not encoded.
  if (node !== undefined && !readBoolean(node)) throw new ParseError('certReq: encoded DEFAULT');
  return node !== undefined;
}

/**
 * One TimeStampReq, nothing after it.
 * @throws ParseError @throws CodedError TSA_OID_TOO_LONG
 */
export function parseTimestampRequest(der: Uint8Array): TimestampRequest {
  const what = 'TimeStampReq';
  const reader = new DerReader(readDer(der, TAG.sequence, what).content, what);
  const version = readSmallInteger(reader.expect(TAG.integer, 'version'), 'version');
  if (version !== 1) throw new ParseError(`${what}: version ${version}, not 1`);
  const imprint = parseImprint(reader.sequence('messageImprint'));
  const policy = reader.optional(TAG.oid);
  const nonce = reader.optional(TAG.integer);
  const certReq = parseCertReq(reader.optional(TAG.boolean));
  const extensions = reader.optional(context(0));
  reader.end();
  return {
    ...imprint,
    ...(policy === undefined ? {} : { policy: boundedOid(policy, 'reqPolicy') }),
    ...(nonce === undefined ? {} : { nonce: parseNonce(nonce) }),
    certReq,
    extensions: extensions === undefined ? [] : parseExtensions(sequence(extensions.content)),
  };
}

function encodeExtension({ oid: id, critical, value }: Extension): Uint8Array {
  const flag = critical ? [tlv(TAG.boolean, TRUE)] : [];
  return sequence(oid(id), ...flag, octetString(value));
}

/** The DER that parseTimestampRequest reads as `request`. */
export function encodeTimestampRequest(request: TimestampRequest): Uint8Array {
  const { hashOid, hashParameters, digest, policy, nonce, certReq, extensions } = request;
  const algorithm = sequence(oid(hashOid), ...(hashParameters === 'null' ? [tlv(TAG.null)] : []));
  return sequence(
    smallInteger(1),
    sequence(algorithm, octetString(digest)),
    ...(policy === undefined ? [] : [oid(policy)]),
    ...(nonce === undefined ? [] : [tlv(TAG.integer, nonce)]),
    ...(certReq ? [tlv(TAG.boolean, TRUE)] : []),
    ...(extensions.length === 0 ? [] : [tlv(context(0), ...extensions.map(encodeExtension))]),
  );
}
