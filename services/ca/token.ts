// SPDX-License-Identifier: Apache-2.0
// Identity tokens (OpenID Connect Core §3.1.3.7): in this order
//
//   1. three parts, counted before anything is decoded
//   2. an issuer that is configured: exactly, else by the longest wildcard  issuer-table.ts
//   3. aud, exp, nbf; iat, nonce and jti are not judged
//   4. algorithm, key and signature                                  issuer-keys.ts
//   5. the claims that make the identity                             identity.ts
import { fromUtf8 } from '../core/bytes.ts';
import { CodedError, coded } from '../core/errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../core/json.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/telemetry.ts';
import type { Identity } from './claims.ts';
import type { IssuerConfig } from './issuer-fields.ts';
import { issuerTable, type LocalKeys } from './issuer-table.ts';

const MAX_TOKEN = 32 * 1024;
const NBF_LEEWAY_SECONDS = 300;
const BASE64URL = /^[A-Za-z0-9_-]+$/;

/** @throws CodedError TOKEN_* */
export type TokenVerifier = (token: string) => Promise<Identity>;

function malformed(why: string): CodedError {
  return new CodedError('TOKEN_MALFORMED', why, { field: 'token' });
}

function decodePart(part: string, what: string): Uint8Array {
  if (!BASE64URL.test(part) || part.length % 4 === 1) throw malformed(`${what} is not base64url`);
  return Buffer.from(part, 'base64url');
}

function decodeObject(part: string, what: string): JsonObject {
  const bytes = decodePart(part, what);
  const json = coded('TOKEN_MALFORMED', what, () => parseJson(fromUtf8(bytes), { maxDepth: 16 }));
  if (!isJsonObject(json)) throw malformed(`${what} is not an object`);
  return json;
}

/** SPEC GHSA-f83f-xpx7-ffpw: exactly two dots, looked for before anything is decoded. */
function splitToken(token: string): [header: string, payload: string, signature: string] {
  if (token === '')
    throw new CodedError('TOKEN_MISSING', 'the request carries no token', { field: 'token' });
  if (token.length > MAX_TOKEN) throw malformed(`the token is longer than ${MAX_TOKEN} characters`);
  const first = token.indexOf('.');
  const second = token.indexOf('.', first + 1);
  if (first < 0 || second < 0 || token.includes('.', second + 1))
    throw malformed('the token has not three parts');
  return [token.slice(0, first), token.slice(first + 1, second), token.slice(second + 1)];
}

function numericDate(claims: JsonObject, field: 'exp' | 'nbf'): number | undefined {
  const value = claims[field];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) {
    throw new CodedError('TOKEN_CLAIM', `claim ${field}: not a number of seconds`, { field });
  }
  return value;
}

/** SPEC RFC 7519 §4.1.4: refused on and after `exp`, without leeway; absent counts as expired. */
function checkTimes(claims: JsonObject, nowMs: number): void {
  const exp = numericDate(claims, 'exp');
  if (exp === undefined || nowMs >= exp * 1000) {
    const why = exp === undefined ? 'the token has no expiry' : 'the token has expired';
    throw new CodedError('TOKEN_EXPIRED', why, { field: 'exp' });
  }
  const nbf = numericDate(claims, 'nbf');
  if (nbf !== undefined && nowMs < (nbf - NBF_LEEWAY_SECONDS) * 1000) {
    throw new CodedError('TOKEN_NOT_YET_VALID', 'the token is not valid yet', { field: 'nbf' });
  }
}

/** SPEC RFC 7519 §4.1.3: one string or a list; ours must be in it. */
function checkAudience({ aud }: JsonObject, audience: string): void {
  if (aud === audience || (Array.isArray(aud) && aud.includes(audience))) return;
  throw new CodedError('TOKEN_AUDIENCE', `the token is not for the audience ${audience}`, {
    field: 'aud',
  });
}

/**
 * @param localKeys keys of issuers that live in this process, by issuer URL
 * @throws CodedError CONFIG_INVALID for a file that an issuer names and that cannot be read
 */
export function tokenVerifier(
  issuers: readonly IssuerConfig[],
  clock: Clock,
  logger: Logger,
  localKeys: LocalKeys,
): TokenVerifier {
  const findIssuer = issuerTable(issuers, { clock, logger, localKeys });
  return async (token) => {
    const [headerPart, payloadPart, signaturePart] = splitToken(token);
    const { alg, kid, crit } = decodeObject(headerPart, 'token header');
    const claims = decodeObject(payloadPart, 'token payload');
    const signature = decodePart(signaturePart, 'token signature');
    const { iss } = claims;
    const issuer = typeof iss === 'string' ? findIssuer(iss) : undefined;
    if (issuer === undefined) {
      const named = typeof iss === 'string' ? JSON.stringify(iss.slice(0, 256)) : 'none';
      throw new CodedError('TOKEN_ISSUER_UNKNOWN', `no such issuer: ${named}`, { field: 'iss' });
    }
    if (typeof alg !== 'string')
      throw new CodedError('TOKEN_ALGORITHM', 'the token names no algorithm', { field: 'alg' });
    // SPEC RFC 7515 §4.1.11: extensions that are not understood MUST lead to refusal.
    if (crit !== undefined) throw malformed('the token header demands extensions');
    checkAudience(claims, issuer.config.audience);
    checkTimes(claims, clock());
    await issuer.verify({
      algorithm: alg,
      kid: typeof kid === 'string' ? kid : undefined,
      signed: Buffer.from(token.slice(0, headerPart.length + 1 + payloadPart.length), 'latin1'),
      signature,
    });
    return issuer.read(claims);
  };
}
