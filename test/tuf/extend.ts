// SPDX-License-Identifier: Apache-2.0
// A repository as another tool might have left it: fields that we do not know, in every file.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JsonObject } from '../../services/core/json.ts';
import { snapshotSigned, timestampSigned } from '../../services/core/tuf-build.ts';
import type { TufState } from '../../services/core/tuf-update.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { openSigners, seal } from '../../services/tuf/signers.ts';
import type { Place } from './harness.ts';

/** Publishes the next version of everything, each with the fields. */
export async function extend(here: Place, state: TufState, fields: JsonObject): Promise<void> {
  const { root, timestamp, snapshot, targets } = state;
  if (timestamp === undefined || snapshot === undefined || targets === undefined) {
    throw new Error('the state is not whole');
  }
  const signers = openSigners(nodeCrypto, join(here.data, 'keys'), root);
  const put = (name: string, bytes: Uint8Array) => {
    writeFileSync(join(here.data, 'tuf', name), bytes);
    return { version: 2, bytes };
  };
  const validity = { version: 2, expiresMs: root.expiresMs };
  const roles = Object.fromEntries(
    Object.entries(root.signed.roles as JsonObject).map(([name, role]) => [
      name,
      { ...(role as JsonObject), ...fields },
    ]),
  );
  const newRoot = await seal(signers.root, { ...root.signed, ...fields, roles, version: 2 });
  put('2.root.json', newRoot);
  put('root.json', newRoot);
  const files = put(
    '2.targets.json',
    await seal(signers.targets, { ...targets.signed, ...fields, version: 2 }),
  );
  const shot = put(
    '2.snapshot.json',
    await seal(signers.snapshot, { ...snapshotSigned(nodeCrypto, validity, files), ...fields }),
  );
  const stamp = { ...timestampSigned(nodeCrypto, validity, shot), ...fields };
  put('timestamp.json', await seal(signers.timestamp, stamp));
}
