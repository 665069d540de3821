// SPDX-License-Identifier: Apache-2.0
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParseError } from '../../services/core/errors.ts';
import { parsePem, pem } from '../../services/core/pem.ts';

const BLOCK = '-----BEGIN A-----\nAQI=\n-----END A-----\n';

describe('PEM', () => {
  it('reads what it writes', () => {
    const block = fc.tuple(
      fc.constantFrom('CERTIFICATE', 'PUBLIC KEY', 'X509 CRL'),
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
    );
    fc.assert(
      fc.property(fc.array(block, { minLength: 1 }), (blocks) => {
        const text = blocks.map(([label, der]) => pem(label, der)).join('');
        expect(parsePem(text)).toEqual(blocks.map(([label, der]) => ({ label, der })));
        expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(64);
      }),
    );
  });

  it('takes explanatory text, CRLF and white space at line ends', () => {
    const text = `subject=CN = A\r\n${BLOCK.replaceAll('\n', ' \r\n')}\r\nissuer=CN = B\r\n${BLOCK}`;
    expect(parsePem(text, 'A').map(({ der }) => [...der])).toEqual([
      [1, 2],
      [1, 2],
    ]);
  });

  it.each([
    ['nothing', ''],
    ['no block', 'text\n'],
    ['another label', BLOCK.replaceAll('A-', 'B-')],
    ['no end', '-----BEGIN A-----\nAQI=\n'],
    ['another end', '-----BEGIN A-----\nAQI=\n-----END B-----\n'],
    ['an end alone', '-----END A-----\n'],
    ['an empty block', '-----BEGIN A-----\n-----END A-----\n'],
    ['a header', '-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nAQI=\n-----END A-----\n'],
    ['a block in a block', `-----BEGIN A-----\n${BLOCK}-----END A-----\n`],
    ['unused bits', BLOCK.replace('AQI=', 'AQJ=')],
    ['padding in the middle', BLOCK.replace('AQI=', 'AQI=\nAQI=')],
    ['five dashes of another kind', '-----begin A-----\nAQI=\n-----END A-----\n'],
  ])('refuses %s', (_, text) => {
    expect(() => parsePem(text, 'A')).toThrow(ParseError);
  });
});
