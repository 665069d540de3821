// SPDX-License-Identifier: Apache-2.0
// Random requests to every route of a whole stack, made from the schema of each: an answer of the
// service, never a fault of ours. HTTP_SEED makes the requests of a run again.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pae } from '../../services/core/dsse.ts';
import { ERRORS, type ErrorCode } from '../../services/core/errors.ts';
import { jsonLogger } from '../../services/runtime/telemetry.ts';
import { judgeStackConfig } from '../../services/stack/config.ts';
import { type Stack, startStack } from '../../services/stack/serve.ts';
import { type Random, randomFor } from '../fuzz/support/random.ts';
import { certificateBody, devToken, newKeyPair, timestampQuery } from '../support/requests.ts';
import { temporaryDirectory } from '../support/stack.ts';
import { base64, bodyOf, list, object, type Schema, values } from './schemas.ts';

const SEED = Number(process.env.HTTP_SEED ?? Date.now() % 2 ** 32);
const REQUESTS = 250;
const PARALLEL = 16;

const directory = temporaryDirectory();
const key = newKeyPair();
const message = Buffer.from('an artifact');
const SHORT = Buffer.from('9ec9f7918d7dfc40', 'hex');
const SHA256 = createHash('sha256').update(message).digest();
const spki = new Uint8Array(key.spki);
const signature = new Uint8Array(sign('sha256', message, key.privateKey));
const edSpki = new Uint8Array(
  generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }),
);

/** DER of every certificate whose PEM stands somewhere in an answer of the CA. */
function certificatesIn(answer: string): Uint8Array[] {
  const blocks = answer
    .replaceAll('\\n', '\n')
    .matchAll(/-----BEGIN CERTIFICATE-----\n([\s\S]*?)-----END CERTIFICATE-----/g);
  return [...blocks].map((match) => new Uint8Array(Buffer.from(match[1] ?? '', 'base64')));
}

let stack: Stack;
let token: string;
let chain: Uint8Array[];
const lines: Array<Record<string, unknown>> = [];
const logger = jsonLogger((line) => lines.push(JSON.parse(line)), Date.now);

beforeAll(async () => {
  console.log(`seed ${SEED}`);
  const config = judgeStackConfig({ dev: true, data: directory.path, listen: { port: 0 } });
  stack = await startStack({ config, clock: Date.now, logger });
  token = await devToken(stack.url, 'a@example.com');
  const issued = await fetch(`${stack.url}/api/v2/signingCert`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: certificateBody(key, token, 'a@example.com'),
  });
  chain = certificatesIn(await issued.text());
  expect([issued.status, chain.length]).toEqual([200, 3]);
});
afterAll(async () => {
  await stack.close();
  directory.remove();
});

const keyDetails = values('PKIX_ECDSA_P256_SHA_256', 5, 'PKIX_ED25519_PH', 'PKIX_ED25519', 12);
const verifier = (): Schema =>
  object({
    publicKey: object({ rawBytes: base64(spki, spki, edSpki) }),
    keyDetails,
  });
const certified = (): Schema =>
  object({
    x509Certificate: object({ rawBytes: base64(...chain) }),
    keyDetails,
  });

const payload = Buffer.from('{}');

interface Route {
  readonly path: string;
  readonly type: string;
  readonly schema: () => Schema;
  /** Half of the requests carry it. */
  readonly authorized?: boolean;
}

