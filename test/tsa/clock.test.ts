// SPDX-License-Identifier: Apache-2.0
// The clock compared with time servers on loopback, in each mode.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../services/core/errors.ts';
import { encodeTimestampRequest, parseTimestampResponse } from '../../services/core/tsp.ts';
import { judgeConfig } from '../../services/runtime/config.ts';
import { createMetrics } from '../../services/runtime/metrics.ts';
import type { Service } from '../../services/runtime/service.ts';
import type { Logger } from '../../services/runtime/telemetry.ts';
import { clockRules, tsaConfig } from '../../services/tsa/config.ts';
import { type Bench, bench, NOW, post, refusal, requestFor, stamp } from './harness.ts';
import { type Answer, type FakeTimeServer, startTimeServer } from './ntp-server.ts';

type Mode = 'off' | 'warn' | 'fail-closed';

let b: Bench;
let servers: FakeTimeServer[];
let lines: Array<{ level: string; event: string; fields: Record<string, unknown> }>;
let metrics: ReturnType<typeof createMetrics>;
/** Turned by tests. */
let monotonic: number;
/** A round, or the end of the one that is under way. */
let tick: () => Promise<void>;
const opened: Service[] = [];

beforeEach(() => {
  b = bench();
  servers = [];
  lines = [];
  metrics = createMetrics();
  monotonic = 1000;
});
afterEach(async () => {
  for (const service of opened.splice(0)) await service.close();
  for (const server of servers) await server.close();
  b.remove();
});

const right = (): Answer => ({ nowMs: b.clock.now });
const ahead = (seconds: number) => (): Answer => ({ nowMs: b.clock.now + seconds * 1000 });
const silent = () => undefined;

async function serve(...behaviours: Array<(question: Uint8Array) => Answer | undefined>) {
  servers = await Promise.all(behaviours.map(startTimeServer));
}

const logger: Logger = {
  info: (event, fields = {}) => lines.push({ level: 'info', event, fields }),
  warn: (event, fields = {}) => lines.push({ level: 'warn', event, fields }),
  error: (event, fields = {}) => lines.push({ level: 'error', event, fields }),
};

/** Long enough for a busy machine, and for servers that are all silent. */
const PATIENT = 1.5;
const HASTY = 0.5;

/** An authority that compares its clock with all of the servers. */
async function open(
  mode: Mode,
  more: object = {},
  requestTimeoutSeconds = PATIENT,
): Promise<Service> {
  const { clock } = judgeConfig(tsaConfig, {
    clock: { mode, servers: servers.map(({ name }) => name), requestAttempts: 1, ...more },
  });
  const tasks: Array<() => void | Promise<void>> = [];
  const service = await b.open({
    clockConfig: { ...clock, requestTimeoutSeconds },
    monotonic: () => monotonic,
    logger,
    metrics,
    every: (_, task) => {
      tasks.push(task);
      return () => {};
    },
  });
  opened.push(service);
  tick = async () => {
    for (const task of tasks) await task();
  };
  return service;
}

const clockState = (service: Service) =>
  (service.state?.() as { clock: Record<string, unknown> } | undefined)?.clock ?? {};

function pass(milliseconds: number): void {
  b.clock.now += milliseconds;
  monotonic += milliseconds;
}

const QUERY = encodeTimestampRequest(requestFor());
const answered = async (service: Service) => {
  const response = await post(service, QUERY);
  const retry = response.headers.get('retry-after');
  return response.status === 200 ? 'stamped' : { ...(await refusal(response)), retry };
};
const warnings = () => lines.filter(({ level }) => level === 'warn').map(({ event }) => event);

