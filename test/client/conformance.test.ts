// SPDX-License-Identifier: Apache-2.0
// The verbs that test suites drive: what they take, what they refuse, what they say.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runConformance } from '../../services/client/conformance.ts';
import { parseBundle } from '../../services/core/bundle.ts';
import { hex, utf8 } from '../../services/core/bytes.ts';
import { pem } from '../../services/core/pem.ts';
import { serializeSigningConfig } from '../../services/core/signing-config.ts';
import { serializeTrustedRoot } from '../../services/core/trust.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  ARTIFACT,
  createVirtualSigstore,
  IDENTITY,
  ISSUER,
  KEY_MAKERS,
  NOW,
  statementOf,
} from '../support/virtual-sigstore.ts';
import { type ServiceFaults, SIGNING_CONFIG, tokenOf, virtualServices } from './services.ts';

const sigstore = await createVirtualSigstore();
const elsewhere = await createVirtualSigstore();
const directory = mkdtempSync(join(tmpdir(), 'conformance-'));
const at = (name: string) => join(directory, name);
const managedKey = KEY_MAKERS.p256();
/** Odd on purpose: what is signed are these bytes. */
const STATEMENT = `  ${JSON.stringify(statementOf(ARTIFACT), null, 3)}\n`;
const sha256 = (bytes: Uint8Array) => `sha256:${hex(nodeCrypto.digest('sha256', bytes))}`;

function online(faults: ServiceFaults = {}): void {
  vi.stubGlobal('fetch', virtualServices(sigstore, faults).fetch);
}

beforeAll(() => {
  writeFileSync(at('root.json'), serializeTrustedRoot(sigstore.root));
  writeFileSync(at('elsewhere.json'), serializeTrustedRoot(elsewhere.root));
  writeFileSync(at('signing.json'), serializeSigningConfig(SIGNING_CONFIG));
  writeFileSync(at('a.txt'), ARTIFACT);
  writeFileSync(at('b.txt'), 'another artifact\n');
  writeFileSync(at('statement.json'), STATEMENT);
  writeFileSync(at('key.pub'), pem('PUBLIC KEY', managedKey.publicKey.spki));
  writeFileSync(at('other.pub'), pem('PUBLIC KEY', KEY_MAKERS.p256().publicKey.spki));
  writeFileSync(at('blob.json'), JSON.stringify(sigstore.bundle()));
  const statement = statementOf(ARTIFACT);
  writeFileSync(at('dsse.json'), JSON.stringify(sigstore.bundle({ statement })));
  writeFileSync(at('key.json'), JSON.stringify(sigstore.bundle({ managedKey })));
});

afterAll(() => {
  vi.unstubAllGlobals();
  rmSync(directory, { recursive: true });
});

beforeEach(() => online());

async function run(...words: string[]) {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    env: {},
    colour: false,
    clock: () => NOW + 60_000,
  };
  const code = await runConformance(['node', 'conformance', ...words], io);
  return { code, out, err };
}

const root = ['--trusted-root', at('root.json')];
const who = ['--certificate-identity', IDENTITY, '--certificate-oidc-issuer', ISSUER];
const key = ['--key', at('key.pub')];
const bundle = (name: string) => ['--bundle', at(name)];
const verify = (...words: string[]) => run('verify-bundle', ...words);
const services = [...root, '--signing-config', at('signing.json')];
const sign = (...words: string[]) => run('sign-bundle', '--identity-token', tokenOf(), ...words);

const SILENT = { code: 0, out: '', err: '' };

/** Exit code and the one line on stderr. */
function expectReason(ran: { code: number; err: string }, reason: string): void {
  expect(ran.err).toBe(`reason: ${reason}\n`);
  expect(ran.code).toBeGreaterThan(0);
}

