// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64 } from '../../services/core/bytes.ts';
import { CodedError } from '../../services/core/errors.ts';
import {
  buildClientTrustConfig,
  buildSigningConfig,
  parseClientTrustConfig,
  parseSigningConfig,
  type SigningService,
  selectServices,
  serializeSigningConfig,
} from '../../services/core/signing-config.ts';
import {
  inWindow,
  parseTrustedRoot,
  serializeTrustedRoot,
  type TrustAuthority,
  type TrustedRoot,
} from '../../services/core/trust.ts';
import {
  buildTrustedRoot,
  type TrustMaterial,
  tlogBaseUrl,
} from '../../services/core/trust-build.ts';
import { formatTime, parseTime } from '../../services/core/trust-fields.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

interface Case {
  name: string;
  edit: { path: string; value?: unknown };
  field: string;
  reason: string;
}
type Node = Record<string, unknown>;

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/trust/documents.json'), 'utf8'),
) as {
  trustedRoot: Node;
  rootCases: Case[];
  signingConfig: Node;
  configCases: Case[];
  rsaKey: string;
  ed25519Key: string;
  p384Key: string;
};

function edited(document: Node, { path, value }: Case['edit']): string {
  const copy = structuredClone(document);
  const names = path.split('.');
  const last = names.pop() ?? '';
  let at = copy;
  for (const name of names) at = at[name] as Node;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return JSON.stringify(copy);
}

function refusal(run: () => unknown): CodedError {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return error;
    throw error;
  }
  throw new Error('was accepted');
}

const START = Date.UTC(2026, 0, 1);
const DAY = 86_400_000;

