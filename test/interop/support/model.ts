// SPDX-License-Identifier: Apache-2.0
// model_signing: it signs folders. A model's subject is the digest over the digests of its files, so
// a file of those digests stands for the folder with clients that verify files.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { PROGRAMS } from './cache.ts';
import { type Result, run } from './commands.ts';
import { type Desk, IDENTITY } from './scene.ts';
import type { Claim } from './signing.ts';

export const MODEL_TYPE = 'https://model_signing/signature/v1.0';
const DIGESTS = '.digests';

const FILES = {
  'config.json': '{"model_type":"test","hidden_size":2}\n',
  'model.safetensors': 'not really a tensor\n',
  'tokenizer/vocab.txt': 'a\nb\n',
} as const;

/** Writes FOLDER.digests and returns its path. */
function writeDigests(folder: string): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  const digests = files.map((file) => createHash('sha256').update(readFileSync(file)).digest());
  writeFileSync(`${folder}${DIGESTS}`, Buffer.concat(digests));
  return `${folder}${DIGESTS}`;
}

/** A folder of a few files, and the file that stands for it: its path is returned. */
export function writeModel(desk: Desk, name = 'model'): string {
  const folder = desk.file(name);
  for (const [path, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return writeDigests(folder);
}

export const folderOf = (digests: string) => digests.slice(0, -DIGESTS.length);

/** A copy of a model with one file written anew. */
export function changedModel(desk: Desk, digests: string, path: string, name: string): string {
  const folder = desk.file(name);
  cpSync(folderOf(digests), folder, { recursive: true });
  writeFileSync(join(folder, path), 'another content\n');
  return writeDigests(folder);
}

const model = (desk: Desk, verb: 'sign' | 'verify', ...args: string[]) =>
  run(desk.place, PROGRAMS.model_signing, [verb, 'sigstore', ...args]);

const trustConfig = (trust: string) => ['--trust_config', join(trust, 'client_trust_config.json')];

export function signModel(desk: Desk, digests: string, signature: string): Promise<Result> {
  const token = readFileSync(desk.token, 'utf8').trim();
  return model(
    desk,
    'sign',
    ...[folderOf(digests), '--signature', signature],
    ...[...trustConfig(desk.trust), '--identity_token', token],
  );
}

/** @param claim its artifact is a file of digests, or any file where no model is meant */
export function verifyModel(desk: Desk, signature: string, claim: Claim = {}): Promise<Result> {
  const artifact = claim.artifact ?? desk.artifact;
  return model(
    desk,
    'verify',
    ...[artifact.endsWith(DIGESTS) ? folderOf(artifact) : artifact, '--signature', signature],
    ...trustConfig(claim.trust ?? desk.trust),
    ...['--identity', claim.identity ?? IDENTITY],
    ...['--identity_provider', claim.issuer ?? desk.issuer],
  );
}
