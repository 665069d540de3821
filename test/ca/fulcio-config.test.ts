// SPDX-License-Identifier: Apache-2.0
// Fulcio config: its own file imported as it is, and every check of its load. Cases:
// test/vectors/ca/fulcio/.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { caConfig } from '../../services/ca/config.ts';
import {
  type ImportOptions,
  importFulcioConfig,
  resolveIssuers,
} from '../../services/ca/fulcio-config.ts';
import { identityReader } from '../../services/ca/identity.ts';
import { CodedError } from '../../services/core/errors.ts';
import { pem } from '../../services/core/pem.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { authority } from './authorities.ts';

const VECTORS = join(import.meta.dirname, '../vectors/ca/fulcio');
const directory = mkdtempSync(join(tmpdir(), 'fulcio-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

const nowhere = { caFiles: [join(directory, 'no-ca')], tokenFile: join(directory, 'no-token') };

function importFile(path: string, more: Partial<ImportOptions> = {}) {
  const options = { path, logger: silentLogger, except: new Set<string>(), cluster: nowhere };
  return importFulcioConfig({ ...options, ...more });
}

function importText(text: string, more: Partial<ImportOptions> = {}) {
  const path = join(directory, 'config');
  writeFileSync(path, text);
  return importFile(path, more);
}

describe('fulcio config: a file of Fulcio', () => {
  const yaml = importFile(join(VECTORS, 'full.yaml'));
  const of = (url: string) => yaml.find((issuer) => issuer.url === url);

  it('says the same in YAML and in JSON', () => {
    const json = importFile(join(VECTORS, 'full.json'));
    const spelt = (text: string) =>
      text.replace(
        /[A-Z]+(?![a-z])|[A-Z][a-z]+/g,
        (word, at: number) => `${at === 0 ? '' : '-'}${word.toLowerCase()}`,
      );
    for (const issuer of json) {
      const own = issuer.extensionTemplates;
      if (own === undefined) continue;
      const names = Object.entries(own).map(([name, template]) => [spelt(name), template]);
      Object.assign(issuer, { extensionTemplates: Object.fromEntries(names) });
    }
    expect(json).toEqual(yaml);
  });

  it('may be YAML that begins as JSON does', () => {
    const text = '{oidc-issuers: {https://a.example: {client-id: a, type: email}},}';
    expect(importText(text).map(({ url }) => url)).toEqual(['https://a.example']);
  });

  it('may be JSON with tabs', () => {
    const entry = { ClientID: 'a', Type: 'email' };
    const text = JSON.stringify({ OIDCIssuers: { 'https://a.example': entry } }, null, '\t');
    expect(importText(text)).toHaveLength(1);
  });

  it('gives every issuer, wildcards too', () => {
    expect(yaml.map(({ url, type, audience }) => [url, type, audience])).toEqual([
      ['https://login.corp.example', 'email', 'sigstore'],
      ['https://adfs.corp.example/adfs', 'email', 'sigstore'],
      ['https://spire.corp.example', 'spiffe', 'sigstore'],
      ['https://accounts.corp.example', 'uri', 'people'],
      ['https://names.corp.example', 'username', 'sigstore'],
      ['https://forge.corp.example', 'ci-provider', 'sigstore'],
      ['https://token.corp.example', 'github-workflow', 'sigstore'],
      ['https://oidc.*.eks.corp.example/id/*', 'kubernetes', 'sigstore'],
      ['https://forge.corp.example/*', 'ci-provider', 'sigstore'],
    ]);
    expect(of('https://login.corp.example')?.issuerClaim).toBe('$.federated_claims.connector_id');
    expect(of('https://login.corp.example')?.skipEmailVerification).toBe(false);
    expect(of('https://adfs.corp.example/adfs')?.skipEmailVerification).toBe(true);
    expect(of('https://spire.corp.example')?.spiffeTrustDomain).toBe('corp.example');
  });

  it('renders with its templates: defaults, claims, conditions, dotted keys', () => {
    const issuer = of('https://forge.corp.example');
    if (issuer === undefined) throw new Error('no such issuer');
    const claims = { sub: 's', workflow: 'app/ci', event: 'push', kind: 'tag', ref: 'v1 <&>' };
    const { altName, extensions } = identityReader(issuer)({
      ...claims,
      'forge/run.id': 12345678901234567890n,
    }).render();
    expect(altName.value).toBe('https://forge.corp.example/app/ci');
    expect(extensions.map(({ number, value }) => [number, value])).toEqual([
      [1, 'https://forge.corp.example'],
      [8, 'https://forge.corp.example'],
      [9, 'https://forge.corp.example/app/ci'],
      [14, 'refs/tags/v1 <&>'],
      [20, 'push'],
      [21, 'https://forge.corp.example/runs/12345678901234567890'],
      [24, 's'],
    ]);
  });
});

const refused = parse(readFileSync(join(VECTORS, 'refused.yaml'), 'utf8')) as Array<
  [name: string, field: string, says: string, text: string]
>;

describe('fulcio config: a file is refused', () => {
  it.each(refused)('with %s', (_, field, says, text) => {
    let fault: unknown;
    try {
      importText(text);
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(CodedError);
    const { code, field: named, message } = fault as CodedError;
    expect([code, named]).toEqual([
      'CONFIG_INVALID',
      field === '' ? 'ca.fulcioConfig' : `ca.fulcioConfig:${field}`,
    ]);
    expect(message).toContain('ca.fulcioConfig: ');
    expect(message).toContain(says);
  });

  it('when it is not there: no default stands in for it', () => {
    expect(() => importFile(join(directory, 'gone'))).toThrow(/ca\.fulcioConfig: .*ENOENT/);
  });

  it('when it is longer than 4 MiB, or no UTF-8', () => {
    expect(() => importText(`#${'x'.repeat(4 << 20)}`)).toThrow(/larger than/);
    const path = join(directory, 'latin1');
    writeFileSync(path, Buffer.from('define: \xff', 'latin1'));
    expect(() => importFile(path)).toThrow(CodedError);
  });
});

describe('fulcio config: what it leaves open', () => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (event: string) => warnings.push(event) };

  it('is nothing that a wildcard or another type cannot use', () => {
    const [issuer] = importText(
      'oidc-issuers: {https://a.example: {client-id: a, type: kubernetes, spiffe-trust-domain: X, skip-email-verification: true, subject-domain: x}}',
    );
    expect(issuer).toMatchObject({ type: 'kubernetes', skipEmailVerification: false });
    expect(issuer?.subjectDomain).toBeUndefined();
  });

  it('is an issuer of an unknown type with a challenge claim: no token of it will do', () => {
    const text =
      'oidc-issuers: {https://a.example: {client-id: a, type: saml, challenge-claim: sub}}';
    expect(importText(text, { logger })).toEqual([]);
    expect(warnings).toEqual(['issuer of an unknown type: its tokens are refused']);
  });

  it('are other keys at the top, in a line of the log', () => {
    warnings.length = 0;
    expect(importText('x-anchors: [1]\ndefine: [2]\n', { logger })).toEqual([]);
    expect(warnings).toEqual(['key of the Fulcio configuration passed over']);
  });

  it('is the challenge claim, which is told and never judged', () => {
    const [issuer] = importText(
      'oidc-issuers: {https://a.example: {client-id: a, type: email, challenge-claim: upn}}',
    );
    expect(issuer?.challengeClaim).toBe('upn');
  });
});

describe('fulcio config: a subject domain is of the domain of its issuer', () => {
  it.each([
    ['https://accounts.corp.example', 'https://corp.example'],
    ['https://corp.example', 'https://users.corp.example'],
    ['https://a.b.corp.example/x', 'https://c.d.corp.example'],
    ['https://accounts.corp.example:8443', 'https://users.corp.example'],
    ['https://localhost', 'https://localhost'],
  ])('%s may name %s', (url, domain) => {
    const uri = { issuers: [{ url, type: 'uri', subjectDomain: domain }] };
    expect(caConfig.safeParse(uri).success).toBe(true);
    const username = { url, type: 'username', subjectDomain: domain.slice('https://'.length) };
    expect(caConfig.safeParse({ issuers: [username] }).success).toBe(true);
  });
});

describe('fulcio config: private authorities and clusters', () => {
  it('takes the PEM of an authority in place, for wildcards too', async () => {
    const text = pem('CERTIFICATE', (await authority('private')).der);
    const entry = { 'client-id': 'a', type: 'kubernetes', 'ca-cert': text };
    const file = JSON.stringify({
      'oidc-issuers': { 'https://a.example': entry },
      'meta-issuers': { 'https://*.b.example': entry },
    });
    expect(importText(file).map(({ caCertificate }) => caCertificate)).toEqual([text, text]);
  });

  const cluster = {
    caFiles: [join(directory, 'gone'), join(directory, 'ca.crt')],
    tokenFile: join(directory, 'token'),
  };
  const kubernetes = { 'client-id': 'a', type: 'kubernetes' };
  const settings = (issuers: object, metaIssuers: object = {}, more = cluster) =>
    importText(JSON.stringify({ 'oidc-issuers': issuers, 'meta-issuers': metaIssuers }), {
      cluster: more,
    }).map(({ url, caFile, tokenFile }) => [url, caFile, tokenFile]);

  it('asks exact Kubernetes issuers as the pod does, once the cluster is among the issuers', async () => {
    writeFileSync(cluster.tokenFile, 'secret');
    writeFileSync(join(directory, 'ca.crt'), pem('CERTIFICATE', (await authority('cluster')).der));
    const pod = [join(directory, 'ca.crt'), cluster.tokenFile];
    const other = 'https://other.corp.example';
    const own = 'https://kubernetes.default.svc';
    expect(settings({ [own]: kubernetes, [other]: kubernetes })).toEqual([
      [own, ...pod],
      [other, ...pod],
    ]);
    expect(settings({ [other]: kubernetes }, { 'https://*.default.svc': kubernetes })).toEqual([
      [other, ...pod],
      ['https://*.default.svc', undefined, undefined],
    ]);
  });

  it('does not without the cluster among them, of another type, or outside of a pod', () => {
    const other = 'https://other.corp.example';
    const own = 'https://kubernetes.default.svc';
    expect(settings({ [other]: kubernetes })).toEqual([[other, undefined, undefined]]);
    expect(settings({ [own]: { 'client-id': 'a', type: 'email' } })).toEqual([
      [own, undefined, undefined],
    ]);
    expect(settings({ [own]: kubernetes }, {}, nowhere)).toEqual([[own, undefined, undefined]]);
    const cousin = 'https://kubernetes.default.svc.cluster.local';
    expect(settings({ [cousin]: kubernetes })).toEqual([[cousin, undefined, undefined]]);
  });

  it('lets the authority of the cluster win over one in place', async () => {
    const text = pem('CERTIFICATE', (await authority('private')).der);
    const own = 'https://kubernetes.default.svc';
    const [issuer] = importText(
      JSON.stringify({ 'oidc-issuers': { [own]: { ...kubernetes, 'ca-cert': text } } }),
      { cluster },
    );
    expect([issuer?.caFile, issuer?.caCertificate]).toEqual([join(directory, 'ca.crt'), undefined]);
  });
});

describe('fulcio config: beside ca.issuers', () => {
  it('gives way to an issuer of the same URL, which can say more', () => {
    const path = join(directory, 'beside');
    writeFileSync(
      path,
      'oidc-issuers: {http://dex.auth.svc: {client-id: a, type: email}, https://b.example: {client-id: b, type: email}}',
    );
    const own = { url: 'http://dex.auth.svc', type: 'email', unsafeHttp: true };
    const config = caConfig.parse({ issuers: [own], fulcioConfig: path });
    expect(
      resolveIssuers(config, silentLogger).map(({ url, audience }) => [url, audience]),
    ).toEqual([
      ['http://dex.auth.svc', 'sigstore'],
      ['https://b.example', 'b'],
    ]);
    expect(() => resolveIssuers(caConfig.parse({ fulcioConfig: path }), silentLogger)).toThrow(
      /oidc-issuers\.http:\/\/dex\.auth\.svc: https is needed/,
    );
  });
});
