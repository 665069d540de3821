// SPDX-License-Identifier: Apache-2.0
// Parsers of lines, paths and words.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { issuerConfig } from '../../../services/ca/issuer-config.ts';
import { compileTemplate } from '../../../services/ca/template.ts';
import { tokenVerifier } from '../../../services/ca/token.ts';
import { readToken } from '../../../services/client/token.ts';
import {
  base64,
  base64url,
  fromAnyBase64,
  fromBase64,
  fromHex,
  fromUtf8,
  hex,
  utf8,
} from '../../../services/core/bytes.ts';
import { buildHashedRekord, parseEntryBody } from '../../../services/core/entry.ts';
import { formatNote, parseCheckpoint, parseNote } from '../../../services/core/note.ts';
import { parsePem, pem } from '../../../services/core/pem.ts';
import { parseTilePath, tilePath } from '../../../services/core/tile.ts';
import { formatTime, parseTime } from '../../../services/core/trust-fields.ts';
import { configFromEnvironment, parseConfig } from '../../../services/runtime/config.ts';
import { judgeStackConfig } from '../../../services/stack/config.ts';
import { jsonTree, mutateJson } from '../support/json-tree.ts';
import type { Random } from '../support/random.ts';
import { binarySeeds, jsonSeeds, SEED_KEY, textSeeds } from '../support/seeds.ts';
import { holds, type Input, sameBytes, type Target } from '../support/target.ts';
import { type Grammar, mutateText } from '../support/text-edits.ts';

const textOf = (input: Input) => (typeof input === 'string' ? input : fromUtf8(input));

function textTarget(
  name: string,
  grammar: Grammar,
  outer: (text: string) => boolean,
  parse: (text: string) => unknown,
): Target {
  return {
    name,
    make: (random) => mutateText(random, grammar),
    outer: (input) => outer(textOf(input)),
    parse: (input) => parse(textOf(input)),
  };
}

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

// --- entries and tokens ---

const bodies = textSeeds('entryBody').map((text) => jsonTree(JSON.parse(text)));

function checkBody(text: string): void {
  const { hash, keyDetails, ...entry } = parseEntryBody(utf8(text));
  if (!('digest' in entry)) return;
  sameBytes(buildHashedRekord({ ...entry, algorithm: { keyDetails, hash } }), utf8(text), 'body');
}

const claims = jsonSeeds('claims');
const HEADERS = [{ alg: 'EdDSA', kid: 'k', typ: 'JWT' }, { alg: 'none' }, { alg: 'RS256' }].map(
  jsonTree,
);
const tokens: Grammar = {
  seeds: textSeeds('token'),
  words: ['', 'e30', 'W10', 'bnVsbA', 'AAAA', '_-', '=', 'a'.repeat(33_000)],
  separator: '.',
};

function makeToken(random: Random): string {
  if (random.chance(0.3)) return mutateText(random, tokens);
  const part = (text: string) => base64url(utf8(text.toWellFormed()));
  const header = part(mutateJson(random, HEADERS.slice(0, random.chance(0.8) ? 1 : 3)));
  const signature = random.pick(tokens.seeds).split('.')[2];
  return `${header}.${part(mutateJson(random, claims))}.${signature}`;
}

const keys = { jwks: { keys: [SEED_KEY] } };
const issuers = [
  { url: 'https://email.test', type: 'email', ...keys },
  { url: 'https://cluster.test', type: 'kubernetes', ...keys },
  { url: 'https://github.test', type: 'ci-provider', provider: 'github', ...keys },
  { url: 'https://*.test', type: 'email', jwksUrl: undefined },
].map((issuer) => issuerConfig.parse(issuer));
/** When the tokens of the seeds were made. */
const NOW = Date.UTC(2026, 5, 1, 12);
const silent = { info() {}, warn() {}, error() {} };
const verify = tokenVerifier(issuers.slice(0, 3), () => NOW, silent, {});

