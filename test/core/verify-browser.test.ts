// SPDX-License-Identifier: Apache-2.0
// The verifier where there is no Node: one script, no module loader, only what every browser has.
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { base64 } from '../../services/core/bytes.ts';
import { serializeTrustedRoot } from '../../services/core/trust.ts';
import type { Policy } from '../../services/core/verify.ts';
import { ARTIFACT, createVirtualSigstore, POLICY } from '../support/virtual-sigstore.ts';
import { allCases } from './verify-cases/all.ts';
import type { Case } from './verify-cases/common.ts';

const CORE = join(import.meta.dirname, '../../services/core');

const ENTRY = `
import { parseBundle } from './bundle.ts';
import { fromBase64 } from './bytes.ts';
import { nobleCrypto } from './crypto-noble.ts';
import { parsePublicKey } from './spki.ts';
import { parseTrustedRoot } from './trust.ts';
import { examineBundle } from './verify.ts';
globalThis.run = (root, bundle, artifact, policyText) => {
  const { key, ...policy } = JSON.parse(policyText);
  if (key !== undefined) policy.key = parsePublicKey(fromBase64(key));
  try {
    return examine(root, bundle, artifact, policy);
  } catch (error) {
    return JSON.stringify({ code: error.code });
  }
};
const examine = (root, bundle, artifact, policy) => {
  const found = examineBundle(nobleCrypto, parseTrustedRoot(root), parseBundle(bundle),
    { bytes: fromBase64(artifact) }, policy);
  return JSON.stringify({ code: found.error?.code, who: found.verification?.identity?.name });
};
`;

const sigstore = await createVirtualSigstore();
/** What the bundle may lean on. Everything else of Node is out of reach in the context. */
const context = createContext({ TextEncoder, TextDecoder, URL });

beforeAll(async () => {
  const result = await build({
    stdin: { contents: ENTRY, resolveDir: CORE, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'browser',
    format: 'iife',
    logLevel: 'silent',
  });
  const [file] = result.outputFiles;
  new Script(file?.text ?? '').runInContext(context);
});

function run(bundle: string, c: Partial<Case> = {}): { code?: string; who?: string } {
  const root = serializeTrustedRoot(c.root?.(sigstore.root) ?? sigstore.root);
  const wanted: Policy = c.policy ?? POLICY;
  const { key, ...rest } = wanted;
  const policy = { ...rest, ...(key === undefined ? {} : { key: base64(key.spki) }) };
  const call = [root, bundle, base64(c.artifact ?? ARTIFACT), JSON.stringify(policy)]
    .map((argument) => JSON.stringify(argument))
    .join(',');
  return JSON.parse(String(new Script(`run(${call})`).runInContext(context))) as ReturnType<
    typeof run
  >;
}

describe('the verifier in a browser', () => {
  it('has neither require nor process nor Buffer', () => {
    const names = 'typeof require + typeof process + typeof Buffer + typeof fetch';
    expect(new Script(names).runInContext(context)).toBe('undefined'.repeat(4));
  });

  it('says who signed', () => {
    expect(run(JSON.stringify(sigstore.bundle()))).toEqual({ who: POLICY.identity });
  });

  it.each(allCases(sigstore))('$name: $code', (c) => {
    expect(run(JSON.stringify(sigstore.bundle(c.recipe)), c).code).toBe(c.code);
  });
});
