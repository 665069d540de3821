// SPDX-License-Identifier: Apache-2.0
// The log as the stack opens it: its name, its roots, and the switch of leaf_index, from the
// configuration to the certificate.
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { OID } from '../../services/core/oid.ts';
import { parsePem, pem } from '../../services/core/pem.ts';
import { parseLeafIndexExtension, parseSctList } from '../../services/core/sct.ts';
import { parseTrustedRoot } from '../../services/core/trust.ts';
import { findExtension, parseCertificate } from '../../services/core/x509.ts';
import { noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';
import { assemble, type Parts } from '../../services/stack/assemble.ts';
import { judgeStackConfig } from '../../services/stack/config.ts';
import { layoutOf, makeDirectories } from '../../services/stack/state.ts';
import { authority } from '../ca/authorities.ts';

const EMAIL = 'dev@example.com';
const SETTINGS = { ca: { issuers: [] }, dev: true };

/** The CT extensions of the SCT in a new certificate. */
async function sctExtensions({ services, devIssuer }: Parts): Promise<Uint8Array> {
  const ca = services.find(({ name }) => name === 'ca');
  if (ca === undefined || devIssuer === undefined) throw new Error('the stack lacks a part');
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const token = await devIssuer.token({
    kind: 'email',
    claims: { sub: EMAIL, email: EMAIL, email_verified: true },
  });
  const response = await ca.routes.request('/api/v2/signingCert', {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({
      publicKeyRequest: {
        publicKey: { content: publicKey.export({ type: 'spki', format: 'pem' }) },
        proofOfPossession: sign('sha256', Buffer.from(EMAIL), privateKey).toString('base64'),
      },
    }),
  });
  expect(response.status).toBe(200);
  const { signedCertificateEmbeddedSct: answer } = (await response.json()) as {
    signedCertificateEmbeddedSct: { chain: { certificates: string[] } };
  };
  const [block] = parsePem(answer.chain.certificates[0] ?? '');
  const leaf = parseCertificate(block?.der ?? new Uint8Array());
  const [sct] = parseSctList(findExtension(leaf, OID.sctList)?.value ?? new Uint8Array());
  return sct?.extensions ?? new Uint8Array();
}

async function openStack(data: string, settings: object): Promise<Parts> {
  const layout = layoutOf(data, undefined);
  makeDirectories(layout);
  return assemble({
    config: judgeStackConfig({ ...SETTINGS, ...settings }),
    layout,
    url: 'http://localhost:8400',
    origin: 'sigstead.example',
    clock: Date.now,
    logger: silentLogger,
    metrics: noMetrics,
    progress: () => {},
  });
}

async function withStack(ctlog: object, work: (parts: Parts) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ctlog-stack-'));
  const parts = await openStack(join(directory, 'data'), { ctlog });
  try {
    await work(parts);
  } finally {
    await parts.close();
    rmSync(directory, { recursive: true });
  }
}

/** Root, issuing certificate and its key, as an operator brings them. */
async function writeCa(folder: string, name: string): Promise<Uint8Array> {
  const root = await authority(name, { valid: [-3e11, 3e11] });
  const wanted = { parent: root, usages: [OID.codeSigning], valid: [-3e11, 3e11] as const };
  const issuing = await authority(`${name} issuing`, wanted);
  const chain = [issuing, root].map(({ der }) => pem('CERTIFICATE', der)).join('');
  writeFileSync(join(folder, 'chain.pem'), chain);
  writeFileSync(join(folder, 'key.pem'), issuing.key.export({ type: 'pkcs8', format: 'pem' }));
  return root.der;
}

async function listedRoots(parts: Parts): Promise<string[]> {
  const response = await parts.ctlog.routes.request('/ctlog/ct/v1/get-roots');
  return ((await response.json()) as { certificates: string[] }).certificates;
}

describe('the roots of the CT log', () => {
  const base64 = (der: Uint8Array) => Buffer.from(der).toString('base64');
  const folder = mkdtempSync(join(tmpdir(), 'ctlog-roots-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const ca = { chainFile: join(folder, 'chain.pem'), keyFile: join(folder, 'key.pem') };
  const open = (settings: object = {}) => openStack(join(folder, 'data'), settings);

  it('stay when the CA has another, after a start too; the trust root keeps both chains', async () => {
    const first = await writeCa(folder, 'first');
    let parts = await open({ ca });
    await sctExtensions(parts);
    expect(await listedRoots(parts)).toEqual([base64(first)]);
    await parts.close();

    const second = await writeCa(folder, 'second');
    parts = await open({ ca });
    await sctExtensions(parts);
    expect((await listedRoots(parts)).sort()).toEqual([first, second].map(base64).sort());
    const bytes = parts.trust.files.get('trusted_root.json') ?? new Uint8Array();
    const { certificateAuthorities } = parseTrustedRoot(bytes);
    const roots = certificateAuthorities.map(({ chain }) => base64(chain.at(-1)?.der ?? bytes));
    expect(roots.sort()).toEqual([first, second].map(base64).sort());
    const former = certificateAuthorities.find(({ end }) => end !== undefined);
    expect(former?.end).toBeGreaterThan(Date.now() + 600_000);
    expect(parts.fingerprints.map(({ name }) => name)).toContain('CA root');
    await parts.close();
  });

  it('are those of other CAs too, from a file', async () => {
    const other = await authority('other', { valid: [-3e11, 3e11] });
    const rootsFile = join(folder, 'roots.pem');
    writeFileSync(rootsFile, `# another\n${pem('CERTIFICATE', other.der)}`);
    const parts = await open({ ca, ctlog: { rootsFile } });
    expect(await listedRoots(parts)).toContain(base64(other.der));
    await parts.close();
  });

  it.each([
    ['missing', undefined],
    ['empty', ''],
    ['no PEM', 'x'],
    ['of a key', pem('PUBLIC KEY', Uint8Array.of(0x30, 0))],
  ])('are refused when their file is %s', async (name, text) => {
    const rootsFile = join(folder, name);
    if (text !== undefined) writeFileSync(rootsFile, text);
    await expect(open({ ca, ctlog: { rootsFile } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      field: 'ctlog.rootsFile',
    });
  });

  it('are refused when one of them is no CA', async () => {
    const rootsFile = join(folder, 'leaf.pem');
    const leaf = await authority('leaf', { isCa: false });
    writeFileSync(rootsFile, pem('CERTIFICATE', leaf.der));
    await expect(open({ ca, ctlog: { rootsFile } })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('no CA'),
    });
  });
});

describe('a stack with a CA that the operator brings', () => {
  it('makes none of the keys that it is not asked for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ctlog-ca-'));
    await writeCa(folder, 'brought');
    const ca = { chainFile: join(folder, 'chain.pem'), keyFile: join(folder, 'key.pem') };
    const parts = await openStack(join(folder, 'data'), { ca });
    const keys = readdirSync(join(folder, 'data/keys'));
    expect(keys.filter((name) => name.startsWith('ca-'))).toEqual([]);
    await parts.close();
    rmSync(folder, { recursive: true });
  });

  it('shows a new chain in the CT log and in the trust root before it signs, while it runs', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ctlog-ca-'));
    const first = await writeCa(folder, 'first');
    const ca = { chainFile: join(folder, 'chain.pem'), keyFile: join(folder, 'key.pem') };
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const parts = await openStack(join(folder, 'data'), { ca });
      const service = parts.services.find(({ name }) => name === 'ca');
      const rootOfBundle = async () => {
        const response = await service?.routes.request('/api/v1/rootCert');
        return parsePem((await response?.text()) ?? '').at(-1)?.der;
      };
      const second = await writeCa(folder, 'second');
      await vi.advanceTimersByTimeAsync(5000);
      await vi.waitFor(async () => expect(await rootOfBundle()).toEqual(second), 5000);
      expect(service?.state?.()).toMatchObject({ keyPair: 'current' });
      expect(await listedRoots(parts)).toHaveLength(2);
      const bytes = parts.trust.files.get('trusted_root.json') ?? new Uint8Array();
      const [former, current] = parseTrustedRoot(bytes).certificateAuthorities;
      expect([former?.chain.at(-1)?.der, current?.chain.at(-1)?.der]).toEqual([first, second]);
      expect([current?.end, former?.end === undefined]).toEqual([undefined, false]);
      const [shown] = parts.fingerprints.filter(({ name }) => name === 'CA root');
      expect(shown?.sha256).toBe(createHash('sha256').update(second).digest('hex'));
      await sctExtensions(parts);
      await parts.close();
    } finally {
      vi.useRealTimers();
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    [{ chainFile: 'a' }, 'ca.keyFile'],
    [{ keyFile: 'a' }, 'ca.chainFile'],
    [{ keyPasswordFile: 'a' }, 'ca.keyPasswordFile'],
  ])('needs chain and key together: not %j', (ca, field) => {
    expect(() => judgeStackConfig({ dev: true, ca })).toThrow(new RegExp(`^${field}: `));
  });

  it.each([0, 65_537, 1.5, '1'])('has no queue of %j', (queueLimit) => {
    expect(() => judgeStackConfig({ dev: true, ctlog: { queueLimit } })).toThrow(
      /ctlog\.queueLimit/,
    );
  });
});

describe('the CT log of the stack', () => {
  it('is named after the host, and gives leaf_index', async () => {
    await withStack({}, async (parts) => {
      expect(parseLeafIndexExtension(await sctExtensions(parts))).toBe(0);
      expect(parseLeafIndexExtension(await sctExtensions(parts))).toBe(1);
      const response = await parts.ctlog.routes.request('/ctlog/checkpoint');
      const lines = (await response.text()).split('\n');
      expect(lines.slice(0, 2)).toEqual(['sigstead.example/ctlog', '2']);
      expect(lines[4]).toMatch(/^— sigstead\.example\/ctlog [A-Za-z0-9+/=]+$/);
    });
  });

  it('leaves it out when the configuration says so', async () => {
    await withStack({ leafIndex: false }, async (parts) => {
      expect(await sctExtensions(parts)).toEqual(new Uint8Array());
    });
  });
});
