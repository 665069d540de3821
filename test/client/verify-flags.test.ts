// SPDX-License-Identifier: Apache-2.0
// `verify` and `verify-attestation` in cosign's spellings, and the report of every check.
import { generateKeyPairSync, sign as signBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../services/client/cli.ts';
import { base64, hex } from '../../services/core/bytes.ts';
import { pem } from '../../services/core/pem.ts';
import { serializeTrustedRoot } from '../../services/core/trust.ts';
import { CHECKS } from '../../services/core/verify.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  ARTIFACT,
  createVirtualSigstore,
  IDENTITY,
  ISSUER,
  KEY_MAKERS,
  NOW,
  type Recipe,
  statementOf,
} from '../support/virtual-sigstore.ts';

const sigstore = await createVirtualSigstore();
const directory = mkdtempSync(join(tmpdir(), 'verify-flags-'));
const at = (name: string) => join(directory, name);
const managedKey = KEY_MAKERS.p256();
const WORKFLOW: Recipe = {
  name: { kind: 'uri', value: 'https://github.test/a/b/.github/workflows/c.yml@refs/heads/main' },
  extensions: [
    { number: 1, value: ISSUER },
    { number: 2, value: 'push' },
    { number: 3, value: 'c0ffee' },
    { number: 4, value: 'release' },
    { number: 5, value: 'a/b' },
    { number: 6, value: 'refs/heads/main' },
    { number: 8, value: ISSUER },
    { number: 9, value: 'https://github.test/a/b=c' },
  ],
};

const put = (name: string, recipe: Recipe) =>
  writeFileSync(at(name), JSON.stringify(sigstore.bundle(recipe)));

beforeAll(() => {
  vi.stubGlobal('fetch', () => {
    throw new Error('a network was used');
  });
  mkdirSync(at('trust'));
  writeFileSync(at('trust/trusted_root.json'), serializeTrustedRoot(sigstore.root));
  writeFileSync(at('file'), ARTIFACT);
  writeFileSync(at('other'), 'another artifact\n');
  writeFileSync(at('key.pub'), pem('PUBLIC KEY', managedKey.publicKey.spki));
  put('file.sigstore.json', {});
  put('github.json', WORKFLOW);
  put('att.json', { statement: statementOf(ARTIFACT) });
  put('key.json', { managedKey });
  put('nolog.json', {
    managedKey,
    change: (b) => {
      b.verificationMaterial.tlogEntries = [];
    },
  });
  put('unstamped.json', {
    managedKey,
    change: (b) => {
      delete b.verificationMaterial.timestampVerificationData;
    },
  });
  put('nosct.json', { scts: 0 });
});

afterAll(() => {
  vi.unstubAllGlobals();
  rmSync(directory, { recursive: true });
});

let clock = () => NOW + 60_000;
beforeEach(() => {
  clock = () => NOW + 60_000;
});

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
    clock: () => clock(),
  };
  const code = await runCli(['node', 'sigstead', ...words], [], io);
  return { code, out, err, reason: /^error: ([A-Z_]+):/m.exec(err)?.[1] };
}

const root = () => ['--trusted-root', at('trust/trusted_root.json')];
const who = ['--certificate-identity', IDENTITY, '--certificate-oidc-issuer', ISSUER];
const issuer = ['--certificate-oidc-issuer', ISSUER];
const PREDICATE = ['--type', 'slsaprovenance1'];
const sha = (name: 'sha256' | 'sha512') => hex(nodeCrypto.digest(name, ARTIFACT));

