// SPDX-License-Identifier: Apache-2.0
// Meta issuers: whom a wildcard matches, and what strangers behind one may cost.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { caConfig } from '../../services/ca/config.ts';
import { wildcardPattern } from '../../services/ca/issuer-table.ts';
import { tokenVerifier } from '../../services/ca/token.ts';
import { CodedError } from '../../services/core/errors.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { jwk, NOW, strangerKey, token } from './harness.ts';

describe('meta issuers: a wildcard', () => {
  it.each([
    ['https://oidc.*.eks.corp.example/id/*', 'https://oidc.eu-west-1.eks.corp.example/id/B02C_9'],
    ['https://*.aks.corp.example/*/*/', 'https://weu.aks.corp.example/11-22/33-44/'],
    ['https://*.aks.corp.example/*/*', 'https://weu.aks.corp.example/11-22/33-44'],
    ['https://a*z.example', 'https://abcz.example'],
    ['https://token.corp.example/*', 'https://token.corp.example/my-org_1'],
  ])('%s matches %s', (pattern, iss) => {
    expect(wildcardPattern(pattern).test(iss)).toBe(true);
  });

  it.each([
    ['a dot more', 'https://*.corp.example', 'https://a.b.corp.example'],
    ['a slash more', 'https://corp.example/*', 'https://corp.example/a/b'],
    ['a slash at the end', 'https://corp.example/*', 'https://corp.example/a/'],
    ['no slash at the end', 'https://corp.example/*/', 'https://corp.example/a'],
    ['nothing for the star', 'https://corp.example/*', 'https://corp.example/'],
    ['a dot for the dot of another', 'https://a.corp.example/*', 'https://axcorp.example/b'],
    ['another scheme', 'https://corp.example/*', 'http://corp.example/a'],
    ['capitals in the host', 'https://corp.example/*', 'https://Corp.example/a'],
    ['a port', 'https://*.corp.example', 'https://a.corp.example:8443'],
    ['a user', 'https://*.corp.example', 'https://u@a.corp.example'],
    [
      'it in the query of another',
      'https://corp.example/*',
      'https://evil.test/?https://corp.example/a',
    ],
    [
      'it in the path of another',
      'https://corp.example/*',
      'https://evil.test/https://corp.example/a',
    ],
    [
      'it in the fragment of another',
      'https://corp.example/*',
      'https://evil.test/#https://corp.example/a',
    ],
    ['it as the user of another', 'https://*.corp.example', 'https://x.corp.example@evil.test'],
    ['a query', 'https://corp.example/*', 'https://corp.example/a?b'],
    ['a fragment', 'https://corp.example/*', 'https://corp.example/a#b'],
    ['percent-encoding', 'https://corp.example/*', 'https://corp.example/%61'],
    ['two dots', 'https://corp.example/*/x', 'https://corp.example/../x'],
    ['a newline', 'https://corp.example/*', 'https://corp.example/a\n'],
    ['a line before it', 'https://corp.example/*', '\nhttps://corp.example/a'],
    ['letters beyond ASCII', 'https://corp.example/*', 'https://corp.example/ä'],
    ['a star', 'https://corp.example/*', 'https://corp.example/*'],
    ['signs of patterns', 'https://corp.example/(a|b)*', 'https://corp.example/a'],
  ])('does not match an issuer with %s', (_, pattern, iss) => {
    expect(wildcardPattern(pattern).test(iss)).toBe(false);
  });
});

const DISCOVERY = '/.well-known/openid-configuration';
let server: Server;
let origin: string;
/** Paths that were asked for. */
const seen: string[] = [];
/** Issuers that exist; the others answer 404. */
let known: (path: string) => boolean = () => true;
let now = NOW;

