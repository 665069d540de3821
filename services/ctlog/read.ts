// SPDX-License-Identifier: Apache-2.0
// What RFC 6962 §4.3 to §4.8 show of the log. Nothing beyond the published tree.
import { base64 } from '../core/bytes.ts';
import { CodedError } from '../core/errors.ts';
import type { Log } from '../log/log.ts';
import { treeHeadSignature } from './head.ts';
import type { IssuerStore } from './issuers.ts';
import { extraData, leafInput, parseTileLeaf } from './leaf.ts';

/** RFC 6962 §4.6 lets a log return fewer entries than asked for. */
const MAX_ENTRIES = 256;
const MAX_ENTRIES_BYTES = 2 << 20;

export interface Reader {
  readonly log: Log;
  readonly issuers: IssuerStore;
}

function outOfRange(field: string, value: number, size: number): CodedError {
  return new CodedError('TREE_RANGE', `${field} = ${value}, the tree has ${size} entries`, {
    field,
  });
}

/** §4.3 */
export function signedTreeHead({ log }: Reader): object {
  const head = log.head();
  const { timestampMs, signature } = treeHeadSignature(head.checkpoint);
  return {
    tree_size: head.size,
    timestamp: timestampMs,
    sha256_root_hash: base64(head.root),
    tree_head_signature: base64(signature),
  };
}

/** §4.4. Every tree is consistent with the empty one: no hashes show it. */
export function consistency({ log }: Reader, first: number, second: number): object {
  const { size } = log.head();
  if (second > size) throw outOfRange('second', second, size);
  if (first > second) throw outOfRange('first', first, second);
  const hashes = first === 0 || first === second ? [] : log.consistencyProof(first, second);
  return { consistency: hashes.map(base64) };
}

function requireSize(log: Log, treeSize: number): void {
  const { size } = log.head();
  if (treeSize < 1 || treeSize > size) throw outOfRange('tree_size', treeSize, size);
}

/** §4.5 */
export function proofByHash({ log }: Reader, hash: Uint8Array, treeSize: number): object {
  requireSize(log, treeSize);
  const index = hash.length === 32 ? log.findLeaf(hash) : undefined;
  if (index === undefined || index >= treeSize) {
    throw new CodedError('NOT_FOUND', `no such leaf in the tree of ${treeSize} entries`, {
      field: 'hash',
    });
  }
  return { leaf_index: index, audit_path: log.inclusionProof(index, treeSize).map(base64) };
}

function entryAt(
  { log, issuers }: Reader,
  index: number,
): { input: Uint8Array; extra: Uint8Array } {
  const stored = log.entry(index);
  if (stored === undefined) throw new CodedError('INTERNAL', `entry ${index} is not readable`);
  const leaf = parseTileLeaf(stored.data);
  return {
    input: leafInput(leaf.timestamped),
    extra: extraData(leaf, issuers.chain(leaf.fingerprints)),
  };
}

/** §4.6, both ends inclusive. */
export function entries(reader: Reader, start: number, end: number): object {
  const { size } = reader.log.head();
  if (start >= size) throw outOfRange('start', start, size);
  if (end < start)
    throw new CodedError('TREE_RANGE', `end = ${end} lies before start = ${start}`, {
      field: 'end',
    });
  const last = Math.min(end, size - 1, start + MAX_ENTRIES - 1);
  const found: object[] = [];
  let bytes = 0;
  for (let index = start; index <= last && bytes < MAX_ENTRIES_BYTES; index++) {
    const { input, extra } = entryAt(reader, index);
    bytes += input.length + extra.length;
    found.push({ leaf_input: base64(input), extra_data: base64(extra) });
  }
  return { entries: found };
}

/** §4.8 */
export function entryAndProof(reader: Reader, index: number, treeSize: number): object {
  requireSize(reader.log, treeSize);
  if (index >= treeSize) throw outOfRange('leaf_index', index, treeSize);
  const { input, extra } = entryAt(reader, index);
  return {
    leaf_input: base64(input),
    extra_data: base64(extra),
    audit_path: reader.log.inclusionProof(index, treeSize).map(base64),
  };
}
