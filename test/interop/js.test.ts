// SPDX-License-Identifier: Apache-2.0
// sigstore-js beyond the matrix: trust root and services found in other ways, and what they make.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have, NODE } from './support/cache.ts';
import { byJs, byPython, writeStatement } from './support/clients.ts';
import { ok, type Result, run } from './support/commands.ts';
import { IDENTITY, openStrangers, type Scene } from './support/scene.ts';
import { byCosign, byUs, type Signer, writePredicate } from './support/signing.ts';

let scene: Scene;
let foreign: Scene;
beforeAll(async () => {
  [scene, foreign] = await openStrangers();
});
afterAll(() => Promise.all([scene.close(), foreign.close()]));

const script = (name: string, ...args: string[]): Promise<Result> =>
  run(scene.place, process.execPath, [join(NODE, name), ...args]);

const sign = (bundle: string, ...args: string[]) =>
  script('sign.mjs', '--identity-token-file', scene.token, '--bundle', bundle, ...args);

/** @param trust where the first root is */
const trustRoot = (trust: string, cache: string) => [
  ...['--tuf-mirror', `${scene.stack.url}/tuf`, '--tuf-root', join(trust, 'root.json')],
  ...['--tuf-cache', scene.file(cache)],
];

const claim = () => ['--identity', IDENTITY, '--issuer', scene.issuer];

describe.runIf(have('package', 'sigstore-js'))('sigstore-js with a trust root', () => {
  it('finds services and trust there', async () => {
    const bundle = scene.file('tuf.json');
    await ok(sign(bundle, ...trustRoot(scene.trust, 'cache'), scene.artifact));
    await ok(byUs.verify(scene, bundle));
    const verify = ['--bundle', bundle, ...claim(), scene.artifact];
    await ok(script('verify.mjs', ...trustRoot(scene.trust, 'cache'), ...verify));
  });

  it('refuses the root of another stack', async () => {
    const bundle = scene.file('foreign.json');
    const { status, output } = await sign(
      bundle,
      ...trustRoot(foreign.trust, 'foreign-cache'),
      scene.artifact,
    );
    expect(status).not.toBe(0);
    expect(output).toContain('UnsignedMetadataError: timestamp was signed by 0/1 keys');
  });
});

const PARTS: ReadonlyArray<{
  readonly what: string;
  readonly act: 'verify' | 'verifyAttestation';
  readonly args: () => string[];
}> = [
  { what: 'blob', act: 'verify', args: () => [scene.artifact] },
  {
    what: 'attestation',
    act: 'verifyAttestation',
    args: () => ['--in-toto', writeStatement(scene, writePredicate(scene))],
  },
];

describe.runIf(have('package', 'sigstore-js')).each(PARTS)(
  'sigstore-js by addresses alone: $what',
  ({ what, act, args }) => {
    const VERIFIERS: readonly Signer[] = [byUs, byJs, byCosign, byPython];
    const bundle = () => scene.file(`address-${what}.json`);

    it('is signed as bundle v0.2 with a chain', async () => {
      await ok(sign(bundle(), '--url', scene.stack.url, ...args()));
      const { mediaType, verificationMaterial } = JSON.parse(readFileSync(bundle(), 'utf8'));
      expect(mediaType).toBe('application/vnd.dev.sigstore.bundle+json;version=0.2');
      expect(verificationMaterial.x509CertificateChain.certificates).toHaveLength(1);
    });

    it.each(VERIFIERS.filter(({ tools }) => have(...tools)))(
      'is verified by $name',
      async (verifier) => {
        await ok(verifier[act](scene, bundle()));
      },
    );
  },
);
