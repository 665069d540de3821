// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../services/core/bytes.ts';
import { ParseError } from '../../services/core/errors.ts';
import { canonicalJson, type Json, olpcJson, parseJson } from '../../services/core/json.ts';

/** Bigints as the doubles that JSON.parse makes of them. */
const rounded = (value: Json) =>
  JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? Number(item) : item));

describe('parseJson', () => {
  it.each<[string, unknown]>([
    ['null', null],
    [' [1, 2.5,-0.5e+2 ,true,false]\n', [1, 2.5, -50, true, false]],
    ['{"a":{"b":[]},"c":{}}', { a: { b: [] }, c: {} }],
    ['"\\u00e9\\n\\/\\"\\\\\\ud83d\\ude00"', 'é\n/"\\😀'],
    ['"\u007f\u2028"', '\u007f\u2028'],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['9007199254740993', 9007199254740993n],
    ['-18446744073709551616', -18446744073709551616n],
    ['1e400', undefined],
    ['1E3', 1000],
  ])('%s', (text, value) => {
    if (value === undefined) expect(() => parseJson(text)).toThrow(ParseError);
    else expect(parseJson(text)).toEqual(value);
  });

  it.each([
    '',
    ' ',
    '{',
    '[1',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '{"a" 1}',
    '{"a":}',
    '[,]',
    '01',
    '+1',
    '-',
    '.5',
    '1.',
    '1e',
    '0x10',
    'NaN',
    'Infinity',
    'nul',
    'nullx',
    'True',
    '"abc',
    '"a\nb"',
    '"a\tb"',
    '"a\u0000b"',
    '"\\x41"',
    '"\\u12g4"',
    '"\\u12"',
    '"\\',
    '"\\ud800"',
    '"\ud800"',
    '"\\udc00\\ud800"',
    '1 2',
    '{} {}',
    '[]]',
    '\ufeff{}',
    '\u00a01',
    '// x\n1',
    '1/*x*/',
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":1,"__proto__":2}',
    '[1}',
    '{"a":1]',
  ])('refuses %j', (text) => {
    expect(() => parseJson(text)).toThrow(ParseError);
  });

  it('gives names of Object.prototype no meaning', () => {
    const value = parseJson('{"__proto__":{"x":1},"constructor":2,"toString":3}') as Record<
      string,
      Json
    >;
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'toString']);
    expect((value as { x?: unknown }).x).toBeUndefined();
  });

  it('refuses ill-formed UTF-8 and a byte order mark in bytes', () => {
    expect(() => parseJson(Uint8Array.of(0x22, 0xc3, 0x22))).toThrow(ParseError);
    expect(() => parseJson(Uint8Array.of(0x22, 0xc0, 0x80, 0x22))).toThrow(ParseError);
    expect(() => parseJson(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31))).toThrow(ParseError);
    expect(parseJson(utf8('"ü"'))).toBe('ü');
  });

  it('limits depth and length', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(parseJson(nested(64))).toBeDefined();
    expect(() => parseJson(nested(65))).toThrow(/deeper/);
    expect(() => parseJson('['.repeat(1_000_000))).toThrow(ParseError);
    expect(() => parseJson('[[1]]', { maxDepth: 1 })).toThrow(/deeper/);
    expect(() => parseJson('"abc"', { maxLength: 4 })).toThrow(/longer/);
  });

  it('agrees with JSON.parse on everything JSON.stringify writes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), fc.nat(3), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const expected = JSON.parse(text) as unknown;
        fc.pre(text.isWellFormed() && !/\\ud[89a-f]/i.test(text));
        expect(rounded(parseJson(text))).toBe(JSON.stringify(expected));
      }),
    );
  });

  it('never throws anything but ParseError', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'{}[]",:\\u0ed1-.tfn \n'.split('')) }),
        (text) => {
          let ours: Json;
          try {
            ours = parseJson(text);
          } catch (error) {
            expect(error).toBeInstanceOf(ParseError);
            return;
          }
          expect(rounded(ours)).toBe(JSON.stringify(JSON.parse(text)));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('canonicalJson (RFC 8785)', () => {
  it('writes the example of RFC 8785 §3.2.2 and §3.2.3', () => {
    const input = `{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\"\\/",
      "literals": [null, true, false]
    }`;
    expect(canonicalJson(parseJson(input))).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it('sorts names by UTF-16 code units', () => {
    const input =
      '{"\\u20ac":1,"\\r":2,"\\ufb33":3,"1":4,"\\ud83d\\ude00":5,"\\u0080":6,"\\u00f6":7}';
    const values = [...canonicalJson(parseJson(input)).matchAll(/:(\d)/g)].map((m) => m[1]);
    expect(values.join('')).toBe('2467153');
  });

  it('writes -0 as 0 and refuses what is no double or no text', () => {
    expect(canonicalJson(-0)).toBe('0');
    expect(() => canonicalJson(Number.NaN)).toThrow(ParseError);
    expect(() => canonicalJson(2n ** 60n)).toThrow(ParseError);
    expect(() => canonicalJson('\ud800')).toThrow(ParseError);
    expect(() => canonicalJson({ '\udc00': 1 })).toThrow(ParseError);
  });
});

describe('olpcJson', () => {
  it('escapes quote and backslash alone', () => {
    expect(olpcJson('a"b\\c\nd\u0001é/')).toBe('"a\\"b\\\\c\nd\u0001é/"');
  });

  it('sorts names by code point and writes integers that every reader takes', () => {
    expect(olpcJson({ '\u{1f600}': 1, '\ufb33': 2, b: 3, a: [true, null] })).toBe(
      '{"a":[true,null],"b":3,"\ufb33":2,"\u{1f600}":1}',
    );
    expect(olpcJson(2 ** 53 - 1)).toBe('9007199254740991');
    expect(olpcJson(-0)).toBe('0');
  });

  it.each([1.5, Number.NaN, 2 ** 53, 2n ** 60n, Number.POSITIVE_INFINITY])(
    'refuses %s',
    (value) => {
      expect(() => olpcJson(value)).toThrow(ParseError);
    },
  );
});
