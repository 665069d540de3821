// SPDX-License-Identifier: Apache-2.0
// Keys and certificate chains of the stack: made at the first start, read at every later one.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CaConfig } from '../ca/config.ts';
import { type KeyPair, keyPairReader, type ReadKeyPair } from '../ca/key-files.ts';
import { coded } from '../core/errors.ts';
import { parsePem, pem } from '../core/pem.ts';
import type { CaChainOptions } from '../pki/chain.ts';
import type { Clock } from '../runtime/clock.ts';
import { ensurePrivateKey, ensureSigner, type Signer } from '../runtime/keys.ts';
import { writeFileDurably } from '../runtime/store.ts';
import type { Layout } from './state.ts';

/** Loaded by the first start alone: it brings a library of 5 MB, which no later one needs. */
const chainMaker = () => import('../pki/chain.ts');

export interface Material {
  readonly ca: KeyPair & { /** What stands in the files now. */ readonly read: ReadKeyPair };
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

/** Root and intermediate of ours, where the operator brings none. */
async function ensureCaFiles(
  layout: Layout,
  common: Omit<CaChainOptions, 'rootKey' | 'intermediateKey'>,
) {
  const at = (name: string) => join(layout.keys, name);
  const files = { chainFile: at('ca-chain.pem'), keyFile: at('ca-intermediate.pem') };
  await ensureChain(files.chainFile, async () => {
    const { makeCaChain } = await chainMaker();
    const { root, intermediate } = await makeCaChain({
      rootKey: ensurePrivateKey(at('ca-root.pem')),
      intermediateKey: ensurePrivateKey(files.keyFile),
      ...common,
    });
    return [intermediate, root];
  });
  return files;
}

/** The operator's files, which are read where they lie. */
function configuredFiles({ chainFile, keyFile, keyPasswordFile }: CaConfig) {
  if (chainFile === undefined || keyFile === undefined) return undefined;
  return { chainFile, keyFile, keyPasswordFile };
}

/** @throws CodedError KEY_UNREADABLE, CHAIN_INVALID */
export async function ensureMaterial(
  layout: Layout,
  organization: string,
  clock: Clock,
  ca: CaConfig,
): Promise<Material> {
  const at = (name: string) => join(layout.keys, name);
  const common = {
    organization,
    clock,
    random: (size: number) => new Uint8Array(randomBytes(size)),
  };
  const read = keyPairReader(configuredFiles(ca) ?? (await ensureCaFiles(layout, common)));
  const tsaChain = await ensureChain(at('tsa-chain.pem'), async () => {
    const { makeTsaChain } = await chainMaker();
    const { root, leaf } = await makeTsaChain({
      rootKey: ensurePrivateKey(at('tsa-root.pem')),
      leafKey: ensurePrivateKey(at('tsa.pem')),
      ...common,
    });
    return [leaf, root];
  });
  return {
    ca: { ...read().open(), read },
    ctlog: ensureSigner(at('ctlog.pem')),
    tlog: ensureSigner(at('tlog.pem')),
    tsa: { signer: ensureSigner(at('tsa.pem')), chain: tsaChain },
  };
}