describe('mode off', () => {
  it('is the one without a setting, and asks nobody', async () => {
    await serve(silent);
    const service = await open('off');
    expect(judgeConfig(tsaConfig, {}).clock).toMatchObject({ mode: 'off', servers: [] });
    b.clock.now += 3_600_000;
    expect(await answered(service)).toBe('stamped');
    expect(clockState(service)).toEqual({ mode: 'off' });
    expect(servers[0]?.questions).toEqual([]);
    expect(await metrics.text()).not.toContain('sigstead_tsa_clock');
  });
});

describe('mode fail-closed', () => {
  it('stamps when enough servers agree, from the first request on', async () => {
    await serve(right, right, ahead(1), silent);
    const service = await open('fail-closed');
    expect(service.readiness()).toEqual([]);
    const reply = parseTimestampResponse(await stamp(service));
    expect(reply.genTimeMs).toBe(NOW);
    expect(clockState(service)).toMatchObject({
      mode: 'fail-closed',
      finding: 'right',
      agreeing: 3,
    });
    expect(await metrics.text()).toContain('sigstead_tsa_clock_confirmed 1');
  });

  it('refuses at a drift over the limit, says when to ask again, and recovers', async () => {
    await serve(ahead(7), ahead(7.5), ahead(8), right);
    const service = await open('fail-closed');
    monotonic += 20_000;
    expect(await answered(service)).toMatchObject({
      status: 503,
      reason: 'TSA_CLOCK_UNCONFIRMED',
      message: expect.stringContaining('it is off by 7.500 s'),
      retry: '40',
    });
    expect(service.readiness()).toEqual([expect.stringContaining('agree with the clock within 6')]);
    expect(clockState(service)).toMatchObject({ finding: 'drift', agreeing: 1 });
    const text = await metrics.text();
    expect(text).toContain('sigstead_tsa_clock_errors_total{reason="drift"} 1');
    expect(text).toContain('sigstead_tsa_clock_confirmed 0');
    expect(text).toMatch(/sigstead_tsa_clock_offset_seconds 7\.\d+/);
    for (const server of servers) server.behave(right);
    await tick();
    expect(await answered(service)).toBe('stamped');
    expect(service.readiness()).toEqual([]);
  });

  it('takes a difference below the limit', async () => {
    await serve(ahead(5.5), ahead(-5.5), ahead(5), silent);
    expect(await answered(await open('fail-closed'))).toBe('stamped');
  });

  it.each<[string, () => (question: Uint8Array) => Answer | undefined]>([
    ['silence', () => silent],
    [
      'answers to other questions',
      () => () => ({ ...right(), originate: new Uint8Array(8).fill(7) }),
    ],
    ['an answer replayed from before', replaying],
    ['servers without time', () => () => ({ ...right(), leap: 3 })],
    ['noise', () => () => ({ bytes: new Uint8Array(48).fill(0xff) })],
    ['a kiss-of-death', () => () => ({ ...right(), stratum: 0, kiss: 'RATE' })],
  ])('refuses without a quorum: %s', async (_, make) => {
    await serve(right, right, make(), make());
    const service = await open('fail-closed');
    expect(await answered(service)).toMatchObject({
      status: 503,
      reason: 'TSA_CLOCK_UNCONFIRMED',
      message: '2 of 4 time servers answered, 3 must agree',
    });
    expect(await metrics.text()).toContain('sigstead_tsa_clock_errors_total{reason="too_few"} 1');
  });

  /** Gives every question the answer that the first one of another client got. */
  function replaying() {
    const first = new Uint8Array(48).fill(1);
    return (): Answer => ({ ...right(), originate: first.subarray(40) });
  }

  it('is not moved by one server that lies', async () => {
    await serve(right, right, right, ahead(86_400));
    expect(await answered(await open('fail-closed'))).toBe('stamped');
  });

  it('refuses once the clock was set since the last comparison', async () => {
    await serve(right);
    const service = await open('fail-closed');
    pass(30_000);
    expect(await answered(service)).toBe('stamped');
    b.clock.now += 7000;
    expect(await answered(service)).toMatchObject({
      reason: 'TSA_CLOCK_UNCONFIRMED',
      message: expect.stringContaining('the clock was moved by 7.000 s'),
    });
    b.clock.now -= 14_000;
    expect(await answered(service)).toMatchObject({ reason: 'TSA_CLOCK_UNCONFIRMED' });
  });

  it('refuses when comparisons have stopped', async () => {
    await serve(right);
    const service = await open('fail-closed');
    pass(119_000);
    expect(await answered(service)).toBe('stamped');
    pass(30_000);
    expect(await answered(service)).toMatchObject({
      reason: 'TSA_CLOCK_UNCONFIRMED',
      message: expect.stringContaining('149.000 s old'),
      retry: '1',
    });
  });

  it('keeps the other refusals: expired chain, clock behind the last stamp', async () => {
    await serve(right);
    const service = await open('fail-closed');
    await stamp(service);
    b.clock.now -= 2000;
    expect(await answered(service)).toMatchObject({ reason: 'TSA_CLOCK' });
    b.clock.now += 400 * 86_400_000;
    expect(await answered(service)).toMatchObject({ reason: 'TSA_CHAIN_EXPIRED' });
  });
});

