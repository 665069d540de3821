// SPDX-License-Identifier: Apache-2.0
// Verification of a bundle, offline and synchronous. The checks, in their order:
//
//   signer       the mode that the caller asked for, and the key of the bundle
//   time         timestamps of trusted authorities over the signature
//   certificate  path to a trusted CA, at every verified time
//   sct          proof that the certificate was published
//   identity     who signed, against whom the caller asked for
//   log          entries: checkpoint signed by a trusted log, inclusion proven
//   entry        bodies of the entries: about this signer, this signature, this artifact
//   signature    over the artifact, or over a statement that names it
//
// The first that fails ends it. A bundle with a managed key has no certificate: the three checks
// about it do not apply.
import type { Bundle } from './bundle.ts';
import { hex } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import type { Statement } from './dsse.ts';
import { CodedError } from './errors.ts';
import type { TrustedRoot } from './trust.ts';
import { type Artifact, signedDigest, verifyContent } from './verify/artifact.ts';
import { verifyCertificate, verifySct } from './verify/certificate.ts';
import { type Identity, readIdentity, requireIdentity } from './verify/identity.ts';
import { type VerifiedEntry, verifyEntryBody, verifyLogEntries } from './verify/log.ts';
import { chooseSigner, type Policy, type SigningKey } from './verify/signer.ts';
import { signatureOf, type VerifiedTime, verifyTimes } from './verify/times.ts';

export { type Artifact, artifactHashes } from './verify/artifact.ts';
export type { Identity } from './verify/identity.ts';
export type { Policy } from './verify/signer.ts';

export type CheckName =
  | 'signer'
  | 'time'
  | 'certificate'
  | 'sct'
  | 'identity'
  | 'log'
  | 'entry'
  | 'signature';

export interface Check {
  readonly name: CheckName;
  readonly verdict: 'passed' | 'failed' | 'not applicable';
  /** What was looked at; for a failed check, code and reason. */
  readonly inputs: Readonly<Record<string, string | number | readonly string[]>>;
}

export interface Verification {
  readonly checks: readonly Check[];
  /** Absent for a managed key. */
  readonly identity: Identity | undefined;
  readonly times: readonly VerifiedTime[];
  readonly entries: readonly VerifiedEntry[];
  /** Of an attestation. */
  readonly statement: Statement | undefined;
}

export type Examination =
  | { readonly checks: readonly Check[]; readonly verification: Verification }
  | { readonly checks: readonly Check[]; readonly error: CodedError };

/** Runs one check and records it with what `inputs` tells of its result. */
type Recorder = <T>(name: CheckName, run: () => T, inputs: (result: T) => Check['inputs']) => T;

function recorder(checks: Check[]): Recorder {
  return (name, run, inputs) => {
    try {
      const result = run();
      checks.push({ name, verdict: 'passed', inputs: inputs(result) });
      return result;
    } catch (error) {
      if (error instanceof CodedError) {
        const reason = { code: error.code, reason: error.message };
        checks.push({ name, verdict: 'failed', inputs: reason });
      }
      throw error;
    }
  };
}

const instant = (timeMs: number) => new Date(timeMs).toISOString();

interface Case {
  readonly crypto: Crypto;
  readonly root: TrustedRoot;
  readonly bundle: Bundle;
  readonly artifact: Artifact;
  readonly policy: Policy;
}

function checkCertificate(
  { crypto, root, policy }: Case,
  leaf: NonNullable<SigningKey['leaf']>,
  timesMs: readonly number[],
  check: Recorder,
): Identity {
  const authority = check(
    'certificate',
    () => verifyCertificate(crypto, root, leaf, timesMs),
    ({ uri }) => ({
      authority: uri,
      serial: hex(leaf.serial),
      notBefore: instant(leaf.notBeforeMs),
      notAfter: instant(leaf.notAfterMs),
    }),
  );
  check(
    'sct',
    () => verifySct(crypto, root, leaf, authority.chain[0] ?? leaf),
    ({ log, timeMs }) => ({ log: log.baseUrl, time: instant(timeMs) }),
  );
  return check(
    'identity',
    () => {
      const identity = readIdentity(leaf);
      requireIdentity(identity, policy);
      return identity;
    },
    ({ name, issuer }) => ({ identity: name, issuer }),
  );
}

function describeSigner({ leaf, algorithm }: SigningKey): Check['inputs'] {
  return { mode: leaf === undefined ? 'key' : 'certificate', algorithm: algorithm.id };
}

function runChecks(c: Case, checks: Check[]): Verification {
  const { crypto, root, bundle, artifact, policy } = c;
  const check = recorder(checks);
  const signer = check('signer', () => chooseSigner(bundle, policy), describeSigner);
  const { leaf } = signer;
  const times = check(
    'time',
    () => verifyTimes(crypto, root, bundle, leaf !== undefined),
    (found) => ({
      times: found.map(({ timeMs }) => instant(timeMs)),
      authorities: found.map(({ authority }) => authority),
    }),
  );
  const timesMs = times.map(({ timeMs }) => timeMs);
  const identity = leaf && checkCertificate(c, leaf, timesMs, check);
  if (leaf === undefined) {
    for (const name of ['certificate', 'sct', 'identity'] as const) {
      checks.push({ name, verdict: 'not applicable', inputs: { mode: 'key' } });
    }
  }
  const entries = check(
    'log',
    () => verifyLogEntries(crypto, root, bundle.tlogEntries, timesMs),
    (found) => ({
      logs: found.map(({ origin }) => origin),
      indexes: found.map(({ index }) => String(index)),
      treeSizes: found.map(({ treeSize }) => String(treeSize)),
    }),
  );
  check(
    'entry',
    () => {
      for (const { entry } of entries) {
        verifyEntryBody(entry, signer, signatureOf(bundle), (hash) =>
          signedDigest(crypto, bundle, artifact, hash),
        );
      }
    },
    () => ({ kinds: entries.map(({ entry }) => `${entry.kind} ${entry.version}`) }),
  );
  const statement = check(
    'signature',
    () => verifyContent(crypto, bundle, artifact, signer, policy),
    (found) => ({
      algorithm: signer.algorithm.id,
      ...(found === undefined ? {} : { predicateType: found.predicateType }),
    }),
  );
  return { checks, identity, times, entries, statement };
}

/** As verifyBundle, but a refusal comes back with the checks that led to it. */
export function examineBundle(
  crypto: Crypto,
  root: TrustedRoot,
  bundle: Bundle,
  artifact: Artifact,
  policy: Policy,
): Examination {
  const checks: Check[] = [];
  try {
    const verification = runChecks({ crypto, root, bundle, artifact, policy }, checks);
    return { checks, verification };
  } catch (error) {
    if (error instanceof CodedError) return { checks, error };
    throw error;
  }
}

/**
 * Verifies a bundle over an artifact: who signed, when, published where.
 * @throws CodedError with the code of the check that failed (docs/verify.md)
 */
export function verifyBundle(
  crypto: Crypto,
  root: TrustedRoot,
  bundle: Bundle,
  artifact: Artifact,
  policy: Policy,
): Verification {
  const examination = examineBundle(crypto, root, bundle, artifact, policy);
  if ('error' in examination) throw examination.error;
  return examination.verification;
}
