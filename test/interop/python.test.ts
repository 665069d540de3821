// SPDX-License-Identifier: Apache-2.0
// sigstore-python beyond the matrix: trust from the trust root, several files, digests, CI tokens.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have, PROGRAMS } from './support/cache.ts';
import { ok, type Result, run, type Workplace, workplace } from './support/commands.ts';
import { IDENTITY, openStrangers, type Scene } from './support/scene.ts';
import { byUs, writePredicate } from './support/signing.ts';

const VERSIONS = [
  { version: '4.5', tool: 'sigstore' },
  { version: '4.2', tool: 'sigstore-4.2' },
] as const;

let scene: Scene;
let foreign: Scene;
beforeAll(async () => {
  [scene, foreign] = await openStrangers();
});
afterAll(() => Promise.all([scene.close(), foreign.close()]));

describe.each(VERSIONS.filter(({ tool }) => have('package', tool)))(
  'sigstore-python $version with a trust root',
  ({ tool }) => {
    let place: Workplace;
    const python = (...args: string[]): Promise<Result> =>
      run(place, PROGRAMS[tool], ['--instance', `${scene.stack.url}/tuf`, ...args]);
    const bundle = () => scene.file(`${tool}.tuf.json`);
    const verify = () =>
      python(
        ...['verify', 'identity', '--bundle', bundle(), '--cert-identity', IDENTITY],
        ...['--cert-oidc-issuer', scene.issuer, scene.artifact],
      );

    beforeAll(() => {
      // A home that has never seen a trust file.
      const directory = scene.file(`${tool}-home`);
      mkdirSync(directory);
      place = workplace(directory);
    });

    it('knows no instance that it was not told of', async () => {
      const token = readFileSync(scene.token, 'utf8');
      const signed = await python('sign', '--identity-token', token, scene.artifact);
      expect(signed.status).not.toBe(0);
      expect(signed.output).toContain('Failed to refresh TUF metadata');
      expect(existsSync(`${scene.artifact}.sigstore.json`)).toBe(false);
    });

    it('refuses the root of another stack', async () => {
      const refused = await python('trust-instance', join(foreign.trust, 'root.json'));
      expect(refused.status).not.toBe(0);
    });

    it('takes the exported root, signs and verifies', async () => {
      await ok(python('trust-instance', join(scene.trust, 'root.json')));
      const token = readFileSync(scene.token, 'utf8');
      await ok(python('sign', '--identity-token', token, '--bundle', bundle(), scene.artifact));
      await ok(verify());
      await ok(byUs.verify(scene, bundle()));
    });

    it('attests', async () => {
      const att = scene.file(`${tool}.tuf.att.json`);
      const token = readFileSync(scene.token, 'utf8');
      await ok(
        python(
          ...['attest', '--predicate', writePredicate(scene)],
          ...['--predicate-type', 'https://slsa.dev/provenance/v1'],
          ...['--identity-token', token, '--bundle', att, scene.artifact],
        ),
      );
      await ok(byUs.verifyAttestation(scene, att));
    });
  },
);

describe.runIf(have('package', 'sigstore'))('sigstore-python', () => {
  const python = (...args: string[]) =>
    run(scene.place, PROGRAMS.sigstore, [
      ...['--trust-config', join(scene.trust, 'client_trust_config.json')],
      ...args,
    ]);
  const claim = () => ['--cert-identity', IDENTITY, '--cert-oidc-issuer', scene.issuer];

  it('signs several files at once; bundles beside them are found by both', async () => {
    const files = ['one.txt', 'two.txt'].map(scene.file);
    for (const file of files) writeFileSync(file, `content of ${file}\n`);
    await ok(python('sign', '--identity-token', readFileSync(scene.token, 'utf8'), ...files));
    await ok(python('verify', 'identity', ...claim(), ...files));
    for (const file of files) {
      await ok(byUs.verify(scene, `${file}.sigstore.json`, { artifact: file }));
    }
  });

  it('verifies a digest by our bundle, and no other digest', async () => {
    const bundle = scene.file('ours.json');
    await ok(byUs.sign(scene, bundle));
    const digest = createHash('sha256').update(readFileSync(scene.artifact)).digest('hex');
    const flags = ['verify', 'identity', '--bundle', bundle, ...claim()];
    await ok(python(...flags, `sha256:${digest}`));
    const other = createHash('sha256').update(digest).digest('hex');
    const refused = await python(...flags, `sha256:${other}`);
    expect(refused.status).not.toBe(0);
    expect(refused.output).toContain('Bundle message digest mismatch');
  });

  it('takes the token of a GitLab job from its environment', async () => {
    const token = readFileSync(scene.token, 'utf8');
    const job = { GITLAB_CI: 'true', SIGSTORE_ID_TOKEN: token };
    const place = { ...scene.place, environment: { ...scene.place.environment, ...job } };
    const bundle = scene.file('gitlab.json');
    const config = join(scene.trust, 'client_trust_config.json');
    const words = ['--trust-config', config, 'sign', '--bundle', bundle, scene.artifact];
    await ok(run(place, PROGRAMS.sigstore, words));
    await ok(byUs.verify(scene, bundle));
  });
});

// Last, because it ends the stack.
describe.runIf(have('package', 'sigstore'))('sigstore-python when the stack is gone', () => {
  it('verifies from its cache with --offline, and only so', async () => {
    const python = (...args: string[]) =>
      run(scene.place, PROGRAMS.sigstore, ['--instance', `${scene.stack.url}/tuf`, ...args]);
    const bundle = scene.file('offline.json');
    await ok(byUs.sign(scene, bundle));
    await ok(python('trust-instance', join(scene.trust, 'root.json')));
    await scene.stack.end('SIGKILL');
    const verify = (...flags: string[]) =>
      python(
        ...['verify', 'identity', '--bundle', bundle, '--cert-identity', IDENTITY],
        ...['--cert-oidc-issuer', scene.issuer, ...flags, scene.artifact],
      );
    await ok(verify('--offline'));
    expect((await verify()).status).not.toBe(0);
  });
});