describe('mode warn', () => {
  it.each<[string, () => Answer | undefined, string]>([
    ['drift', ahead(60), 'drift'],
    ['no quorum', silent, 'too_few'],
  ])('tells and counts %s, and goes on stamping', async (_, behaviour, finding) => {
    await serve(behaviour, behaviour);
    const service = await open('warn', {}, finding === 'drift' ? PATIENT : HASTY);
    await tick();
    expect(await answered(service)).toBe('stamped');
    expect(service.readiness()).toEqual([]);
    expect(clockState(service)).toMatchObject({ mode: 'warn', finding });
    expect(warnings()).toContain('tsa clock is not confirmed');
    await tick();
    expect(await metrics.text()).toContain(
      `sigstead_tsa_clock_errors_total{reason="${finding}"} 2`,
    );
    for (const server of servers) server.behave(right);
    await tick();
    expect(lines.at(-1)).toMatchObject({ level: 'info', event: 'tsa clock is right' });
    expect(clockState(service)).toMatchObject({ finding: 'right' });
  });

  it('does not wait for the first comparison', async () => {
    await serve(silent);
    const service = await open('warn', {}, HASTY);
    expect(clockState(service)).toMatchObject({ finding: 'pending' });
    expect(await answered(service)).toBe('stamped');
    await tick();
  });
});

describe('questions', () => {
  it('are asked again of a silent server, each with another nonce', async () => {
    await serve(silent);
    await open('fail-closed', { requestAttempts: 3 }, HASTY);
    const nonces = servers[0]?.questions.map((q) => Buffer.from(q.subarray(40)).toString('hex'));
    expect(nonces).toHaveLength(3);
    expect(new Set(nonces).size).toBe(3);
  });

  it('go to as many servers as the configuration says', async () => {
    await serve(right, right, right, right, right, right);
    await open('fail-closed', { numServers: 3 });
    expect(servers.flatMap(({ questions }) => questions)).toHaveLength(3);
  });

  it('stop for a server that sends DENY, and pause for one that sends RATE', async () => {
    await serve(right, right, right);
    const [denying, rating] = servers;
    denying?.behave(() => ({ ...right(), stratum: 0, kiss: 'DENY' }));
    rating?.behave(() => ({ ...right(), stratum: 0, kiss: 'RATE' }));
    const service = await open('fail-closed', { serverThreshold: 1, requestAttempts: 3 });
    expect(await answered(service)).toBe('stamped');
    const asked = () => [denying?.questions.length, rating?.questions.length];
    expect(asked()).toEqual([1, 1]);
    for (const server of servers) server.behave(right);
    pass(60_000);
    await tick();
    expect(asked()).toEqual([1, 1]);
    pass(60_000);
    await tick();
    expect(asked()).toEqual([1, 2]);
    expect(warnings()).toEqual([
      'tsa time server asks to be left alone',
      'tsa time server asks to be left alone',
    ]);
  });

  it('to a name that nobody knows count as silence', async () => {
    await serve(right);
    const { clock } = judgeConfig(tsaConfig, {
      clock: { mode: 'fail-closed', servers: ['no-such-host.invalid'], requestAttempts: 1 },
    });
    const service = await b.open({ clockConfig: clock, logger, every: () => () => {} });
    opened.push(service);
    expect(await answered(service)).toMatchObject({ reason: 'TSA_CLOCK_UNCONFIRMED' });
  });
});

