// SPDX-License-Identifier: Apache-2.0
// Writes requests.json beside this file: bodies of POST /api/v2/log/entries with the answer each
// must get. `node test/vectors/tlog/generate.ts`; same output on every run.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { p256 } from '@noble/curves/nist.js';
import { base64, base64url, concat, utf8 } from '../../../services/core/bytes.ts';
import { sequence, smallInteger } from '../../../services/core/der.ts';
import { dsseCases } from './dsse.ts';
import { keyCases } from './keys.ts';
import {
  certificate,
  certified,
  digest,
  dsse,
  ecSpki,
  edSpki,
  hashed,
  key,
  off,
  otherSpki,
  P256_OID,
  p384Spki,
  pem,
  rsaSpki,
  sha256,
  signature,
  spki,
  verifier,
} from './material.ts';

interface Case {
  name: string;
  body: string;
  status: number;
  code?: string;
  field?: string;
}

const cases: Case[] = [];
function add(name: string, body: object | string, status: number, code?: string, field?: string) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  cases.push({
    name,
    body: text,
    status,
    ...(code === undefined ? {} : { code }),
    ...(field === undefined ? {} : { field }),
  });
}

const ROOT = 'hashedRekordRequestV002';
const CONTENT = `${ROOT}.signature.content`;
const VERIFIER = `${ROOT}.signature.verifier`;
const good = JSON.stringify(hashed());

// Taken, in every spelling of protojson.
add('public key', hashed(), 201);
add('certificate', hashed({ verifier: certified(certificate(spki)) }), 201);
add('enum by number', hashed({ verifier: verifier(spki, 5) }), 201);
add(
  'snake case',
  {
    hashed_rekord_request_v002: {
      digest: base64(digest),
      signature: {
        content: base64(signature),
        verifier: {
          public_key: { raw_bytes: base64(spki) },
          key_details: 'PKIX_ECDSA_P256_SHA_256',
        },
      },
    },
  },
  201,
);
add(
  'URL-safe base64 without padding',
  hashed({ digest: base64url(digest), content: base64url(signature) }),
  201,
);
add('null is absent', good.replace('{', '{"dsseRequestV002":null,'), 201);
add('null oneof member', hashed({ verifier: { ...verifier(), x509Certificate: null } }), 201);
add('white space', JSON.stringify(hashed(), null, 2), 201);
add(
  'high s',
  hashed({
    content: base64(p256.sign(digest, key, { prehash: false, lowS: true, format: 'der' })),
  }),
  201,
);
add('dsse', dsse(), 201);
add('dsse with a certificate', dsse({}, [certified(certificate(spki))]), 201);

