// SPDX-License-Identifier: Apache-2.0
// The data directory: where each thing lies, which version of the layout wrote it, and what must
// be there once the first start has ended.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { CodedError } from '../core/errors.ts';
import type { Clock } from '../runtime/clock.ts';
import { writeFileDurably } from '../runtime/store.ts';

/** Version of the layout that this program writes. */
export const SCHEMA_VERSION = 1;

/** MIGRATIONS[n] turns layout n into n + 1. */
const MIGRATIONS: ReadonlyArray<(layout: Layout) => void> = [];

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
const ESSENTIAL = [
  'ca-root.pem',
  'ca-intermediate.pem',
  'ca-chain.pem',
  'ctlog.pem',
  'tlog.pem',
  'tsa-root.pem',
  'tsa.pem',
  'tsa-chain.pem',
];

export function makeDirectories(layout: Layout): void {
  for (const directory of Object.values(layout))
    mkdirSync(directory, { recursive: true, mode: 0o755 });
  mkdirSync(layout.keys, { recursive: true, mode: 0o700 });
}

/** The state of an earlier, finished first start; undefined before that. @throws CodedError */
export function readState(
  layout: Layout,
  wanted: { origin: string; dev: boolean },
): State | undefined {
  const path = join(layout.data, 'state.json');
  if (!existsSync(path)) return undefined;
  let state: State;
  try {
    state = stateFile.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw new CodedError('STATE_INCONSISTENT', `${path} is damaged`, { field: path });
  }
  if (state.schemaVersion > SCHEMA_VERSION) {
    throw new CodedError(
      'STATE_NEWER',
      `${layout.data} has layout ${state.schemaVersion}; this version knows ${SCHEMA_VERSION}`,
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
  for (const file of ESSENTIAL) {
    if (!existsSync(join(layout.keys, file))) {
      throw new CodedError('KEY_UNREADABLE', `${join(layout.keys, file)} is missing`, {
        field: file,
      });
    }
  }
  for (const migrate of MIGRATIONS.slice(state.schemaVersion - 1)) migrate(layout);
  return state;
}

/** Ends the first start. A crash before this leaves keys and empty logs that the next start continues. */
export function writeState(
  layout: Layout,
  clock: Clock,
  wanted: { origin: string; dev: boolean },
): void {
  const state: State = {
    schemaVersion: SCHEMA_VERSION,
    createdAt: new Date(clock()).toISOString(),
    ...wanted,
  };
  writeFileDurably(join(layout.data, 'state.json'), `${JSON.stringify(state, null, 2)}\n`);
}
