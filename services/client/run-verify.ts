// SPDX-License-Identifier: Apache-2.0
// `sigstead verify` and `sigstead verify-attestation`: read files, verify, say who signed. Nothing
// here reaches a network.
import { existsSync } from 'node:fs';
import { type Bundle, MAX_BUNDLE_LENGTH, parseBundle } from '../core/bundle.ts';
import { CodedError } from '../core/errors.ts';
import type { TrustedRoot } from '../core/trust.ts';
import { examineBundle, type Policy } from '../core/verify.ts';
import { systemClock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { digestSubject, readArtifact, type Subject } from './artifact.ts';
import { readBounded } from './files.ts';
import type { Io, OutputFormat } from './io.ts';
import { type PolicyFlags, policyOf } from './policy.ts';
import { predicateTypeOf, SIGNATURE_PREDICATE_TYPE, typeSlug } from './statement.ts';
import { type TrustFlags, trustOf, trustPath } from './trust.ts';
import { type Report, type ReportCheck, reportJson, reportText } from './verify-report.ts';

export interface VerifyFlags extends PolicyFlags, TrustFlags {
  readonly bundle?: string;
  /** In place of the file. */
  readonly digest?: string;
  readonly digestAlg: string;
  readonly output: OutputFormat;
}

export interface VerifyAttestationFlags extends VerifyFlags {
  readonly type: string;
}

function unusable(path: string, what: string): CodedError {
  return new CodedError('FILE_UNREADABLE', `${path}: ${what}`, { field: path });
}

/** What to verify and how, before anything is read. */
export interface Wanted {
  readonly subject: Subject;
  /** Of the bundle. */
  readonly path: string;
  /** Names that the bundle has when no flag gives one. */
  readonly usual: readonly string[];
  readonly trust: TrustFlags;
  readonly policy: Policy;
}

/** Says what is missing before a parser says that something cannot be read. */
function requireFiles({ subject, path, usual }: Wanted): void {
  if ('file' in subject && !existsSync(subject.file)) {
    throw unusable(subject.file, 'no such file or directory');
  }
  if (existsSync(path)) return;
  const names = usual.join(' or ');
  throw unusable(
    path,
    usual.includes(path)
      ? `no bundle; looked for ${names}, and --bundle names another`
      : 'no such file or directory',
  );
}

/** Runs a check of the command and records it, as the verifier records its own. */
function step<T>(
  checks: ReportCheck[],
  name: 'trust' | 'bundle',
  file: string,
  read: () => T,
  found: (value: T) => ReportCheck['inputs'],
): T {
  try {
    const value = read();
    checks.push({ name, verdict: 'passed', inputs: { file }, found: found(value) });
    return value;
  } catch (error) {
    if (error instanceof CodedError) {
      const { code, message: reason } = error;
      checks.push({ name, verdict: 'failed', inputs: { file }, error: { code, reason } });
    }
    throw error;
  }
}

function trustFacts(root: TrustedRoot): ReportCheck['inputs'] {
  return {
    certificateAuthorities: root.certificateAuthorities.map(({ uri }) => uri),
    timestampAuthorities: root.timestampAuthorities.map(({ uri }) => uri),
    tlogs: root.tlogs.map(({ baseUrl }) => baseUrl),
    ctlogs: root.ctlogs.map(({ baseUrl }) => baseUrl),
    ...(root.unread === undefined ? {} : { notRead: root.unread }),
  };
}

function bundleFacts(bundle: Bundle): ReportCheck['inputs'] {
  const { mediaType, version, tlogEntries, timestamps } = bundle;
  return {
    mediaType,
    version,
    tlogEntries: tlogEntries.length,
    timestamps: timestamps.length,
  };
}

/** Reads, verifies, and tells every check, whatever the outcome. */
export async function examine(wanted: Wanted): Promise<Report> {
  const { subject, path, trust, policy } = wanted;
  const checks: ReportCheck[] = [];
  const read = (file: string) => parseBundle(readBounded(file, MAX_BUNDLE_LENGTH));
  try {
    requireFiles(wanted);
    const root = step(
      checks,
      'trust',
      trustPath(trust),
      () => trustOf(trust).trustedRoot,
      trustFacts,
    );
    const bundle = step(checks, 'bundle', path, () => read(path), bundleFacts);
    const artifact = await readArtifact(subject, bundle, policy);
    const examination = examineBundle(nodeCrypto, root, bundle, artifact, policy);
    return {
      subject,
      bundle: path,
      checks: [...checks, ...examination.checks],
      outcome: examination,
    };
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return { subject, bundle: path, checks, outcome: { error } };
  }
}

async function run(wanted: Wanted, output: OutputFormat, io: Io): Promise<void> {
  const report = await examine(wanted);
  if (output === 'json') io.out(`${JSON.stringify(reportJson(report), null, 2)}\n`);
  const { outcome, subject, bundle } = report;
  if ('error' in outcome) throw outcome.error;
  if (output === 'text') io.out(reportText(subject, bundle, outcome.verification));
}

function usage(message: string, field: string): CodedError {
  return new CodedError('USAGE', message, { field });
}

/** @param usual endings of the bundle's name after that of the file */
function wantedOf(
  file: string | undefined,
  flags: VerifyFlags,
  usual: readonly string[],
  policy: Policy,
): Wanted {
  const { trustConfig, trustedRoot } = flags;
  const trust = {
    ...(trustConfig === undefined ? {} : { trustConfig }),
    ...(trustedRoot === undefined ? {} : { trustedRoot }),
  };
  if (file === undefined) {
    if (flags.digest === undefined) throw usage('neither a file nor --digest', 'file');
    if (flags.bundle === undefined) throw usage('--digest needs --bundle', '--bundle');
    const subject = digestSubject(flags.digestAlg, flags.digest, '--digest');
    return { subject, path: flags.bundle, usual: [], trust, policy };
  }
  if (flags.digest !== undefined) throw usage('both a file and --digest', '--digest');
  const names = usual.map((ending) => `${file}${ending}`);
  const found = names.find((name) => existsSync(name)) ?? names[0] ?? file;
  return { subject: { file }, path: flags.bundle ?? found, usual: names, trust, policy };
}

/** @throws CodedError; its exit code tells a bad signature from a wrong signer and from the rest */
export async function runVerify(
  file: string | undefined,
  flags: VerifyFlags,
  io: Io,
): Promise<void> {
  // Any statement about a file would do otherwise: that it is malicious, too.
  const policy = {
    ...policyOf(flags, (io.clock ?? systemClock)()),
    predicateType: SIGNATURE_PREDICATE_TYPE,
  };
  const wanted = wantedOf(file, flags, ['.sigstore.json', '.sigstore'], policy);
  await run(wanted, flags.output, io);
}

/** @throws CodedError as runVerify */
export async function runVerifyAttestation(
  file: string | undefined,
  flags: VerifyAttestationFlags,
  io: Io,
): Promise<void> {
  const predicateType = predicateTypeOf(flags.type);
  const policy = {
    ...policyOf(flags, (io.clock ?? systemClock)()),
    attestation: true,
    predicateType,
  };
  const wanted = wantedOf(file, flags, [`.${typeSlug(flags.type)}.sigstore.json`], policy);
  await run(wanted, flags.output, io);
}
