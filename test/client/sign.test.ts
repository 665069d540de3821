// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import {
  attest,
  CodedError,
  parseBundle,
  type SignerOptions,
  serializeBundle,
  sign,
  verify,
} from '../../services/client/index.ts';
import { parseStatement } from '../../services/core/dsse.ts';
import {
  ARTIFACT,
  createVirtualSigstore,
  IDENTITY,
  KEY_MAKERS,
  NOW,
  POLICY,
} from '../support/virtual-sigstore.ts';
import {
  type ServiceFaults,
  type ServiceName,
  SIGNING_CONFIG,
  tokenOf,
  virtualServices,
} from './services.ts';

const sigstore = await createVirtualSigstore();
const rogue = KEY_MAKERS.p256();
const trust = { trustedRoot: sigstore.root, signingConfig: SIGNING_CONFIG };

interface Setup extends ServiceFaults {
  readonly claims?: Record<string, unknown>;
  readonly options?: Partial<SignerOptions>;
}

function setup(given: Setup = {}) {
  const services = virtualServices(sigstore, given);
  const pauses: number[] = [];
  const sleep = (ms: number) => {
    pauses.push(ms);
    return Promise.resolve();
  };
  const options: SignerOptions = {
    trust,
    token: tokenOf(given.claims),
    clock: () => NOW,
    http: { fetch: services.fetch, sleep },
    ...given.options,
  };
  return { services, pauses, options };
}

async function failure(given: Setup): Promise<CodedError> {
  const error = await sign(ARTIFACT, setup(given).options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof CodedError) return error;
  throw error ?? new Error('signed');
}

