// SPDX-License-Identifier: Apache-2.0
// sigstore-go beyond the matrix: digests in place of files, and bundles of a managed key.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have, PROGRAMS } from './support/cache.ts';
import { cosign, ok, run, sigstead } from './support/commands.ts';
import { IDENTITY, openScene, type Scene } from './support/scene.ts';
import { byUs, rootIn, writePredicate } from './support/signing.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const go = (...args: string[]) =>
  run(scene.place, PROGRAMS['sigstore-go'], [
    ...['verify-bundle', '--trusted-root', rootIn(scene.trust)],
    ...args,
  ]);

const sha256 = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe.runIf(have('sigstore-go', 'package'))('sigstore-go and a digest', () => {
  const verify = (bundle: string, what: string) =>
    go(
      ...['--bundle', bundle, '--certificate-identity', IDENTITY],
      ...['--certificate-oidc-issuer', scene.issuer, what],
    );

  it.each(['sign', 'attest'] as const)('takes it for the file that we %s', async (act) => {
    const bundle = scene.file(`${act}.json`);
    if (act === 'sign') await ok(byUs.sign(scene, bundle));
    else await ok(byUs.attest(scene, writePredicate(scene), bundle));
    await ok(verify(bundle, `sha256:${sha256(scene.artifact)}`));
    const refused = await verify(bundle, `sha256:${sha256(scene.token)}`);
    expect(refused.status).not.toBe(0);
    expect(refused.output).toMatch(/digest/);
  });
});

describe.runIf(have('sigstore-go', 'cosign', 'package'))('a managed key of cosign', () => {
  const PASSWORD = { COSIGN_PASSWORD: '' };
  let bundle: string;
  const place = () => ({
    ...scene.place,
    environment: { ...scene.place.environment, ...PASSWORD },
  });

  async function newKey(name: string): Promise<string> {
    await ok(cosign(place(), 'generate-key-pair', '--output-key-prefix', scene.file(name)));
    return scene.file(`${name}.pub`);
  }

  /** A certificate has no place beside a key: cosign wants a configuration without an authority. */
  function configWithoutAuthority(): string {
    const path = scene.file('signing-config-key.json');
    const config = JSON.parse(readFileSync(join(scene.trust, 'signing_config.v0.2.json'), 'utf8'));
    writeFileSync(path, JSON.stringify({ ...config, caUrls: [], oidcUrls: [] }));
    return path;
  }

  it('signs through our log and timestamp authority', async () => {
    await newKey('signer');
    bundle = scene.file('key.json');
    await ok(
      cosign(
        place(),
        ...['sign-blob', '-y', '--key', scene.file('signer.key')],
        ...['--signing-config', configWithoutAuthority(), '--trusted-root', rootIn(scene.trust)],
        ...['--bundle', bundle, scene.artifact],
      ),
    );
  });

  const VERIFIERS = [
    {
      name: 'cosign',
      says: 'failed to verify log inclusion',
      verify: (key: string) =>
        cosign(
          place(),
          ...['verify-blob', '--key', key, '--trusted-root', rootIn(scene.trust)],
          ...['--bundle', bundle, scene.artifact],
        ),
    },
    {
      name: 'sigstore-go',
      says: 'failed to verify log inclusion',
      verify: (key: string) => go('--key', key, '--bundle', bundle, scene.artifact),
    },
    {
      name: 'sigstead',
      says: 'LOG_ENTRY_MISMATCH',
      verify: (key: string) =>
        sigstead(
          scene.place,
          ...['verify', '--key', key, '--trust-config', scene.trust],
          ...['--bundle', bundle, scene.artifact],
        ),
    },
  ];

  it.each(VERIFIERS)('is accepted by $name', async ({ verify }) => {
    await ok(verify(scene.file('signer.pub')));
  });

  it.each(VERIFIERS)('is refused by $name under another key', async ({ name, says, verify }) => {
    const refused = await verify(await newKey(`stranger-${name}`));
    expect(refused.status).not.toBe(0);
    expect(refused.output).toContain(says);
  });
});
