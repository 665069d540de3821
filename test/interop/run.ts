// SPDX-License-Identifier: Apache-2.0
// `npm run test:interop`: foreign tools first, then the tests that need them.
//
//   --allow-missing   tools that cannot be installed here are named, and their tests left out
//   anything else     goes to vitest (a file name, -t PATTERN)
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../support/stack.ts';
import { installTools } from './install.ts';
import { INTEROP, MISSING_VARIABLE } from './support/cache.ts';

const ALLOW_MISSING = '--allow-missing';

function say(line: string): void {
  process.stderr.write(`interop: ${line}\n`);
}

async function main(args: readonly string[]): Promise<number> {
  const missing = await installTools(say);
  for (const { tool, reason } of missing) say(`MISSING    ${tool}: ${reason}`);
  if (missing.length > 0 && !args.includes(ALLOW_MISSING)) {
    say(`install what is missing, or run with ${ALLOW_MISSING} to leave its tests out`);
    return 1;
  }
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const config = join(INTEROP, 'vitest.config.ts');
  const rest = args.filter((arg) => arg !== ALLOW_MISSING);
  const done = spawnSync(process.execPath, [vitest, 'run', '--config', config, ...rest], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, [MISSING_VARIABLE]: missing.map(({ tool }) => tool).join(',') },
  });
  for (const { tool } of missing) say(`MISSING    ${tool}: its tests did not run`);
  return done.status ?? 1;
}

process.exitCode = await main(process.argv.slice(2));
