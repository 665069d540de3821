// SPDX-License-Identifier: Apache-2.0
// The two verbs by which test suites drive any Sigstore client. They say less than `sigstead` does:
// nothing on success, one line `reason: CODE` on stderr on failure; what the code means stands on
// stdout, for whoever reads the record of a run.
//
//   sign-bundle [--in-toto] --identity-token T --bundle F --trusted-root F --signing-config F ARTIFACT
//   verify-bundle --bundle F (--certificate-identity I --certificate-oidc-issuer U | --key PEM)
//                 --trusted-root F FILE|sha256:HEX
import { randomBytes } from 'node:crypto';
import { Command, CommanderError } from 'commander';
import { serializeBundle } from '../core/bundle.ts';
import { parseStatement } from '../core/dsse.ts';
import { CodedError, coded, EXIT } from '../core/errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { subjectOf } from './artifact.ts';
import { readBounded, readChunks, requireReadable, requireWritable, writeWhole } from './files.ts';
import { systemHttp } from './http.ts';
import { type Io, printable, processIo } from './io.ts';
import { type PolicyFlags, policyOf } from './policy.ts';
import { examine } from './run-verify.ts';
import { type SignContext, type Signed, signArtifact, signStatement } from './sign.ts';
import { readToken } from './token.ts';
import { requireSigningConfig, type TrustFlags, trustOf, trustPath } from './trust.ts';

interface CommonFlags extends TrustFlags {
  readonly bundle: string;
  readonly staging?: boolean;
}

interface SignFlags extends CommonFlags {
  readonly identityToken: string;
  readonly inToto?: boolean;
}

interface VerifyFlags extends CommonFlags, PolicyFlags {}

const MAX_STATEMENT_LENGTH = 16 << 20;

/** SPEC: no public instance is built in, neither for production nor for staging. */
function requireOwnTrust(flags: CommonFlags): void {
  if (flags.staging) {
    throw new CodedError('TRUST_ABSENT', '--staging names a public instance; none is built in', {
      field: '--staging',
    });
  }
  trustPath(flags);
}

function contextOf(flags: SignFlags, io: Io): SignContext {
  const trust = trustOf(flags);
  return {
    trustedRoot: trust.trustedRoot,
    signingConfig: requireSigningConfig(trust, trustPath(flags)),
    token: readToken(flags.identityToken.trim()),
    crypto: nodeCrypto,
    clock: io.clock ?? systemClock,
    http: systemHttp,
    random: (length) => new Uint8Array(randomBytes(length)),
  };
}

async function signFile(context: SignContext, path: string, inToto: boolean): Promise<Signed> {
  if (!inToto) {
    // A file that cannot be read is found before a certificate is asked for.
    requireReadable(path);
    return signArtifact(context, readChunks(path));
  }
  const statement = readBounded(path, MAX_STATEMENT_LENGTH);
  coded('STATEMENT_MALFORMED', path, () => parseStatement(statement));
  return signStatement(context, statement);
}

async function signBundle(path: string, flags: SignFlags, io: Io): Promise<void> {
  requireOwnTrust(flags);
  requireWritable(flags.bundle, true);
  const signed = await signFile(contextOf(flags, io), path, flags.inToto ?? false);
  writeWhole(flags.bundle, `${serializeBundle(signed.bundle)}\n`, true);
}

async function verifyBundle(artifact: string, flags: VerifyFlags, io: Io): Promise<void> {
  requireOwnTrust(flags);
  const { trustedRoot = '' } = flags;
  const { outcome } = await examine({
    subject: subjectOf(artifact),
    path: flags.bundle,
    usual: [],
    trust: { trustedRoot },
    policy: policyOf(flags, (io.clock ?? systemClock)()),
  });
  if ('error' in outcome) throw outcome.error;
}

function withCommon(command: Command): Command {
  return command
    .requiredOption('--bundle <file>', 'the bundle')
    .option('--trusted-root <file>', 'trusted root of the instance')
    .option('--staging', 'refused: no public instance is built in')
    .exitOverride()
    .configureOutput({ outputError: () => {} });
}

function buildProgram(io: Io): Command {
  const program = new Command('conformance')
    .description('sign and verify bundles, by the verbs that test suites of clients use')
    .exitOverride()
    .configureOutput({ writeOut: io.out, writeErr: io.out, outputError: () => {} });
  const sign = withCommon(program.command('sign-bundle'))
    .requiredOption('--identity-token <token>', 'OpenID Connect token')
    .option('--signing-config <file>', 'signing config of the instance')
    .option('--in-toto', 'the artifact is an in-toto statement, signed byte for byte')
    .argument('<artifact>', 'what to sign')
    .action((path: string, flags: SignFlags) => signBundle(path, flags, io));
  const verify = withCommon(program.command('verify-bundle'))
    .option('--certificate-identity <identity>', 'who must have signed')
    .option('--certificate-oidc-issuer <url>', 'who must have vouched')
    .option('--key <file>', 'public key (PEM) that must have signed')
    .argument('<artifact>', 'a file, or sha256:HEX')
    .action((artifact: string, flags: VerifyFlags) => verifyBundle(artifact, flags, io));
  for (const command of [sign, verify]) command.configureOutput({ writeOut: io.out });
  return program;
}

/** The one line that a suite reads. @returns the exit code */
function tell(io: Io, error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.ok;
    const none = error.code === 'commander.help';
    const message = none ? 'no verb was given' : error.message.replace(/^error: /, '');
    return tell(io, new CodedError('USAGE', message));
  }
  if (error instanceof CodedError) {
    io.out(`${error.code}: ${printable(error.message)}\n`);
    io.err(`reason: ${error.code}\n`);
    return error.row.exit;
  }
  io.out(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  io.err('reason: INTERNAL\n');
  return EXIT.internal;
}

/**
 * Runs one verb.
 * @param argv as process.argv: program and script stand first
 * @returns the exit code: 0, or that of the reason
 */
export async function runConformance(argv: readonly string[], io: Io = processIo): Promise<number> {
  try {
    await buildProgram(io).parseAsync([...argv]);
    return EXIT.ok;
  } catch (error) {
    return tell(io, error);
  }
}
