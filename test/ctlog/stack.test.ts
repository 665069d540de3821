// SPDX-License-Identifier: Apache-2.0
// The log as the stack opens it: its name, and the switch of leaf_index, from the configuration to
// the certificate.
import { generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { OID } from '../../services/core/oid.ts';
import { parsePem } from '../../services/core/pem.ts';
import { parseLeafIndexExtension, parseSctList } from '../../services/core/sct.ts';
import { findExtension, parseCertificate } from '../../services/core/x509.ts';
import { noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';
import { assemble, type Parts } from '../../services/stack/assemble.ts';
import { judgeStackConfig } from '../../services/stack/config.ts';
import { layoutOf, makeDirectories } from '../../services/stack/state.ts';

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

async function withStack(ctlog: object, work: (parts: Parts) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'ctlog-stack-'));
  const layout = layoutOf(join(directory, 'data'), undefined);
  makeDirectories(layout);
  const parts = await assemble({
    config: judgeStackConfig({ ...SETTINGS, ctlog }),
    layout,
    url: 'http://localhost:8400',
    origin: 'sigstead.example',
    clock: Date.now,
    logger: silentLogger,
    metrics: noMetrics,
    progress: () => {},
  });
  try {
    await work(parts);
  } finally {
    await parts.close();
    rmSync(directory, { recursive: true });
  }
}

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