const isToken = (text: string) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
const tokenTarget = (name: string, parse: (text: string) => unknown): Target => ({
  name,
  make: makeToken,
  outer: (input) => isToken(textOf(input)),
  parse: (input) => parse(textOf(input)),
});

// --- templates and configurations ---

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../vectors/ca/templates.json'), 'utf8'),
) as { claims: Record<string, string>; good: Array<[string, string]>; bad: string[] };
const templates: Grammar = {
  seeds: vectors.good.map(([source]) => source),
  words: [
    '{{',
    '}}',
    '{{-',
    '-}}',
    '.a',
    '.',
    'index',
    'eq',
    'ne',
    '(',
    ')',
    '"b"',
    '`b`',
    '"',
    'if',
    '{{ if .a }}',
    '{{ else }}',
    '{{ end }}',
    '{{ else if .a }}',
  ],
  separator: ' ',
};
const CLAIMS = new Map(Object.entries(vectors.claims));
/** What the schema admits. */
const MAX_TEMPLATE = 2048;

function checkTemplate(source: string): void {
  const template = compileTemplate(source.slice(0, MAX_TEMPLATE));
  same(template(CLAIMS), template(new Map(CLAIMS)));
}

const braces = (text: string) => text.split('{{').length === text.split('}}').length;

const yaml: Grammar = {
  seeds: [
    'url: https://a.test\norigin: a.test\nca:\n  issuers:\n    - url: https://i.test\n      type: email\n',
    'dev: true\nlisten:\n  hosts: [127.0.0.1]\n  port: 0\n',
    'url: https://a.test\norigin: a.test\nca:\n  keyAlgorithms: [ed25519]\n  issuers:\n    - &i\n      url: https://i.test\n      type: ci-provider\n      subjectTemplate: "{{ .sub }}"\n      extensionTemplates:\n        "9": sub\n',
    '{"url":"https://a.test","origin":"a.test",\n"ca":{"issuers":[{"url":"https://*.test","type":"email","issuerClaim":"$.a.b"}]}}\n',
  ],
  words: [
    '',
    '---',
    '...',
    '- a',
    'a: b',
    'dev: true',
    'dev: yes',
    '? [a]',
    ': b',
    '<<: *i',
    'x: *i',
    'x: *j',
    '&i a: b',
    '__proto__: {dev: true}',
    'constructor: {}',
    '%YAML 1.1',
    '!!binary AA==',
    'a: !x y',
    'port: 0x10',
    'port: .inf',
    '  port: 65536',
    'data: |',
    '  text',
    '"a',
    '[',
    ']',
    '{a: [b',
    '# comment',
    '\t',
  ],
  separator: '\n',
};

/** What stands in SIGSTEAD_CA. */
const environment: Grammar = {
  ...yaml,
  seeds: [
    'issuers:\n  - url: https://i.test\n    type: email\n',
    '{issuers: [{url: https://i.test, type: kubernetes}], backdateSeconds: 10}',
    'keyAlgorithms: [ed25519]\nsha256Possession: true\nbackdateSeconds: 60\n',
  ],
};

const isMapping = (text: string) => /^[\s\S]*\w+"?\s*:/.test(text) && !text.includes('\t');

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
  {
    name: 'log entry body',
    make: (random) => mutateJson(random, bodies),
    outer: (input) => textOf(input).startsWith('{') && textOf(input).endsWith('}'),
    parse: (input) => checkBody(textOf(input)),
  },
  tokenTarget('identity token, client', (text) => readToken(text)),
  tokenTarget('identity token, CA', (text) => verify(text)),
  textTarget('template of the CA', templates, braces, checkTemplate),
  textTarget('configuration (YAML)', yaml, isMapping, (text) =>
    judgeStackConfig(parseConfig(text, 'config.yaml')),
  ),
  textTarget('configuration (environment)', environment, isMapping, (text) =>
    judgeStackConfig(configFromEnvironment({ SIGSTEAD_CA: text, SIGSTEAD_DEV: 'true' })),
  ),
];
