// SPDX-License-Identifier: Apache-2.0
// Every line of what a Rekor v2 write path must refuse, and the requests of
// test/vectors/tlog/requests.json that show it. write.test.ts sends each of them.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../services/core/errors.ts';

interface Case {
  readonly name: string;
  readonly status: number;
  readonly code?: ErrorCode;
}
const CASES = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/tlog/requests.json'), 'utf8'),
) as Case[];

interface Line {
  /** The rule, in its order. */
  readonly rule: string;
  readonly code: ErrorCode;
  /** Names of requests. */
  readonly cases: readonly string[];
}

const KEYS = [
  'PKIX_ECDSA_P384_SHA_384',
  'PKIX_ECDSA_P521_SHA_512',
  'PKIX_RSA_PKCS1V15_2048_SHA256',
  'PKIX_RSA_PKCS1V15_3072_SHA256',
  'PKIX_RSA_PKCS1V15_4096_SHA256',
  'PKIX_ED25519_PH',
];
const ofEach = (what: string) => KEYS.map((key) => `${key}: ${what}`);

const LINES: readonly Line[] = [
  {
    rule: 'validation: content is not empty',
    code: 'ENTRY_MALFORMED',
    cases: ['content missing', 'content null', 'content empty', 'dsse: empty signature'],
  },
  {
    rule: 'validation: verifier is not empty',
    code: 'ENTRY_MALFORMED',
    cases: ['no verifier', 'no key', 'dsse: no verifiers', 'dsse: verifiers null'],
  },
  {
    rule: 'validation: rawBytes is not empty',
    code: 'ENTRY_MALFORMED',
    cases: ['rawBytes missing', 'rawBytes null', 'rawBytes empty', 'dsse: empty key'],
  },
  {
    rule: 'validation: digest is not empty',
    code: 'ENTRY_MALFORMED',
    cases: ['digest missing', 'digest null', 'digest empty'],
  },
  {
    rule: 'validation: keyDetails is specified',
    code: 'ENTRY_KEY_DETAILS',
    cases: ['keyDetails missing', 'keyDetails 0', 'keyDetails null', 'dsse: no keyDetails'],
  },
  {
    rule: 'validation: key or certificate parses as DER',
    code: 'ENTRY_KEY_MALFORMED',
    cases: [
      'key: cut',
      'key: text',
      'certificate: cut',
      'key: compressed point',
      ...ofEach('key cut'),
    ],
  },
  {
    rule: 'validation: a key is one that an engine takes',
    code: 'ENTRY_KEY_MALFORMED',
    cases: [
      'key: point not on the curve',
      'RSA: even exponent',
      'Ed25519: key of small order',
      ...ofEach('key that no engine takes'),
      ...ofEach('certificate of a key that no engine takes'),
    ],
  },
  {
    rule: 'validation: key type and hash are enabled',
    code: 'ENTRY_ALGORITHM_DISABLED',
    cases: [
      'keyDetails 99',
      'keyDetails ML_DSA_65',
      'PKIX_ECDSA_P384_SHA_384 labelled 19',
      'PKIX_RSA_PKCS1V15_2048_SHA256 labelled 16',
    ],
  },
  {
    rule: 'validation: key type and hash agree with keyDetails',
    code: 'ENTRY_KEY_DETAILS',
    cases: [
      ...KEYS.map((key) => `${key} labelled PKIX_ECDSA_P256_SHA_256`),
      ...KEYS.map((key) => `PKIX_ECDSA_P256_SHA_256 labelled ${key}`),
      'RSA 2048 labelled 4096',
      'RSA: 1024 bits',
      'RSA: 8192 bits',
    ],
  },
  {
    rule: 'validation: the digest is as long as its hash',
    code: 'ENTRY_DIGEST_LENGTH',
    cases: [
      'digest of 31 bytes',
      'digest of 64 bytes',
      'PKIX_ECDSA_P384_SHA_384: sha256 digest',
      'PKIX_ECDSA_P521_SHA_512: sha384 digest',
      'PKIX_ED25519_PH: sha256 digest',
    ],
  },
  {
    rule: 'validation: the signature verifies over the digest',
    code: 'ENTRY_SIGNATURE',
    cases: [
      'signature: bent',
      'signature: by another key',
      'signature: octet after',
      'RSA: octets after the digest',
      'RSA: DigestInfo without NULL',
      'RSA: PSS',
      ...ofEach('signature bent'),
      ...ofEach('signature octet after'),
      ...ofEach('signature zeros'),
    ],
  },
  {
    rule: 'PEM where DER is expected',
    code: 'ENTRY_KEY_MALFORMED',
    cases: ['key: PEM', 'certificate: PEM', 'dsse: PEM'],
  },
  {
    rule: 'trailing bytes after DER',
    code: 'ENTRY_KEY_MALFORMED',
    cases: [
      'key: octet after',
      'certificate: octet after',
      'certificate: chain of two',
      ...ofEach('key octet after'),
    ],
  },
  {
    rule: 'both oneof members',
    code: 'ENTRY_MALFORMED',
    cases: ['both requests', 'key and certificate', 'dsse: key and certificate'],
  },
  {
    rule: 'P-384 key labelled P-256',
    code: 'ENTRY_KEY_DETAILS',
    cases: ['P-384 labelled P-256', 'dsse: P-384 labelled P-256'],
  },
  {
    rule: 'pure Ed25519',
    code: 'ENTRY_ALGORITHM_DISABLED',
    cases: [
      'Ed25519: pure (PKIX_ED25519) is off',
      'Ed25519: pure (7) is off',
      'dsse: pure Ed25519 is off',
    ],
  },
  {
    rule: 'signature over another digest',
    code: 'ENTRY_SIGNATURE',
    cases: [
      'signature: over another digest',
      'dsse: other payload',
      'dsse: signature over the payload alone',
      ...ofEach('signature over another digest'),
      ...ofEach('dsse over the payload alone'),
    ],
  },
  {
    rule: 'unknown JSON field',
    code: 'ENTRY_MALFORMED',
    cases: ['unknown field', 'unknown field inside', 'dsse: unknown field', 'both spellings'],
  },
  {
    rule: 'duplicate JSON field',
    code: 'REQUEST_MALFORMED',
    cases: ['duplicate field', 'dsse: duplicate field'],
  },
  {
    rule: 'raw newline in a JSON string',
    code: 'REQUEST_MALFORMED',
    cases: ['raw newline in a string'],
  },
  {
    rule: 'bad base64',
    code: 'ENTRY_MALFORMED',
    cases: [
      'digest not base64',
      'content base64 with a newline',
      'rawBytes base64 with surplus bits',
      'dsse: payload not base64',
      'dsse: signature not base64',
    ],
  },
  { rule: 'null body', code: 'ENTRY_MALFORMED', cases: ['null'] },
  { rule: 'empty body', code: 'REQUEST_MALFORMED', cases: ['no body'] },
  { rule: 'no entry', code: 'ENTRY_KIND', cases: ['empty object', 'request is null'] },
  {
    rule: 'more than 10 verifiers or signatures',
    code: 'ENTRY_MALFORMED',
    cases: ['dsse: 11 verifiers', 'dsse: 11 signatures'],
  },
  {
    rule: 'unverified extra signature',
    code: 'ENTRY_MALFORMED',
    cases: ['dsse: unverified second signature'],
  },
  {
    rule: 'entry beyond 65,535 bytes',
    code: 'ENTRY_TOO_LARGE',
    cases: ['entry too large', 'dsse: entry too large'],
  },
];

