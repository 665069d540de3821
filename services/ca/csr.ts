// SPDX-License-Identifier: Apache-2.0
// PKCS#10 (RFC 2986 §4):
//
//   CertificationRequest     SEQUENCE { info, signatureAlgorithm, signature BIT STRING }
//   CertificationRequestInfo SEQUENCE { version 0, subject, subjectPKInfo, [0] attributes }
//
// The key and the self-signature count. Subject and attributes are passed over unread: the token
// says who the subject is, and some clients write there what DER does not allow (sigstore-python
// before 4.4: UTF-8 inside IA5String).
import type { PublicKey } from '../core/algorithm.ts';
import { fromUtf8 } from '../core/bytes.ts';
import {
  context,
  DerReader,
  readBitString,
  readDer,
  readOid,
  readSmallInteger,
  TAG,
} from '../core/der.ts';
import { CodedError, ParseError } from '../core/errors.ts';
import { parsePem } from '../core/pem.ts';
import { signatureAlgorithm } from '../core/signature-algorithm.ts';
import {
  notPermitted,
  type PossessionRules,
  parseSubjectKey,
  requirePoint,
  subjectAlgorithm,
} from './key.ts';
import type { OddRequest } from './odd-csr.ts';

const FIELD = 'certificateSigningRequest';
const MAX_CSR_BYTES = 64 << 10;
const LABEL = /^(NEW )?CERTIFICATE REQUEST$/;

export interface SigningRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** What is signed. */
  readonly info: Uint8Array;
  readonly signatureOid: string;
  readonly signature: Uint8Array;
}

/** @throws ParseError */
export function walkSigningRequest(der: Uint8Array): SigningRequest {
  const outer = new DerReader(readDer(der, TAG.sequence, 'request').content, 'request');
  const { raw: info, content } = outer.expect(TAG.sequence, 'CertificationRequestInfo');
  const algorithm = outer.sequence('signature algorithm');
  const signatureOid = readOid(algorithm.expect(TAG.oid, 'algorithm'));
  const signature = readBitString(outer.expect(TAG.bitString, 'signature'));
  outer.end();
  const inner = new DerReader(content, 'request');
  const version = readSmallInteger(inner.expect(TAG.integer, 'version'), 'version');
  // SPEC RFC 2986 §4.1: version is 0.
  if (version !== 0) throw new ParseError(`request of version ${version}`);
  inner.expect(TAG.sequence, 'subject');
  const spki = inner.expect(TAG.sequence, 'SubjectPublicKeyInfo').raw;
  inner.optional(context(0));
  inner.end();
  return { spki, info, signatureOid, signature };
}

function pemBlock(bytes: Uint8Array): Uint8Array {
  const [block, second] = parsePem(fromUtf8(bytes));
  if (block === undefined || second !== undefined || !LABEL.test(block.label))
    throw new ParseError('not one PEM block CERTIFICATE REQUEST');
  return block.der;
}

function unparsable(why: string): CodedError {
  return new CodedError('CSR_UNPARSABLE', `${FIELD}: ${why}`, { field: FIELD });
}

/** A request that is BER and not DER: seldom, so the library comes when one does. */
async function odd(der: Uint8Array, why: string): Promise<OddRequest> {
  const { readOddRequest } = await import('./odd-csr.ts');
  try {
    return await readOddRequest(der);
  } catch {
    throw unparsable(why);
  }
}

/** @param bytes PEM @throws CodedError CSR_UNPARSABLE */
async function parseSigningRequest(bytes: Uint8Array): Promise<SigningRequest | OddRequest> {
  if (bytes.length > MAX_CSR_BYTES) throw unparsable(`larger than ${MAX_CSR_BYTES} bytes`);
  let der: Uint8Array | undefined;
  try {
    der = pemBlock(bytes);
    return walkSigningRequest(der);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    if (der === undefined) throw unparsable(error.message);
    return odd(der, error.message);
  }
}

/**
 * The key of a request that is signed with it.
 * @throws CodedError CSR_UNPARSABLE, KEY_UNPARSABLE, KEY_WEAK, POSSESSION_INVALID, and
 *   KEY_NOT_PERMITTED for a signature algorithm that is not the one of the key
 */
export async function checkSigningRequest(
  { crypto }: PossessionRules,
  bytes: Uint8Array,
): Promise<PublicKey> {
  const request = await parseSigningRequest(bytes);
  const key = parseSubjectKey(request.spki, FIELD);
  const algorithm = signatureAlgorithm(request.signatureOid, key.kind);
  if (algorithm === undefined) {
    throw new CodedError('KEY_NOT_PERMITTED', 'unrecognized signature algorithm', { field: FIELD });
  }
  const valid =
    'signatureValid' in request
      ? request.signatureValid
      : crypto.verify(key, algorithm, request.info, request.signature);
  if (!valid) {
    requirePoint(key, FIELD);
    throw new CodedError('POSSESSION_INVALID', `${FIELD}: not signed with its own key`, {
      field: FIELD,
    });
  }
  if (algorithm.hash !== subjectAlgorithm(key).hash) throw notPermitted(algorithm, key.sizeBits);
  return key;
}