describe('flags in the spellings of cosign', () => {
  const named = ['--certificate-identity-regexp', 'https://github\\.test/a/b/.+', ...issuer];
  const github = (...more: string[]) => [
    'verify',
    '--bundle',
    at('github.json'),
    ...named,
    ...more,
  ];
  const key = (bundle: string, ...more: string[]) => [
    'verify',
    '--bundle',
    at(bundle),
    '--key',
    at('key.pub'),
    ...more,
  ];
  const flag = (name: string) => `--certificate-github-workflow-${name}`;
  const all = [
    'name',
    'release',
    'ref',
    'refs/heads/main',
    'repository',
    'a/b',
    'sha',
    'c0ffee',
    'trigger',
    'push',
  ];
  const workflow = all.map((word, i) => (i % 2 === 0 ? flag(word) : word));

  it.each<[string, string[], string | undefined]>([
    ['verify', ['verify', ...who], undefined],
    ['verify-blob', ['verify-blob', ...who, '--bundle', at('file.sigstore.json')], undefined],
    ['patterns', github(), undefined],
    [
      'a pattern that is a part',
      ['verify', '--certificate-identity-regexp', 'dev', ...issuer],
      'IDENTITY_MISMATCH',
    ],
    [
      'a pattern of the issuer',
      ['verify', ...who.slice(0, 2), '--certificate-oidc-issuer-regexp', 'https://.+'],
      undefined,
    ],
    ['a pattern beside a text', ['verify', ...who, '--certificate-identity-regexp', '.+'], 'USAGE'],
    ['every workflow flag', github(...workflow), undefined],
    ...['name', 'ref', 'repository', 'sha', 'trigger'].map((name): [string, string[], string] => [
      `another ${name}`,
      github(flag(name), 'x'),
      'EXTENSION_MISMATCH',
    ]),
    [
      'extensions by name',
      github('--certificate-extension', 'build-signer-uri=https://github.test/a/b=c'),
      undefined,
    ],
    [
      'extensions by number',
      github('--certificate-extension', '9=https://github.test/a/b=c'),
      undefined,
    ],
    [
      'extensions by OID',
      github('--certificate-extension', '1.3.6.1.4.1.57264.1.2=push'),
      undefined,
    ],
    [
      'extensions by their template key',
      github('--certificate-extension', 'GithubWorkflowSHA=c0ffee'),
      undefined,
    ],
    [
      'the issuer as extension 1.8',
      github('--certificate-extension', `issuer=${ISSUER}`),
      undefined,
    ],
    [
      'two extensions, one wrong',
      github('--certificate-extension', '2=push', '--certificate-extension', '3=x'),
      'EXTENSION_MISMATCH',
    ],
    ['an unknown extension', github('--certificate-extension', 'colour=red'), 'USAGE'],
    ['extension 7, which is none', github('--certificate-extension', '7=x'), 'USAGE'],
    ['an extension without a value', github('--certificate-extension', 'issuer'), 'USAGE'],
    ['a key', key('key.json'), undefined],
    ['a key and an identity', [...key('key.json'), ...who], 'KEY_MODE'],
    ['a key for a certificate', ['verify', '--key', at('key.pub')], 'KEY_MODE'],
    ['a bundle without a log', key('nolog.json'), 'LOG_ENTRY_MISSING'],
    ['--insecure-ignore-tlog', key('nolog.json', '--insecure-ignore-tlog'), undefined],
    ['--insecure-ignore-tlog=true', key('nolog.json', '--insecure-ignore-tlog=true'), undefined],
    [
      '--insecure-ignore-tlog=false',
      key('nolog.json', '--insecure-ignore-tlog=false'),
      'LOG_ENTRY_MISSING',
    ],
    ['no timestamp with a key', key('unstamped.json'), undefined],
    [
      '--use-signed-timestamps',
      key('unstamped.json', '--use-signed-timestamps'),
      'TIMESTAMP_MISSING',
    ],
    ['no SCT', ['verify', '--bundle', at('nosct.json'), ...who], 'SCT_MISSING'],
    [
      '--insecure-ignore-sct',
      ['verify', '--bundle', at('nosct.json'), ...who, '--insecure-ignore-sct'],
      undefined,
    ],
    ['an unknown switch', ['verify', ...who, '--offline'], 'USAGE'],
  ])('%s', async (_, words, reason) => {
    const ran = await run(...words, ...root(), at('file'));
    expect(ran.reason).toBe(reason);
    expect(ran.code === 0).toBe(reason === undefined);
  });

  it('wants trust files, and one way to name them', async () => {
    expect(await run('verify', ...who, at('file'))).toMatchObject({
      code: 2,
      reason: 'TRUST_ABSENT',
    });
    const twice = await run('verify', ...who, ...root(), '--trust-config', at('trust'), at('file'));
    expect(twice.reason).toBe('USAGE');
  });

  it('says what was not checked', async () => {
    const words = ['verify', '--bundle', at('nolog.json'), '--key', at('key.pub'), ...root()];
    const ran = await run(...words, '--insecure-ignore-tlog', at('file'));
    expect(ran.out).toMatch(/not checked +log\n/);
    expect((await run('verify', ...who, ...root(), at('file'))).out).not.toContain('not checked');
  });

  it('refuses a time that has not come', async () => {
    clock = () => NOW - 3_600_000;
    expect((await run('verify', ...who, ...root(), at('file'))).reason).toBe('TIMESTAMP_TIME');
  });
});

