// SPDX-License-Identifier: Apache-2.0
// Claims to identities, beside what issue.test.ts shows end to end.
import { describe, expect, it } from 'vitest';
import type { Subject } from '../../services/ca/claims.ts';
import { identityReader } from '../../services/ca/identity.ts';
import { issuerConfig } from '../../services/ca/issuer-config.ts';
import { CodedError } from '../../services/core/errors.ts';
import { type JsonObject, parseJson } from '../../services/core/json.ts';
import { EMAIL_CLAIMS, GITHUB_CLAIMS, GITLAB_CLAIMS, KUBERNETES_CLAIMS } from './harness.ts';

const url = 'https://login.example';

function read(settings: object, claims: object): Subject | string {
  try {
    const reader = identityReader(issuerConfig.parse({ url, ...settings }));
    return reader(parseJson(JSON.stringify(claims)) as JsonObject).render();
  } catch (error) {
    return error instanceof CodedError ? error.code : `${error}`;
  }
}

function extension(identity: Subject | string, number: number): string | undefined {
  if (typeof identity === 'string') return identity;
  return identity.extensions.find((row) => row.number === number)?.value;
}
const name = (identity: Subject | string) =>
  typeof identity === 'string' ? identity : identity.altName.value;

describe('e-mail', () => {
  const email = { type: 'email' };
  it.each([
    'a@b',
    'first.last+tag@sub.corp.example',
    "o'hara!#$%&*/=?^_`{|}~-@corp.example",
    `${'a'.repeat(64)}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`,
  ])('%s is an address, emitted as it is', (address) => {
    expect(name(read(email, { ...EMAIL_CLAIMS, email: address }))).toBe(address);
  });

  it.each([
    '',
    'a',
    '@b.example',
    'a@',
    'a@@b.example',
    'a b@c.example',
    'a@b..example',
    '.a@b.example',
    'a.@b.example',
    'a..b@c.example',
    'a@-b.example',
    'a@b-.example',
    'a@b.example.',
    'a@[127.0.0.1]',
    '"a b"@c.example',
    'A <a@b.example>',
    'a@b.example, c@d.example',
    'a@b.example\r\nBcc: c@d.example',
    'a\u0000@b.example',
    'a@b.example\u0000',
    'ä@b.example',
    'a@bücher.example',
    'a@b\u200b.example',
    `${'a'.repeat(65)}@b.example`,
    `a@${'b'.repeat(64)}.example`,
    `a@${'b.'.repeat(130)}example`,
  ])('%j is none', (address) => {
    expect(read(email, { ...EMAIL_CLAIMS, email: address })).toBe('TOKEN_CLAIM');
  });

  it.each<[unknown, string]>([
    [null, 'TOKEN_EMAIL_UNVERIFIED'],
    ['false', 'TOKEN_EMAIL_UNVERIFIED'],
    ['yes', 'TOKEN_CLAIM'],
    ['', 'TOKEN_CLAIM'],
    [1, 'TOKEN_CLAIM'],
    [[true], 'TOKEN_CLAIM'],
  ])('email_verified %j is refused', (verified, code) => {
    expect(read(email, { ...EMAIL_CLAIMS, email_verified: verified })).toBe(code);
  });

  it.each([[false], [undefined], [true]])('skipped, email_verified may be %s', (verified) => {
    const skipping = { type: 'email', skipEmailVerification: true };
    const claims = { ...EMAIL_CLAIMS, email_verified: verified };
    expect(name(read(skipping, claims))).toBe(EMAIL_CLAIMS.email);
  });

  it('takes the issuer from a claim where told so', () => {
    const settings = { type: 'email', issuerClaim: '$.federated_claims.connector_id' };
    const federated = { connector_id: 'https://accounts.example' };
    const identity = read(settings, { ...EMAIL_CLAIMS, federated_claims: federated });
    expect(extension(identity, 1)).toBe('https://accounts.example');
    expect(extension(identity, 8)).toBe('https://accounts.example');
    for (const odd of [undefined, {}, { connector_id: '' }, { connector_id: 1 }, 'x', null, []]) {
      expect(read(settings, { ...EMAIL_CLAIMS, federated_claims: odd })).toBe('TOKEN_CLAIM');
    }
  });

  it.each([undefined, '', 1, null, 'x'.repeat(2049)])('sub %j is refused', (sub) => {
    expect(read(email, { ...EMAIL_CLAIMS, sub })).toBe('TOKEN_CLAIM');
  });
});