beforeAll(async () => {
  server = createServer((request, response) => {
    const path = request.url ?? '';
    seen.push(path);
    const issuer = `${origin}${path.replace(DISCOVERY, '')}`;
    const isKeys = path === '/keys';
    response.statusCode = isKeys || known(path) ? 200 : 404;
    const document = {
      issuer,
      jwks_uri: `${origin}/keys`,
      id_token_signing_alg_values_supported: ['ES256'],
    };
    response.end(JSON.stringify(isKeys ? { keys: [jwk] } : document));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
});
beforeEach(() => {
  seen.length = 0;
  known = () => true;
  now = NOW;
});

function verifier(...more: object[]) {
  const issuers = [{ url: `${origin}/id/*`, type: 'email' }, ...more];
  const verify = tokenVerifier(caConfig.parse({ issuers }).issuers, () => now, silentLogger, {});
  return async (path: string, key = {}): Promise<string> => {
    const claims = { sub: 's', email: 'a@b.example', email_verified: true, aud: 'sigstore' };
    const jwt = token({ ...claims, iss: `${origin}${path}`, exp: now / 1000 + 60 }, key);
    try {
      const { issuer } = await verify(jwt);
      return issuer.slice(origin.length);
    } catch (error) {
      return error instanceof CodedError ? error.code : `${error}`;
    }
  };
}

const names = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => `/id/n${from + i}`);

describe('meta issuers: strangers behind a wildcard', () => {
  it('are asked once, then known', async () => {
    const verify = verifier();
    expect(await verify('/id/a')).toBe('/id/a');
    expect(await verify('/id/a')).toBe('/id/a');
    expect(seen).toEqual([`/id/a${DISCOVERY}`, '/keys']);
  });

  it('are not asked before audience and times of the token are right', async () => {
    const { issuers } = caConfig.parse({
      issuers: [{ url: `${origin}/id/*`, type: 'email', audience: 'other' }],
    });
    const verify = tokenVerifier(issuers, () => now, silentLogger, {});
    const jwt = token({ iss: `${origin}/id/a`, aud: 'sigstore', exp: now / 1000 + 60 });
    await expect(verify(jwt)).rejects.toMatchObject({ code: 'TOKEN_AUDIENCE' });
    expect(seen).toEqual([]);
  });

  it('cost a bounded number of fetches, however many they are', async () => {
    known = () => false;
    const verify = verifier();
    const verdicts = await Promise.all(names(0, 500).map((path) => verify(path)));
    expect(new Set(verdicts)).toEqual(new Set(['TOKEN_ISSUER_UNREACHABLE']));
    expect(seen).toHaveLength(32);
    // One more for each second.
    now += 3500;
    for (const path of names(500, 20)) await verify(path);
    expect(seen).toHaveLength(35);
    now += 500;
    for (const path of names(600, 20)) await verify(path);
    expect(seen).toHaveLength(36);
    // Never more at once than at first.
    now += 3_600_000;
    for (const path of names(700, 50)) await verify(path);
    expect(seen).toHaveLength(68);
  });

  it('of the same name share one fetch while it runs, and pay for each after it', async () => {
    known = () => false;
    const verify = verifier();
    await Promise.all(Array.from({ length: 50 }, () => verify('/id/a')));
    expect(seen).toHaveLength(1);
    for (let i = 0; i < 50; i++) await verify('/id/a');
    expect(seen).toHaveLength(32);
  });

  it('gain nothing from a clock that is set back', async () => {
    known = () => false;
    const verify = verifier();
    for (const path of names(0, 40)) await verify(path);
    now -= 60_000;
    for (const path of names(40, 40)) await verify(path);
    expect(seen).toHaveLength(32);
    now += 1000;
    for (const path of names(80, 40)) await verify(path);
    expect(seen).toHaveLength(33);
  });

  it('displace no issuer that is known, and stand in its way never', async () => {
    known = (path) => path.startsWith('/id/good');
    const verify = verifier();
    expect(await verify('/id/good')).toBe('/id/good');
    for (const path of names(0, 2000)) await verify(path);
    const before = seen.length;
    expect(await verify('/id/good')).toBe('/id/good');
    expect(seen).toHaveLength(before);
  });

  it('do not become known by a token that somebody else has signed', async () => {
    const verify = verifier();
    for (let i = 0; i < 3; i++)
      expect(await verify('/id/a', { key: strangerKey })).toBe('TOKEN_SIGNATURE');
    // Discovery and keys, each time anew: nothing was kept.
    expect(seen).toHaveLength(6);
  });

  it('leave issuers without wildcard and other wildcards alone', async () => {
    known = (path) => !path.startsWith('/id/n');
    const verify = verifier(
      { url: `${origin}/id/exact`, type: 'email' },
      { url: `${origin}/other/*`, type: 'email' },
    );
    for (const path of names(0, 100)) await verify(path);
    expect(await verify('/id/late')).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(await verify('/id/exact')).toBe('/id/exact');
    expect(await verify('/other/a')).toBe('/other/a');
    now += 1000;
    expect(await verify('/id/late')).toBe('/id/late');
  });

  it('that verify are kept by the thousand, the one unused for longest goes first', async () => {
    const verify = verifier();
    for (let from = 0; from < 1024; from += 32) {
      const some = names(from, 32);
      now += 32_000;
      expect(await Promise.all(some.map((path) => verify(path)))).toEqual(some);
    }
    expect(await verify('/id/n0')).toBe('/id/n0');
    now += 1000;
    expect(await verify('/id/n1024')).toBe('/id/n1024');
    // From here on no issuer answers: whose keys are kept still verifies.
    known = () => false;
    now += 2000;
    expect(await verify('/id/n0')).toBe('/id/n0');
    expect(await verify('/id/n1')).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(await verify('/id/n1023')).toBe('/id/n1023');
  });
});
