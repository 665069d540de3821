// SPDX-License-Identifier: Apache-2.0
// The clock compared with time servers, round after round, and what may be said of it between two
// rounds.
//
//   round    ask `numServers` servers side by side, each up to `requestAttempts` times
//   sample   agrees when its offset, with all that the way may hide, is within `maxTimeDelta`
//   verdict  right when `serverThreshold` samples agree; else too few answers, or a drift
import type { Clock } from '../runtime/clock.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import type { ClockRules, TimeServer } from './config.ts';
import { KissOfDeath, type Sample } from './sntp.ts';
import type { Ask } from './time-server.ts';

/** Kisses after which a server is not asked again (RFC 5905 §7.4); the others only slow us down. */
const FOR_EVER = new Set(['DENY', 'RSTR']);
/** Periods for which a server is left alone after its first kiss; doubled by each further one. */
const FIRST_REST = 2;
const MAX_REST = 64;
/** Rounds that may be missed before a verdict is too old to rely on. */
const ROUNDS_MISSED = 2;

export type Finding = 'pending' | 'right' | 'too_few' | 'drift' | 'stale' | 'stepped';

export interface ClockState {
  readonly finding: Finding;
  /** In words, for people; empty when the clock is right. */
  readonly reason: string;
  /** Servers that agreed in the last round. */
  readonly agreeing: number;
  /** Middle of the offsets in the last round: the servers' clock minus ours. */
  readonly offsetMs: number | undefined;
}

