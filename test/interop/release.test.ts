// SPDX-License-Identifier: Apache-2.0
// A packed and installed release signs itself against the stack that it runs; cosign and the library
// of CycloneDX judge what it says.
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyCheckout, type Installed, install, pack } from '../support/release.ts';
import { devToken } from '../support/requests.ts';
import { type StackProcess, startServe, temporaryDirectory } from '../support/stack.ts';
import { have, INTEROP, PROGRAMS } from './support/cache.ts';
import { cosign, ok, type Result, run, type Workplace, workplace } from './support/commands.ts';

const IDENTITY = 'release@example.com';

const directory = temporaryDirectory();
let place: Workplace;
let installed: Installed;
let stack: StackProcess;
/** In the project: the tarball, and the SBOM that it holds. */
let tarball: string;
let sbom: string;

const file = (name: string) => join(installed.directory, name);
const ours = (...args: string[]) => run(place, installed.command, args);

beforeAll(async () => {
  const checkout = join(directory.path, 'checkout');
  copyCheckout(checkout);
  const packed = await pack(checkout);
  installed = await install(packed, join(directory.path, 'project'));
  place = workplace(installed.directory);
  tarball = file(basename(packed));
  copyFileSync(packed, tarball);
  sbom = join(installed.home, 'dist/sbom.cdx.json');
  const main = join(installed.home, 'dist/lib/bin.cjs');
  stack = await startServe({ data: file('data'), cwd: installed.directory, main });
  await ok(ours('trust', 'export', '--out', file('trust'), '--url', stack.url));
  writeFileSync(file('token'), await devToken(stack.url, IDENTITY));
}, 300_000);
afterAll(async () => {
  await stack.end('SIGKILL');
  directory.remove();
});

/** By cosign, with a trusted root and nothing else. */
function judged(verb: string, bundle: string, subject: string, ...more: string[]): Promise<Result> {
  return cosign(
    place,
    ...[verb, '--trusted-root', join(file('trust'), 'trusted_root.json'), '--bundle', bundle],
    ...['--certificate-identity', IDENTITY],
    ...['--certificate-oidc-issuer', `${stack.url}/dev-oidc`, ...more, subject],
  );
}

function flipped(path: string): string {
  const bytes = readFileSync(path);
  const middle = bytes.length >> 1;
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  const copy = file('flipped');
  writeFileSync(copy, bytes);
  return copy;
}

describe.runIf(have('cosign'))('a release signed by itself', () => {
  const signing = () => ['--trust-config', file('trust'), '--identity-token-file', file('token')];

  it('is verified by cosign, and refused with one byte flipped', async () => {
    const bundle = file('tarball.sigstore.json');
    await ok(ours('sign', ...signing(), '--bundle', bundle, tarball));
    await ok(judged('verify-blob', bundle, tarball));
    expect((await judged('verify-blob', bundle, flipped(tarball))).status).not.toBe(0);
  });

  it('has its SBOM attested, which cosign verifies for this tarball and no other', async () => {
    const bundle = file('sbom.sigstore.json');
    const predicate = ['--type', 'cyclonedx', '--predicate', sbom];
    await ok(ours('attest', ...signing(), ...predicate, '--bundle', bundle, tarball));
    const verb = 'verify-blob-attestation';
    await ok(judged(verb, bundle, tarball, '--type', 'cyclonedx'));
    expect((await judged(verb, bundle, flipped(tarball), '--type', 'cyclonedx')).status).not.toBe(
      0,
    );
    expect((await judged(verb, bundle, tarball, '--type', 'spdxjson')).status).not.toBe(0);
  });
});

describe.runIf(have('cyclonedx'))('the SBOM of a release', () => {
  const validate = (input: string) =>
    spawnSync(PROGRAMS.cyclonedx, [join(INTEROP, 'python', 'validate_sbom.py')], {
      input,
      encoding: 'utf8',
    });

  it('is strict CycloneDX 1.6', () => {
    expect(validate(readFileSync(sbom, 'utf8'))).toMatchObject({ status: 0, stderr: '' });
  });

  it.each([
    ['a licence that SPDX does not know', '"id": "MIT"', '"id": "MIT-ish"'],
    ['a hash that is none', /"content": "[0-9a-f]{8}/, '"content": "'],
    ['an unknown field', '"bomFormat"', '"extra": 1, "bomFormat"'],
  ])('would be refused with %s', (_, right, wrong) => {
    const text = readFileSync(sbom, 'utf8');
    const changed = text.replace(right, wrong);
    expect(changed).not.toBe(text);
    expect(validate(changed).status).toBe(1);
  });
});
