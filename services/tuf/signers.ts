// SPDX-License-Identifier: Apache-2.0
// The four keys of the repository and what they sign.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { keyId, ROLES, type Role, type Root } from '../core/tuf.ts';
import { canonicalBytes, sealMetadata, tufKey } from '../core/tuf-build.ts';
import { ensureSigner, readSigner, type Signer } from '../runtime/keys.ts';
import { writeFileDurably } from '../runtime/store.ts';

export interface RoleSigner {
  readonly keyid: string;
  readonly signer: Signer;
}

export type RoleSigners = Readonly<Record<Role, RoleSigner>>;

export const DEV_ONLY =
  'The root and targets keys of this trust root are dev-only: they lie beside the data they protect. Never trust it for real signatures.';

export function keyPath(keysDirectory: string, role: Role): string {
  return join(keysDirectory, `tuf-${role}.pem`);
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
  const open = (role: Role): RoleSigner => {
    const path = keyPath(keysDirectory, role);
    const signer = root === undefined ? ensureSigner(path) : readSigner(path);
    const keyid = keyId(crypto, tufKey(signer.spki));
    if (root !== undefined && !root.roles[role].keyids.includes(keyid)) {
      throw new CodedError(
        'KEY_UNREADABLE',
        `${path} is not the ${role} key that ${root.file} names`,
        {
          field: path,
        },
      );
    }
    return { keyid, signer };
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

export async function seal({ keyid, signer }: RoleSigner, signed: JsonObject): Promise<Uint8Array> {
  return sealMetadata(signed, [{ keyid, signature: await signer.sign(canonicalBytes(signed)) }]);
}
