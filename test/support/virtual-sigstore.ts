// SPDX-License-Identifier: Apache-2.0
// The virtual Sigstore in its small form, for tests of clients: keys that are new in every run, one
// flat recipe, one message or attestation through Rekor v2. The whole of it stands in sigstore/.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import type { HashName, PublicKey } from '../../services/core/algorithm.ts';
import { defaultAlgorithm } from '../../services/core/algorithm.ts';
import { hex } from '../../services/core/bytes.ts';
import type { HashedRekord } from '../../services/core/entry.ts';
import { parseTrustedRoot, type TrustedRoot } from '../../services/core/trust.ts';
import { parsePublicKey } from '../../services/core/x509.ts';
import { type BundleJson, makeBundle } from './sigstore/bundle.ts';
import type { LeafName } from './sigstore/certificate.ts';
import type { EntryFacts } from './sigstore/entry.ts';
import { createInstance, type Instance, trustedRootJson } from './sigstore/instance.ts';
import type { Pair } from './sigstore/keys.ts';
import { makeLeaf } from './sigstore/leaf.ts';
import { type EntryJson, type EntryRecipe, logBody } from './sigstore/log.ts';
import { seeded } from './sigstore/random.ts';
import { makeStamp, type StampRecipe } from './sigstore/stamp.ts';

export type { BundleJson } from './sigstore/bundle.ts';
export { NOW } from './sigstore/instance.ts';
export { noteLine } from './sigstore/note.ts';
export { statementOf } from './sigstore/statement.ts';

const HOST = 'log.test';
const model = createInstance('model', HOST);
export const { identity: IDENTITY, oidcIssuer: ISSUER, artifact: ARTIFACT } = model;
export const POLICY = { identity: IDENTITY, issuer: ISSUER };

export interface NodePair extends Pair {
  readonly privateKey: KeyObject;
}

function pairOf(keys: { privateKey: KeyObject; publicKey: KeyObject }): NodePair {
  const { privateKey } = keys;
  const spki = new Uint8Array(keys.publicKey.export({ type: 'spki', format: 'der' }));
  const publicKey: PublicKey = parsePublicKey(spki);
  const usual = defaultAlgorithm(publicKey)?.hash;
  return {
    privateKey,
    publicKey,
    sign(message, hash: HashName | undefined = usual) {
      // Node has no Ed25519ph.
      if (publicKey.kind === 'ed25519' && hash !== undefined) {
        const { d = '' } = privateKey.export({ format: 'jwk' });
        return ed25519ph.sign(message, new Uint8Array(Buffer.from(d, 'base64url')));
      }
      return new Uint8Array(sign(hash, message, privateKey));
    },
  };
}

export const KEY_MAKERS = {
  p256: () => pairOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' })),
  p384: () => pairOf(generateKeyPairSync('ec', { namedCurve: 'secp384r1' })),
  p521: () => pairOf(generateKeyPairSync('ec', { namedCurve: 'secp521r1' })),
  rsa: () => pairOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  ed25519: () => pairOf(generateKeyPairSync('ed25519')),
};

/** How a bundle is made; every field left out is right. */
export interface Recipe {
  /** A DSSE attestation with this statement. */
  readonly statement?: unknown;
  readonly payloadType?: string;
  readonly keyKind?: keyof typeof KEY_MAKERS;
  readonly managedKey?: Pair;
  /** The leaf: its name, its extensions, who signs it, how many SCTs it has and whose. */
  readonly name?: LeafName;
  readonly extensions?: ReadonlyArray<{ readonly number: number; readonly value: string }>;
  readonly caKey?: Pair;
  readonly scts?: number;
  readonly sctKey?: Pair;
  readonly sctExtensions?: Uint8Array;
  /** The timestamp: when, over what, by whom. */
  readonly stampTimeMs?: number;
  readonly stampOver?: Uint8Array;
  readonly stampKey?: Pair;
  /** The log entry: what it says, and who signs the checkpoint. */
  readonly entry?: Partial<HashedRekord>;
  readonly noteKey?: Pair;
  /** The finished bundle. */
  readonly change?: (bundle: BundleJson) => void;
}

export interface VirtualSigstore {
  readonly root: TrustedRoot;
  /** Leaf certificate, DER. */
  issue(recipe: Recipe, spki: Uint8Array): Uint8Array;
  /** TimeStampResp, DER, over a SHA-256 digest. */
  stamp(recipe: Recipe, digest: Uint8Array, nonce?: Uint8Array): Uint8Array;
  /** TransparencyLogEntry around a body. */
  log(recipe: Recipe, body: Uint8Array): EntryJson;
  bundle(recipe?: Recipe): BundleJson;
}

/** `{ [name]: value }`, or nothing when there is no value. */
function given<N extends string, T>(name: N, value: T | undefined): { [K in N]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { [K in N]?: T };
}

function leafOf({ name, extensions, caKey, scts = 1, sctKey, sctExtensions }: Recipe) {
  const sct = { ...given('key', sctKey), ...given('extensions', sctExtensions) };
  return {
    ...given('names', name && [name]),
    ...given(
      'claims',
      extensions?.map(({ number, value }) => [number, value] as const),
    ),
    ...given('signer', caKey),
    scts: Array.from({ length: scts }, () => sct),
  };
}

function stampOf(on: Instance, { stampTimeMs, stampOver, stampKey }: Recipe): StampRecipe {
  return {
    embed: on.tsa.chain.slice(0, 1),
    ...given('timeMs', stampTimeMs),
    ...given('over', stampOver),
    ...given('key', stampKey),
  };
}

function entryOf({ entry, noteKey }: Recipe): EntryRecipe {
  const { digest, signature } = entry ?? {};
  const about: Partial<EntryFacts> = {
    ...given('digest', digest),
    ...given('signature', signature),
  };
  return { about, ...given('noteKey', noteKey) };
}

const unique = () => hex(new Uint8Array(randomBytes(16)));

/** Each is another instance, a stranger to all before. */
export async function createVirtualSigstore(): Promise<VirtualSigstore> {
  const on = createInstance(unique(), HOST);
  const around = () => ({ ...on, random: seeded(unique()) });
  return {
    root: parseTrustedRoot(JSON.stringify(trustedRootJson(on))),
    issue: (recipe, spki) =>
      makeLeaf(leafOf(recipe), { publicKey: parsePublicKey(spki) }, around()),
    stamp(recipe, digest, nonce) {
      const usual = recipe.stampOver === undefined ? { digest } : {};
      return makeStamp({ ...stampOf(on, recipe), ...usual, nonce }, digest, around());
    },
    log: (recipe, body) => logBody(entryOf(recipe), body, around()),
    bundle(recipe = {}) {
      const { statement, payloadType, managedKey, keyKind = 'p256', change } = recipe;
      const made = {
        ...given('statement', statement),
        ...given('payloadType', payloadType),
        key: managedKey ?? KEY_MAKERS[keyKind](),
        managed: managedKey !== undefined,
        leaf: leafOf(recipe),
        stamps: [stampOf(on, recipe)],
        entries: [entryOf(recipe)],
        ...given('change', change),
      };
      return makeBundle(on, made, unique());
    },
  };
}