// Form of the body.
add('no body', '', 400, 'REQUEST_MALFORMED', 'body');
add('null', 'null', 400, 'ENTRY_MALFORMED', 'body');
add('array', '[]', 400, 'ENTRY_MALFORMED', 'body');
add('empty object', '{}', 400, 'ENTRY_KIND', 'body');
add('not JSON', '{', 400, 'REQUEST_MALFORMED', 'body');
add('two values', `${good}${good}`, 400, 'REQUEST_MALFORMED', 'body');
add('byte order mark', `\ufeff${good}`, 400, 'REQUEST_MALFORMED', 'body');
add('raw newline in a string', good.replace('PKIX_', 'PKIX\n_'), 400, 'REQUEST_MALFORMED', 'body');
add(
  'duplicate field',
  good.replace('"digest"', '"digest":"AA==","digest"'),
  400,
  'REQUEST_MALFORMED',
  'body',
);
add('unknown field', good.replace('{', '{"extra":1,'), 400, 'ENTRY_MALFORMED', 'extra');
add(
  'unknown field inside',
  good.replace('"digest"', '"hash":1,"digest"'),
  400,
  'ENTRY_MALFORMED',
  `${ROOT}.hash`,
);
add(
  'both spellings',
  good.replace('{', '{"hashed_rekord_request_v002":{},'),
  400,
  'ENTRY_MALFORMED',
  ROOT,
);
add('both requests', { ...hashed(), ...dsse() }, 400, 'ENTRY_MALFORMED', 'dsseRequestV002');
add('request is null', { [ROOT]: null }, 400, 'ENTRY_KIND', 'body');
add('request is text', { [ROOT]: 'x' }, 400, 'ENTRY_MALFORMED', ROOT);
add('deep nesting', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`, 400, 'REQUEST_MALFORMED', 'body');
add('prototype name', '{"__proto__":{}}', 400, 'ENTRY_MALFORMED', '__proto__');

// Something is there.
for (const [what, value] of [
  ['missing', undefined],
  ['null', null],
  ['empty', ''],
  ['a number', 7],
  ['not base64', '***'],
  ['base64 with a newline', 'AAAA\nAAAA'],
  ['base64 with surplus bits', 'AB=='],
] as const) {
  add(`digest ${what}`, hashed({ digest: value }), 400, 'ENTRY_MALFORMED', `${ROOT}.digest`);
  add(`content ${what}`, hashed({ content: value }), 400, 'ENTRY_MALFORMED', CONTENT);
  add(
    `rawBytes ${what}`,
    hashed({ verifier: { ...verifier(), publicKey: { rawBytes: value } } }),
    400,
    'ENTRY_MALFORMED',
    `${VERIFIER}.publicKey.rawBytes`,
  );
}
add(
  'no signature',
  { [ROOT]: { digest: base64(digest) } },
  400,
  'ENTRY_MALFORMED',
  `${ROOT}.signature`,
);
add('no verifier', hashed({ verifier: undefined }), 400, 'ENTRY_MALFORMED', VERIFIER);
add(
  'no key',
  hashed({ verifier: { keyDetails: 5 } }),
  400,
  'ENTRY_MALFORMED',
  `${VERIFIER}.publicKey`,
);
add(
  'key and certificate',
  hashed({ verifier: { ...verifier(), ...certified(certificate(spki)) } }),
  400,
  'ENTRY_MALFORMED',
  `${VERIFIER}.x509Certificate`,
);

// keyDetails.
const DETAILS = `${VERIFIER}.keyDetails`;
add(
  'keyDetails missing',
  hashed({ verifier: { publicKey: verifier().publicKey } }),
  400,
  'ENTRY_KEY_DETAILS',
  DETAILS,
);
for (const value of [null, 0, 'PUBLIC_KEY_DETAILS_UNSPECIFIED']) {
  add(
    `keyDetails ${value}`,
    hashed({ verifier: verifier(spki, value) }),
    400,
    'ENTRY_KEY_DETAILS',
    DETAILS,
  );
}
for (const value of ['PKIX_ECDSA', '5', 1.5, true, [], 2 ** 31]) {
  add(
    `keyDetails ${JSON.stringify(value)}`,
    hashed({ verifier: verifier(spki, value) }),
    400,
    'ENTRY_MALFORMED',
    DETAILS,
  );
}
for (const value of [99, -1, 'PKIX_RSA_PSS_2048_SHA256', 'PKCS1_RSA_PKCS1V5', 'ML_DSA_65']) {
  add(
    `keyDetails ${value}`,
    hashed({ verifier: verifier(spki, value) }),
    400,
    'ENTRY_ALGORITHM_DISABLED',
    DETAILS,
  );
}

// The key.
const RAW = `${VERIFIER}.publicKey.rawBytes`;
for (const [what, raw] of [
  ['PEM', utf8(pem)],
  ['one octet', Uint8Array.of(0x30)],
  ['cut', spki.subarray(0, -1)],
  ['octet after', concat(spki, Uint8Array.of(0))],
  ['twice', concat(spki, spki)],
  ['certificate as key', certificate(spki)],
  ['compressed point', ecSpki(P256_OID, p256.getPublicKey(key, true))],
  ['unknown curve', ecSpki('1.3.132.0.10', p256.getPublicKey(key, false))],
  ['text', utf8('public key')],
  ['point not on the curve', off],
] as const) {
  add(`key: ${what}`, hashed({ verifier: verifier(raw) }), 400, 'ENTRY_KEY_MALFORMED', RAW);
}
const CERTIFICATE = `${VERIFIER}.x509Certificate.rawBytes`;
for (const [what, der] of [
  ['PEM', utf8(pem.replaceAll('PUBLIC KEY', 'CERTIFICATE'))],
  ['octet after', concat(certificate(spki), Uint8Array.of(0))],
  ['chain of two', concat(certificate(spki), certificate(otherSpki))],
  ['cut', certificate(spki).subarray(0, -1)],
  ['key as certificate', spki],
  ['point not on the curve', certificate(off)],
] as const) {
  add(
    `certificate: ${what}`,
    hashed({ verifier: certified(der) }),
    400,
    'ENTRY_KEY_MALFORMED',
    CERTIFICATE,
  );
}

// Key against keyDetails.
for (const [what, raw] of [
  ['P-384', p384Spki],
  ['RSA', rsaSpki],
  ['Ed25519', edSpki],
] as const) {
  add(
    `${what} labelled P-256`,
    hashed({ verifier: verifier(raw) }),
    400,
    'ENTRY_KEY_DETAILS',
    DETAILS,
  );
}
add(
  'P-256 labelled P-384',
  hashed({ verifier: verifier(spki, 12) }),
  400,
  'ENTRY_KEY_DETAILS',
  DETAILS,
);
add(
  'RSA 2048 labelled 4096',
  hashed({ verifier: verifier(rsaSpki, 11) }),
  400,
  'ENTRY_KEY_DETAILS',
  DETAILS,
);
// The digest and the signature over it.
for (const length of [1, 20, 31, 33, 48, 64]) {
  const other = new Uint8Array(length).fill(9);
  add(
    `digest of ${length} bytes`,
    hashed({ digest: base64(other) }),
    400,
    'ENTRY_DIGEST_LENGTH',
    `${ROOT}.digest`,
  );
}
const bent = signature.slice();
bent[20] = (bent[20] as number) ^ 4;
for (const [what, bend] of [
  ['over another digest', { digest: base64(sha256(digest)) }],
  ['by another key', { verifier: verifier(otherSpki) }],
  ['bent', { content: base64(bent) }],
  ['octet after', { content: base64(concat(signature, Uint8Array.of(0))) }],
  ['not DER', { content: base64(p256.sign(digest, key, { prehash: false })) }],
  ['one octet', { content: 'AA==' }],
  ['r = s = 0', { content: base64(sequence(smallInteger(0), smallInteger(0))) }],
] as const) {
  add(`signature: ${what}`, hashed(bend), 400, 'ENTRY_SIGNATURE', CONTENT);
}
add(
  'signature by another key than the certificate holds',
  hashed({ verifier: certified(certificate(otherSpki)) }),
  400,
  'ENTRY_SIGNATURE',
  CONTENT,
);
add(
  'entry too large',
  hashed({ verifier: certified(certificate(spki, 60_000)) }),
  400,
  'ENTRY_TOO_LARGE',
  VERIFIER,
);

dsseCases(add);
keyCases(add);

const lines = cases.map((item) => JSON.stringify(item)).join(',\n');
writeFileSync(join(import.meta.dirname, 'requests.json'), `[\n${lines}\n]\n`);
