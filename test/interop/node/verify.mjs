// SPDX-License-Identifier: Apache-2.0
// node verify.mjs --bundle FILE --identity I --issuer U FILE, with one of
//   --trusted-root FILE
//   --tuf-mirror URL --tuf-root FILE --tuf-cache DIRECTORY
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bundleFromJSON } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { getTrustedRoot } from '@sigstore/tuf';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'trusted-root': { type: 'string' },
    'tuf-mirror': { type: 'string' },
    'tuf-root': { type: 'string' },
    'tuf-cache': { type: 'string' },
    bundle: { type: 'string' },
    identity: { type: 'string' },
    issuer: { type: 'string' },
  },
});
const [file] = positionals;

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

const root =
  values['trusted-root'] === undefined
    ? await getTrustedRoot({
        mirrorURL: values['tuf-mirror'],
        rootPath: values['tuf-root'],
        cachePath: values['tuf-cache'],
      })
    : TrustedRoot.fromJSON(readJson(values['trusted-root']));

const bundle = bundleFromJSON(readJson(values.bundle));
const verifier = new Verifier(toTrustMaterial(root));
const signer = verifier.verify(toSignedEntity(bundle, readFileSync(file)), {
  // The library takes this for a pattern, and one without anchors finds the name anywhere.
  subjectAlternativeName: new RegExp(`^${RegExp.escape(values.identity)}$`),
  extensions: { issuer: values.issuer },
});
process.stdout.write(`${signer.identity.subjectAlternativeName}\n`);
