// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, fromHex, hex, utf8 } from '../../services/core/bytes.ts';
import {
  bitString,
  certificateTime,
  children,
  context,
  DerReader,
  generalizedTime,
  oid,
  readBigInt,
  readBitString,
  readBoolean,
  readDer,
  readInteger,
  readNamedBits,
  readOid,
  readSmallInteger,
  readTime,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
  unsignedInteger,
} from '../../services/core/der.ts';
import { DerWriter } from '../../services/core/der-writer.ts';
import { ParseError } from '../../services/core/errors.ts';

const node = (tag: number, content: Uint8Array) => ({ tag, content, raw: tlv(tag, content) });
const octets = fc.uint8Array({ maxLength: 300 });

describe('elements', () => {
  it('reads what tlv writes, at every length form', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000]) {
      const content = new Uint8Array(length).fill(1);
      const read = readDer(tlv(TAG.octetString, content), TAG.octetString, 'test');
      expect(read.content.length).toBe(length);
    }
  });

  it('accepts no second encoding of an element', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        let nodes: ReturnType<typeof children>;
        try {
          nodes = children(bytes, 'test');
        } catch (error) {
          expect(error).toBeInstanceOf(ParseError);
          return;
        }
        expect(concat(...nodes.map(({ tag, content }) => tlv(tag, content)))).toEqual(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['indefinite length', '3080020101 0000'],
    ['long form of a short length', '0481 0100'],
    ['leading zero in the length', '048200 80'],
    ['length of five octets', '0485 0000000001 00'],
    ['reserved length octet', '04ff'],
    ['content cut off', '0402 00'],
    ['length cut off', '0482 01'],
    ['tag alone', '04'],
    ['multi-byte tag', '1f8101 00'],
    ['nothing', ''],
    ['another tag', '0500'],
    ['bytes behind', '040100 00'],
  ])('refuses %s', (_, text) => {
    const bytes = fromHex(text.replaceAll(' ', ''));
    expect(() => readDer(bytes, TAG.octetString, 'test')).toThrow(ParseError);
  });

  it('leaves an optional element of another tag where it stands', () => {
    const reader = new DerReader(concat(smallInteger(1), tlv(TAG.null)), 'test');
    expect(reader.optional(TAG.boolean)).toBeUndefined();
    expect(readBigInt(reader.expect(TAG.integer, 'one'))).toBe(1n);
    expect(() => reader.end()).toThrow(ParseError);
    expect(reader.next().tag).toBe(TAG.null);
    reader.end();
    expect(() => reader.next()).toThrow(ParseError);
  });
});

