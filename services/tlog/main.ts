// SPDX-License-Identifier: Apache-2.0
// The transparency log: Rekor v2 over the log engine.
import { utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { leafHash, verifyInclusion } from '../core/merkle.ts';
import { formatCheckpoint, formatNote } from '../core/note.ts';
import { type Appended, type HeadSigner, type Log, openLog } from '../log/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Signer } from '../runtime/keys.ts';
import type { Service } from '../runtime/service.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { admit } from './admit.ts';
import { transparencyLogEntry } from './answer.ts';
import { tlogRoutes } from './app.ts';
import { parseRequest } from './request.ts';

export interface TlogOptions {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Entries, tiles, head. */
  readonly directory: string;
  /** High-water mark; best on another volume. */
  readonly markDirectory: string;
  readonly signer: Signer;
  /** Bare host name; first line and signature name of every checkpoint, for the life of the log. */
  readonly origin: string;
  /** Entries waiting; more get 503. */
  readonly queueLimit?: number;
  /** Takes no more entries. */
  readonly frozen?: boolean;
  /** Longest wait of a write; clients give up soon after. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 20_000;

export interface Tlog extends Service {
  readonly log: Log;
  /** SHA-256 of the key (SPKI): the key id of C2SP and the log id of Rekor v1 in one. */
  readonly logId: Uint8Array;
}

/**
 * Signs heads as C2SP checkpoints: one line of the log key, ECDSA P-256 over SHA-256, hint = first
 * four octets of SHA-256(SPKI). No extension lines: witnesses refuse them.
 */
function headSigner(origin: string, logId: Uint8Array, signer: Signer): HeadSigner {
  return async ({ size, root }) => {
    const text = formatCheckpoint(origin, size, root);
    const signature = await signer.sign(utf8(text));
    return utf8(formatNote(text, [{ name: origin, hint: logId.subarray(0, 4), signature }]));
  };
}

/** An answer that would not verify never leaves. */
function checkOwnProof(crypto: Crypto, hash: Uint8Array, appended: Appended): void {
  const { index, size, proof, root } = appended;
  verifyInclusion(crypto, { index, size, leafHash: hash, proof, root });
}

/** @throws CodedError UNAVAILABLE when it takes longer; the work goes on */
function within<T>(work: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => {
      const reason = `no durable checkpoint within ${deadlineMs} ms; the entry may be logged yet, asking again finds it`;
      reject(new CodedError('UNAVAILABLE', reason));
    };
    const timer = setTimeout(late, deadlineMs);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** @throws CodedError as openLog does: STATE_INCONSISTENT and others */
export async function openTlog(options: TlogOptions): Promise<Tlog> {
  const { crypto, clock, logger, metrics, signer, origin, deadlineMs = DEADLINE_MS } = options;
  const logId = crypto.digest('sha256', signer.spki);
  const log = await openLog({
    name: 'tlog',
    directory: options.directory,
    markDirectory: options.markDirectory,
    treeId: origin,
    signHead: headSigner(origin, logId, signer),
    framing: 'u16',
    clock,
    logger,
    metrics,
    ...(options.queueLimit === undefined ? {} : { queueLimit: options.queueLimit }),
  });
  const written = metrics.counter('sigstead_tlog_entries_total', 'Write requests by result.');

  const write = async (body: Uint8Array): Promise<string> => {
    try {
      const entry = admit(crypto, parseRequest(body));
      const hash = leafHash((data) => crypto.digest('sha256', data), entry);
      const leaf = { data: entry, leafHash: hash };
      const appended = await within(log.append({ dedupKey: hash, build: () => leaf }), deadlineMs);
      checkOwnProof(crypto, hash, appended);
      written.inc({ result: appended.duplicate ? 'duplicate' : 'accepted' });
      return transparencyLogEntry(logId, entry, appended);
    } catch (error) {
      written.inc({ result: error instanceof CodedError ? error.code : 'INTERNAL' });
      throw error;
    }
  };

  return {
    name: 'tlog',
    log,
    logId,
    routes: tlogRoutes({ log, logger, frozen: options.frozen ?? false, write }),
    readiness: () => log.readiness(),
    close: () => log.close(),
  };
}
