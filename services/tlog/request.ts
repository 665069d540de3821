// SPDX-License-Identifier: Apache-2.0
// The body of POST /api/v2/log/entries, dev.sigstore.rekor.v2.CreateEntryRequest in protojson:
//
//   hashedRekordRequestV002 { digest, signature { content, verifier } }
//   dsseRequestV002         { envelope { payload, payloadType, signatures [{ sig, keyid }] }, verifiers [] }
//   verifier                { publicKey { rawBytes } | x509Certificate { rawBytes }, keyDetails }
//
// Here the form alone is judged, and that nothing needed is empty; admit.ts judges the rest.
import { ALGORITHMS } from '../core/algorithm.ts';
import { envelopeFrom } from '../core/dsse.ts';
import type { EntryVerifier } from '../core/entry.ts';
import { CodedError, coded } from '../core/errors.ts';
import { parseJson } from '../core/json.ts';
import { FieldError, ProtoMessage } from '../core/protojson.ts';

export interface ProposedVerifier {
  /** Where it stands in the request. */
  readonly path: string;
  readonly key: EntryVerifier;
  /** PublicKeyDetails; 0 = unspecified. */
  readonly keyDetails: number;
}

export type Proposal =
  | {
      readonly kind: 'hashedrekord';
      readonly digest: Uint8Array;
      readonly signature: Uint8Array;
      readonly verifier: ProposedVerifier;
    }
  | {
      readonly kind: 'dsse';
      readonly payloadType: string;
      readonly payload: Uint8Array;
      readonly signature: Uint8Array;
      readonly verifier: ProposedVerifier;
    };

const HASHEDREKORD = 'hashedRekordRequestV002';
const DSSE = 'dsseRequestV002';
const VERIFIER_FIELDS = ['publicKey', 'x509Certificate', 'keyDetails'];
/** Upstream's bound for DSSE; one is needed. */
const MAX_VERIFIERS = 10;

/** Names of PublicKeyDetails that no row of ALGORITHMS carries: known, and not offered. */
const OTHER_KEY_DETAILS: ReadonlyArray<readonly [string, number]> = [
  ['PUBLIC_KEY_DETAILS_UNSPECIFIED', 0],
  ['PKCS1_RSA_PKCS1V5', 1],
  ['PKCS1_RSA_PSS', 2],
  ['PKIX_RSA_PKCS1V5', 3],
  ['PKIX_RSA_PSS', 4],
  ['PKIX_ECDSA_P256_HMAC_SHA_256', 6],
  ['LMS_SHA256', 14],
  ['LMOTS_SHA256', 15],
  ['PKIX_RSA_PSS_2048_SHA256', 16],
  ['PKIX_RSA_PSS_3072_SHA256', 17],
  ['PKIX_RSA_PSS_4096_SHA256', 18],
  ['PKIX_ECDSA_P384_SHA_256', 19],
  ['PKIX_ECDSA_P521_SHA_256', 20],
  ['ML_DSA_65', 21],
  ['ML_DSA_87', 22],
];
const KEY_DETAILS = new Map([
  ...OTHER_KEY_DETAILS,
  ...ALGORITHMS.map((row) => [row.keyDetails, row.keyDetailsNumber] as const),
]);

function nonEmpty(message: ProtoMessage, name: string): Uint8Array {
  const bytes = message.bytes(name);
  return bytes.length === 0 ? message.fail(name, 'missing or empty') : bytes;
}

function child(parent: ProtoMessage, name: string, fields: readonly string[]): ProtoMessage {
  return parent.message(name, fields) ?? parent.fail(name, 'missing');
}

function verifierFrom(message: ProtoMessage): ProposedVerifier {
  const keyDetails = message.enumNumber('keyDetails', (name) => KEY_DETAILS.get(name));
  const member = message.oneOf('publicKey', 'x509Certificate');
  if (member === undefined) return message.fail('publicKey', 'neither key nor certificate');
  const rawBytes = nonEmpty(child(message, member, ['rawBytes']), 'rawBytes');
  const key = member === 'publicKey' ? { publicKey: rawBytes } : { x509Certificate: rawBytes };
  return { path: message.path, key, keyDetails };
}

function hashedRekordFrom(message: ProtoMessage): Proposal {
  const signature = child(message, 'signature', ['content', 'verifier']);
  return {
    kind: 'hashedrekord',
    signature: nonEmpty(signature, 'content'),
    verifier: verifierFrom(child(signature, 'verifier', VERIFIER_FIELDS)),
    digest: nonEmpty(message, 'digest'),
  };
}

function dsseFrom(message: ProtoMessage): Proposal {
  const value = message.value('envelope') ?? message.fail('envelope', 'missing');
  const envelope = envelopeFrom(value, `${message.path}.envelope`);
  const verifiers = message.messages('verifiers', VERIFIER_FIELDS, MAX_VERIFIERS);
  const [signature, secondSignature] = envelope.signatures;
  const [verifier, secondVerifier] = verifiers;
  if (envelope.payload.length === 0) return message.fail('envelope.payload', 'missing or empty');
  if (envelope.payloadType === '') return message.fail('envelope.payloadType', 'missing or empty');
  if (signature === undefined || signature.sig.length === 0) {
    return message.fail('envelope.signatures', 'missing or empty');
  }
  if (verifier === undefined) return message.fail('verifiers', 'missing');
  // The entry is a hashedrekord, which holds one signature and one verifier.
  if (secondSignature !== undefined) return message.fail('envelope.signatures', 'more than one');
  if (secondVerifier !== undefined) return message.fail('verifiers', 'more than one');
  return {
    kind: 'dsse',
    payloadType: envelope.payloadType,
    payload: envelope.payload,
    signature: signature.sig,
    verifier: verifierFrom(verifier),
  };
}

function proposalFrom(root: ProtoMessage): Proposal {
  const member = root.oneOf(HASHEDREKORD, DSSE);
  if (member === undefined) {
    throw new CodedError('ENTRY_KIND', 'body: the request holds no entry', { field: 'body' });
  }
  return member === HASHEDREKORD
    ? hashedRekordFrom(child(root, member, ['digest', 'signature']))
    : dsseFrom(child(root, member, ['envelope', 'verifiers']));
}

/** @throws CodedError ENTRY_MALFORMED, ENTRY_KIND, REQUEST_MALFORMED (not JSON) */
export function parseRequest(body: Uint8Array): Proposal {
  const json = coded('REQUEST_MALFORMED', 'body', () => parseJson(body));
  try {
    return proposalFrom(new ProtoMessage(json, '', [HASHEDREKORD, DSSE]));
  } catch (error) {
    if (!(error instanceof FieldError)) throw error;
    throw new CodedError('ENTRY_MALFORMED', error.message, { field: error.path, cause: error });
  }
}
