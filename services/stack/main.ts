// SPDX-License-Identifier: Apache-2.0
// The command `sigstead`: the client's commands and those that run a stack.
import { runCli } from '../client/cli.ts';
import { configCommand, devCommand, serveCommand } from './commands.ts';
import { rotateCommand } from './trust-command.ts';

process.exitCode = await runCli(process.argv, [
  serveCommand(),
  configCommand(),
  devCommand(),
  rotateCommand(),
]);
