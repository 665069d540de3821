// SPDX-License-Identifier: Apache-2.0
// Settings of the timestamp authority.
import { z } from 'zod';
import { OID } from '../core/oid.ts';

/** Dotted form: first arc 0–2, the second below 40 under the first two, no leading zeros. */
const OBJECT_IDENTIFIER =
  /^(?:[01]\.(?:[0-9]|[1-3][0-9])|2\.(?:0|[1-9][0-9]{0,30}))(?:\.(?:0|[1-9][0-9]{0,30})){0,126}$/;

const NTP_PORT = 123;
/** Asked in each round unless `numServers` says otherwise, as the reference implementation does. */
const ASKED = 4;

export interface TimeServer {
  /** Host name or address. */
  readonly host: string;
  readonly port: number;
}

/** `host`, `host:port`, an IPv6 address, or one in brackets with a port; undefined for all else. */
export function parseTimeServer(text: string): TimeServer | undefined {
  const [, bracketed, bracketedPort] =
    /^\[([0-9A-Fa-f:.]{2,45})\](?::(\d{1,5}))?$/.exec(text) ?? [];
  const [, name, namePort] = /^([0-9A-Za-z_.-]{1,253})(?::(\d{1,5}))?$/.exec(text) ?? [];
  const bare = /^[0-9A-Fa-f:.]{2,45}$/.test(text) && text.split(':').length > 2 ? text : undefined;
  const host = bracketed ?? name ?? bare;
  const port = Number(bracketedPort ?? namePort ?? NTP_PORT);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

const seconds = (most: number) => z.int().min(1).max(most);

/** What the reference implementation calls its NTP configuration, without its public servers. */
const clockConfig = z
  .strictObject({
    mode: z
      .enum(['off', 'warn', 'fail-closed'])
      .default('off')
      .describe(
        'off: the clock of the machine is trusted as it is; warn: differences are told; fail-closed: they stop the stamps.',
      ),
    servers: z
      .array(
        z.string().refine((text) => parseTimeServer(text) !== undefined, {
          error: 'a host or address, with or without a port: ntp1.corp.example, [fd00::1]:123',
        }),
      )
      .max(64)
      .default([])
      .describe('NTP servers of your own network; there are none by default.'),
    numServers: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe('Servers asked in each round. Default: 4, or all when there are fewer.'),
    serverThreshold: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .describe('Servers that must agree with the clock. Default: more than half of those asked.'),
    maxTimeDeltaSeconds: seconds(3600).default(6).describe('Difference that is still agreement.'),
    periodSeconds: seconds(86_400).default(60).describe('From one round to the next.'),
    requestAttempts: z.int().min(1).max(10).default(3).describe('Questions to a silent server.'),
    requestTimeoutSeconds: seconds(60).default(5).describe('How long an answer may take.'),
  })
  .check(({ value, issues }) => {
    const refuse = (path: string, message: string) =>
      issues.push({ code: 'custom', path: [path], message, input: value });
    const { servers } = value;
    if (value.mode !== 'off' && servers.length === 0) {
      refuse('servers', `required with mode ${value.mode}: NTP servers of your own network`);
    }
    if (new Set(servers.map((text) => text.toLowerCase())).size !== servers.length) {
      refuse('servers', 'one server twice would count twice');
    }
    const asked = value.numServers ?? Math.min(ASKED, servers.length);
    if (servers.length > 0 && asked > servers.length) {
      refuse('numServers', `${asked} of ${servers.length} servers`);
    }
    if (servers.length > 0 && (value.serverThreshold ?? 1) > asked) {
      refuse('serverThreshold', `more than the ${asked} servers asked: no round could succeed`);
    }
  })
  .transform((clock) => {
    if (clock.servers.length === 0) return clock;
    const numServers = clock.numServers ?? Math.min(ASKED, clock.servers.length);
    const serverThreshold = clock.serverThreshold ?? Math.floor(numServers / 2) + 1;
    return { ...clock, numServers, serverThreshold };
  });

export const tsaConfig = z.strictObject({
  policies: z
    .array(z.string().regex(OBJECT_IDENTIFIER, 'an object identifier in dotted form'))
    .min(1)
    .default([OID.sigstoreTsaPolicy])
    .describe('Policies that requests may name; the first is the one of requests without any.'),
  clock: clockConfig.prefault({}),
});

export type TsaConfig = z.output<typeof tsaConfig>;
export type ClockConfig = TsaConfig['clock'];

/** What a comparison needs to know, with nothing left open. */
export interface ClockRules extends ClockConfig {
  readonly numServers: number;
  readonly serverThreshold: number;
  readonly addresses: readonly TimeServer[];
}

/** Undefined with mode off. */
export function clockRules(config: ClockConfig | undefined): ClockRules | undefined {
  if (config === undefined || config.mode === 'off') return undefined;
  const addresses = config.servers.map(parseTimeServer).filter((server) => server !== undefined);
  const { numServers = addresses.length, serverThreshold = addresses.length } = config;
  return { ...config, numServers, serverThreshold, addresses };
}
