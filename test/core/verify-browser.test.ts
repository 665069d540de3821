// SPDX-License-Identifier: Apache-2.0
// The verifier where there is no Node: one script, no module loader, only what every browser has. It
// comes to the same verdict as under Node for every vector, check by check.
import { join } from 'node:path';
import { createContext, Script } from 'node:vm';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';
import { base64, hex } from '../../services/core/bytes.ts';
import { artifactOf, readVectors, runVector, type Vector, vectorRoot } from '../support/vectors.ts';
import { FAMILIES } from './verify-cases/all.ts';

const CORE = join(import.meta.dirname, '../../services/core');

const ENTRY = `
import { parseBundle } from './bundle.ts';
import { fromBase64, fromHex } from './bytes.ts';
import { nobleCrypto } from './crypto-noble.ts';
import { parsePublicKey } from './spki.ts';
import { parseTrustedRoot } from './trust.ts';
import { examineBundle } from './verify.ts';
const roots = new Map();
const rootOf = (text) => {
  if (!roots.has(text)) roots.set(text, parseTrustedRoot(text));
  return roots.get(text);
};
globalThis.run = (root, bundle, { bytes, digests }, { key, ...policy }) => {
  if (key !== undefined) policy.key = parsePublicKey(fromBase64(key));
  try {
    const artifact = bytes === undefined
      ? { digests: Object.fromEntries(digests.map(([name, hex]) => [name, fromHex(hex)])) }
      : { bytes: fromBase64(bytes) };
    const found = examineBundle(nobleCrypto, rootOf(root), parseBundle(bundle), artifact, policy);
    const who = found.verification?.identity?.name;
    return JSON.stringify({ verdict: found.error?.code ?? 'PASS', checks: found.checks, who });
  } catch (error) {
    return JSON.stringify({ verdict: error.code, checks: [] });
  }
};
`;

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

function run({ root, bundle, artifact, policy }: Vector): Record<string, unknown> {
  const given = artifactOf(artifact);
  const encoded =
    'bytes' in given
      ? { bytes: base64(given.bytes) }
      : { digests: Object.entries(given.digests).map(([name, digest]) => [name, hex(digest)]) };
  const call = [vectorRoot(root), bundle, encoded, policy].map((one) => JSON.stringify(one));
  const answer = new Script(`run(${call.join(',')})`).runInContext(context);
  return JSON.parse(String(answer)) as Record<string, unknown>;
}

describe('the verifier in a browser', () => {
  it('has neither require nor process nor Buffer', () => {
    const names = 'typeof require + typeof process + typeof Buffer + typeof fetch';
    expect(new Script(names).runInContext(context)).toBe('undefined'.repeat(4));
  });

  it('says who signed', () => {
    const vector = readVectors('bundle').find(({ name }) => name === 'version-0-3')?.vector;
    expect(vector && run(vector)).toMatchObject({ verdict: 'PASS', who: 'dev@example.com' });
  });
});

describe.each(Object.keys(FAMILIES))('vectors in a browser: %s', (family) => {
  it.each(readVectors(family))('$name: $vector.expect', ({ vector }) => {
    const { verdict, checks } = run(vector);
    expect(verdict).toBe(vector.expect);
    expect(checks).toEqual(runVector(vector).checks);
  });
});
