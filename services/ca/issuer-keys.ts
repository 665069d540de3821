// SPDX-License-Identifier: Apache-2.0
// The keys of one issuer: fetched when first needed, refreshed behind requests, refetched when a
// token names a key that is not there, at most once in ten seconds.
import { constants, KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { importJWK, type JWK } from 'jose';
import { sequence, unsignedInteger } from '../core/der.ts';
import { CodedError } from '../core/errors.ts';
import { isJsonObject, type Json, parseJson } from '../core/json.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/telemetry.ts';
import { type FetchSettings, fetchText, readCaFile } from './fetch.ts';
import type { IssuerConfig } from './issuer-fields.ts';

const FRESH_MS = 600_000;
/** An issuer that is out of reach for a day may have revoked a key. */
const USABLE_MS = 86_400_000;
const RETRY_MS = 10_000;
const MAX_KEYS = 64;
const MIN_RSA_BITS = 2048;

/** @throws Error for what the engine does not take */
type Verify = (key: KeyObject, signed: Uint8Array, signature: Uint8Array) => boolean;

/**
 * PKCS #1 v1.5 for RSA, which is what the engine assumes. The key is passed bare: with options around
 * it, node:crypto finds it by two exceptions, which take longer than the check.
 */
function plain(hash: string | null): Verify {
  return (key, signed, signature) => verify(hash, signed, key, signature);
}

function pss(hash: string): Verify {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const saltLength = constants.RSA_PSS_SALTLEN_DIGEST;
  return (key, signed, signature) => verify(hash, signed, { key, padding, saltLength }, signature);
}

/** SPEC RFC 7518 §3.4: R and S, each as long as the order of the curve. */
function ecdsa(hash: string, size: number): Verify {
  return (key, signed, signature) => {
    if (signature.length !== 2 * size) return false;
    const [r, s] = [signature.subarray(0, size), signature.subarray(size)].map(unsignedInteger);
    return r !== undefined && s !== undefined && verify(hash, signed, key, sequence(r, s));
  };
}

/** RFC 7518 §3.1 and RFC 8037, the asymmetric part. jose ties each to its key type and curve. */
const JWS_ALGORITHMS = new Map<string, Verify>([
  ['RS256', plain('sha256')],
  ['RS384', plain('sha384')],
  ['RS512', plain('sha512')],
  ['PS256', pss('sha256')],
  ['PS384', pss('sha384')],
  ['PS512', pss('sha512')],
  ['ES256', ecdsa('sha256', 32)],
  ['ES384', ecdsa('sha384', 48)],
  ['ES512', ecdsa('sha512', 66)],
  ['EdDSA', plain(null)],
]);
const ALL_ALGORITHMS: readonly string[] = [...JWS_ALGORITHMS.keys()];

interface IssuerKey {
  readonly jwk: JWK;
  /** By algorithm; null = the key does not go with it. Filled by imported() alone. */
  readonly imported: Map<string, KeyObject | null>;
}

interface KeySet {
  readonly keys: readonly IssuerKey[];
  readonly algorithms: readonly string[];
}

/** Where the keys of an issuer come from. @throws Error with the reason */
type KeySource = () => Promise<KeySet>;

function keySet(keys: readonly JWK[], algorithms = ALL_ALGORITHMS): KeySet {
  return { keys: keys.map((jwk) => ({ jwk, imported: new Map() })), algorithms };
}

/** Signing keys of a JWK Set (RFC 7517 §5); of other keys, nothing is said. */
function readKeys(json: Json): JWK[] {
  const keys = isJsonObject(json) ? json.keys : undefined;
  if (!Array.isArray(keys)) throw new Error('the key set holds no list of keys');
  if (keys.length > MAX_KEYS) throw new Error(`the key set holds more than ${MAX_KEYS} keys`);
  return keys.filter(
    (key: Json) =>
      isJsonObject(key) && key.kty !== 'oct' && (key.use === undefined || key.use === 'sig'),
  );
}

/** @throws Error */
function readKeyFile(path: string): JWK[] {
  return readKeys(parseJson(readFileSync(path, 'utf8')));
}

const FILES = [
  ['caFile', readCaFile],
  ['jwksFile', readKeyFile],
] as const;

/**
 * Files are read when keys are fetched; here once at the start, so that a slip shows then.
 * @throws CodedError CONFIG_INVALID
 */
export function judgeFiles(issuer: IssuerConfig): void {
  for (const [field, read] of FILES) {
    const path = issuer[field];
    if (path === undefined) continue;
    try {
      read(path);
    } catch (error) {
      const why = `issuer ${issuer.url}: ${field} ${path}: ${(error as Error).message}`;
      throw new CodedError('CONFIG_INVALID', why, { field: `ca.issuers.${field}` });
    }
  }
}

/** @throws Error */
async function discover(issuer: IssuerConfig, settings: FetchSettings) {
  const url = `${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const json = parseJson(await fetchText(url, settings));
  // SPEC OpenID Connect Discovery §4.3: MUST be identical to the issuer and to `iss`.
  if (!isJsonObject(json) || json.issuer !== issuer.url)
    throw new Error(`${url} names another issuer`);
  const { jwks_uri: jwksUrl, id_token_signing_alg_values_supported: listed } = json;
  if (typeof jwksUrl !== 'string' || !URL.canParse(jwksUrl))
    throw new Error(`${url} has no jwks_uri`);
  if (!jwksUrl.startsWith('https:') && !issuer.url.startsWith('http:'))
    throw new Error(`${url}: jwks_uri is not https`);
  const algorithms = Array.isArray(listed)
    ? ALL_ALGORITHMS.filter((name) => listed.includes(name))
    : ['RS256'];
  return { jwksUrl, algorithms };
}

function keySource(issuer: IssuerConfig, local: (() => readonly JWK[]) | undefined): KeySource {
  const { jwks, jwksFile, jwksUrl } = issuer;
  if (local !== undefined) return async () => keySet(local());
  if (jwks !== undefined) return async () => keySet(readKeys(jwks as Json));
  if (jwksFile !== undefined) return async () => keySet(readKeyFile(jwksFile));
  const tokenHosts = [issuer.url, jwksUrl].flatMap((url) =>
    url === undefined ? [] : [new URL(url).host],
  );
  const settings = { ...issuer, tokenHosts };
  return async () => {
    const found =
      jwksUrl === undefined
        ? await discover(issuer, settings)
        : { jwksUrl, algorithms: ALL_ALGORITHMS };
    return keySet(readKeys(parseJson(await fetchText(found.jwksUrl, settings))), found.algorithms);
  };
}

/** null when the key does not go with the algorithm, or is weak. */
async function imported(key: IssuerKey, algorithm: string): Promise<KeyObject | null> {
  const known = key.imported.get(algorithm);
  if (known !== undefined) return known;
  let object: KeyObject | null = null;
  const { alg, d } = key.jwk;
  // A private key in a published set belongs to everybody.
  if ((alg === undefined || alg === algorithm) && d === undefined) {
    try {
      const found = await importJWK(key.jwk, algorithm);
      if (!(found instanceof Uint8Array)) object = KeyObject.from(found);
    } catch {
      // Of another kind than the algorithm, or malformed: one bad key does not spoil the others.
    }
  }
  if ((object?.asymmetricKeyDetails?.modulusLength ?? MIN_RSA_BITS) < MIN_RSA_BITS) object = null;
  key.imported.set(algorithm, object);
  return object;
}

function verifies(check: Verify, key: KeyObject, { signed, signature }: SignedToken): boolean {
  try {
    return check(key, signed, signature);
  } catch {
    return false;
  }
}

export interface SignedToken {
  readonly algorithm: string;
  readonly kid: string | undefined;
  /** Header and payload with the dot between them. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

export class IssuerKeys {
  readonly #url: string;
  readonly #source: KeySource;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Written by #load(). */
  #set: KeySet | undefined;
  /** Of the last success, of the last attempt. Written by #load(). */
  #loadedAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  /** One fetch at a time. Written by #load(). */
  #loading: Promise<void> | undefined;

  constructor(
    issuer: IssuerConfig,
    clock: Clock,
    logger: Logger,
    local: (() => readonly JWK[]) | undefined,
  ) {
    this.#url = issuer.url;
    this.#source = keySource(issuer, local);
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * @throws CodedError TOKEN_ALGORITHM, TOKEN_KEY_UNKNOWN, TOKEN_SIGNATURE, TOKEN_ISSUER_UNREACHABLE
   */
  async verify(token: SignedToken): Promise<void> {
    const verdict = await this.#judge(token);
    if (verdict === undefined) return;
    // The key may be newer than our set.
    const again = verdict.code !== 'TOKEN_ALGORITHM' && this.#since(this.#triedAt) >= RETRY_MS;
    // A kid that is there has been tried: a refetch would not change its key.
    if (!again || (verdict.code === 'TOKEN_SIGNATURE' && token.kid !== undefined)) throw verdict;
    await this.#load();
    const second = await this.#judge(token);
    if (second !== undefined) throw second;
  }

  async #judge(token: SignedToken) {
    const { algorithm, kid } = token;
    const { keys, algorithms } = await this.#current();
    const check = algorithms.includes(algorithm) ? JWS_ALGORITHMS.get(algorithm) : undefined;
    if (check === undefined) {
      const shown = JSON.stringify(algorithm.slice(0, 16));
      return new CodedError('TOKEN_ALGORITHM', `the issuer does not sign with ${shown}`, {
        field: 'alg',
      });
    }
    let tried = 0;
    for (const key of keys) {
      if (kid !== undefined && key.jwk.kid !== kid) continue;
      const object = await imported(key, algorithm);
      if (object === null) continue;
      tried++;
      if (verifies(check, object, token)) return undefined;
    }
    return tried === 0
      ? new CodedError('TOKEN_KEY_UNKNOWN', 'the issuer publishes no such key', { field: 'kid' })
      : new CodedError('TOKEN_SIGNATURE', 'no key of the issuer verifies the token', {
          field: 'signature',
        });
  }

  /** A clock that was set back counts as time gone by. */
  #since(ms: number): number {
    const passed = this.#clock() - ms;
    return passed < 0 ? Number.POSITIVE_INFINITY : passed;
  }

  /** The set at hand; the first request and one after a day without the issuer wait for it. */
  async #current(): Promise<KeySet> {
    const age = this.#since(this.#loadedAt);
    if (
      age >= FRESH_MS &&
      (this.#since(this.#triedAt) >= RETRY_MS || this.#loading !== undefined)
    ) {
      const loading = this.#load();
      if (age >= USABLE_MS) await loading;
    }
    if (this.#set !== undefined && this.#since(this.#loadedAt) < USABLE_MS) return this.#set;
    // The reason speaks of addresses and files of our network: it stays in the log.
    throw new CodedError('TOKEN_ISSUER_UNREACHABLE', `the keys of ${this.#url} cannot be had`, {
      field: 'iss',
    });
  }

  /** Never rejects: what is known serves on. */
  #load(): Promise<void> {
    this.#loading ??= this.#source().then(
      (set) => {
        this.#set = set;
        this.#loadedAt = this.#triedAt = this.#clock();
        this.#loading = undefined;
      },
      (error: unknown) => {
        const reason = (error as Error).message;
        this.#logger.warn('issuer unreachable', { issuer: this.#url, reason });
        this.#triedAt = this.#clock();
        this.#loading = undefined;
      },
    );
    return this.#loading;
  }
}
