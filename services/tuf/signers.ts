// SPDX-License-Identifier: Apache-2.0
// The keys of the repository, what they sign, and how one follows another.
//
//   tuf-<role>.pem        the key that the newest root names
//   tuf-<role>.next.pem   a key that is to follow it: the next publication takes it up, after which
//                         it has the name of the first
import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { keyId, ROLES, type Role, type Root } from '../core/tuf.ts';
import { canonicalBytes, sealMetadata, tufKey } from '../core/tuf-build.ts';
import { ensureSigner, readSigner, type Signer } from '../runtime/keys.ts';
import { syncDirectory, writeFileDurably } from '../runtime/store.ts';

interface RoleSigner {
  readonly keyid: string;
  readonly signer: Signer;
}

export interface RoleKeys {
  readonly current: RoleSigner;
  /** Follows with the next root. */
  readonly next?: RoleSigner;
}

export type RoleSigners = Readonly<Record<Role, RoleKeys>>;

export const DEV_ONLY =
  'The root and targets keys of this trust root are dev-only: they lie beside the data they protect. Never trust it for real signatures.';

export function keyPath(keysDirectory: string, role: Role): string {
  return join(keysDirectory, `tuf-${role}.pem`);
}

export function nextKeyPath(keysDirectory: string, role: Role): string {
  return join(keysDirectory, `tuf-${role}.next.pem`);
}

export function isReplaced({ next }: RoleKeys): boolean {
  return next !== undefined;
}

/** Roles whose key is to be followed by another. */
export function pendingRoles(keysDirectory: string): Role[] {
  return ROLES.filter((role) => existsSync(nextKeyPath(keysDirectory, role)));
}

/** Makes the key that is to follow; one that waits already stays. @throws CodedError KEY_UNREADABLE */
export function prepareNextKey(keysDirectory: string, role: Role): void {
  ensureSigner(nextKeyPath(keysDirectory, role));
}

/**
 * Once the newest root names it, the key that followed takes the place of the old one, which nothing
 * needs any more. A crash before the rename leaves both; the next start renames.
 */
export function adoptNextKey(keysDirectory: string, role: Role): void {
  renameSync(nextKeyPath(keysDirectory, role), keyPath(keysDirectory, role));
  syncDirectory(keysDirectory);
}

/**
 * @param root the root in force; its keys must be the ones on disk. Without one, keys are made.
 * @throws CodedError KEY_UNREADABLE
 */
export function openSigners(
  crypto: Crypto,
  keysDirectory: string,
  root: Root | undefined,
): RoleSigners {
  const named = (signer: Signer): RoleSigner => ({
    keyid: keyId(crypto, tufKey(signer.spki)),
    signer,
  });
  const open = (role: Role): RoleKeys => {
    const path = keyPath(keysDirectory, role);
    const nextPath = nextKeyPath(keysDirectory, role);
    const next = existsSync(nextPath) ? named(readSigner(nextPath)) : undefined;
    const inForce = root?.roles[role].keyids;
    if (next !== undefined && inForce?.includes(next.keyid)) {
      adoptNextKey(keysDirectory, role);
      return { current: next };
    }
    const current = named(root === undefined ? ensureSigner(path) : readSigner(path));
    if (inForce !== undefined && !inForce.includes(current.keyid)) {
      const reason = `${path} is not the ${role} key that ${root?.file} names`;
      throw new CodedError('KEY_UNREADABLE', reason, { field: path });
    }
    return { current, ...(next === undefined ? {} : { next }) };
  };
  return {
    root: open('root'),
    timestamp: open('timestamp'),
    snapshot: open('snapshot'),
    targets: open('targets'),
  };
}

/** A crash before this leaves keys without the note; the next start writes it. */
export function describeDevKeys(keysDirectory: string): void {
  const path = join(keysDirectory, 'README');
  if (existsSync(path)) return;
  const names = ROLES.map((role) => `tuf-${role}.pem`).join(', ');
  const lines = [
    'Private keys of a Sigstead stack that was started with --dev.',
    `tuf-root.pem and tuf-targets.pem are dev-only. ${DEV_ONLY}`,
    `In production they are kept away from the machine that serves; here ${names} lie together.`,
    '',
  ];
  writeFileDurably(path, lines.join('\n'), 0o600);
}

/** Signed by the key in force, and by the one that follows it if there is one. */
export async function seal({ current, next }: RoleKeys, signed: JsonObject): Promise<Uint8Array> {
  const message = canonicalBytes(signed);
  const signatures = [];
  for (const { keyid, signer } of next === undefined ? [current] : [current, next]) {
    signatures.push({ keyid, signature: await signer.sign(message) });
  }
  return sealMetadata(signed, signatures);
}
