// SPDX-License-Identifier: Apache-2.0
// Verification of a bundle, offline and synchronous. The checks, in their order:
//
//   signer       the mode that the caller asked for, and the key of the bundle
//   time         timestamps of trusted authorities over the signature, promises of Rekor v1 logs
//   certificate  path to a trusted CA, at every verified time
//   sct          proof that the certificate was published
//   identity     who signed, against whom the caller asked for
//   log          entries: checkpoint signed by a trusted log, inclusion proven, or a v1 promise
//   entry        bodies of the entries: about this signer, this signature, this artifact
//   signature    over the artifact, or over a statement that names it
//
// The first that fails ends it. A bundle with a managed key has no certificate: the three checks
// about it do not apply.
import type { Bundle } from './bundle.ts';
import type { Crypto } from './crypto.ts';
import type { Statement } from './dsse.ts';
import { CodedError, type ErrorCode } from './errors.ts';
import type { TrustedRoot } from './trust.ts';
import { type Artifact, loggedSignature, verifyContent } from './verify/artifact.ts';
import { requireClaimedTimes, verifyCertificate, verifySct } from './verify/certificate.ts';
import { verifyEntryBody } from './verify/entry.ts';
import { type Identity, readIdentity, requireIdentity } from './verify/identity.ts';
import type { Facts } from './verify/inputs.ts';
import * as inputs from './verify/inputs.ts';
import { type VerifiedEntry, verifyLogEntries } from './verify/log.ts';
import { chooseSigner, type Policy, type SigningKey } from './verify/signer.ts';
import { claimedTimes, type VerifiedTime, verifyTimes } from './verify/times.ts';

export { type Artifact, artifactHashes, wantsBytes } from './verify/artifact.ts';
export type { Identity, WantedExtension } from './verify/identity.ts';
export type { Policy } from './verify/signer.ts';

/** In their order. */
export const CHECKS = [
  'signer',
  'time',
  'certificate',
  'sct',
  'identity',
  'log',
  'entry',
  'signature',
] as const;

/** One of the eight checks. */
export type CheckName = (typeof CHECKS)[number];

/** What one check saw and found. */
export interface Check {
  /** Which. */
  readonly name: CheckName;
  /** A check behind one that failed does not appear. */
  readonly verdict: 'passed' | 'failed' | 'not applicable';
  /** What the check looked at. */
  readonly inputs: Facts;
  /** What it established, when it passed. */
  readonly found?: Facts;
  /** Why it failed. */
  readonly error?: { readonly code: ErrorCode; readonly reason: string };
}

/** What a verified bundle proves. */
export interface Verification {
  /** All eight, in their order. */
  readonly checks: readonly Check[];
  /** Absent for a managed key. */
  readonly identity: Identity | undefined;
  /** Every proven time; none for a key whose bundle has neither timestamp nor promise. */
  readonly times: readonly VerifiedTime[];
  /** Of known logs. */
  readonly entries: readonly VerifiedEntry[];
  /** Of an attestation. */
  readonly statement: Statement | undefined;
}

/** A verification, or why there is none; with the checks that were made. */
export type Examination =
  | { readonly checks: readonly Check[]; readonly verification: Verification }
  | { readonly checks: readonly Check[]; readonly error: CodedError };

interface Recorder {
  /** Runs one check and records it with its inputs and what `found` tells of its result. */
  run<T>(name: CheckName, inputs: Facts, run: () => T, found: (result: T) => Facts): T;
  /** Records a check that has nothing to look at. */
  skip(name: CheckName, because: string): void;
}

