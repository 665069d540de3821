// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ECDSA_P256_SHA256 } from '../../services/core/algorithm.ts';
import { base64, fromUtf8, utf8 } from '../../services/core/bytes.ts';
import { OID } from '../../services/core/oid.ts';
import { parsePem } from '../../services/core/pem.ts';
import { parseSctList, precertTbs, sctSignedData } from '../../services/core/sct.ts';
import { parsePublicKey } from '../../services/core/spki.ts';
import {
  buildPath,
  type Certificate,
  findExtension,
  parseCertificate,
} from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  EMAIL_CLAIMS,
  GITHUB_CLAIMS,
  GITLAB_CLAIMS,
  KUBERNETES_CLAIMS,
  NOW,
  openHarness,
  SUBJECT_HASHES,
  strangerKey,
  subject,
  TIMES,
  token,
  v2Body,
} from './harness.ts';

let harness: Awaited<ReturnType<typeof openHarness>>;
beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness.close());

type Headers = Record<string, string>;
const post = (path: string, body: unknown, headers: Headers = {}) =>
  harness.ca.routes.request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const bearer = (jwt: string) => ({ authorization: `Bearer ${jwt}` });

async function issued(response: Response): Promise<Certificate> {
  expect(response.status).toBe(200);
  const body = (await response.json()) as {
    signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
  };
  const chain = body.signedCertificateEmbeddedSct.chain.certificates;
  expect(chain).toHaveLength(3);
  const [leaf] = chain.flatMap((text) => parsePem(text, 'CERTIFICATE'));
  return parseCertificate(leaf?.der ?? new Uint8Array());
}

async function refusal(response: Response) {
  const body = (await response.json()) as {
    code: number;
    message: string;
    details: Array<{ reason: string }>;
  };
  return {
    status: response.status,
    grpc: body.code,
    code: body.details[0]?.reason,
    message: body.message,
  };
}

function extension(certificate: Certificate, number: number): string | undefined {
  const value = findExtension(certificate, `1.3.6.1.4.1.57264.1.${number}`)?.value;
  return value && fromUtf8(number < 7 ? value : value.subarray(value[1] === 0x81 ? 3 : 2));
}

