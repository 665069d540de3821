// SPDX-License-Identifier: Apache-2.0
// Bundles of every version, signed by every key, logged and stamped by the services of an instance.
import type { Algorithm, HashName } from '../../../services/core/algorithm.ts';
import { algorithmByKeyDetails, defaultAlgorithm } from '../../../services/core/algorithm.ts';
import { base64, utf8 } from '../../../services/core/bytes.ts';
import { IN_TOTO_PAYLOAD_TYPE, pae } from '../../../services/core/dsse.ts';
import { HASH_ALGORITHMS } from '../../../services/core/entry.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { EntryFacts } from './entry.ts';
import type { Instance } from './instance.ts';
import { keyPair, type Pair } from './keys.ts';
import { type LeafRecipe, makeLeaf } from './leaf.ts';
import { type EntryJson, type EntryRecipe, logEntry } from './log.ts';
import { type Random, seeded } from './random.ts';
import { makeStamp, type StampRecipe } from './stamp.ts';

/** A bundle in protojson, as tests change it. */
export interface BundleJson {
  mediaType: string;
  verificationMaterial: {
    certificate?: { rawBytes: string };
    publicKey?: { hint: string };
    x509CertificateChain?: { certificates: Array<{ rawBytes: string }> };
    tlogEntries: EntryJson[];
    timestampVerificationData?: { rfc3161Timestamps: Array<{ signedTimestamp: string }> };
  };
  messageSignature?: {
    messageDigest?: { algorithm: string; digest: string };
    signature: string;
  };
  dsseEnvelope?: {
    payload: string;
    payloadType: string;
    signatures: Array<{ sig: string; keyid?: string }>;
  };
}

/** How a bundle is made; every field left out is right. */
export interface Recipe {
  readonly version?: '0.1' | '0.2' | '0.3';
  readonly artifact?: Uint8Array;
  /** A DSSE attestation with this statement, or with this very payload. */
  readonly statement?: unknown;
  readonly payload?: Uint8Array;
  readonly payloadType?: string;
  readonly key?: Pair;
  /** The key stands alone, without a certificate. */
  readonly managed?: boolean;
  /** Hash in place of the one that goes with the key; null signs the pure message. */
  readonly hash?: HashName | null;
  /** What is signed in place of the artifact or the PAE. */
  readonly signs?: Uint8Array;
  readonly signature?: (signature: Uint8Array) => Uint8Array;
  readonly leaf?: LeafRecipe;
  /** Certificates behind the leaf, for bundles with a chain. */
  readonly chain?: readonly Uint8Array[];
  readonly stamps?: readonly StampRecipe[];
  readonly entries?: readonly EntryRecipe[];
  /** The finished bundle, and its text. */
  readonly change?: (bundle: BundleJson) => void;
  readonly text?: (text: string) => string;
}

const MEDIA_TYPES = {
  '0.1': 'application/vnd.dev.sigstore.bundle+json;version=0.1',
  '0.2': 'application/vnd.dev.sigstore.bundle+json;version=0.2',
  '0.3': 'application/vnd.dev.sigstore.bundle.v0.3+json',
};

/** Ed25519 keys sign as Ed25519ph: a log holds digests. */
function algorithmOf({ publicKey }: Pair): Algorithm {
  const found =
    publicKey.kind === 'ed25519'
      ? algorithmByKeyDetails('PKIX_ED25519_PH')
      : defaultAlgorithm(publicKey);
  return found ?? { ...(algorithmByKeyDetails('PKIX_RSA_PKCS1V15_2048_SHA256') as Algorithm) };
}

const subjectKey = keyPair('p256', 'subject');

interface Signed {
  readonly facts: EntryFacts;
  readonly leaf: Uint8Array | undefined;
}

function signAll(on: Instance, recipe: Recipe, random: Random): Signed {
  const key = recipe.key ?? subjectKey;
  const { keyDetails, hash: usual } = algorithmOf(key);
  const signsWith = recipe.hash === undefined ? usual : (recipe.hash ?? undefined);
  const hash = signsWith ?? 'sha256';
  const payloadType = recipe.payloadType ?? IN_TOTO_PAYLOAD_TYPE;
  const payload =
    recipe.payload ??
    (recipe.statement === undefined ? undefined : utf8(JSON.stringify(recipe.statement)));
  const message =
    payload === undefined ? (recipe.artifact ?? on.artifact) : pae(payloadType, payload);
  const made = key.sign(recipe.signs ?? message, signsWith);
  const signature = recipe.signature?.(made) ?? made;
  const leaf = recipe.managed ? undefined : makeLeaf(recipe.leaf ?? {}, key, { ...on, random });
  const digest = nodeCrypto.digest(hash, message);
  const signer = leaf === undefined ? { publicKey: key.publicKey.spki } : { certificate: leaf };
  const facts = {
    digest,
    hash,
    signature,
    keyDetails,
    signer,
    payload: payload ?? new Uint8Array(),
    payloadType,
  };
  return { facts, leaf };
}

function signerJson(recipe: Recipe, leaf: Uint8Array | undefined) {
  if (leaf === undefined) return { publicKey: { hint: 'key' } };
  const own = { rawBytes: base64(leaf) };
  if ((recipe.version ?? '0.3') === '0.3' && recipe.chain === undefined)
    return { certificate: own };
  const others = (recipe.chain ?? []).map((der) => ({ rawBytes: base64(der) }));
  return { x509CertificateChain: { certificates: [own, ...others] } };
}

function contentJson(
  recipe: Recipe,
  { digest, hash, signature, payload, payloadType }: EntryFacts,
) {
  if (recipe.statement !== undefined || recipe.payload !== undefined) {
    const signatures = [{ sig: base64(signature) }];
    return { dsseEnvelope: { payload: base64(payload), payloadType, signatures } };
  }
  const algorithm = HASH_ALGORITHMS.find((row) => row.hash === hash)?.name ?? '';
  const messageDigest = { algorithm, digest: base64(digest) };
  return { messageSignature: { messageDigest, signature: base64(signature) } };
}

/** Rekor v1 tells the time by its promise; for others a timestamp is made. */
function stampsOf(on: Instance, { stamps, entries = [{}] }: Recipe): readonly StampRecipe[] {
  if (stamps !== undefined) return stamps;
  return entries.some(({ log }) => (log ?? on.log).treeId !== undefined) ? [] : [{}];
}

/** @param label seeds all that is random in it */
export function makeBundle(on: Instance, recipe: Recipe, label: string): BundleJson {
  const random = seeded(label);
  const { facts, leaf } = signAll(on, recipe, random);
  const around = { ...on, random };
  const stamps = stampsOf(on, recipe).map((stamp) => ({
    signedTimestamp: base64(makeStamp(stamp, facts.signature, around)),
  }));
  const bundle: BundleJson = {
    mediaType: MEDIA_TYPES[recipe.version ?? '0.3'],
    verificationMaterial: {
      ...signerJson(recipe, leaf),
      tlogEntries: (recipe.entries ?? [{}]).map((entry) => logEntry(entry, facts, around)),
      ...(stamps.length === 0 ? {} : { timestampVerificationData: { rfc3161Timestamps: stamps } }),
    },
    ...contentJson(recipe, facts),
  };
  recipe.change?.(bundle);
  return bundle;
}

/** The bundle as it is stored. */
export function bundleText(on: Instance, recipe: Recipe, label: string): string {
  const text = JSON.stringify(makeBundle(on, recipe, label), null, 1);
  return recipe.text?.(text) ?? text;
}
