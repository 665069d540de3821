// SPDX-License-Identifier: Apache-2.0
// OpenSSL as the judge of timestamps and certificate chains.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from './support/cache.ts';
import { type ChainFiles, issue, timestampChain } from './support/certificates.ts';
import { ok, openssl } from './support/commands.ts';
import { openScene, type Scene } from './support/scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const STAMP = '/api/v1/timestamp';
const QUERY = 'application/timestamp-query';

function newFile(name: string): string {
  const path = scene.file(name);
  writeFileSync(path, randomBytes(1000));
  return path;
}

describe.runIf(have('openssl'))('openssl ts', () => {
  let trust: string[];
  beforeAll(async () => {
    const { leaf, root } = await timestampChain(scene);
    trust = ['-CAfile', root, '-untrusted', leaf];
  });

  const verify = (...args: string[]) => openssl(scene.place, 'ts', '-verify', ...args, ...trust);

  it.each(['sha256', 'sha384', 'sha512'])(
    'makes a %s query and verifies the reply',
    async (hash) => {
      const file = newFile(`${hash}.bin`);
      const query = scene.file(`${hash}.tsq`);
      const reply = scene.file(`${hash}.tsr`);
      await ok(
        openssl(scene.place, 'ts', '-query', '-data', file, `-${hash}`, '-cert', '-out', query),
      );
      const answer = await scene.http.post(STAMP, QUERY, readFileSync(query));
      expect(answer.status).toBe(200);
      writeFileSync(reply, answer.body);
      expect((await ok(verify('-queryfile', query, '-in', reply))).output).toContain(
        'Verification: OK',
      );
      expect((await ok(verify('-data', file, '-in', reply))).output).toContain('Verification: OK');
    },
  );

  it('verifies a reply without embedded certificate', async () => {
    const file = newFile('bare.bin');
    const query = scene.file('bare.tsq');
    const reply = scene.file('bare.tsr');
    await ok(openssl(scene.place, 'ts', '-query', '-data', file, '-sha256', '-out', query));
    const answer = await scene.http.post(STAMP, QUERY, readFileSync(query));
    expect(answer.status).toBe(200);
    writeFileSync(reply, answer.body);
    await ok(verify('-queryfile', query, '-in', reply));
  });

  it('verifies the reply to the JSON form', async () => {
    const file = newFile('json.bin');
    const reply = scene.file('json.tsr');
    const artifactHash = createHash('sha256').update(readFileSync(file)).digest('base64');
    const body = { artifactHash, hashAlgorithm: 'sha256', certificates: true, nonce: 12345 };
    const answer = await scene.http.post(STAMP, 'application/json', JSON.stringify(body));
    expect(answer.status).toBe(200);
    writeFileSync(reply, answer.body);
    expect((await ok(verify('-data', file, '-in', reply))).output).toContain('Verification: OK');
    const text = (await ok(openssl(scene.place, 'ts', '-reply', '-in', reply, '-text'))).output;
    expect(text).toContain('Status: Granted');
    expect(text).toContain('Nonce: 0x3039');
  });

  it('refuses another file, another query and an altered token', async () => {
    const file = newFile('right.bin');
    const query = scene.file('right.tsq');
    const reply = scene.file('right.tsr');
    await ok(
      openssl(scene.place, 'ts', '-query', '-data', file, '-sha256', '-cert', '-out', query),
    );
    const { body } = await scene.http.post(STAMP, QUERY, readFileSync(query));
    writeFileSync(reply, body);
    expect((await verify('-data', newFile('wrong.bin'), '-in', reply)).status).not.toBe(0);
    const second = scene.file('second.tsq');
    await ok(
      openssl(scene.place, 'ts', '-query', '-data', file, '-sha256', '-cert', '-out', second),
    );
    // The same digest under another nonce.
    expect((await verify('-queryfile', second, '-in', reply)).status).not.toBe(0);
    const altered = Buffer.from(body);
    altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
    writeFileSync(reply, altered);
    expect((await verify('-queryfile', query, '-in', reply)).status).not.toBe(0);
  });
});

describe.runIf(have('openssl'))('openssl verify', () => {
  let chain: ChainFiles;
  beforeAll(async () => {
    chain = await issue(scene, readFileSync(scene.token, 'utf8'));
  });

  const verify = (...args: string[]) =>
    openssl(scene.place, 'verify', '-x509_strict', ...args, chain.leaf);
  const path = () => ['-CAfile', chain.root, '-untrusted', chain.intermediate];
  const now = () => Math.floor(Date.now() / 1000);

  it('takes the chain of a leaf at the time of signing', async () => {
    await ok(verify(...path()));
    await ok(verify(...path(), '-attime', String(now())));
  });

  it('takes the chain of the timestamp authority for timestamping', async () => {
    const { leaf, root } = await timestampChain(scene);
    const flags = ['-x509_strict', '-purpose', 'timestampsign', '-CAfile', root];
    await ok(openssl(scene.place, 'verify', ...flags, leaf));
  });

  it.each([
    ['after its ten minutes', ['-attime', String(now() + 3600)]],
    ['before it was issued', ['-attime', String(now() - 3600)]],
    ['for a TLS server', ['-purpose', 'sslserver']],
    ['for timestamping', ['-purpose', 'timestampsign']],
  ])('refuses the leaf %s', async (_, flags) => {
    expect((await verify(...path(), ...flags)).status).not.toBe(0);
  });

  it('refuses the leaf under the authority for timestamps', async () => {
    const { root } = await timestampChain(scene);
    const flags = ['-CAfile', root, '-untrusted', chain.intermediate];
    expect((await verify(...flags)).status).not.toBe(0);
  });
});
