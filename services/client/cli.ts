// SPDX-License-Identifier: Apache-2.0
// The command `sigstead`, as far as it is a client. Others add their commands to it.
import { Command, CommanderError, Option } from 'commander';
import { CodedError, EXIT } from '../core/errors.ts';
import {
  attestCommand,
  inspectCommand,
  signCommand,
  verifyAttestationCommand,
  verifyCommand,
} from './commands.ts';
import { type Io, processIo, report } from './io.ts';
import { CLIENT_COMMANDS } from './names.ts';
import { VERSION } from './version.ts';

/** By the names of names.ts. */
const OWN: Readonly<Record<string, (io: Io) => Command>> = {
  sign: signCommand,
  attest: attestCommand,
  verify: verifyCommand,
  'verify-attestation': verifyAttestationCommand,
  inspect: inspectCommand,
};

const EXAMPLES = `
Examples:
  $ sigstead serve --dev                                     in another terminal
  $ sigstead dev token --email dev@example.com > token
  $ sigstead sign --trust-config data/trust --identity-token-file token app.tgz
  $ sigstead verify --trust-config data/trust --certificate-identity dev@example.com \\
      --certificate-oidc-issuer http://localhost:8400/dev-oidc app.tgz

Exit codes: 0 done, 1 a fault of the program, 2 usage, 3 signature or proof invalid, 4 somebody else
signed, 5 trust files, 6 a service, 7 the identity token. An error is two lines on stderr:
\`error: CODE: what was wrong\` and \`mend: what to do\`.
`;

const argumentsOf = (command: Command) =>
  command.commands.length > 0 ? '<command>' : command.usage().replace('[options]', '').trim();

/** commander ends the process and prints by itself unless every command is told not to. */
function tame(command: Command, io: Io): void {
  command.exitOverride().helpCommand(false);
  command.addHelpOption(new Option('-h, --help', 'show this').helpGroup('Options:'));
  command.configureOutput({
    writeOut: io.out,
    writeErr: io.err,
    // Errors are told once, by report().
    outputError: () => {},
  });
  for (const child of command.commands) tame(child, io);
}

/** A group of commands may have members from several places. */
function join(program: Command, command: Command): void {
  const group = program.commands.find((known) => known.name() === command.name());
  if (group === undefined) program.addCommand(command);
  else for (const child of command.commands) group.addCommand(child);
}

/**
 * @param extra commands of others, after our own
 * @param wanted first word of the command line: a command of ours is made alone, for a fast start
 */
export function buildCli(extra: readonly Command[] = [], io: Io = processIo, wanted = ''): Command {
  const only = CLIENT_COMMANDS.get(wanted);
  const program = new Command('sigstead')
    .description('sign, attest and verify with a private Sigstore')
    .version(VERSION, '-V, --version', 'show the version')
    .usage('<command> [options]')
    // Without their other names, which each tells in its own help.
    .configureHelp({ subcommandTerm: (one) => `${one.name()} ${argumentsOf(one)}`.trim() })
    .commandsGroup('Sign and verify:')
    .addHelpText('after', EXAMPLES);
  for (const [name, make] of Object.entries(OWN)) {
    if (only === undefined || only === name) program.addCommand(make(io));
  }
  for (const command of extra) join(program, command);
  tame(program, io);
  return program;
}

const SWITCH =
  /^--(check-claims|insecure-ignore-tlog|insecure-ignore-sct|use-signed-timestamps)=(true|false)$/;

/** Switches may carry a value, as those of cosign do; false is what no switch means. */
function plainSwitches(argv: readonly string[]): string[] {
  const end = argv.indexOf('--');
  return argv.flatMap((word, i) => {
    const [, name, value] = (end < 0 || i < end ? SWITCH.exec(word) : null) ?? [];
    if (name === undefined) return [word];
    if (value === 'true') return [`--${name}`];
    return name === 'check-claims' ? ['--no-check-claims'] : [];
  });
}

function asCoded(error: unknown): unknown {
  if (!(error instanceof CommanderError)) return error;
  const message = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new CodedError('USAGE', message, { field: 'arguments' });
}

/**
 * Runs one command line.
 * @param argv as process.argv: program and script stand first
 * @param extra commands of others
 * @returns the exit code (docs/cli.md)
 */
export async function runCli(
  argv: readonly string[],
  extra: readonly Command[] = [],
  io: Io = processIo,
): Promise<number> {
  try {
    await buildCli(extra, io, argv[2]).parseAsync(plainSwitches(argv));
    // A command that goes on after its action leaves its code where the process finds it.
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError) {
      if (error.exitCode === 0) return EXIT.ok;
      // No command at all: the help that was printed says everything.
      if (error.code === 'commander.help') return EXIT.usage;
    }
    return report(io, asCoded(error));
  }
}
