// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ByteReader,
  base64,
  base64url,
  compare,
  concat,
  equal,
  fromAnyBase64,
  fromBase64,
  fromHex,
  fromUtf8,
  hex,
  uint,
  uint64,
  utf8,
} from '../../services/core/bytes.ts';
import { ParseError } from '../../services/core/errors.ts';

const octets = fc.uint8Array({ maxLength: 100 });

describe('base64', () => {
  it('agrees with Buffer, and reads what it writes', () => {
    fc.assert(
      fc.property(octets, (bytes) => {
        expect(base64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
        expect(base64url(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64(base64(bytes))).toEqual(bytes);
        expect(fromAnyBase64(base64url(bytes))).toEqual(bytes);
        expect(fromAnyBase64(base64(bytes))).toEqual(bytes);
      }),
    );
  });

  it('accepts no second spelling of the same bytes', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        let bytes: Uint8Array;
        try {
          bytes = fromBase64(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ParseError);
          return;
        }
        expect(base64(bytes)).toBe(text);
      }),
    );
  });

  it.each([
    ['no padding', 'AA'],
    ['padding inside', 'A=AA'],
    ['padding alone', '===='],
    ['three paddings', 'A==='],
    ['white space', 'AAA\n'],
    ['unused bits, one octet', 'AB=='],
    ['unused bits, two octets', 'AAB='],
    ['URL-safe alphabet', 'A-_A'],
    ['outside ASCII', 'AAAé'],
    ['NUL', 'AA\0A'],
  ])('refuses %s', (_, text) => {
    expect(() => fromBase64(text)).toThrow(ParseError);
  });

  it.each([
    ['one digit', 'A'],
    ['three paddings', 'A==='],
    ['unused bits', 'AB'],
    ['white space', 'AA A'],
    ['too much padding', 'AAAA='],
    ['too little padding', 'AA='],
    ['padding inside', 'AA==AAAA'],
    ['both alphabets', 'A-+A'],
  ])('refuses %s in either alphabet', (_, text) => {
    expect(() => fromAnyBase64(text)).toThrow(ParseError);
  });
});

describe('base64 of every length', () => {
  it('is what the engine of Node writes', () => {
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 37 + length * 101) & 0xff);
      expect(base64(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    }
  });
});

describe('hex and UTF-8', () => {
  it('read what they write', () => {
    fc.assert(
      fc.property(octets, (bytes) => {
        expect(fromHex(hex(bytes))).toEqual(bytes);
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
  });

  it.each(['A', 'AB', 'zz', '0x', ' 00'])('refuses the hex %s', (text) => {
    expect(() => fromHex(text)).toThrow(ParseError);
  });

  it.each([
    ['overlong', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['truncated', [0xe2, 0x82]],
    ['beyond Unicode', [0xf4, 0x90, 0x80, 0x80]],
    ['a stray continuation', [0x80]],
  ])('refuses UTF-8 that is %s', (_, bytes) => {
    expect(() => fromUtf8(Uint8Array.from(bytes))).toThrow(ParseError);
  });

  it('keeps a byte order mark as text', () => {
    expect(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x41))).toBe('\ufeffA');
  });
});

describe('compare and equal', () => {
  it('order as Buffer does', () => {
    fc.assert(
      fc.property(octets, octets, (a, b) => {
        expect(Math.sign(compare(a, b))).toBe(Buffer.compare(a, b));
        expect(equal(a, b)).toBe(Buffer.compare(a, b) === 0);
      }),
    );
  });
});

describe('integers and vectors', () => {
  it('read what they write', () => {
    fc.assert(
      fc.property(
        fc.nat({ max: 2 ** 31 - 1 }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        (a, b) => {
          const reader = new ByteReader(concat(uint(a, 6), uint64(b)));
          expect(reader.uint(6)).toBe(a);
          expect(reader.uint64()).toBe(b);
          reader.end('both');
        },
      ),
    );
    expect(uint(2 ** 48 - 1, 6)).toEqual(new Uint8Array(6).fill(255));
  });

  it('refuse what does not fit', () => {
    expect(() => uint(256, 1)).toThrow(RangeError);
    expect(() => uint(-1, 2)).toThrow(RangeError);
    expect(() => uint(2 ** 48, 6)).toThrow(RangeError);
  });

  it('refuse to read past the end, and bytes left over', () => {
    expect(() => new ByteReader(Uint8Array.of(0, 2, 1)).vector(2)).toThrow(ParseError);
    expect(() => new ByteReader(Uint8Array.of(0)).uint(2)).toThrow(ParseError);
    expect(() => new ByteReader(new Uint8Array(7)).uint64()).toThrow(ParseError);
    expect(() => new ByteReader(Uint8Array.of(1)).end('nothing')).toThrow(ParseError);
  });
});
