// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, utf8 } from '../../services/core/bytes.ts';
import { ParseError } from '../../services/core/errors.ts';
import {
  frameEntry,
  parseBundleEntries,
  parseTilePath,
  tilePath,
} from '../../services/core/tile.ts';

describe('entry bundle', () => {
  it('reads what it writes, and nothing else', () => {
    const entries = [utf8('one'), new Uint8Array(0), utf8('three')];
    const bundle = concat(...entries.map(frameEntry));
    expect(parseBundleEntries(bundle, 3)).toEqual(entries);
    expect(() => parseBundleEntries(bundle, 2)).toThrow(ParseError);
    expect(() => parseBundleEntries(bundle, 4)).toThrow(ParseError);
    expect(() => parseBundleEntries(bundle.subarray(0, -1), 3)).toThrow(ParseError);
  });
});

describe('tile path', () => {
  it.each([
    ['0/x001/x234/067', { kind: 'hash', level: 0, n: 1_234_067, width: 256 }],
    ['5/000', { kind: 'hash', level: 5, n: 0, width: 256 }],
    ['63/999.p/255', { kind: 'hash', level: 63, n: 999, width: 255 }],
    ['entries/x019/669', { kind: 'entries', n: 19_669, width: 256 }],
  ])('reads %s', (path, id) => {
    expect(parseTilePath(path, 'entries')).toEqual(id);
  });

  it.each([
    '',
    '0',
    '0/',
    '/000',
    '00/000',
    '01/000',
    '64/000',
    '-1/000',
    '0/0',
    '0/00',
    '0/0000',
    '0/1234',
    '0/001/234',
    '0/x001',
    '0/x001/x234',
    '0/x000/001',
    '0/x01/234',
    '0/000.p/0',
    '0/000.p/256',
    '0/000.p/01',
    '0/000.p/',
    '0/000.p/1.p/2',
    '0/000.p/x',
    '0/../000',
    '0/000/',
    '0//000',
    '0/%30',
    'data/000',
    '0/x999/x999/x999/x999/x999/x999/999',
    'entries',
    'Entries/000',
  ])('refuses %j', (path) => {
    expect(() => parseTilePath(path, 'entries')).toThrow(ParseError);
  });

  it('writes what it reads', () => {
    const id = fc.record({
      kind: fc.constant('hash' as const),
      level: fc.integer({ min: 0, max: 63 }),
      n: fc.integer({ min: 0, max: 10 ** 15 }),
      width: fc.integer({ min: 1, max: 256 }),
    });
    fc.assert(
      fc.property(id, (tile) => {
        expect(parseTilePath(tilePath(tile, 'entries'), 'entries')).toEqual(tile);
      }),
    );
  });
});
