// SPDX-License-Identifier: Apache-2.0
// Parsers of lines, paths and encodings.
import {
  base64,
  base64url,
  fromAnyBase64,
  fromBase64,
  fromHex,
  hex,
  utf8,
} from '../../../services/core/bytes.ts';
import { formatNote, parseCheckpoint, parseNote } from '../../../services/core/note.ts';
import { parsePem, pem } from '../../../services/core/pem.ts';
import { parseTilePath, tilePath } from '../../../services/core/tile.ts';
import { formatTime, parseTime } from '../../../services/core/trust-fields.ts';
import { binarySeeds, textSeeds } from '../support/seeds.ts';
import { holds, sameBytes, type Target } from '../support/target.ts';
import type { Grammar } from '../support/text-edits.ts';

import { textTarget } from '../support/text-target.ts';

const same = (again: string, text: string) => holds(again === text, 'written again it differs');

// --- notes ---

const notes: Grammar = {
  seeds: textSeeds('note'),
  words: [
    '',
    '— ',
    '— log.test',
    '— log.test AAAA',
    '— log.test AAAAAAAA',
    '— a+b AAAAAAAA',
    '- log.test AAAAAAAA',
    '0',
    '01',
    '-1',
    '9007199254740991',
    '9007199254740992',
    'x'.repeat(300),
    'AAAA',
  ],
  separator: '\n',
};

function checkNote(text: string): void {
  const note = parseNote(text);
  same(formatNote(note.text, note.signatures), text);
  same(parseNote(utf8(text)).text, note.text);
}

function checkCheckpoint(text: string): void {
  const { origin, size, root, extensions } = parseCheckpoint(text);
  same(`${[origin, size, base64(root), ...extensions].join('\n')}\n`, text);
}

// --- paths ---

const paths: Grammar = {
  seeds: [
    '0/000',
    '1/x001/234',
    '5/x001/x234/067.p/8',
    'entries/x001/000',
    'data/x001/000.p/255',
    '63/x123/x456/789',
  ],
  words: [
    '000',
    'x000',
    'x999',
    '256',
    '1',
    '0',
    '00',
    '64',
    '-1',
    'entries',
    'data',
    '000.p',
    '.p',
    'p',
    '..',
  ],
  separator: '/',
};

function checkPath(text: string): void {
  const bundles = text.startsWith('data') ? 'data' : 'entries';
  same(tilePath(parseTilePath(text, bundles), bundles), text);
}

// --- encodings ---

const samples = [0, 1, 2, 3, 4, 31, 32, 71].map((length) =>
  Uint8Array.from({ length }, (_, i) => (i * 37 + length) & 0xff),
);
const encodings: Grammar = {
  seeds: samples.flatMap((bytes) => [base64(bytes), base64url(bytes), hex(bytes)]),
  words: ['=', '==', '-', '_', '+', '/', 'A', 'AA', 'AB', '\n'],
  separator: '',
};

function checkEncodings(text: string): void {
  const readers: ReadonlyArray<
    readonly [(text: string) => Uint8Array, (bytes: Uint8Array) => boolean]
  > = [
    [fromHex, (bytes) => hex(bytes) === text],
    [fromBase64, (bytes) => base64(bytes) === text],
    [
      fromAnyBase64,
      (bytes) =>
        base64(bytes).replace(/=+$/, '') ===
        text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, ''),
    ],
  ];
  const faults: unknown[] = [];
  for (const [read, isSame] of readers) {
    try {
      const bytes = read(text);
      holds(isSame(bytes), 'written again it differs');
      const node = Buffer.from(text, read === fromHex ? 'hex' : 'base64');
      sameBytes(new Uint8Array(node), bytes, 'as Node reads it');
    } catch (error) {
      if (error instanceof Error && error.name !== 'ParseError') throw error;
      faults.push(error);
    }
  }
  if (faults.length === readers.length) throw faults[0];
}

const times: Grammar = {
  seeds: [
    '2026-06-01T12:00:00Z',
    '2026-06-01T12:00:00.123456789Z',
    '9999-12-31T23:59:59Z',
    '2024-02-29T00:00:00+05:30',
    '0001-01-01T00:00:00-00:00',
  ],
  words: [
    '00',
    '13',
    '24',
    '29',
    '30',
    '31',
    '60',
    '99',
    '0000',
    '0001',
    '9999',
    '+01:00',
    '-23:59',
    '+24:00',
  ],
  separator: ':',
};

function checkTime(text: string): void {
  const time = parseTime(text);
  holds(parseTime(formatTime(time)) === time, 'written again it differs');
  holds(Math.floor(Date.parse(text)) === time, 'Date.parse reads another time');
}

const chain = binarySeeds('certificate')
  .slice(0, 2)
  .map((der) => pem('CERTIFICATE', der));
const armour: Grammar = {
  seeds: [
    chain.join(''),
    `subject=a\n${chain.join('issuer=b\n')}`,
    chain.join('').replaceAll('\n', '\r\n'),
    pem('PUBLIC KEY', binarySeeds('spki')[0] ?? samples[5] ?? new Uint8Array(1)),
  ],
  words: [
    '-----BEGIN CERTIFICATE-----',
    '-----END CERTIFICATE-----',
    '-----BEGIN PUBLIC KEY-----',
    '-----END -----',
    '-----',
    'Proc-Type: 4,ENCRYPTED',
    '',
    ' ',
    'AAAA',
    'AA==',
  ],
  separator: '\n',
};

function checkPem(text: string): void {
  const blocks = parsePem(text);
  const again = parsePem(blocks.map(({ label, der }) => pem(label, der)).join(''));
  holds(again.length === blocks.length, 'another number of blocks');
  again.forEach(({ label, der }, i) => {
    sameBytes(der, blocks[i]?.der ?? new Uint8Array(), 'block');
    same(label, blocks[i]?.label ?? '');
  });
}

export const textTargets: readonly Target[] = [
  textTarget('note', notes, (text) => text.includes('\n\n— '), checkNote),
  textTarget(
    'checkpoint',
    { ...notes, seeds: notes.seeds.map((note) => note.slice(0, note.indexOf('\n\n') + 1)) },
    (text) => text.endsWith('\n') && text.split('\n').length > 3,
    checkCheckpoint,
  ),
  textTarget('tile path', paths, (text) => /^\w+\/.*\d{3}/.test(text), checkPath),
  textTarget(
    'base64, base64url, hex',
    encodings,
    (text) => /^[\w+/=-]*$/.test(text),
    checkEncodings,
  ),
  textTarget('time (RFC 3339)', times, (text) => /^\d{4}-\d\d-\d\dT/.test(text), checkTime),
  textTarget(
    'PEM',
    armour,
    (text) => /^-----BEGIN [A-Z ]+-----\r?$[\s\S]*^-----END [A-Z ]+-----\r?$/m.test(text),
    checkPem,
  ),
];
