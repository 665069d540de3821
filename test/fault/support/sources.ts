// SPDX-License-Identifier: Apache-2.0
// The two logs of a stack as a monitor sees them, under keys that were pinned at the first start.
import { ECDSA_P256_SHA256 } from '../../../services/core/algorithm.ts';
import {
  ByteReader,
  concat,
  equal,
  fromBase64,
  uint64,
  utf8,
} from '../../../services/core/bytes.ts';
import { ParseError } from '../../../services/core/errors.ts';
import {
  type Checkpoint,
  parseCheckpoint,
  parseNote,
  verifyCheckpoint,
} from '../../../services/core/note.ts';
import { parseBundleEntries, TILE_WIDTH, tilePath } from '../../../services/core/tile.ts';
import { parseTrustedRoot, type TrustLog } from '../../../services/core/trust.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { HttpClient } from '../../support/requests.ts';
import { fetchBytes, type LogSource } from './tree.ts';

const ORIGIN = 'localhost';
/** SHA-256 and ECDSA of RFC 5246 §7.4.1.4.1. */
const SHA256_ECDSA = Uint8Array.of(4, 3);

async function bundleEntries(http: HttpClient, size: number): Promise<Uint8Array[]> {
  const leaves: Uint8Array[] = [];
  for (let at = 0; at < size; at += TILE_WIDTH) {
    const width = Math.min(TILE_WIDTH, size - at);
    const path = tilePath({ kind: 'entries', n: at / TILE_WIDTH, width }, 'entries');
    leaves.push(...parseBundleEntries(await fetchBytes(http, `/api/v2/tile/${path}`), width));
  }
  return leaves;
}

async function ctEntries(http: HttpClient, size: number): Promise<Uint8Array[]> {
  const leaves: Uint8Array[] = [];
  while (leaves.length < size) {
    const path = `/ctlog/ct/v1/get-entries?start=${leaves.length}&end=${size - 1}`;
    const body = JSON.parse(Buffer.from(await fetchBytes(http, path)).toString());
    const entries: Array<{ leaf_input: string }> = body.entries;
    if (entries.length === 0) throw new Error(`${path}: no entries`);
    leaves.push(...entries.map(({ leaf_input }) => fromBase64(leaf_input)));
  }
  return leaves;
}

/** RFC 6962 §3.5 inside a note: u64 ms | DigitallySigned. @throws ParseError */
function openTreeHead(log: TrustLog, envelope: string): Checkpoint {
  const { text, signatures } = parseNote(envelope);
  const checkpoint = parseCheckpoint(text);
  const name = `${ORIGIN}/ctlog`;
  if (checkpoint.origin !== name) throw new ParseError(`checkpoint is of ${checkpoint.origin}`);
  const named = concat(utf8(name), Uint8Array.of(0x0a, 5), log.logId);
  const hint = nodeCrypto.digest('sha256', named).subarray(0, 4);
  const line = signatures.find((s) => s.name === name && equal(s.hint, hint));
  if (line === undefined) throw new ParseError('no signature of the log');
  const reader = new ByteReader(line.signature);
  const time = reader.uint64();
  if (!equal(reader.take(2), SHA256_ECDSA)) throw new ParseError('not SHA-256 and ECDSA');
  const signature = reader.vector(2);
  reader.end('the tree head');
  const head = concat(Uint8Array.of(0, 1), uint64(time), uint64(checkpoint.size), checkpoint.root);
  if (!nodeCrypto.verify(log.key, ECDSA_P256_SHA256, head, signature)) {
    throw new ParseError('the tree head is not signed by the log');
  }
  return checkpoint;
}

export interface Sources {
  readonly tlog: LogSource;
  readonly ctlog: LogSource & { readonly logId: Uint8Array };
}

/** @param trustedRoot what /trust/trusted_root.json held at the first start */
export function pinSources(trustedRoot: Uint8Array): Sources {
  const { tlogs, ctlogs } = parseTrustedRoot(trustedRoot);
  const [tlog] = tlogs;
  const [ctlog] = ctlogs;
  if (tlog === undefined || ctlog === undefined) throw new Error('trusted root without logs');
  const checkpointKey = { name: ORIGIN, key: tlog.key, keyId: tlog.logId };
  return {
    tlog: {
      base: '/api/v2',
      open: (envelope) => verifyCheckpoint(nodeCrypto, envelope, checkpointKey),
      leaves: bundleEntries,
    },
    ctlog: {
      base: '/ctlog',
      open: (envelope) => openTreeHead(ctlog, envelope),
      leaves: ctEntries,
      logId: ctlog.logId,
    },
  };
}
