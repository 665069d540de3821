// SPDX-License-Identifier: Apache-2.0
// What each check looks at, in words that a report shows: plain values, nothing secret, nothing long.
import type { Bundle, LogEntry } from '../bundle.ts';
import { base64, hex } from '../bytes.ts';
import { FULCIO_EXTENSIONS } from '../oid.ts';
import type { TrustedRoot } from '../trust.ts';
import type { Certificate } from '../x509.ts';
import type { Artifact } from './artifact.ts';
import type { Policy } from './signer.ts';

/** Names → what was seen, for people and reports. */
export type Facts = Readonly<Record<string, string | number | readonly string[]>>;

const instant = (timeMs: number) => new Date(timeMs).toISOString();

/** Those of the texts that are there. */
function given(facts: Readonly<Record<string, string | undefined>>): Facts {
  return Object.fromEntries(
    Object.entries(facts).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

export function ofSigner({ signer }: Bundle, { key }: Policy): Facts {
  return { bundle: signer.kind, asked: key === undefined ? 'identity' : 'key' };
}

export function ofTimes({ timestamps, tlogEntries }: Bundle): Facts {
  const promises = tlogEntries.filter(({ inclusionPromise }) => inclusionPromise !== undefined);
  return { timestamps: timestamps.length, promises: promises.length };
}

/** @param claimed times that entries claim without proof */
export function ofCertificate(
  leaf: Certificate,
  timesMs: readonly number[],
  claimed: readonly number[],
): Facts {
  return {
    serial: hex(leaf.serial),
    notBefore: instant(leaf.notBeforeMs),
    notAfter: instant(leaf.notAfterMs),
    times: timesMs.map(instant),
    ...(claimed.length === 0 ? {} : { claimedTimes: claimed.map(instant) }),
  };
}

export function ofSct(leaf: Certificate, { ctlogs }: TrustedRoot): Facts {
  return { serial: hex(leaf.serial), trustedLogs: ctlogs.map(({ baseUrl }) => baseUrl) };
}

export function ofPolicy(policy: Policy): Facts {
  const { identity, identityRegexp, issuer, issuerRegexp, extensions = [] } = policy;
  const label = (number: number) =>
    FULCIO_EXTENSIONS.find((row) => row.number === number)?.name ?? String(number);
  return {
    ...given({ identity, identityRegexp, issuer, issuerRegexp }),
    ...(extensions.length === 0
      ? {}
      : { extensions: extensions.map(({ number, value }) => `${label(number)}=${value}`) }),
  };
}

export function ofEntries(entries: readonly LogEntry[]): Facts {
  return {
    entries: entries.map(
      ({ kind, version, logIndex, logId }) =>
        `${kind} ${version}, index ${logIndex}, log ${base64(logId)}`,
    ),
  };
}

/** Digests of the artifact as the caller gave them; bytes are told by their number. */
export function ofContent({ content }: Bundle, artifact: Artifact, policy: Policy): Facts {
  const digests =
    'digests' in artifact
      ? Object.entries(artifact.digests).map(([hash, digest]) => `${hash}:${hex(digest)}`)
      : [`${artifact.bytes.length} bytes`];
  return {
    content: 'envelope' in content ? 'dsseEnvelope' : 'messageSignature',
    artifact: digests,
    ...given({ predicateType: policy.predicateType }),
  };
}