describe('values', () => {
  it('reads the integers that it writes', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 200n }), (value) => {
        const text = value.toString(16);
        const bytes = fromHex(text.padStart(text.length + (text.length % 2), '0'));
        const der = unsignedInteger(concat(new Uint8Array(2), bytes));
        expect(readBigInt(readDer(der, TAG.integer, 'test'))).toBe(value);
      }),
    );
    expect(readBigInt(node(TAG.integer, Uint8Array.of(0xff, 0x7f)))).toBe(-129n);
    expect(readBigInt(node(TAG.integer, Uint8Array.of(0x80)))).toBe(-128n);
    expect(smallInteger(0x7fffffff)).toEqual(fromHex('02047fffffff'));
  });

  it.each([
    ['empty', ''],
    ['leading zero', '0001'],
    ['leading ones', 'ff80'],
  ])('refuses an INTEGER with %s', (_, content) => {
    expect(() => readInteger(node(TAG.integer, fromHex(content)))).toThrow(ParseError);
  });

  it('refuses a small integer out of range', () => {
    expect(() => readSmallInteger(node(TAG.integer, Uint8Array.of(0x80)), 'v')).toThrow(ParseError);
    expect(() => readSmallInteger(node(TAG.integer, fromHex('0080000000')), 'v')).toThrow(
      ParseError,
    );
  });

  it.each(['', '01', 'fe', 'ffff'])('refuses the BOOLEAN %s', (content) => {
    expect(() => readBoolean(node(TAG.boolean, fromHex(content)))).toThrow(ParseError);
  });

  it('reads booleans', () => {
    expect(readBoolean(node(TAG.boolean, fromHex('ff')))).toBe(true);
    expect(readBoolean(node(TAG.boolean, fromHex('00')))).toBe(false);
  });

  it('reads bit strings of whole octets', () => {
    const bytes = Uint8Array.of(1, 2);
    expect(readBitString(readDer(bitString(bytes), TAG.bitString, 'test'))).toEqual(bytes);
    for (const content of ['', '0100', '08']) {
      expect(() => readBitString(node(TAG.bitString, fromHex(content)))).toThrow(ParseError);
    }
  });

  it('reads each OID as itself, however many were read before', () => {
    const read = (text: string) => readOid(readDer(oid(text), TAG.oid, 'test'));
    const arcs = Array.from({ length: 3000 }, (_, i) => `1.3.6.1.4.1.57264.${i}.${i % 7}`);
    for (const text of [...arcs, ...arcs]) expect(read(text)).toBe(text);
    // A slot holds a copy: octets that change later change nothing.
    const octets = oid('1.2.840.113549');
    expect(readOid(readDer(octets, TAG.oid, 'test'))).toBe('1.2.840.113549');
    octets[octets.length - 1] = 1;
    expect(read('1.2.840.113549')).toBe('1.2.840.113549');
  });

  it('spends no more on a long number, list or set of bits than their length is worth', () => {
    const long = new Uint8Array(1 << 20).fill(0x7f);
    const bits = concat(Uint8Array.of(0), long);
    const list = Uint8Array.from(long, (_, i) => (i % 2 === 0 ? 0x30 : 0));
    const start = performance.now();
    expect(() => readSmallInteger(node(TAG.integer, long), 'version')).toThrow('out of range');
    expect(() => readNamedBits(node(TAG.bitString, bits))).toThrow('too many bits');
    expect(() => children(list, 'list')).toThrow('list: too many elements');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('counts to 2^31 - 1', () => {
    const small = (content: string) => readSmallInteger(node(TAG.integer, fromHex(content)), 'it');
    expect(small('7fffffff')).toBe(0x7fffffff);
    expect(() => small('0080000000')).toThrow('it is out of range');
    expect(() => small('80')).toThrow('it is out of range');
  });

  it('reads named bits', () => {
    expect([...readNamedBits(node(TAG.bitString, fromHex('0780')))]).toEqual([0]);
    expect([...readNamedBits(node(TAG.bitString, fromHex('0106')))]).toEqual([5, 6]);
    expect([...readNamedBits(node(TAG.bitString, fromHex('07ff80')))]).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    expect(readNamedBits(node(TAG.bitString, fromHex('00'))).size).toBe(0);
  });

  it.each([
    ['empty', ''],
    ['trailing zero bits', '0006'],
    ['unused bit set', '0107'],
    ['eight unused bits', '0880'],
    ['unused bits of nothing', '01'],
    ['trailing zero octet', '008000'],
    ['no bit', '0700'],
  ])('refuses named bits with %s', (_, content) => {
    expect(() => readNamedBits(node(TAG.bitString, fromHex(content)))).toThrow(ParseError);
  });

  it('sorts a SET OF by encoding', () => {
    const parts = [Uint8Array.of(4, 1, 2), Uint8Array.of(2, 1, 5), Uint8Array.of(4, 1, 1)];
    expect(hex(setOf(...parts))).toBe('3109020105040101040102');
    expect(hex(sequence(...parts))).toBe('3009040102020105040101');
  });
});

describe('object identifiers', () => {
  const arcs = fc.tuple(
    fc.constantFrom(0n, 1n, 2n),
    fc.bigInt({ min: 0n, max: 39n }),
    fc.array(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), { maxLength: 20 }),
  );

  it('reads what it writes', () => {
    fc.assert(
      fc.property(arcs, ([first, second, rest]) => {
        const text = [first, second, ...rest].join('.');
        expect(readOid(readDer(oid(text), TAG.oid, 'test'))).toBe(text);
      }),
    );
  });

  it.each([
    '0.0',
    '1.39',
    '2.40',
    '2.999.3',
    '2.5.29.15',
    `2.25.${2n ** 128n - 1n}`,
    `2.${2n ** 127n}`,
    `1.3.${2 ** 52}`,
    `1.3.${2n ** 53n + 1n}`,
  ])('reads %s', (text) => {
    expect(readOid(readDer(oid(text), TAG.oid, 'test'))).toBe(text);
  });

  it.each([
    ['empty', ''],
    ['cut off', '2a86'],
    ['padded', '2a8001'],
    ['padded first', '802a'],
    ['an arc beyond 128 bits', `2a84${'80'.repeat(18)}00`],
  ])('refuses one that is %s', (_, content) => {
    expect(() => readOid(node(TAG.oid, fromHex(content)))).toThrow(ParseError);
  });

  it('takes 128 components and no more', () => {
    const text = (count: number) => `1.2${'.3'.repeat(count - 2)}`;
    expect(readOid(readDer(oid(text(128)), TAG.oid, 'test'))).toBe(text(128));
    expect(() => readOid(readDer(oid(text(129)), TAG.oid, 'test'))).toThrow('128 components');
  });
});

