// SPDX-License-Identifier: Apache-2.0
// Requests, read at the door in either form and narrowed to what a stamp needs.
import { z } from 'zod';
import { fromBase64 } from '../core/bytes.ts';
import { HASHES, type HashRow } from '../core/cms.ts';
import { CodedError, ParseError } from '../core/errors.ts';
import { parseJson } from '../core/json.ts';
import { OID } from '../core/oid.ts';
import {
  MAX_NONCE_OCTETS,
  MAX_OID_ARCS,
  oidTooLong,
  parseTimestampRequest,
} from '../core/tsp-request.ts';

export const BODY_LIMIT = 1 << 20;
export const JSON_LIMIT = 1024;

/** A request that can be answered, but for its policy. */
export interface StampRequest {
  readonly hash: HashRow;
  readonly digest: Uint8Array;
  /** Dotted form. */
  readonly policy: string | undefined;
  /** Content octets of the INTEGER. */
  readonly nonce: Uint8Array | undefined;
  readonly certReq: boolean;
}

/** What the reference implementation says; then where and why. */
const FAILED = 'Error generating timestamp response';

function malformed(field: string, why: string, cause?: ParseError): CodedError {
  const message = `${FAILED}: ${field}: ${why}`;
  return new CodedError('TSA_REQUEST_MALFORMED', message, { field, cause });
}

function parsed<T>(field: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw error instanceof ParseError ? malformed(field, error.message, error) : error;
  }
}

function requireHash(row: HashRow | undefined, weak: boolean, name: string): HashRow {
  if (weak) {
    const message = 'Weak hash algorithm in timestamp request';
    throw new CodedError('TSA_HASH_WEAK', message, { field: 'hashAlgorithm' });
  }
  if (row === undefined) {
    const message = `${FAILED}: unknown hash algorithm ${name.slice(0, 64)}`;
    throw new CodedError('TSA_HASH_UNKNOWN', message, { field: 'hashAlgorithm' });
  }
  return row;
}

function requireLength(hash: HashRow, digest: Uint8Array, field: string): void {
  if (digest.length === hash.digestLength) return;
  const message = 'Message digest has incorrect length for specified algorithm';
  throw new CodedError('TSA_DIGEST_LENGTH', message, { field });
}

/** @throws CodedError TSA_REQUEST_MALFORMED, TSA_OID_TOO_LONG, TSA_HASH_*, TSA_DIGEST_LENGTH, TSA_EXTENSION */
export function readDerRequest(body: Uint8Array): StampRequest {
  const request = parsed('body', () => parseTimestampRequest(body));
  const { hashOid, digest, policy, nonce, certReq } = request;
  const row = HASHES.find(({ oid }) => oid === hashOid);
  const hash = requireHash(row, hashOid === OID.sha1, hashOid);
  requireLength(hash, digest, 'messageImprint.hashedMessage');
  if (request.extensions.length > 0) {
    const message = 'unaccepted extension: requested extensions are not supported by the TSA';
    throw new CodedError('TSA_EXTENSION', message, { field: 'extensions' });
  }
  return { hash, digest, policy, nonce, certReq };
}

const jsonRequest = z.strictObject({
  artifactHash: z.string(),
  hashAlgorithm: z.string(),
  certificates: z.boolean().default(false),
  // Beyond 2^53 the reader hands out bigints, so no nonce is rounded.
  nonce: z.union([z.int(), z.bigint()]).optional(),
  tsaPolicyOID: z
    .string()
    .regex(/^[0-9]+(\.[0-9]+)+$/, 'an object identifier in dotted form')
    .optional(),
});

/** Two's complement, as short as it goes. */
export function integerOctets(value: bigint): Uint8Array {
  let size = 1;
  while (BigInt.asIntN(8 * size, value) !== value) size++;
  const out = new Uint8Array(size);
  for (let i = size - 1, rest = value; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 0xffn);
  return out;
}

/** The form of the DER request and its limit: one nonce is good in both or in none. */
function nonceOctets(nonce: number | bigint | undefined): Uint8Array | undefined {
  if (nonce === undefined) return undefined;
  const octets = integerOctets(BigInt(nonce));
  if (octets.length <= MAX_NONCE_OCTETS) return octets;
  throw malformed('nonce', `more than ${MAX_NONCE_OCTETS} octets`);
}

function judgeJson(body: Uint8Array): z.output<typeof jsonRequest> {
  const json = parsed('body', () => parseJson(body, { maxDepth: 4 }));
  const result = jsonRequest.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw malformed(issue?.path.join('.') || 'body', issue?.message ?? 'not a timestamp request');
}

/** @throws CodedError TSA_JSON_TOO_LARGE and those of readDerRequest but TSA_EXTENSION */
export function readJsonRequest(body: Uint8Array): StampRequest {
  if (body.length > JSON_LIMIT) {
    const message = `timestamp request is too large: ${body.length} bytes, at most ${JSON_LIMIT}`;
    throw new CodedError('TSA_JSON_TOO_LARGE', message, { field: 'body' });
  }
  const request = judgeJson(body);
  const name = request.hashAlgorithm.toLowerCase();
  const row = HASHES.find((hash) => hash.name === name);
  const hash = requireHash(row, name === 'sha1', request.hashAlgorithm);
  const digest = parsed('artifactHash', () => fromBase64(request.artifactHash));
  requireLength(hash, digest, 'artifactHash');
  const { tsaPolicyOID: policy, nonce, certificates: certReq } = request;
  if (policy !== undefined && policy.split('.').length > MAX_OID_ARCS) {
    throw oidTooLong('tsaPolicyOID');
  }
  return { hash, digest, policy, nonce: nonceOctets(nonce), certReq };
}

/** By media type of the request. */
export const READERS: ReadonlyMap<string, (body: Uint8Array) => StampRequest> = new Map([
  ['application/timestamp-query', readDerRequest],
  ['application/json', readJsonRequest],
]);
