// SPDX-License-Identifier: Apache-2.0
// What a bundle is verified over: a file, or a digest that stands for one.
import { existsSync } from 'node:fs';
import type { Bundle } from '../core/bundle.ts';
import { fromHex } from '../core/bytes.ts';
import type { HashName } from '../core/crypto.ts';
import { HASH_ALGORITHMS } from '../core/entry.ts';
import { CodedError, coded } from '../core/errors.ts';
import { type Artifact, artifactHashes, type Policy, wantsBytes } from '../core/verify.ts';
import { hashFile, readBounded } from './files.ts';

export type Subject =
  | { readonly file: string }
  | { readonly hash: HashName; readonly digest: Uint8Array };

/** Pure Ed25519 reads its message twice, so the file has to stand in memory. */
const MAX_WHOLE_LENGTH = 512 << 20;

/** @param hex digest in hex @throws CodedError USAGE naming the flag */
export function digestSubject(algorithm: string, hex: string, field: string): Subject {
  const row = HASH_ALGORITHMS.find(({ hash }) => hash === algorithm);
  if (row === undefined) {
    throw new CodedError('USAGE', `${algorithm} is none of sha256, sha384, sha512`, { field });
  }
  const digest = coded('USAGE', field, () => fromHex(hex.toLowerCase()));
  if (digest.length !== row.length) {
    throw new CodedError('USAGE', `${digest.length} octets are no ${algorithm} digest`, { field });
  }
  return { hash: row.hash, digest };
}

/** A path, or `sha256:HEX`. A file that is there wins over a digest of the same spelling. */
export function subjectOf(text: string): Subject {
  const [, algorithm, hex] = /^(sha256|sha384|sha512):(.*)$/.exec(text) ?? [];
  if (algorithm === undefined || hex === undefined || existsSync(text)) return { file: text };
  return digestSubject(algorithm, hex, 'artifact');
}

/** As people write it. */
export function subjectText(subject: Subject): string {
  if ('file' in subject) return subject.file;
  return `${subject.hash}:${Buffer.from(subject.digest).toString('hex')}`;
}

/**
 * A file of any size is read once, for the digests that the verification will ask for.
 * @throws CodedError FILE_UNREADABLE
 */
export async function readArtifact(
  subject: Subject,
  bundle: Bundle,
  policy: Policy,
): Promise<Artifact> {
  if (!('file' in subject)) return { digests: { [subject.hash]: subject.digest } };
  if (wantsBytes(bundle, policy)) return { bytes: readBounded(subject.file, MAX_WHOLE_LENGTH) };
  return { digests: await hashFile(subject.file, artifactHashes(bundle, policy)) };
}
