// SPDX-License-Identifier: Apache-2.0
// One timestamp made and verified before the first request. It never leaves the process.
import { utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { verifyTimestamp } from '../core/tsp.ts';
import type { Signer } from '../runtime/keys.ts';
import type { TsaChain } from './chain.ts';
import { readJsonRequest } from './request.ts';
import { createStamper } from './stamp.ts';

/**
 * @throws CodedError TSA_SIGNING, CONFIG_INVALID, CHAIN_INVALID when the key signs, but not what the
 *   leaf verifies
 */
export async function checkSigner(
  crypto: Crypto,
  chain: TsaChain,
  signer: Signer,
  policies: readonly string[],
): Promise<void> {
  const stamp = createStamper({
    crypto,
    random: (size) => new Uint8Array(size),
    signer,
    leaf: chain.leaf,
    policies,
    takeTime: () => Promise.resolve(chain.notBeforeMs),
  });
  // SHA-256 of nothing.
  const artifactHash = '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=';
  const request = JSON.stringify({ artifactHash, hashAlgorithm: 'sha256', certificates: true });
  const token = await stamp(readJsonRequest(utf8(request)));
  const authority = { uri: '', chain: chain.certificates, start: 0 };
  try {
    verifyTimestamp(crypto, token, new Uint8Array(), [authority]);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw new CodedError('CHAIN_INVALID', `timestamp authority: own stamp: ${error.message}`, {
      field: 'chain',
      cause: error,
    });
  }
}
