// SPDX-License-Identifier: Apache-2.0
// Kubernetes in-cluster, over real TLS: an API server with an authority of its own, which tells its
// keys to bearers of a token alone and publishes them under another host than its issuer's.
import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { caConfig } from '../../services/ca/config.ts';
import { importFulcioConfig } from '../../services/ca/fulcio-config.ts';
import { tokenVerifier } from '../../services/ca/token.ts';
import { CodedError } from '../../services/core/errors.ts';
import { pem } from '../../services/core/pem.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { type Authority, authority } from './authorities.ts';
import { jwk, KUBERNETES_CLAIMS, NOW, token } from './harness.ts';

const directory = mkdtempSync(join(tmpdir(), 'cluster-'));
const at = (name: string) => join(directory, name);
const caFile = at('ca.crt');
const tokenFile = at('token');
const ALWAYS = [-3e11, 3e11] as const;
const SUBJECT = KUBERNETES_CLAIMS.sub;

interface Api {
  readonly server: Server;
  readonly url: string;
  readonly seen: Array<{ path: string; authorization: string | undefined }>;
  /** Where discovery says that the keys are; replaced by tests. */
  keysAt: string;
  /** The bearer token that opens it; undefined = open to all. */
  secret: string | undefined;
}

let cluster: Authority;
let api: Api;
/** The same API server under the address of a node. */
let node: Api;
let now = NOW;

async function apiServer(host: string): Promise<Api> {
  const certificate = await authority(host, { parent: cluster, isCa: false, valid: ALWAYS, host });
  const server = createServer(
    {
      key: certificate.key.export({ type: 'pkcs8', format: 'pem' }),
      cert: pem('CERTIFICATE', certificate.der),
    },
    (request, response) => {
      const { authorization } = request.headers;
      found.seen.push({ path: request.url ?? '', authorization });
      if (found.secret !== undefined && authorization !== `Bearer ${found.secret}`) {
        response.writeHead(authorization === undefined ? 403 : 401).end('{}');
        return;
      }
      const isKeys = request.url === '/openid/v1/jwks';
      const document = {
        issuer: api.url,
        jwks_uri: api.keysAt,
        id_token_signing_alg_values_supported: ['ES256'],
      };
      response.end(JSON.stringify(isKeys ? { keys: [jwk] } : document));
    },
  );
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const url = `https://${host}:${(server.address() as AddressInfo).port}`;
  const found: Api = { server, url, seen: [], keysAt: '', secret: 'pod' };
  return found;
}

beforeAll(async () => {
  cluster = await authority('cluster', { valid: ALWAYS });
  api = await apiServer('localhost');
  // Another port is another host.
  node = await apiServer('localhost');
});
beforeEach(() => {
  now += 86_400_000;
  for (const one of [api, node]) {
    one.seen.length = 0;
    one.secret = 'pod';
  }
  api.keysAt = `${api.url}/openid/v1/jwks`;
  writeFileSync(caFile, pem('CERTIFICATE', cluster.der));
  writeFileSync(tokenFile, 'pod\n');
});
afterAll(() => {
  rmSync(directory, { recursive: true });
  for (const { server } of [api, node]) {
    server.close();
    server.closeAllConnections();
  }
});

const reasons: string[] = [];
const logger = {
  ...silentLogger,
  warn: (_: string, { reason }: { reason?: unknown } = {}) => reasons.push(String(reason)),
};

function verifier(settings: object, url = api.url) {
  const { issuers } = caConfig.parse({ issuers: [{ url, type: 'kubernetes', ...settings }] });
  return ask(tokenVerifier(issuers, () => now, logger, {}));
}

function ask(verify: ReturnType<typeof tokenVerifier>) {
  return async (iss = api.url): Promise<string> => {
    reasons.length = 0;
    const claims = { ...KUBERNETES_CLAIMS, iss, exp: now / 1000 + 60 };
    return verify(token(claims)).then(
      ({ principals }) => principals[0] ?? '',
      (error: unknown) => (error instanceof CodedError ? error.code : `${error}`),
    );
  };
}

