// SPDX-License-Identifier: Apache-2.0
// What is verified: a bundle of Rekor v2 with a timestamp, the same bytes in every run. With roots
// on P-384 it has the shape of the public good instance's bundles.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCa, makeTsa } from '../test/support/sigstore/authority.ts';
import { makeBundle } from '../test/support/sigstore/bundle.ts';
import {
  createInstance,
  type Instance,
  NOW,
  trustedRootJson,
  YEAR,
} from '../test/support/sigstore/instance.ts';
import { keyPair } from '../test/support/sigstore/keys.ts';

export type RootCurve = 'p256' | 'p384';

/** JSON texts and the signed bytes. */
export interface Fixture {
  readonly bundle: string;
  readonly trustedRoot: string;
  readonly artifact: Uint8Array;
  readonly identity: string;
  readonly issuer: string;
}

const HOST = 'log.bench.test';
const FIRST_MS = NOW - YEAR;

/** CA and timestamp authority on the curve; logs sign with P-256, as everywhere. */
function instance(curve: RootCurve): Instance {
  const label = `bench ${curve}`;
  const links = (name: string) =>
    [`${name} root`, name].map((use) => ({ key: keyPair(curve, `${label} ${use}`) }));
  return {
    ...createInstance(label, HOST),
    ca: makeCa(`${label} CA`, FIRST_MS, links('ca')),
    tsa: makeTsa(`${label} TSA`, FIRST_MS, links('tsa')),
  };
}

export function makeFixture(curve: RootCurve): Fixture {
  const on = instance(curve);
  const [leaf] = on.tsa.chain;
  const stamps = [{ embed: leaf === undefined ? [] : [leaf] }];
  return {
    bundle: JSON.stringify(makeBundle(on, { stamps }, `bench bundle ${curve}`)),
    trustedRoot: JSON.stringify(trustedRootJson(on)),
    artifact: on.artifact,
    identity: on.identity,
    issuer: on.oidcIssuer,
  };
}

export interface FixtureFiles {
  readonly bundle: string;
  readonly trustedRoot: string;
  readonly artifact: string;
}

export function writeFixture(directory: string, fixture: Fixture): FixtureFiles {
  const files = {
    bundle: join(directory, 'bundle.json'),
    trustedRoot: join(directory, 'trusted_root.json'),
    artifact: join(directory, 'artifact'),
  };
  writeFileSync(files.bundle, fixture.bundle);
  writeFileSync(files.trustedRoot, fixture.trustedRoot);
  writeFileSync(files.artifact, fixture.artifact);
  return files;
}
