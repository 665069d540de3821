// SPDX-License-Identifier: Apache-2.0
// The command `sigstead` for the names of names.ts, without what runs a stack.
import { runCli } from './cli.ts';

runCli(process.argv).then((code) => {
  process.exitCode = code;
});
