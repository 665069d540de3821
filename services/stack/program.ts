// SPDX-License-Identifier: Apache-2.0
// The commands that the client does not have by itself. Loaded only when one of them may be wanted:
// `trust export` brings the TUF client along.
import type { Command } from 'commander';
import { completionCommand, helpCommand } from '../client/help-commands.ts';
import { processIo } from '../client/io.ts';
import { trustCommand } from '../client/trust-export.ts';
import { configCommand, devCommand, serveCommand } from './commands.ts';
import { rotateCommand } from './trust-command.ts';

export function otherCommands(): Command[] {
  return [
    ...[serveCommand(), configCommand(), trustCommand(), rotateCommand(), devCommand()].map(
      (command) => command.helpGroup('Run a stack:'),
    ),
    ...[completionCommand(processIo), helpCommand()].map((command) => command.helpGroup('Help:')),
  ];
}
