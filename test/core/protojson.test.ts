// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Json } from '../../services/core/json.ts';
import { FieldError, ProtoMessage } from '../../services/core/protojson.ts';

const NAMES = ['logIndex', 'rawBytes', 'x509Certificate', 'items', 'kind'];
const message = (value: Json) => new ProtoMessage(value, 'm', NAMES);
const kinds = (name: string) => new Map([['ONE', 1]]).get(name);

describe('ProtoMessage', () => {
  it('reads either spelling, null as absent, and defaults', () => {
    const read = message({ log_index: '7', raw_bytes: '_w', kind: 'ONE', items: null });
    expect(read.integer('logIndex')).toBe(7);
    expect(read.bytes('rawBytes')).toEqual(Uint8Array.of(255));
    expect(read.enumNumber('kind', kinds)).toBe(1);
    expect(read.has('items')).toBe(false);
    expect(read.list('items', 1)).toEqual([]);
    const empty = message({});
    expect([
      empty.integer('logIndex'),
      empty.string('kind'),
      empty.enumNumber('kind', kinds),
    ]).toEqual([0, '', 0]);
    expect(empty.bytes('rawBytes')).toEqual(new Uint8Array());
    expect(empty.message('x509Certificate', [])).toBeUndefined();
    expect(empty.oneOf('rawBytes', 'x509Certificate')).toBeUndefined();
  });

  it.each<[string, () => unknown, string]>([
    ['no object', () => message([]), 'm'],
    ['null', () => message(null), 'm'],
    ['unknown field', () => message({ other: null }), 'm.other'],
    ['field in upper case', () => message({ LogIndex: 1 }), 'm.LogIndex'],
    ['both spellings', () => message({ logIndex: 1, log_index: 1 }), 'm.logIndex'],
    ['both spellings, null', () => message({ logIndex: null, log_index: 1 }), 'm.logIndex'],
    ['number for text', () => message({ kind: 1 }).string('kind'), 'm.kind'],
    ['bad base64', () => message({ rawBytes: 'A' }).bytes('rawBytes'), 'm.rawBytes'],
    ['unknown enum', () => message({ kind: 'TWO' }).enumNumber('kind', kinds), 'm.kind'],
    ['enum fraction', () => message({ kind: 1.5 }).enumNumber('kind', kinds), 'm.kind'],
    ['enum too large', () => message({ kind: 2 ** 31 }).enumNumber('kind', kinds), 'm.kind'],
    ['integer with sign', () => message({ logIndex: '+1' }).integer('logIndex'), 'm.logIndex'],
    ['integer with zeros', () => message({ logIndex: '01' }).integer('logIndex'), 'm.logIndex'],
    ['minus zero', () => message({ logIndex: '-0' }).integer('logIndex'), 'm.logIndex'],
    ['empty integer', () => message({ logIndex: '' }).integer('logIndex'), 'm.logIndex'],
    ['hex', () => message({ logIndex: '0x1' }).integer('logIndex'), 'm.logIndex'],
    ['fraction', () => message({ logIndex: 1.5 }).integer('logIndex'), 'm.logIndex'],
    [
      'beyond 2^53',
      () => message({ logIndex: '9007199254740993' }).integer('logIndex'),
      'm.logIndex',
    ],
    ['bigint', () => message({ logIndex: 2n ** 60n }).integer('logIndex'), 'm.logIndex'],
    ['no array', () => message({ items: {} }).list('items', 2), 'm.items'],
    ['null in an array', () => message({ items: [null] }).list('items', 2), 'm.items'],
    ['too many', () => message({ items: [1, 2, 3] }).list('items', 2), 'm.items'],
    [
      'inner field',
      () => message({ items: [{}, { b: 1 }] }).messages('items', ['a'], 2),
      'm.items[1].b',
    ],
    [
      'two of a oneof',
      () => message({ rawBytes: '', x509Certificate: {} }).oneOf('rawBytes', 'x509Certificate'),
      'm.x509Certificate',
    ],
  ])('refuses %s', (_, read, path) => {
    let caught: unknown;
    try {
      read();
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(FieldError);
    expect((caught as FieldError).path).toBe(path);
  });
});
