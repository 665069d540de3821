// SPDX-License-Identifier: Apache-2.0
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { buildCli, runCli } from '../../services/client/cli.ts';
import { CLIENT_COMMANDS } from '../../services/client/names.ts';
import { trustCommand } from '../../services/client/trust-export.ts';
import { pem } from '../../services/core/pem.ts';
import {
  buildClientTrustConfig,
  serializeSigningConfig,
} from '../../services/core/signing-config.ts';
import { serializeTrustedRoot } from '../../services/core/trust.ts';
import {
  ARTIFACT,
  createVirtualSigstore,
  IDENTITY,
  ISSUER,
  KEY_MAKERS,
} from '../support/virtual-sigstore.ts';
import { type ServiceFaults, SIGNING_CONFIG, tokenOf, virtualServices } from './services.ts';

const sigstore = await createVirtualSigstore();

let directory = '';
const at = (name: string) => join(directory, name);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cli-'));
  mkdirSync(at('trust'));
  writeFileSync(at('trust/trusted_root.json'), serializeTrustedRoot(sigstore.root));
  writeFileSync(at('trust/signing_config.v0.2.json'), serializeSigningConfig(SIGNING_CONFIG));
  writeFileSync(at('config.json'), buildClientTrustConfig(sigstore.root, SIGNING_CONFIG));
  writeFileSync(at('app.tgz'), ARTIFACT);
  writeFileSync(at('token'), `${tokenOf()}\n`);
  online({});
});

afterEach(() => {
  vi.unstubAllGlobals();
  rmSync(directory, { recursive: true, force: true });
});

/** Puts virtual services behind the global fetch. */
function online(faults: ServiceFaults): void {
  vi.stubGlobal('fetch', virtualServices(sigstore, faults).fetch);
}

function offline(): void {
  vi.stubGlobal('fetch', () => {
    throw new Error('a network was used');
  });
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  words: readonly string[],
  env: Record<string, string> = {},
  others: readonly Command[] = [],
): Promise<Ran> {
  let out = '';
  let err = '';
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    env,
    colour: false,
  };
  const code = await runCli(['node', 'sigstead', ...words], others, io);
  return { code, out, err };
}

const trust = () => ['--trust-config', at('trust')];
const tokenFile = () => ['--identity-token-file', at('token')];
const who = ['--certificate-identity', IDENTITY, '--certificate-oidc-issuer', ISSUER];
const sign = (...more: string[]) =>
  run(['sign', ...trust(), ...tokenFile(), ...more, at('app.tgz')]);
const verify = (...more: string[]) => run(['verify', ...trust(), ...who, ...more, at('app.tgz')]);

