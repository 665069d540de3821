// SPDX-License-Identifier: Apache-2.0
// Keys of issuers over real sockets: discovery, redirects, tokens, rotation, outage.
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { caConfig } from '../../services/ca/config.ts';
import type { LocalKeys } from '../../services/ca/issuer-table.ts';
import { tokenVerifier } from '../../services/ca/token.ts';
import { CodedError } from '../../services/core/errors.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';

interface Page {
  readonly status?: number;
  readonly location?: string;
  readonly body?: unknown;
}

interface Host {
  readonly url: string;
  readonly seen: Array<{ path: string; headers: IncomingHttpHeaders }>;
  /** By path; replaced by tests. */
  pages: Record<string, Page>;
  readonly server: Server;
}

const DISCOVERY = '/.well-known/openid-configuration';
const directory = mkdtempSync(join(tmpdir(), 'issuer-keys-'));
let now = Date.UTC(2026, 5, 1);
let issuer: Host;
let other: Host;

async function openHost(): Promise<Host> {
  const seen: Host['seen'] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    seen.push({ path, headers: request.headers });
    const page = host.pages[path] ?? { status: 404 };
    response.writeHead(page.status ?? 200, page.location ? { location: page.location } : {});
    response.end(typeof page.body === 'string' ? page.body : JSON.stringify(page.body ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const host: Host = { url, seen, pages: {}, server };
  return host;
}

beforeAll(async () => {
  issuer = await openHost();
  other = await openHost();
});
afterEach(() => {
  for (const host of [issuer, other]) {
    host.seen.length = 0;
    host.pages = {};
  }
});
afterAll(() => {
  rmSync(directory, { recursive: true });
  for (const { server } of [issuer, other]) {
    server.close();
    server.closeAllConnections();
  }
});

interface Pair {
  readonly jwk: Record<string, unknown>;
  readonly key: KeyObject;
}

function ecPair(kid?: string): Pair {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { jwk: { ...publicKey.export({ format: 'jwk' }), kid }, key: privateKey };
}
const first = ecPair('first');
const second = ecPair('second');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaJwk = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'rsa' };

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token({ jwk, key }: Pair, header: object = {}, claims: object = {}): string {
  const content = {
    iss: issuer.url,
    aud: 'sigstore',
    sub: 's',
    email: 'a@b.example',
    email_verified: true,
    exp: now / 1000 + 600,
    ...claims,
  };
  const signed = `${part({ alg: 'ES256', kid: jwk.kid, ...header })}.${part(content)}`;
  const made = sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${made.toString('base64url')}`;
}

function serve(keys: unknown[], document: object = {}): void {
  issuer.pages = {
    [DISCOVERY]: {
      body: {
        issuer: issuer.url,
        jwks_uri: `${issuer.url}/jwks`,
        id_token_signing_alg_values_supported: ['ES256', 'RS256'],
        ...document,
      },
    },
    '/jwks': { body: { keys } },
  };
}

function verifier(settings: object = {}, local: LocalKeys = {}) {
  const { issuers } = caConfig.parse({
    issuers: [{ url: issuer.url, type: 'email', ...settings }],
  });
  const verify = tokenVerifier(issuers, () => now, silentLogger, local);
  return async (jwt: string): Promise<string> => {
    try {
      return (await verify(jwt)).render().altName.value;
    } catch (error) {
      return error instanceof CodedError ? error.code : `${error}`;
    }
  };
}

const OK = 'a@b.example';

describe('discovery', () => {
  it('fetches once for many tokens', async () => {
    serve([first.jwk]);
    const verify = verifier();
    const jwts = Array.from({ length: 8 }, () => token(first));
    expect(new Set(await Promise.all(jwts.map(verify)))).toEqual(new Set([OK]));
    expect(issuer.seen.map(({ path }) => path)).toEqual([DISCOVERY, '/jwks']);
  });

  it('asks below the issuer, whose last slash is dropped', async () => {
    serve([first.jwk], { issuer: `${issuer.url}/` });
    const verify = verifier({ url: `${issuer.url}/` });
    expect(await verify(token(first, {}, { iss: `${issuer.url}/` }))).toBe(OK);
    expect(await verify(token(first))).toBe('TOKEN_ISSUER_UNKNOWN');
  });

  it.each<[string, object]>([
    ['names another issuer', { issuer: 'https://evil.example' }],
    ['names the issuer with a slash more', { issuer: 'URL/' }],
    ['names none', { issuer: undefined }],
    ['has no jwks_uri', { jwks_uri: undefined }],
    ['has a jwks_uri that is no address', { jwks_uri: 'jwks' }],
  ])('is refused when the document %s', async (_, document) => {
    const text = JSON.stringify(document).replaceAll('URL', issuer.url);
    serve([first.jwk], { ...document, ...(JSON.parse(text) as object) });
    expect(await verifier()(token(first))).toBe('TOKEN_ISSUER_UNREACHABLE');
  });

  it.each<[string, Page]>([
    ['is missing', { status: 404 }],
    ['fails', { status: 500 }],
    ['is no JSON', { body: '<html>' }],
    ['is a list', { body: [] }],
    ['is endless', { body: 'x'.repeat((1 << 20) + 1) }],
  ])('is refused when the document %s', async (_, page) => {
    issuer.pages = { [DISCOVERY]: page };
    expect(await verifier()(token(first))).toBe('TOKEN_ISSUER_UNREACHABLE');
  });

  it('follows a redirect within the host, and none out of it or in circles', async () => {
    serve([first.jwk]);
    const document = issuer.pages[DISCOVERY] as Page;
    other.pages = { [DISCOVERY]: document };
    issuer.pages['/moved'] = document;
    issuer.pages[DISCOVERY] = { status: 302, location: '/moved' };
    expect(await verifier()(token(first))).toBe(OK);
    issuer.pages[DISCOVERY] = { status: 302, location: `${other.url}${DISCOVERY}` };
    expect(await verifier()(token(first))).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(other.seen).toEqual([]);
    issuer.pages[DISCOVERY] = { status: 302, location: DISCOVERY };
    expect(await verifier()(token(first))).toBe('TOKEN_ISSUER_UNREACHABLE');
  });

  it('shows its token to the host of the issuer alone, and reads it anew', async () => {
    const tokenFile = join(directory, 'token');
    serve([first.jwk], { jwks_uri: `${other.url}/jwks` });
    other.pages = { '/jwks': { body: { keys: [first.jwk] } } };
    for (const secret of ['one', 'two']) {
      writeFileSync(tokenFile, `${secret}\n`);
      expect(await verifier({ tokenFile })(token(first))).toBe(OK);
      expect(issuer.seen.at(-1)?.headers.authorization).toBe(`Bearer ${secret}`);
    }
    expect(other.seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  it('shows its token to the host of jwksUrl, which the operator names', async () => {
    const tokenFile = join(directory, 'token');
    writeFileSync(tokenFile, 'three');
    other.pages = { '/jwks': { body: { keys: [first.jwk] } } };
    const verify = verifier({ tokenFile, jwksUrl: `${other.url}/jwks` });
    expect(await verify(token(first))).toBe(OK);
    expect(other.seen.at(-1)?.headers.authorization).toBe('Bearer three');
  });

  it('keeps the address of its network out of the refusal', async () => {
    const { issuers } = caConfig.parse({ issuers: [{ url: issuer.url, type: 'email' }] });
    issuer.pages = { [DISCOVERY]: { status: 302, location: `${other.url}/` } };
    const reasons: unknown[] = [];
    const warn = (_: string, fields: object = {}) => reasons.push(fields);
    const logger = { ...silentLogger, warn };
    const refusal = tokenVerifier(issuers, () => now, logger, {})(token(first));
    await expect(refusal).rejects.toMatchObject({
      message: `the keys of ${issuer.url} cannot be had`,
    });
    expect(JSON.stringify(reasons)).toContain(
      `redirects to another host, ${new URL(other.url).host}`,
    );
  });

  it('shows no secret when the token file is gone', async () => {
    serve([first.jwk]);
    expect(await verifier({ tokenFile: join(directory, 'gone') })(token(first))).toBe(
      'TOKEN_ISSUER_UNREACHABLE',
    );
  });
});

describe('keys', () => {
  it('come from jwksUrl, jwksFile, in place, or this process, without discovery', async () => {
    other.pages = { '/keys': { body: { keys: [first.jwk] } } };
    const jwksFile = join(directory, 'jwks.json');
    writeFileSync(jwksFile, JSON.stringify({ keys: [first.jwk] }));
    const local: LocalKeys = { [issuer.url]: () => [first.jwk as { kty: string }] };
    expect(await verifier({ jwksUrl: `${other.url}/keys` })(token(first))).toBe(OK);
    expect(await verifier({ jwksFile })(token(first))).toBe(OK);
    expect(await verifier({ jwks: { keys: [first.jwk] } })(token(first))).toBe(OK);
    expect(await verifier({}, local)(token(first))).toBe(OK);
    expect(issuer.seen).toEqual([]);
  });

  it.each<[string, object]>([
    ['no list', { keys: 'x' }],
    ['none', {}],
    ['too many', { keys: Array.from({ length: 65 }, () => first.jwk) }],
  ])('that are %s leave the issuer out of reach', async (_, body) => {
    serve([]);
    issuer.pages['/jwks'] = { body };
    expect(await verifier()(token(first))).toBe('TOKEN_ISSUER_UNREACHABLE');
  });

  it.each<[string, unknown]>([
    ['for encryption', { ...first.jwk, use: 'enc' }],
    ['for another algorithm', { ...first.jwk, alg: 'ES384' }],
    ['of another type', { ...rsaJwk, kid: 'first' }],
    ['symmetric', { kty: 'oct', k: 'AAAA', kid: 'first' }],
    ['private', { ...first.key.export({ format: 'jwk' }), kid: 'first' }],
    ['broken', { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'first' }],
    ['no object', 'first'],
  ])('that are %s do not count, and spoil no other', async (_, bad) => {
    serve([bad, second.jwk]);
    const verify = verifier();
    expect(await verify(token(first))).toBe('TOKEN_KEY_UNKNOWN');
    expect(await verify(token(second))).toBe(OK);
  });

  it('are all tried for a token without kid', async () => {
    serve([second.jwk, first.jwk]);
    expect(await verifier()(token(first, { kid: undefined }))).toBe(OK);
    serve([second.jwk]);
    expect(await verifier()(token(first, { kid: undefined }))).toBe('TOKEN_SIGNATURE');
  });

  it('that rotate are fetched at the first token that names them, ten seconds apart', async () => {
    serve([first.jwk]);
    const verify = verifier();
    expect(await verify(token(first))).toBe(OK);
    serve([second.jwk]);
    expect(await verify(token(second))).toBe('TOKEN_KEY_UNKNOWN');
    now += 10_000;
    expect(await verify(token(second))).toBe(OK);
    expect(await verify(token(first))).toBe('TOKEN_KEY_UNKNOWN');
    expect(issuer.seen).toHaveLength(4);
  });

  it('serve on through an outage, for a day', async () => {
    serve([first.jwk]);
    const verify = verifier();
    expect(await verify(token(first))).toBe(OK);
    issuer.pages = {};
    now += 3_600_000;
    expect(await verify(token(first))).toBe(OK);
    now += 86_400_000;
    expect(await verify(token(first))).toBe('TOKEN_ISSUER_UNREACHABLE');
  });

  it('that could not be had are asked for again after ten seconds', async () => {
    const verify = verifier();
    expect(await verify(token(first))).toBe('TOKEN_ISSUER_UNREACHABLE');
    serve([first.jwk]);
    expect(await verify(token(first))).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(issuer.seen).toHaveLength(1);
    now += 10_000;
    expect(await verify(token(first))).toBe(OK);
  });
});

describe('an algorithm', () => {
  const claims = () => ({
    iss: issuer.url,
    aud: 'sigstore',
    sub: 's',
    email: OK,
    email_verified: true,
    exp: now / 1000 + 600,
  });
  const jws = (alg: string, key: KeyObject, kid: string, options: object = {}) => {
    const signed = `${part({ alg, kid })}.${part(claims())}`;
    const hash = alg === 'EdDSA' ? null : `sha${alg.slice(2)}`;
    return `${signed}.${sign(hash, Buffer.from(signed), { key, ...options }).toString('base64url')}`;
  };
  const pss = { padding: 6, saltLength: -1 };
  const plain = { dsaEncoding: 'ieee-p1363' as const };

  it.each<[string, 'rsa' | 'P-256' | 'P-384' | 'P-521' | 'ed25519', object]>([
    ['RS256', 'rsa', {}],
    ['RS384', 'rsa', {}],
    ['RS512', 'rsa', {}],
    ['PS256', 'rsa', pss],
    ['PS384', 'rsa', pss],
    ['PS512', 'rsa', pss],
    ['ES256', 'P-256', plain],
    ['ES384', 'P-384', plain],
    ['ES512', 'P-521', plain],
    ['EdDSA', 'ed25519', {}],
  ])('%s is taken', async (alg, kind, options) => {
    const { publicKey, privateKey } =
      kind === 'rsa'
        ? rsa
        : kind === 'ed25519'
          ? generateKeyPairSync('ed25519')
          : generateKeyPairSync('ec', { namedCurve: kind });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k' };
    const verify = verifier({ jwks: { keys: [jwk] } });
    expect(await verify(jws(alg, privateKey, 'k', options))).toBe(OK);
  });

  it.each<[string, (raw: Buffer) => Buffer]>([
    ['one octet less', (raw) => raw.subarray(0, -1)],
    ['one octet more', (raw) => Buffer.concat([raw, Buffer.of(0)])],
    ['R of zero', (raw) => Buffer.concat([Buffer.alloc(32), raw.subarray(32)])],
    ['S of zero', (raw) => Buffer.concat([raw.subarray(0, 32), Buffer.alloc(32)])],
    ['nothing but zeros', () => Buffer.alloc(64)],
    ['nothing but ones', () => Buffer.alloc(64, 0xff)],
    ['R and S exchanged', (raw) => Buffer.concat([raw.subarray(32), raw.subarray(0, 32)])],
  ])('ES256 with %s is refused', async (_, change) => {
    const verify = verifier({ jwks: { keys: [first.jwk] } });
    const good = jws('ES256', first.key, 'first', plain);
    const at = good.lastIndexOf('.') + 1;
    const raw = Buffer.from(good.slice(at), 'base64url');
    const bad = change(raw).toString('base64url');
    expect(await verify(good)).toBe(OK);
    expect(await verify(`${good.slice(0, at)}${bad}`)).toBe('TOKEN_SIGNATURE');
  });

  it('ES256 is R and S, not DER', async () => {
    const verify = verifier({ jwks: { keys: [first.jwk] } });
    expect(await verify(jws('ES256', first.key, 'first'))).toBe('TOKEN_SIGNATURE');
  });

  it('ES256 is taken whatever octets R and S begin with', async () => {
    const verify = verifier({ jwks: { keys: [first.jwk] } });
    for (let i = 0; i < 300; i++) {
      expect(await verify(jws('ES256', first.key, 'first', plain))).toBe(OK);
    }
  });

  it('that discovery does not list is refused; without a list RS256 alone goes', async () => {
    serve([first.jwk, rsaJwk], { id_token_signing_alg_values_supported: ['RS256', 'HS256'] });
    expect(await verifier()(token(first))).toBe('TOKEN_ALGORITHM');
    serve([first.jwk, rsaJwk], { id_token_signing_alg_values_supported: undefined });
    const verify = verifier();
    expect(await verify(token(first))).toBe('TOKEN_ALGORITHM');
    expect(await verify(jws('RS256', rsa.privateKey, 'rsa'))).toBe(OK);
  });

  it.each(['none', 'HS256', 'ES256K', '', 'constructor'])('%j is refused', async (alg) => {
    expect(await verifier({ jwks: { keys: [first.jwk] } })(token(first, { alg }))).toBe(
      'TOKEN_ALGORITHM',
    );
  });

  it('of a short RSA key is refused', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k' };
    expect(await verifier({ jwks: { keys: [jwk] } })(jws('RS256', privateKey, 'k'))).toBe(
      'TOKEN_KEY_UNKNOWN',
    );
  });

  it('with a DER signature where JWS wants R and S is refused', async () => {
    expect(await verifier({ jwks: { keys: [first.jwk] } })(jws('ES256', first.key, 'first'))).toBe(
      'TOKEN_SIGNATURE',
    );
  });
});

describe('a wildcard', () => {
  const settings = (url: string) => ({ url, unsafeHttp: true });

  it('spans letters, never dots, slashes or more', async () => {
    const port = new URL(issuer.url).port;
    const verify = verifier(settings(`http://127.0.0.1:${port}/id/*`));
    serve([first.jwk]);
    const iss = `${issuer.url}/id/cluster-1_a`;
    issuer.pages[`/id/cluster-1_a${DISCOVERY}`] = {
      body: { ...(issuer.pages[DISCOVERY]?.body as object), issuer: iss },
    };
    expect(await verify(token(first, {}, { iss }))).toBe(OK);
    for (const odd of [
      `${issuer.url}/id/a/b`,
      `${issuer.url}/id/a.b`,
      `${issuer.url}/id/`,
      `${issuer.url}/id/a/`,
      `${issuer.url}/id/a\n`,
      `https://evil.example/?${issuer.url}/id/a`,
      `https://evil.example/${issuer.url}/id/a`,
    ]) {
      expect(await verify(token(first, {}, { iss: odd })), odd).toBe('TOKEN_ISSUER_UNKNOWN');
    }
  });

  it('gives way to the exact issuer and to a longer wildcard', async () => {
    serve([first.jwk]);
    const { issuers } = caConfig.parse({
      issuers: [
        { url: `${issuer.url}/*`, type: 'email', unsafeHttp: true, audience: 'short' },
        { url: `${issuer.url}/id-*`, type: 'email', unsafeHttp: true, audience: 'long' },
        {
          url: `${issuer.url}/id-x`,
          type: 'email',
          audience: 'exact',
          jwks: { keys: [first.jwk] },
        },
      ],
    });
    const verify = tokenVerifier(issuers, () => now, silentLogger, {});
    const reason = async (path: string) => {
      const jwt = token(first, {}, { iss: `${issuer.url}${path}`, aud: 'none' });
      return verify(jwt).then(
        () => '',
        (error: Error) => error.message,
      );
    };
    expect(await reason('/a')).toContain('short');
    expect(await reason('/id-a')).toContain('long');
    expect(await reason('/id-x')).toContain('exact');
  });
});
