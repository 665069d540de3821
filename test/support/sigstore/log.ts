// SPDX-License-Identifier: Apache-2.0
// Transparency logs, Rekor v1 and v2: bodies in trees, proofs, checkpoints and promises.
import type { HashName } from '../../../services/core/algorithm.ts';
import { base64, hex, utf8 } from '../../../services/core/bytes.ts';
import { inclusionRanges, leafHash, rootOf } from '../../../services/core/merkle.ts';
import { type EntryFacts, type EntryKind, entryBody } from './entry.ts';
import type { Pair } from './keys.ts';
import { noteKeyId, noteLine } from './note.ts';
import { type Random, sha256 } from './random.ts';

export interface Log {
  /** Name that signs checkpoints. */
  readonly host: string;
  readonly baseUrl: string;
  readonly key: Pair;
  /** Of Rekor v1: stands in the origin. */
  readonly treeId?: string;
}

export const logIdOf = (log: Log) => noteKeyId(log.host, log.key);
/** The id of Rekor v1, whatever the key. */
export const setLogIdOf = (log: Log) => sha256(log.key.publicKey.spki);

/** A TransparencyLogEntry in protojson, as tests change it. */
export interface EntryJson {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  integratedTime?: string;
  inclusionPromise?: { signedEntryTimestamp: string };
  inclusionProof?: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint?: { envelope: string };
  };
  canonicalizedBody: string;
}

/** What a SET signs, in canonical JSON. */
export interface PromiseJson {
  body: string;
  integratedTime: number;
  logID: string;
  logIndex: number;
}

/** How an entry is made; every field left out is right. */
export interface EntryRecipe {
  readonly log?: Log;
  readonly kind?: EntryKind;
  /** What the body says in place of the truth. */
  readonly about?: Partial<EntryFacts>;
  /** The body's text before it is logged. */
  readonly body?: (text: string) => string;
  /** Other leaves before and after this one. */
  readonly before?: number;
  readonly after?: number;

  /** The checkpoint before it is signed, its signature, and the lines of it. */
  readonly note?: (text: string) => string;
  readonly noteKey?: Pair;
  readonly noteName?: string;
  readonly hint?: Uint8Array;
  readonly noteSignature?: Uint8Array;
  readonly lines?: (own: string, text: string) => readonly string[];
  /** The checkpoint when it is whole. */
  readonly envelope?: (envelope: string) => string;

  /** Rekor v1: the time, the index over all shards, and the promise. */
  readonly integratedMs?: number;
  readonly globalIndex?: number;
  readonly promise?: boolean;
  readonly promiseKey?: Pair;
  readonly promiseHash?: HashName;
  readonly promised?: (payload: PromiseJson) => PromiseJson;
  readonly proof?: boolean;
  /** The finished entry. */
  readonly change?: (entry: EntryJson) => void;
}

/** Leaves in the shards before. */
const FIRST_OF_SHARD = 25_000_000;

function originOf({ host, treeId }: Log): string {
  return treeId === undefined ? host : `${host} - ${treeId}`;
}

function checkpoint(recipe: EntryRecipe, log: Log, size: number, root: Uint8Array): string {
  const text = (recipe.note ?? ((own) => own))(`${originOf(log)}\n${size}\n${base64(root)}\n`);
  const own = noteLine(
    recipe.noteName ?? log.host,
    recipe.hint ?? logIdOf(log).subarray(0, 4),
    recipe.noteSignature ?? (recipe.noteKey ?? log.key).sign(utf8(text)),
  );
  const envelope = `${text}\n${(recipe.lines ?? ((line) => [line]))(own, text).join('')}`;
  return recipe.envelope?.(envelope) ?? envelope;
}

function promiseOf(recipe: EntryRecipe, log: Log, payload: PromiseJson): string {
  const signed = utf8(JSON.stringify(recipe.promised?.(payload) ?? payload));
  return base64((recipe.promiseKey ?? log.key).sign(signed, recipe.promiseHash));
}

function proofOf(recipe: EntryRecipe, log: Log, leaves: readonly Uint8Array[], index: number) {
  const root = rootOf(sha256, leaves);
  return {
    logIndex: String(index),
    rootHash: base64(root),
    treeSize: String(leaves.length),
    hashes: inclusionRanges(index, leaves.length).map(({ start, end }) =>
      base64(rootOf(sha256, leaves.slice(start, end))),
    ),
    checkpoint: { envelope: checkpoint(recipe, log, leaves.length, root) },
  };
}

/** The entry for a body that is made already. */
export function logBody(
  recipe: EntryRecipe,
  body: Uint8Array,
  around: { readonly log: Log; readonly timeMs: number; readonly random: Random },
): EntryJson {
  const log = recipe.log ?? around.log;
  const v1 = log.treeId !== undefined;
  const { before = 3, after = 2, promise = v1, proof = true } = recipe;
  const others = (count: number) => Array.from({ length: count }, () => around.random(32));
  const leaves = [...others(before), leafHash(sha256, body), ...others(after)];
  const [kind = '', version = ''] = (recipe.kind ?? 'hashedrekord 0.0.2').split(' ');
  const logId = v1 ? setLogIdOf(log) : logIdOf(log);
  const logIndex = v1 ? (recipe.globalIndex ?? FIRST_OF_SHARD + before) : before;
  const integratedTime = Math.floor((recipe.integratedMs ?? around.timeMs) / 1000);
  const promised = { body: base64(body), integratedTime, logID: hex(logId), logIndex };
  const entry: EntryJson = {
    logIndex: String(logIndex),
    logId: { keyId: base64(logId) },
    kindVersion: { kind, version },
    ...(v1 ? { integratedTime: String(integratedTime) } : {}),
    ...(promise
      ? { inclusionPromise: { signedEntryTimestamp: promiseOf(recipe, log, promised) } }
      : {}),
    ...(proof ? { inclusionProof: proofOf(recipe, log, leaves, before) } : {}),
    canonicalizedBody: base64(body),
  };
  recipe.change?.(entry);
  return entry;
}

/** The entry about a signature. */
export function logEntry(
  recipe: EntryRecipe,
  facts: EntryFacts,
  around: { readonly log: Log; readonly timeMs: number; readonly random: Random },
): EntryJson {
  const text = entryBody(recipe.kind ?? 'hashedrekord 0.0.2', { ...facts, ...recipe.about });
  return logBody(recipe, utf8(recipe.body?.(text) ?? text), around);
}
