// SPDX-License-Identifier: Apache-2.0
// The data directory: where each thing lies, which version of the layout wrote it, and what must
// be there once the first start has ended.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CodedError } from '../core/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { writeFileDurably } from '../runtime/store.ts';

/** Turns one version of the layout into the next; it may run again after a crash in its midst. */
type Migration = (layout: Layout) => void;

/** The nth turns layout n into n + 1. */
const MIGRATIONS: readonly Migration[] = [];

const stateFile = z.strictObject({
  schemaVersion: z.int().min(1),
  createdAt: z.iso.datetime(),
  origin: z.string(),
  dev: z.boolean(),
});

export type State = z.output<typeof stateFile>;

export interface Layout {
  readonly data: string;
  readonly keys: string;
  readonly ctlog: string;
  readonly tlog: string;
  readonly mark: string;
  readonly tuf: string;
  readonly trust: string;
}

export function layoutOf(data: string, markDirectory: string | undefined): Layout {
  return {
    data,
    keys: join(data, 'keys'),
    ctlog: join(data, 'ctlog'),
    tlog: join(data, 'tlog'),
    mark: markDirectory ?? join(data, 'mark'),
    tuf: join(data, 'tuf'),
    trust: join(data, 'trust'),
  };
}

/** Files that a finished first start has made; a later start without one of them refuses. */
const ESSENTIAL = ['ctlog.pem', 'tlog.pem', 'tsa-root.pem', 'tsa.pem', 'tsa-chain.pem'];

/** Of a CA that has not been given its files by the operator. */
const ESSENTIAL_OF_CA = ['ca-root.pem', 'ca-intermediate.pem', 'ca-chain.pem'];

const statePath = (layout: Layout) => join(layout.data, 'state.json');

function save(layout: Layout, state: State): void {
  writeFileDurably(statePath(layout), `${JSON.stringify(state, null, 2)}\n`);
}

export function makeDirectories(layout: Layout): void {
  for (const directory of Object.values(layout)) {
    const mode = directory === layout.keys ? 0o700 : 0o755;
    mkdirSync(directory, { recursive: true, mode });
  }
}

/** The state of an earlier, finished first start; undefined before that. @throws CodedError */
export function readState(
  layout: Layout,
  wanted: { origin: string; dev: boolean },
  migrations: readonly Migration[] = MIGRATIONS,
  ownCa = true,
): State | undefined {
  const path = statePath(layout);
  if (!existsSync(path)) return undefined;
  const newest = migrations.length + 1;
  let state: State;
  try {
    state = stateFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw new CodedError('STATE_INCONSISTENT', `${path} is damaged`, { field: path });
  }
  if (state.schemaVersion > newest) {
    throw new CodedError(
      'STATE_NEWER',
      `${layout.data} has layout ${state.schemaVersion}; this version knows ${newest}`,
    );
  }
  if (state.origin !== wanted.origin) {
    const reason = `the log in ${layout.data} was made as ${state.origin}, the configuration says ${wanted.origin}`;
    throw new CodedError('CONFIG_INVALID', `origin: ${reason}`, { field: 'origin' });
  }
  if (state.dev !== wanted.dev) {
    const [was, is] = state.dev ? ['with --dev', 'without'] : ['without --dev', 'with it'];
    throw new CodedError(
      'CONFIG_INVALID',
      `dev: ${layout.data} was made ${was} and is now opened ${is}; use another data directory`,
      { field: 'dev' },
    );
  }
  for (const file of ownCa ? [...ESSENTIAL, ...ESSENTIAL_OF_CA] : ESSENTIAL) {
    if (!existsSync(join(layout.keys, file))) {
      throw new CodedError('KEY_UNREADABLE', `${join(layout.keys, file)} is missing`, {
        field: file,
      });
    }
  }
  for (const migrate of migrations.slice(state.schemaVersion - 1)) {
    migrate(layout);
    state.schemaVersion++;
    // A crash before this line leaves the old version: the same migration runs again.
    save(layout, state);
  }
  return state;
}

/** Ends the first start. A crash before this leaves keys and empty logs that the next start continues. */
export function writeState(
  layout: Layout,
  clock: Clock,
  wanted: { origin: string; dev: boolean },
): void {
  const schemaVersion = MIGRATIONS.length + 1;
  save(layout, { schemaVersion, createdAt: new Date(clock()).toISOString(), ...wanted });
}
