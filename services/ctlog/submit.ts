// SPDX-License-Identifier: Apache-2.0
// An entry into the CT log, an SCT out of it. The entry is in a durable, published tree before its
// SCT is signed, so the SCT is proof and not promise.
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { leafHash } from '../core/merkle.ts';
import { leafIndexExtension, type Sct } from '../core/sct.ts';
import type { Log } from '../log/log.ts';
import type { Signer } from '../runtime/keys.ts';
import type { Submission } from './chain.ts';
import { SHA256_ECDSA } from './head.ts';
import type { IssuerStore } from './issuers.ts';
import { leafInput, parseTileLeaf, signedEntry, tileLeaf, timestampedEntry } from './leaf.ts';

export interface SubmitOptions {
  readonly crypto: Crypto;
  readonly log: Log;
  readonly signer: Signer;
  readonly logId: Uint8Array;
  readonly issuers: IssuerStore;
  /** SCTs carry leaf_index (static-ct-api); without it their extensions are empty. */
  readonly leafIndex: boolean;
}

/**
 * Logs the entry, or finds it when the same certificate (or TBS of the same issuer) stands already:
 * then the SCT has the time and index of the entry that is there.
 * @throws CodedError as Log.append does
 */
export async function submitEntry(options: SubmitOptions, submission: Submission): Promise<Sct> {
  const { crypto, log, signer, logId, issuers, leafIndex } = options;
  const { entry, chain, fresh = false } = submission;
  const sha256 = (data: Uint8Array) => crypto.digest('sha256', data);
  // A crash after this leaves issuers without an entry, never an entry without issuers.
  const fingerprints = issuers.keep(chain);
  const { index } = await log.append({
    dedupKey: sha256(signedEntry(entry)),
    fresh,
    build(at, timeMs) {
      const extensions = leafIndex ? leafIndexExtension(at) : new Uint8Array();
      const timestamped = timestampedEntry(entry, timeMs, extensions);
      return {
        data: tileLeaf(entry, timestamped, fingerprints),
        leafHash: leafHash(sha256, leafInput(timestamped)),
      };
    },
  });
  // What stands in the tree is signed, not what was asked: a duplicate keeps its first time.
  const stored = log.entry(index);
  if (stored === undefined) throw new CodedError('INTERNAL', `entry ${index} is not readable`);
  const leaf = parseTileLeaf(stored.data);
  return {
    logId,
    timestampMs: leaf.timestampMs,
    extensions: leaf.extensions,
    ...SHA256_ECDSA,
    signature: await signer.sign(leafInput(leaf.timestamped)),
  };
}