describe('sign and verify', () => {
  it('writes FILE.sigstore.json, mode 0644, which verifies offline', async () => {
    const signed = await sign();
    expect(signed).toMatchObject({ code: 0, err: '' });
    expect(signed.out).toContain(IDENTITY);
    expect(signed.out).toContain(`from ${at('token')}`);
    const path = at('app.tgz.sigstore.json');
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    offline();
    const verified = await verify();
    expect(verified).toMatchObject({ code: 0, err: '' });
    expect(verified.out).toContain(`Verified ${at('app.tgz')}`);
  });

  it.each([
    ['a client trust config', 'config.json'],
    ['a directory', 'trust'],
    ['a trusted root alone', 'trust/trusted_root.json'],
  ])('verifies with %s', async (_, name) => {
    await sign();
    offline();
    const ran = await run(['verify', '--trust-config', at(name), ...who, at('app.tgz')]);
    expect(ran.code).toBe(0);
  });

  it('never overwrites a bundle, and replaces it with --force', async () => {
    const path = at('app.tgz.sigstore.json');
    writeFileSync(path, 'mine');
    const refused = await sign();
    expect(refused.code).toBe(2);
    expect(refused.err).toMatch(/^error: FILE_EXISTS: .*\nmend: /);
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect((await sign('--force')).code).toBe(0);
    expect((await verify()).code).toBe(0);
  });

  it('writes nothing when a service fails, and names it', async () => {
    online({ answer: (name, good) => (name === 'log' ? new Response('', { status: 500 }) : good) });
    const before = readdirSync(directory);
    const ran = await sign();
    expect(ran.code).toBe(6);
    expect(ran.err).toContain('transparency log');
    expect(readdirSync(directory)).toEqual(before);
  });

  it('writes where --bundle says', async () => {
    expect((await sign('--bundle', at('b.json'))).code).toBe(0);
    expect((await verify('--bundle', at('b.json'))).code).toBe(0);
    expect(existsSync(at('app.tgz.sigstore.json'))).toBe(false);
  });

  it('signs in the spelling of cosign', async () => {
    const root = ['--trusted-root', at('trust/trusted_root.json')];
    const config = ['--signing-config', at('trust/signing_config.v0.2.json')];
    const words = ['sign-blob', ...root, ...config, ...tokenFile(), at('app.tgz')];
    expect((await run(words)).code).toBe(0);
    expect((await run(['verify-blob', ...root, ...who, at('app.tgz')])).code).toBe(0);
    const both = ['sign', '--force', ...trust(), ...config, ...tokenFile(), at('app.tgz')];
    expect((await run(both)).err).toContain('error: USAGE: ');
  });

  it('finds a bundle by the name FILE.sigstore', async () => {
    await sign('--bundle', at('app.tgz.sigstore'));
    expect((await verify()).code).toBe(0);
  });

  it('tells of signing and verifying in JSON', async () => {
    const signed = JSON.parse((await sign('--output', 'json')).out) as Record<string, unknown>;
    expect(signed).toMatchObject({ identity: IDENTITY, issuer: ISSUER });
    const verified = JSON.parse((await verify('--output', 'json')).out) as {
      checks: Array<{ name: string; verdict: string }>;
    };
    expect(verified).toMatchObject({ verified: true, identity: IDENTITY });
    expect(verified.checks.every(({ verdict }) => verdict === 'passed')).toBe(true);
  });

  it('tells of a refusal in JSON, with the check that failed', async () => {
    await sign();
    writeFileSync(at('app.tgz'), 'tampered');
    const ran = await verify('--output', 'json');
    expect(ran.code).toBe(3);
    const told = JSON.parse(ran.out) as { checks: unknown[] };
    expect(told).toMatchObject({ verified: false, error: { code: 'DIGEST_MISMATCH' } });
    expect(told.checks.at(-1)).toMatchObject({ name: 'signature', verdict: 'failed' });
    expect(ran.err).toContain('error: DIGEST_MISMATCH: ');
  });

  it('verifies with a key', async () => {
    const managedKey = KEY_MAKERS.p256();
    writeFileSync(at('k.json'), JSON.stringify(sigstore.bundle({ managedKey })));
    writeFileSync(at('key.pub'), pem('PUBLIC KEY', managedKey.publicKey.spki));
    const words = ['verify', ...trust(), '--bundle', at('k.json'), at('app.tgz')];
    expect((await run([...words, '--key', at('key.pub')])).code).toBe(0);
    expect((await run([...words, ...who])).err).toContain('KEY_MODE');
    expect((await run([...words, ...who, '--key', at('key.pub')])).err).toContain('KEY_MODE');
  });
});

