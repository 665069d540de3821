// SPDX-License-Identifier: Apache-2.0
// Identity tokens (OpenID Connect): whose they are, whether the issuer signed them, whether they hold now.
import { readFileSync } from 'node:fs';
import { type CryptoKey, compactVerify, importJWK, type JWK } from 'jose';
import { fromAnyBase64 } from '../core/bytes.ts';
import { CodedError, coded } from '../core/errors.ts';
import { isJsonObject, type Json, type JsonObject, parseJson } from '../core/json.ts';
import type { Clock } from '../runtime/clock.ts';
import type { IssuerConfig } from './config.ts';
import { fetchText } from './fetch.ts';
import { type Identity, type IdentityReader, identityReader } from './identity.ts';

const MAX_TOKEN = 32 * 1024;
const NBF_LEEWAY_SECONDS = 300;
const KEYS_FRESH_MS = 600_000;
const REFETCH_MS = 10_000;
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
];

interface IssuerKey {
  readonly kid: string | undefined;
  readonly jwk: JWK;
}

interface KeySet {
  readonly keys: readonly IssuerKey[];
  readonly algorithms: readonly string[];
}

/** Where the keys of an issuer come from. */
type KeySource = () => Promise<KeySet>;

function unreachable(url: string, why: string): CodedError {
  return new CodedError('TOKEN_ISSUER_UNREACHABLE', `issuer ${url}: ${why}`, { field: 'iss' });
}

function readKeySet(json: Json): IssuerKey[] {
  const keys = isJsonObject(json) ? json.keys : undefined;
  if (!Array.isArray(keys)) throw new Error('the key set holds no list of keys');
  return keys.slice(0, 64).flatMap((key: Json) => {
    if (!isJsonObject(key) || key.kty === 'oct' || (key.use !== undefined && key.use !== 'sig'))
      return [];
    return [{ kid: typeof key.kid === 'string' ? key.kid : undefined, jwk: key as JWK }];
  });
}