describe('attestations and digests', () => {
  const att = (...more: string[]) =>
    run('verify-attestation', ...PREDICATE, '--bundle', at('att.json'), ...root(), ...who, ...more);
  const blob = (...more: string[]) =>
    run('verify', '--bundle', at('file.sigstore.json'), ...root(), ...who, ...more);

  it.each<[string, () => ReturnType<typeof run>, string | undefined]>([
    ['an attestation of a file', () => att(at('file')), undefined],
    ['an attestation of another file', () => att(at('other')), 'SUBJECT_MISMATCH'],
    ['--check-claims=false', () => att('--check-claims=false', at('other')), undefined],
    ['--no-check-claims', () => att('--no-check-claims', at('other')), undefined],
    ['--check-claims', () => att('--check-claims', at('other')), 'SUBJECT_MISMATCH'],
    ['an attestation by digest', () => att('--digest', sha('sha256')), undefined],
    [
      'a digest in capitals',
      () => att('--digest', sha('sha256').toUpperCase(), '--digestAlg', 'sha256'),
      undefined,
    ],
    [
      'an attestation by another digest',
      () => att('--digest', '00'.repeat(32)),
      'SUBJECT_MISMATCH',
    ],
    [
      'by a digest that the statement lacks',
      () => att('--digest', sha('sha512'), '--digestAlg', 'sha512'),
      'SUBJECT_MISMATCH',
    ],
    ['a signature by digest', () => blob('--digest', sha('sha256')), undefined],
    ['a signature by another digest', () => blob('--digest', '00'.repeat(32)), 'DIGEST_MISMATCH'],
    [
      'a signature by a digest that nobody signed',
      () => blob('--digest', sha('sha512'), '--digestAlg', 'sha512'),
      'DIGEST_MISMATCH',
    ],
    ['a digest that is none', () => att('--digest', 'zz'), 'USAGE'],
    ['a digest of another length', () => att('--digest', sha('sha512')), 'USAGE'],
    ['an unknown algorithm', () => att('--digest', sha('sha256'), '--digestAlg', 'md5'), 'USAGE'],
    ['neither file nor digest', () => att(), 'USAGE'],
    ['both', () => att('--digest', sha('sha256'), at('file')), 'USAGE'],
    [
      'verify-blob-attestation',
      () =>
        run(
          'verify-blob-attestation',
          ...PREDICATE,
          '--bundle',
          at('att.json'),
          ...root(),
          ...who,
          at('file'),
        ),
      undefined,
    ],
    [
      'a digest without a bundle',
      () => run('verify', ...root(), ...who, '--digest', sha('sha256')),
      'USAGE',
    ],
  ])('%s', async (_, act, reason) => {
    expect((await act()).reason).toBe(reason);
  });

  it('reads the file whole for pure Ed25519', async () => {
    const keys = generateKeyPairSync('ed25519');
    const spki = new Uint8Array(keys.publicKey.export({ type: 'spki', format: 'der' }));
    writeFileSync(at('ed.pub'), pem('PUBLIC KEY', spki));
    const signature = base64(new Uint8Array(signBytes(null, ARTIFACT, keys.privateKey)));
    put('ed.json', {
      managedKey,
      change: (b) => {
        b.verificationMaterial.tlogEntries = [];
        delete b.verificationMaterial.timestampVerificationData;
        b.messageSignature = { signature };
      },
    });
    const words = ['verify', '--key', at('ed.pub'), '--bundle', at('ed.json'), ...root()];
    const good = await run(...words, '--insecure-ignore-tlog', at('file'));
    expect([good.reason, good.code]).toEqual([undefined, 0]);
    expect((await run(...words, '--insecure-ignore-tlog', at('other'))).reason).toBe(
      'SIGNATURE_INVALID',
    );
  });

  it('refuses a file with two keys', async () => {
    const one = pem('PUBLIC KEY', managedKey.publicKey.spki);
    writeFileSync(at('two.pub'), one + one);
    const words = [
      'verify',
      '--key',
      at('two.pub'),
      '--bundle',
      at('key.json'),
      ...root(),
      at('file'),
    ];
    expect((await run(...words)).reason).toBe('USAGE');
  });
});

