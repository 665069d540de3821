// SPDX-License-Identifier: Apache-2.0
// The table of losses in docs/operating.md, row by row: what the start says when it happens.
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CodedError } from '../../services/core/errors.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { judgeStackConfig } from '../../services/stack/config.ts';
import { type Stack, startStack } from '../../services/stack/serve.ts';
import { readDocument, tableUnder } from '../support/documents.ts';
import { entryBody, newKeyPair, PATHS, TYPES } from '../support/requests.ts';
import { temporaryDirectory } from '../support/stack.ts';

const directory = temporaryDirectory();
afterAll(() => directory.remove());
const at = (...names: string[]) => join(directory.path, ...names);

/** `place` holds `data` and, as if on another volume, `mark`. */
function start(place: string): Promise<Stack> {
  const tree = { dev: true, data: at(place, 'data'), markDirectory: at(place, 'mark') };
  const config = judgeStackConfig({ ...tree, listen: { port: 0 } });
  return startStack({ config, clock: Date.now, logger: silentLogger });
}

async function outcome(place: string): Promise<string> {
  try {
    await (await start(place)).close();
    return 'starts';
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

/** Starts on a port of its own, so that the trust files move too, and logs an entry. */
async function live(place: string): Promise<void> {
  const stack = await start(place);
  const headers = { 'content-type': TYPES.entry };
  const body = entryBody(newKeyPair());
  const answer = await fetch(stack.url + PATHS.entry, { method: 'POST', headers, body });
  expect(answer.status).toBe(201);
  await stack.close();
}

const copy = (from: string, to: string) => {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
};

beforeAll(async () => {
  await live('now');
  copy(at('now'), at('backup'));
  await live('now');
});

interface Loss {
  /** How the row begins. */
  readonly row: string;
  /** What happens to a copy of the stack, in directory `case`. */
  readonly damage: () => void;
  readonly outcome: string;
  /** What must hold then; or the mend, after which it starts. */
  readonly after?: () => unknown;
}

const remove = (...names: string[]) => {
  for (const name of names) rmSync(at('case', name), { recursive: true });
};
const restore = (name: string) => copy(at('backup', name), at('case', name));
const same = (name: string) => () =>
  expect(readFileSync(at('case', name))).toEqual(readFileSync(at('now', name)));

const LOSSES: readonly Loss[] = [
  { row: '`data`,', damage: () => restore('data'), outcome: 'STATE_INCONSISTENT' },
  {
    row: 'the mark of a log',
    damage: () => remove('mark/tlog.mark'),
    outcome: 'STATE_INCONSISTENT',
    async after() {
      restore('mark/tlog.mark');
      expect(await outcome('case')).toBe('starts');
    },
  },
  {
    row: 'both,',
    damage() {
      restore('data');
      restore('mark');
    },
    outcome: 'starts',
  },
  { row: 'a key', damage: () => remove('data/keys/tlog.pem'), outcome: 'KEY_UNREADABLE' },
  { row: '`tuf/`', damage: () => remove('data/tuf'), outcome: 'STATE_INCONSISTENT' },
  { row: '`tuf/`', damage: () => restore('data/tuf'), outcome: 'STATE_INCONSISTENT' },
  {
    row: '`trust/`',
    damage: () => remove('data/trust'),
    outcome: 'starts',
    after: same('data/trust/fulcio.pem'),
  },
  {
    row: '`mark/tsa.mark`, `mark/tuf.mark`',
    damage: () => remove('mark/tsa.mark', 'mark/tuf.mark'),
    outcome: 'starts',
    after: () => expect(existsSync(at('case', 'mark/tuf.mark'))).toBe(true),
  },
  {
    row: '`state.json`',
    damage: () => remove('data/state.json'),
    outcome: 'starts',
    after: same('data/trust/root.json'),
  },
];

describe('docs/operating.md: what is lost', () => {
  const rows = tableUnder(readDocument('docs/operating.md'), 'Backup');
  const rowOf = (loss: Loss) => rows.filter(([name]) => name?.startsWith(loss.row));

  it('has a case for every row, and a row for every case', () => {
    expect(LOSSES.map((loss) => rowOf(loss).length)).toEqual(LOSSES.map(() => 1));
    const covered = new Set(LOSSES.flatMap(rowOf));
    expect(rows.filter((row) => !covered.has(row))).toEqual([]);
  });

  it.each(LOSSES)('$row → $outcome', async (loss) => {
    copy(at('now'), at('case'));
    loss.damage();
    expect(await outcome('case')).toBe(loss.outcome);
    const [, happens] = rowOf(loss)[0] ?? [];
    if (loss.outcome !== 'starts') expect(happens).toContain(`\`${loss.outcome}\``);
    await loss.after?.();
  });
});
