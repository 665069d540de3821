// SPDX-License-Identifier: Apache-2.0
// What a verification says: lines for people, and JSON whose shape scripts may rely on
// (docs/verify.md#the-report).

import type { CodedError } from '../core/errors.ts';
import { CHECKS, type Check, type Verification } from '../core/verify.ts';
import { type Subject, subjectText } from './artifact.ts';
import { columns } from './io.ts';

/** Grows when a field changes its meaning or goes; new fields alone leave it. */
const SCHEMA = 1;

/** Reading the trust files and the bundle are checks of the command, before those of the verifier. */
export type ReportCheck = Omit<Check, 'name' | 'verdict'> & {
  readonly name: 'trust' | 'bundle' | Check['name'];
  readonly verdict: Check['verdict'] | 'not reached';
};

export interface Report {
  readonly subject: Subject;
  /** Path of the bundle. */
  readonly bundle: string;
  /** Those that ran, in their order. */
  readonly checks: readonly ReportCheck[];
  readonly outcome: { readonly verification: Verification } | { readonly error: CodedError };
}

const instant = (timeMs: number) => new Date(timeMs).toISOString();

/** Every check has its row, also those after the one that failed. */
function allChecks(checks: readonly ReportCheck[]): ReportCheck[] {
  return (['trust', 'bundle', ...CHECKS] as const).map(
    (name) =>
      checks.find((check) => check.name === name) ?? { name, verdict: 'not reached', inputs: {} },
  );
}

function outcomeJson(outcome: Report['outcome']): object {
  if ('error' in outcome) {
    const { code, message, field, row } = outcome.error;
    return { error: { code, message, ...(field === undefined ? {} : { field }), mend: row.mend } };
  }
  const { identity, times, entries, statement } = outcome.verification;
  return {
    ...(identity === undefined
      ? {}
      : {
          identity: identity.name,
          issuer: identity.issuer,
          extensions: Object.fromEntries(identity.extensions),
        }),
    signedAt: times.map(({ timeMs }) => instant(timeMs)),
    logEntries: entries.map(({ origin, index }) => ({ log: origin, index })),
    ...(statement === undefined ? {} : { predicateType: statement.predicateType }),
  };
}

export function reportJson({ subject, bundle, checks, outcome }: Report): object {
  return {
    schema: SCHEMA,
    verified: 'verification' in outcome,
    ...('file' in subject ? { file: subject.file } : { digest: subjectText(subject) }),
    bundle,
    checks: allChecks(checks),
    ...outcomeJson(outcome),
  };
}

/** @param verification that succeeded */
export function reportText(subject: Subject, bundle: string, verification: Verification): string {
  const { checks, identity, times, entries, statement } = verification;
  const skipped = checks.filter(
    ({ name, verdict }) =>
      verdict === 'not applicable' && (identity !== undefined || name === 'log'),
  );
  const rows: Array<readonly [string, string]> = [
    ...(identity === undefined
      ? [['signer', 'the given key'] as const]
      : ([
          ['signer', identity.name],
          ['issuer', identity.issuer],
        ] as const)),
    ...(statement === undefined ? [] : [['predicate', statement.predicateType] as const]),
    ...times.map(({ timeMs }) => ['time', instant(timeMs)] as const),
    ...entries.map(({ origin, index }) => ['log entry', `${index} of ${origin}`] as const),
    ...skipped.map(({ name }) => ['not checked', name] as const),
    ['bundle', bundle],
  ];
  return `Verified ${subjectText(subject)}\n${columns(rows)}`;
}
