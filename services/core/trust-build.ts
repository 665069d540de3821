// SPDX-License-Identifier: Apache-2.0
// The trusted root of a stack, from its keys, chains and addresses. What was trusted once stays:
// signatures made under an old key must verify for ever, so an entry is ended, never removed.
import { defaultAlgorithm } from './algorithm.ts';
import { equal } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { CodedError, coded } from './errors.ts';
import { parsePublicKey } from './spki.ts';
import type { TrustAuthority, TrustedRoot, TrustLog, Window } from './trust.ts';
import { parseCertificate } from './x509.ts';

/** Keys, chains and addresses of one stack. */
export interface TrustMaterial {
  /** Public base of all services, no slash at its end. */
  readonly url: string;
  /** Bare host name: origin of the transparency log. */
  readonly origin: string;
  /** Issuing CA first, root last; DER. */
  readonly fulcioChain: readonly Uint8Array[];
  /** Leaf first, self-signed root last; DER. */
  readonly tsaChain: readonly Uint8Array[];
  /** SubjectPublicKeyInfo, DER, ECDSA P-256. */
  readonly tlogKey: Uint8Array;
  readonly ctlogKey: Uint8Array;
  /** Origin of the CT log's checkpoints, `<host>/ctlog`. */
  readonly ctlogOrigin: string;
  /** Issuers of tokens. */
  readonly issuers: readonly string[];
  /** Since when the material is in use; entries that were known before keep their own start. */
  readonly start: number;
  /** Who runs the services: a name without scheme. */
  readonly operator: string;
}

const SECOND = 1000;

/**
 * The base URL of the transparency log. sigstore-go takes its host name for the checkpoint origin:
 * behind another host name the origin itself is named, and clients find the log by the signing
 * config.
 */
export function tlogBaseUrl({ url, origin }: TrustMaterial): string {
  return new URL(url).hostname === origin ? url : `https://${origin}`;
}

function log(crypto: Crypto, baseUrl: string, spki: Uint8Array, start: number): TrustLog {
  const key = coded('TRUST_ROOT_MALFORMED', baseUrl, () => parsePublicKey(spki));
  const algorithm = defaultAlgorithm(key);
  // policy-controller and the older clients take nothing else for the key of a log.
  if (key.kind !== 'p256' || algorithm === undefined) {
    throw new CodedError('TRUST_ROOT_MALFORMED', `${baseUrl}: the log key is not ECDSA P-256`, {
      field: 'publicKey.rawBytes',
    });
  }
  // SPEC: logId of an ECDSA log is SHA-256 of its SubjectPublicKeyInfo, in Rekor v1, v2 and CT.
  return { baseUrl, logId: crypto.digest('sha256', spki), key, algorithm, start };
}

function authority(uri: string, chain: readonly Uint8Array[], start: number): TrustAuthority {
  const certificates = coded('TRUST_ROOT_MALFORMED', uri, () => chain.map(parseCertificate));
  return { uri, chain: certificates, start };
}

/**
 * `current` among the entries of before. The same key keeps its start, whatever its address is now;
 * a key that is gone gets an end, a second after the new one starts: Python takes the end of a
 * timestamp authority as exclusive, and stamps carry whole seconds.
 */
function carryOn<T extends Window>(
  current: T,
  before: readonly T[],
  same: (a: T, b: T) => boolean,
): T[] {
  const known = before.find((entry) => same(entry, current));
  const others = before
    .filter((entry) => !same(entry, current))
    .map((entry) => ({
      ...entry,
      end: entry.end ?? Math.max(current.start + SECOND, entry.start),
    }));
  const now = { ...current, start: known?.start ?? current.start };
  return [...others, now].sort((a, b) => a.start - b.start);
}

const sameLog = (a: TrustLog, b: TrustLog) => equal(a.logId, b.logId);

function sameChain(a: TrustAuthority, b: TrustAuthority): boolean {
  return (
    a.chain.length === b.chain.length &&
    a.chain.every((certificate, i) => equal(certificate.der, b.chain[i]?.der ?? new Uint8Array()))
  );
}

const NOTHING: TrustedRoot = {
  tlogs: [],
  ctlogs: [],
  certificateAuthorities: [],
  timestampAuthorities: [],
};

/**
 * @param previous the trusted root published last; its entries are kept
 * @throws CodedError TRUST_ROOT_MALFORMED for keys or certificates that cannot stand in one
 */
export function buildTrustedRoot(
  crypto: Crypto,
  material: TrustMaterial,
  previous: TrustedRoot = NOTHING,
): TrustedRoot {
  const { url, fulcioChain, tsaChain, tlogKey, ctlogKey } = material;
  // Stamps and certificates carry whole seconds: the first of them may lie before a finer start.
  const start = Math.floor(material.start / SECOND) * SECOND;
  return {
    tlogs: carryOn(log(crypto, tlogBaseUrl(material), tlogKey, start), previous.tlogs, sameLog),
    ctlogs: carryOn(log(crypto, `${url}/ctlog`, ctlogKey, start), previous.ctlogs, sameLog),
    certificateAuthorities: carryOn(
      authority(url, fulcioChain, start),
      previous.certificateAuthorities,
      sameChain,
    ),
    timestampAuthorities: carryOn(
      authority(`${url}/api/v1/timestamp`, tsaChain, start),
      previous.timestampAuthorities,
      sameChain,
    ),
  };
}
