// SPDX-License-Identifier: Apache-2.0
// `sigstead completion bash|zsh|fish`: scripts made from the commands themselves, so that they never
// lag behind. A script calls nothing: completing takes no start of the program.
import type { Command } from 'commander';
import { allCommands, type CommandInfo, commandTree, type OptionInfo } from './command-tree.ts';

/** For a shell: nothing in it is special. */
const quote = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;

const pathOf = (command: CommandInfo) => command.path.join(' ');
const spellings = ({ short, long }: OptionInfo) => (short === undefined ? [long] : [short, long]);

/** Every spelling of a step from one command to one below: `trust export` → `trust export`. */
function steps(commands: readonly CommandInfo[]): Array<readonly [from: string, to: string]> {
  return commands.flatMap((command) =>
    command.children.flatMap((child) =>
      child.names.map((name) => [`${pathOf(command)} ${name}`, pathOf(child)] as const),
    ),
  );
}

const HEAD = (shell: string) =>
  `# ${shell} completion for sigstead, made by: sigstead completion ${shell}`;

/** One row of a `case` of sh. */
const row = (word: string, reply: string) => `    ${quote(word)}) REPLY=${quote(reply)} ;;`;

/** Files are what bash completes where no word of ours fits (`-o default`). */
function bash(tree: CommandInfo): string {
  const commands = allCommands(tree);
  const values = commands.flatMap((command) =>
    command.options.flatMap((option) =>
      option.value === undefined
        ? []
        : spellings(option).map((name) =>
            row(
              `${pathOf(command)} ${name}`,
              option.value?.kind === 'words' ? option.value.words.join(' ') : '',
            ),
          ),
    ),
  );
  const own = ({ children, argument }: CommandInfo) => [
    ...children.flatMap(({ names }) => names),
    ...(argument?.kind === 'words' ? argument.words : []),
  ];
  return `${HEAD('bash')}
_sigstead_step() {
  case "$1 $2" in
${steps(commands)
  .map(([from, to]) => row(from, to))
  .join('\n')}
    *) return 1 ;;
  esac
}
_sigstead_value() {
  case "$1 $2" in
${values.join('\n')}
    *) return 1 ;;
  esac
}
_sigstead_words() {
  case "$1" in
${commands.map((command) => row(pathOf(command), own(command).join(' '))).join('\n')}
  esac
}
_sigstead_options() {
  case "$1" in
${commands.map((command) => row(pathOf(command), command.options.flatMap(spellings).join(' '))).join('\n')}
  esac
}
_sigstead() {
  local REPLY path='' i at=$((COMP_CWORD - 1)) current=\${COMP_WORDS[COMP_CWORD]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    _sigstead_step "$path" "\${COMP_WORDS[i]}" && path=$REPLY
  done
  # bash makes a word of its own of the sign in --output=json.
  if [ "$current" = = ]; then
    current=
  elif [ "\${COMP_WORDS[at]}" = = ]; then
    at=$((at - 1))
  fi
  if ! _sigstead_value "$path" "\${COMP_WORDS[at]}"; then
    case "$current" in
      -*) _sigstead_options "$path" ;;
      *) _sigstead_words "$path" ;;
    esac
  fi
  COMPREPLY=($(compgen -W "$REPLY" -- "$current"))
}
complete -o default -F _sigstead sigstead
`;
}

const zshText = (text: string) => text.replaceAll(/[[\]:\\]/g, '\\$&');

function zshValue(value: OptionInfo['value'], name: string): string {
  if (value === undefined) return '';
  const what = {
    file: '_files',
    directory: '_files -/',
    text: ' ',
    words: value.kind === 'words' ? `(${value.words.join(' ')})` : '',
  }[value.kind];
  return `:${name}:${what}`;
}

function zshOption(option: OptionInfo): string[] {
  const name = /[<[]([^>\]]+)[>\]]/.exec(option.flags)?.[1] ?? '';
  const end = `[${zshText(option.description)}]${zshValue(option.value, zshText(name))}`;
  return spellings(option).map((word) =>
    quote(`*${word}${option.value === undefined || word === option.short ? '' : '='}${end}`),
  );
}

const zshName = (command: CommandInfo) => ['_sigstead', ...command.path].join('__');

function zshFunction(command: CommandInfo): string {
  const options = command.options.flatMap(zshOption);
  const lines = (last: readonly string[]) =>
    ['_arguments -s', ...options, ...last].join(' \\\n    ');
  if (command.children.length === 0) {
    const argument = zshValue(command.argument, 'argument').slice(1);
    return `${zshName(command)}() {
  ${lines(argument === '' ? [] : [quote(`*:${argument}`)])}
}`;
  }
  const names = command.children.flatMap((child) =>
    child.names.map((name) => quote(`${name}:${zshText(child.description)}`)),
  );
  const cases = command.children.map(
    (child) => `        ${child.names.join('|')}) ${zshName(child)} ;;`,
  );
  return `${zshName(command)}() {
  local curcontext=$curcontext state line
  local -a commands=(
    ${names.join('\n    ')}
  )
  ${lines(['-C', quote('1:command:->command'), quote('*::argument:->argument')])}
  case $state in
    command) _describe command commands ;;
    argument)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}`;
}

function zsh(tree: CommandInfo): string {
  return `#compdef sigstead
${HEAD('zsh')}
${allCommands(tree).map(zshFunction).join('\n')}
if [[ $funcstack[1] == _sigstead ]]; then
  _sigstead "$@"
else
  compdef _sigstead sigstead
fi
`;
}

const fishQuote = (text: string) => `'${text.replaceAll(/['\\]/g, '\\$&')}'`;

function fishOption(option: OptionInfo): string {
  const { short, long, value } = option;
  const names = `-l ${long.slice(2)}${short === undefined ? '' : ` -s ${short.slice(1)}`}`;
  const after = {
    file: ' -r -F',
    directory: " -x -a '(__fish_complete_directories)'",
    text: ' -x',
    words: value?.kind === 'words' ? ` -x -a ${fishQuote(value.words.join(' '))}` : '',
  };
  return `${names}${value === undefined ? '' : after[value.kind]} -d ${fishQuote(option.description)}`;
}

function fish(tree: CommandInfo): string {
  const commands = allCommands(tree);
  const lines = commands.flatMap((command) => {
    const start = `complete -c sigstead -n ${fishQuote(`__sigstead_at ${fishQuote(pathOf(command))}`)}`;
    const words = command.argument?.kind === 'words' ? command.argument.words : [];
    return [
      ...command.children.flatMap(({ names, description }) =>
        names.map((name) => `${start} -f -a ${name} -d ${fishQuote(description)}`),
      ),
      ...(words.length === 0 ? [] : [`${start} -f -a ${fishQuote(words.join(' '))}`]),
      ...command.options.map((option) => `${start} ${fishOption(option)}`),
    ];
  });
  return `${HEAD('fish')}
function __sigstead_at
    set -l path ''
    for word in (commandline -opc)[2..]
        switch "$path $word"
${steps(commands)
  .map(
    ([from, to]) =>
      `            case ${fishQuote(from)}\n                set path ${fishQuote(to)}`,
  )
  .join('\n')}
        end
    end
    test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}

const SHELLS = { bash, zsh, fish };
type Shell = keyof typeof SHELLS;

/** The script that a shell reads to complete words of `program`. */
export function completionScript(shell: Shell, program: Command): string {
  return SHELLS[shell](commandTree(program));
}