describe('times', () => {
  const second = fc.integer({ min: Date.UTC(1950, 0, 1) / 1000, max: Date.UTC(2200, 0, 1) / 1000 });

  it('reads the seconds that it writes', () => {
    fc.assert(
      fc.property(second, (seconds) => {
        const ms = 1000 * seconds;
        const tag = ms < Date.UTC(2050, 0, 1) ? TAG.utcTime : TAG.generalizedTime;
        expect(readTime(readDer(certificateTime(ms), tag, 'test'))).toBe(ms);
        expect(readTime(readDer(generalizedTime(ms), TAG.generalizedTime, 'test'))).toBe(ms);
      }),
    );
  });

  it('turns the century at 2050', () => {
    expect(readTime(node(TAG.utcTime, utf8('491231235959Z')))).toBe(
      Date.UTC(2049, 11, 31, 23, 59, 59),
    );
    expect(readTime(node(TAG.utcTime, utf8('500101000000Z')))).toBe(Date.UTC(1950, 0, 1));
  });

  it('reads fractions only where they are allowed', () => {
    const time = node(TAG.generalizedTime, utf8('20260102030405.25Z'));
    expect(readTime(time, true)).toBe(Date.UTC(2026, 0, 2, 3, 4, 5, 250));
    expect(() => readTime(time)).toThrow(ParseError);
  });

  it.each([
    [TAG.utcTime, '260102030405'],
    [TAG.utcTime, '2601020304Z'],
    [TAG.utcTime, '260102030405+0100'],
    [TAG.utcTime, '260102030405.1Z'],
    [TAG.utcTime, '260230000000Z'],
    [TAG.utcTime, '261301000000Z'],
    [TAG.utcTime, '260101240000Z'],
    [TAG.utcTime, '260101006000Z'],
    [TAG.utcTime, '260101000060Z'],
    [TAG.utcTime, '-60101000000Z'],
    [TAG.utcTime, ''],
    [TAG.generalizedTime, '260102030405Z'],
    [TAG.generalizedTime, '20260102030405'],
    [TAG.generalizedTime, '20260102030405.Z'],
    [TAG.generalizedTime, '20260102030405.10Z'],
    [TAG.generalizedTime, '20260102030405.1234Z'],
    [TAG.generalizedTime, '20260102030405,1Z'],
    [TAG.generalizedTime, '20250229000000Z'],
    [TAG.octetString, '20260102030405Z'],
    [TAG.utcTime, '0'.repeat(1_000_000)],
  ])('refuses tag %i, %.20s', (tag, text) => {
    expect(() => readTime(node(tag, utf8(text)), true)).toThrow(ParseError);
  });
});

describe('DerWriter', () => {
  it('writes what tlv writes, across its growth', () => {
    fc.assert(
      fc.property(
        fc.array(octets, { maxLength: 40 }),
        fc.string({ unit: 'grapheme' }),
        (parts, text) => {
          const writer = new DerWriter();
          for (let round = 0; round < 2; round++) {
            writer.reset();
            writer.text(text);
            writer.wrap(TAG.utf8String, 0);
            for (const part of parts.toReversed()) writer.put(part);
            writer.wrap(TAG.sequence, 0);
            const expected = sequence(...parts, tlv(TAG.utf8String, utf8(text)));
            expect(writer.finish()).toEqual(expected);
            expect(writer.length).toBe(expected.length);
          }
        },
      ),
    );
  });

  it('writes every length form', () => {
    for (const length of [0, 127, 128, 255, 256, 65_535, 65_536]) {
      const writer = new DerWriter();
      const content = new Uint8Array(length);
      writer.put(content);
      writer.wrap(context(0), 0);
      expect(writer.finish()).toEqual(tlv(context(0), content));
    }
  });

  it('refuses text that its encoding cannot hold', () => {
    const writer = new DerWriter();
    expect(() => writer.text('\ud800')).toThrow(ParseError);
    expect(() => writer.asciiText('ü')).toThrow(ParseError);
    expect(writer.length).toBe(0);
  });
});
