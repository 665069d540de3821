// SPDX-License-Identifier: Apache-2.0
// What clients post: CreateSigningCertificateRequest of the v2 API (protojson) and the legacy v1 body.
import { utf8 } from '../core/bytes.ts';
import type { PublicKey } from '../core/crypto.ts';
import { CodedError, coded } from '../core/errors.ts';
import { isJsonObject, type Json, type JsonObject, parseJson } from '../core/json.ts';
import { decodeBytes, parseSigningRequest, parseSubjectKey, type SigningRequest } from './key.ts';

export type SubjectProof =
  | { readonly kind: 'possession'; readonly key: PublicKey; readonly signature: Uint8Array }
  | { readonly kind: 'csr'; readonly request: SigningRequest; readonly key: PublicKey };

export interface CertificateRequest {
  /** Empty when the body carries none. */
  readonly token: string;
  /** Parsed after the token was judged, as clients expect of errors. */
  readonly proof: () => SubjectProof;
}

function snake(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A field in either spelling; `null` is absent; both spellings at once are a fault. */
function pick(object: JsonObject, name: string): Json | undefined {
  const [camelCase, snakeCase] = [object[name], object[snake(name)]];
  if (snake(name) !== name && camelCase !== undefined && snakeCase !== undefined) {
    throw new CodedError('REQUEST_MALFORMED', `${name} is given twice`, { field: name });
  }
  return (camelCase ?? snakeCase) === null ? undefined : (camelCase ?? snakeCase);
}

function text(object: JsonObject, name: string): string {
  const value = pick(object, name) ?? '';
  if (typeof value !== 'string')
    throw new CodedError('REQUEST_MALFORMED', `${name}: not text`, { field: name });
  return value;
}

function message(object: JsonObject, name: string): JsonObject | undefined {
  const value = pick(object, name);
  if (value === undefined || isJsonObject(value)) return value;
  throw new CodedError('REQUEST_MALFORMED', `${name}: not an object`, { field: name });
}

function parseBody(body: Uint8Array): JsonObject {
  if (body.length === 0) return {};
  const json = coded('REQUEST_MALFORMED', 'body', () => parseJson(body, { maxDepth: 16 }));
  if (!isJsonObject(json))
    throw new CodedError('REQUEST_MALFORMED', 'body: not an object', { field: 'body' });
  return json;
}

function csrProof(encoded: string): SubjectProof {
  const request = parseSigningRequest(
    decodeBytes('CSR_UNPARSABLE', 'certificateSigningRequest', encoded),
  );
  return { kind: 'csr', request, key: request.key };
}

/** @throws CodedError REQUEST_MALFORMED, CREDENTIALS_AMBIGUOUS */
export function parseV2Request(body: Uint8Array): CertificateRequest {
  const root = parseBody(body);
  const token = text(message(root, 'credentials') ?? {}, 'oidcIdentityToken');
  const keyRequest = message(root, 'publicKeyRequest');
  const csr = text(root, 'certificateSigningRequest');
  if (keyRequest !== undefined && pick(root, 'certificateSigningRequest') !== undefined) {
    throw new CodedError(
      'CREDENTIALS_AMBIGUOUS',
      'publicKeyRequest and certificateSigningRequest exclude each other',
      { field: 'certificateSigningRequest' },
    );
  }
  if (csr !== '') return { token, proof: () => csrProof(csr) };
  const publicKey = message(keyRequest ?? {}, 'publicKey') ?? {};
  const content = text(publicKey, 'content');
  const possession = text(keyRequest ?? {}, 'proofOfPossession');
  return {
    token,
    proof: () => ({
      kind: 'possession',
      key: parseSubjectKey(utf8OrBytes(content), 'publicKeyRequest.publicKey.content'),
      signature: decodeBytes(
        'POSSESSION_INVALID',
        'publicKeyRequest.proofOfPossession',
        possession,
      ),
    }),
  };
}

/** `content` is a protobuf string: PEM, or DER that a client put in as base64. */
function utf8OrBytes(content: string): Uint8Array {
  return content.includes('-----BEGIN') || content === ''
    ? utf8(content)
    : decodeBytes('KEY_UNPARSABLE', 'publicKeyRequest.publicKey.content', content);
}

/** Legacy: `publicKey.content` is base64 of PEM or DER, `signedEmailAddress` the proof. @throws CodedError */
export function parseV1Request(body: Uint8Array): CertificateRequest {
  const root = parseBody(body);
  const csr = text(root, 'certificateSigningRequest');
  if (csr !== '') return { token: '', proof: () => csrProof(csr) };
  const content = text(message(root, 'publicKey') ?? {}, 'content');
  const possession = text(root, 'signedEmailAddress');
  return {
    token: '',
    proof: () => ({
      kind: 'possession',
      key: parseSubjectKey(
        decodeBytes('KEY_UNPARSABLE', 'publicKey.content', content),
        'publicKey.content',
      ),
      signature: decodeBytes('POSSESSION_INVALID', 'signedEmailAddress', possession),
    }),
  };
}