describe('verify-bundle', () => {
  const ours = sha256(ARTIFACT);
  const theirs = sha256(utf8('another artifact\n'));

  it.each<[string, string[]]>([
    ['a file', [...bundle('blob.json'), ...who, ...root, at('a.txt')]],
    ['a digest', [...bundle('blob.json'), ...who, ...root, ours]],
    [
      'a digest in capitals',
      [...bundle('blob.json'), ...who, ...root, ours.replace(/:.*/, (hash) => hash.toUpperCase())],
    ],
    ['the subject of a statement', [...bundle('dsse.json'), ...who, ...root, at('a.txt')]],
    ['the digest of a subject', [...bundle('dsse.json'), ...who, ...root, ours]],
    ['a key', [...bundle('key.json'), ...key, ...root, at('a.txt')]],
    ['a key and a digest', [...bundle('key.json'), ...key, ...root, ours]],
    ['flags after the file', [at('a.txt'), ...root, ...who, ...bundle('blob.json')]],
  ])('takes %s, and says nothing', async (_, words) => {
    expect(await verify(...words)).toEqual(SILENT);
  });

  it.each<[string, string, string[]]>([
    ['another file', 'DIGEST_MISMATCH', [...bundle('blob.json'), ...who, ...root, at('b.txt')]],
    ['another digest', 'DIGEST_MISMATCH', [...bundle('blob.json'), ...who, ...root, theirs]],
    ['another subject', 'SUBJECT_MISMATCH', [...bundle('dsse.json'), ...who, ...root, at('b.txt')]],
    [
      'the digest of another subject',
      'SUBJECT_MISMATCH',
      [...bundle('dsse.json'), ...who, ...root, theirs],
    ],
    ['a digest that is none', 'USAGE', [...bundle('blob.json'), ...who, ...root, 'sha256:00']],
    [
      'a file that is not there',
      'FILE_UNREADABLE',
      [...bundle('blob.json'), ...who, ...root, at('no')],
    ],
    [
      'a hash that is unknown',
      'FILE_UNREADABLE',
      [...bundle('blob.json'), ...who, ...root, `md5:${'00'.repeat(16)}`],
    ],
    [
      'another identity',
      'IDENTITY_MISMATCH',
      [
        ...bundle('blob.json'),
        '--certificate-identity',
        'x',
        ...who.slice(2),
        ...root,
        at('a.txt'),
      ],
    ],
    [
      'another issuer',
      'ISSUER_MISMATCH',
      [
        ...bundle('blob.json'),
        ...who.slice(0, 2),
        '--certificate-oidc-issuer',
        'x',
        ...root,
        at('a.txt'),
      ],
    ],
    [
      'an identity alone',
      'IDENTITY_POLICY_MISSING',
      [...bundle('blob.json'), ...who.slice(0, 2), ...root, at('a.txt')],
    ],
    [
      'an issuer alone',
      'IDENTITY_POLICY_MISSING',
      [...bundle('blob.json'), ...who.slice(2), ...root, at('a.txt')],
    ],
    ['nobody', 'IDENTITY_POLICY_MISSING', [...bundle('blob.json'), ...root, at('a.txt')]],
    ['a key for a certificate', 'KEY_MODE', [...bundle('blob.json'), ...key, ...root, at('a.txt')]],
    ['an identity for a key', 'KEY_MODE', [...bundle('key.json'), ...who, ...root, at('a.txt')]],
    ['key and identity', 'KEY_MODE', [...bundle('key.json'), ...key, ...who, ...root, at('a.txt')]],
    [
      'another key',
      'LOG_ENTRY_MISMATCH',
      [...bundle('key.json'), '--key', at('other.pub'), ...root, at('a.txt')],
    ],
    [
      'a key that is none',
      'USAGE',
      [...bundle('key.json'), '--key', at('a.txt'), ...root, at('a.txt')],
    ],
    [
      'another instance',
      'TIMESTAMP_UNTRUSTED',
      [...bundle('blob.json'), ...who, '--trusted-root', at('elsewhere.json'), at('a.txt')],
    ],
    ['no trusted root', 'TRUST_ABSENT', [...bundle('blob.json'), ...who, at('a.txt')]],
    [
      'the public staging instance',
      'TRUST_ABSENT',
      ['--staging', ...bundle('blob.json'), ...who, at('a.txt')],
    ],
    [
      'staging beside a trusted root',
      'TRUST_ABSENT',
      ['--staging', ...bundle('blob.json'), ...who, ...root, at('a.txt')],
    ],
    [
      'a trusted root that is none',
      'TRUST_ROOT_MALFORMED',
      [...bundle('blob.json'), ...who, '--trusted-root', at('a.txt'), at('a.txt')],
    ],
    [
      'a bundle that is none',
      'BUNDLE_MALFORMED',
      [...bundle('a.txt'), ...who, ...root, at('a.txt')],
    ],
    [
      'a bundle that is not there',
      'FILE_UNREADABLE',
      [...bundle('no'), ...who, ...root, at('a.txt')],
    ],
    ['no bundle', 'USAGE', [...who, ...root, at('a.txt')]],
    ['no artifact', 'USAGE', [...bundle('blob.json'), ...who, ...root]],
    ['two artifacts', 'USAGE', [...bundle('blob.json'), ...who, ...root, at('a.txt'), at('b.txt')]],
    [
      'an unknown flag',
      'USAGE',
      [...bundle('blob.json'), ...who, ...root, '--offline', at('a.txt')],
    ],
  ])('refuses %s: %s', async (_, reason, words) => {
    vi.stubGlobal('fetch', () => {
      throw new Error('a network was used');
    });
    expectReason(await verify(...words), reason);
  });

  it('takes a file that is there for itself, even if it is called like a digest', async () => {
    const before = process.cwd();
    process.chdir(directory);
    try {
      // The digest of the artifact as a name, and other bytes in it.
      writeFileSync(ours, 'another artifact\n');
      const words = [...bundle('blob.json'), ...who, ...root, ours];
      expectReason(await verify(...words), 'DIGEST_MISMATCH');
      writeFileSync(ours, ARTIFACT);
      expect(await verify(...words)).toEqual(SILENT);
    } finally {
      rmSync(ours);
      process.chdir(before);
    }
  });
});