describe('trusted root', () => {
  it('reads a valid one, and writes it back to the same', () => {
    const root = parseTrustedRoot(JSON.stringify(vectors.trustedRoot));
    expect(root.tlogs[0]).toMatchObject({ baseUrl: 'https://sigstore.test', start: START });
    expect(root.timestampAuthorities[0]?.chain).toHaveLength(2);
    const text = serializeTrustedRoot(root);
    expect(serializeTrustedRoot(parseTrustedRoot(text))).toBe(text);
    expect(text).not.toMatch(/operator|checkpointKeyId/);
  });

  it.each(vectors.rootCases)('refuses: $name', ({ edit, field, reason }) => {
    const error = refusal(() => parseTrustedRoot(edited(vectors.trustedRoot, edit)));
    expect(error).toMatchObject({ code: 'TRUST_ROOT_MALFORMED', field });
    expect(error.message).toContain(reason);
  });

  it('reads snake_case and enum numbers, as protojson allows', () => {
    const text = JSON.stringify(vectors.trustedRoot)
      .replaceAll('"baseUrl"', '"base_url"')
      .replaceAll('"SHA2_256"', '1')
      .replaceAll('"PKIX_ECDSA_P256_SHA_256"', '5');
    expect(parseTrustedRoot(text)).toEqual(parseTrustedRoot(JSON.stringify(vectors.trustedRoot)));
  });

  it('takes Ed25519, P-384 and RSA log keys of others', () => {
    for (const [rawBytes, keyDetails] of [
      [vectors.ed25519Key, 'PKIX_ED25519'],
      [vectors.p384Key, 'PKIX_ECDSA_P384_SHA_384'],
      [vectors.rsaKey, 'PKIX_RSA_PKCS1V15_2048_SHA256'],
    ]) {
      const value = { rawBytes, keyDetails, validFor: { start: '2026-01-01T00:00:00Z' } };
      const text = edited(vectors.trustedRoot, { path: 'tlogs.0.publicKey', value });
      expect(parseTrustedRoot(text).tlogs[0]?.algorithm.keyDetails).toBe(keyDetails);
    }
  });

  it('starts an authority without a window with its first certificate', () => {
    const text = edited(vectors.trustedRoot, { path: 'certificateAuthorities.0.validFor' });
    expect(parseTrustedRoot(text).certificateAuthorities[0]?.start).toBe(START);
  });

  it('refuses what is not JSON, given twice or too long, naming the document', () => {
    for (const text of ['', '[]', '{', '{"mediaType":"a","mediaType":"a"}', ' '.repeat(2 << 20)]) {
      expect(refusal(() => parseTrustedRoot(text)).code).toBe('TRUST_ROOT_MALFORMED');
    }
  });

  it('never fails but with its own code, whatever is changed', () => {
    const text = JSON.stringify(vectors.trustedRoot);
    const at = fc.nat({ max: text.length - 1 });
    fc.assert(
      fc.property(at, fc.string({ maxLength: 3 }), fc.nat({ max: 3 }), (i, insert, cut) => {
        try {
          parseTrustedRoot(text.slice(0, i) + insert + text.slice(i + cut));
        } catch (error) {
          expect(error).toMatchObject({ code: 'TRUST_ROOT_MALFORMED' });
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('windows', () => {
  const ended = { start: 10, end: 20 };
  it.each([
    [9, false],
    [10, true],
    [20, true],
    [21, false],
  ])('are closed: %i is inside: %s', (time, inside) => expect(inWindow(ended, time)).toBe(inside));

  it('leave a future entry unused, and an ended one good for what is old', () => {
    expect(inWindow({ start: START + DAY }, START)).toBe(false);
    expect(inWindow({ start: START - 2 * DAY, end: START - DAY }, START - DAY - 1)).toBe(true);
    expect(inWindow({ start: START - 2 * DAY, end: START - DAY }, START)).toBe(false);
  });

  it.each([
    ['2026-01-01T00:00:00Z', START],
    ['2026-01-01T02:00:00+02:00', START],
    ['2025-12-31T22:30:00-01:30', START],
    ['2026-01-01T00:00:00.123456789Z', START + 123],
    ['2026-01-01T00:00:00.5Z', START + 500],
  ])('reads %s', (text, time) => expect(parseTime(text)).toBe(time));

  it.each(['2026-1-1T00:00:00Z', '2026-01-01 00:00:00Z', '2026-13-01T00:00:00Z', '0026-01-01'])(
    'does not read %s',
    (text) => expect(() => parseTime(text)).toThrow(),
  );

  it('writes whole seconds without a fraction', () => {
    expect(formatTime(START)).toBe('2026-01-01T00:00:00Z');
  });
});

const NONE = new Uint8Array();
const valid = parseTrustedRoot(JSON.stringify(vectors.trustedRoot));
const ders = (authority: TrustAuthority | undefined) => (authority?.chain ?? []).map((c) => c.der);
const MATERIAL: TrustMaterial = {
  url: 'http://localhost:8400',
  origin: 'localhost',
  fulcioChain: ders(valid.certificateAuthorities[0]),
  tsaChain: ders(valid.timestampAuthorities[0]),
  tlogKey: valid.tlogs[0]?.key.spki ?? NONE,
  ctlogKey: valid.ctlogs[0]?.key.spki ?? NONE,
  ctlogOrigin: 'localhost/ctlog',
  issuers: ['http://localhost:8400/dev-oidc'],
  start: START + 1234,
  operator: 'localhost',
};

const build = (material: TrustMaterial, before?: TrustedRoot, nowMs = START + DAY) =>
  buildTrustedRoot(nodeCrypto, material, before, nowMs);

describe('building a trusted root', () => {
  it('makes what its own reader takes, with v2 log ids and whole seconds', () => {
    const root = parseTrustedRoot(serializeTrustedRoot(build(MATERIAL)));
    expect(root.tlogs[0]?.logId).toEqual(nodeCrypto.digest('sha256', MATERIAL.tlogKey));
    expect(root.tlogs[0]?.start).toBe(START + 1000);
    expect(root.ctlogs[0]?.baseUrl).toBe('http://localhost:8400/ctlog');
    expect(root.timestampAuthorities[0]?.uri).toBe('http://localhost:8400/api/v1/timestamp');
  });

  it.each([
    ['http://localhost:8400', 'localhost', 'http://localhost:8400'],
    ['https://sigstore.corp', 'sigstore.corp', 'https://sigstore.corp'],
    ['https://sigstore.corp', 'log2026.corp', 'https://log2026.corp'],
    ['https://sigstore.corp.evil', 'sigstore.corp', 'https://sigstore.corp'],
  ])('names the log of %s with origin %s as %s', (url, origin, baseUrl) => {
    expect(tlogBaseUrl({ ...MATERIAL, url, origin })).toBe(baseUrl);
  });

  it('keeps the start of a key whose address or day changes', () => {
    const before = build(MATERIAL);
    const moved = { ...MATERIAL, url: 'http://localhost:9000', start: START + DAY };
    const after = build(moved, before);
    expect(after.tlogs).toHaveLength(1);
    expect(after.tlogs[0]).toMatchObject({ baseUrl: moved.url, start: START + 1000 });
    expect(build({ ...MATERIAL, start: START + DAY }, before)).toEqual(before);
  });

  it('ends a key that is replaced, a little after the next begins, and never drops it', () => {
    const before = build(MATERIAL);
    const rotated = { ...MATERIAL, tlogKey: MATERIAL.ctlogKey };
    const { tlogs } = build(rotated, before, START + DAY + 1234);
    // The overlap is for certificates that are dated back.
    expect(tlogs.map(({ start, end }) => [start, end])).toEqual([
      [START + 1000, START + DAY + 2000],
      [START + DAY - 59_000, undefined],
    ]);
    const later = build(rotated, { ...before, tlogs }, START + 2 * DAY);
    expect(later.tlogs).toEqual(tlogs);
    const back = build(MATERIAL, later, START + 3 * DAY);
    expect(back.tlogs.map(({ end }) => end)).toEqual([undefined, START + 3 * DAY + 1000]);
  });

  it('never ends the past: what an old key signed before its end still verifies', () => {
    const before = build(MATERIAL);
    const next = ders(before.certificateAuthorities[0]);
    const after = build({ ...MATERIAL, tsaChain: next }, before, START + 30 * DAY);
    const [old, now] = after.timestampAuthorities;
    expect(old?.chain).toEqual(before.timestampAuthorities[0]?.chain);
    expect(inWindow(old ?? { start: 0 }, START + 30 * DAY - 1)).toBe(true);
    expect(inWindow(old ?? { start: 0 }, START + 30 * DAY + 1001)).toBe(false);
    expect(inWindow(now ?? { start: 0 }, START + 29 * DAY)).toBe(false);
    expect(inWindow(now ?? { start: 0 }, START + 30 * DAY)).toBe(true);
  });

  it('lets an old CA end after the last certificate that it issued', () => {
    const before = build(MATERIAL);
    const next = ders(before.timestampAuthorities[0]);
    const after = build({ ...MATERIAL, fulcioChain: next }, before, START + 30 * DAY);
    const old = after.certificateAuthorities.find(({ end }) => end !== undefined);
    expect(old?.end).toBeGreaterThanOrEqual(START + 30 * DAY + 10 * 60_000);
  });

  it.each(['rsaKey', 'ed25519Key', 'p384Key'] as const)('refuses %s for a log', (name) => {
    const material = { ...MATERIAL, tlogKey: fromBase64(vectors[name]) };
    expect(refusal(() => build(material)).code).toBe('TRUST_ROOT_MALFORMED');
  });

  it('refuses a certificate that is none', () => {
    const material = { ...MATERIAL, fulcioChain: [new Uint8Array(3)] };
    expect(refusal(() => build(material)).code).toBe('TRUST_ROOT_MALFORMED');
  });
});

describe('signing config', () => {
  it('is built with full endpoint, versions and a start in the past', () => {
    const config = buildSigningConfig(MATERIAL, START);
    expect(parseSigningConfig(serializeSigningConfig(config))).toEqual(config);
    expect(config.rekorTlogUrls[0]).toMatchObject({ url: MATERIAL.url, majorApiVersion: 2 });
    expect(config.tsaUrls[0]?.url).toBe('http://localhost:8400/api/v1/timestamp');
    expect(config.caUrls[0]?.start).toBeLessThan(START);
    expect(config.oidcUrls.map(({ url }) => url)).toEqual(MATERIAL.issuers);
  });

  it.each(vectors.configCases)('refuses: $name', ({ edit, field, reason }) => {
    const error = refusal(() => parseSigningConfig(edited(vectors.signingConfig, edit)));
    expect(error).toMatchObject({ code: 'SIGNING_CONFIG_MALFORMED', field });
    expect(error.message).toContain(reason);
  });

  it('writes both selections even without services', () => {
    const empty = { caUrls: [], oidcUrls: [], rekorTlogUrls: [], tsaUrls: [] };
    const text = serializeSigningConfig(empty);
    expect(JSON.parse(text)).toMatchObject({
      rekorTlogConfig: { selector: 'ANY' },
      tsaConfig: { selector: 'ANY' },
    });
  });
});

describe('choice of services', () => {
  const service = (url: string, more: Partial<SigningService> = {}): SigningService => ({
    url: `https://${url}.test`,
    majorApiVersion: 1,
    operator: url,
    start: START,
    ...more,
  });
  const choose = (services: SigningService[]) =>
    selectServices('tsaUrls', services, [1, 2], START + DAY).map(({ url }) => url[8]);

  it('takes the highest known version, then the newest start', () => {
    expect(choose([service('a'), service('b', { majorApiVersion: 2 })])).toEqual(['b']);
    expect(choose([service('a'), service('b', { majorApiVersion: 3 })])).toEqual(['a']);
    expect(choose([service('a'), service('b', { start: START + 1 })])).toEqual(['b']);
  });

  it('looks at validity before versions', () => {
    const future = service('b', { majorApiVersion: 2, start: START + 2 * DAY });
    expect(choose([service('a'), future])).toEqual(['a']);
  });

  const select = (services: SigningService[], selector: 'ALL' | 'EXACT', count?: number) =>
    selectServices('tsaUrls', services, [1], START + DAY, {
      selector,
      ...(count === undefined ? {} : { count }),
    });

  it('counts an operator once', () => {
    const twins = [service('a'), service('b', { operator: 'a' }), service('c')];
    expect(select(twins, 'ALL')).toHaveLength(2);
    expect(select(twins, 'EXACT', 2)).toHaveLength(2);
    expect(refusal(() => select(twins, 'EXACT', 3)).code).toBe('SIGNING_CONFIG_SERVICE');
  });

  it('fails when EXACT wants more than are available', () => {
    const error = refusal(() => select([service('a'), service('b')], 'EXACT', 3));
    expect(error).toMatchObject({ code: 'SIGNING_CONFIG_SERVICE', field: 'tsaUrls' });
    expect(error.message).toContain('2 of 2 services');
  });

  it.each([
    ['all expired', [service('a', { end: START + 1 })]],
    ['only an unknown version', [service('a', { majorApiVersion: 7 })]],
    ['only a future one', [service('a', { start: START + 2 * DAY })]],
    ['none', []],
  ])('fails by name: %s', (_name, services) => {
    const error = refusal(() => choose(services));
    expect(error).toMatchObject({ code: 'SIGNING_CONFIG_SERVICE', field: 'tsaUrls' });
  });
});

describe('client trust config', () => {
  const both = buildClientTrustConfig(build(MATERIAL), buildSigningConfig(MATERIAL, START));

  it('holds both documents', () => {
    const { trustedRoot, signingConfig } = parseClientTrustConfig(both);
    expect(trustedRoot).toEqual(build(MATERIAL));
    expect(signingConfig).toEqual(buildSigningConfig(MATERIAL, START));
  });

  it.each([
    ['mediaType', 'x', 'TRUST_ROOT_MALFORMED', 'mediaType'],
    ['trustedRoot', undefined, 'TRUST_ROOT_MALFORMED', 'trustedRoot'],
    ['trustedRoot.mediaType', 'x', 'TRUST_ROOT_MALFORMED', 'trustedRoot.mediaType'],
    ['signingConfig', undefined, 'SIGNING_CONFIG_MALFORMED', 'signingConfig'],
    ['signingConfig.tsaConfig', undefined, 'SIGNING_CONFIG_MALFORMED', 'signingConfig.tsaConfig'],
    ['extra', 1, 'TRUST_ROOT_MALFORMED', 'extra'],
  ])('refuses a fault at %s', (path, value, code, field) => {
    const text = edited(JSON.parse(both) as Node, { path, value });
    expect(refusal(() => parseClientTrustConfig(text))).toMatchObject({ code, field });
  });
});
