// SPDX-License-Identifier: Apache-2.0
// The verifier where there is no Node: one script, no module loader, only what every browser has.
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { base64 } from '../../services/core/bytes.ts';
import { serializeTrustedRoot } from '../../services/core/trust.ts';
import { ARTIFACT, createVirtualSigstore, POLICY } from '../support/virtual-sigstore.ts';

const CORE = join(import.meta.dirname, '../../services/core');

const ENTRY = `
import { parseBundle } from './bundle.ts';
import { fromBase64 } from './bytes.ts';
import { nobleCrypto } from './crypto-noble.ts';
import { parseTrustedRoot } from './trust.ts';
import { examineBundle } from './verify.ts';
globalThis.run = (root, bundle, artifact, policy) => {
  const found = examineBundle(nobleCrypto, parseTrustedRoot(root), parseBundle(bundle),
    { bytes: fromBase64(artifact) }, JSON.parse(policy));
  return JSON.stringify({ code: found.error?.code ?? null, who: found.verification?.identity?.name });
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

function run(bundle: string, artifact: Uint8Array): unknown {
  const root = serializeTrustedRoot(sigstore.root);
  const call = [root, bundle, base64(artifact), JSON.stringify(POLICY)]
    .map((argument) => JSON.stringify(argument))
    .join(',');
  return JSON.parse(String(new Script(`run(${call})`).runInContext(context)));
}

describe('the verifier in a browser', () => {
  it('has neither require nor process nor Buffer', () => {
    const names = 'typeof require + typeof process + typeof Buffer + typeof fetch';
    expect(new Script(names).runInContext(context)).toBe('undefined'.repeat(4));
  });

  it('verifies a bundle', () => {
    const bundle = JSON.stringify(sigstore.bundle());
    expect(run(bundle, ARTIFACT)).toEqual({ code: null, who: POLICY.identity });
  });

  it('refuses another artifact', () => {
    const bundle = JSON.stringify(sigstore.bundle());
    expect(run(bundle, Uint8Array.of(1))).toEqual({ code: 'DIGEST_MISMATCH' });
  });
});
