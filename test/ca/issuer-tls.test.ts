// SPDX-License-Identifier: Apache-2.0
// An issuer behind TLS of a private CA.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caConfig } from '../../services/ca/config.ts';
import { tokenVerifier } from '../../services/ca/token.ts';
import { pem } from '../../services/core/pem.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { authority } from './authorities.ts';
import { EMAIL_CLAIMS, jwk, NOW, token } from './harness.ts';

const directory = mkdtempSync(join(tmpdir(), 'issuer-tls-'));
const caFile = join(directory, 'ca.pem');
const servers: Server[] = [];

/** An issuer at `https://localhost:<port>` whose TLS is of the newest version given. */
async function issuerAt(maxVersion: 'TLSv1.3' | 'TLSv1.2' | 'TLSv1.1'): Promise<string> {
  const ca = await authority('private CA', { valid: [-3e11, 3e11] });
  const host = await authority('localhost', {
    parent: ca,
    isCa: false,
    valid: [-3e11, 3e11],
    host: 'localhost',
  });
  writeFileSync(caFile, `# the CA of this test\n${pem('CERTIFICATE', ca.der)}`);
  const server = createServer(
    {
      key: host.key.export({ type: 'pkcs8', format: 'pem' }),
      cert: pem('CERTIFICATE', host.der),
      minVersion: 'TLSv1.1',
      maxVersion,
      ciphers: 'DEFAULT@SECLEVEL=0',
    },
    (request, response) => {
      const isKeys = request.url === '/keys';
      const issuer = `https://${request.headers.host}`;
      const document = {
        issuer,
        jwks_uri: `${issuer}/keys`,
        id_token_signing_alg_values_supported: ['ES256'],
      };
      response.end(JSON.stringify(isKeys ? { keys: [jwk] } : document));
    },
  );
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

async function verdict(url: string, settings: object): Promise<string> {
  const { issuers } = caConfig.parse({ issuers: [{ url, type: 'email', ...settings }] });
  const verify = tokenVerifier(issuers, () => NOW, silentLogger, {});
  return verify(token({ ...EMAIL_CLAIMS, iss: url })).then(
    ({ issuer }) => issuer,
    (error: { code?: string }) => error.code ?? `${error}`,
  );
}

afterAll(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
  rmSync(directory, { recursive: true });
});

describe('an issuer with a certificate of a private CA', () => {
  let url: string;
  beforeAll(async () => {
    url = await issuerAt('TLSv1.3');
  });

  it('is believed with its caFile', async () => {
    expect(await verdict(url, { caFile })).toBe(url);
  });

  it('is not believed without', async () => {
    expect(await verdict(url, {})).toBe('TOKEN_ISSUER_UNREACHABLE');
  });

  it('is not believed under another name', async () => {
    expect(await verdict(url.replace('localhost', '127.0.0.1'), { caFile })).toBe(
      'TOKEN_ISSUER_UNREACHABLE',
    );
  });

  it('is believed with TLS 1.2, not with 1.1', async () => {
    const old = await issuerAt('TLSv1.2');
    expect(await verdict(old, { caFile })).toBe(old);
    const older = await issuerAt('TLSv1.1');
    expect(await verdict(older, { caFile })).toBe('TOKEN_ISSUER_UNREACHABLE');
  });
});
