// SPDX-License-Identifier: Apache-2.0
// What a comparison of the clock means for the authority: in mode warn it is told, in mode
// fail-closed nothing is stamped unless the last one was right.
import { CodedError } from '../core/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { type Every, everyUnref } from '../runtime/timer.ts';
import { createComparison } from './comparison.ts';
import { type ClockConfig, clockRules } from './config.ts';
import { type Ask, udpAsk } from './time-server.ts';

export interface ClockWatch {
  /** @throws CodedError TSA_CLOCK_UNCONFIRMED in mode fail-closed */
  requireConfirmed(): void;
  /** For readiness. */
  state(): Readonly<Record<string, unknown>>;
  stop(): void;
}

export interface WatchOptions {
  readonly clockConfig?: ClockConfig;
  readonly clock: Clock;
  readonly monotonic?: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly ask?: Ask;
  readonly every?: Every;
}

/**
 * Undefined with mode off. With fail-closed the first comparison has ended when it resolves, well or
 * not, so that a start with right clocks refuses nobody.
 */
export async function watchClock(options: WatchOptions): Promise<ClockWatch | undefined> {
  const { clock, random, metrics } = options;
  const config = clockRules(options.clockConfig);
  if (config === undefined) return undefined;
  const closed = config.mode === 'fail-closed';
  const timeoutMs = config.requestTimeoutSeconds * 1000;
  const comparison = createComparison({
    ...options,
    config,
    monotonic: options.monotonic ?? (() => performance.now()),
    ask: options.ask ?? udpAsk({ clock, random, timeoutMs }),
  });
  metrics.gauge(
    'sigstead_tsa_clock_confirmed',
    'Whether time servers stand by the clock: 1 or 0.',
    () => Number(comparison.state().finding === 'right'),
  );
  metrics.gauge(
    'sigstead_tsa_clock_offset_seconds',
    'Middle of what the time servers say of the clock in the last comparison: theirs minus ours.',
    () => (comparison.state().offsetMs ?? Number.NaN) / 1000,
  );
  const first = comparison.round();
  if (closed) await first;
  const every = options.every ?? everyUnref;
  // A round never rejects.
  const stop = every(config.periodSeconds * 1000, () => comparison.round());
  return {
    requireConfirmed() {
      if (!closed) return;
      const { finding, reason } = comparison.state();
      if (finding === 'right') return;
      const retryAfterSeconds = Math.max(1, Math.ceil(comparison.nextMs() / 1000));
      throw new CodedError('TSA_CLOCK_UNCONFIRMED', reason, { retryAfterSeconds });
    },
    state() {
      const { finding, reason, agreeing, offsetMs } = comparison.state();
      return {
        mode: config.mode,
        finding,
        ...(reason === '' ? {} : { reason }),
        agreeing,
        ...(offsetMs === undefined ? {} : { offsetSeconds: offsetMs / 1000 }),
      };
    },
    stop,
  };
}
