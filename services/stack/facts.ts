// SPDX-License-Identifier: Apache-2.0
// What the landing page and the screen tell of a running stack.

import { VERSION } from '../client/version.ts';
import { base64, hex } from '../core/bytes.ts';
import { parseEntryBody } from '../core/entry.ts';
import { parseCertificate } from '../core/x509.ts';
import type { Parts } from './assemble.ts';
import type { PageEntry, PageFacts } from './page.ts';
import { wrapCommand } from './screen.ts';

const SHOWN_ENTRIES = 8;

/** How a reader calls the command: out of a checkout, or as an installed package. */
export const CLI = import.meta.filename.endsWith('.ts') ? 'scripts/sigstead' : 'npx sigstead';

/** Who signed an entry and what; entries that the page cannot read are named so. */
function describeEntry(index: number, entry: { data: Uint8Array; timeMs: number }): PageEntry {
  const time = new Date(entry.timeMs).toISOString().slice(0, 19).replace('T', ' ');
  try {
    const { digest, verifier } = parseEntryBody(entry.data);
    const identity =
      'x509Certificate' in verifier
        ? (parseCertificate(verifier.x509Certificate).altNames[0]?.value ??
          'certificate without a name')
        : 'public key';
    return { index, time, identity, digest: `${hex(digest).slice(0, 16)}…` };
  } catch {
    return { index, time, identity: 'unreadable', digest: '' };
  }
}

function lastEntries(parts: Parts): PageEntry[] {
  const { log } = parts.tlog;
  const { size } = log.head();
  const entries: PageEntry[] = [];
  for (let index = size - 1; index >= 0 && entries.length < SHOWN_ENTRIES; index--) {
    const entry = log.entry(index);
    if (entry !== undefined) entries.push(describeEntry(index, entry));
  }
  return entries;
}

export interface PasteContext {
  readonly url: string;
  readonly dev: boolean;
}

const DEV_IDENTITY = 'dev@example.com';

/** Lines that sign and verify a file with stock cosign. `trust` is a directory of trust files. */
export function cosignCommands(
  context: PasteContext,
  trust: string,
  cli: string,
): { sign: string; verify: string } {
  const issuer = context.dev ? `${context.url}/dev-oidc` : 'ISSUER';
  const identity = context.dev ? DEV_IDENTITY : 'IDENTITY';
  const token = context.dev
    ? [`--identity-token "$(${cli} dev token --url ${context.url}`, `--email ${DEV_IDENTITY})"`]
    : ['--identity-token TOKEN_FILE'];
  const sign = [
    'cosign sign-blob -y',
    `--signing-config ${trust}/signing_config.v0.2.json`,
    `--trusted-root ${trust}/trusted_root.json`,
    ...token,
    '--bundle README.sigstore.json README.md',
  ];
  const verify = [
    'cosign verify-blob',
    `--trusted-root ${trust}/trusted_root.json`,
    `--certificate-identity ${identity}`,
    `--certificate-oidc-issuer ${issuer}`,
    '--bundle README.sigstore.json README.md',
  ];
  return { sign: wrapCommand(sign), verify: wrapCommand(verify) };
}

export function pageFacts(parts: Parts, context: PasteContext & { startedAt: string }): PageFacts {
  const head = parts.tlog.log.head();
  const cli = context.dev ? CLI : 'sigstead';
  const { sign, verify } = cosignCommands(context, 'trust', cli);
  const download = wrapCommand([
    `${cli} trust export --out trust`,
    `--url ${context.url}`,
    `--fingerprint ${parts.trust.rootSha256}`,
  ]);
  return {
    version: VERSION,
    url: context.url,
    startedAt: context.startedAt,
    dev: context.dev,
    treeSize: head.size,
    rootHash: base64(head.root),
    ctTreeSize: parts.ctlog.log.head().size,
    rootSha256: parts.trust.rootSha256,
    fingerprints: parts.fingerprints,
    entries: lastEntries(parts),
    commands: [
      {
        title: 'Fetch the trust files; compare the fingerprint with what your operator tells you',
        text: download,
      },
      { title: 'Sign a file with cosign 3', text: sign },
      { title: 'Verify it, offline', text: verify },
    ],
  };
}
