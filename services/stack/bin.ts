// SPDX-License-Identifier: Apache-2.0
// The `sigstead` of an installed package. It runs before anything else is read, on whatever Node
// there is, and decides how much of the program is loaded.
import { CLIENT_COMMANDS } from '../client/names.ts';

const LEAST_NODE = 24;

function start(): void {
  // Disk writes and signatures share this pool: they must not wait for one another. Too late once
  // anything has used it.
  process.env.UV_THREADPOOL_SIZE ??= '8';
  // The client is CommonJS, as this file becomes: required, it runs before Node has its loader of
  // modules ready, some 6 ms earlier.
  if (CLIENT_COMMANDS.has(process.argv[2] ?? '')) require('../client/main.ts');
  else import('./main.ts');
}

const version = process.versions.node;
if (Number(version.split('.')[0]) >= LEAST_NODE) start();
else {
  process.stderr.write(
    `error: sigstead needs Node ${LEAST_NODE} or newer; this is Node ${version}\n` +
      'mend: Install a newer Node and let the PATH find it first.\n',
  );
  process.exitCode = 2;
}
