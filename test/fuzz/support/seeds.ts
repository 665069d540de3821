// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { type BinaryNode, derTree } from './der-tree.ts';
import { type JsonNode, jsonTree } from './json-tree.ts';

interface Seeds {
  readonly jwk: JWK;
  readonly binary: Readonly<Record<string, readonly string[]>>;
  readonly json: Readonly<Record<string, readonly unknown[]>>;
  readonly text: Readonly<Record<string, readonly string[]>>;
}

const VECTORS = join(import.meta.dirname, '../../vectors/fuzz');
const seeds = JSON.parse(readFileSync(join(VECTORS, 'seeds.json'), 'utf8')) as Seeds;

/** Key of the issuers in the seeds. */
export const SEED_KEY = seeds.jwk;

function named<T>(table: Readonly<Record<string, readonly T[]>>, name: string): readonly T[] {
  const found = table[name];
  if (found === undefined) throw new Error(`no seeds for ${name}`);
  return found;
}

export function binarySeeds(name: string): Uint8Array[] {
  return named(seeds.binary, name).map((text) => new Uint8Array(Buffer.from(text, 'base64')));
}
export function derSeeds(name: string): BinaryNode[] {
  return binarySeeds(name).map(derTree);
}
export function jsonSeeds(name: string): JsonNode[] {
  return named(seeds.json, name).map(jsonTree);
}
export function textSeeds(name: string): readonly string[] {
  return named(seeds.text, name);
}

export interface KnownFind {
  readonly target: string;
  /** What it did, and why it is refused or read now. */
  readonly reason: string;
  readonly outcome: 'parsed' | 'refused';
  /** The input: text, base64 of bytes, or a short text to repeat. */
  readonly text?: string;
  readonly base64?: string;
  readonly repeat?: { readonly before: string; readonly text: string; readonly times: number };
}

export function knownFinds(): readonly KnownFind[] {
  return JSON.parse(readFileSync(join(VECTORS, 'finds.json'), 'utf8')) as KnownFind[];
}
