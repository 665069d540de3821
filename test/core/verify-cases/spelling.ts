// SPDX-License-Identifier: Apache-2.0
// How a bundle may be spelled (protojson), and how not.
import type { Recipe } from '../../support/sigstore/bundle.ts';
import { type Case, entryJson, fail, pass, proofJson, under } from './common.ts';

const text = (change: (json: string) => string): Recipe => ({ text: change });

const snakeCase = (name: string) =>
  name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const urlSafe = (value: string) => value.replaceAll('+', '-').replaceAll('/', '_');
const FIELDS = /"[a-zA-Z0-9]+":/g;
const BASE64 =
  /"(rawBytes|signature|signedTimestamp|canonicalizedBody|keyId|rootHash)": "([^"]*)"/g;

const SPELLINGS = under(
  'protojson: both spellings of names, int64 as text or number, enums by name or number, any base64',
  [
    pass(
      'snake_case names',
      text((json) => json.replaceAll(FIELDS, snakeCase)),
    ),
    pass(
      'numbers as numbers',
      text((json) => json.replaceAll(/"(logIndex|treeSize)": "(\d+)"/g, '"$1": $2')),
    ),
    pass(
      'hash algorithm by number',
      text((json) => json.replace('"SHA2_256"', '1')),
    ),
    pass(
      'base64 without padding',
      text((json) => json.replaceAll(/=+"/g, '"')),
    ),
    pass(
      'base64 for URLs',
      text((json) =>
        json.replaceAll(BASE64, (_, name, value) => `"${name}": "${urlSafe(String(value))}"`),
      ),
    ),
    pass(
      'one line',
      text((json) => JSON.stringify(JSON.parse(json))),
    ),
    pass(
      'characters escaped',
      text((json) => json.replaceAll('logIndex', '\\u006cogIndex')),
    ),
    pass(
      'null for what is absent',
      text((json) =>
        json.replace('"canonicalizedBody"', '"inclusionPromise": null, "canonicalizedBody"'),
      ),
    ),
    pass(
      'time 0 spelled out',
      entryJson((e) => Object.assign(e, { integratedTime: '0' })),
    ),
  ],
);

const broken = (name: string, change: (json: string) => string) =>
  fail('BUNDLE_MALFORMED', name, text(change));
const index = (name: string, value: string) =>
  broken(name, (json) => json.replace('"logIndex": "3"', `"logIndex": ${value}`));
const certificate = (name: string, value: string) =>
  broken(name, (json) => json.replace(/"rawBytes": "(...)([^"]*)"/, `"rawBytes": ${value}`));

const STRICT = under('strict JSON: no unknown, doubled or mistyped field, valid base64', [
  broken('unknown field', (json) => json.replace('{', '{"extra": 1,')),
  broken('unknown field in an entry', (json) =>
    json.replace('"logIndex"', '"extra": 1, "logIndex"'),
  ),
  broken('doubled field', (json) =>
    json.replace('"tlogEntries"', '"tlogEntries": [], "tlogEntries"'),
  ),
  broken('both spellings of one field', (json) =>
    json.replace('"tlogEntries"', '"tlog_entries": [], "tlogEntries"'),
  ),
  broken('empty text', () => ''),
  broken('not JSON', (json) => json.slice(0, -1)),
  broken('more after the bundle', (json) => `${json}{}`),
  broken('two bundles in two lines', (json) => `${json}\n${json}`),
  broken('bundle in an array', (json) => `[${json}]`),
  broken('bundle in a text', (json) => JSON.stringify(json)),
  broken('byte order mark', (json) => `\ufeff${json}`),
  broken('comment', (json) => `${json}// bundle`),
  broken('trailing comma', (json) => json.replace(/\n}$/, ',\n}')),
  broken('null', () => 'null'),
  certificate('base64 with a strange character', '"$1!$2"'),
  certificate('base64 with a line break', '"$1\\n$2"'),
  certificate('base64 of one character', '"M"'),
  certificate('number as a certificate', '7'),
  certificate('array of octets as a certificate', '[48, 130]'),
  broken('base64 with bits left over', (json) =>
    json.replace(/"signature": "[^"]*"/, '"signature": "AB=="'),
  ),
  index('fraction as an index', '3.5'),
  index('index with an exponent', '"3e0"'),
  index('index with a leading zero', '"03"'),
  index('index with a plus', '"+3"'),
  index('index with a space', '" 3"'),
  index('index in hexadecimal', '"0x3"'),
  index('empty index', '""'),
  index('true as an index', 'true'),
  broken('null among the entries', (json) =>
    json.replace('"tlogEntries": [', '"tlogEntries": [null,'),
  ),
  broken('media type as a number', (json) =>
    json.replace(/"mediaType": "[^"]*"/, '"mediaType": 3'),
  ),
]);

const outer = (name: string, field: string, value: string) =>
  fail(
    'BUNDLE_MALFORMED',
    name,
    entryJson((e) => Object.assign(e, { [field]: value })),
  );
const inner = (name: string, field: string, value: string) =>
  fail(
    'BUNDLE_MALFORMED',
    name,
    proofJson((p) => Object.assign(p, { [field]: value })),
  );
const BEYOND = '9223372036854775808';

const NUMBERS = under('indexes, sizes and times are not negative and fit in 63 bits', [
  outer('negative index', 'logIndex', '-1'),
  outer('index beyond 2^63', 'logIndex', BEYOND),
  outer('negative time', 'integratedTime', '-1'),
  outer('time beyond 2^63', 'integratedTime', BEYOND),
  inner('negative index in the proof', 'logIndex', '-1'),
  inner('index of the proof beyond 2^63', 'logIndex', BEYOND),
  inner('negative tree size', 'treeSize', '-6'),
  inner('tree size beyond 2^63', 'treeSize', BEYOND),
]);

const WHOLE = under('an entry has a log, a kind and a body, its proof a root', [
  ...(['logId', 'kindVersion', 'canonicalizedBody'] as const).map((field) =>
    fail(
      'BUNDLE_MALFORMED',
      `entry without ${field}`,
      entryJson((e) => Reflect.deleteProperty(e, field)),
    ),
  ),
  fail(
    'BUNDLE_MALFORMED',
    'proof without rootHash',
    proofJson((p) => Reflect.deleteProperty(p, 'rootHash')),
  ),
]);

export function spellingCases(): Case[] {
  return [...SPELLINGS, ...STRICT, ...NUMBERS, ...WHOLE];
}