interface Told {
  schema: number;
  verified: boolean;
  checks: Array<{ name: string; verdict: string; inputs: object; found?: object; error?: object }>;
  error?: { code: string; field?: string; mend: string };
}

async function told(...words: string[]): Promise<Told> {
  return JSON.parse((await run(...words, '--output', 'json')).out) as Told;
}

describe('the report in JSON', () => {
  const NAMES = ['trust', 'bundle', ...CHECKS];
  const verify = (...more: string[]) => told('verify', ...root(), ...who, ...more);

  it('tells every check with what it looked at and what it found', async () => {
    const report = await verify(at('file'));
    expect(report).toMatchObject({
      schema: 1,
      verified: true,
      file: at('file'),
      bundle: at('file.sigstore.json'),
      identity: IDENTITY,
      issuer: ISSUER,
    });
    expect(report.checks.map(({ name }) => name)).toEqual(NAMES);
    for (const check of report.checks) {
      expect(check).toMatchObject({ verdict: 'passed', inputs: expect.any(Object) });
      expect(Object.keys(check.inputs).length).toBeGreaterThan(0);
      expect(check.found).toBeDefined();
    }
    const identity = report.checks.find(({ name }) => name === 'identity');
    expect(identity?.inputs).toEqual({ identity: IDENTITY, issuer: ISSUER });
    expect(report.checks.find(({ name }) => name === 'signature')?.inputs).toEqual({
      content: 'messageSignature',
      artifact: [`sha256:${sha('sha256')}`],
      predicateType: 'https://sigstore.dev/cosign/sign/v1',
    });
  });

  it.each<[string, string, string, () => Promise<Told>]>([
    [
      'trust files that are none',
      'trust',
      'TRUST_ROOT_MALFORMED',
      () => told('verify', ...who, '--trusted-root', at('file'), at('file')),
    ],
    [
      'a bundle that is none',
      'bundle',
      'BUNDLE_MALFORMED',
      () => verify('--bundle', at('key.pub'), at('file')),
    ],
    [
      'a key bundle without a key',
      'signer',
      'KEY_MODE',
      () => verify('--bundle', at('key.json'), at('file')),
    ],
    [
      'another identity',
      'identity',
      'IDENTITY_MISMATCH',
      () => verify('--bundle', at('github.json'), at('file')),
    ],
    ['no SCT', 'sct', 'SCT_MISSING', () => verify('--bundle', at('nosct.json'), at('file'))],
    [
      'another file',
      'signature',
      'DIGEST_MISMATCH',
      () => verify('--bundle', at('file.sigstore.json'), at('other')),
    ],
  ])('has its whole shape for %s', async (_, name, code, act) => {
    const report = await act();
    expect(report).toMatchObject({ schema: 1, verified: false, error: { code } });
    expect(report.checks.map((check) => check.name)).toEqual(NAMES);
    const at = NAMES.indexOf(name);
    const verdicts = report.checks.map(({ verdict }) => verdict);
    expect(new Set(verdicts.slice(0, at))).toEqual(new Set(at === 0 ? [] : ['passed']));
    expect(report.checks[at]).toMatchObject({ verdict: 'failed', error: { code } });
    expect(new Set(verdicts.slice(at + 1))).toEqual(new Set(at === 9 ? [] : ['not reached']));
  });

  it('names the digest in place of the file, and what does not apply', async () => {
    const words = ['verify', ...root(), '--key', at('key.pub'), '--bundle', at('key.json')];
    const report = await told(...words, '--digest', sha('sha256'));
    expect(report).toMatchObject({ verified: true, digest: `sha256:${sha('sha256')}` });
    const skipped = report.checks.filter(({ verdict }) => verdict === 'not applicable');
    expect(skipped.map(({ name }) => name)).toEqual(['certificate', 'sct', 'identity']);
  });

  it('has its shape when nothing could be read', async () => {
    const report = await verify(at('nothing'));
    expect(report).toMatchObject({ verified: false, error: { code: 'FILE_UNREADABLE' } });
    expect(new Set(report.checks.map(({ verdict }) => verdict))).toEqual(new Set(['not reached']));
  });
});
