// SPDX-License-Identifier: Apache-2.0
// node sign.mjs --identity-token-file FILE --bundle OUT [--in-toto] FILE, with one of
//   --signing-config FILE
//   --tuf-mirror URL --tuf-root FILE --tuf-cache DIRECTORY
//   --url URL            services by their address alone, the way before signing configs
// Signs FILE, or with --in-toto the statement that FILE holds.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bundleToJSON } from '@sigstore/bundle';
import { SigningConfig } from '@sigstore/protobuf-specs';
import {
  bundleBuilderFromSigningConfig,
  DSSEBundleBuilder,
  FulcioSigner,
  MessageSignatureBundleBuilder,
  RekorWitness,
  TSAWitness,
} from '@sigstore/sign';
import { initTUF } from '@sigstore/tuf';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'signing-config': { type: 'string' },
    'tuf-mirror': { type: 'string' },
    'tuf-root': { type: 'string' },
    'tuf-cache': { type: 'string' },
    url: { type: 'string' },
    'identity-token-file': { type: 'string' },
    'in-toto': { type: 'boolean', default: false },
    bundle: { type: 'string' },
  },
});
const [file] = positionals;
const token = readFileSync(values['identity-token-file'], 'utf8').trim();
const identityProvider = { getToken: async () => token };
const inToto = values['in-toto'];

async function readSigningConfig() {
  if (values['signing-config'] !== undefined) return readFileSync(values['signing-config'], 'utf8');
  const tuf = await initTUF({
    mirrorURL: values['tuf-mirror'],
    rootPath: values['tuf-root'],
    cachePath: values['tuf-cache'],
  });
  return tuf.getTarget('signing_config.v0.2.json');
}

async function builderFromConfig() {
  return bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(JSON.parse(await readSigningConfig())),
    identityProvider,
    bundleType: inToto ? 'dsseEnvelope' : 'messageSignature',
  });
}

function builderFromAddress(url) {
  const options = {
    signer: new FulcioSigner({ fulcioBaseURL: url, identityProvider }),
    witnesses: [
      new RekorWitness({ rekorBaseURL: url, majorApiVersion: 2 }),
      new TSAWitness({ tsaBaseURL: url }),
    ],
  };
  return inToto
    ? new DSSEBundleBuilder({ ...options, certificateChain: true })
    : new MessageSignatureBundleBuilder(options);
}

const builder =
  values.url === undefined ? await builderFromConfig() : builderFromAddress(values.url);
const type = inToto ? 'application/vnd.in-toto+json' : undefined;
const bundle = await builder.create({ data: readFileSync(file), type });
writeFileSync(values.bundle, JSON.stringify(bundleToJSON(bundle)));
