// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { base64, fromBase64, hex, utf8 } from '../../services/core/bytes.ts';
import { ParseError } from '../../services/core/errors.ts';
import {
  ecdsaKeyId,
  ed25519KeyId,
  formatCheckpoint,
  formatNote,
  parseCheckpoint,
  parseNote,
  verifyCheckpoint,
} from '../../services/core/note.ts';
import { parsePublicKey } from '../../services/core/spki.ts';
import { parseTilePath, tilePath } from '../../services/core/tile.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

const NAME = 'log.corp.example';
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
const keyId = ecdsaKeyId(nodeCrypto, spki);
const log = { name: NAME, key: parsePublicKey(spki), keyId };
const ROOT = new Uint8Array(32).fill(7);

function line(text: string, name = NAME, hint = keyId.subarray(0, 4)) {
  return { name, hint, signature: new Uint8Array(sign('sha256', utf8(text), privateKey)) };
}
const TEXT = formatCheckpoint(NAME, 5, ROOT);
const GOOD = formatNote(TEXT, [line(TEXT)]);
const COSIGNER = {
  name: 'witness.example',
  hint: Uint8Array.of(1, 2, 3, 4),
  signature: new Uint8Array(72),
};

describe('checkpoint', () => {
  it('knows the key id of the public Ed25519 log', () => {
    const key = fromBase64('t8rlp1knGwjfbcXAYPYAkn0XiLz1x8O4t0YkEhie244=');
    const id = ed25519KeyId(nodeCrypto, 'log2025-1.rekor.sigstore.dev', key);
    expect(base64(id)).toBe('zxGZFVvd0FEmjR8WrFwMdcAJ9vtaY/QXf44Y1wUeP6A=');
    expect(hex(id.subarray(0, 4))).toBe('cf119915');
  });

  it.each([
    ['one line of the log', [line(TEXT)]],
    ['a cosigner after the log', [line(TEXT), COSIGNER]],
    ['a cosigner before the log', [COSIGNER, line(TEXT)]],
    [
      'two lines of the log, one bad',
      [{ ...line(TEXT), signature: new Uint8Array(70) }, line(TEXT)],
    ],
  ])('accepts %s', (_, lines) => {
    expect(verifyCheckpoint(nodeCrypto, formatNote(TEXT, lines), log)).toEqual({
      origin: NAME,
      size: 5,
      root: ROOT,
      extensions: [],
    });
  });

  const other = formatCheckpoint('other.example', 5, ROOT);
  it.each([
    ['another hint', formatNote(TEXT, [line(TEXT, NAME, Uint8Array.of(0, 0, 0, 0))])],
    ['another name', formatNote(TEXT, [line(TEXT, 'other.example')])],
    ['another origin', formatNote(other, [line(other)])],
    ['a signature over other text', formatNote(TEXT, [line(`${TEXT}x\n`)])],
    ['only cosigners', formatNote(TEXT, [COSIGNER])],
    ['no signature', `${TEXT}\n`],
    ['two blank lines', GOOD.replace('\n\n', '\n\n\n')],
    ['a blank line at the end', `${GOOD}\n`],
    ['no newline at the end', GOOD.slice(0, -1)],
    ['control characters', GOOD.replace('\n5\n', '\n5\r\n')],
    ['no size', GOOD.replace('\n5\n', '\n\n')],
    ['size with a leading zero', GOOD.replace('\n5\n', '\n05\n')],
    ['negative size', GOOD.replace('\n5\n', '\n-5\n')],
    ['another size', GOOD.replace('\n5\n', '\n6\n')],
    ['no root', GOOD.replace(`${base64(ROOT)}\n`, '')],
    ['a short root', GOOD.replace(base64(ROOT), base64(ROOT.subarray(1)))],
    ['a hyphen for the dash', GOOD.replace('—', '-')],
    ['bad base64 in a signature', GOOD.replace(/ [^ ]+\n$/, ' !!!!\n')],
  ])('refuses %s', (_, envelope) => {
    expect(() => verifyCheckpoint(nodeCrypto, envelope, log)).toThrow(ParseError);
  });

  it('writes what it reads', () => {
    expect(formatNote(parseNote(GOOD).text, parseNote(GOOD).signatures)).toBe(GOOD);
    const { origin, size, root } = parseCheckpoint(TEXT);
    expect(formatCheckpoint(origin, size, root)).toBe(TEXT);
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