function recorder(checks: Check[]): Recorder {
  return {
    run(name, given, run, found) {
      try {
        const result = run();
        checks.push({ name, verdict: 'passed', inputs: given, found: found(result) });
        return result;
      } catch (error) {
        if (error instanceof CodedError) {
          const { code, message: reason } = error;
          checks.push({ name, verdict: 'failed', inputs: given, error: { code, reason } });
        }
        throw error;
      }
    },
    skip(name, because) {
      checks.push({ name, verdict: 'not applicable', inputs: { because } });
    },
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

type Leaf = NonNullable<SigningKey['leaf']>;

function checkPath(
  { crypto, root, bundle, policy }: Case,
  leaf: Leaf,
  timesMs: readonly number[],
  check: Recorder,
): void {
  const claimed = claimedTimes(root, bundle);
  const authority = check.run(
    'certificate',
    inputs.ofCertificate(leaf, timesMs, claimed),
    () => {
      const found = verifyCertificate(crypto, root, leaf, timesMs);
      requireClaimedTimes(leaf, claimed);
      return found;
    },
    ({ uri }) => ({ authority: uri }),
  );
  if (policy.unsafeWithoutSct) {
    check.skip('sct', 'the caller asks for no SCT');
    return;
  }
  check.run(
    'sct',
    inputs.ofSct(leaf, root),
    () => verifySct(crypto, root, leaf, authority.chain[0] ?? leaf),
    ({ log, timeMs }) => ({ log: log.baseUrl, time: instant(timeMs) }),
  );
}

function checkIdentity({ policy }: Case, leaf: Leaf, check: Recorder): Identity {
  return check.run(
    'identity',
    inputs.ofPolicy(policy),
    () => {
      const identity = readIdentity(leaf);
      requireIdentity(identity, policy);
      return identity;
    },
    ({ name, issuer }) => ({ identity: name, issuer }),
  );
}

function checkLog(
  c: Case,
  signer: SigningKey,
  timesMs: readonly number[],
  check: Recorder,
): VerifiedEntry[] {
  const { crypto, root, bundle, artifact, policy } = c;
  const { tlogEntries } = bundle;
  const optional = policy.unsafeWithoutLog ?? false;
  if (optional && tlogEntries.length === 0) {
    for (const name of ['log', 'entry'] as const) check.skip(name, 'the caller asks for no log');
    return [];
  }
  const entries = check.run(
    'log',
    inputs.ofEntries(tlogEntries),
    () => verifyLogEntries(crypto, root, tlogEntries, timesMs, optional),
    (found) => ({
      logs: found.map(({ origin }) => origin),
      indexes: found.map(({ index }) => String(index)),
      treeSizes: found.map(({ treeSize }) => String(treeSize ?? 'promised')),
    }),
  );
  const logged = loggedSignature(crypto, bundle, artifact, signer);
  check.run(
    'entry',
    { kinds: entries.map(({ entry }) => `${entry.kind} ${entry.version}`) },
    () => {
      for (const { entry } of entries) verifyEntryBody(entry, logged);
    },
    () => ({ entries: entries.length }),
  );
  return entries;
}

function runChecks(c: Case, checks: Check[]): Verification {
  const { crypto, root, bundle, artifact, policy } = c;
  const check = recorder(checks);
  const signer = check.run(
    'signer',
    inputs.ofSigner(bundle, policy),
    () => chooseSigner(bundle, policy),
    ({ leaf, algorithm }) => ({
      mode: leaf === undefined ? 'key' : 'certificate',
      algorithm: algorithm.id,
    }),
  );
  const { leaf } = signer;
  const times = check.run(
    'time',
    inputs.ofTimes(bundle),
    () => verifyTimes(crypto, root, bundle, leaf !== undefined, policy),
    (found) => ({
      times: found.map(({ timeMs }) => instant(timeMs)),
      authorities: found.map(({ authority }) => authority),
    }),
  );
  const timesMs = times.map(({ timeMs }) => timeMs);
  let identity: Identity | undefined;
  if (leaf === undefined) {
    for (const name of ['certificate', 'sct', 'identity'] as const) {
      check.skip(name, 'the bundle was signed with a managed key');
    }
  } else {
    checkPath(c, leaf, timesMs, check);
    identity = checkIdentity(c, leaf, check);
  }
  const entries = checkLog(c, signer, timesMs, check);
  const { statement } = check.run(
    'signature',
    inputs.ofContent(bundle, artifact, policy),
    () => verifyContent(crypto, bundle, artifact, signer, policy),
    ({ algorithm, statement: found }) => ({
      algorithm: algorithm.id,
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
