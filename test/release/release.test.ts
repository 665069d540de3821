// SPDX-License-Identifier: Apache-2.0
// A release as somebody without a checkout has it: packed twice and compared, installed without a
// registry, run, imported, and signed by itself. docs/release.md says what is promised.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { allDocuments } from '../support/documents.ts';
import { copyCheckout, disguise, type Installed, install, pack } from '../support/release.ts';
import { devToken } from '../support/requests.ts';
import { ROOT, type StackProcess, startServe, temporaryDirectory } from '../support/stack.ts';
import { describeContents } from './contents.ts';

const run = promisify(execFile);
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
};
const TARBALL = `sigstead-${manifest.version}.tgz`;
const IDENTITY = 'dev@example.com';

const directory = temporaryDirectory();
const at = (...names: string[]) => join(directory.path, ...names);
let installed: Installed;
let stack: StackProcess | undefined;

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

beforeAll(async () => {
  copyCheckout(at('checkout'));
  copyFileSync(await pack(at('checkout')), at(TARBALL));
  installed = await install(at(TARBALL), at('project'));
});
afterAll(async () => {
  await stack?.end('SIGKILL');
  directory.remove();
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function outcome(file: string, args: readonly string[]): Promise<Ran> {
  const options = { cwd: installed.directory, env: { ...installed.environment, ...variables() } };
  try {
    return { code: 0, ...(await run(file, args, options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as Ran;
    return { code, stdout, stderr };
  }
}

const sigstead = (...args: string[]) => outcome(installed.command, args);

/** What the blocks of the documents find in their environment. */
const variables = () => ({
  PATH: `${join(installed.directory, 'node_modules', '.bin')}:${installed.environment.PATH}`,
  ISSUER: `${stack?.url}/dev-oidc`,
});

/** A stack of the installed package, with trust files and a token beside the project's manifest. */
async function openStack(): Promise<StackProcess> {
  const main = join(installed.home, 'dist/lib/bin.cjs');
  const opened = await startServe({ data: at('data'), cwd: installed.directory, main });
  stack = opened;
  const { code, stderr } = await sigstead('trust', 'export', '--out', 'trust', '--url', opened.url);
  expect([code, stderr]).toEqual([0, expect.not.stringContaining('error')]);
  writeFileSync(join(installed.directory, 'token'), await devToken(opened.url, IDENTITY));
  copyFileSync(at(TARBALL), join(installed.directory, TARBALL));
  return opened;
}

describe('the tarball', () => {
  it('is the same, byte for byte, from another folder, umask, time zone and clock', async () => {
    const other = at('deeper', 'another checkout');
    copyCheckout(other, at('checkout'));
    disguise(other);
    const env = { TZ: 'Asia/Tokyo', LC_ALL: 'C' };
    const again = await pack(other, { umask: '077', env });
    expect(sha256(again)).toBe(sha256(at(TARBALL)));
  });

  it('holds what a user needs and nothing of the workshop', async () => {
    const { stdout } = await run('tar', ['-tzf', at(TARBALL)]);
    const names = stdout.trim().split('\n');
    const tops = new Set(names.map((name) => name.split('/').slice(0, 2).join('/')));
    expect([...tops].sort()).toEqual(
      [
        ...['CHANGELOG.md', 'CONTRIBUTING.md', 'LICENSE', 'README.md', 'SECURITY.md'],
        ...['dist', 'docs', 'node_modules', 'package.json'],
      ].map((name) => `package/${name}`),
    );
    expect(names.filter((name) => /\.ts$/.test(name) && !/\.d\.ts$/.test(name))).toEqual([]);
  });

  it('names no folder of its builder', async () => {
    const { stdout } = await run('sh', [
      '-c',
      `tar -xzOf '${at(TARBALL)}' package/dist | grep -c -e '${directory.path}' -e '${ROOT}' || true`,
    ]);
    expect(stdout.trim()).toBe('0');
  });

  it('is small', () => {
    expect(statSync(at(TARBALL)).size).toBeLessThan(16 << 20);
  });
});

describe('the command', () => {
  it('tells its version and its commands', async () => {
    expect((await sigstead('--version')).stdout).toBe(`${manifest.version}\n`);
    const { stdout } = await sigstead('--help');
    const names = ['sign', 'attest', 'verify', 'verify-attestation', 'inspect', 'trust', 'serve'];
    for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name}[| ]`, 'm'));
  });

  it.each([
    'sign',
    'verify',
    'serve',
    'trust export',
    'trust rotate',
    'config schema',
    'dev token',
  ])('explains %s', async (words) => {
    const { code, stdout } = await sigstead(...words.split(' '), '--help');
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^Usage: sigstead /)]);
  });

  it('reports errors of both of its parts with code and exit', async () => {
    const verify = await sigstead('verify', '--trust-config', 'none', 'none');
    expect(verify).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error: [A-Z_]+: /) });
    const serve = await sigstead('serve', '--data', 'none');
    expect(serve).toMatchObject({ code: 2, stderr: expect.stringMatching(/^error: CONFIG_/) });
    expect(await sigstead('verfy')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Did you mean verify?'),
    });
  });

  it('prints the schema of its configuration', async () => {
    const { stdout } = await sigstead('config', 'schema');
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object' });
  });

  it('says what it needs on an older Node', async () => {
    const bin = JSON.stringify(join(installed.home, 'dist/lib/bin.cjs'));
    const pretend = `Object.defineProperty(process.versions, 'node', { value: '22.1.0' });`;
    const { code, stderr } = await outcome(process.execPath, ['-e', `${pretend} require(${bin});`]);
    expect([code, stderr]).toEqual([2, expect.stringContaining('needs Node 24 or newer')]);
  });

  it('starts a stack, checks it and ends', async () => {
    const words = ['serve', '--dev', '--port', '0', '--data', at('once'), '--once'];
    const { code, stdout } = await sigstead(...words);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/one byte flipped: refused/)]);
    expect(stdout).toContain('npx sigstead dev token');
    expect(stdout).not.toContain('scripts/sigstead');
  });
});

describe('signed by itself', () => {
  beforeAll(async () => {
    await openStack();
  });

  it('has the documents run: install, sign, attest the SBOM, verify', async () => {
    const blocks = allDocuments().flatMap(({ path, blocks: all }) =>
      all.filter(({ note }) => note === 'release').map((block) => ({ path, ...block })),
    );
    expect(blocks.length).toBeGreaterThan(2);
    for (const { path, line, text } of blocks) {
      const build = text.startsWith('npm pack');
      const where = build ? at('checkout') : installed.directory;
      const { stdout } = await run('sh', ['-euc', text], {
        cwd: where,
        env: { ...installed.environment, ...variables() },
      });
      expect([path, line, stdout.length > 0]).toEqual([path, line, true]);
      if (build) expect(stdout).toContain(sha256(at(TARBALL)));
    }
  });

  it('refuses a tarball with one byte flipped, and another signer', async () => {
    const bytes = readFileSync(at(TARBALL));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
    writeFileSync(join(installed.directory, 'flipped.tgz'), bytes);
    const token = ['--identity-token-file', 'token', '--force'];
    const signed = await sigstead('sign', '--trust-config', 'trust', ...token, TARBALL);
    expect(signed.code).toBe(0);
    const claim = (who: string, file: string) =>
      sigstead(
        ...['verify', '--trust-config', 'trust', '--certificate-identity', who],
        ...['--certificate-oidc-issuer', variables().ISSUER],
        ...['--bundle', `${TARBALL}.sigstore.json`, file],
      );
    expect((await claim(IDENTITY, TARBALL)).code).toBe(0);
    expect((await claim(IDENTITY, 'flipped.tgz')).stderr).toMatch(/^error: DIGEST_MISMATCH/);
    expect((await claim('eve@example.com', TARBALL)).stderr).toMatch(/^error: IDENTITY_MISMATCH/);
  });

  it('signs and verifies as a library of JavaScript', async () => {
    const program = `
      import { createHash } from 'node:crypto';
      import { readFileSync, writeFileSync } from 'node:fs';
      import { attest, CodedError, hashFiles, loadTrust, parseBundle, serializeBundle, sign, verify } from 'sigstead';
      import * as page from 'sigstead/verify';
      const trust = loadTrust('trust');
      const token = readFileSync('token', 'utf8').trim();
      const bytes = new TextEncoder().encode('made here');
      const policy = { identity: '${IDENTITY}', issuer: '${variables().ISSUER}' };
      const { bundle } = await sign(bytes, { trust, token });
      const found = verify(trust, parseBundle(serializeBundle(bundle)), { bytes }, policy);
      const root = page.parseTrustedRoot(readFileSync('trust/trusted_root.json', 'utf8'));
      const again = page.verify(root, page.parseBundle(serializeBundle(bundle)), { bytes }, policy);
      const predicateType = 'https://example.com/p';
      const about = { name: 'x', bytes, predicateType, predicate: new TextEncoder().encode('{}') };
      const attested = await attest(about, { trust, token });
      const statement = verify(trust, attested.bundle, { bytes }, { ...policy, attestation: true, predicateType });
      // Enough for threads of its own.
      const large = new Uint8Array(40 << 20);
      for (const name of ['large-1', 'large-2']) writeFileSync(name, large);
      const digests = await hashFiles(['large-1', 'large-2']);
      const right = createHash('sha256').update(large).digest('hex');
      const hashed = digests.every((digest) => Buffer.from(digest).toString('hex') === right);
      let refusal;
      try { verify(trust, bundle, { bytes: bytes.subarray(1) }, policy); } catch (error) {
        refusal = error instanceof CodedError && error.code;
      }
      console.log(JSON.stringify([found.identity.name, again.identity.name, statement.statement.predicateType, refusal, hashed]));
    `;
    writeFileSync(join(installed.directory, 'use.mjs'), program);
    const { stdout, stderr } = await outcome(process.execPath, ['use.mjs']);
    expect([stdout.trim(), stderr]).toEqual([
      JSON.stringify([IDENTITY, IDENTITY, 'https://example.com/p', 'DIGEST_MISMATCH', true]),
      '',
    ]);
  });
});

describe('the types', () => {
  const PROGRAM = `
import { attest, type Bundle, CodedError, hashFiles, loadTrust, parseBundle, sign, type Trust, verify } from 'sigstead';
export async function release(bytes: Uint8Array, token: string): Promise<string> {
  const trust: Trust = loadTrust('trust');
  const { bundle } = await sign(bytes, { trust, token });
  const again: Bundle = parseBundle(JSON.stringify(bundle));
  const { identity, times } = verify(trust, again, { bytes }, { identity: 'a', issuer: 'b' });
  await attest({ name: 'n', bytes, predicateType: 'urn:x', predicate: bytes }, { trust, token });
  return \`\${identity?.name} \${times[0]?.timeMs} \${(await hashFiles(['a']))[0]?.length}\`;
}
export const isOurs = (error: unknown): string => (error instanceof CodedError ? error.code : '');
`;
  const PAGE = `
import { examine, parseBundle, parseTrustedRoot, type Policy, verify } from 'sigstead/verify';
const policy: Policy = { identity: 'a', issuer: 'b' };
export const who = (root: string, bundle: string, bytes: Uint8Array): string | undefined =>
  verify(parseTrustedRoot(root), parseBundle(bundle), { bytes }, policy).identity?.name;
export const checks = (root: string, bundle: string, bytes: Uint8Array) =>
  examine(parseTrustedRoot(root), parseBundle(bundle), { bytes }, policy).checks.map(({ name }) => name);
`;
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');

  const compile = (file: string, text: string, ...flags: string[]) => {
    writeFileSync(join(installed.directory, file), text);
    const strict = ['--noEmit', '--strict', '--noUncheckedIndexedAccess', '--module', 'nodenext'];
    const words = [tsc, '--ignoreConfig', ...strict, '--target', 'es2024', ...flags, file];
    return outcome(process.execPath, words);
  };

  it.each([
    ['the library, with the types of a browser alone', 'use.ts', PROGRAM, 'es2024,dom'],
    ['the verifier, with no types of an environment at all', 'page.ts', PAGE, 'es2024'],
  ])('hold without skipping the declarations: %s', async (_, file, text, lib) => {
    const { stdout, code } = await compile(file, text, '--lib', lib, '--types', '');
    expect([stdout, code]).toEqual(['', 0]);
  });

  it('refuse a wrong program', async () => {
    const wrong = PROGRAM.replace("identity: 'a'", 'identity: 1');
    const { stdout } = await compile('wrong.ts', wrong, '--lib', 'es2024,dom', '--types', '');
    expect(stdout).toMatch(/wrong\.ts.*TS2322/);
  });

  it('name declarations that are there', () => {
    const { exports } = JSON.parse(readFileSync(join(installed.home, 'package.json'), 'utf8')) as {
      exports: Record<string, { types: string; default: string } | string>;
    };
    for (const entry of Object.values(exports)) {
      const files = typeof entry === 'string' ? [entry] : Object.values(entry);
      for (const file of files)
        expect([file, existsSync(join(installed.home, file))]).toEqual([file, true]);
    }
  });
});

describe('the installation', () => {
  it('brought nothing but the package', async () => {
    const { stdout } = await run('sh', ['-c', 'ls -A node_modules'], { cwd: installed.directory });
    expect(stdout.trim().split('\n').sort()).toEqual(['.bin', '.package-lock.json', 'sigstead']);
  });
});

describeContents(() => installed.home);
