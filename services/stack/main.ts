// SPDX-License-Identifier: Apache-2.0
// The command `sigstead`: the client's commands and those that run a stack.
import { runCli } from '../client/cli.ts';
import { CLIENT_COMMANDS } from '../client/names.ts';

const own = CLIENT_COMMANDS.has(process.argv[2] ?? '');
process.exitCode = await runCli(
  process.argv,
  own ? [] : (await import('./program.ts')).otherCommands(),
);
