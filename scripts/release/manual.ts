// SPDX-License-Identifier: Apache-2.0
// The manual page, from the commands themselves. By hand: node scripts/release/manual.ts > sigstead.1

import { buildCli } from '../../services/client/cli.ts';
import {
  allCommands,
  type CommandInfo,
  commandTree,
  type OptionInfo,
} from '../../services/client/command-tree.ts';
import { VERSION } from '../../services/client/version.ts';
import { EXIT } from '../../services/core/errors.ts';
import { otherCommands } from '../../services/stack/program.ts';

const EXIT_MEANING: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: 'done',
  internal: 'a fault of the program itself',
  usage: 'usage: flags, files, configuration, a bundle that is there already',
  proof: 'signature or proof invalid',
  identity: 'valid, but of somebody else, or of another predicate type',
  trust: 'trust files, signing config, keys or state of a stack',
  network: 'a service is unreachable, refused, or sent an answer that does not verify',
  token: 'identity token',
};

const ENVIRONMENT: ReadonlyArray<readonly [string, string]> = [
  ['SIGSTORE_ID_TOKEN', 'the identity token, when no flag names one'],
  ['NODE_EXTRA_CA_CERTS', 'PEM file of a private TLS authority'],
  ['SIGSTEAD_…', 'settings of a stack: SIGSTEAD_LISTEN__PORT is listen.port'],
  ['NO_COLOR', 'no colour on a terminal'],
];

/** Text as roff takes it: no line starts a request, `-` is the one that can be copied. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('`', '\\(ga')
    .replaceAll(/^\./gm, '\\&.')
    .replaceAll('…', '...')
    .replaceAll('→', '\\(->');
}

const entry = (term: string, text: string) => `.TP\n.B ${roff(term)}\n${roff(text)}\n`;
const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;

function option({ flags, description }: OptionInfo): string {
  return entry(flags, description);
}

/** Text of the help: blocks that are indented stay as they are. */
function verbatim(text: string): string {
  return `.PP\n.nf\n${roff(text)}\n.fi\n`;
}

function command(info: CommandInfo): string {
  const { path, names, description, usage, options, after } = info;
  const others = names.slice(1);
  const also = others.length === 0 ? '' : ` Also ${others.join(', ')}.`;
  return [
    `.SS sigstead ${roff(`${path.join(' ')} ${usage}`)}\n`,
    `${roff(`${sentence(description)}${also}`)}\n`,
    ...options.filter(({ long }) => long !== '--help').map(option),
    after === '' ? '' : verbatim(after),
  ].join('');
}

/** @param tree of the program */
export function manualPage(tree: CommandInfo, version: string): string {
  const commands = allCommands(tree).filter(
    ({ path, children }) => path.length > 0 && children.length === 0,
  );
  const codes = Object.entries(EXIT) as Array<[keyof typeof EXIT, number]>;
  return [
    '.\\" SPDX-License-Identifier: Apache-2.0\n',
    `.TH SIGSTEAD 1 "" "sigstead ${version}" "User Commands"\n`,
    `.SH NAME\nsigstead \\- ${roff(tree.description)}\n`,
    '.SH SYNOPSIS\n',
    commands
      .map(({ path, usage }) => `.B sigstead ${roff(path.join(' '))}\n${roff(usage)}\n`)
      .join('.br\n'),
    '.SH DESCRIPTION\n',
    'A private Sigstore for places without internet: certificate authority, CT log, transparency log,\n',
    'timestamp authority, trust root and the client that signs and verifies with them.\n',
    'No public instance is ever asked: trust files are named, or nothing is done.\n',
    '.SH COMMANDS\n',
    ...commands.map(command),
    '.SH EXIT STATUS\n',
    ...codes.map(([name, code]) => entry(String(code), EXIT_MEANING[name])),
    'An error is two lines on stderr: its code with what was wrong, and what to do about it.\n',
    '.SH ENVIRONMENT\n',
    ...ENVIRONMENT.map(([name, text]) => entry(name, text)),
    '.SH SEE ALSO\n.BR cosign (1)\n',
    '.PP\nThe documents in\n.I docs/\nof the package: guides, every error code, operating, the threat model.\n',
  ].join('');
}

/** Of the command as it is now. */
export function currentManual(): string {
  return manualPage(commandTree(buildCli(otherCommands())), VERSION);
}

if (import.meta.main) process.stdout.write(currentManual());
