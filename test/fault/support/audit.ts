// SPDX-License-Identifier: Apache-2.0
// Holds a restarted stack to every answer that a client ever got.
import { equal, fromBase64 } from '../../../services/core/bytes.ts';
import { leafHash } from '../../../services/core/merkle.ts';
import { OID } from '../../../services/core/oid.ts';
import {
  merkleTreeLeaf,
  parseLeafIndexExtension,
  parseSctList,
  precertTbs,
} from '../../../services/core/sct.ts';
import { parseTimestampResponse } from '../../../services/core/tsp-token.ts';
import {
  type Certificate,
  findExtension,
  parseCertificate,
  parsePem,
} from '../../../services/core/x509.ts';
import type { HttpClient } from '../../support/requests.ts';
import type { Record } from './records.ts';
import type { Sources } from './sources.ts';
import {
  fetchBytes,
  readTree,
  requireConsistent,
  requireIncluded,
  sha256,
  type Tree,
} from './tree.ts';

export interface EntryAnswer {
  readonly logIndex: string;
  readonly canonicalizedBody: string;
  readonly inclusionProof: { readonly checkpoint: { readonly envelope: string } };
}

export interface Audit {
  readonly tlog: Tree;
  readonly ctlog: Tree;
  readonly entries: number;
  readonly certificates: number;
  readonly stamps: number;
  readonly checkpoints: number;
  /** The latest time that a timestamp gave. */
  readonly latestStampMs: number;
}

export function chainOf(answer: string): Certificate[] {
  const { certificates } = JSON.parse(answer).signedCertificateEmbeddedSct.chain;
  return (certificates as string[]).map((text) => {
    const [block] = parsePem(text, 'CERTIFICATE');
    if (block === undefined) throw new Error('no certificate');
    return parseCertificate(block.der);
  });
}

/** Where a certificate says that it was logged, and the leaf that must stand there. */
export function ctLeafOf(answer: string, logId: Uint8Array): { index: number; leaf: Uint8Array } {
  const [certificate, issuer] = chainOf(answer);
  if (certificate === undefined || issuer === undefined) throw new Error('no chain');
  const list = findExtension(certificate, OID.sctList);
  const [sct, second] = list === undefined ? [] : parseSctList(list.value);
  if (sct === undefined || second !== undefined) throw new Error('not exactly one SCT');
  if (!equal(sct.logId, logId)) throw new Error('SCT of another log');
  const index = parseLeafIndexExtension(sct.extensions);
  if (index === undefined) throw new Error('SCT without leaf index');
  const leaf = merkleTreeLeaf({
    timestampMs: sct.timestampMs,
    extensions: sct.extensions,
    issuerKeyHash: sha256(issuer.publicKey.spki),
    tbs: precertTbs(certificate),
  });
  return { index, leaf };
}

/** RFC 6962 §4.5 must know the leaf under its hash too. */
async function requireFound(http: HttpClient, tree: Tree, index: number): Promise<void> {
  const hash = leafHash(sha256, tree.leaves[index] as Uint8Array);
  const query = `hash=${encodeURIComponent(Buffer.from(hash).toString('base64'))}`;
  const path = `/ctlog/ct/v1/get-proof-by-hash?${query}&tree_size=${tree.checkpoint.size}`;
  const found = JSON.parse(Buffer.from(await fetchBytes(http, path)).toString());
  if (found.leaf_index !== index)
    throw new Error(`hash of leaf ${index} finds ${found.leaf_index}`);
}

function of<K extends Record['kind']>(records: readonly Record[], kind: K) {
  return records.filter((record): record is Extract<Record, { kind: K }> => record.kind === kind);
}

/** @throws Error naming what is missing or differs */
export async function audit(
  http: HttpClient,
  sources: Sources,
  records: readonly Record[],
): Promise<Audit> {
  const tlog = await readTree(http, sources.tlog);
  const ctlog = await readTree(http, sources.ctlog);
  const entries = of(records, 'entry');
  const earlier = { tlog: new Set<string>(), ctlog: new Set<string>() };
  for (const { answer } of entries) {
    const entry: EntryAnswer = JSON.parse(answer);
    requireIncluded(tlog, Number(entry.logIndex), fromBase64(entry.canonicalizedBody));
    earlier.tlog.add(entry.inclusionProof.checkpoint.envelope);
  }
  const certificates = of(records, 'certificate');
  for (const [i, { answer }] of certificates.entries()) {
    const { index, leaf } = ctLeafOf(answer, sources.ctlog.logId);
    requireIncluded(ctlog, index, leaf);
    if (i % 50 === 0) await requireFound(http, ctlog, index);
  }
  for (const { log, note } of of(records, 'checkpoint')) earlier[log].add(note);
  for (const note of earlier.tlog) requireConsistent(tlog, sources.tlog.open(note));
  for (const note of earlier.ctlog) requireConsistent(ctlog, sources.ctlog.open(note));
  const stamps = of(records, 'stamp').map(({ reply }) => parseTimestampResponse(fromBase64(reply)));
  return {
    tlog,
    ctlog,
    entries: entries.length,
    certificates: certificates.length,
    stamps: stamps.length,
    checkpoints: earlier.tlog.size + earlier.ctlog.size,
    latestStampMs: Math.max(0, ...stamps.map(({ genTimeMs }) => genTimeMs)),
  };
}
