// SPDX-License-Identifier: Apache-2.0
// Settings of the trust root: entries of trusted_root.json besides the ones of this stack. Former
// material that keeps verifying, material that is to be used soon, services of others.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { defaultAlgorithm } from '../core/algorithm.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, ParseError } from '../core/errors.ts';
import { ed25519KeyId } from '../core/note.ts';
import { parsePem } from '../core/pem.ts';
import { parsePublicKey } from '../core/spki.ts';
import {
  parseTrustedRoot,
  serializeTrustedRoot,
  type TrustAuthority,
  type TrustedRoot,
  type TrustLog,
} from '../core/trust.ts';
import { parseCertificate } from '../core/x509.ts';

const MAX_ENTRIES = 64;
const PUBLIC_KEY = 'PUBLIC KEY';
const CERTIFICATE = 'CERTIFICATE';

const time = z.iso.datetime({
  offset: true,
  precision: 0,
  error: 'a time like 2026-01-31T00:00:00Z',
});

const httpUrl = z.url({ protocol: /^https?$/, error: 'an http or https URL' });

const window = { end: time.optional().describe('Last moment of its use; without it, none yet.') };

interface Times {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
}

const afterStart = ({ start, end }: Times) =>
  start === undefined || end === undefined || Date.parse(start) <= Date.parse(end);

/** What is given, as milliseconds. */
function inMs({ start, end }: Times): { start?: number; end?: number } {
  return {
    ...(start === undefined ? {} : { start: Date.parse(start) }),
    ...(end === undefined ? {} : { end: Date.parse(end) }),
  };
}
const ORDER = { error: 'the end lies before the start', path: ['end'] };

const logEntry = z
  .strictObject({
    url: httpUrl.describe('Its base URL; of a tiled log, the host name is its origin.'),
    keyFile: z.string().min(1).describe('Public key, PEM.'),
    start: time.describe('First moment of its use; may lie ahead.'),
    ...window,
    origin: z
      .string()
      .min(1)
      .max(253)
      .optional()
      .describe('Name in the checkpoints of a tiled log (Rekor v2) with an Ed25519 key.'),
  })
  .refine(afterStart, ORDER);

const authorityEntry = z
  .strictObject({
    url: httpUrl.describe('Address of the authority.'),
    chainFile: z
      .string()
      .min(1)
      .describe('Certificates, PEM: issuing CA or timestamping leaf first, root last.'),
    start: time
      .optional()
      .describe('First moment of its use. Default: start of the first certificate.'),
    ...window,
  })
  .refine(afterStart, ORDER);

export const trustConfig = z.strictObject({
  tlogs: z.array(logEntry).max(MAX_ENTRIES).default([]).describe('Transparency logs.'),
  ctlogs: z.array(logEntry).max(MAX_ENTRIES).default([]).describe('CT logs.'),
  certificateAuthorities: z
    .array(authorityEntry)
    .max(MAX_ENTRIES)
    .default([])
    .describe('Certificate authorities.'),
  timestampAuthorities: z
    .array(authorityEntry)
    .max(MAX_ENTRIES)
    .default([])
    .describe('Timestamp authorities.'),
});

export type TrustConfig = z.output<typeof trustConfig>;
type LogEntry = TrustConfig['tlogs'][number];
type AuthorityEntry = TrustConfig['timestampAuthorities'][number];

function invalid(field: string, reason: string, cause?: unknown): CodedError {
  return new CodedError('CONFIG_INVALID', `${field}: ${reason}`, { field, cause });
}

/** Reads and parses a PEM file that the setting names. @throws CodedError CONFIG_INVALID */
function fromFile<T>(field: string, path: string, label: string, parse: (der: Uint8Array[]) => T) {
  try {
    return parse(parsePem(readFileSync(path, 'utf8'), label).map(({ der }) => der));
  } catch (error) {
    const fault = error instanceof ParseError || (error as NodeJS.ErrnoException).code;
    if (!fault) throw error;
    throw invalid(field, `${path}: ${(error as Error).message}`, error);
  }
}

function readLog(crypto: Crypto, field: string, entry: LogEntry): TrustLog {
  const { url, keyFile, start, origin } = entry;
  const key = fromFile(`${field}.keyFile`, keyFile, PUBLIC_KEY, ([spki, more]) => {
    if (spki === undefined || more !== undefined) throw new ParseError('not one public key');
    return parsePublicKey(spki);
  });
  const algorithm = defaultAlgorithm(key);
  // SPEC of sigstore-js: it does not load a trusted root at all that holds an RSA key of a log.
  if (algorithm === undefined || key.kind === 'rsa') {
    throw invalid(
      `${field}.keyFile`,
      `${keyFile}: not an ECDSA or Ed25519 key, as all clients read`,
    );
  }
  // SPEC: a tiled log with an Ed25519 key is known by its whole note key id, all others by SHA-256 of
  // the key.
  const named = origin !== undefined && key.kind === 'ed25519';
  const logId = named ? ed25519KeyId(crypto, origin, key.bits) : crypto.digest('sha256', key.spki);
  return { baseUrl: url, logId, key, algorithm, ...inMs(entry), start: Date.parse(start) };
}

function readAuthority(field: string, entry: AuthorityEntry): TrustAuthority {
  const { url, chainFile } = entry;
  const chain = fromFile(`${field}.chainFile`, chainFile, CERTIFICATE, (ders) =>
    ders.map(parseCertificate),
  );
  const [first] = chain;
  if (first === undefined) throw invalid(`${field}.chainFile`, `${chainFile}: no certificate`);
  return { uri: url, chain, start: first.notBeforeMs, ...inMs(entry) };
}

/**
 * The entries that the configuration states, from their files.
 * @throws CodedError CONFIG_INVALID naming the setting; what clients would refuse is refused here
 */
export function readStated(crypto: Crypto, config: TrustConfig): TrustedRoot {
  const logs = (name: 'tlogs' | 'ctlogs') =>
    config[name].map((entry, i) => readLog(crypto, `trust.${name}.${i}`, entry));
  const authorities = (name: 'certificateAuthorities' | 'timestampAuthorities') =>
    config[name].map((entry, i) => readAuthority(`trust.${name}.${i}`, entry));
  const stated = {
    tlogs: logs('tlogs'),
    ctlogs: logs('ctlogs'),
    certificateAuthorities: authorities('certificateAuthorities'),
    timestampAuthorities: authorities('timestampAuthorities'),
  };
  try {
    parseTrustedRoot(serializeTrustedRoot(stated));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    throw invalid(`trust.${error.field ?? ''}`, error.message, error);
  }
  return stated;
}
