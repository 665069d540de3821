// SPDX-License-Identifier: Apache-2.0
// Flags of verification, in cosign's spellings, as the policy that the verifier applies.
import { fromUtf8 } from '../core/bytes.ts';
import type { PublicKey } from '../core/crypto.ts';
import { CodedError, coded, ParseError } from '../core/errors.ts';
import { FULCIO_ARC, FULCIO_EXTENSIONS } from '../core/oid.ts';
import type { Policy, WantedExtension } from '../core/verify.ts';
import { parsePem, parsePublicKey } from '../core/x509.ts';
import { readBounded } from './files.ts';

export interface PolicyFlags {
  readonly certificateIdentity?: string;
  readonly certificateIdentityRegexp?: string;
  readonly certificateOidcIssuer?: string;
  readonly certificateOidcIssuerRegexp?: string;
  readonly certificateGithubWorkflowTrigger?: string;
  readonly certificateGithubWorkflowSha?: string;
  readonly certificateGithubWorkflowName?: string;
  readonly certificateGithubWorkflowRepository?: string;
  readonly certificateGithubWorkflowRef?: string;
  /** `name=value`, any number. */
  readonly certificateExtension?: readonly string[];
  /** Path of a PEM. */
  readonly key?: string;
  readonly insecureIgnoreTlog?: boolean;
  readonly insecureIgnoreSct?: boolean;
  readonly useSignedTimestamps?: boolean;
  readonly checkClaims?: boolean;
}

const MAX_KEY_LENGTH = 64 << 10;

/** A public key, PEM SubjectPublicKeyInfo, alone in its file. @throws CodedError USAGE, FILE_UNREADABLE */
export function readKey(path: string): PublicKey {
  const bytes = readBounded(path, MAX_KEY_LENGTH);
  return coded('USAGE', `--key ${path} holds no public key`, () => {
    const [block, ...others] = parsePem(fromUtf8(bytes), 'PUBLIC KEY');
    if (block === undefined || others.length > 0) throw new ParseError('not exactly one');
    return parsePublicKey(block.der);
  });
}

/** Letters and digits alone: `Build Signer URI`, `build-signer-uri` and `BuildSignerURI` are one name. */
const bare = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

function extensionNumber(name: string): number {
  const oid = name.startsWith(`${FULCIO_ARC}.`) ? name.slice(FULCIO_ARC.length + 1) : name;
  const matches = FULCIO_EXTENSIONS.filter((row) =>
    [String(row.number), bare(row.name), bare(row.key)].includes(
      /^\d+$/.test(oid) ? oid : bare(name),
    ),
  );
  // `issuer` is the name of two: 1.1 is the deprecated one.
  const found = matches.at(-1);
  if (found !== undefined) return found.number;
  const names = FULCIO_EXTENSIONS.map(({ yamlKey }) => yamlKey);
  const known = [...new Set(names)].join(', ');
  throw new CodedError('USAGE', `--certificate-extension: ${name} is none of ${known}`, {
    field: '--certificate-extension',
  });
}

function wantedExtension(text: string): WantedExtension {
  const at = text.indexOf('=');
  if (at <= 0) {
    throw new CodedError('USAGE', `--certificate-extension ${text} is not name=value`, {
      field: '--certificate-extension',
    });
  }
  return { number: extensionNumber(text.slice(0, at)), value: text.slice(at + 1) };
}

/** What GitHub's workflows are asked for, and the extension that tells it. */
const WORKFLOW: ReadonlyArray<readonly [number, keyof PolicyFlags]> = [
  [2, 'certificateGithubWorkflowTrigger'],
  [3, 'certificateGithubWorkflowSha'],
  [4, 'certificateGithubWorkflowName'],
  [5, 'certificateGithubWorkflowRepository'],
  [6, 'certificateGithubWorkflowRef'],
];

function extensionsOf(flags: PolicyFlags): WantedExtension[] {
  const workflow = WORKFLOW.flatMap(([number, flag]) => {
    const value = flags[flag];
    return typeof value === 'string' ? [{ number, value }] : [];
  });
  return [...workflow, ...(flags.certificateExtension ?? []).map(wantedExtension)];
}

/** Those of the values that were given. */
function present<T extends object>(values: { [K in keyof T]: T[K] | undefined }): Partial<T> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given) as Partial<T>;
}

/** @throws CodedError USAGE, FILE_UNREADABLE */
export function policyOf(flags: PolicyFlags, nowMs: number): Policy {
  const extensions = extensionsOf(flags);
  return {
    nowMs,
    ...present<Policy>({
      identity: flags.certificateIdentity,
      identityRegexp: flags.certificateIdentityRegexp,
      issuer: flags.certificateOidcIssuer,
      issuerRegexp: flags.certificateOidcIssuerRegexp,
      key: flags.key === undefined ? undefined : readKey(flags.key),
      extensions: extensions.length === 0 ? undefined : extensions,
      timestamp: flags.useSignedTimestamps,
      unsafeWithoutLog: flags.insecureIgnoreTlog,
      unsafeWithoutSct: flags.insecureIgnoreSct,
      unsafeAnySubject: flags.checkClaims === false ? true : undefined,
    }),
  };
}