describe('a certificate', () => {
  it.each(Object.keys(SUBJECT_HASHES) as Array<keyof typeof SUBJECT_HASHES>)(
    'is issued for a %s key',
    async (algorithm) => {
      const key = subject(algorithm);
      const certificate = await issued(
        await post(
          '/api/v2/signingCert',
          v2Body(key, EMAIL_CLAIMS.email),
          bearer(token(EMAIL_CLAIMS)),
        ),
      );
      expect(certificate.altNames).toEqual([{ kind: 'email', value: 'dev@corp.example' }]);
    },
  );

  it('has the profile, verifies under the chain, and carries one SCT of the log', async () => {
    const key = subject();
    const certificate = await issued(
      await post(
        '/api/v2/signingCert',
        v2Body(key, EMAIL_CLAIMS.email),
        bearer(token(EMAIL_CLAIMS)),
      ),
    );
    const chain = harness.chain.map(parseCertificate);
    buildPath(nodeCrypto, certificate, chain, NOW, OID.codeSigning);
    expect([certificate.notBeforeMs, certificate.notAfterMs]).toEqual([NOW, NOW + 600_000]);
    expect(certificate.altNamesCritical).toBe(true);
    expect(extension(certificate, 1)).toBe(EMAIL_CLAIMS.iss);
    expect(extension(certificate, 8)).toBe(EMAIL_CLAIMS.iss);
    expect(extension(certificate, 24)).toBe(EMAIL_CLAIMS.sub);
    expect(certificate.extensions.at(-1)?.oid).toBe(OID.sctList);
    const [sct, ...more] = parseSctList(certificate.extensions.at(-1)?.value ?? new Uint8Array());
    expect(more).toEqual([]);
    const signed = sctSignedData({
      timestampMs: sct?.timestampMs ?? 0,
      extensions: sct?.extensions ?? new Uint8Array(),
      issuerKeyHash: nodeCrypto.digest('sha256', chain[0]?.publicKey.spki ?? new Uint8Array()),
      tbs: precertTbs(certificate),
    });
    const ctKey = parsePublicKey(harness.ctlog.publicKey);
    expect(
      nodeCrypto.verify(ctKey, ECDSA_P256_SHA256, signed, sct?.signature ?? new Uint8Array()),
    ).toBe(true);
    const other = new X509Certificate(certificate.der);
    expect(other.verify(new X509Certificate(harness.chain[0]).publicKey)).toBe(true);
    expect(other.publicKey.export({ type: 'spki', format: 'pem' })).toBe(key.pem);
  });

  it('names a Kubernetes service account', async () => {
    const response = await post(
      '/api/v2/signingCert',
      v2Body(subject(), KUBERNETES_CLAIMS.sub),
      bearer(token(KUBERNETES_CLAIMS)),
    );
    expect((await issued(response)).altNames).toEqual([
      { kind: 'uri', value: 'https://kubernetes.io/namespaces/ci/serviceaccounts/builder' },
    ]);
  });

  it('names a GitHub workflow with every extension, nothing escaped', async () => {
    const response = await post(
      '/api/v2/signingCert',
      v2Body(subject(), GITHUB_CLAIMS.sub),
      bearer(token(GITHUB_CLAIMS)),
    );
    const certificate = await issued(response);
    expect(certificate.altNames[0]?.value).toBe(
      `https://github.com/${GITHUB_CLAIMS.job_workflow_ref}`,
    );
    expect(extension(certificate, 4)).toBe('release <&>');
    expect(extension(certificate, 21)).toBe(
      'https://github.com/corp/app/actions/runs/1/attempts/2',
    );
    expect(extension(certificate, 23)).toBeUndefined();
    const numbers = [
      1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 24,
    ];
    for (const number of numbers) expect(extension(certificate, number), `${number}`).toBeTruthy();
  });

  it('names a GitLab pipeline, its double slash kept', async () => {
    const response = await post(
      '/api/v2/signingCert',
      v2Body(subject(), GITLAB_CLAIMS.sub),
      bearer(token(GITLAB_CLAIMS)),
    );
    const certificate = await issued(response);
    expect(certificate.altNames[0]?.value).toBe(`https://${GITLAB_CLAIMS.ci_config_ref_uri}`);
    expect(extension(certificate, 14)).toBe('refs/heads/main');
    expect(extension(certificate, 12)).toBe('https://gitlab.corp.example/corp/app');
  });

  it('takes snake_case, nulls, the token in the body before the header, unknown fields', async () => {
    const key = subject();
    const body = {
      credentials: { oidc_identity_token: token(EMAIL_CLAIMS) },
      public_key_request: {
        public_key: { content: key.pem },
        proof_of_possession: key.prove(EMAIL_CLAIMS.email),
      },
      certificate_signing_request: null,
      future: 1,
    };
    await issued(await post('/api/v2/signingCert', body, bearer('not.a.token')));
  });

  it('takes the proof over the verified e-mail of a token that is not for an address', async () => {
    const claims = { ...KUBERNETES_CLAIMS, email: 'a@corp.example', email_verified: true };
    await issued(
      await post('/api/v2/signingCert', v2Body(subject(), 'a@corp.example'), bearer(token(claims))),
    );
  });

  it('comes as PEM with 201 from the v1 API', async () => {
    const key = subject();
    const body = {
      publicKey: { content: base64(utf8(key.pem)), algorithm: 'ecdsa' },
      signedEmailAddress: key.prove(EMAIL_CLAIMS.email),
    };
    const response = await post('/api/v1/signingCert', body, bearer(token(EMAIL_CLAIMS)));
    expect([response.status, response.headers.get('content-type')]).toEqual([
      201,
      'application/pem-certificate-chain',
    ]);
    expect(parsePem(await response.text(), 'CERTIFICATE')).toHaveLength(3);
  });
});

const email = (change: Record<string, unknown>) => token({ ...EMAIL_CLAIMS, ...change });
const without = (claims: Record<string, unknown>, name: string) =>
  token({ ...claims, [name]: undefined });
const seconds = NOW / 1000;

