// SPDX-License-Identifier: Apache-2.0
// node sign.mjs --signing-config FILE --identity-token-file FILE --bundle OUT [--in-toto] FILE
// Signs FILE, or with --in-toto the statement that FILE holds.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bundleToJSON } from '@sigstore/bundle';
import { SigningConfig } from '@sigstore/protobuf-specs';
import { bundleBuilderFromSigningConfig } from '@sigstore/sign';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'signing-config': { type: 'string' },
    'identity-token-file': { type: 'string' },
    'in-toto': { type: 'boolean', default: false },
    bundle: { type: 'string' },
  },
});
const [file] = positionals;
const token = readFileSync(values['identity-token-file'], 'utf8').trim();

const builder = bundleBuilderFromSigningConfig({
  signingConfig: SigningConfig.fromJSON(JSON.parse(readFileSync(values['signing-config'], 'utf8'))),
  identityProvider: { getToken: async () => token },
  bundleType: values['in-toto'] ? 'dsseEnvelope' : 'messageSignature',
});
const type = values['in-toto'] ? 'application/vnd.in-toto+json' : undefined;
const bundle = await builder.create({ data: readFileSync(file), type });
writeFileSync(values.bundle, JSON.stringify(bundleToJSON(bundle)));
