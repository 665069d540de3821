// SPDX-License-Identifier: Apache-2.0
// An instance of Sigstore: its services' keys and chains, and the trusted root that names them.
import { defaultAlgorithm } from '../../../services/core/algorithm.ts';
import { base64, utf8 } from '../../../services/core/bytes.ts';
import { type Authority, makeCa, makeTsa } from './authority.ts';
import { keyPair, type Pair } from './keys.ts';
import { type Log, logIdOf, setLogIdOf } from './log.ts';
import { sha256 } from './random.ts';

/** The instant at which everything happens. */
export const NOW = Date.UTC(2026, 5, 1, 12);
export const YEAR = 365 * 24 * 3_600_000;
const STAMP_DELAY = 5000;

export interface Instance {
  readonly nowMs: number;
  /** When signatures are stamped and logged. */
  readonly timeMs: number;
  readonly identity: string;
  readonly oidcIssuer: string;
  readonly artifact: Uint8Array;
  readonly ca: Authority;
  readonly ctlog: Pair;
  readonly tsa: Authority;
  /** Rekor v2, and Rekor v1. */
  readonly log: Log;
  readonly rekor: Log;
}

/** @param label other labels are other instances, strangers to each other */
export function createInstance(label: string, host: string): Instance {
  const key = (use: string) => keyPair('p256', `${label} ${use}`);
  const startMs = NOW - YEAR;
  const caLinks = [{ key: key('ca root') }, { key: key('ca') }];
  const tsaLinks = [{ key: key('tsa root') }, { key: key('tsa') }];
  return {
    nowMs: NOW,
    timeMs: NOW + STAMP_DELAY,
    identity: 'dev@example.com',
    oidcIssuer: 'https://issuer.test',
    artifact: utf8('the artifact\n'),
    ca: makeCa(`${label} CA`, startMs, caLinks),
    ctlog: key('ctlog'),
    tsa: makeTsa(`${label} TSA`, startMs, tsaLinks),
    log: { host, baseUrl: `https://${host}:8400`, key: key('log') },
    rekor: {
      host: `rekor.${host}`,
      baseUrl: `https://rekor.${host}`,
      key: key('rekor'),
      treeId: '1193050959916656506',
    },
  };
}

interface WindowJson {
  start?: string;
  end?: string;
}

export interface LogJson {
  baseUrl: string;
  hashAlgorithm: string;
  publicKey: { rawBytes: string; keyDetails: string; validFor?: WindowJson };
  logId?: { keyId: string };
}

export interface AuthorityJson {
  subject: { organization: string; commonName: string };
  uri: string;
  certChain: { certificates: Array<{ rawBytes: string }> };
  validFor?: WindowJson;
}

/** trusted_root.json, as tests change it. */
export interface RootJson {
  mediaType: string;
  tlogs: LogJson[];
  certificateAuthorities: AuthorityJson[];
  ctlogs: LogJson[];
  timestampAuthorities: AuthorityJson[];
}

/** RFC 3339, with a fraction only where there is one. */
export const instant = (timeMs: number) => new Date(timeMs).toISOString().replace('.000Z', 'Z');

const START = instant(NOW - YEAR);

export function logJson(baseUrl: string, { publicKey }: Pair, logId: Uint8Array): LogJson {
  return {
    baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: base64(publicKey.spki),
      keyDetails: defaultAlgorithm(publicKey)?.keyDetails ?? '',
      validFor: { start: START },
    },
    logId: { keyId: base64(logId) },
  };
}

export const tlogJson = (log: Log) =>
  logJson(log.baseUrl, log.key, log.treeId === undefined ? logIdOf(log) : setLogIdOf(log));

export const ctlogJson = (key: Pair) => logJson('https://ct.test', key, sha256(key.publicKey.spki));

export function authorityJson(uri: string, { chain }: Authority): AuthorityJson {
  return {
    subject: { organization: 'Test', commonName: 'test' },
    uri,
    certChain: { certificates: chain.map((der) => ({ rawBytes: base64(der) })) },
    validFor: { start: START },
  };
}

export const TSA_URI = 'https://tsa.test/api/v1/timestamp';

/** Everything that the instance runs, believed for the last year and from now on. */
export function trustedRootJson(on: Instance): RootJson {
  return {
    mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
    tlogs: [tlogJson(on.log), tlogJson(on.rekor)],
    certificateAuthorities: [authorityJson('https://ca.test', on.ca)],
    ctlogs: [ctlogJson(on.ctlog)],
    timestampAuthorities: [authorityJson(TSA_URI, on.tsa)],
  };
}