describe('kubernetes in-cluster', () => {
  it('is asked with the authority and the token of the pod', async () => {
    expect(await verifier({ caFile, tokenFile })()).toBe(SUBJECT);
    expect(api.seen.map(({ path, authorization }) => [path, authorization])).toEqual([
      ['/.well-known/openid-configuration', 'Bearer pod'],
      ['/openid/v1/jwks', 'Bearer pod'],
    ]);
  });

  it.each<[string, object, RegExp]>([
    ['without the token', { caFile }, /status 403$/],
    ['without the authority', { tokenFile }, /certificate/],
    ['with neither', {}, /certificate/],
  ])('is not reached %s', async (_, present, reason) => {
    expect(
      await verifier(
        Object.fromEntries(
          Object.keys(present).map((name) => [name, name === 'caFile' ? caFile : tokenFile]),
        ),
      )(),
    ).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(reasons[0]).toMatch(reason);
  });

  it('needs no token where discovery is open to all', async () => {
    api.secret = undefined;
    expect(await verifier({ caFile })()).toBe(SUBJECT);
  });

  it('has its keys under the address of a node: no token goes there, and the log says what to set', async () => {
    api.keysAt = `${node.url}/openid/v1/jwks`;
    expect(await verifier({ caFile, tokenFile })()).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(node.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
    expect(reasons[0]).toContain('so the token stays here; set jwksUrl');
    expect(reasons[0]).not.toContain('pod\n');
  });

  it('is reached there with jwksUrl, by the token, without discovery', async () => {
    const jwksUrl = `${node.url}/openid/v1/jwks`;
    expect(await verifier({ caFile, tokenFile, jwksUrl })()).toBe(SUBJECT);
    expect(api.seen).toEqual([]);
    expect(node.seen).toEqual([{ path: '/openid/v1/jwks', authorization: 'Bearer pod' }]);
  });

  it('is reached by jwksUrl though the issuer has a name that no DNS knows', async () => {
    const url = 'https://kubernetes.default.svc.cluster.local';
    const jwksUrl = `${api.url}/openid/v1/jwks`;
    const verify = verifier({ caFile, tokenFile, jwksUrl }, url);
    expect(await verify(url)).toBe(SUBJECT);
    // The short name is another issuer.
    expect(await verify('https://kubernetes.default.svc')).toBe('TOKEN_ISSUER_UNKNOWN');
    expect(await verify(`${url}/`)).toBe('TOKEN_ISSUER_UNKNOWN');
  });

  it('is reached on after its token has rotated, by links as the kubelet swaps them', async () => {
    writeFileSync(at('one'), 'pod');
    writeFileSync(at('two'), 'next');
    const link = at('linked');
    symlinkSync(at('one'), link);
    const verify = verifier({ caFile, tokenFile: link });
    expect(await verify()).toBe(SUBJECT);
    api.secret = 'next';
    symlinkSync(at('two'), at('swap'));
    renameSync(at('swap'), link);
    now += 86_400_000;
    expect(await verify()).toBe(SUBJECT);
    expect(api.seen.at(-1)?.authorization).toBe('Bearer next');
  });

  it('is reached on after its authority has rotated', async () => {
    const verify = verifier({ caFile, tokenFile });
    const other = await authority('another', { valid: ALWAYS });
    writeFileSync(caFile, pem('CERTIFICATE', other.der));
    expect(await verify()).toBe('TOKEN_ISSUER_UNREACHABLE');
    writeFileSync(caFile, pem('CERTIFICATE', other.der) + pem('CERTIFICATE', cluster.der));
    now += 10_000;
    expect(await verify()).toBe(SUBJECT);
  });

  it('is not reached with a token that is refused, gone or empty', async () => {
    writeFileSync(tokenFile, 'former');
    expect(await verifier({ caFile, tokenFile })()).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(reasons[0]).toMatch(/status 401$/);
    expect(await verifier({ caFile, tokenFile: at('gone') })()).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(reasons[0]).toContain('ENOENT');
  });

  it('is down at the start: the CA opens, and asks again when a token comes', async () => {
    api.keysAt = 'https://localhost:1/keys';
    const verify = verifier({ caFile, tokenFile });
    expect(await verify()).toBe('TOKEN_ISSUER_UNREACHABLE');
    api.keysAt = `${api.url}/openid/v1/jwks`;
    now += 10_000;
    expect(await verify()).toBe(SUBJECT);
  });

  it('does not show its token to an issuer behind a wildcard', async () => {
    const port = new URL(api.url).port;
    const url = `https://*:${port}`;
    expect(caConfig.safeParse({ issuers: [{ url, type: 'kubernetes', tokenFile }] }).success).toBe(
      false,
    );
    api.secret = undefined;
    expect(await verifier({ caFile }, url)()).toBe(SUBJECT);
    expect(api.seen.map(({ authorization }) => authorization)).toEqual([undefined, undefined]);
  });

  it('comes from a configuration of Fulcio with the files of the pod, its wildcards without', async () => {
    const path = at('fulcio.yaml');
    const kubernetes = { 'client-id': 'sigstore', type: 'kubernetes' };
    const issuers = {
      'oidc-issuers': { 'https://kubernetes.default.svc': kubernetes, [api.url]: kubernetes },
      'meta-issuers': { [node.url.replace('localhost', '*')]: kubernetes },
    };
    writeFileSync(path, JSON.stringify(issuers));
    const found = importFulcioConfig({
      path,
      logger,
      except: new Set(),
      cluster: { caFiles: [caFile], tokenFile },
    });
    const verify = ask(tokenVerifier(found, () => now, logger, {}));
    expect(await verify()).toBe(SUBJECT);
    expect(api.seen[0]?.authorization).toBe('Bearer pod');
    // The wildcard has neither authority nor token: its server is not even believed.
    expect(await verify(node.url)).toBe('TOKEN_ISSUER_UNREACHABLE');
    expect(node.seen).toEqual([]);
  });
});

describe('an authority in place', () => {
  it('is believed as one in a file is', async () => {
    api.secret = undefined;
    const caCertificate = `# of the cluster\n${pem('CERTIFICATE', cluster.der)}`;
    expect(await verifier({ caCertificate })()).toBe(SUBJECT);
  });

  it.each<[string, (ca: string) => object]>([
    ['is no PEM', () => ({ caCertificate: 'x' })],
    ['is a key', (ca) => ({ caCertificate: ca.replaceAll('CERTIFICATE', 'PUBLIC KEY') })],
    ['stands beside a file', (ca) => ({ caCertificate: ca, caFile })],
  ])('is refused when it %s', (_, make) => {
    const settings = make(pem('CERTIFICATE', cluster.der));
    const result = caConfig.safeParse({
      issuers: [{ url: api.url, type: 'kubernetes', ...settings }],
    });
    expect(result.error?.issues[0]?.path.join('.')).toBe('issuers.0.caCertificate');
  });
});
