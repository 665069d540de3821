// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CodedError } from '../../services/core/errors.ts';
import {
  type Layout,
  layoutOf,
  makeDirectories,
  readState,
  writeState,
} from '../../services/stack/state.ts';

const WANTED = { origin: 'log.example', dev: false };
const KEY_FILES = [
  'ca-root.pem',
  'ca-intermediate.pem',
  'ca-chain.pem',
  'ctlog.pem',
  'tlog.pem',
  'tsa-root.pem',
  'tsa.pem',
  'tsa-chain.pem',
];

let layout: Layout;
beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), 'sigstead-state-')), undefined);
  makeDirectories(layout);
  for (const file of KEY_FILES) writeFileSync(join(layout.keys, file), '');
});
afterEach(() => rmSync(layout.data, { recursive: true }));

const file = () => join(layout.data, 'state.json');
const stored = () => JSON.parse(readFileSync(file(), 'utf8'));

function fault(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return 'none';
}

describe('the state of a data directory', () => {
  it('is unknown before the first start has ended', () => {
    expect(readState(layout, WANTED)).toBeUndefined();
  });

  it('is what the first start wrote', () => {
    writeState(layout, () => Date.UTC(2026, 0, 1), WANTED);
    const state = { schemaVersion: 1, createdAt: '2026-01-01T00:00:00.000Z', ...WANTED };
    expect(readState(layout, WANTED)).toEqual(state);
  });

  it('goes through each migration once, in order', () => {
    writeState(layout, () => 0, WANTED);
    const ran: string[] = [];
    const migrations = [() => ran.push('1 to 2'), () => ran.push('2 to 3')];
    expect(readState(layout, WANTED, migrations)?.schemaVersion).toBe(3);
    expect(readState(layout, WANTED, migrations)?.schemaVersion).toBe(3);
    expect(ran).toEqual(['1 to 2', '2 to 3']);
  });

  it('runs a migration again that ended half-way', () => {
    writeState(layout, () => 0, WANTED);
    const crash = () => {
      throw new Error('no space left');
    };
    expect(() => readState(layout, WANTED, [() => {}, crash])).toThrow('no space left');
    expect(stored().schemaVersion).toBe(2);
    const ran: string[] = [];
    readState(layout, WANTED, [() => ran.push('first'), () => ran.push('second')]);
    expect(ran).toEqual(['second']);
  });

  it.each<[string, string, () => unknown]>([
    ['of a newer version', 'STATE_NEWER', () => ({ ...stored(), schemaVersion: 2 })],
    ['of another origin', 'CONFIG_INVALID', () => ({ ...stored(), origin: 'other.example' })],
    ['of a development start', 'CONFIG_INVALID', () => ({ ...stored(), dev: true })],
    ['with an unknown field', 'STATE_INCONSISTENT', () => ({ ...stored(), more: 1 })],
    ['without a version', 'STATE_INCONSISTENT', () => ({ ...WANTED })],
    ['that is no object', 'STATE_INCONSISTENT', () => 7],
  ])('is refused when it is one %s', (_, code, change) => {
    writeState(layout, () => 0, WANTED);
    writeFileSync(file(), JSON.stringify(change()));
    expect(fault(() => readState(layout, WANTED))).toBe(code);
  });

  it('is refused when it is cut', () => {
    writeFileSync(file(), '{"schemaVersion":');
    expect(fault(() => readState(layout, WANTED))).toBe('STATE_INCONSISTENT');
  });

  it.each(KEY_FILES)('is refused without %s', (name) => {
    writeState(layout, () => 0, WANTED);
    rmSync(join(layout.keys, name));
    expect(fault(() => readState(layout, WANTED))).toBe('KEY_UNREADABLE');
  });
});
