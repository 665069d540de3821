// SPDX-License-Identifier: Apache-2.0
// What the tables of cases share: one row is one bundle, with one fault at most.
import { base64, fromBase64, utf8 } from '../../../services/core/bytes.ts';
import type { ErrorCode } from '../../../services/core/errors.ts';
import type { TrustedRoot } from '../../../services/core/trust.ts';
import type { Policy } from '../../../services/core/verify.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import {
  ARTIFACT,
  type BundleJson,
  createVirtualSigstore,
  type EntryJson,
  HOST,
  KEY_MAKERS,
  noteLine,
  type Recipe,
  statementOf,
} from '../../support/virtual-sigstore.ts';

export interface Case {
  readonly name: string;
  /** Undefined: it must verify. */
  readonly code?: ErrorCode;
  readonly recipe?: Recipe;
  readonly policy?: Policy;
  readonly artifact?: Uint8Array;
  readonly root?: (root: TrustedRoot) => TrustedRoot;
}

export const MINUTE = 60_000;
export const rogue = KEY_MAKERS.p256();
export const managed = KEY_MAKERS.p256();
/** Another instance, which ours knows nothing of. */
export const elsewhere = await createVirtualSigstore();
export const rsaLog = KEY_MAKERS.rsa();
export const STATEMENT = statementOf(ARTIFACT);
export const PREDICATE = 'https://slsa.dev/provenance/v1';
export const OTHER = utf8('another artifact\n');
export const hex64 = 'ab'.repeat(32);

/** Changes the first log entry. */
export function entry(change: (entry: EntryJson) => void): Recipe {
  return {
    change: ({ verificationMaterial: { tlogEntries } }) => tlogEntries.slice(0, 1).forEach(change),
  };
}

/** Changes the inclusion proof of the first log entry. */
export function proof(change: (proof: NonNullable<EntryJson['inclusionProof']>) => void): Recipe {
  return entry(({ inclusionProof }) => {
    if (inclusionProof !== undefined) change(inclusionProof);
  });
}

export function checkpoint(change: (envelope: string) => string): Recipe {
  return proof((found) => {
    found.checkpoint = { envelope: change(found.checkpoint?.envelope ?? '') };
  });
}

export function flip(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
  return bytes.toString('base64');
}

export function bundle(change: (bundle: BundleJson) => void): Recipe {
  return { change };
}

/** SHA-256 of the raw signature: what a timestamp covers. */
export function signatureDigest(b: BundleJson): Uint8Array {
  const text = b.messageSignature?.signature ?? b.dsseEnvelope?.signatures[0]?.sig ?? '';
  return nodeCrypto.digest('sha256', fromBase64(text));
}

/** One timestamp more. */
export function addStamp(b: BundleJson, stamp: Uint8Array): void {
  const stamps = b.verificationMaterial.timestampVerificationData?.rfc3161Timestamps;
  stamps?.push({ signedTimestamp: base64(stamp) });
}

export const cosigner = noteLine(
  'witness.test',
  Uint8Array.of(1, 2, 3, 4),
  new Uint8Array(72).fill(7),
);
export const second = noteLine(HOST, Uint8Array.of(9, 9, 9, 9), new Uint8Array(64).fill(1));
export const uri = 'https://kubernetes.io/namespaces/ci/serviceaccounts/builder';
