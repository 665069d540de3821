// SPDX-License-Identifier: Apache-2.0
// An OpenID Connect issuer for development: discovery, JWKS, RS256 tokens for whoever asks. It is
// made in dev mode alone, and guards itself against web pages that reach for loopback.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { Hono } from 'hono';
import { type JWK, SignJWT } from 'jose';
import { z } from 'zod';
import { issuerConfig } from '../ca/issuer-config.ts';
import type { IssuerConfig } from '../ca/issuer-fields.ts';
import { CodedError, coded } from '../core/errors.ts';
import { parseJson } from '../core/json.ts';
import type { Clock } from '../runtime/clock.ts';
import { createApp, type Env, readBody } from '../runtime/http.ts';
import { writeFileDurably } from '../runtime/store.ts';

export const DEV_AUDIENCE = 'sigstore';
const KEY_ID = 'dev';
const MAX_BODY_BYTES = 64 * 1024;
const LOOPBACK_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/;

/**
 * Issuers under /dev-oidc, one for each kind of identity. The kind settles how the CA reads the
 * token, as an issuer's `type` does in production.
 */
export const DEV_ISSUERS = [
  { kind: 'email', path: '/dev-oidc', issuer: { type: 'email' } },
  { kind: 'kubernetes', path: '/dev-oidc/kubernetes', issuer: { type: 'kubernetes' } },
  { kind: 'github', path: '/dev-oidc/github', issuer: { type: 'ci-provider', provider: 'github' } },
  { kind: 'gitlab', path: '/dev-oidc/gitlab', issuer: { type: 'ci-provider', provider: 'gitlab' } },
  {
    kind: 'subject',
    path: '/dev-oidc/subject',
    issuer: { type: 'ci-provider', subjectTemplate: 'sub' },
  },
] as const;

/** The development issuers as the CA is configured with them. */
export function devIssuerConfigs(url: string): IssuerConfig[] {
  return DEV_ISSUERS.map(({ path, issuer }) =>
    issuerConfig.parse({ url: `${url}${path}`, audience: DEV_AUDIENCE, ...issuer }),
  );
}

/** Integers beyond 2^53 have no form in JSON that every reader shares. */
function isToken(claims: Record<string, unknown>): boolean {
  try {
    return JSON.stringify(claims) !== undefined;
  } catch {
    return false;
  }
}

const tokenRequest = z.strictObject({
  kind: z.enum(['email', 'kubernetes', 'github', 'gitlab', 'subject']),
  claims: z
    .record(z.string(), z.unknown())
    .refine(isToken, { error: 'a number no token can hold' }),
  expiresInSeconds: z.int().min(-86_400).max(86_400).default(600),
});

export type DevTokenRequest = z.input<typeof tokenRequest>;

export interface DevIssuer {
  readonly routes: Hono<Env>;
  /** Public keys, for the CA in the same process. */
  keys(): JWK[];
  token(request: DevTokenRequest): Promise<string>;
}

function ensureRsaKey(path: string): KeyObject {
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    // A crash before the rename leaves no key: the next start makes one. Dev tokens live minutes.
    writeFileDurably(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600);
  }
  return createPrivateKey(readFileSync(path));
}

/** DNS rebinding and pages of other origins: the Host is loopback, an Origin is our own. */
function guard(host: string | undefined, origin: string | undefined, url: string): void {
  if (host === undefined || !LOOPBACK_HOST.test(host)) {
    throw new CodedError('NOT_FOUND', 'the development issuer answers on loopback names only', {
      field: 'Host',
    });
  }
  if (origin !== undefined && origin !== url && origin !== `http://${host}`) {
    throw new CodedError(
      'REQUEST_MALFORMED',
      'the development issuer takes no requests from other origins',
      { field: 'Origin' },
    );
  }
}

export function openDevIssuer(options: { url: string; keyFile: string; clock: Clock }): DevIssuer {
  const { url, clock } = options;
  const key = ensureRsaKey(options.keyFile);
  const jwk: JWK = {
    ...createPublicKey(key).export({ format: 'jwk' }),
    kid: KEY_ID,
    alg: 'RS256',
    use: 'sig',
  };
  const token = async (request: DevTokenRequest): Promise<string> => {
    const { kind, claims, expiresInSeconds } = tokenRequest.parse(request);
    const path = DEV_ISSUERS.find((issuer) => issuer.kind === kind)?.path;
    const now = Math.floor(clock() / 1000);
    const times = { iat: now, exp: now + expiresInSeconds };
    return new SignJWT({ aud: DEV_AUDIENCE, ...times, ...claims, iss: `${url}${path}` })
      .setProtectedHeader({ alg: 'RS256', kid: KEY_ID, typ: 'JWT' })
      .sign(key);
  };
  const app = createApp();
  app.use('/dev-oidc/*', async (c, next) => {
    guard(c.req.header('host'), c.req.header('origin'), url);
    return next();
  });
  for (const { path } of DEV_ISSUERS) {
    app.get(`${path}/.well-known/openid-configuration`, (c) =>
      c.json({
        issuer: `${url}${path}`,
        jwks_uri: `${url}/dev-oidc/jwks`,
        token_endpoint: `${url}/dev-oidc/token`,
        authorization_endpoint: `${url}/dev-oidc/token`,
        response_types_supported: ['id_token'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
      }),
    );
  }
  app.get('/dev-oidc/jwks', (c) => c.json({ keys: [jwk] }));
  app.post('/dev-oidc/token', async (c) => {
    // A JSON type keeps forms of web pages out: browsers ask before they send it across origins.
    if (!/^application\/json\b/.test(c.req.header('content-type') ?? '')) {
      throw new CodedError('UNSUPPORTED_MEDIA_TYPE', 'Content-Type must be application/json', {
        field: 'Content-Type',
      });
    }
    const bytes = await readBody(c, MAX_BODY_BYTES);
    const body = coded('REQUEST_MALFORMED', 'body', () => parseJson(bytes));
    const request = tokenRequest.safeParse(body);
    if (!request.success) {
      const [issue] = request.error.issues;
      const field = issue?.path.join('.') || 'body';
      throw new CodedError('REQUEST_MALFORMED', `${field}: ${issue?.message}`, { field });
    }
    c.header('Cache-Control', 'no-store');
    return c.json({ id_token: await token(request.data), token_type: 'Bearer' });
  });
  return { routes: app, keys: () => [jwk], token };
}
