// SPDX-License-Identifier: Apache-2.0
// Identities of each type of issuer: SPIFFE IDs, URIs, user names, Chainguard, CI providers and the
// former types of Fulcio. Cases: test/vectors/ca/identities.json.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Identity, Subject } from '../../services/ca/claims.ts';
import { identityReader } from '../../services/ca/identity.ts';
import { issuerConfig } from '../../services/ca/issuer-config.ts';
import { CodedError } from '../../services/core/errors.ts';
import { type JsonObject, parseJson } from '../../services/core/json.ts';
import {
  ask,
  EMAIL_CLAIMS,
  GITHUB_CLAIMS,
  GITLAB_CLAIMS,
  openHarness,
  subject,
  token,
  v2Body,
} from './harness.ts';

const URL = 'https://login.corp.example';
type Case = [name: string, settings: object, claims: object, expected: string];
const { good, bad } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/ca/identities.json'), 'utf8'),
) as { good: Case[]; bad: Case[] };

function identity(settings: object, claims: object): Identity {
  const reader = identityReader(issuerConfig.parse({ url: URL, ...settings }));
  return reader(parseJson(JSON.stringify(claims)) as JsonObject);
}

function verdict(settings: object, claims: object): Subject | string {
  try {
    return identity(settings, claims).render();
  } catch (error) {
    return error instanceof CodedError ? error.code : `${error}`;
  }
}

const extensions = (found: Subject | string) =>
  typeof found === 'string'
    ? found
    : Object.fromEntries(found.extensions.map(({ number, value }) => [number, value]));

describe('an identity', () => {
  it.each(good)('%s', (_, settings, claims, expected) => {
    const found = verdict(settings, claims);
    expect(typeof found === 'string' ? found : found.altName.value).toBe(expected);
    // Issuer and subject of the token, whatever the name is.
    expect(extensions(found)).toMatchObject({
      1: URL,
      8: URL,
      24: (claims as { sub: string }).sub,
    });
  });

  it.each(bad)('is refused: %s', (_, settings, claims, expected) => {
    expect(verdict(settings, claims)).toBe(expected);
  });

  it('of a user is an otherName, of the others a URI', () => {
    const kinds = good.map(([, settings, claims]) => {
      const found = verdict(settings, claims);
      return [(settings as { type: string }).type, (found as Subject).altName.kind];
    });
    for (const [type, kind] of kinds) expect(kind).toBe(type === 'username' ? 'username' : 'uri');
  });
});

describe('who proves possession', () => {
  const mail = { email: 'dev@corp.example', email_verified: true };
  const spiffe = { type: 'spiffe', spiffeTrustDomain: 'corp.example' };
  const sub = 'spiffe://corp.example/x';

  it('is the subject, or the verified address that clients sign whenever there is one', () => {
    expect(identity(spiffe, { sub, ...mail }).principals).toEqual([sub, mail.email]);
    expect(identity(spiffe, { sub, ...mail, email_verified: 'true' }).principals).toHaveLength(2);
  });

  it.each([false, 'false', undefined, 1, 'yes'])(
    'is no address of email_verified %j',
    (verified) => {
      expect(identity(spiffe, { sub, ...mail, email_verified: verified }).principals).toEqual([
        sub,
      ]);
    },
  );

  it('is, with Chainguard, the verified address where there is one, and the subject else', () => {
    const chainguard = { type: 'chainguard-identity' };
    expect(identity(chainguard, { sub: 'a/b', ...mail }).principals).toEqual([mail.email]);
    expect(identity(chainguard, { sub: 'a/b' }).principals).toEqual(['a/b']);
    const unverified = { sub: 'a/b', ...mail, email_verified: false };
    expect(identity(chainguard, unverified).principals).toEqual(['a/b']);
  });
});