describe('what people mistype', () => {
  const attest = (...more: string[]) =>
    run(['attest', ...trust(), ...tokenFile(), '--type', 'custom', ...more, at('app.tgz')]);

  it.each([
    ['a bundle in a folder that is not there', () => sign('--bundle', at('no/b.json')), 'no such'],
    ['a bundle that is a folder', () => sign('--force', '--bundle', at('trust')), 'is no file'],
    ['a predicate that is not JSON', () => attest('--predicate', at('token')), '--predicate'],
    ['a predicate that is not there', () => attest('--predicate', at('p')), 'no such file'],
  ])('is found before a service is called: %s', async (_, act, says) => {
    offline();
    const before = readdirSync(directory);
    const ran = await act();
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining(says)]);
    expect(readdirSync(directory)).toEqual(before);
  });

  it('names the file that is missing: the artifact, or the bundles looked for', async () => {
    const nothing = await run(['verify', ...trust(), ...who, at('nothing')]);
    expect(nothing.err).toContain(`FILE_UNREADABLE: ${at('nothing')}: no such file`);
    const bare = await verify();
    expect(bare.err).toContain(`looked for ${at('app.tgz')}.sigstore.json or `);
    expect(bare.err).toContain('--bundle');
    const told = JSON.parse((await verify('--output', 'json')).out) as unknown;
    expect(told).toMatchObject({ verified: false, error: { code: 'FILE_UNREADABLE' } });
  });

  it('says that --key is no public key', async () => {
    await sign();
    const ran = await run(['verify', ...trust(), '--key', at('token'), at('app.tgz')]);
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining('holds no public key')]);
  });

  it('says that --identity-token is neither a token nor a file', async () => {
    const ran = await run(['sign', ...trust(), '--identity-token', 'tokn', at('app.tgz')]);
    expect([ran.code, ran.err]).toEqual([7, expect.stringContaining('nor a file')]);
  });

  it('never writes through a link', async () => {
    writeFileSync(at('precious'), 'mine');
    symlinkSync(at('precious'), at('app.tgz.sigstore.json'));
    expect((await sign()).code).toBe(2);
    expect((await sign('--force')).code).toBe(0);
    expect(readFileSync(at('precious'), 'utf8')).toBe('mine');
  });
});

describe('exit codes of verify', () => {
  it.each([
    ['another identity', 4, 'IDENTITY_MISMATCH', ['--certificate-identity', 'eve@example.com']],
    ['another issuer', 4, 'ISSUER_MISMATCH', ['--certificate-oidc-issuer', 'https://eve.test']],
    ['no such bundle', 2, 'FILE_UNREADABLE', ['--bundle', '/nowhere/b.json']],
    ['no such trust file', 2, 'FILE_UNREADABLE', ['--trust-config', '/nowhere/trust.json']],
    ['unknown flag', 2, 'USAGE', ['--fast']],
    ['unknown output', 2, 'USAGE', ['--output', 'xml']],
  ])('%s: %i %s', async (_, code, name, flags) => {
    await sign();
    const ran = await verify(...flags);
    expect(ran.code).toBe(code);
    expect(ran.err).toMatch(new RegExp(`^error: ${name}: .+\nmend: .+\n$`));
    expect(ran.out).toBe('');
  });

  it('no identity: 2, whatever the bundle is', async () => {
    await sign();
    const ran = await run(['verify', ...trust(), at('app.tgz')]);
    expect([ran.code, ran.err]).toEqual([2, expect.stringContaining('IDENTITY_POLICY_MISSING')]);
  });

  it('damaged trust: 5', async () => {
    await sign();
    writeFileSync(at('trust/trusted_root.json'), '{}');
    expect((await verify()).code).toBe(5);
    writeFileSync(at('other.json'), '{"mediaType":"text/plain"}');
    expect((await verify('--trust-config', at('other.json'))).code).toBe(5);
  });

  it('damaged bundle: 3', async () => {
    writeFileSync(at('app.tgz.sigstore.json'), '{}');
    expect((await verify()).code).toBe(3);
  });

  it('keeps control characters of hostile files away from the terminal', async () => {
    writeFileSync(at('b.json'), JSON.stringify({ mediaType: '\u001b[2J\u202e' }));
    const ran = await verify('--bundle', at('b.json'));
    expect(ran.err).not.toContain('\u001b');
    expect(ran.err).not.toContain('\u202e');
  });
});

describe('the token', () => {
  it('comes from the environment', async () => {
    const words = ['sign', ...trust(), at('app.tgz')];
    expect((await run(words, { SIGSTORE_ID_TOKEN: tokenOf() })).code).toBe(0);
  });

  it('is warned about in the arguments, and never shown', async () => {
    const token = tokenOf();
    const ran = await run(['sign', ...trust(), '--identity-token', token, at('app.tgz')]);
    expect(ran.code).toBe(0);
    expect(ran.err).toMatch(/^warning: .*visible/);
    expect(ran.err + ran.out).not.toContain(token);
  });

  it('may be a path in --identity-token, without a warning', async () => {
    const ran = await run(['sign', ...trust(), '--identity-token', at('token'), at('app.tgz')]);
    expect([ran.code, ran.err]).toEqual([0, '']);
  });

  it.each([
    ['absent', [], 7, 'TOKEN_ABSENT'],
    ['malformed', ['--identity-token', 'x.y'], 7, 'TOKEN_MALFORMED'],
    ['file missing', ['--identity-token-file', '/nowhere'], 2, 'FILE_UNREADABLE'],
    ['given twice', ['--identity-token', 'a', '--identity-token-file', 'b'], 2, 'USAGE'],
  ])('%s', async (_, flags, code, name) => {
    offline();
    const ran = await run(['sign', ...trust(), ...flags, at('app.tgz')]);
    expect([ran.code, ran.err]).toEqual([code, expect.stringContaining(name)]);
  });
});

