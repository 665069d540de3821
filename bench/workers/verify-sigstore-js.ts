// SPDX-License-Identifier: Apache-2.0
// The same with @sigstore/verify, its verifier reused: verify-sigstore-js.ts CURVE
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import { makeFixture, type RootCurve } from '../fixture.ts';
import { takeTurns } from './turns.ts';

const fixture = makeFixture(process.argv[2] as RootCurve);
const root = TrustedRoot.fromJSON(JSON.parse(fixture.trustedRoot));
const verifier = new Verifier(toTrustMaterial(root));
const policy = {
  subjectAlternativeName: fixture.identity,
  extensions: { issuer: fixture.issuer },
};

function verify(artifact: Uint8Array): void {
  const bundle = bundleFromJSON(JSON.parse(fixture.bundle));
  verifier.verify(toSignedEntity(bundle, Buffer.from(artifact)), policy);
}

function refuses(): boolean {
  try {
    verify(Buffer.from('another artifact'));
    return false;
  } catch {
    return true;
  }
}

if (!refuses()) throw new Error('another artifact verifies');
takeTurns(() => verify(fixture.artifact));
