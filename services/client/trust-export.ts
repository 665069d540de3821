// SPDX-License-Identifier: Apache-2.0
// `sigstead trust export`: the trust files, out of a data directory or a running stack. Whatever the
// source, they go through TUF verification; the anchor is the root that the fingerprint names.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { hex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import {
  devOnlyWarning,
  TRUST_TARGETS,
  type TrustFiles,
  type TrustTarget,
  trustFiles,
} from '../core/trust-files.ts';
import { MAX_ROOT_STEPS, parseRoot, type Root, TUF_LIMITS } from '../core/tuf.ts';
import { begin } from '../core/tuf-update.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { syncDirectory, writeFileDurably } from '../runtime/store.ts';
import {
  directorySource,
  fetchTarget,
  httpSource,
  type TufSource,
  updateTuf,
} from './tuf-source.ts';

export interface ExportOptions {
  /** Directory to write. */
  readonly out: string;
  /** Data directory of a stack… */
  readonly data?: string;
  /** …or base URL of a running one. */
  readonly url?: string;
  /** SHA-256 of root.json, as the operator told it; required unless `url` is loopback. */
  readonly fingerprint?: string;
  readonly clock?: Clock;
  readonly crypto?: Crypto;
  readonly fetcher?: typeof fetch;
}

export interface Exported {
  readonly files: readonly string[];
  readonly rootVersion: number;
  /** SHA-256 of the root.json that was written, hex. */
  readonly rootSha256: string;
  /** Said by the root itself. */
  readonly devOnly?: string;
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const ROOT_FILE = { path: 'root.json', limit: TUF_LIMITS.root };

function usage(field: string, what: string): CodedError {
  return new CodedError('USAGE', `${field} ${what}`, { field });
}

/** Hex as people copy it: upper or lower case, with or without colons. @throws CodedError USAGE */
function normalFingerprint(text: string): string {
  const plain = text.replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(plain)) throw usage('--fingerprint', 'is not a SHA-256 in hex');
  return plain;
}

interface Origin {
  readonly source: TufSource;
  readonly fingerprint?: string;
  /** For errors. */
  readonly where: string;
}

/** @throws CodedError USAGE */
function originOf({ data, url, fingerprint, fetcher }: ExportOptions): Origin {
  if ((data === undefined) === (url === undefined))
    throw usage('--data', 'or --url: give one of them');
  const pin = fingerprint === undefined ? {} : { fingerprint: normalFingerprint(fingerprint) };
  if (data !== undefined) {
    return { source: directorySource(join(data, 'tuf')), where: data, ...pin };
  }
  const parsed = url !== undefined && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw usage('--url', 'is not an http or https URL');
  }
  if (
    parsed.username !== '' ||
    parsed.password !== '' ||
    parsed.search !== '' ||
    parsed.hash !== ''
  ) {
    throw usage('--url', 'is a base URL: no credentials, no query');
  }
  // Over a network the first answer proves nothing: the root must be known from elsewhere.
  if (fingerprint === undefined && !LOOPBACK.test(parsed.hostname)) {
    throw usage('--fingerprint', `is required for ${parsed.hostname}: ask its operator for it`);
  }
  const base = parsed.href.replace(/\/+$/, '');
  return { source: httpSource(`${base}/tuf`, fetcher), where: base, ...pin };
}

/**
 * The root that the fingerprint names. It may be older than the newest, after a renewal: then the
 * walk leads from it to the newest.
 * @throws CodedError TRUST_FINGERPRINT, FILE_UNREADABLE
 */
async function anchor(crypto: Crypto, { source, fingerprint, where }: Origin): Promise<Uint8Array> {
  const newest = await source(ROOT_FILE);
  if (newest === undefined) {
    throw new CodedError('FILE_UNREADABLE', `${where} holds no trust root`, { field: 'root.json' });
  }
  const sha256 = (bytes: Uint8Array) => hex(crypto.digest('sha256', bytes));
  if (fingerprint === undefined || sha256(newest) === fingerprint) return newest;
  const { version } = parseRoot(crypto, newest);
  for (let older = version - 1; older >= Math.max(1, version - MAX_ROOT_STEPS); older--) {
    const bytes = await source({ path: `${older}.root.json`, limit: TUF_LIMITS.root });
    if (bytes !== undefined && sha256(bytes) === fingerprint) return bytes;
  }
  throw new CodedError(
    'TRUST_FINGERPRINT',
    `root.json of ${where} has SHA-256 ${sha256(newest)}, not ${fingerprint}`,
    { field: '--fingerprint' },
  );
}

