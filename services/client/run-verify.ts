// SPDX-License-Identifier: Apache-2.0
// `sigstead verify` and `sigstead verify-attestation`: read files, verify, say who signed. Nothing
// here reaches a network.
import { existsSync } from 'node:fs';
import { MAX_BUNDLE_LENGTH, parseBundle } from '../core/bundle.ts';
import { fromUtf8 } from '../core/bytes.ts';
import type { PublicKey } from '../core/crypto.ts';
import { CodedError, coded } from '../core/errors.ts';
import {
  artifactHashes,
  type Examination,
  examineBundle,
  type Policy,
  type Verification,
} from '../core/verify.ts';
import { parsePem, parsePublicKey } from '../core/x509.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { hashFile, readBounded } from './files.ts';
import { columns, type Io, type OutputFormat } from './io.ts';
import { predicateTypeOf, SIGNATURE_PREDICATE_TYPE, typeSlug } from './statement.ts';
import { loadTrust } from './trust.ts';

export interface VerifyFlags {
  readonly trustConfig: string;
  readonly bundle?: string;
  readonly certificateIdentity?: string;
  readonly certificateOidcIssuer?: string;
  readonly key?: string;
  readonly output: OutputFormat;
}

export interface VerifyAttestationFlags extends VerifyFlags {
  readonly type: string;
}

const MAX_KEY_LENGTH = 64 << 10;

function readKey(path: string): PublicKey {
  const bytes = readBounded(path, MAX_KEY_LENGTH);
  return coded('USAGE', `--key ${path} holds no public key`, () => {
    const [block] = parsePem(fromUtf8(bytes), 'PUBLIC KEY');
    return parsePublicKey(block?.der ?? new Uint8Array());
  });
}

function policyOf(flags: VerifyFlags): Policy {
  const { certificateIdentity: identity, certificateOidcIssuer: issuer, key } = flags;
  return {
    ...(identity === undefined ? {} : { identity }),
    ...(issuer === undefined ? {} : { issuer }),
    ...(key === undefined ? {} : { key: readKey(key) }),
  };
}

function unusable(path: string, what: string): CodedError {
  return new CodedError('FILE_UNREADABLE', `${path}: ${what}`, { field: path });
}

/** Says what is missing before a parser says that something cannot be read. */
function requireFiles({ file, path, usual }: Case): void {
  if (!existsSync(file)) throw unusable(file, 'no such file or directory');
  if (existsSync(path)) return;
  const names = usual.join(' or ');
  throw unusable(
    path,
    usual.includes(path)
      ? `no bundle; looked for ${names}, and --bundle names another`
      : 'no such file or directory',
  );
}

function jsonOf(file: string, path: string, examination: Examination) {
  const { checks } = examination;
  if ('error' in examination) {
    const { code, message, row } = examination.error;
    return {
      verified: false,
      file,
      bundle: path,
      checks,
      error: { code, message, mend: row.mend },
    };
  }
  const { identity, times, entries, statement } = examination.verification;
  return {
    verified: true,
    file,
    bundle: path,
    checks,
    ...(identity === undefined
      ? {}
      : {
          identity: identity.name,
          issuer: identity.issuer,
          extensions: Object.fromEntries(identity.extensions),
        }),
    signedAt: times.map(({ timeMs }) => new Date(timeMs).toISOString()),
    logEntries: entries.map(({ origin, index }) => ({ log: origin, index })),
    ...(statement === undefined ? {} : { predicateType: statement.predicateType }),
  };
}

function textOf(file: string, path: string, verification: Verification): string {
  const { identity, times, entries, statement } = verification;
  const rows: Array<readonly [string, string]> = [
    ...(identity === undefined
      ? [['signer', 'the given key'] as const]
      : ([
          ['signer', identity.name],
          ['issuer', identity.issuer],
        ] as const)),
    ...(statement === undefined ? [] : [['predicate', statement.predicateType] as const]),
    ...times.map(({ timeMs }) => ['time', new Date(timeMs).toISOString()] as const),
    ...entries.map(({ origin, index }) => ['log entry', `${index} of ${origin}`] as const),
    ['bundle', path],
  ];
  return `Verified ${file}\n${columns(rows)}`;
}

interface Wanted {
  readonly file: string;
  /** Names that the bundle has when no flag gives one. */
  readonly usual: readonly [string, ...string[]];
  readonly flags: VerifyFlags;
  readonly policy: Policy;
}

interface Case extends Wanted {
  /** Of the bundle. */
  readonly path: string;
}

/** A file of any size is read once, for the digests that the verification will ask for. */
async function examine(c: Case): Promise<Examination> {
  const { file, path, flags, policy } = c;
  try {
    requireFiles(c);
    const { trustedRoot } = loadTrust(flags.trustConfig);
    const bundle = parseBundle(readBounded(path, MAX_BUNDLE_LENGTH));
    const digests = await hashFile(file, artifactHashes(bundle, policy));
    return examineBundle(nodeCrypto, trustedRoot, bundle, { digests }, policy);
  } catch (error) {
    // A bundle that does not parse is refused in the same words as one that does not verify.
    if (error instanceof CodedError) return { checks: [], error };
    throw error;
  }
}

async function run(wanted: Wanted, io: Io): Promise<void> {
  const { file, usual, flags } = wanted;
  const path = flags.bundle ?? usual.find((name) => existsSync(name)) ?? usual[0];
  const examination = await examine({ ...wanted, path });
  if (flags.output === 'json') {
    io.out(`${JSON.stringify(jsonOf(file, path, examination), null, 2)}\n`);
  }
  if ('error' in examination) throw examination.error;
  if (flags.output === 'text') io.out(textOf(file, path, examination.verification));
}

/** @throws CodedError; its exit code tells a bad signature from a wrong signer and from the rest */
export async function runVerify(file: string, flags: VerifyFlags, io: Io): Promise<void> {
  // Any statement about a file would do otherwise: that it is malicious, too.
  const policy = { ...policyOf(flags), predicateType: SIGNATURE_PREDICATE_TYPE };
  const usual = [`${file}.sigstore.json`, `${file}.sigstore`] as const;
  await run({ file, usual, flags, policy }, io);
}

/** @throws CodedError as runVerify */
export async function runVerifyAttestation(
  file: string,
  flags: VerifyAttestationFlags,
  io: Io,
): Promise<void> {
  const predicateType = predicateTypeOf(flags.type);
  const usual = [`${file}.${typeSlug(flags.type)}.sigstore.json`] as const;
  const policy = { ...policyOf(flags), attestation: true, predicateType };
  await run({ file, usual, flags, policy }, io);
}