describe('Kubernetes', () => {
  const account = (namespace: unknown, service: unknown, sub?: string) =>
    read(
      { type: 'kubernetes' },
      {
        ...KUBERNETES_CLAIMS,
        sub: sub ?? `system:serviceaccount:${namespace}:${service}`,
        'kubernetes.io': { namespace, serviceaccount: { name: service } },
      },
    );

  it('takes what Kubernetes allows in names', () => {
    expect(name(account('ci-2', 'build.er-1'))).toBe(
      'https://kubernetes.io/namespaces/ci-2/serviceaccounts/build.er-1',
    );
  });

  it.each<[unknown, unknown]>([
    ['', 'b'],
    ['a', ''],
    ['a/b', 'c'],
    ['a', 'b/c'],
    ['..', 'a'],
    ['a', '..'],
    ['a', 'b..c'],
    ['a.b', 'c'],
    ['A', 'b'],
    ['a', 'b\n'],
    ['-a', 'b'],
    ['a', 'b-'],
    ['a:b', 'c'],
    ['a'.repeat(64), 'b'],
    ['a', `${'b.'.repeat(126)}bb`],
    ['a', 'ö'],
    [1, 'b'],
    [null, 'b'],
    ['a', undefined],
  ])('refuses namespace %j with account %j', (namespace, service) => {
    expect(account(namespace, service)).toBe('TOKEN_CLAIM');
  });

  it.each(['system:serviceaccount:a:c', 'system:serviceaccount:a:b:', 'a:b', 'b', ''])(
    'refuses subject %j for a and b',
    (sub) => {
      expect(account('a', 'b', sub)).toBe('TOKEN_CLAIM');
    },
  );

  it.each([
    undefined,
    null,
    'x',
    [],
    {},
    { namespace: 'ci' },
    { namespace: 'ci', serviceaccount: 'builder' },
  ])('refuses kubernetes.io %j', (claim) => {
    expect(read({ type: 'kubernetes' }, { ...KUBERNETES_CLAIMS, 'kubernetes.io': claim })).toBe(
      'TOKEN_CLAIM',
    );
  });
});

