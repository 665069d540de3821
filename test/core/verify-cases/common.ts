// SPDX-License-Identifier: Apache-2.0
// What the tables of cases share. One row is one bundle with one fault at most, and the rule that
// the fault breaks.
import { base64, fromBase64 } from '../../../services/core/bytes.ts';
import type { ErrorCode } from '../../../services/core/errors.ts';
import type { Authority } from '../../support/sigstore/authority.ts';
import type { BundleJson, Recipe } from '../../support/sigstore/bundle.ts';
import {
  createInstance,
  type Instance,
  type RootJson,
  trustedRootJson,
} from '../../support/sigstore/instance.ts';
import { keyPair, rsaPair } from '../../support/sigstore/keys.ts';
import type { EntryJson, EntryRecipe } from '../../support/sigstore/log.ts';
import { seeded } from '../../support/sigstore/random.ts';
import { makeStamp, type StampRecipe } from '../../support/sigstore/stamp.ts';
import { statementOf } from '../../support/sigstore/statement.ts';
import type { PolicyJson } from '../../support/vectors.ts';

/** A trusted root under the name of its file. */
export interface NamedRoot {
  readonly name: string;
  readonly json: RootJson;
}

export interface Case {
  /** Becomes the name of a file. */
  readonly name: string;
  /** What the specification demands here, in words. */
  readonly rule: string;
  /** Absent: it must verify. */
  readonly code?: ErrorCode;
  readonly recipe?: Recipe;
  readonly root?: NamedRoot;
  /** Who made the bundle, where it was not `main`. */
  readonly on?: Instance;
  readonly policy?: PolicyJson;
  readonly artifact?: Uint8Array;
  /** The caller knows the SHA-256 or another digest of the artifact alone. */
  readonly digest?: `${string}:${string}`;
}

export const main = createInstance('main', 'log.test');
/** Another instance, which the trusted roots know nothing of. */
export const elsewhere = createInstance('elsewhere', 'log.test');
export const MAIN_ROOT: NamedRoot = { name: 'main', json: trustedRootJson(main) };

/** `main` with some of its services exchanged, and the trusted root that knows them. */
export function variant(name: string, parts: Partial<Instance>): { on: Instance; root: NamedRoot } {
  const on = { ...main, ...parts };
  return { on, root: { name, json: trustedRootJson(on) } };
}

/** The trusted root of `main`, changed. */
export function rootWith(name: string, change: (root: RootJson) => void): NamedRoot {
  const json = structuredClone(MAIN_ROOT.json);
  change(json);
  return { name, json };
}

export const MINUTE = 60_000;
export const { nowMs: NOW, timeMs: SIGNED, artifact: ARTIFACT } = main;
export const IDENTITY = main.identity;
export const ISSUER = main.oidcIssuer;
export const POLICY: PolicyJson = { identity: IDENTITY, issuer: ISSUER };

export const rogue = keyPair('p256', 'rogue');
export const managed = keyPair('p256', 'managed');
export const KEY_POLICY: PolicyJson = { key: base64(managed.publicKey.spki) };
export const rsaCt = rsaPair('rsa2048-2');

export const OTHER = new TextEncoder().encode('another artifact\n');
export const STATEMENT = statementOf(ARTIFACT);
export const PREDICATE = 'https://slsa.dev/provenance/v1';
export const ZEROS = new Uint8Array(32);

export type Row = Omit<Case, 'rule'>;
type More = Omit<Row, 'name' | 'code' | 'recipe'> & { readonly recipe?: Recipe };

/** A bundle that must verify. */
export function pass(name: string, recipe: Recipe = {}, more: More = {}): Row {
  return { name, recipe, ...more };
}

/** A bundle that must be refused with `code`. */
export function fail(code: ErrorCode, name: string, recipe: Recipe = {}, more: More = {}): Row {
  return { name, code, recipe, ...more };
}

/** Gives each case of a list its rule. */
export function under(rule: string, rows: readonly Row[]): Case[] {
  return rows.map((row) => ({ rule, ...row }));
}

export function bundle(change: (bundle: BundleJson) => void): Recipe {
  return { change };
}

/** One entry, made so. */
export function entry(recipe: EntryRecipe): Recipe {
  return { entries: [recipe] };
}

/** One entry, changed when it was made. */
export function entryJson(change: (entry: EntryJson) => void): Recipe {
  return entry({ change });
}

type ProofJson = NonNullable<EntryJson['inclusionProof']>;

export function proofJson(change: (proof: ProofJson) => void): Recipe {
  return entryJson(({ inclusionProof }) => {
    if (inclusionProof !== undefined) change(inclusionProof);
  });
}

/** One timestamp, made so. */
export function stamp(recipe: StampRecipe): Recipe {
  return { stamps: [recipe] };
}

/** The same bundle with an attestation. */
export function attested(recipe: Recipe = {}): Recipe {
  return { statement: STATEMENT, ...recipe };
}

export function byKey(recipe: Recipe = {}): Recipe {
  return { key: managed, managed: true, ...recipe };
}

/** The same cases with a managed key and no other timestamp: what they show is as well shown so, in
 * a quarter of the bytes. */
export function shortened(cases: readonly Case[]): Case[] {
  return cases.map(({ recipe, ...rest }) => ({
    policy: KEY_POLICY,
    ...rest,
    recipe: byKey({ stamps: [], ...recipe }),
  }));
}

export const V1: EntryRecipe = { log: main.rekor, kind: 'hashedrekord 0.0.1' };

/** An entry of Rekor v1 about a blob. */
export function v1(recipe: EntryRecipe = {}): Recipe {
  return entry({ ...V1, ...recipe });
}

/** An entry of Rekor v1 about an attestation. */
export function v1Dsse(recipe: EntryRecipe = {}): Recipe {
  return attested(v1({ kind: 'dsse 0.0.1', ...recipe }));
}

export function flipLast(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[copy.length - 1] = (copy[copy.length - 1] ?? 0) ^ 1;
  return copy;
}

export const flip = (text: string): string => base64(flipLast(fromBase64(text)));

/** A timestamp of some authority over the signature of a bundle that is made already. */
export function addStamp(b: BundleJson, tsa: Authority, recipe: StampRecipe = {}): void {
  const text = b.messageSignature?.signature ?? b.dsseEnvelope?.signatures[0]?.sig ?? '';
  const random = seeded(`added ${b.verificationMaterial.tlogEntries.length}`);
  const der = makeStamp(recipe, fromBase64(text), { tsa, timeMs: SIGNED, random });
  const data = b.verificationMaterial.timestampVerificationData ?? { rfc3161Timestamps: [] };
  data.rfc3161Timestamps.push({ signedTimestamp: base64(der) });
  b.verificationMaterial.timestampVerificationData = data;
}
