// SPDX-License-Identifier: Apache-2.0
// The client's commands: flags and help. What a command does is loaded when it runs.
import { Command, Option } from 'commander';
import type { Io } from './io.ts';
import type { InspectFlags } from './run-inspect.ts';
import type { AttestFlags, SignFlags } from './run-sign.ts';
import type { VerifyAttestationFlags, VerifyFlags } from './run-verify.ts';

const TYPES = 'predicate type: slsaprovenance1, spdxjson, cyclonedx, vuln, custom, … or a URI';

function withOutput(command: Command): Command {
  return command.addOption(
    new Option('--output <format>', 'form of the result on stdout')
      .choices(['text', 'json'])
      .default('text'),
  );
}

function withTrust(command: Command): Command {
  return command
    .optionsGroup('Trust:')
    .option('--trust-config <file|dir>', 'client trust config, or a directory of trust files')
    .option('--trusted-root <file>', 'trusted root, in place of --trust-config');
}

function withSigning(command: Command): Command {
  const trusting = withTrust(command)
    .option('--signing-config <file>', 'signing config, beside --trusted-root')
    .optionsGroup('Identity:')
    .option('--identity-token-file <file>', 'file that holds the identity token')
    .option('--identity-token <token>', 'the token itself (visible to other processes)')
    .optionsGroup('Result:');
  return withOutput(trusting)
    .option('--bundle <file>', 'where to write the bundle')
    .option('--force', 'replace a bundle that is there');
}

/** @param all given so far */
const collect = (value: string, all: readonly string[] = []) => [...all, value];

/** Rows of the certificate that GitHub workflows have, by their number. */
function withWorkflow(command: Command): Command {
  return command
    .option('--certificate-github-workflow-name <name>', 'extension 4, exactly')
    .option('--certificate-github-workflow-ref <ref>', 'extension 6, exactly')
    .option('--certificate-github-workflow-repository <repository>', 'extension 5, exactly')
    .option('--certificate-github-workflow-sha <sha>', 'extension 3, exactly')
    .option('--certificate-github-workflow-trigger <trigger>', 'extension 2, exactly');
}

function withIdentity(command: Command): Command {
  const who = withTrust(command)
    .optionsGroup('Who must have signed:')
    .option('--certificate-identity <identity>', 'name in the certificate, exactly')
    .option('--certificate-identity-regexp <pattern>', 'the same as a pattern of the whole name')
    .option('--certificate-oidc-issuer <url>', 'who vouched for the name, exactly')
    .option('--certificate-oidc-issuer-regexp <pattern>', 'the same as a pattern of the whole URL')
    .option('--certificate-extension <name=value>', 'what else the certificate must say', collect);
  const what = withWorkflow(who)
    .option('--key <file>', 'public key (PEM), in place of names')
    .optionsGroup('What was signed:')
    .option('--bundle <file>', 'the bundle, if it has not the usual name')
    .option('--digest <hex>', 'digest of the file, in place of the file; needs --bundle')
    .addOption(
      new Option('--digestAlg <algorithm>', 'of --digest')
        .choices(['sha256', 'sha384', 'sha512'])
        .default('sha256'),
    )
    .optionsGroup('More and less than usual:')
    .option('--use-signed-timestamps', 'demand a timestamp, even where a log tells the time')
    .option('--insecure-ignore-tlog', 'accept a bundle that no known log holds')
    .option('--insecure-ignore-sct', 'accept a certificate that no CT log vouches for');
  return withOutput(what.optionsGroup('Result:'));
}

const VERDICTS = `Nothing is asked of a network. Exit codes: 0 verified, 2 usage, 3 signature or proof invalid,
4 somebody else signed, 5 trust files.`;

export function signCommand(io: Io): Command {
  return withSigning(new Command('sign').alias('sign-blob'))
    .argument('<file>', 'what to sign')
    .description('sign a file; writes <file>.sigstore.json')
    .addHelpText(
      'after',
      `
The token comes from --identity-token-file, --identity-token or SIGSTORE_ID_TOKEN.

Examples:
  $ sigstead sign --trust-config trust --identity-token-file token app.tgz
  $ SIGSTORE_ID_TOKEN=$(sigstead dev token --email dev@example.com) \\
      sigstead sign --trust-config data/trust README.md
`,
    )
    .action(async (file: string, flags: SignFlags) => {
      const { runSign } = await import('./run-sign.ts');
      await runSign(file, flags, io);
    });
}

export function attestCommand(io: Io): Command {
  return withSigning(new Command('attest').alias('attest-blob'))
    .argument('<file>', 'what the attestation is about')
    .description('sign a statement about a file; writes <file>.<type>.sigstore.json')
    .optionsGroup('Statement:')
    .requiredOption('--predicate <file>', 'JSON that the statement carries')
    .requiredOption('--type <type>', TYPES)
    .addHelpText(
      'after',
      `
Examples:
  $ sigstead attest --trust-config trust --identity-token-file token \\
      --predicate provenance.json --type slsaprovenance1 app.tgz
  $ sigstead attest --trust-config trust --identity-token-file token \\
      --predicate sbom.json --type https://corp.example/sbom/v1 app.tgz
`,
    )
    .action(async (file: string, flags: AttestFlags) => {
      const { runAttest } = await import('./run-sign.ts');
      await runAttest(file, flags, io);
    });
}

export function verifyCommand(io: Io): Command {
  return withIdentity(new Command('verify').alias('verify-blob'))
    .argument('[file]', 'what was signed')
    .description('verify the signature of a file, offline')
    .addHelpText(
      'after',
      `
Examples:
  $ sigstead verify --trust-config trust --certificate-identity dev@example.com \\
      --certificate-oidc-issuer https://oidc.example.com app.tgz
  $ sigstead verify --trust-config trust --output json \\
      --certificate-identity-regexp 'https://github.corp.example/tools/.*' \\
      --certificate-oidc-issuer https://github.corp.example/_services/token app.tgz

${VERDICTS}
`,
    )
    .action(async (file: string | undefined, flags: VerifyFlags) => {
      const { runVerify } = await import('./run-verify.ts');
      await runVerify(file, flags, io);
    });
}

export function verifyAttestationCommand(io: Io): Command {
  return withIdentity(new Command('verify-attestation').alias('verify-blob-attestation'))
    .argument('[file]', 'what the attestation is about')
    .description('verify an attestation about a file, offline')
    .optionsGroup('Statement:')
    .requiredOption('--type <type>', TYPES)
    .option('--check-claims', 'the statement must name the file (the default)')
    .option('--no-check-claims', 'accept a statement about other files')
    .addHelpText(
      'after',
      `
Examples:
  $ sigstead verify-attestation --trust-config trust --type slsaprovenance1 \\
      --certificate-identity dev@example.com \\
      --certificate-oidc-issuer https://oidc.example.com app.tgz

${VERDICTS}
`,
    )
    .action(async (file: string | undefined, flags: VerifyAttestationFlags) => {
      const { runVerifyAttestation } = await import('./run-verify.ts');
      await runVerifyAttestation(file, flags, io);
    });
}

export function inspectCommand(io: Io): Command {
  return withOutput(new Command('inspect'))
    .argument('<bundle>', 'a bundle')
    .description('show what a bundle claims, without verifying it')
    .addHelpText(
      'after',
      `
Examples:
  $ sigstead inspect app.tgz.sigstore.json
  $ sigstead inspect --output json app.tgz.sigstore.json
`,
    )
    .action(async (path: string, flags: InspectFlags) => {
      const { runInspect } = await import('./run-inspect.ts');
      runInspect(path, flags, io);
    });
}
