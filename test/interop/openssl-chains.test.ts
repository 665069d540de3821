// SPDX-License-Identifier: Apache-2.0
// OpenSSL as the judge of what is made without a stack: chains of a first start, leaves of every
// kind of name, and precertificates.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pem } from '../../services/core/pem.ts';
import { makeCaChain, makeTsaChain } from '../../services/pki/chain.ts';
import { NOW_MS } from '../core/certificates.ts';
import { FIELDS, issueDer, issuing, NAMES, root, SCT_LIST } from '../core/leaves.ts';
import { have } from './support/cache.ts';
import { ok, openssl, type Workplace, workplace } from './support/commands.ts';

let place: Workplace;
const put = (name: string, der: Uint8Array) =>
  writeFileSync(join(place.directory, name), pem('CERTIFICATE', der));
beforeAll(async () => {
  place = workplace(mkdtempSync(join(tmpdir(), 'openssl-')));
  const key = () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const random = (size: number) => new Uint8Array(randomBytes(size));
  const common = { organization: 'Größe, "Quoted" + #1=<Corp>', clock: () => NOW_MS, random };
  const ca = await makeCaChain({ ...common, rootKey: key(), intermediateKey: key() });
  const tsa = await makeTsaChain({ ...common, rootKey: key(), leafKey: key() });
  put('ca-root.pem', ca.root);
  put('ca-intermediate.pem', ca.intermediate);
  put('tsa-root.pem', tsa.root);
  put('tsa.pem', tsa.leaf);
  put('root.pem', root.certificate.der);
  put('issuing.pem', issuing.certificate.der);
});
afterAll(() => rmSync(place.directory, { recursive: true, force: true }));

const verify = (...args: string[]) =>
  openssl(place, 'verify', '-x509_strict', '-attime', String(NOW_MS / 1000), ...args);

describe.runIf(have('openssl'))('chains of a first start', () => {
  const stamping = ['-purpose', 'timestampsign'];

  it('verify', async () => {
    await ok(verify('-CAfile', 'ca-root.pem', 'ca-intermediate.pem'));
    await ok(verify(...stamping, '-CAfile', 'tsa-root.pem', 'tsa.pem'));
  });

  it('are refused for another purpose and under another root', async () => {
    const elsewhere = await verify(...stamping, '-CAfile', 'ca-root.pem', 'tsa.pem');
    expect(elsewhere.status).not.toBe(0);
    const server = await verify('-purpose', 'sslserver', '-CAfile', 'tsa-root.pem', 'tsa.pem');
    expect(server.status).not.toBe(0);
  });
});

describe.runIf(have('openssl'))('leaves of the certificate authority', () => {
  const trust = ['-CAfile', 'root.pem', '-untrusted', 'issuing.pem'];

  it.each(NAMES)('verify and show a name of kind $kind', async (altName) => {
    put('leaf.pem', issueDer({ ...FIELDS, altName }, SCT_LIST));
    await ok(verify(...trust, 'leaf.pem'));
    const shown = await ok(openssl(place, 'x509', '-in', 'leaf.pem', '-noout', '-text'));
    expect(shown.stdout).toContain('X509v3 Subject Alternative Name: critical');
    expect(shown.stdout).toContain('CT Precertificate SCTs');
    expect(shown.stdout).toContain('Digital Signature');
  });

  it.each(NAMES)(
    'are refused before they are logged, with a name of kind $kind',
    async (altName) => {
      put('precert.pem', issueDer({ ...FIELDS, altName }, { poison: true }));
      const refused = await verify(...trust, 'precert.pem');
      expect(refused.status).not.toBe(0);
      expect(refused.output).toContain('unhandled critical extension');
    },
  );
});
