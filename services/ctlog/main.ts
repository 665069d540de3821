// SPDX-License-Identifier: Apache-2.0
// The certificate transparency log: one tree, read through RFC 6962 and as static tiles, written
// over HTTP or, by a CA in the same process, through a call.
import { join } from 'node:path';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, coded } from '../core/errors.ts';
import { encodeSct, type Sct, type SubmitPrecert } from '../core/sct.ts';
import { type Certificate, parseCertificate } from '../core/x509.ts';
import { type Log, openLog } from '../log/log.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Signer } from '../runtime/keys.ts';
import type { Service } from '../runtime/service.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { ctlogRoutes } from './app.ts';
import { judgeSubmission } from './chain.ts';
import { headSigner } from './head.ts';
import { IssuerStore } from './issuers.ts';
import type { CtEntry } from './leaf.ts';
import { submitEntry } from './submit.ts';

export interface CtLogOptions {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Entries, tiles, head, issuers. */
  readonly directory: string;
  /** High-water mark; best on another volume. */
  readonly markDirectory: string;
  readonly signer: Signer;
  /** `<host>/ctlog`: the submission prefix without scheme; fixed for the life of the log. */
  readonly origin: string;
  /** Chains end in one of these, or in one that was among them at an earlier start. */
  readonly roots: readonly Certificate[];
  /** SCTs carry leaf_index. */
  readonly leafIndex: boolean;
  readonly queueLimit?: number;
}

export interface CtLog extends Service {
  readonly log: Log;
  /** For a CA in this process, whose chains are not verified again. @throws as Log.append does */
  readonly submit: SubmitPrecert;
  /** SHA-256 of the key (RFC 6962 §3.2). */
  readonly logId: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  /** Takes chains up to this root (DER) too, from now on and after every start. @throws ParseError */
  admitRoot(der: Uint8Array): void;
}

/** @throws CodedError STATE_INCONSISTENT, and others as openLog does */
export async function openCtLog(options: CtLogOptions): Promise<CtLog> {
  const { crypto, clock, logger, metrics, signer, origin, leafIndex } = options;
  const logId = crypto.digest('sha256', signer.spki);
  const issuers = new IssuerStore(join(options.directory, 'issuers'), crypto);
  const rootStore = new IssuerStore(join(options.directory, 'roots'), crypto);
  // A crash after this leaves a root that no entry ends in yet.
  rootStore.keep(options.roots.map(({ der }) => der));
  /** What rootStore holds. Replaced by admitRoot() alone. */
  let roots = coded('STATE_INCONSISTENT', 'ctlog/roots', () =>
    rootStore.all().map(parseCertificate),
  );
  const log = await openLog({
    name: 'ctlog',
    directory: options.directory,
    markDirectory: options.markDirectory,
    treeId: origin,
    signHead: headSigner(crypto, origin, logId, signer),
    framing: 'none',
    clock,
    logger,
    metrics,
    ...(options.queueLimit === undefined ? {} : { queueLimit: options.queueLimit }),
  });
  const parts = { crypto, log, signer, logId, issuers, leafIndex };
  const submissions = metrics.counter('sigstead_ctlog_submissions_total', 'Submissions by result.');

  const counted = async (work: () => Promise<Sct>): Promise<Sct> => {
    try {
      const sct = await work();
      submissions.inc({ result: 'accepted' });
      return sct;
    } catch (error) {
      submissions.inc({ result: error instanceof CodedError ? error.code : 'INTERNAL' });
      throw error;
    }
  };
  const submit: SubmitPrecert = async ({ precert, tbs, issuerKeyHash, chain, fresh = false }) => {
    const entry: CtEntry = { type: 'precert', precert, tbs, issuerKeyHash };
    return encodeSct(await counted(() => submitEntry(parts, { entry, chain, fresh })));
  };
  const submitOverHttp = (wanted: CtEntry['type'], body: Uint8Array) =>
    counted(async () => submitEntry(parts, judgeSubmission(crypto, roots, wanted, body)));

  return {
    name: 'ctlog',
    log,
    submit,
    logId,
    publicKey: signer.spki,
    admitRoot(der) {
      const root = parseCertificate(der);
      if (roots.some((known) => equal(known.der, root.der))) return;
      rootStore.keep([root.der]);
      roots = [...roots, root];
    },
    routes: ctlogRoutes({
      logger,
      log,
      issuers,
      roots: () => roots.map(({ der }) => der),
      submit: submitOverHttp,
    }),
    readiness: () => log.readiness(),
    close: () => log.close(),
  };
}
