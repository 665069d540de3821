// SPDX-License-Identifier: Apache-2.0
// The trust files: what a client or an auditor takes home, derived from what TUF has verified.
import { concat, hex, utf8 } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { buildClientTrustConfig, parseSigningConfig } from './signing-config.ts';
import { parseTrustedRoot } from './trust.ts';
import type { Root } from './tuf.ts';
import { DEV_ONLY_FIELD } from './tuf-build.ts';

/** Targets of the repository that the trust files are made of. */
export const TRUST_TARGETS = [
  'trusted_root.json',
  'signing_config.v0.2.json',
  'fulcio.pem',
  'ctfe.pub',
  'rekor.pub',
  'tsa.pem',
  'rekor.vkey',
  'ctlog.vkey',
] as const;
export type TrustTarget = (typeof TRUST_TARGETS)[number];

export const CHECKSUMS = 'SHA256SUMS';

/** Name → content, in the order of the README. */
export type TrustFiles = ReadonlyMap<string, Uint8Array>;

/** The warning that the role itself carries; undefined when its keys are kept as they should be. */
export function devOnlyWarning(root: Root): string | undefined {
  const roles = root.signed.roles as { readonly root?: Readonly<Record<string, unknown>> };
  const text = roles.root?.[DEV_ONLY_FIELD];
  return typeof text === 'string' ? text : undefined;
}

const CONTENTS: ReadonlyArray<readonly [string, string]> = [
  ['trusted_root.json', 'whom verifiers believe (cosign --trusted-root)'],
  ['signing_config.v0.2.json', 'where signers go (cosign --signing-config)'],
  ['client_trust_config.json', 'both in one (sigstead --trust-config, sigstore-python)'],
  ['root.json', 'newest TUF root (cosign initialize --root)'],
  ['fulcio.pem', 'certificate authority: issuing certificate to root'],
  ['ctfe.pub', 'key of the CT log'],
  ['rekor.pub', 'key of the transparency log'],
  ['tsa.pem', 'timestamp authority: leaf to root'],
  ['rekor.vkey', 'C2SP note key of the transparency log'],
  ['ctlog.vkey', 'C2SP note key of the CT log (RFC 6962 tree heads)'],
];

function readme(root: Root, rootSha256: string): string {
  const width = Math.max(...CONTENTS.map(([name]) => name.length));
  const lines = CONTENTS.map(([name, what]) => `${name.padEnd(width)}  ${what}`);
  const warning = devOnlyWarning(root);
  return [
    'Trust files of a private Sigstore. Check them with: sha256sum -c SHA256SUMS',
    '',
    ...lines,
    '',
    `SHA-256 of root.json (version ${root.version}): ${rootSha256}`,
    ...(warning === undefined ? [] : ['', warning]),
    '',
  ].join('\n');
}

/**
 * Every trust file, SHA256SUMS last.
 * @param content of a target, verified
 * @throws CodedError TRUST_ROOT_MALFORMED, SIGNING_CONFIG_MALFORMED
 */
export function trustFiles(
  crypto: Crypto,
  root: Root,
  content: (name: TrustTarget) => Uint8Array,
): TrustFiles {
  const trusted = parseTrustedRoot(content('trusted_root.json'));
  const signing = parseSigningConfig(content('signing_config.v0.2.json'));
  const sha256 = (bytes: Uint8Array) => hex(crypto.digest('sha256', bytes));
  const files = new Map<string, Uint8Array>([
    ['trusted_root.json', content('trusted_root.json')],
    ['signing_config.v0.2.json', content('signing_config.v0.2.json')],
    ['client_trust_config.json', utf8(buildClientTrustConfig(trusted, signing))],
    ['root.json', root.bytes],
    ['fulcio.pem', content('fulcio.pem')],
    ['ctfe.pub', content('ctfe.pub')],
    ['rekor.pub', content('rekor.pub')],
    ['tsa.pem', content('tsa.pem')],
    ['rekor.vkey', content('rekor.vkey')],
    ['ctlog.vkey', content('ctlog.vkey')],
    ['README', utf8(readme(root, sha256(root.bytes)))],
  ]);
  const sums = [...files].map(([name, bytes]) => utf8(`${sha256(bytes)}  ${name}\n`));
  files.set(CHECKSUMS, concat(...sums));
  return files;
}
