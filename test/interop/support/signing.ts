// SPDX-License-Identifier: Apache-2.0
// The same four acts by cosign and by ours, over the same files; other clients: clients.ts.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Tool } from './cache.ts';
import { cosign, type Result, sigstead } from './commands.ts';
import { type Desk, IDENTITY } from './scene.ts';

export const PREDICATE_TYPE = 'https://slsa.dev/provenance/v1';

export interface Claim {
  readonly artifact?: string;
  readonly identity?: string;
  readonly issuer?: string;
  /** Directory of trust files. */
  readonly trust?: string;
  /** Predicate type: a URI, or a name that cosign and ours know. */
  readonly type?: string;
}

/** A provenance statement's predicate, small and whole. */
export function writePredicate(desk: Desk, name = 'predicate.json'): string {
  const path = desk.file(name);
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

export const rootIn = (trust: string) => join(trust, 'trusted_root.json');

export function cosignSignFlags(desk: Desk): string[] {
  const config = join(desk.trust, 'signing_config.v0.2.json');
  const files = ['--signing-config', config, '--trusted-root', rootIn(desk.trust)];
  return ['-y', ...files, '--identity-token', desk.token];
}

function claimFlags(desk: Desk, { identity = IDENTITY, issuer = desk.issuer }: Claim): string[] {
  return ['--certificate-identity', identity, '--certificate-oidc-issuer', issuer];
}

export interface Signer {
  readonly name: string;
  readonly tools: readonly Tool[];
  sign(desk: Desk, bundle: string): Promise<Result>;
  attest(desk: Desk, predicate: string, bundle: string): Promise<Result>;
  verify(desk: Desk, bundle: string, claim?: Claim): Promise<Result>;
  verifyAttestation(desk: Desk, bundle: string, claim?: Claim): Promise<Result>;
}

export const byCosign: Signer = {
  name: 'cosign',
  tools: ['cosign'],
  sign: (desk, bundle) =>
    cosign(
      desk.place,
      'sign-blob',
      ...cosignSignFlags(desk),
      ...['--bundle', bundle, desk.artifact],
    ),
  attest: (desk, predicate, bundle) =>
    cosign(
      desk.place,
      'attest-blob',
      ...cosignSignFlags(desk),
      ...['--predicate', predicate, '--type', 'slsaprovenance1', '--bundle', bundle],
      desk.artifact,
    ),
  verify: (desk, bundle, claim = {}) =>
    cosign(
      desk.place,
      'verify-blob',
      ...['--trusted-root', rootIn(claim.trust ?? desk.trust), '--bundle', bundle],
      ...claimFlags(desk, claim),
      claim.artifact ?? desk.artifact,
    ),
  verifyAttestation: (desk, bundle, claim = {}) =>
    cosign(
      desk.place,
      'verify-blob-attestation',
      ...['--trusted-root', rootIn(claim.trust ?? desk.trust), '--bundle', bundle],
      ...['--type', claim.type ?? 'slsaprovenance1', ...claimFlags(desk, claim)],
      claim.artifact ?? desk.artifact,
    ),
};

export const byUs: Signer = {
  name: 'sigstead',
  tools: [],
  sign: (desk, bundle) =>
    sigstead(
      desk.place,
      'sign',
      ...['--trust-config', desk.trust, '--identity-token-file', desk.token],
      ...['--bundle', bundle, desk.artifact],
    ),
  attest: (desk, predicate, bundle) =>
    sigstead(
      desk.place,
      'attest',
      ...['--trust-config', desk.trust, '--identity-token-file', desk.token],
      ...['--predicate', predicate, '--type', 'slsaprovenance1', '--bundle', bundle],
      desk.artifact,
    ),
  verify: (desk, bundle, claim = {}) =>
    sigstead(
      desk.place,
      'verify',
      ...['--trust-config', claim.trust ?? desk.trust, '--bundle', bundle],
      ...claimFlags(desk, claim),
      claim.artifact ?? desk.artifact,
    ),
  verifyAttestation: (desk, bundle, claim = {}) =>
    sigstead(
      desk.place,
      'verify-attestation',
      ...['--trust-config', claim.trust ?? desk.trust, '--bundle', bundle],
      ...['--type', claim.type ?? 'slsaprovenance1', ...claimFlags(desk, claim)],
      claim.artifact ?? desk.artifact,
    ),
};
