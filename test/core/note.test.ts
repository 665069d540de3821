// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { base64, concat, fromBase64, hex, uint, uint64, utf8 } from '../../services/core/bytes.ts';
import { ParseError } from '../../services/core/errors.ts';
import {
  ecdsaKeyId,
  ed25519KeyId,
  formatCheckpoint,
  formatNote,
  parseCheckpoint,
  parseNote,
  rfc6962KeyId,
  rfc6962VerifierKey,
  verifierKey,
  verifyCheckpoint,
  verifyRfc6962Checkpoint,
} from '../../services/core/note.ts';
import { parsePublicKey } from '../../services/core/spki.ts';
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
    ['two lines of the log', [line(TEXT), line(TEXT)]],
    ['another key of the log', [{ ...COSIGNER, name: NAME }, line(TEXT)]],
    ['another log with the hint of this one', [{ ...COSIGNER, hint: line(TEXT).hint }, line(TEXT)]],
    [
      'fifteen post-quantum cosigners',
      [line(TEXT), ...Array(15).fill({ ...COSIGNER, signature: new Uint8Array(4627) })],
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
    [
      'two lines of the log, one bad',
      formatNote(TEXT, [line(TEXT), { ...line(TEXT), signature: new Uint8Array(70) }]),
    ],
    ['a lone surrogate', GOOD.replace('\n\n', '\n\ud800\n\n')],
    ['a byte order mark', `\ufeff${GOOD}`],
    ['a name with a plus', formatNote(TEXT, [line(TEXT), { ...COSIGNER, name: 'a+b' }])],
    ['a name with a space', formatNote(TEXT, [line(TEXT), { ...COSIGNER, name: 'a b' }])],
    ['no origin', GOOD.replace(NAME, '')],
    ['a size beyond 2^53', GOOD.replace('\n5\n', '\n9007199254740993\n')],
    ['a root with unused bits', GOOD.replace(/c=\n\n/, 'd=\n\n')],
    ['65 signatures', formatNote(TEXT, [line(TEXT), ...Array(64).fill(COSIGNER)])],
    ['a signature of four octets', `${GOOD}— w ${base64(new Uint8Array(4))}\n`],
    ['more than 256 KiB', GOOD.replace('\n\n', `\n${'x'.repeat(270_000)}\n\n`)],
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

  it('takes extension lines, as old logs add their time', () => {
    const text = `${TEXT}Timestamp: 1700000000000000000\n`;
    const opened = verifyCheckpoint(nodeCrypto, utf8(formatNote(text, [line(text)])), log);
    expect(opened.extensions).toEqual(['Timestamp: 1700000000000000000']);
  });

  it('verifies an Ed25519 log', () => {
    const pair = generateKeyPairSync('ed25519');
    const key = parsePublicKey(
      new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' })),
    );
    const id = ed25519KeyId(nodeCrypto, NAME, key.bits);
    const signature = new Uint8Array(sign(null, utf8(TEXT), pair.privateKey));
    const envelope = formatNote(TEXT, [{ name: NAME, hint: id.subarray(0, 4), signature }]);
    expect(verifyCheckpoint(nodeCrypto, envelope, { name: NAME, key, keyId: id }).size).toBe(5);
    expect(() => verifyCheckpoint(nodeCrypto, envelope, log)).toThrow(ParseError);
  });
});

describe('checkpoint of a CT log', () => {
  const logId = nodeCrypto.digest('sha256', spki);
  const ctKeyId = rfc6962KeyId(nodeCrypto, NAME, logId);
  const ct = { ...log, keyId: ctKeyId };
  const TIME = 1_700_000_000_123;
  const head = (size: number) =>
    sign('sha256', concat(Uint8Array.of(0, 1), uint64(TIME), uint64(size), ROOT), privateKey);
  const ctLine = (signature: Uint8Array, algorithms = [4, 3], tail: number[] = []) => ({
    name: NAME,
    hint: ctKeyId.subarray(0, 4),
    signature: concat(
      uint64(TIME),
      Uint8Array.from(algorithms),
      uint(signature.length, 2),
      signature,
      Uint8Array.from(tail),
    ),
  });

  it('opens under its tree head, with its time', () => {
    const envelope = formatNote(TEXT, [COSIGNER, ctLine(head(5))]);
    expect(verifyRfc6962Checkpoint(nodeCrypto, envelope, ct)).toEqual({
      origin: NAME,
      size: 5,
      root: ROOT,
      extensions: [],
      timeMs: TIME,
    });
  });

  const extended = `${TEXT}more\n`;
  it.each([
    ['a head of another size', formatNote(TEXT, [ctLine(head(6))])],
    ['a plain note signature', formatNote(TEXT, [line(TEXT, NAME, ctKeyId.subarray(0, 4))])],
    ['the key id of ECDSA', formatNote(TEXT, [{ ...ctLine(head(5)), hint: keyId.subarray(0, 4) }])],
    ['another algorithm', formatNote(TEXT, [ctLine(head(5), [4, 1])])],
    ['bytes after the signature', formatNote(TEXT, [ctLine(head(5), [4, 3], [0])])],
    ['an extension line', formatNote(extended, [ctLine(head(5))])],
    ['two signatures of the log', formatNote(TEXT, [ctLine(head(5)), ctLine(head(5))])],
  ])('refuses %s', (_, envelope) => {
    expect(() => verifyRfc6962Checkpoint(nodeCrypto, envelope, ct)).toThrow(ParseError);
  });

  it('has verifier keys of both kinds', () => {
    const hint = (id: Uint8Array) => hex(id.subarray(0, 4));
    expect(verifierKey(nodeCrypto, NAME, spki)).toBe(
      `${NAME}+${hint(keyId)}+${base64(concat(Uint8Array.of(2), spki))}`,
    );
    expect(rfc6962VerifierKey(nodeCrypto, NAME, spki)).toBe(
      `${NAME}+${hint(ctKeyId)}+${base64(concat(Uint8Array.of(5), spki))}`,
    );
  });
});