describe('a token is refused', () => {
  it.each<[string, string, string]>([
    ['missing', '', 'TOKEN_MISSING'],
    ['two parts', 'a.b', 'TOKEN_MALFORMED'],
    ['four parts', `${email({})}.x`, 'TOKEN_MALFORMED'],
    ['many dots', '.'.repeat(30_000), 'TOKEN_MALFORMED'],
    ['megabytes of dots', '.'.repeat(3 << 20), 'TOKEN_MALFORMED'],
    ['no signature', `${email({}).split('.').slice(0, 2).join('.')}.`, 'TOKEN_MALFORMED'],
    ['a payload that is no object', `${email({}).split('.')[0]}.W10.AA`, 'TOKEN_MALFORMED'],
    [
      'demands that nobody knows',
      token(EMAIL_CLAIMS, { header: { crit: ['b64'], b64: false } }),
      'TOKEN_MALFORMED',
    ],
    ['an issuer that is no text', email({ iss: 1 }), 'TOKEN_ISSUER_UNKNOWN'],
    [
      'an issuer inside the path of another',
      email({ iss: `https://evil.example/${EMAIL_CLAIMS.iss}` }),
      'TOKEN_ISSUER_UNKNOWN',
    ],
    [
      'an algorithm that is not listed',
      token(EMAIL_CLAIMS, { header: { alg: 'ES256K' } }),
      'TOKEN_ALGORITHM',
    ],
    [
      'the audience as authorized party',
      email({ aud: 'other', azp: 'sigstore' }),
      'TOKEN_AUDIENCE',
    ],
    ['too long', 'a'.repeat(40_000), 'TOKEN_MALFORMED'],
    ['bad base64', `!.${email({}).split('.').slice(1).join('.')}`, 'TOKEN_MALFORMED'],
    ['bad JSON', `${email({}).split('.')[0]}.e30x.AA`, 'TOKEN_MALFORMED'],
    ['no issuer', without(EMAIL_CLAIMS, 'iss'), 'TOKEN_ISSUER_UNKNOWN'],
    ['unknown issuer', email({ iss: 'https://other.example' }), 'TOKEN_ISSUER_UNKNOWN'],
    ['issuer with a slash more', email({ iss: `${EMAIL_CLAIMS.iss}/` }), 'TOKEN_ISSUER_UNKNOWN'],
    ['algorithm none', token(EMAIL_CLAIMS, { header: { alg: 'none' } }), 'TOKEN_ALGORITHM'],
    ['algorithm HS256', token(EMAIL_CLAIMS, { header: { alg: 'HS256' } }), 'TOKEN_ALGORITHM'],
    ['unknown kid', token(EMAIL_CLAIMS, { header: { kid: 'two' } }), 'TOKEN_KEY_UNKNOWN'],
    ['another key', token(EMAIL_CLAIMS, { key: strangerKey }), 'TOKEN_SIGNATURE'],
    ['expired a second ago', email({ exp: seconds - 1 }), 'TOKEN_EXPIRED'],
    ['expires now', email({ exp: seconds }), 'TOKEN_EXPIRED'],
    ['no expiry', without(EMAIL_CLAIMS, 'exp'), 'TOKEN_EXPIRED'],
    ['expiry as text', email({ exp: `${seconds + 60}` }), 'TOKEN_CLAIM'],
    ['valid in six minutes', email({ nbf: seconds + 360 }), 'TOKEN_NOT_YET_VALID'],
    ['another audience', email({ aud: 'other' }), 'TOKEN_AUDIENCE'],
    ['audiences without ours', email({ aud: ['a', 'b'] }), 'TOKEN_AUDIENCE'],
    ['no audience', without(EMAIL_CLAIMS, 'aud'), 'TOKEN_AUDIENCE'],
    ['no e-mail', without(EMAIL_CLAIMS, 'email'), 'TOKEN_CLAIM'],
    ['e-mail with a newline', email({ email: 'a@b.example\n' }), 'TOKEN_CLAIM'],
    ['e-mail with NUL', email({ email: 'a\0@b.example' }), 'TOKEN_CLAIM'],
    ['a list of e-mails', email({ email: 'a@b.example,c@d.example' }), 'TOKEN_CLAIM'],
    ['non-ASCII e-mail', email({ email: 'ä@b.example' }), 'TOKEN_CLAIM'],
    ['long e-mail', email({ email: `${'a'.repeat(250)}@b.example` }), 'TOKEN_CLAIM'],
    ['unverified e-mail', email({ email_verified: false }), 'TOKEN_EMAIL_UNVERIFIED'],
    [
      'e-mail without a word on it',
      without(EMAIL_CLAIMS, 'email_verified'),
      'TOKEN_EMAIL_UNVERIFIED',
    ],
    ['odd email_verified', email({ email_verified: 1 }), 'TOKEN_CLAIM'],
    ['no subject', without(EMAIL_CLAIMS, 'sub'), 'TOKEN_CLAIM'],
    ['Kubernetes without its claim', without(KUBERNETES_CLAIMS, 'kubernetes.io'), 'TOKEN_CLAIM'],
    [
      'Kubernetes with another subject',
      token({ ...KUBERNETES_CLAIMS, sub: 'system:serviceaccount:ci:other' }),
      'TOKEN_CLAIM',
    ],
    [
      'Kubernetes with an empty namespace',
      token({
        ...KUBERNETES_CLAIMS,
        sub: 'system:serviceaccount::builder',
        'kubernetes.io': { namespace: '', serviceaccount: { name: 'builder' } },
      }),
      'TOKEN_CLAIM',
    ],
    [
      'Kubernetes with dots',
      token({
        ...KUBERNETES_CLAIMS,
        sub: 'system:serviceaccount:..:builder',
        'kubernetes.io': { namespace: '..', serviceaccount: { name: 'builder' } },
      }),
      'TOKEN_CLAIM',
    ],
    ['GitHub without a subject', without(GITHUB_CLAIMS, 'sub'), 'TOKEN_CLAIM'],
  ])('%s', async (_, jwt, code) => {
    const { status, ...rest } = await refusal(
      await post('/api/v2/signingCert', {
        ...v2Body(subject(), 'x'),
        credentials: { oidcIdentityToken: jwt },
      }),
    );
    expect({ status, ...rest }).toEqual({
      status: 400,
      grpc: 3,
      code,
      message: 'There was an error processing the identity token',
    });
  });

  it.each([
    ['email_verified as text', email({ email_verified: 'true' })],
    ['an audience among others', email({ aud: ['other', 'sigstore'] })],
    ['valid in four minutes', email({ nbf: seconds + 240 })],
    ['no kid', token(EMAIL_CLAIMS, { header: { kid: undefined } })],
  ])('but not for %s', async (_, jwt) => {
    await issued(
      await post('/api/v2/signingCert', v2Body(subject(), EMAIL_CLAIMS.email), bearer(jwt)),
    );
  });
});

