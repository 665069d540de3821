// SPDX-License-Identifier: Apache-2.0
// The configuration of `sigstead serve`: one schema, each room's settings beside its code.
import { z } from 'zod';
import { caConfig } from '../ca/config.ts';
import { CodedError } from '../core/errors.ts';
import { type ConfigTree, judgeConfig } from '../runtime/config.ts';
import { tsaConfig } from '../tsa/config.ts';
import { trustConfig } from '../tuf/config.ts';

export const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);
export const DEFAULT_PORT = 8400;

const port = z.int().min(0).max(65_535);

/** Lower-case DNS name without port, path or trailing dot (C2SP signed-note names forbid `+` and spaces). */
const hostName = z
  .string()
  .max(253)
  .regex(
    /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*$/,
    'a bare lower-case host name: no scheme, no port, no path',
  );

const baseUrl = z
  .url({ protocol: /^https?$/, error: 'an http or https URL' })
  .refine((url) => URL.canParse(url) && new URL(url).pathname === '/' && !/[?#@]/.test(url), {
    error: 'the CA answers at the root of its host: no path, query, fragment or user',
  })
  .transform((url) => url.replace(/\/$/, ''));

export const stackConfig = z.strictObject({
  dev: z
    .boolean()
    .default(false)
    .describe('Everything on loopback, with an issuer of its own. Set by --dev.'),
  listen: z
    .strictObject({
      hosts: z
        .array(z.string().min(1))
        .min(1)
        .default(['127.0.0.1', '::1'])
        .describe('Addresses to bind.'),
      port: port.default(DEFAULT_PORT).describe('0 = any free port.'),
    })
    .prefault({}),
  url: baseUrl
    .optional()
    .describe('Public base URL as clients reach it, e.g. https://sigstore.corp.example'),
  origin: hostName
    .optional()
    .describe('Host name in the checkpoints of the log; fixed when the log is made.'),
  data: z.string().min(1).default('./data').describe('Directory of keys, logs and trust files.'),
  markDirectory: z
    .string()
    .min(1)
    .optional()
    .describe('High-water marks; best on another volume. Default: mark/ under data.'),
  metrics: z
    .strictObject({
      hosts: z.array(z.string().min(1)).min(1).default(['127.0.0.1']),
      port: port.optional().describe('Default: the port after listen.port; 0 when that is 0.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['info', 'warn', 'error'])
        .optional()
        .describe('Default: info; warn with --dev.'),
    })
    .prefault({}),
  organization: z
    .string()
    .min(1)
    .max(64)
    .default('Sigstead')
    .describe('O in the certificates made at first start.'),
  drainSeconds: z
    .int()
    .min(0)
    .max(300)
    .default(25)
    .describe('How long SIGTERM waits for accepted requests.'),
  ca: caConfig.prefault({}),
  tlog: z
    .strictObject({
      queueLimit: z
        .int()
        .min(1)
        .max(65_536)
        .default(8192)
        .describe('Entries waiting; more get 503.'),
      frozen: z
        .boolean()
        .default(false)
        .describe('The log takes no more entries and serves what it holds.'),
    })
    .prefault({}),
  ctlog: z
    .strictObject({
      leafIndex: z
        .boolean()
        .default(true)
        .describe('SCTs carry leaf_index; sigstore-python < 4.2 refuses that.'),
      queueLimit: z
        .int()
        .min(1)
        .max(65_536)
        .default(8192)
        .describe('Precertificates waiting; more get no certificate for now.'),
      rootsFile: z
        .string()
        .min(1)
        .max(4096)
        .optional()
        .describe('PEM of roots that are accepted besides those of the CA, now and before.'),
    })
    .prefault({}),
  tsa: tsaConfig.prefault({}),
  trust: trustConfig
    .prefault({})
    .describe('Entries of trusted_root.json besides those of this stack.'),
});

export type StackConfig = z.output<typeof stackConfig>;

function invalid(field: string, reason: string): CodedError {
  return new CodedError('CONFIG_INVALID', `${field}: ${reason}`, { field });
}

/** Rules across fields. @throws CodedError CONFIG_INVALID */
export function judgeStackConfig(tree: ConfigTree): StackConfig {
  const config = judgeConfig(stackConfig, tree);
  const { chainFile, keyFile, keyPasswordFile } = config.ca;
  if ((chainFile === undefined) !== (keyFile === undefined))
    throw invalid(chainFile === undefined ? 'ca.chainFile' : 'ca.keyFile', 'both or neither');
  if (keyPasswordFile !== undefined && keyFile === undefined)
    throw invalid('ca.keyPasswordFile', 'belongs to ca.keyFile');
  if (config.dev) {
    for (const host of config.listen.hosts) {
      if (!LOOPBACK.has(host)) {
        throw invalid(
          'listen.hosts',
          `--dev issues tokens to everybody who asks, so it serves on loopback only, not on ${host}`,
        );
      }
    }
    if (
      config.url !== undefined &&
      !LOOPBACK.has(new URL(config.url).hostname.replace(/^\[|\]$/g, ''))
    ) {
      throw invalid('url', '--dev serves on loopback only');
    }
    if (config.tlog.frozen) throw invalid('tlog.frozen', '--dev signs a file at its start');
    return config;
  }
  if (config.url === undefined) throw invalid('url', 'required: the base URL as clients reach it');
  if (config.origin === undefined)
    throw invalid('origin', 'required: the host name of the log, fixed for its life');
  if (config.ca.issuers.length === 0 && config.ca.fulcioConfig === undefined)
    throw invalid('ca.issuers', 'required: without an issuer nobody can sign');
  return config;
}
