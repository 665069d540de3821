// SPDX-License-Identifier: Apache-2.0
// A start takes more memory than the service it leads to: modules are compiled, schemas are made,
// chains are built. V8 keeps what it once had, unless it is told that nothing more is to be had.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

interface Collection {
  readonly type: 'major';
  readonly execution: 'sync';
  readonly flavor: 'last-resort';
}

/** Gives back to the system what nobody uses; stops the thread for some tens of milliseconds. */
export function releaseMemory(): void {
  // The only way to the collector from inside; the name exists in contexts made after it alone.
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: Collection) => void;
  setFlagsFromString('--no-expose-gc');
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
