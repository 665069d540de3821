// SPDX-License-Identifier: Apache-2.0
// The commands as plain data, read from commander: what completions and the manual page are made of.
import type { EventEmitter } from 'node:events';
import type { Command, Option } from 'commander';
import { PREDICATE_TYPES } from './statement.ts';

/** What may stand after an option, or as an argument. */
export type Value =
  | { readonly kind: 'file' | 'directory' | 'text' }
  | { readonly kind: 'words'; readonly words: readonly string[] };

export interface OptionInfo {
  /** `-h`, where there is one. */
  readonly short: string | undefined;
  /** `--help` */
  readonly long: string;
  /** As the help shows it: `--output <format>`. */
  readonly flags: string;
  readonly description: string;
  /** Absent for switches. */
  readonly value: Value | undefined;
}

export interface CommandInfo {
  /** Names from the program on, without it: `['trust', 'export']`. */
  readonly path: readonly string[];
  /** The last name, and the other names of it. */
  readonly names: readonly string[];
  readonly description: string;
  /** `[options] <file>` */
  readonly usage: string;
  /** Heading under which the help has it. */
  readonly group: string;
  readonly options: readonly OptionInfo[];
  readonly argument: Value | undefined;
  /** What the help says at its end. */
  readonly after: string;
  readonly children: readonly CommandInfo[];
}

/** By what stands between the angle brackets. */
const VALUES: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['file', { kind: 'file' }],
  ['file|dir', { kind: 'file' }],
  ['bundle', { kind: 'file' }],
  ['directory', { kind: 'directory' }],
  ['type', { kind: 'words', words: [...PREDICATE_TYPES.keys()] }],
]);

function valueNamed(name: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: 'words', words: choices };
  return VALUES.get(name) ?? { kind: 'text' };
}

/** What commander itself says of an option, its choices and default behind it. */
function optionInfo(option: Option, description: string): OptionInfo {
  const { short, long, flags, argChoices } = option;
  const name = /[<[]([^>\]]+)[>\]]/.exec(flags)?.[1];
  return {
    short,
    long: long ?? flags,
    flags,
    description,
    value: name === undefined ? undefined : valueNamed(name, argChoices),
  };
}

function afterHelp(command: Command): string {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  // Its types hide that a command is an emitter, which is how it puts its help together.
  (command as unknown as EventEmitter).emit('afterHelp', { error: false, command, write });
  return text.trim();
}

/** @param path of the command; empty for the program */
export function commandTree(command: Command, path: readonly string[] = []): CommandInfo {
  const help = command.createHelp();
  const [argument] = command.registeredArguments;
  return {
    path,
    names: [command.name(), ...command.aliases()],
    description: command.description(),
    usage: command.usage(),
    group: command.helpGroup(),
    options: help
      .visibleOptions(command)
      .map((option) => optionInfo(option, help.optionDescription(option))),
    argument: argument === undefined ? undefined : valueNamed(argument.name(), argument.argChoices),
    after: afterHelp(command),
    children: help
      .visibleCommands(command)
      .map((child) => commandTree(child, [...path, child.name()])),
  };
}

/** The command itself and all below it, parents first. */
export function allCommands(tree: CommandInfo): CommandInfo[] {
  return [tree, ...tree.children.flatMap(allCommands)];
}
