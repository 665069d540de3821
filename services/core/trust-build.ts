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
  /** Since when the very first material is in use; what joins later starts when it does. */
  readonly start: number;
  /** Who runs the services: a name without scheme. */
  readonly operator: string;
  /** Former, future and foreign entries, as the configuration states them. */
  readonly stated?: TrustedRoot;
}

const SECOND = 1000;
/** Certificates may be dated back by so much (`ca.backdateSeconds`), and Java judges their start. */
const BACKDATED = 60 * SECOND;
/** A certificate of the last second signs for ten minutes, and some clocks are behind. */
const CA_OVERLAP = 15 * 60 * SECOND;

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
 * The entries after a publication. Stated ones have the window that was stated; the same key keeps
 * its start, whatever its address is now; a key that is neither in use nor stated gets an end, and
 * stays.
 * @param endMs of what leaves. Python takes the end of a timestamp authority as exclusive, and stamps
 *   carry whole seconds.
 */
function carryOn<T extends Window>(
  current: T,
  before: readonly T[],
  stated: readonly T[],
  endMs: number,
  same: (a: T, b: T) => boolean,
): T[] {
  const among = (entries: readonly T[], entry: T) => entries.find((other) => same(other, entry));
  const known = among(stated, current) ?? among(before, current);
  const ended = among(stated, current)?.end;
  const now = {
    ...current,
    // In use is in force, even where a later start was stated.
    start: known !== undefined && known.start <= endMs ? known.start : current.start,
    ...(ended === undefined ? {} : { end: ended }),
  };
  const former = before
    .filter((entry) => !same(entry, current) && among(stated, entry) === undefined)
    .map((entry) => ({ ...entry, end: entry.end ?? Math.max(endMs, entry.start) }));
  const others = stated.filter((entry) => !same(entry, current));
  return [...former, ...others, now].sort((a, b) => a.start - b.start);
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
 * @param nowMs when `material` takes over, where there is a previous one
 * @throws CodedError TRUST_ROOT_MALFORMED for keys or certificates that cannot stand in one
 */
export function buildTrustedRoot(
  crypto: Crypto,
  material: TrustMaterial,
  previous: TrustedRoot | undefined,
  nowMs: number,
): TrustedRoot {
  const { url, fulcioChain, tsaChain, tlogKey, ctlogKey, stated = NOTHING } = material;
  const before = previous ?? NOTHING;
  // Stamps and certificates carry whole seconds: the first of them may lie before a finer start.
  const whole = (timeMs: number) => Math.floor(timeMs / SECOND) * SECOND;
  const startMs = whole(previous === undefined ? material.start : nowMs - BACKDATED);
  const endMs = whole(nowMs) + SECOND;
  const logs = (current: TrustLog, of: (root: TrustedRoot) => readonly TrustLog[]) =>
    carryOn(current, of(before), of(stated), endMs, sameLog);
  const certificateAuthority = authority(url, fulcioChain, startMs);
  // A new chain may have waited for its day: it starts with its issuing certificate.
  const issuedMs = certificateAuthority.chain[0]?.notBeforeMs ?? startMs;
  return {
    tlogs: logs(log(crypto, tlogBaseUrl(material), tlogKey, startMs), (root) => root.tlogs),
    ctlogs: logs(log(crypto, `${url}/ctlog`, ctlogKey, startMs), (root) => root.ctlogs),
    certificateAuthorities: carryOn(
      previous === undefined
        ? certificateAuthority
        : { ...certificateAuthority, start: Math.min(issuedMs, startMs) },
      before.certificateAuthorities,
      stated.certificateAuthorities,
      endMs + CA_OVERLAP,
      sameChain,
    ),
    timestampAuthorities: carryOn(
      authority(`${url}/api/v1/timestamp`, tsaChain, startMs),
      before.timestampAuthorities,
      stated.timestampAuthorities,
      endMs,
      sameChain,
    ),
  };
}
