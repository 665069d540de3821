// SPDX-License-Identifier: Apache-2.0
// What clients post: CreateSigningCertificateRequest of the v2 API and the legacy v1 body, both in
// the JSON mapping of protobuf: camelCase or snake_case, null = absent, unknown fields ignored, any
// base64. `algorithm` is such an unknown field: clients write anything there.
import { z } from 'zod';
import { fromAnyBase64, utf8 } from '../core/bytes.ts';
import { CodedError, coded, ParseError } from '../core/errors.ts';
import { isJsonObject, type Json, parseJson } from '../core/json.ts';

/** How the client shows that it holds the key. */
export type Proof =
  | { readonly kind: 'csr'; readonly csr: Uint8Array }
  | {
      readonly kind: 'possession';
      /** PEM or DER; empty when absent. */
      readonly publicKey: Uint8Array;
      readonly signature: Uint8Array;
    };

export interface CertificateRequest {
  /** Empty when the body carries none. */
  readonly token: string;
  readonly proof: Proof;
}

const MAX_DEPTH = 16;

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** A message of these fields, in either spelling. */
function message<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape).map((name) => [name, snakeCase(name)] as const);
  return z.preprocess((value, context) => {
    if (!isJsonObject(value as Json)) return value;
    const given = value as Record<string, Json>;
    const fields: Record<string, Json> = {};
    for (const [camel, snake] of names) {
      if (camel !== snake && given[camel] !== undefined && given[snake] !== undefined) {
        context.addIssue({ code: 'custom', path: [camel], message: 'given in both spellings' });
      }
      const field = given[camel] ?? given[snake] ?? null;
      if (field !== null) fields[camel] = field;
    }
    return fields;
  }, z.object(shape));
}

const text = z.string().default('');
const bytes = z.string().transform((value, context) => {
  try {
    return fromAnyBase64(value);
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

const v2Request = message({
  credentials: message({ oidcIdentityToken: text }).optional(),
  publicKeyRequest: message({
    publicKey: message({ content: text }).optional(),
    proofOfPossession: bytes.optional(),
  }).optional(),
  certificateSigningRequest: bytes.optional(),
});

const v1Request = message({
  publicKey: message({ content: bytes.optional() }).optional(),
  signedEmailAddress: bytes.optional(),
  certificateSigningRequest: bytes.optional(),
});

/** An empty body is an empty message. */
function parseBody<S extends z.ZodType>(schema: S, body: Uint8Array): z.output<S> {
  const json =
    body.length === 0
      ? {}
      : coded('REQUEST_MALFORMED', 'body', () => parseJson(body, { maxDepth: MAX_DEPTH }));
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const field = issue?.path.join('.') || 'body';
  throw new CodedError('REQUEST_MALFORMED', `${field}: ${issue?.message}`, { field });
}

const NOTHING = new Uint8Array();

/** `content` is text in v2: PEM, or base64 where a client holds DER. */
function keyBytes(content: string): Uint8Array {
  if (content.includes('-----BEGIN')) return utf8(content);
  try {
    return fromAnyBase64(content);
  } catch {
    return utf8(content);
  }
}

/** @throws CodedError REQUEST_MALFORMED, CREDENTIALS_AMBIGUOUS */
export function parseV2Request(body: Uint8Array): CertificateRequest {
  const { credentials, publicKeyRequest, certificateSigningRequest } = parseBody(v2Request, body);
  // SPEC protobuf's JSON mapping: a oneof has at most one member; here an empty one counts too.
  if (publicKeyRequest !== undefined && certificateSigningRequest !== undefined) {
    throw new CodedError(
      'CREDENTIALS_AMBIGUOUS',
      'publicKeyRequest and certificateSigningRequest exclude each other',
      { field: 'certificateSigningRequest' },
    );
  }
  const token = credentials?.oidcIdentityToken ?? '';
  const csr = certificateSigningRequest ?? NOTHING;
  if (csr.length > 0) return { token, proof: { kind: 'csr', csr } };
  const publicKey = keyBytes(publicKeyRequest?.publicKey?.content ?? '');
  const signature = publicKeyRequest?.proofOfPossession ?? NOTHING;
  return { token, proof: { kind: 'possession', publicKey, signature } };
}

/** v1 has no oneof: a request that is not empty wins. @throws CodedError REQUEST_MALFORMED */
export function parseV1Request(body: Uint8Array): CertificateRequest {
  const request = parseBody(v1Request, body);
  const csr = request.certificateSigningRequest ?? NOTHING;
  if (csr.length > 0) return { token: '', proof: { kind: 'csr', csr } };
  const publicKey = request.publicKey?.content ?? NOTHING;
  const signature = request.signedEmailAddress ?? NOTHING;
  return { token: '', proof: { kind: 'possession', publicKey, signature } };
}