describe('extensions of CI providers', () => {
  const codefresh = {
    sub: 'x',
    account_id: 'a1',
    account_name: 'corp',
    pipeline_id: 'p1',
    pipeline_name: 'project/release',
    workflow_id: 'w1',
  };

  it('have every row of the table: Codefresh', () => {
    const common = {
      1: URL,
      8: URL,
      9: 'https://g.codefresh.io/build/w1',
      18: 'https://g.codefresh.io/api/pipelines/p1',
      21: 'https://g.codefresh.io/build/w1',
      24: 'x',
    };
    expect(extensions(verdict({ type: 'codefresh-workflow' }, codefresh))).toEqual(common);
    const full = {
      ...codefresh,
      runner_environment: 'codefresh-hosted',
      scm_repo_url: 'https://git.corp.example/app',
      scm_ref: 'main',
    };
    expect(extensions(verdict({ type: 'ci-provider', provider: 'codefresh' }, full))).toEqual({
      ...common,
      11: 'codefresh-hosted',
      12: 'https://git.corp.example/app',
      14: 'main',
    });
  });

  it('have every row of the table: Buildkite, and none in its former type', () => {
    const claims = {
      sub: 'x',
      organization_slug: 'corp',
      pipeline_slug: 'app',
      runner_environment: 'self-hosted',
      build_commit: 'abc',
      build_source: 'webhook',
      build_number: 7,
      job_id: 'j',
    };
    const common = { 1: URL, 8: URL, 24: 'x' };
    expect(extensions(verdict({ type: 'ci-provider', provider: 'buildkite' }, claims))).toEqual({
      ...common,
      11: 'self-hosted',
      13: 'abc',
      20: 'webhook',
      21: 'https://buildkite.com/corp/app/builds/7#j',
    });
    expect(extensions(verdict({ type: 'buildkite-job' }, claims))).toEqual(common);
  });

  it('are those of the preset in the former types of GitHub and GitLab, but for the environment', () => {
    for (const [type, provider, claims] of [
      ['github-workflow', 'github', GITHUB_CLAIMS],
      ['gitlab-pipeline', 'gitlab', { ...GITLAB_CLAIMS, pipeline_id: '3', runner_id: 4 }],
    ] as const) {
      const token = { ...claims, environment: 'prod' };
      const former = extensions(verdict({ type }, token));
      const preset = extensions(verdict({ type: 'ci-provider', provider }, token));
      expect(preset).toEqual({ ...(former as object), 23: 'prod' });
      expect(former).not.toHaveProperty('23');
    }
  });

  it.each(['pipeline_id', 'runner_id'])(
    'of a GitLab pipeline need %s in the former type',
    (name) => {
      const claims = { ...GITLAB_CLAIMS, pipeline_id: '3', runner_id: 4, [name]: undefined };
      expect(verdict({ type: 'gitlab-pipeline' }, claims)).toBe('IDENTITY_TEMPLATE');
    },
  );

  it('of GitLab lack the digest of a configuration that lies elsewhere', () => {
    for (const digest of [null, undefined, '']) {
      const claims = { ...GITLAB_CLAIMS, ci_config_sha: digest };
      const found = extensions(verdict({ type: 'ci-provider', provider: 'gitlab' }, claims));
      expect(found).toMatchObject({ 9: `https://${GITLAB_CLAIMS.ci_config_ref_uri}` });
      expect(found).not.toHaveProperty('10');
      expect(found).not.toHaveProperty('19');
    }
  });

  it.each(
    Object.keys(GITHUB_CLAIMS).filter(
      (name) => !['iss', 'aud', 'iat', 'exp', 'sub'].includes(name),
    ),
  )('of GitHub need %s, which may not be empty', (name) => {
    for (const type of [{ type: 'github-workflow' }, { type: 'ci-provider', provider: 'github' }]) {
      for (const value of [undefined, '', null, [], {}])
        expect(verdict(type, { ...GITHUB_CLAIMS, [name]: value })).toBe('IDENTITY_TEMPLATE');
    }
  });
});

describe('a certificate', () => {
  it('is issued for a SPIFFE ID, a URI, a user name and Chainguard, end to end', async () => {
    const issuers = [
      { url: URL, type: 'spiffe', spiffeTrustDomain: 'corp.example' },
      { url: `${URL}/u`, type: 'uri', subjectDomain: 'https://people.corp.example' },
      { url: `${URL}/n`, type: 'username', subjectDomain: 'corp.example' },
      { url: `${URL}/c`, type: 'chainguard-identity' },
    ];
    const harness = await openHarness({ config: { issuers } });
    const { email, email_verified, ...claims } = EMAIL_CLAIMS;
    for (const [path, sub, form] of [
      ['', 'spiffe://corp.example/x', 'spiffe://corp.example/x'],
      ['/u', 'https://people.corp.example/1', 'https://people.corp.example/1'],
      ['/n', 'builder', 'builder!corp.example'],
      ['/c', 'a/b', `${URL}/c/a/b`],
    ] as const) {
      const jwt = token({ ...claims, iss: `${URL}${path}`, sub });
      const answer = await ask(harness, v2Body(subject(), sub), jwt);
      expect([path, answer.status]).toEqual([path, 200]);
      const der = Buffer.from(
        (answer.certificates[0] ?? '').replace(/-----.*-----/g, ''),
        'base64',
      );
      expect(der.includes(Buffer.from(form))).toBe(true);
      // Proof over the name in the certificate is none, unless it is the subject.
      const other = await ask(harness, v2Body(subject(), 'other'), jwt);
      expect(other.reason).toBe('POSSESSION_INVALID');
    }
    const response = await harness.ca.routes.request('/api/v2/configuration');
    const { issuers: told } = (await response.json()) as { issuers: object[] };
    expect(told).toMatchObject([
      { issuerType: 'spiffe', spiffeTrustDomain: 'corp.example', challengeClaim: 'sub' },
      { issuerType: 'uri', subjectDomain: 'https://people.corp.example' },
      { issuerType: 'username', subjectDomain: 'corp.example' },
      { issuerType: 'chainguard-identity', challengeClaim: 'sub' },
    ]);
    await harness.close();
  });
});