export interface ComparisonOptions {
  readonly config: ClockRules;
  readonly ask: Ask;
  readonly clock: Clock;
  /** Milliseconds that no setting of the clock changes. */
  readonly monotonic: Clock;
  readonly random: (size: number) => Uint8Array;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Comparison {
  /** Asks now and judges; never rejects. Joins the round that is under way, if there is one. */
  round(): Promise<void>;
  state(): ClockState;
  /** Milliseconds until the next round is due. */
  nextMs(): number;
}

interface Verdict extends ClockState {
  readonly atMs: number;
  readonly atMonotonicMs: number;
}

interface Rest {
  untilMs: number;
  periods: number;
}

const name = ({ host, port }: TimeServer) => `${host}:${port}`;
const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`;

function middle(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Whom to ask: any order of those that may be asked. */
function choose(
  servers: readonly TimeServer[],
  count: number,
  random: (size: number) => Uint8Array,
): readonly TimeServer[] {
  if (servers.length <= count) return servers;
  const weights = random(4 * servers.length);
  const view = new DataView(weights.buffer, weights.byteOffset, weights.byteLength);
  return servers
    .map((server, i) => ({ server, weight: view.getUint32(4 * i) }))
    .toSorted((a, b) => a.weight - b.weight)
    .slice(0, count)
    .map(({ server }) => server);
}

/** @param samples answers of one round */
export function judgeRound(
  config: ClockRules,
  samples: readonly Sample[],
): Pick<ClockState, 'finding' | 'reason' | 'agreeing' | 'offsetMs'> {
  const { numServers, serverThreshold, maxTimeDeltaSeconds } = config;
  const limitMs = maxTimeDeltaSeconds * 1000;
  const agreeing = samples.filter(
    // The true offset lies within half the delay around the measured one.
    ({ offsetMs, delayMs }) => Math.abs(offsetMs) + delayMs / 2 <= limitMs,
  ).length;
  const offsetMs = middle(samples.map((sample) => sample.offsetMs));
  const found = { agreeing, offsetMs };
  if (agreeing >= serverThreshold) return { ...found, finding: 'right', reason: '' };
  if (samples.length < serverThreshold) {
    const reason = `${samples.length} of ${numServers} time servers answered, ${serverThreshold} must agree`;
    return { ...found, finding: 'too_few', reason };
  }
  const reason = `${agreeing} of ${samples.length} time servers agree with the clock within ${maxTimeDeltaSeconds} s, ${serverThreshold} must; it is off by ${seconds(offsetMs ?? 0)}`;
  return { ...found, finding: 'drift', reason };
}

export function createComparison(options: ComparisonOptions): Comparison {
  const { config, ask, clock, monotonic, random, logger, metrics } = options;
  const periodMs = config.periodSeconds * 1000;
  const roundMs = config.requestAttempts * config.requestTimeoutSeconds * 1000;
  /** Both written by the round under way alone. */
  const resting = new Map<TimeServer, Rest>();
  let last: Verdict | undefined;
  let beganMs = monotonic();
  /** Written by round() alone. */
  let running: Promise<void> | undefined;

  const errors = metrics.counter(
    'sigstead_tsa_clock_errors_total',
    'Rounds of comparison with the time servers that failed, by reason.',
  );
  const rest = (server: TimeServer, { kiss }: KissOfDeath) => {
    const before = resting.get(server)?.periods;
    const longer = before === undefined ? FIRST_REST : Math.min(before * 2, MAX_REST);
    const periods = FOR_EVER.has(kiss) ? Number.POSITIVE_INFINITY : longer;
    resting.set(server, { periods, untilMs: monotonic() + periods * periodMs });
    logger.warn('tsa time server asks to be left alone', { server: name(server), kiss, periods });
  };

  const askOne = async (server: TimeServer): Promise<Sample | undefined> => {
    let reason = '';
    for (let attempt = 0; attempt < config.requestAttempts; attempt++) {
      try {
        const sample = await ask(server);
        resting.delete(server);
        return sample;
      } catch (error) {
        // SPEC RFC 5905 §7.4: after a kiss-of-death nothing more is sent for now.
        if (error instanceof KissOfDeath) {
          rest(server, error);
          return undefined;
        }
        reason = (error as Error).message;
      }
    }
    logger.warn('tsa time server gave no time', { server: name(server), reason });
    return undefined;
  };

  const tell = (verdict: Verdict) => {
    const { finding, reason, agreeing, offsetMs } = verdict;
    if (finding === 'right') {
      if (last?.finding !== 'right') logger.info('tsa clock is right', { agreeing, offsetMs });
      return;
    }
    errors.inc({ reason: finding });
    logger.warn('tsa clock is not confirmed', { mode: config.mode, reason, agreeing, offsetMs });
  };

  const oneRound = async () => {
    beganMs = monotonic();
    const willing = config.addresses.filter(
      (server) => (resting.get(server)?.untilMs ?? 0) <= beganMs,
    );
    const answers = await Promise.all(choose(willing, config.numServers, random).map(askOne));
    const samples = answers.filter((sample) => sample !== undefined);
    const verdict = {
      ...judgeRound(config, samples),
      atMs: clock(),
      atMonotonicMs: monotonic(),
    };
    tell(verdict);
    last = verdict;
  };

  /** A verdict speaks of a clock that nobody has set since, and not for long. */
  const aged = (verdict: Verdict): ClockState => {
    if (verdict.finding !== 'right') return verdict;
    const passedMs = monotonic() - verdict.atMonotonicMs;
    const steppedMs = clock() - verdict.atMs - passedMs;
    if (Math.abs(steppedMs) > config.maxTimeDeltaSeconds * 1000) {
      const reason = `the clock was moved by ${seconds(steppedMs)} since the last comparison`;
      return { ...verdict, finding: 'stepped', reason };
    }
    if (passedMs > ROUNDS_MISSED * periodMs + roundMs) {
      const reason = `the last comparison is ${seconds(passedMs)} old`;
      return { ...verdict, finding: 'stale', reason };
    }
    return verdict;
  };

  return {
    round() {
      running ??= oneRound().finally(() => {
        running = undefined;
      });
      return running;
    },
    state() {
      if (last !== undefined) return aged(last);
      const reason = 'the clock has not been compared yet';
      return { finding: 'pending', reason, agreeing: 0, offsetMs: undefined };
    },
    nextMs: () => Math.max(0, beganMs + periodMs - monotonic()),
  };
}