describe('sign', () => {
  it('makes a v0.3 bundle that verifies', async () => {
    const { options, services } = setup();
    const { bundle, verification } = await sign(ARTIFACT, options);
    expect(bundle.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
    expect(verification.identity?.name).toBe(IDENTITY);
    const again = parseBundle(serializeBundle(bundle));
    expect(() => verify(trust, again, { bytes: ARTIFACT }, POLICY)).not.toThrow();
    expect(services.calls.map(({ service }) => service)).toEqual(['ca', 'tsa', 'log']);
  });

  it('signs pieces as it signs the whole', async () => {
    async function* pieces() {
      yield ARTIFACT.subarray(0, 3);
      yield ARTIFACT.subarray(3);
    }
    const { bundle } = await sign(pieces(), setup().options);
    expect(() => verify(trust, bundle, { bytes: ARTIFACT }, POLICY)).not.toThrow();
  });

  it('sends the token to the CA alone', async () => {
    const { options, services } = setup();
    await sign(ARTIFACT, options);
    const seen = services.calls.filter(
      ({ headers, body }) =>
        headers.get('authorization') !== null || Buffer.from(body).includes(options.token),
    );
    expect(seen.map(({ service }) => service)).toEqual(['ca']);
  });

  it('never sends the artifact', async () => {
    const { options, services } = setup();
    const artifact = Buffer.from('a secret that stays on this machine');
    await sign(artifact, options);
    for (const { body } of services.calls) expect(Buffer.from(body).includes(artifact)).toBe(false);
  });

  it('uses another key each time', async () => {
    const made = await Promise.all([1, 2].map(() => sign(ARTIFACT, setup().options)));
    const [a, b] = made.map(({ bundle }) => JSON.stringify(bundle.signer));
    expect(a).not.toBe(b);
  });

  it('proves possession over the subject when the address is not verified', async () => {
    const value = 'https://kubernetes.io/namespaces/ci/serviceaccounts/builder';
    const account = { namespace: 'ci', serviceaccount: { name: 'builder' } };
    const claims = { email_verified: false, 'kubernetes.io': account };
    const { options } = setup({ claims, recipe: { name: { kind: 'uri', value } } });
    const { verification } = await sign(ARTIFACT, options);
    expect(verification.identity?.name).toBe(value);
  });

  it('asks every log and authority of a config that says ALL', async () => {
    const all = {
      ...SIGNING_CONFIG,
      tsaUrls: SIGNING_CONFIG.tsaUrls.flatMap((s) => [s, { ...s, operator: 'second' }]),
      tsaConfig: { selector: 'ALL' as const },
    };
    const { options } = setup({ options: { trust: { ...trust, signingConfig: all } } });
    expect((await sign(ARTIFACT, options)).bundle.timestamps).toHaveLength(2);
  });
});

describe('attest', () => {
  it('signs a statement that carries the predicate as it was written', async () => {
    const predicate = Buffer.from('{"big": 12345678901234567890, "n": 1.0}');
    const predicateType = 'https://example.org/predicate';
    const made = { name: 'app.tgz', bytes: ARTIFACT, predicateType, predicate };
    const { bundle } = await attest(made, setup().options);
    const payload = 'envelope' in bundle.content ? bundle.content.envelope.payload : undefined;
    expect(Buffer.from(payload ?? []).toString()).toContain(predicate.toString());
    expect(parseStatement(payload ?? new Uint8Array()).subjects[0]?.name).toBe('app.tgz');
    const policy = { ...POLICY, attestation: true, predicateType };
    expect(() => verify(trust, bundle, { bytes: ARTIFACT }, policy)).not.toThrow();
  });

  it('refuses a predicate that is not JSON before it calls anybody', async () => {
    const { options, services } = setup();
    const predicate = Buffer.from('{"a":1,"a":2}');
    const made = { name: 'x', bytes: ARTIFACT, predicateType: 'urn:x', predicate };
    await expect(async () => attest(made, options)).rejects.toThrow(/duplicate/);
    expect(services.calls).toHaveLength(0);
  });
});

const only = (service: ServiceName, answer: () => Response): ServiceFaults => ({
  answer: (name, good) => (name === service ? answer() : good),
});

/** What a service does, the code it leads to, and the service that must be named. */
const FAULTS: ReadonlyArray<readonly [name: string, code: string, names: string, Setup]> = [
  [
    'certificate for another key',
    'SERVICE_ANSWER',
    'certificate authority',
    { otherKey: rogue.publicKey.spki },
  ],
  [
    'certificate of another CA',
    'SERVICE_ANSWER',
    'certificate authority',
    { recipe: { caKey: rogue } },
  ],
  [
    'certificate without an SCT',
    'SERVICE_ANSWER',
    'certificate authority',
    { recipe: { scts: 0 } },
  ],
  [
    'certificate with a forged SCT',
    'SERVICE_ANSWER',
    'certificate authority',
    { recipe: { sctKey: rogue } },
  ],
  [
    'certificate for another address',
    'SERVICE_ANSWER',
    'certificate authority',
    { recipe: { name: { kind: 'email', value: 'eve@example.com' } } },
  ],
  [
    'certificate for another service account',
    'SERVICE_ANSWER',
    'certificate authority',
    {
      claims: {
        email_verified: false,
        'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'a' } },
      },
      recipe: {
        name: { kind: 'uri', value: 'https://kubernetes.io/namespaces/ci/serviceaccounts/b' },
      },
    },
  ],
  [
    'certificate for another user name',
    'SERVICE_ANSWER',
    'certificate authority',
    { recipe: { name: { kind: 'username', value: 'user-2!corp' } } },
  ],
  [
    'certificate for another token subject',
    'SERVICE_ANSWER',
    'certificate authority',
    {
      recipe: {
        extensions: [
          { number: 8, value: 'x' },
          { number: 24, value: 'user-2' },
        ],
      },
    },
  ],
  [
    'detached SCT',
    'SERVICE_ANSWER',
    'certificate authority',
    only('ca', () => Response.json({ signedCertificateDetachedSct: {} })),
  ],
  [
    'HTML from the CA',
    'SERVICE_ANSWER',
    'certificate authority',
    only('ca', () => new Response('<html>')),
  ],
  [
    'redirect followed to nowhere',
    'SERVICE_REFUSED',
    'certificate authority',
    only('ca', () => new Response(null, { status: 302 })),
  ],
  [
    'timestamp over another signature',
    'SERVICE_ANSWER',
    'timestamp authority',
    { recipe: { stampOver: ARTIFACT } },
  ],
  [
    'timestamp by another key',
    'SERVICE_ANSWER',
    'timestamp authority',
    { recipe: { stampKey: rogue } },
  ],
  ['timestamp for another request', 'SERVICE_ANSWER', 'timestamp authority', { otherNonce: true }],
  [
    'timestamp that is none',
    'SERVICE_ANSWER',
    'timestamp authority',
    only('tsa', () => new Response('no')),
  ],
  [
    'timestamp outside the certificate',
    'SERVICE_ANSWER',
    'CERTIFICATE_TIME',
    { recipe: { stampTimeMs: NOW - 60_000 } },
  ],
  ['entry of another artifact', 'SERVICE_ANSWER', 'transparency log', { otherDigest: true }],
  [
    'entry of another signature',
    'SERVICE_ANSWER',
    'transparency log',
    { recipe: { entry: { signature: new Uint8Array(70) } } },
  ],
  [
    'checkpoint by another key',
    'SERVICE_ANSWER',
    'transparency log',
    { recipe: { noteKey: rogue } },
  ],
  [
    'entry that is none',
    'SERVICE_ANSWER',
    'transparency log',
    only('log', () => Response.json({})),
  ],
  [
    'log that the trusted root does not hold',
    'SERVICE_ANSWER',
    'transparency log',
    { options: { trust: { ...trust, trustedRoot: { ...sigstore.root, tlogs: [] } } } },
  ],
  [
    'frozen log',
    'SERVICE_REFUSED',
    'transparency log',
    only('log', () => new Response('frozen', { status: 405 })),
  ],
  [
    'answer beyond its cap',
    'SERVICE_UNREACHABLE',
    'transparency log',
    only('log', () => new Response(new Uint8Array((1 << 20) + 1))),
  ],
];

describe('a service that fails', () => {
  it.each(FAULTS)('%s: %s by the %s', async (_, code, names, given) => {
    const error = await failure(given);
    expect(error.code).toBe(code);
    expect(error.message).toContain(names);
  });

  it('says what a CA says about a token, with the exit code of token faults', async () => {
    const expired = {
      code: 3,
      message: 'There was an error processing the identity token',
      details: [
        {
          '@type': 'google.rpc.ErrorInfo',
          reason: 'TOKEN_EXPIRED',
          metadata: { reason_text: 'the token ended at noon' },
        },
      ],
    };
    const named = await failure(only('ca', () => Response.json(expired, { status: 400 })));
    expect([named.code, named.row.exit]).toEqual(['TOKEN_EXPIRED', 7]);
    expect(named.message).toContain('status 400, There was an error');
    expect(named.message).toContain(': the token ended at noon');
    const plain = await failure(
      only('ca', () => Response.json({ ...expired, details: [] }, { status: 400 })),
    );
    expect([plain.code, plain.row.exit]).toEqual(['TOKEN_REFUSED', 7]);
  });

  it.each([
    ['null', { message: 'no', details: [null] }],
    ['a text', { message: 'no', details: ['x'] }],
    ['metadata that is none', { message: 'no', details: [{ metadata: 7 }] }],
    ['a reason that is no text', { message: 'no', details: [{ metadata: { reason_text: 7 } }] }],
    ['the same again', { message: 'no', details: [{ metadata: { reason_text: 'no' } }] }],
  ])('takes %s for no detail', async (_, body) => {
    const error = await failure(only('ca', () => Response.json(body, { status: 400 })));
    expect(error.message).toMatch(/status 400, no$/);
  });

  it('does not let a service choose any other code', async () => {
    const body = { message: 'x', details: [{ reason: 'IDENTITY_MISMATCH' }] };
    const error = await failure(only('ca', () => Response.json(body, { status: 400 })));
    expect(error.code).toBe('SERVICE_REFUSED');
  });

  it('never shows the token, even when the service echoes it', async () => {
    const token = tokenOf();
    const details = [{ metadata: { reason_text: `worse: ${token}` } }];
    const error = await failure(
      only('ca', () => Response.json({ message: `bad: ${token}`, details }, { status: 400 })),
    );
    expect(error.message).toContain('bad: (token): worse: (token)');
    expect(JSON.stringify([error.message, error.stack])).not.toContain(token);
  });

  it('tries again after 5xx, 429 and a dropped connection, with growing pauses', async () => {
    let left = 2;
    const { options, pauses } = setup({
      answer(name, answer) {
        if (name !== 'ca' || left-- <= 0) return answer;
        if (left === 0) throw new TypeError('fetch failed');
        return new Response(null, { status: 503 });
      },
    });
    await sign(ARTIFACT, options);
    expect(pauses).toEqual([300, 600]);
  });

  it('waits as Retry-After asks', async () => {
    let left = 1;
    const { options, pauses } = setup({
      answer: (name, answer) =>
        name === 'log' && left-- > 0
          ? new Response(null, { status: 429, headers: { 'retry-after': '2' } })
          : answer,
    });
    await sign(ARTIFACT, options);
    expect(pauses).toEqual([2000]);
  });

  it.each([
    ['gives up on a long Retry-After', { 'retry-after': '3600' }, 0],
    ['gives up after three attempts', {}, 2],
  ])('%s', async (_, headers, waited) => {
    const given = only('tsa', () => new Response(null, { status: 503, headers }));
    const { options, pauses } = setup(given);
    await expect(sign(ARTIFACT, options)).rejects.toMatchObject({ code: 'SERVICE_REFUSED' });
    expect(pauses).toHaveLength(waited);
  });

  it('does not try again after a deadline', async () => {
    let tries = 0;
    const error = await failure({
      answer() {
        tries++;
        throw new DOMException('aborted', 'TimeoutError');
      },
    });
    expect([error.code, tries]).toEqual(['SERVICE_UNREACHABLE', 1]);
    expect(error.message).toContain('no answer within 30 s');
  });
});

describe('before anything is sent', () => {
  it.each([
    ['no timestamp authority', { tsaUrls: [] }],
    [
      'no log of Rekor v2',
      { rekorTlogUrls: SIGNING_CONFIG.rekorTlogUrls.map((s) => ({ ...s, majorApiVersion: 1 })) },
    ],
    [
      'a CA whose time is over',
      { caUrls: SIGNING_CONFIG.caUrls.map((s) => ({ ...s, end: NOW - 1 })) },
    ],
  ])('refuses a signing config with %s', async (_, part) => {
    const signingConfig = { ...SIGNING_CONFIG, ...part };
    const { options, services } = setup({ options: { trust: { ...trust, signingConfig } } });
    await expect(sign(ARTIFACT, options)).rejects.toMatchObject({
      code: 'SIGNING_CONFIG_SERVICE',
    });
    expect(services.calls).toHaveLength(0);
  });

  it.each([
    ['empty', ''],
    ['two parts', 'a.b'],
    ['four parts', 'a.b.c.d'],
    ['not base64', 'a.*.c'],
    ['not JSON', `a.${Buffer.from('x').toString('base64url')}.c`],
    ['no subject', tokenOf({ sub: '' })],
    ['no issuer', tokenOf({ iss: 1 })],
    ['huge', `a.${'A'.repeat(70_000)}.c`],
  ])('refuses a token: %s', async (_, token) => {
    const { options, services } = setup({ options: { token } });
    await expect(sign(ARTIFACT, options)).rejects.toMatchObject({ code: 'TOKEN_MALFORMED' });
    expect(services.calls).toHaveLength(0);
  });
});
