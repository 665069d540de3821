// SPDX-License-Identifier: Apache-2.0
// The command `sigstead`.
import { Command } from 'commander';
import { CodedError, EXIT } from '../core/errors.ts';
import { configCommand, devCommand, serveCommand } from './commands.ts';
import { VERSION } from './version.ts';

async function main(argv: readonly string[]): Promise<void> {
  const program = new Command('sigstead')
    .description('a private Sigstore for places without internet')
    .version(VERSION);
  for (const command of [serveCommand(), configCommand(), devCommand()])
    program.addCommand(command);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    const coded = error instanceof CodedError;
    const { code, message } = coded ? error : { code: 'INTERNAL', message: String(error) };
    process.stderr.write(`error: ${code}: ${message}\n`);
    if (coded) process.stderr.write(`mend: ${error.row.mend}\n`);
    process.exitCode = coded ? error.row.exit : EXIT.internal;
  }
}

await main(process.argv);