async function verifiedFiles(
  crypto: Crypto,
  origin: Origin,
  nowMs: number,
): Promise<{ files: TrustFiles; root: Root }> {
  const start = begin(crypto, await anchor(crypto, origin));
  const state = await updateTuf(crypto, origin.source, start, nowMs);
  const contents = new Map<TrustTarget, Uint8Array>();
  for (const name of TRUST_TARGETS) {
    contents.set(name, await fetchTarget(crypto, origin.source, state, name));
  }
  const files = trustFiles(crypto, state.root, (name) => contents.get(name) ?? new Uint8Array());
  return { files, root: state.root };
}

/** Only an earlier export, or nothing, makes way. @throws CodedError FILE_EXISTS */
function requireReplaceable(out: string, files: TrustFiles): void {
  if (!existsSync(out)) return;
  if (!statSync(out).isDirectory()) {
    throw new CodedError('FILE_EXISTS', `${out} is no directory`, { field: '--out' });
  }
  const foreign = readdirSync(out).find((name) => !files.has(name));
  if (foreign === undefined) return;
  throw new CodedError('FILE_EXISTS', `${out} holds ${foreign}, which is no trust file`, {
    field: '--out',
  });
}

/** All files or none: they are made in a directory beside, which then takes the name. */
function writeWhole(out: string, files: TrustFiles): void {
  const parent = dirname(out);
  const made = join(parent, `.${basename(out)}.${process.pid}.new`);
  const old = join(parent, `.${basename(out)}.${process.pid}.old`);
  mkdirSync(parent, { recursive: true });
  rmSync(made, { recursive: true, force: true });
  mkdirSync(made);
  try {
    // A crash here leaves the directory beside, with a name that says so, and `out` as it was.
    for (const [name, bytes] of files) writeFileDurably(join(made, name), bytes);
    const replaces = existsSync(out);
    // A crash between the two renames leaves the earlier export under the name `old`, whole.
    if (replaces) renameSync(out, old);
    renameSync(made, out);
    syncDirectory(parent);
    if (replaces) rmSync(old, { recursive: true });
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    if (existsSync(old) && !existsSync(out)) renameSync(old, out);
    throw error;
  }
}

/**
 * @throws CodedError USAGE, FILE_EXISTS, FILE_UNREADABLE, SERVICE_UNREACHABLE, SERVICE_REFUSED,
 *   TRUST_FINGERPRINT, TUF_…, TRUST_ROOT_MALFORMED, SIGNING_CONFIG_MALFORMED; nothing is written then
 */
export async function exportTrust(options: ExportOptions): Promise<Exported> {
  const crypto = options.crypto ?? nodeCrypto;
  const out = resolve(options.out);
  const { files, root } = await verifiedFiles(
    crypto,
    originOf(options),
    (options.clock ?? systemClock)(),
  );
  requireReplaceable(out, files);
  writeWhole(out, files);
  const devOnly = devOnlyWarning(root);
  return {
    files: [...files.keys()],
    rootVersion: root.version,
    rootSha256: hex(crypto.digest('sha256', root.bytes)),
    ...(devOnly === undefined ? {} : { devOnly }),
  };
}

interface ExportFlags {
  out: string;
  data?: string;
  url?: string;
  fingerprint?: string;
}

const EXAMPLES = `
Examples:
  $ sigstead trust export --out trust --data ./data
  $ sigstead trust export --out trust --url http://localhost:8400
  $ sigstead trust export --out trust --url https://sigstore.corp.internal --fingerprint 5f1c…
`;

export function trustCommand(): Command {
  const command = new Command('trust')
    .description('trust files of a stack')
    .addHelpText('after', EXAMPLES);
  command
    .command('export')
    .description('write trusted root, signing config, keys and TUF root, all of them verified')
    .requiredOption('--out <directory>', 'where to write; an earlier export is replaced')
    .option('--data <directory>', 'data directory of a stack on this machine')
    .option('--url <url>', 'base URL of a running stack')
    .option('--fingerprint <sha256>', 'SHA-256 of root.json; required unless the URL is loopback')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ExportFlags) => {
      const done = await exportTrust(flags);
      const lines = [
        `Wrote ${done.files.length} files to ${flags.out}`,
        `SHA-256 of root.json (version ${done.rootVersion}): ${done.rootSha256}`,
        ...(done.devOnly === undefined ? [] : [done.devOnly]),
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
  return command;
}
