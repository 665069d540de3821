// SPDX-License-Identifier: Apache-2.0
// Keys and certificate chains of the stack: made at the first start, read at every later one.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { coded } from '../core/errors.ts';
import { parsePem, pem } from '../core/pem.ts';
import { makeCaChain, makeTsaChain } from '../pki/chain.ts';
import type { Clock } from '../runtime/clock.ts';
import { ensurePrivateKey, ensureSigner, type Signer } from '../runtime/keys.ts';
import { writeFileDurably } from '../runtime/store.ts';
import type { Layout } from './state.ts';

export interface Material {
  readonly ca: { signer: Signer /** [intermediate, root], DER. */; chain: readonly Uint8Array[] };
  readonly ctlog: Signer;
  readonly tlog: Signer;
  readonly tsa: { signer: Signer /** [leaf, root], DER. */; chain: readonly Uint8Array[] };
}

/**
 * The chain in the PEM file at `path`, made and kept when there is none. A crash before the write
 * leaves the keys; the next start makes the chain from them.
 */
async function ensureChain(
  path: string,
  make: () => Promise<readonly Uint8Array[]>,
): Promise<readonly Uint8Array[]> {
  if (!existsSync(path)) {
    const chain = await make();
    writeFileDurably(path, chain.map((der) => pem('CERTIFICATE', der)).join(''), 0o600);
  }
  const text = readFileSync(path, 'utf8');
  return coded('CHAIN_INVALID', path, () => parsePem(text, 'CERTIFICATE').map(({ der }) => der));
}

/** @throws CodedError KEY_UNREADABLE, CHAIN_INVALID */
export async function ensureMaterial(
  layout: Layout,
  organization: string,
  clock: Clock,
): Promise<Material> {
  const at = (name: string) => join(layout.keys, name);
  const common = {
    organization,
    clock,
    random: (size: number) => new Uint8Array(randomBytes(size)),
  };
  const caChain = await ensureChain(at('ca-chain.pem'), async () => {
    const { root, intermediate } = await makeCaChain({
      rootKey: ensurePrivateKey(at('ca-root.pem')),
      intermediateKey: ensurePrivateKey(at('ca-intermediate.pem')),
      ...common,
    });
    return [intermediate, root];
  });
  const tsaChain = await ensureChain(at('tsa-chain.pem'), async () => {
    const { root, leaf } = await makeTsaChain({
      rootKey: ensurePrivateKey(at('tsa-root.pem')),
      leafKey: ensurePrivateKey(at('tsa.pem')),
      ...common,
    });
    return [leaf, root];
  });
  return {
    ca: { signer: ensureSigner(at('ca-intermediate.pem')), chain: caChain },
    ctlog: ensureSigner(at('ctlog.pem')),
    tlog: ensureSigner(at('tlog.pem')),
    tsa: { signer: ensureSigner(at('tsa.pem')), chain: tsaChain },
  };
}