describe('sign-bundle', () => {
  it('signs a file', async () => {
    expect(await sign(...services, ...bundle('new.json'), at('a.txt'))).toEqual(SILENT);
    expect(await verify(...bundle('new.json'), ...who, ...root, at('a.txt'))).toEqual(SILENT);
    expect(parseBundle(readFileSync(at('new.json'))).content).toHaveProperty('messageSignature');
  });

  it('signs a statement as it stands, byte for byte', async () => {
    const ran = await sign('--in-toto', ...services, ...bundle('st.json'), at('statement.json'));
    expect(ran).toEqual(SILENT);
    const { content } = parseBundle(readFileSync(at('st.json')));
    if (!('envelope' in content)) throw new Error('no envelope');
    expect(Buffer.from(content.envelope.payload).toString()).toBe(STATEMENT);
    expect(content.envelope.payloadType).toBe('application/vnd.in-toto+json');
    expect(await verify(...bundle('st.json'), ...who, ...root, at('a.txt'))).toEqual(SILENT);
    expectReason(
      await verify(...bundle('st.json'), ...who, ...root, at('b.txt')),
      'SUBJECT_MISMATCH',
    );
  });

  it('signs a file that happens to be a statement as a file', async () => {
    await sign(...services, ...bundle('plain.json'), at('statement.json'));
    expect(await verify(...bundle('plain.json'), ...who, ...root, at('statement.json'))).toEqual(
      SILENT,
    );
  });

  it('replaces the bundle of a run before', async () => {
    writeFileSync(at('old.json'), 'old');
    expect(await sign(...services, ...bundle('old.json'), at('a.txt'))).toEqual(SILENT);
    expect(await verify(...bundle('old.json'), ...who, ...root, at('a.txt'))).toEqual(SILENT);
  });

  it.each<[string, string, string[]]>([
    ['no trusted root', 'TRUST_ABSENT', ['--signing-config', at('signing.json'), at('a.txt')]],
    ['the public staging instance', 'TRUST_ABSENT', ['--staging', at('a.txt')]],
    ['staging beside a configuration', 'TRUST_ABSENT', ['--staging', ...services, at('a.txt')]],
    ['no signing config', 'SIGNING_CONFIG_MALFORMED', [...root, at('a.txt')]],
    [
      'a signing config that is none',
      'SIGNING_CONFIG_MALFORMED',
      [...root, '--signing-config', at('root.json'), at('a.txt')],
    ],
    ['a file that is not there', 'FILE_UNREADABLE', [...services, at('no')]],
    ['a statement that is none', 'STATEMENT_MALFORMED', ['--in-toto', ...services, at('a.txt')]],
    ['no artifact', 'USAGE', services],
    ['an unknown flag', 'USAGE', [...services, '--fast', at('a.txt')]],
  ])('refuses %s: %s, and writes nothing', async (_, reason, words) => {
    vi.stubGlobal('fetch', () => {
      throw new Error('a network was used');
    });
    expectReason(await sign(...bundle('none.json'), ...words), reason);
    expect(existsSync(at('none.json'))).toBe(false);
  });

  it.each<[string, string, ServiceFaults]>([
    [
      'a service that fails',
      'SERVICE_REFUSED',
      { answer: (name, good) => (name === 'log' ? new Response('', { status: 400 }) : good) },
    ],
    ['a certificate for another key', 'SERVICE_ANSWER', { otherKey: managedKey.publicKey.spki }],
    ['a certificate without an SCT', 'SERVICE_ANSWER', { recipe: { scts: 0 } }],
  ])('refuses %s: %s', async (_, reason, faults) => {
    online(faults);
    expectReason(await sign(...services, ...bundle('none.json'), at('a.txt')), reason);
    expect(existsSync(at('none.json'))).toBe(false);
  });

  it('never shows the token', async () => {
    const token = tokenOf({ iss: undefined });
    const words = [...services, ...bundle('none.json'), at('a.txt')];
    const ran = await run('sign-bundle', '--identity-token', token, ...words);
    expectReason(ran, 'TOKEN_MALFORMED');
    expect(ran.out).not.toContain(token);
    expectReason(await run('sign-bundle', ...words), 'USAGE');
  });
});

describe('other words', () => {
  it.each([[['frobnicate']], [[]], [['--bundle', 'x']], [['verify']]])(
    'refuses %j',
    async (words) => {
      expectReason(await run(...words), 'USAGE');
    },
  );

  it('helps', async () => {
    for (const words of [['--help'], ['sign-bundle', '--help'], ['verify-bundle', '--help']]) {
      expect(await run(...words)).toMatchObject({ code: 0, err: '' });
    }
  });
});
