// SPDX-License-Identifier: Apache-2.0
// The same four acts by cosign and by ours, over the same files.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cosign, type Result, sigstead } from './commands.ts';
import { IDENTITY, type Scene } from './scene.ts';

export const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1';

export interface Claim {
  readonly artifact?: string;
  readonly identity?: string;
  readonly issuer?: string;
  /** Directory of trust files. */
  readonly trust?: string;
  readonly type?: string;
}

/** A provenance statement's predicate, small and whole. */
export function writePredicate(scene: Scene, name = 'predicate.json'): string {
  const path = scene.file(name);
  const predicate = {
    buildDefinition: {
      buildType: 'https://example.com/build/v1',
      externalParameters: { ref: 'refs/tags/v7.0.0' },
      internalParameters: {},
      resolvedDependencies: [],
    },
    runDetails: { builder: { id: 'https://example.com/builder' }, metadata: {} },
  };
  writeFileSync(path, JSON.stringify(predicate));
  return path;
}

const rootIn = (trust: string) => join(trust, 'trusted_root.json');

function cosignSignFlags(scene: Scene): string[] {
  const config = join(scene.trust, 'signing_config.v0.2.json');
  const files = ['--signing-config', config, '--trusted-root', rootIn(scene.trust)];
  return ['-y', ...files, '--identity-token', scene.token];
}

function claimFlags(scene: Scene, { identity = IDENTITY, issuer = scene.issuer }: Claim): string[] {
  return ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer];
}

export interface Signer {
  readonly name: string;
  sign(scene: Scene, bundle: string): Promise<Result>;
  attest(scene: Scene, predicate: string, bundle: string): Promise<Result>;
  verify(scene: Scene, bundle: string, claim?: Claim): Promise<Result>;
  verifyAttestation(scene: Scene, bundle: string, claim?: Claim): Promise<Result>;
}

export const byCosign: Signer = {
  name: 'cosign',
  sign: (scene, bundle) =>
    cosign(
      scene.place,
      'sign-blob',
      ...cosignSignFlags(scene),
      ...['--bundle', bundle, scene.artifact],
    ),
  attest: (scene, predicate, bundle) =>
    cosign(
      scene.place,
      'attest-blob',
      ...cosignSignFlags(scene),
      ...['--predicate', predicate, '--type', 'slsaprovenance1', '--bundle', bundle],
      scene.artifact,
    ),
  verify: (scene, bundle, claim = {}) =>
    cosign(
      scene.place,
      'verify-blob',
      ...['--trusted-root', rootIn(claim.trust ?? scene.trust), '--bundle', bundle],
      ...claimFlags(scene, claim),
      claim.artifact ?? scene.artifact,
    ),
  verifyAttestation: (scene, bundle, claim = {}) =>
    cosign(
      scene.place,
      'verify-blob-attestation',
      ...['--trusted-root', rootIn(claim.trust ?? scene.trust), '--bundle', bundle],
      ...['--type', claim.type ?? 'slsaprovenance1', ...claimFlags(scene, claim)],
      claim.artifact ?? scene.artifact,
    ),
};

export const byUs: Signer = {
  name: 'sigstead',
  sign: (scene, bundle) =>
    sigstead(
      scene.place,
      'sign',
      ...['--trust-config', scene.trust, '--identity-token-file', scene.token],
      ...['--bundle', bundle, scene.artifact],
    ),
  attest: (scene, predicate, bundle) =>
    sigstead(
      scene.place,
      'attest',
      ...['--trust-config', scene.trust, '--identity-token-file', scene.token],
      ...['--predicate', predicate, '--type', 'slsaprovenance1', '--bundle', bundle],
      scene.artifact,
    ),
  verify: (scene, bundle, claim = {}) =>
    sigstead(
      scene.place,
      'verify',
      ...['--trust-config', claim.trust ?? scene.trust, '--bundle', bundle],
      ...claimFlags(scene, claim),
      claim.artifact ?? scene.artifact,
    ),
  verifyAttestation: (scene, bundle, claim = {}) =>
    sigstead(
      scene.place,
      'verify-attestation',
      ...['--trust-config', claim.trust ?? scene.trust, '--bundle', bundle],
      ...['--type', claim.type ?? 'slsaprovenance1', ...claimFlags(scene, claim)],
      claim.artifact ?? scene.artifact,
    ),
};