describe('settings', () => {
  const judged = (clock: object) => judgeConfig(tsaConfig, { clock }).clock;
  const three = ['ntp1.corp.example', 'ntp2.corp.example:1123', '[fd00::1]:123'];

  it('take names, addresses and ports, and ask for a majority', () => {
    const servers = [...three, 'fd00::2', '10.0.0.7'];
    const clock = judged({ mode: 'warn', servers });
    expect(clock).toEqual({
      mode: 'warn',
      servers,
      numServers: 4,
      serverThreshold: 3,
      maxTimeDeltaSeconds: 6,
      periodSeconds: 60,
      requestAttempts: 3,
      requestTimeoutSeconds: 5,
    });
    // What `config print` shows is a configuration again.
    expect(judged(clock)).toEqual(clock);
    expect(clockRules(clock)?.addresses).toEqual([
      { host: 'ntp1.corp.example', port: 123 },
      { host: 'ntp2.corp.example', port: 1123 },
      { host: 'fd00::1', port: 123 },
      { host: 'fd00::2', port: 123 },
      { host: '10.0.0.7', port: 123 },
    ]);
    expect(judged({ mode: 'warn', servers: three.slice(0, 1) }).serverThreshold).toBe(1);
    expect(judged({ mode: 'warn', servers: three.slice(0, 2) }).serverThreshold).toBe(2);
    expect(judged({ mode: 'warn', servers: three }).serverThreshold).toBe(2);
  });

  it.each<[string, object, RegExp]>([
    ['a mode that is none', { mode: 'on' }, /clock\.mode/],
    ['warn without servers', { mode: 'warn' }, /clock\.servers: required/],
    ['fail-closed without servers', { mode: 'fail-closed', servers: [] }, /clock\.servers/],
    ['a URL as server', { servers: ['ntp://a'] }, /clock\.servers\.0/],
    ['port 0', { servers: ['a:0'] }, /clock\.servers\.0/],
    ['a port beyond 65535', { servers: ['a:65536'] }, /clock\.servers\.0/],
    ['an empty name', { servers: [''] }, /clock\.servers\.0/],
    ['a server twice', { servers: ['a', 'A'] }, /clock\.servers: one server twice/],
    ['more asked than there are', { servers: three, numServers: 4 }, /clock\.numServers/],
    [
      'a threshold beyond those asked',
      { servers: three, numServers: 2, serverThreshold: 3 },
      /clock\.serverThreshold: more than the 2/,
    ],
    ['a threshold of 0', { servers: three, serverThreshold: 0 }, /clock\.serverThreshold/],
    ['no difference at all', { maxTimeDeltaSeconds: 0 }, /clock\.maxTimeDeltaSeconds/],
    ['a period of 0', { periodSeconds: 0 }, /clock\.periodSeconds/],
    ['no attempt', { requestAttempts: 0 }, /clock\.requestAttempts/],
    ['no timeout', { requestTimeoutSeconds: 0 }, /clock\.requestTimeoutSeconds/],
    ['an unknown field', { server: ['a'] }, /server/],
  ])('are refused: %s', (_, clock, reason) => {
    expect(() => judged(clock)).toThrow(CodedError);
    expect(() => judged(clock)).toThrow(reason);
  });
});
