// SPDX-License-Identifier: Apache-2.0
// The few lines that a user of sigstore-js writes to verify one file:
// verify-once.mjs TRUSTED_ROOT BUNDLE IDENTITY ISSUER FILE
import { readFileSync } from 'node:fs';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';

const [rootFile, bundleFile, identity, issuer, file] = process.argv.slice(2);
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(readJson(rootFile))));
const bundle = bundleFromJSON(readJson(bundleFile));
verifier.verify(toSignedEntity(bundle, readFileSync(file)), {
  subjectAlternativeName: identity,
  extensions: { issuer },
});