/** Lines that take more than one body: the test that stands for each. */
const ELSEWHERE: ReadonlyArray<readonly [rule: string, file: string, test: string]> = [
  ['body beyond 4 MiB: 413', 'write', 'refuses a body of more than 4 MiB'],
  [
    'frozen log: 405',
    'limits',
    'lets the resource take no method, serves on, and signs the same tree',
  ],
  ['never 500, never a crash', 'write', 'never answers 5xx, however the request is cut or bent'],
  ['duplicate in one batch: one index', 'write', 'gives duplicates in one batch one index'],
  ['duplicate after a restart: one index', 'write', 'knows its entries again'],
  [
    'queue full: 503 and 14, Retry-After',
    'write',
    'answers 503 with Retry-After, and takes the rest',
  ],
  [
    'clock back: stop',
    'limits',
    'stops the log with 503 and 14 until it is right again; known entries are answered',
  ],
];

describe('the write path refuses', () => {
  it.each(LINES)('$rule', ({ code, cases }) => {
    const found = cases.map((name) => CASES.filter((item) => item.name === name));
    expect(found.map((items) => items.map((item) => [item.name, item.status, item.code]))).toEqual(
      cases.map((name) => [[name, 400, code]]),
    );
  });

  it.each(ELSEWHERE)('%s', (_, file, test) => {
    const source = readFileSync(join(import.meta.dirname, `${file}.test.ts`), 'utf8');
    expect(source).toContain(`'${test}'`);
  });

  it('no two requests have one name', () => {
    const names = CASES.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('takes each algorithm with key and certificate, by name and number, and over DSSE', () => {
    const taken = CASES.filter(({ status }) => status === 201).map(({ name }) => name);
    for (const form of ['public key', 'certificate', 'by number', 'dsse']) {
      for (const name of ofEach(form)) expect(taken).toContain(name);
    }
  });
});