describe('CI providers', () => {
  const github = { type: 'ci-provider', provider: 'github' };
  const gitlab = { type: 'ci-provider', provider: 'gitlab' };
  const own = (more: object) => ({ type: 'ci-provider', subjectTemplate: 'sub', ...more });

  it('have every row of the table: GitHub', () => {
    const identity = read(
      { ...github, providerUrl: 'https://ghe.example' },
      { ...GITHUB_CLAIMS, environment: 'prod' },
    );
    const rows =
      typeof identity === 'string'
        ? []
        : identity.extensions.map(({ number, value }) => [number, value]);
    const g = GITHUB_CLAIMS;
    expect(rows).toEqual([
      [1, url],
      [2, g.event_name],
      [3, g.sha],
      [4, g.workflow],
      [5, g.repository],
      [6, g.ref],
      [8, url],
      [9, `https://ghe.example/${g.job_workflow_ref}`],
      [10, g.job_workflow_sha],
      [11, g.runner_environment],
      [12, 'https://ghe.example/corp/app'],
      [13, g.sha],
      [14, g.ref],
      [15, g.repository_id],
      [16, 'https://ghe.example/corp'],
      [17, g.repository_owner_id],
      [18, `https://ghe.example/${g.workflow_ref}`],
      [19, g.workflow_sha],
      [20, g.event_name],
      [21, 'https://ghe.example/corp/app/actions/runs/1/attempts/2'],
      [22, g.repository_visibility],
      [23, 'prod'],
      [24, g.sub],
    ]);
  });

  it('have every row of the table: GitLab', () => {
    const identity = read(gitlab, { ...GITLAB_CLAIMS, ref_type: 'tag', ref: 'v1' });
    const rows =
      typeof identity === 'string'
        ? []
        : identity.extensions.map(({ number, value }) => [number, value]);
    const g = GITLAB_CLAIMS;
    const uri = `https://${g.ci_config_ref_uri}`;
    expect(rows).toEqual([
      [1, url],
      [8, url],
      [9, uri],
      [10, g.ci_config_sha],
      [11, g.runner_environment],
      [12, 'https://gitlab.com/corp/app'],
      [13, g.sha],
      [14, 'refs/tags/v1'],
      [15, g.project_id],
      [16, 'https://gitlab.com/corp'],
      [17, g.namespace_id],
      [18, uri],
      [19, g.ci_config_sha],
      [20, g.pipeline_source],
      [21, 'https://gitlab.com/corp/app/-/jobs/9'],
      [22, g.project_visibility],
      [24, g.sub],
    ]);
  });

  it.each(
    Object.keys(GITLAB_CLAIMS).filter(
      (claim) => !['iss', 'aud', 'iat', 'exp', 'ci_config_sha'].includes(claim),
    ),
  )('GitLab without %s is refused', (claim) => {
    const code = claim === 'sub' ? 'TOKEN_CLAIM' : 'IDENTITY_TEMPLATE';
    expect(read(gitlab, { ...GITLAB_CLAIMS, [claim]: undefined })).toBe(code);
  });

  it.each(['commit', '', 'Branch', 1])('GitLab with ref_type %j is refused', (refType) => {
    expect(read(gitlab, { ...GITLAB_CLAIMS, ref_type: refType })).toBe('IDENTITY_TEMPLATE');
  });

  it('drop an extension whose template is empty, and overlay defaults by claims', () => {
    const settings = own({
      extensionTemplates: { 22: 'visibility', 23: 'environment' },
      templateDefaults: { visibility: 'private', environment: '' },
    });
    const plain = read(settings, { sub: 'urn:x' });
    expect([extension(plain, 22), extension(plain, 23)]).toEqual(['private', undefined]);
    expect(extension(read(settings, { sub: 'urn:x', visibility: 'public' }), 22)).toBe('public');
  });

  it('show numbers in plain decimals, however large, and booleans', () => {
    const settings = own({ extensionTemplates: { 15: 'id', 17: 'flag' } });
    const reader = identityReader(issuerConfig.parse({ url, ...settings }));
    for (const [text, shown] of [
      ['12345678901234567890123', '12345678901234567890123'],
      ['1e21', '1000000000000000000000'],
      ['1.5', '1.5'],
      ['0', '0'],
    ] as const) {
      const claims = parseJson(`{"sub":"urn:x","id":${text},"flag":false}`) as JsonObject;
      expect(extension(reader(claims).render(), 15)).toBe(shown);
      expect(extension(reader(claims).render(), 17)).toBe('false');
    }
  });

  it.each([null, {}, [], [1]])('take claim %j for missing', (value) => {
    const settings = own({ extensionTemplates: { 15: 'id' } });
    expect(read(settings, { sub: 'urn:x', id: value })).toBe('IDENTITY_TEMPLATE');
  });

  it('emit a name verbatim but for what a URI cannot hold', () => {
    for (const [sub, value] of [
      ['https://GitLab.example//.gitlab-ci.yml@refs/heads/../x', undefined],
      ['https://a.example/%7Euser?b=c#d', undefined],
      ['https://a.example/my flow.yml', 'https://a.example/my%20flow.yml'],
      ['https://a.example/größe', 'https://a.example/gr%C3%B6%C3%9Fe'],
      ['https://a.example/<x>|^`{}"\\', 'https://a.example/%3Cx%3E%7C%5E%60%7B%7D%22%5C'],
    ] as const) {
      expect(name(read(own({}), { sub }))).toBe(value ?? sub);
    }
  });

  it.each(['a\nb', 'a\u0000b', 'a\u007fb', 'a\u0085b', `urn:${'ö'.repeat(400)}`])(
    'refuse the name %j',
    (sub) => {
      expect(read(own({}), { sub })).toBe('IDENTITY_TEMPLATE');
    },
  );

  it('refuse claims that would fill the CT log', () => {
    const numbers = Array.from({ length: 15 }, (_, i) => [9 + i, 'long'] as const);
    const settings = own({ extensionTemplates: Object.fromEntries(numbers) });
    expect(read(settings, { sub: 'urn:x', long: 'x'.repeat(2049) })).toBe('IDENTITY_TEMPLATE');
    expect(read(settings, { sub: 'urn:x', long: 'x'.repeat(2048) })).toBe('IDENTITY_TEMPLATE');
    expect(extension(read(settings, { sub: 'urn:x', long: 'x'.repeat(1000) }), 9)).toHaveLength(
      1000,
    );
    // Octets count, not characters.
    expect(read(settings, { sub: 'urn:x', long: '漢'.repeat(1000) })).toBe('IDENTITY_TEMPLATE');
    const claims = { ...EMAIL_CLAIMS, iss2: '漢'.repeat(2048), sub: '漢'.repeat(2048) };
    expect(read({ type: 'email', issuerClaim: '$.iss2' }, claims)).toBe('IDENTITY_TEMPLATE');
  });
});
