// SPDX-License-Identifier: Apache-2.0
// The timestamp authority: one key, one chain, one mark of time, and where it is wanted a comparison
// of the clock with others.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { OID } from '../core/oid.ts';
import { pem } from '../core/pem.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Signer } from '../runtime/keys.ts';
import type { Service } from '../runtime/service.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import type { Every } from '../runtime/timer.ts';
import { tsaRoutes } from './app.ts';
import { judgeChain } from './chain.ts';
import { type ClockWatch, watchClock } from './clock-watch.ts';
import type { ClockConfig } from './config.ts';
import { AHEAD_MS, openTimeMark } from './mark.ts';
import { checkSigner } from './self-check.ts';
import { createStamper } from './stamp.ts';
import { createTimekeeper } from './time.ts';
import type { Ask } from './time-server.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

export interface TsaOptions {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Unpredictable bytes, for serial numbers. */
  readonly random: (size: number) => Uint8Array;
  readonly signer: Signer;
  /** DER, leaf first, root last. */
  readonly chain: readonly Uint8Array[];
  /** Time mark; best on another volume. */
  readonly markDirectory: string;
  /** Dotted OIDs that requests may name; the first is the default. */
  readonly policies?: readonly string[];
  /** How the clock is compared with others; without it, it is not. */
  readonly clockConfig?: ClockConfig;
  /** Milliseconds that no setting of the clock changes. */
  readonly monotonic?: Clock;
  /** Asks one time server; UDP without. */
  readonly ask?: Ask;
  readonly every?: Every;
}

/**
 * After a crash the mark may stand a little ahead of the clock. Waiting for that moment at the start
 * is kinder than refusing the first requests; a clock that is really behind is left to refuse.
 */
async function passMark(floorMs: number, clock: Clock): Promise<void> {
  const behind = floorMs - clock();
  // A timer may end a millisecond early.
  if (behind > 0 && behind <= AHEAD_MS) await sleep(behind + 1);
}

/** @throws CodedError CHAIN_INVALID, STATE_INCONSISTENT, CONFIG_INVALID, TSA_SIGNING */
export async function openTsa(options: TsaOptions): Promise<Service> {
  const { crypto, clock, logger, metrics, random, signer } = options;
  const chain = judgeChain(crypto, options.chain, signer.spki);
  const policies = options.policies ?? [OID.sigstoreTsaPolicy];
  await checkSigner(crypto, chain, signer, policies);
  const mark = await openTimeMark(options.markDirectory);
  await passMark(mark.floorMs, clock);
  const watch: ClockWatch | undefined = await watchClock(options);
  const time = createTimekeeper(clock, chain, mark, watch?.requireConfirmed);
  const stamp = createStamper({
    crypto,
    random,
    signer,
    leaf: chain.leaf,
    policies,
    takeTime: time.take,
  });
  const daysLeft = () => Math.floor((chain.notAfterMs - clock()) / DAY_MS);
  const answered = metrics.counter('sigstead_tsa_requests_total', 'Timestamp requests by result.');
  metrics.gauge(
    'sigstead_tsa_chain_seconds_left',
    'Time until the chain of the timestamp authority expires.',
    () => (chain.notAfterMs - clock()) / 1000,
  );
  const routes = tsaRoutes({
    logger,
    chainPem: chain.certificates.map(({ der }) => pem('CERTIFICATE', der)).join(''),
    async stamp(request) {
      const reply = await stamp(request);
      answered.inc({ result: 'stamped' });
      return reply;
    },
    refused: (error) =>
      answered.inc({ result: error instanceof CodedError ? error.code : 'INTERNAL' }),
  });
  return {
    name: 'tsa',
    routes,
    readiness: () => time.obstacles(),
    state: () => ({
      chainDaysLeft: daysLeft(),
      clock: watch?.state() ?? { mode: 'off' },
    }),
    close() {
      watch?.stop();
      return mark.close(time.lastMs());
    },
  };
}