describe('before a service is called', () => {
  it.each([
    ['a file that is not there', () => ['sign', ...trust(), ...tokenFile(), at('nothing')], 2],
    [
      'trust without a signing config',
      () => [
        'sign',
        '--trust-config',
        at('trust/trusted_root.json'),
        ...tokenFile(),
        at('app.tgz'),
      ],
      5,
    ],
    ['no trust config', () => ['sign', ...tokenFile(), at('app.tgz')], 2],
    [
      'an unknown predicate type',
      () => [
        'attest',
        ...trust(),
        ...tokenFile(),
        '--predicate',
        at('token'),
        '--type',
        'nonsense',
        at('app.tgz'),
      ],
      2,
    ],
  ])('%s', async (_, words, code) => {
    offline();
    expect((await run(words())).code).toBe(code);
  });
});

describe('attest and verify-attestation', () => {
  const attest = (...more: string[]) => {
    writeFileSync(at('p.json'), '{"builder":{"id":"x"}}');
    const words = ['attest', ...trust(), ...tokenFile(), '--predicate', at('p.json')];
    return run([...words, ...more, at('app.tgz')]);
  };
  const check = (...more: string[]) =>
    run(['verify-attestation', ...trust(), ...who, ...more, at('app.tgz')]);

  it.each([
    ['slsaprovenance1', 'slsaprovenance1'],
    ['spdxjson', 'spdxjson'],
    ['https://example.org/a b'.replace(' ', '?'), 'example.org-a-b'],
  ])('names the file by its type: %s', async (type, slug) => {
    expect((await attest('--type', type)).code).toBe(0);
    expect(existsSync(at(`app.tgz.${slug}.sigstore.json`))).toBe(true);
    offline();
    expect((await check('--type', type)).code).toBe(0);
  });

  it('refuses another type, another file, and a plain signature', async () => {
    await attest('--type', 'slsaprovenance1');
    const bundle = at('app.tgz.slsaprovenance1.sigstore.json');
    expect((await check('--type', 'cyclonedx', '--bundle', bundle)).code).toBe(4);
    await sign();
    const plain = at('app.tgz.sigstore.json');
    expect((await check('--type', 'slsaprovenance1', '--bundle', plain)).code).toBe(3);
    writeFileSync(at('app.tgz'), 'tampered');
    const ran = await check('--type', 'slsaprovenance1');
    expect([ran.code, ran.err]).toEqual([3, expect.stringContaining('SUBJECT_MISMATCH')]);
  });

  it('is no signature of the file: verify refuses an attestation', async () => {
    await attest('--type', 'vuln', '--bundle', at('app.tgz.sigstore.json'));
    const ran = await verify();
    expect([ran.code, ran.err]).toEqual([4, expect.stringContaining('PREDICATE_TYPE')]);
  });
});

