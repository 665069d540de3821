// SPDX-License-Identifier: Apache-2.0
// A verification vector as a file: a header of one line per field, an empty line, the bundle.
//
//   expect: PASS, or the code of the refusal
//   rule: what the specification demands, in words
//   root: name of a file in roots/, without .json
//   policy: JSON {identity, issuer, key (SPKI, base64), attestation, predicateType, …}
//   artifact: base64 of its bytes; or digest: algorithm:hex, when that is all the caller knows
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HashName } from '../../services/core/algorithm.ts';
import { parseBundle } from '../../services/core/bundle.ts';
import { base64, fromBase64, fromHex } from '../../services/core/bytes.ts';
import type { Crypto } from '../../services/core/crypto.ts';
import { CodedError } from '../../services/core/errors.ts';
import { parsePublicKey } from '../../services/core/spki.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../services/core/trust.ts';
import {
  type Artifact,
  type Check,
  examineBundle,
  type Policy,
} from '../../services/core/verify.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

export interface PolicyJson extends Omit<Policy, 'key'> {
  /** SubjectPublicKeyInfo in base64. */
  readonly key?: string;
}

export interface Vector {
  readonly expect: string;
  readonly rule: string;
  readonly root: string;
  readonly policy: PolicyJson;
  readonly artifact: { readonly bytes: Uint8Array } | { readonly digest: string };
  readonly bundle: string;
}

export function formatVector({ expect, rule, root, policy, artifact, bundle }: Vector): string {
  const what =
    'bytes' in artifact ? `artifact: ${base64(artifact.bytes)}` : `digest: ${artifact.digest}`;
  const head = [`expect: ${expect}`, `rule: ${rule}`, `root: ${root}`];
  return `${[...head, `policy: ${JSON.stringify(policy)}`, what].join('\n')}\n\n${bundle}\n`;
}

export function parseVector(text: string): Vector {
  const end = text.indexOf('\n\n');
  const fields = new Map(
    text
      .slice(0, end)
      .split('\n')
      .map((line): [string, string] => {
        const colon = line.indexOf(': ');
        return [line.slice(0, colon), line.slice(colon + 2)];
      }),
  );
  const field = (name: string): string => {
    const value = fields.get(name);
    if (value === undefined) throw new Error(`the vector lacks its field ${name}`);
    return value;
  };
  return {
    expect: field('expect'),
    rule: field('rule'),
    root: field('root'),
    policy: JSON.parse(field('policy')) as PolicyJson,
    artifact: fields.has('digest')
      ? { digest: field('digest') }
      : { bytes: fromBase64(fields.get('artifact')?.trim() ?? '') },
    bundle: text.slice(end + 2, -1),
  };
}

export function policyOf({ key, ...rest }: PolicyJson): Policy {
  return key === undefined ? rest : { ...rest, key: parsePublicKey(fromBase64(key)) };
}

export function artifactOf(artifact: Vector['artifact']): Artifact {
  if ('bytes' in artifact) return artifact;
  const [hash = '', digest = ''] = artifact.digest.split(':');
  return { digests: { [hash as HashName]: fromHex(digest) } };
}

export const VECTORS = join(import.meta.dirname, '../vectors/verify');

/** The vectors of a family, by the names of their files. */
export function readVectors(family: string): Array<{ name: string; vector: Vector }> {
  return readdirSync(join(VECTORS, family)).map((file) => ({
    name: file.replace('.txt', ''),
    vector: parseVector(readFileSync(join(VECTORS, family, file), 'utf8')),
  }));
}

/** The text of a trusted root. */
export function vectorRoot(name: string): string {
  if (!/^[a-z0-9-]+$/.test(name)) throw new Error(`${name} is no name of a root`);
  return readFileSync(join(VECTORS, 'roots', `${name}.json`), 'utf8');
}

/** Parsed before: as in a process that verifies many bundles. Filled by rootOf alone. */
const roots = new Map<string, TrustedRoot>();

function rootOf(name: string): TrustedRoot {
  const known = roots.get(name) ?? parseTrustedRoot(vectorRoot(name));
  roots.set(name, known);
  return known;
}

/** PASS or the code of the refusal, and the checks that were made until then. */
export function runVector(
  vector: Vector,
  crypto: Crypto = nodeCrypto,
): { readonly verdict: string; readonly checks: readonly Check[] } {
  try {
    const root = rootOf(vector.root);
    const policy = policyOf(vector.policy);
    const artifact = artifactOf(vector.artifact);
    const found = examineBundle(crypto, root, parseBundle(vector.bundle), artifact, policy);
    return { verdict: 'error' in found ? found.error.code : 'PASS', checks: found.checks };
  } catch (error) {
    if (error instanceof CodedError) return { verdict: error.code, checks: [] };
    throw error;
  }
}
