// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { caConfig } from '../../services/ca/config.ts';

const URL = 'https://login.example';
const ci = { url: URL, type: 'ci-provider' };
const key = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };

function fault(issuer: Record<string, unknown>): string {
  const result = caConfig.safeParse({ issuers: [issuer] });
  return result.success ? 'none' : (result.error.issues[0]?.path.join('.') ?? '');
}

describe('an issuer', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['an unknown type', { url: URL, type: 'oidc' }, 'issuers.0.type'],
    ['no type', { url: URL }, 'issuers.0.type'],
    ['an unknown key', { url: URL, type: 'email', clientId: 'x' }, 'issuers.0'],
    ['no scheme', { url: 'login.example', type: 'email' }, 'issuers.0.url'],
    ['another scheme', { url: 'ftp://login.example', type: 'email' }, 'issuers.0.url'],
    ['a query', { url: `${URL}?a`, type: 'email' }, 'issuers.0.url'],
    ['a user', { url: 'https://a@login.example', type: 'email' }, 'issuers.0.url'],
    ['no TLS', { url: 'http://login.example', type: 'email' }, 'issuers.0.url'],
    ['a host like loopback', { url: 'http://localhost.example', type: 'email' }, 'issuers.0.url'],
    [
      'keys without TLS',
      { ...ci, type: 'email', jwksUrl: 'http://a.example/k' },
      'issuers.0.jwksUrl',
    ],
    ['an empty audience', { url: URL, type: 'email', audience: '' }, 'issuers.0.audience'],
    [
      'issuerClaim off e-mail',
      { url: URL, type: 'kubernetes', issuerClaim: '$.a' },
      'issuers.0.type',
    ],
    [
      'issuerClaim that is no path',
      { url: URL, type: 'email', issuerClaim: 'a' },
      'issuers.0.issuerClaim',
    ],
    [
      'skipping off e-mail',
      { ...ci, provider: 'github', skipEmailVerification: true },
      'issuers.0.type',
    ],
    ['a preset for e-mail', { url: URL, type: 'email', provider: 'github' }, 'issuers.0.type'],
    ['neither preset nor template', ci, 'issuers.0.provider'],
    [
      'preset and template',
      { ...ci, provider: 'github', subjectTemplate: 'sub' },
      'issuers.0.provider',
    ],
    [
      'a preset with templates',
      { ...ci, provider: 'github', extensionTemplates: { 9: 'a' } },
      'issuers.0.provider',
    ],
    [
      'an address without preset',
      { ...ci, subjectTemplate: 'sub', providerUrl: URL },
      'issuers.0.providerUrl',
    ],
    [
      'an unknown extension',
      { ...ci, subjectTemplate: 'sub', extensionTemplates: { 25: 'a' } },
      'issuers.0.extensionTemplates',
    ],
    [
      'the number of usernames',
      { ...ci, subjectTemplate: 'sub', extensionTemplates: { 7: 'a' } },
      'issuers.0.extensionTemplates',
    ],
    ['a broken template', { ...ci, subjectTemplate: '{{ .a' }, 'issuers.0.template'],
    [
      'two sources of keys',
      { url: URL, type: 'email', jwksFile: 'k', jwksUrl: URL },
      'issuers.0.jwks',
    ],
    ['an empty key set', { url: URL, type: 'email', jwks: { keys: [] } }, 'issuers.0.jwks.keys'],
    [
      'a wildcard with keys',
      { url: 'https://*.example', type: 'email', jwks: { keys: [key] } },
      'issuers.0.url',
    ],
    [
      'a wildcard with a token',
      { url: 'https://*.example', type: 'email', tokenFile: 't' },
      'issuers.0.url',
    ],
  ])('with %s is refused', (_, issuer, path) => {
    expect(fault(issuer)).toBe(path);
  });

  it.each<[string, Record<string, unknown>]>([
    [
      'an address on loopback without TLS',
      { url: 'http://127.0.0.1:8400/dev-oidc', type: 'email' },
    ],
    ['no TLS when told so', { url: 'http://dex.auth.svc', type: 'email', unsafeHttp: true }],
    [
      'no TLS where nothing is fetched',
      { url: 'http://dex', type: 'email', jwks: { keys: [key] } },
    ],
    ['a wildcard', { url: 'https://oidc.*.example/id/*', type: 'kubernetes' }],
    [
      'defaults for templates',
      { ...ci, subjectTemplate: '{{ .a }}', templateDefaults: { a: 'b' } },
    ],
  ])('may have %s', (_, issuer) => {
    expect(fault(issuer)).toBe('none');
  });

  it('stands once', () => {
    const issuer = { url: URL, type: 'email' };
    expect(caConfig.safeParse({ issuers: [issuer, issuer] }).success).toBe(false);
  });
});

describe('the CA', () => {
  it.each([
    [{ keyAlgorithms: [] }],
    [{ keyAlgorithms: ['rsa-sign-pss-2048-sha256'] }],
    [{ backdateSeconds: 61 }],
    [{ backdateSeconds: -1 }],
    [{ unknown: 1 }],
  ])('refuses %j', (config) => {
    expect(caConfig.safeParse(config).success).toBe(false);
  });

  it('has an audience and seven algorithms by default', () => {
    const config = caConfig.parse({ issuers: [{ url: URL, type: 'email' }] });
    expect(config.issuers[0]?.audience).toBe('sigstore');
    expect(config.keyAlgorithms).toHaveLength(7);
  });
});
