// SPDX-License-Identifier: Apache-2.0
// scripts/conformance as a suite calls it, against a running stack.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { judgeStackConfig } from '../../services/stack/config.ts';
import { type Stack, startStack } from '../../services/stack/serve.ts';
import { devToken } from '../support/requests.ts';

// Every call is two processes of Node; a busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 });

const SCRIPT = join(import.meta.dirname, '../../scripts/conformance');
const EMAIL = 'dev@example.com';
const directory = mkdtempSync(join(tmpdir(), 'sigstead-conformance-'));
const at = (name: string) => join(directory, name);
const text = 'an artifact\n';
const digest = createHash('sha256').update(text).digest('hex');

let stack: Stack;
beforeAll(async () => {
  const logger = { info() {}, warn() {}, error() {} };
  const config = judgeStackConfig({ dev: true, data: at('data'), listen: { port: 0 } });
  stack = await startStack({ config, clock: Date.now, logger });
  writeFileSync(at('a.txt'), text);
  writeFileSync(at('b.txt'), 'another artifact\n');
  const subject = [{ name: 'a.txt', digest: { sha256: digest } }];
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject,
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
  };
  writeFileSync(at('statement.json'), JSON.stringify(statement, null, 2));
});
afterAll(async () => {
  await stack.close();
  rmSync(directory, { recursive: true });
});

/** From a folder that is not the checkout, with the paths of that folder. */
function run(...words: string[]): Promise<{ code: number; err: string }> {
  return new Promise((resolve) => {
    execFile(SCRIPT, words, { cwd: directory }, (error, _out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), err });
    });
  });
}

const root = ['--trusted-root', 'data/trust/trusted_root.json'];
const services = [...root, '--signing-config', 'data/trust/signing_config.v0.2.json'];

async function sign(...words: string[]) {
  const token = await devToken(stack.url, EMAIL);
  return run('sign-bundle', '--identity-token', token, ...services, ...words);
}

function verify(...words: string[]) {
  const who = ['--certificate-identity', EMAIL];
  const issuer = ['--certificate-oidc-issuer', `${stack.url}/dev-oidc`];
  return run('verify-bundle', ...who, ...issuer, ...root, ...words);
}

const GOOD = { code: 0, err: '' };

describe('scripts/conformance', () => {
  it('signs a file and verifies it by path and by digest', async () => {
    expect(await sign('--bundle', 'a.json', 'a.txt')).toEqual(GOOD);
    expect(await verify('--bundle', 'a.json', 'a.txt')).toEqual(GOOD);
    expect(await verify('--bundle', 'a.json', `sha256:${digest}`)).toEqual(GOOD);
    const refused = await verify('--bundle', 'a.json', 'b.txt');
    expect(refused).toEqual({ code: 3, err: 'reason: DIGEST_MISMATCH\n' });
  });

  it('signs a statement and verifies its subject', async () => {
    expect(await sign('--in-toto', '--bundle', 's.json', 'statement.json')).toEqual(GOOD);
    expect(await verify('--bundle', 's.json', 'a.txt')).toEqual(GOOD);
    expect(await verify('--bundle', 's.json', `sha256:${digest}`)).toEqual(GOOD);
    const refused = await verify('--bundle', 's.json', 'b.txt');
    expect(refused).toEqual({ code: 3, err: 'reason: SUBJECT_MISMATCH\n' });
    const { dsseEnvelope } = JSON.parse(readFileSync(at('s.json'), 'utf8')) as {
      dsseEnvelope: { payload: string };
    };
    const payload = Buffer.from(dsseEnvelope.payload, 'base64');
    expect(payload.equals(readFileSync(at('statement.json')))).toBe(true);
  });

  it('tells a token that the CA refuses by the reason of the CA', async () => {
    const token = `${(await devToken(stack.url, EMAIL)).replace(/\.[^.]*$/, '')}.AAAA`;
    const words = ['--identity-token', token, ...services, '--bundle', 'c.json', 'a.txt'];
    const refused = await run('sign-bundle', ...words);
    expect(refused).toEqual({ code: 7, err: 'reason: TOKEN_SIGNATURE\n' });
  });

  it('knows no public instance', async () => {
    const refused = await run('verify-bundle', '--staging', '--bundle', 'a.json', 'a.txt');
    expect(refused).toEqual({ code: 2, err: 'reason: TRUST_ABSENT\n' });
  });
});