const ROUTES: readonly Route[] = [
  {
    path: '/api/v2/log/entries',
    type: 'application/json',
    schema: () =>
      object({
        hashedRekordRequestV002: object({
          digest: base64(SHA256, SHA256, SHORT),
          signature: object({ content: base64(signature), verifier: verifier() }),
        }),
      }),
  },
  {
    path: '/api/v2/log/entries',
    type: 'application/json',
    schema: () =>
      object({
        dsseRequestV002: object({
          envelope: object({
            payload: base64(payload),
            payloadType: values('text/plain', 'application/vnd.in-toto+json'),
            signatures: list(
              object({
                sig: base64(
                  new Uint8Array(sign('sha256', pae('text/plain', payload), key.privateKey)),
                ),
                keyid: values('', 'a'),
              }),
            ),
          }),
          verifiers: list(certified()),
        }),
      }),
  },
  {
    path: '/api/v2/signingCert',
    type: 'application/json',
    authorized: true,
    schema: () =>
      object({
        credentials: object({ oidcIdentityToken: values(token, token, 'a.b.c', '') }),
        publicKeyRequest: object({
          publicKey: object({
            algorithm: values('ECDSA', 7),
            content: values(key.pem, key.pem, 'x'),
          }),
          proofOfPossession: base64(
            new Uint8Array(sign('sha256', Buffer.from('a@example.com'), key.privateKey)),
            signature,
          ),
        }),
      }),
  },
  {
    path: '/api/v2/signingCert',
    type: 'application/json',
    authorized: true,
    schema: () =>
      object({ certificateSigningRequest: base64(spki, ...chain, Buffer.from(key.pem)) }),
  },
  {
    path: '/api/v1/signingCert',
    type: 'application/json',
    authorized: true,
    schema: () =>
      object({
        publicKey: object({ content: base64(spki, edSpki), algorithm: values('ecdsa') }),
        signedEmailAddress: base64(
          new Uint8Array(sign('sha256', Buffer.from('a@example.com'), key.privateKey)),
        ),
      }),
  },
  {
    path: '/api/v1/timestamp',
    type: 'application/json',
    schema: () =>
      object({
        artifactHash: base64(SHA256, SHA256, SHORT),
        hashAlgorithm: values('sha256', 'sha384', 'md5'),
        nonce: values(1, 0, 7, 2 ** 53),
        certificates: values(true, false),
        tsaPolicyOID: values('1.3.6.1.4.1.57264.2', '1.2.3', ''),
      }),
  },
  {
    path: '/ctlog/ct/v1/add-chain',
    type: 'application/json',
    schema: () => object({ chain: list(base64(...chain)) }),
  },
  {
    path: '/ctlog/ct/v1/add-pre-chain',
    type: 'application/json',
    schema: () => object({ chain: list(base64(...chain)) }),
  },
  {
    path: '/dev-oidc/token',
    type: 'application/json',
    schema: () =>
      object({
        kind: values('email', 'github', 'kubernetes', 'subject', 'none'),
        claims: object({
          sub: values('a', 7),
          email: values('a@example.com'),
          email_verified: values(true),
        }),
        expiresInSeconds: values(60, -60, 1.5, 1e9),
      }),
  },
];

interface Tally {
  readonly statuses: Map<number, number>;
  readonly reasons: Set<string>;
}

/** What any answer must be; the code of a refusal. */
async function judge(answer: Response, asked: string, bare: boolean): Promise<string | undefined> {
  const text = await answer.text();
  const { status } = answer;
  expect([status < 500, `${asked} ${status} ${text.slice(0, 300)}`]).toEqual([
    true,
    expect.anything(),
  ]);
  if (status < 400 || bare) return undefined;
  expect([asked, answer.headers.get('content-type')]).toEqual([
    asked,
    expect.stringMatching(/^application\/json/),
  ]);
  const { code, details } = JSON.parse(text) as {
    code: number;
    details: Array<{ reason: ErrorCode }>;
  };
  const reason = details[0]?.reason ?? 'INTERNAL';
  expect([asked, code]).toEqual([asked, ERRORS[reason].grpc]);
  return reason;
}

