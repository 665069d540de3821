// SPDX-License-Identifier: Apache-2.0
// model_signing on a folder: what it signs holds, and nothing may be changed, added or taken away.
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from './support/cache.ts';
import { ok, type Result } from './support/commands.ts';
import { folderOf, MODEL_TYPE, signModel, verifyModel, writeModel } from './support/model.ts';
import { openStrangers, type Scene } from './support/scene.ts';
import { byUs, type Claim } from './support/signing.ts';

let scene: Scene;
let foreign: Scene;
let digests: string;
let signature: string;

beforeAll(async () => {
  [scene, foreign] = await openStrangers();
  digests = writeModel(scene);
  signature = scene.file('model.sig');
});
afterAll(() => Promise.all([scene.close(), foreign.close()]));

/** A copy of the model with a change, by the name that `verifyModel` takes. */
function altered(name: string, change: (folder: string) => void): string {
  const copy = scene.file(`${name}.digests`);
  cpSync(folderOf(digests), folderOf(copy), { recursive: true });
  change(folderOf(copy));
  return copy;
}

interface Case {
  readonly name: string;
  readonly says: RegExp;
  claim(): Claim;
}

const CASES: readonly Case[] = [
  {
    name: 'a changed file',
    says: /Hash mismatch for 'model\.safetensors'/,
    claim: () => ({
      artifact: altered('changed', (at) => writeFileSync(join(at, 'model.safetensors'), 'x')),
    }),
  },
  {
    name: 'a file more',
    says: /Extra files found in model .*: extra\.bin/,
    claim: () => ({ artifact: altered('more', (at) => writeFileSync(join(at, 'extra.bin'), 'x')) }),
  },
  {
    name: 'a file less',
    says: /Missing files in model .*: tokenizer\/vocab\.txt/,
    claim: () => ({ artifact: altered('less', (at) => rmSync(join(at, 'tokenizer/vocab.txt'))) }),
  },
  {
    name: 'another identity',
    says: /SANs do not match/,
    claim: () => ({ identity: 'elease@example.co' }),
  },
  {
    name: 'another issuer',
    says: /OIDCIssuer does not match/,
    claim: () => ({ issuer: `${scene.issuer}/github` }),
  },
  {
    name: 'trust files of another stack',
    says: /not enough sources of verified time/,
    claim: () => ({ trust: foreign.trust }),
  },
];

describe.runIf(have('model_signing'))('a model', () => {
  const verify = (claim: Claim = {}): Promise<Result> =>
    verifyModel(scene, signature, { artifact: digests, ...claim });

  it('is signed and verified', async () => {
    await ok(signModel(scene, digests, signature));
    await ok(verify());
  });

  it('is an attestation to ours, about the digests of its files', async () => {
    await ok(byUs.verifyAttestation(scene, signature, { artifact: digests, type: MODEL_TYPE }));
    const refused = await byUs.verifyAttestation(scene, signature, {
      artifact: scene.token,
      type: MODEL_TYPE,
    });
    expect(refused.stderr).toContain('SUBJECT_MISMATCH');
  });

  it.each(CASES)('is refused with $name', async ({ says, claim }) => {
    const { status, output } = await verify(claim());
    expect(status).not.toBe(0);
    expect(output).toMatch(says);
  });
});
