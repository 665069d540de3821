// SPDX-License-Identifier: Apache-2.0
// An unchanged cosign 3 against a stack: with trust files, then through the TUF mirror alone.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from './support/cache.ts';
import { cosign, ok, type Workplace, workplace } from './support/commands.ts';
import { IDENTITY, openScene, type Scene } from './support/scene.ts';
import { byCosign, byUs, PREDICATE_TYPE, type Signer, writePredicate } from './support/signing.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await openScene();
});
afterAll(() => scene.close());

const PAIRS = [byCosign, byUs].flatMap((signer) =>
  [byCosign, byUs].map((verifier) => ({ signer, verifier })),
);

function readBundle(path: string) {
  return JSON.parse(readFileSync(path, 'utf8'));
}

describe.runIf(have('cosign', 'package'))('a published package', () => {
  const blobs = new Map<Signer, string>();
  const attestations = new Map<Signer, string>();

  it.each([byCosign, byUs])('is signed by $name', async (signer) => {
    const bundle = scene.file(`${signer.name}.sigstore.json`);
    await ok(signer.sign(scene, bundle));
    blobs.set(signer, bundle);
    const { mediaType, verificationMaterial, messageSignature } = readBundle(bundle);
    expect(mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json');
    expect(verificationMaterial.tlogEntries).toHaveLength(1);
    expect(verificationMaterial.timestampVerificationData.rfc3161Timestamps).toHaveLength(1);
    expect(messageSignature.messageDigest.algorithm).toBe('SHA2_256');
  });

  it.each([byCosign, byUs])('is attested by $name', async (signer) => {
    const bundle = scene.file(`${signer.name}.att.sigstore.json`);
    await ok(signer.attest(scene, writePredicate(scene), bundle));
    attestations.set(signer, bundle);
    const { dsseEnvelope } = readBundle(bundle);
    const statement = JSON.parse(Buffer.from(dsseEnvelope.payload, 'base64').toString());
    expect(statement.predicateType).toBe(PREDICATE_TYPE);
    expect(statement.subject[0].digest.sha256).toMatch(/^[0-9a-f]{64}$/);
  });

  it.each(PAIRS)(
    'signed by $signer.name, is verified by $verifier.name',
    async ({ signer, verifier }) => {
      await ok(verifier.verify(scene, blobs.get(signer) ?? ''));
    },
  );

  it.each(PAIRS)(
    'attested by $signer.name, is verified by $verifier.name',
    async ({ signer, verifier }) => {
      await ok(verifier.verifyAttestation(scene, attestations.get(signer) ?? ''));
    },
  );
});

describe.runIf(have('cosign', 'package'))('cosign through the TUF mirror', () => {
  let place: Workplace;

  it('is initialized from the exported root', async () => {
    // A home that has never seen a trust file.
    const directory = scene.file('tuf-only');
    mkdirSync(directory);
    place = workplace(directory);
    const root = join(scene.trust, 'root.json');
    await ok(cosign(place, 'initialize', '--mirror', `${scene.stack.url}/tuf`, '--root', root));
  });

  it('signs and verifies without a file', async () => {
    const bundle = scene.file('tuf.sigstore.json');
    const token = ['--identity-token', scene.token];
    await ok(cosign(place, 'sign-blob', '-y', ...token, '--bundle', bundle, scene.artifact));
    const claim = [
      ...['--certificate-identity', IDENTITY],
      ...['--certificate-oidc-issuer', scene.issuer],
    ];
    await ok(cosign(place, 'verify-blob', ...claim, '--bundle', bundle, scene.artifact));
    await ok(byUs.verify(scene, bundle));
  });

  it('attests and verifies without a file', async () => {
    const bundle = scene.file('tuf.att.sigstore.json');
    const token = ['--identity-token', scene.token];
    const predicate = ['--predicate', writePredicate(scene), '--type', 'slsaprovenance1'];
    const signed = cosign(
      place,
      ...['attest-blob', '-y', ...token, ...predicate, '--bundle', bundle, scene.artifact],
    );
    await ok(signed);
    const claim = [
      ...['--certificate-identity', IDENTITY, '--certificate-oidc-issuer', scene.issuer],
      ...['--type', 'slsaprovenance1', '--bundle', bundle],
    ];
    await ok(cosign(place, 'verify-blob-attestation', ...claim, scene.artifact));
  });

  it('refuses a root that is not of this mirror', async () => {
    const other = await openScene({ signs: false });
    try {
      const root = join(other.trust, 'root.json');
      const stranger = workplace(scene.file('stranger'));
      const mirror = `${scene.stack.url}/tuf`;
      const refused = await cosign(stranger, 'initialize', '--mirror', mirror, '--root', root);
      expect(refused.status).not.toBe(0);
    } finally {
      await other.close();
    }
  });
});
