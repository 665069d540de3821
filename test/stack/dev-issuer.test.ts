// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLocalJWKSet, decodeJwt, jwtVerify } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DevIssuer, openDevIssuer } from '../../services/stack/dev-issuer.ts';

const directory = mkdtempSync(join(tmpdir(), 'sigstead-issuer-'));
const URL_BASE = 'http://localhost:8400';
let issuer: DevIssuer;
beforeAll(() => {
  issuer = openDevIssuer({
    url: URL_BASE,
    keyFile: join(directory, 'key.pem'),
    clock: () => Date.now(),
  });
});
afterAll(() => rmSync(directory, { recursive: true }));

type Headers = Record<string, string>;
const LOCAL = { host: 'localhost:8400', 'content-type': 'application/json' };
const post = (body: unknown, headers: Headers = LOCAL) =>
  issuer.routes.request('/dev-oidc/token', { method: 'POST', headers, body: JSON.stringify(body) });
const EMAIL = { kind: 'email', claims: { sub: 'a', email: 'a@b.example', email_verified: true } };

describe('development issuer', () => {
  it.each(['', '/kubernetes', '/github', '/gitlab', '/subject'])(
    'tells where its keys are: %s',
    async (path) => {
      const response = await issuer.routes.request(
        `/dev-oidc${path}/.well-known/openid-configuration`,
        { headers: LOCAL },
      );
      expect(await response.json()).toMatchObject({
        issuer: `${URL_BASE}/dev-oidc${path}`,
        jwks_uri: `${URL_BASE}/dev-oidc/jwks`,
        id_token_signing_alg_values_supported: ['RS256'],
      });
    },
  );

  it('signs tokens that verify with its published keys', async () => {
    const { id_token } = (await (await post(EMAIL)).json()) as { id_token: string };
    const keys = (await (
      await issuer.routes.request('/dev-oidc/jwks', { headers: LOCAL })
    ).json()) as { keys: [] };
    expect(JSON.stringify(keys)).not.toContain('"d"');
    const { payload } = await jwtVerify(id_token, createLocalJWKSet(keys), {
      audience: 'sigstore',
    });
    expect(payload).toMatchObject({ iss: `${URL_BASE}/dev-oidc`, email: 'a@b.example' });
  });

  it('lets claims stand over its own, but not over the issuer', async () => {
    const token = await issuer.token({
      kind: 'github',
      claims: { aud: 'x', exp: 1, iss: 'https://evil.example' },
    });
    expect(decodeJwt(token)).toMatchObject({
      aud: 'x',
      exp: 1,
      iss: `${URL_BASE}/dev-oidc/github`,
    });
  });

  it.each<[string, unknown, Headers, number]>([
    ['a name that is rebound to loopback', EMAIL, { ...LOCAL, host: 'evil.example:8400' }, 404],
    ['a page of another origin', EMAIL, { ...LOCAL, origin: 'https://evil.example' }, 400],
    ['a form', EMAIL, { ...LOCAL, 'content-type': 'application/x-www-form-urlencoded' }, 415],
    ['an unknown kind', { ...EMAIL, kind: 'x' }, LOCAL, 400],
    ['an unknown field', { ...EMAIL, x: 1 }, LOCAL, 400],
    ['no claims', { kind: 'email' }, LOCAL, 400],
    ['a lifetime of a year', { ...EMAIL, expiresInSeconds: 31_536_000 }, LOCAL, 400],
    ['a body over the limit', { kind: 'email', claims: { a: 'x'.repeat(70_000) } }, LOCAL, 413],
  ])('refuses %s', async (_, body, headers, status) => {
    expect((await post(body, headers)).status).toBe(status);
  });
});
