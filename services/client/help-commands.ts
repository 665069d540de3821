// SPDX-License-Identifier: Apache-2.0
// Commands about the commands: `help` and `completion`.
import { Argument, Command } from 'commander';
import { CodedError } from '../core/errors.ts';
import type { Io } from './io.ts';

const HELP_EXAMPLES = `
Examples:
  $ sigstead help
  $ sigstead help verify
  $ sigstead help trust export
`;

/** @throws CodedError USAGE, naming what there is */
function find(program: Command, words: readonly string[]): Command {
  let command = program;
  for (const word of words) {
    const { commands } = command;
    const next = commands.find((one) => [one.name(), ...one.aliases()].includes(word));
    if (next === undefined) {
      const known = commands.map((one) => one.name()).join(', ');
      const end = known === '' ? `${command.name()} has none` : `one of ${known}`;
      throw new CodedError('USAGE', `no command ${words.join(' ')}; ${end}`, { field: 'command' });
    }
    command = next;
  }
  return command;
}

export function helpCommand(): Command {
  const command = new Command('help');
  return command
    .argument('[command...]', 'its names')
    .description('show what a command does, with examples')
    .addHelpText('after', HELP_EXAMPLES)
    .action((words: string[]) => {
      if (command.parent !== null) find(command.parent, words).outputHelp();
    });
}

const COMPLETION_EXAMPLES = `
Examples:
  $ source <(sigstead completion bash)         for this shell; in ~/.bashrc for every one
  $ sigstead completion bash > ~/.local/share/bash-completion/completions/sigstead
  $ sigstead completion zsh > "\${fpath[1]}/_sigstead"
  $ sigstead completion fish > ~/.config/fish/completions/sigstead.fish
`;

export function completionCommand(io: Io): Command {
  const command = new Command('completion');
  return command
    .addArgument(new Argument('<shell>', 'which one').choices(['bash', 'zsh', 'fish']))
    .description('print the script by which a shell completes commands and flags')
    .addHelpText('after', COMPLETION_EXAMPLES)
    .action(async (shell: 'bash' | 'zsh' | 'fish') => {
      const { completionScript } = await import('./completion.ts');
      if (command.parent !== null) io.out(completionScript(shell, command.parent));
    });
}
