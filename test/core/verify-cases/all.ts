// SPDX-License-Identifier: Apache-2.0
// Every case, by family, and the files that hold them.
import { bundleText } from '../../support/sigstore/bundle.ts';
import { formatVector } from '../../support/vectors.ts';
import { bundleCases } from './bundle.ts';
import { certificateCases } from './certificate.ts';
import { checkpointCases } from './checkpoint.ts';
import { ARTIFACT, type Case, MAIN_ROOT, main, type NamedRoot, POLICY } from './common.ts';
import { contentCases } from './content.ts';
import { entryCases } from './entry.ts';
import { identityCases } from './identity.ts';
import { keyCases } from './keys.ts';
import { logCases } from './log.ts';
import { rekorV1Cases } from './rekor-v1.ts';
import { sctCases } from './sct.ts';
import { signerCases } from './signer.ts';
import { spellingCases } from './spelling.ts';
import { timestampCases } from './timestamp.ts';
import { timestampChainCases } from './timestamp-chain.ts';
import { timestampFormCases } from './timestamp-form.ts';
import { trustRootCases } from './trust-root.ts';

/** Directory → its cases, in the order of the checks. */
export const FAMILIES: Readonly<Record<string, () => Case[]>> = {
  bundle: bundleCases,
  spelling: spellingCases,
  signer: signerCases,
  timestamp: timestampCases,
  'timestamp-form': timestampFormCases,
  'timestamp-chain': timestampChainCases,
  certificate: certificateCases,
  sct: sctCases,
  identity: identityCases,
  log: logCases,
  checkpoint: checkpointCases,
  'rekor-v1': rekorV1Cases,
  entry: entryCases,
  content: contentCases,
  keys: keyCases,
  'trust-root': trustRootCases,
};

function slug(name: string): string {
  return name
    .normalize('NFD')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}

function vectorText(c: Case, label: string): string {
  return formatVector({
    expect: c.code ?? 'PASS',
    rule: c.rule,
    root: (c.root ?? MAIN_ROOT).name,
    policy: c.policy ?? POLICY,
    artifact: c.digest === undefined ? { bytes: c.artifact ?? ARTIFACT } : { digest: c.digest },
    bundle: bundleText(c.on ?? main, c.recipe ?? {}, label),
  });
}

/** Two files of one name would hide a case, or give it another root than its own. */
function put(files: Map<string, string>, path: string, text: string, shared: boolean): void {
  const before = files.get(path);
  if (before !== undefined && !(shared && before === text)) {
    throw new Error(`${path} is made twice`);
  }
  files.set(path, text);
}

const rootText = ({ json }: NamedRoot) => `${JSON.stringify(json, null, 1)}\n`;

/** Path below test/vectors/verify → text, of every vector and every trusted root. */
export function vectorFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const [family, cases] of Object.entries(FAMILIES)) {
    for (const c of cases()) {
      const path = `${family}/${slug(c.name)}.txt`;
      put(files, path, vectorText(c, path), false);
      const root = c.root ?? MAIN_ROOT;
      put(files, `roots/${root.name}.json`, rootText(root), true);
    }
  }
  return files;
}