/** OpenID Connect Discovery §4; the document's issuer must be ours byte for byte. */
async function discover(
  issuer: IssuerConfig,
): Promise<{ jwksUrl: string; algorithms: readonly string[] }> {
  if (issuer.jwksUrl !== undefined) return { jwksUrl: issuer.jwksUrl, algorithms: ALGORITHMS };
  const url = `${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const json = parseJson(await fetchText(url, issuer));
  if (!isJsonObject(json) || json.issuer !== issuer.url)
    throw new Error(`${url} names another issuer`);
  if (typeof json.jwks_uri !== 'string' || !/^https?:\/\//.test(json.jwks_uri))
    throw new Error(`${url} has no jwks_uri`);
  const listed = json.id_token_signing_alg_values_supported;
  const algorithms = Array.isArray(listed)
    ? ALGORITHMS.filter((name) => listed.includes(name))
    : ['RS256'];
  return { jwksUrl: json.jwks_uri, algorithms };
}

function keySource(issuer: IssuerConfig, local: (() => JWK[]) | undefined): KeySource {
  if (local !== undefined) {
    return async () => ({
      keys: local().map((jwk) => ({ kid: jwk.kid, jwk })),
      algorithms: ALGORITHMS,
    });
  }
  const { jwksFile } = issuer;
  if (jwksFile !== undefined) {
    return async () => ({
      keys: readKeySet(parseJson(readFileSync(jwksFile, 'utf8'))),
      algorithms: ALGORITHMS,
    });
  }
  return async () => {
    const { jwksUrl, algorithms } = await discover(issuer);
    return { keys: readKeySet(parseJson(await fetchText(jwksUrl, issuer))), algorithms };
  };
}

class Issuer {
  readonly config: IssuerConfig;
  readonly read: IdentityReader;
  readonly #source: KeySource;
  readonly #clock: Clock;
  /** Written by #load(). */
  #set: KeySet | undefined;
  /** Written by #load(). */
  #loadedAt = Number.NEGATIVE_INFINITY;
  /** One fetch at a time. Written by #load(). */
  #loading: Promise<void> | undefined;
  /** Imported keys. Written by #key(). */
  readonly #imported = new WeakMap<IssuerKey, Map<string, CryptoKey | Uint8Array>>();

  constructor(config: IssuerConfig, clock: Clock, local: (() => JWK[]) | undefined) {
    this.config = config;
    this.read = identityReader(config);
    this.#source = keySource(config, local);
    this.#clock = clock;
  }

  async verify(token: string, algorithm: string, kid: string | undefined): Promise<void> {
    if (this.#clock() - this.#loadedAt > KEYS_FRESH_MS) await this.#load();
    let candidates = this.#candidates(kid);
    if (candidates.length === 0 && this.#clock() - this.#loadedAt > REFETCH_MS) {
      await this.#load();
      candidates = this.#candidates(kid);
    }
    if (!this.#set?.algorithms.includes(algorithm)) {
      throw new CodedError(
        'TOKEN_ALGORITHM',
        `the issuer does not sign with ${algorithm.slice(0, 16)}`,
        { field: 'alg' },
      );
    }
    if (candidates.length === 0) {
      throw new CodedError('TOKEN_KEY_UNKNOWN', 'the issuer publishes no key with this kid', {
        field: 'kid',
      });
    }
    for (const candidate of candidates) {
      try {
        await compactVerify(token, await this.#key(candidate, algorithm), {
          algorithms: [algorithm],
        });
        return;
      } catch {
        // Another key of the issuer may fit; none fitting is the fault.
      }
    }
    throw new CodedError('TOKEN_SIGNATURE', 'no key of the issuer verifies the token', {
      field: 'signature',
    });
  }

  #candidates(kid: string | undefined): readonly IssuerKey[] {
    const keys = this.#set?.keys ?? [];
    return kid === undefined ? keys : keys.filter((key) => key.kid === kid);
  }

  async #key(candidate: IssuerKey, algorithm: string): Promise<CryptoKey | Uint8Array> {
    const byAlgorithm = this.#imported.get(candidate) ?? new Map<string, CryptoKey | Uint8Array>();
    this.#imported.set(candidate, byAlgorithm);
    const key = byAlgorithm.get(algorithm) ?? (await importJWK(candidate.jwk, algorithm));
    byAlgorithm.set(algorithm, key);
    return key;
  }

  #load(): Promise<void> {
    this.#loading ??= this.#source()
      .then((set) => {
        this.#set = set;
      })
      .catch((error: unknown) => {
        // Keys at hand serve on while the issuer is out of reach; without any nobody can be let in.
        if (this.#set === undefined) throw unreachable(this.config.url, (error as Error).message);
      })
      .finally(() => {
        if (this.#set !== undefined) this.#loadedAt = this.#clock();
        this.#loading = undefined;
      });
    return this.#loading;
  }
}

function decodePart(part: string, field: string): JsonObject {
  const json = coded('TOKEN_MALFORMED', field, () => parseJson(fromAnyBase64(part)));
  if (!isJsonObject(json))
    throw new CodedError('TOKEN_MALFORMED', `${field}: not an object`, { field });
  return json;
}

function numericDate(claims: JsonObject, field: 'exp' | 'nbf'): number | undefined {
  const value = claims[field];
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new CodedError('TOKEN_CLAIM', `claim ${field}: not a number of seconds`, { field });
  }
  return value;
}

/** `exp` is strict and required; `nbf` has five minutes of leeway; `iat` is not judged. */
function checkTimes(claims: JsonObject, nowMs: number): void {
  const exp = numericDate(claims, 'exp');
  if (exp === undefined || nowMs >= exp * 1000) {
    throw new CodedError(
      'TOKEN_EXPIRED',
      exp === undefined ? 'the token has no expiry' : 'the token has expired',
      { field: 'exp' },
    );
  }
  const nbf = numericDate(claims, 'nbf');
  if (nbf !== undefined && nowMs < (nbf - NBF_LEEWAY_SECONDS) * 1000) {
    throw new CodedError('TOKEN_NOT_YET_VALID', 'the token is not valid yet', { field: 'nbf' });
  }
}

function checkAudience(claims: JsonObject, audience: string): void {
  const { aud } = claims;
  if (aud === audience || (Array.isArray(aud) && aud.includes(audience))) return;
  throw new CodedError('TOKEN_AUDIENCE', `the token is not for the audience ${audience}`, {
    field: 'aud',
  });
}

/** @throws CodedError TOKEN_* */
export type TokenVerifier = (token: string) => Promise<Identity>;

/** @param localKeys keys of issuers that live in this process, by issuer URL */
export function tokenVerifier(
  issuers: readonly IssuerConfig[],
  clock: Clock,
  localKeys: Readonly<Record<string, () => JWK[]>>,
): TokenVerifier {
  const table = new Map(
    issuers.map((config) => [config.url, new Issuer(config, clock, localKeys[config.url])]),
  );
  return async (token) => {
    if (token === '')
      throw new CodedError('TOKEN_MISSING', 'the request carries no token', { field: 'token' });
    if (token.length > MAX_TOKEN)
      throw new CodedError('TOKEN_MALFORMED', `the token is longer than ${MAX_TOKEN} characters`, {
        field: 'token',
      });
    // Parts are counted before anything is decoded (GHSA-f83f-xpx7-ffpw).
    const [header, payload, signature, ...rest] = token.split('.', 4);
    if (header === undefined || payload === undefined || !signature || rest.length > 0) {
      throw new CodedError('TOKEN_MALFORMED', 'the token has not three parts', { field: 'token' });
    }
    const { alg, kid } = decodePart(header, 'token header');
    const claims = decodePart(payload, 'token payload');
    const issuer = typeof claims.iss === 'string' ? table.get(claims.iss) : undefined;
    if (issuer === undefined) {
      const named = typeof claims.iss === 'string' ? claims.iss.slice(0, 256) : 'none';
      throw new CodedError('TOKEN_ISSUER_UNKNOWN', `no such issuer: ${named}`, { field: 'iss' });
    }
    if (typeof alg !== 'string' || !ALGORITHMS.includes(alg)) {
      throw new CodedError(
        'TOKEN_ALGORITHM',
        'the token names no algorithm that issuers sign with',
        { field: 'alg' },
      );
    }
    await issuer.verify(token, alg, typeof kid === 'string' ? kid : undefined);
    checkAudience(claims, issuer.config.audience);
    checkTimes(claims, clock());
    return issuer.read(claims);
  };
}