async function storm(
  name: string,
  make: (random: Random) => [string, RequestInit],
): Promise<Tally> {
  const tally: Tally = { statuses: new Map(), reasons: new Set() };
  let next = 0;
  const work = async () => {
    for (let i = next++; i < REQUESTS; i = next++) {
      const [path, init] = make(randomFor(SEED, name, i));
      const answer = await fetch(`${stack.url}${path}`, init);
      const reason = await judge(
        answer,
        `seed ${SEED}, ${name}, number ${i}`,
        init.method === 'HEAD',
      );
      tally.statuses.set(answer.status, (tally.statuses.get(answer.status) ?? 0) + 1);
      if (reason !== undefined) tally.reasons.add(reason);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return tally;
}

/** No request left a line of error behind. */
function noFaults(): void {
  expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
}

describe('bodies', () => {
  it.each(ROUTES.map((route, i) => ({ ...route, i })))('POST $path ($i)', async (route) => {
    const schema = route.schema();
    const { statuses, reasons } = await storm(`${route.path} ${route.i}`, (random) => {
      const type = random.chance(0.05)
        ? random.pick(['text/plain', 'x', 'application/json;a'])
        : route.type;
      const headers: Record<string, string> = { 'content-type': type };
      if (route.authorized && random.chance(0.5)) headers.authorization = `Bearer ${token}`;
      return [route.path, { method: 'POST', headers, body: bodyOf(schema, random) }];
    });
    noFaults();
    // The generator reaches behind the parser: not all are refused for their form.
    expect(reasons.size + (statuses.has(200) || statuses.has(201) ? 1 : 0)).toBeGreaterThan(1);
  });

  it('POST /api/v1/timestamp, DER', async () => {
    const query = timestampQuery(SHA256);
    const { statuses, reasons } = await storm('timestamp-query', (random) => {
      const body = Buffer.from(query);
      for (let i = random.int(3); i > 0; i--) body[random.int(body.length)] = random.int(256);
      const cut = random.chance(0.1) ? body.subarray(0, random.int(body.length)) : body;
      const headers = { 'content-type': 'application/timestamp-query' };
      return ['/api/v1/timestamp', { method: 'POST', headers, body: cut }];
    });
    noFaults();
    expect([...reasons]).toContain('TSA_REQUEST_MALFORMED');
    expect([...statuses.keys()].some((status) => status < 300)).toBe(true);
  });
});

describe('queries and paths', () => {
  const NUMBERS = [
    '0',
    '1',
    '2',
    '3',
    '255',
    '256',
    '9007199254740991',
    '9007199254740992',
    '-1',
    '01',
    '1e3',
    '',
    'x',
    '1.5',
    '99999999999999999999',
  ];
  const HASH = encodeURIComponent(Buffer.alloc(32).toString('base64'));
  const READS: ReadonlyArray<readonly [name: string, parameters: readonly string[]]> = [
    ['get-sth', []],
    ['get-roots', []],
    ['get-sth-consistency', ['first', 'second']],
    ['get-proof-by-hash', ['hash', 'tree_size']],
    ['get-entries', ['start', 'end']],
    ['get-entry-and-proof', ['leaf_index', 'tree_size']],
  ];

  it('GET /ctlog/ct/v1/…', async () => {
    const { statuses, reasons } = await storm('ct reads', (random) => {
      const [name, parameters] = random.pick(READS);
      const query = parameters.flatMap((parameter) => {
        if (random.chance(0.05)) return [];
        const value =
          parameter === 'hash' && random.chance(0.8)
            ? HASH
            : random.pick(NUMBERS.slice(0, random.chance(0.5) ? 4 : NUMBERS.length));
        return random.chance(0.05)
          ? [`${parameter}=${value}`, `${parameter}=1`]
          : [`${parameter}=${value}`];
      });
      return [`/ctlog/ct/v1/${name}?${query.join('&')}`, {}];
    });
    noFaults();
    expect(statuses.has(200)).toBe(true);
    for (const code of ['REQUEST_MALFORMED', 'TREE_RANGE', 'NOT_FOUND'])
      expect(reasons).toContain(code);
  });

  it('GET and others on tiles, trust files and anything else', async () => {
    const PARTS = [
      'tile',
      '0',
      '1',
      '00',
      '63',
      '64',
      '-1',
      'entries',
      'data',
      '000',
      '001',
      'x000',
      'x001',
      '0000',
      '000.p',
      '1',
      '255',
      '256',
      '000.p/1',
      '..',
      '%2e%2e',
      '%2f',
      '%00',
      '%zz',
      'é',
      'checkpoint',
      'issuer',
      'root.json',
      '1.root.json',
      'a'.repeat(300),
      '',
      '?',
      '?x=%',
      'targets',
    ];
    const PREFIXES = [
      '/api/v2/',
      '/ctlog/',
      '/tuf/',
      '/trust/',
      '/',
      '//',
      '/dev-oidc/',
      '/api/v1/',
    ];
    const METHODS = ['GET', 'GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'];
    const { statuses, reasons } = await storm('paths', (random) => {
      const parts = Array.from({ length: random.int(6) }, () => random.pick(PARTS));
      const method = random.pick(METHODS);
      const body = method === 'GET' || method === 'HEAD' || random.chance(0.7) ? undefined : 'x';
      return [
        `${random.pick(PREFIXES)}${parts.join('/')}`,
        { method, ...(body === undefined ? {} : { body }) },
      ];
    });
    noFaults();
    expect(statuses.size).toBeGreaterThan(2);
    expect([...reasons].every((code) => code in ERRORS)).toBe(true);
  });
});
