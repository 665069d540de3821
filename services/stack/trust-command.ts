// SPDX-License-Identifier: Apache-2.0
// What a stack adds to the commands under `sigstead trust`. Loaded with every command, so that it
// brings nothing along but when it runs.
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Role } from '../core/tuf.ts';
import type { RotateFlags } from './rotate.ts';

const NAMES = ['root', 'timestamp', 'snapshot', 'targets'] as const satisfies readonly Role[];
const ALL = 'all';

function addRole(text: string, before: readonly Role[] = []): readonly Role[] {
  const found = text === ALL ? NAMES : NAMES.filter((role) => role === text);
  if (found.length === 0) throw new InvalidArgumentError(`One of ${NAMES.join(', ')}, ${ALL}.`);
  return NAMES.filter((role) => before.includes(role) || found.some((name) => name === role));
}

const EXAMPLES = `
Examples:
  $ sigstead trust rotate --role timestamp --data ./data
  $ sigstead trust rotate --role root --role targets --config sigstead.yaml
  $ sigstead trust rotate --role all
`;

export function rotateCommand(): Command {
  const group = new Command('trust').description('trust files of a stack');
  group
    .command('rotate')
    .description('replace keys of the trust root, running or not; clients follow by themselves')
    .addOption(
      new Option('--role <role>', 'whose key; may be repeated')
        .choices([...NAMES, ALL])
        .argParser(addRole)
        .makeOptionMandatory(),
    )
    .option('--config <file>', 'configuration of the stack, for its directories')
    .option('--data <directory>', 'keys, logs and trust files')
    .option('--mark-dir <directory>', 'high-water marks, where they are not under data')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: RotateFlags) => {
      const { placeOf, rotateKeys } = await import('./rotate.ts');
      const done = await rotateKeys({ roles: flags.role, ...placeOf(flags, process.env) });
      const lines = [
        `New keys for ${flags.role.join(', ')}${done.by === 'running' ? ', taken up by the running process' : ''}`,
        `SHA-256 of root.json (version ${done.rootVersion}): ${done.rootSha256}`,
      ];
      process.stdout.write(`${lines.join('\n')}\n`);
    });
  return group;
}