describe('inspect', () => {
  it('shows what a bundle claims and that nothing was verified', async () => {
    await sign();
    offline();
    const text = await run(['inspect', at('app.tgz.sigstore.json')]);
    expect(text.out).toMatch(/nothing of this was verified/);
    expect(text.out).toContain(IDENTITY);
    const json = await run(['inspect', '--output', 'json', at('app.tgz.sigstore.json')]);
    expect(JSON.parse(json.out)).toMatchObject({
      signer: { certificate: { identity: IDENTITY, issuer: ISSUER } },
      logEntries: [{ index: 3, log: 'log.test', kind: 'hashedrekord 0.0.2' }],
    });
  });

  it('shows the subjects of an attestation', async () => {
    writeFileSync(at('p.json'), '{}');
    const words = ['attest', ...trust(), ...tokenFile(), '--predicate', at('p.json')];
    await run([...words, '--type', 'custom', at('app.tgz')]);
    const ran = await run(['inspect', at('app.tgz.custom.sigstore.json')]);
    expect(ran.out).toMatch(/subject +app\.tgz sha256:[0-9a-f]{64}\n/);
  });

  it('shows what it can of a bundle with damaged parts', async () => {
    const made = sigstore.bundle();
    const { verificationMaterial: material } = made;
    material.certificate = { rawBytes: 'AAAA' };
    material.timestampVerificationData = { rfc3161Timestamps: [{ signedTimestamp: 'AAAA' }] };
    const proof = material.tlogEntries[0]?.inclusionProof;
    if (proof) proof.checkpoint = { envelope: 'x' };
    writeFileSync(at('b.json'), JSON.stringify(made));
    const ran = await run(['inspect', at('b.json')]);
    expect(ran.code).toBe(0);
    expect(ran.out).toMatch(/certificate +CERTIFICATE_MALFORMED: /);
    expect(ran.out).toMatch(/timestamp +TIMESTAMP_MALFORMED: /);
    expect(ran.out).toMatch(/log entry +3, hashedrekord 0\.0\.2, CHECKPOINT_MALFORMED: /);
  });

  it('shows an envelope that is no statement', async () => {
    const change = { statement: { a: 1 }, payloadType: 'text/x' };
    writeFileSync(at('b.json'), JSON.stringify(sigstore.bundle(change)));
    expect((await run(['inspect', at('b.json')])).out).toMatch(/payload +text\/x\n/);
    writeFileSync(at('b.json'), JSON.stringify(sigstore.bundle({ statement: { a: 1 } })));
    expect((await run(['inspect', at('b.json')])).out).toMatch(/predicate +STATEMENT_MALFORMED/);
  });

  it('refuses what is no bundle', async () => {
    expect((await run(['inspect', at('token')])).code).toBe(3);
  });
});

describe('the command line', () => {
  it.each(['sign', 'attest', 'verify', 'verify-attestation', 'inspect'])(
    'shows examples: %s --help',
    async (name) => {
      const ran = await run([name, '--help']);
      expect(ran).toMatchObject({ code: 0, err: '' });
      expect(ran.out).toMatch(/Examples:\n {2}\$ /);
    },
  );

  it('lists the commands of others beside its own', async () => {
    let ranOther = false;
    const other = new Command('serve').action(() => {
      ranOther = true;
    });
    expect(await runCli(['node', 'sigstead', 'serve'], [other])).toBe(0);
    expect(ranOther).toBe(true);
    const help = await run(['--help'], {}, [trustCommand()]);
    expect(help.out).toMatch(/Examples:\n {2}\$ /);
    expect(help.out).toMatch(/trust.*trust files/);
  });

  it('is known by its names before it is loaded', () => {
    const names = buildCli().commands.flatMap((one) =>
      [one.name(), ...one.aliases()].map((name) => [name, one.name()]),
    );
    expect(names).toEqual([...CLIENT_COMMANDS]);
  });

  it('shows its version, and its help when asked for nothing', async () => {
    expect((await run(['--version'])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await run([])).toMatchObject({ code: 2, err: expect.stringContaining('Usage:') });
    expect((await run(['nonsense'])).err).toMatch(/^error: USAGE: unknown command/);
    expect((await run(['verfy'])).err).toContain("unknown command 'verfy' (Did you mean verify?)");
  });

  it('reports a fault of its own as internal', async () => {
    const broken = new Command('serve').action(() => {
      throw new RangeError('boom');
    });
    let err = '';
    const keep = (text: string) => {
      err += text;
    };
    const io = { out: () => {}, err: keep, env: {}, colour: false };
    expect(await runCli(['node', 'sigstead', 'serve'], [broken], io)).toBe(1);
    expect(err).toMatch(/^error: INTERNAL: RangeError: boom/);
  });
});
