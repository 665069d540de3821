// SPDX-License-Identifier: Apache-2.0
// Where the foreign tools lie once they are installed, and which of them there are.
import { join } from 'node:path';

export const INTEROP = join(import.meta.dirname, '..');
export const CACHE = join(INTEROP, '.cache');
export const BIN = join(CACHE, 'bin');
export const VENV = join(CACHE, 'venv');
/** sigstore-python of today with model_signing, and the last one that knows `dsse` entries alone. */
export const VENV_SIGSTORE = join(CACHE, 'venv-sigstore');
export const VENV_SIGSTORE_42 = join(CACHE, 'venv-sigstore-4.2');
export const VENV_SBOM = join(CACHE, 'venv-sbom');
/** sigstore-js: packages beside the scripts of `node/`. */
export const NODE = join(CACHE, 'node');

/** A published package: what is signed is what the registry gives everybody. */
export const PACKAGE = {
  spec: 'is-number@7.0.0',
  file: join(CACHE, 'npm', 'is-number-7.0.0.tgz'),
  sha256: '7b75c1057198cf97696909a9bee176c9c5e9bcb5b03bf3ecef2f484defadd51e',
} as const;

export type Tool =
  | 'cosign'
  | 'fsck'
  | 'ctclient'
  | 'zlint'
  | 'openssl'
  | 'chromium'
  | 'lint_pkix_cert'
  | 'pyca'
  | 'python-tuf'
  | 'timestamp-cli'
  | 'tuf-client'
  | 'judge-certificates'
  | 'judge-proofs'
  | 'judge-log'
  | 'sigstore-go'
  | 'sigstore'
  | 'sigstore-4.2'
  | 'model_signing'
  | 'sigstore-js'
  | 'cyclonedx'
  | 'package';

export const PROGRAMS: Readonly<Record<Exclude<Tool, 'package'>, string>> = {
  cosign: join(BIN, 'cosign'),
  fsck: join(BIN, 'fsck'),
  ctclient: join(BIN, 'ctclient'),
  zlint: join(BIN, 'zlint'),
  openssl: 'openssl',
  chromium: 'chromium',
  lint_pkix_cert: join(VENV, 'bin', 'lint_pkix_cert'),
  pyca: join(VENV, 'bin', 'python'),
  'python-tuf': join(VENV, 'bin', 'python'),
  'timestamp-cli': join(BIN, 'timestamp-cli'),
  'tuf-client': join(BIN, 'tuf-client'),
  'judge-certificates': join(BIN, 'judge-certificates'),
  'judge-proofs': join(BIN, 'judge-proofs'),
  'judge-log': join(BIN, 'judge-log'),
  'sigstore-go': join(BIN, 'conformance'),
  sigstore: join(VENV_SIGSTORE, 'bin', 'sigstore'),
  'sigstore-4.2': join(VENV_SIGSTORE_42, 'bin', 'sigstore'),
  model_signing: join(VENV_SIGSTORE, 'bin', 'model_signing'),
  cyclonedx: join(VENV_SBOM, 'bin', 'python'),
  'sigstore-js': join(NODE, 'node_modules', '@sigstore', 'verify', 'package.json'),
};

/** Set by run.ts: tools that this machine lacks, allowed by --allow-missing alone. */
export const MISSING_VARIABLE = 'INTEROP_MISSING';

const missing = new Set((process.env[MISSING_VARIABLE] ?? '').split(',').filter(Boolean));

/** Whether tests that need these tools can run. */
export function have(...tools: readonly Tool[]): boolean {
  return tools.every((tool) => !missing.has(tool));
}
