// SPDX-License-Identifier: Apache-2.0
// OpenSSL as the judge of single replies: every hash, nonces of every size, both ways of certReq.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HASHES } from '../../services/core/cms.ts';
import { pem } from '../../services/core/pem.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import type { Service } from '../../services/runtime/service.ts';
import { type Bench, bench, MESSAGE, makeChain, post, stamp } from '../tsa/harness.ts';
import { have } from './support/cache.ts';

let b: Bench;
let tsa: Service;
beforeAll(async () => {
  // OpenSSL judges the chain by today.
  const now = Date.now();
  const window = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const chain = makeChain(window, window);
  b = bench(chain);
  b.clock.now = now;
  tsa = await b.open();
  const write = (name: string, der: Uint8Array) => writeFileSync(at(name), pem('CERTIFICATE', der));
  write('leaf.pem', chain.leaf.certificate.der);
  write('root.pem', chain.root.certificate.der);
  writeFileSync(at('message'), MESSAGE);
});
afterAll(async () => {
  await tsa.close();
  b.remove();
});

const at = (name: string) => join(b.directory, name);

function openssl(...args: readonly string[]): { status: number | null; output: string } {
  const done = spawnSync('openssl', args, { cwd: b.directory, encoding: 'utf8' });
  if (done.error !== undefined) throw new Error(`openssl does not run: ${done.error.message}`);
  return { status: done.status, output: done.stdout + done.stderr };
}

function verified(reply: Uint8Array, ...against: readonly string[]): string {
  writeFileSync(at('reply'), reply);
  const trust = ['-CAfile', 'root.pem', '-untrusted', 'leaf.pem'];
  return openssl('ts', '-verify', '-in', 'reply', ...against, ...trust).output;
}

describe.runIf(have('openssl'))('openssl ts -verify', () => {
  it.each(HASHES)('takes replies over $name, with and without certificate', async (hash) => {
    for (const certReq of [true, false]) {
      const digest = nodeCrypto.digest(hash.name, MESSAGE);
      const reply = await stamp(tsa, { hashOid: hash.oid, digest, certReq });
      expect(verified(reply, '-data', 'message')).toContain('Verification: OK');
    }
  });

  it.each(['01', '00ff', '0080000000000000', '7f'.repeat(20)])(
    'takes the nonce %s',
    async (octets) => {
      const nonce = Uint8Array.from(Buffer.from(octets, 'hex'));
      const reply = await stamp(tsa, { nonce, certReq: true });
      expect(verified(reply, '-data', 'message')).toContain('Verification: OK');
      const shown = openssl('ts', '-reply', '-in', 'reply', '-text').output;
      expect(shown).toContain(`Nonce: 0x${octets.replace(/^00/, '').toUpperCase()}`);
    },
  );

  it('takes the reply to a query of its own', async () => {
    openssl('ts', '-query', '-data', 'message', '-sha512', '-cert', '-out', 'query');
    const response = await post(tsa, new Uint8Array(readFileSync(at('query'))));
    const reply = new Uint8Array(await response.arrayBuffer());
    expect(verified(reply, '-queryfile', 'query')).toContain('Verification: OK');
  });

  it('refuses a reply to another query, and an altered one', async () => {
    openssl('ts', '-query', '-data', 'message', '-sha256', '-out', 'query');
    const reply = await stamp(tsa, { nonce: Uint8Array.of(1) });
    expect(verified(reply, '-queryfile', 'query')).toContain('Verification: FAILED');
    reply[reply.length - 1] = (reply.at(-1) as number) ^ 1;
    expect(verified(reply, '-data', 'message')).toContain('Verification: FAILED');
  });
});