describe('a name that cannot be rendered', () => {
  const raw = async (claims: Record<string, unknown>, body: object) =>
    refusal(await post('/api/v2/signingCert', body, bearer(token(claims))));
  const proven = v2Body(subject(), GITHUB_CLAIMS.sub);

  it.each(
    Object.keys(GITHUB_CLAIMS).filter((name) => !(name in TIMES) && !['iss', 'sub'].includes(name)),
  )('for want of the claim %s is refused in plain words', async (name) => {
    expect(await raw({ ...GITHUB_CLAIMS, [name]: undefined }, proven)).toEqual({
      status: 400,
      grpc: 3,
      code: 'IDENTITY_TEMPLATE',
      message: `the token has no claim ${name}`,
    });
  });

  it('for a ref_type of no kind is refused', async () => {
    const claims = { ...GITLAB_CLAIMS, ref_type: 'other' };
    expect(await raw(claims, v2Body(subject(), claims.sub))).toMatchObject({
      status: 400,
      code: 'IDENTITY_TEMPLATE',
      message: 'ref_type: not one of branch, tag',
    });
  });

  it('for being too long is refused before the CT log is asked; at the limit it is issued', async () => {
    const long = (length: number) => ({ ...GITHUB_CLAIMS, sha: '漢'.repeat(length) });
    const { size } = harness.ctlog.log.head();
    for (const claims of [long(2049), { ...long(2048), ref: '漢'.repeat(2048) }]) {
      expect((await raw(claims, proven)).code).toBe('IDENTITY_TEMPLATE');
    }
    expect(harness.ctlog.log.head().size).toBe(size);
    await issued(await post('/api/v2/signingCert', proven, bearer(token(long(2048)))));
  });

  it('is refused after a key that is weak and a proof that fails', async () => {
    const claims = { ...GITHUB_CLAIMS, sha: undefined };
    expect((await raw(claims, {})).code).toBe('KEY_UNPARSABLE');
    expect((await raw(claims, v2Body(subject(), 'other'))).code).toBe('POSSESSION_INVALID');
  });
});

