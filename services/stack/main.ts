// SPDX-License-Identifier: Apache-2.0
// The command `sigstead`: the client's commands and those that run a stack.
import { runCli } from '../client/cli.ts';
import { CLIENT_COMMANDS } from '../client/names.ts';
import { configCommand, devCommand, serveCommand } from './commands.ts';
import { rotateCommand } from './trust-command.ts';

/** Loaded only when they may be wanted: `trust export` brings the TUF client along. */
async function otherCommands() {
  const { trustCommand } = await import('../client/trust-export.ts');
  return [trustCommand(), serveCommand(), configCommand(), devCommand(), rotateCommand()];
}

const own = CLIENT_COMMANDS.has(process.argv[2] ?? '');
process.exitCode = await runCli(process.argv, own ? [] : await otherCommands());