describe('a request is refused', () => {
  const key = subject();
  const good = v2Body(key, EMAIL_CLAIMS.email);
  const withKey = (content: string) => ({
    publicKeyRequest: { publicKey: { content }, proofOfPossession: key.prove(EMAIL_CLAIMS.email) },
  });
  it.each<[string, unknown, string, number]>([
    ['no key', {}, 'KEY_UNPARSABLE', 400],
    ['no PEM', withKey('AAAA'), 'KEY_UNPARSABLE', 400],
    ['two PEM blocks', withKey(key.pem + key.pem), 'KEY_UNPARSABLE', 400],
    ['proof over another name', v2Body(key, 'other@corp.example'), 'POSSESSION_INVALID', 400],
    [
      'proof with another key',
      {
        publicKeyRequest: {
          publicKey: { content: key.pem },
          proofOfPossession: subject().prove(EMAIL_CLAIMS.email),
        },
      },
      'POSSESSION_INVALID',
      400,
    ],
    [
      'no proof',
      { publicKeyRequest: { publicKey: { content: key.pem } } },
      'POSSESSION_INVALID',
      400,
    ],
    [
      'proof that is no base64',
      { publicKeyRequest: { publicKey: { content: key.pem }, proofOfPossession: '!' } },
      'REQUEST_MALFORMED',
      400,
    ],
    ['key and CSR', { ...good, certificateSigningRequest: 'AAAA' }, 'CREDENTIALS_AMBIGUOUS', 400],
    ['CSR that is no PEM', { certificateSigningRequest: 'AAAA' }, 'CSR_UNPARSABLE', 400],
    ['no JSON', '{', 'REQUEST_MALFORMED', 400],
    ['a list', '[]', 'REQUEST_MALFORMED', 400],
    ['a key twice', '{"credentials":null,"credentials":null}', 'REQUEST_MALFORMED', 400],
    ['text for an object', { publicKeyRequest: 'x' }, 'REQUEST_MALFORMED', 400],
    ['a body over the limit', 'x'.repeat((4 << 20) + 1), 'REQUEST_TOO_LARGE', 400],
  ])('%s', async (_, body, code, status) => {
    const answer = await refusal(
      await post('/api/v2/signingCert', body, bearer(token(EMAIL_CLAIMS))),
    );
    expect([answer.code, answer.status]).toEqual([code, status]);
  });

  it('never echoes the token', async () => {
    const jwt = token(EMAIL_CLAIMS, { key: strangerKey });
    const text = await (await post('/api/v2/signingCert', good, bearer(jwt))).text();
    expect(text).not.toContain(jwt.split('.')[1]);
  });
});

describe('what the CA tells', () => {
  it('gives chain and configuration', async () => {
    const { routes } = harness.ca;
    const bundle = (await (await routes.request('/api/v2/trustBundle')).json()) as {
      chains: Array<{ certificates: string[] }>;
    };
    expect(bundle.chains[0]?.certificates).toHaveLength(2);
    const configuration = (await (await routes.request('/api/v2/configuration')).json()) as {
      issuers: unknown[];
    };
    expect(configuration.issuers).toHaveLength(4);
    expect((await routes.request('/api/v1/rootCert')).headers.get('content-type')).toBe(
      'application/pem-certificate-chain',
    );
    expect((await routes.request('/api/v2/nothing')).status).toBe(404);
    expect(
      (
        await routes.request('/api/v2/trustBundle', { headers: { origin: 'https://a.example' } })
      ).headers.get('access-control-allow-origin'),
    ).toBe('*');
  });
});
