// SPDX-License-Identifier: Apache-2.0
// What was signed: a file, or a statement that names it in a DSSE envelope.
import { base64, concat, hex, utf8 } from '../../../services/core/bytes.ts';
import { sequence, unsignedInteger } from '../../../services/core/der.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { Recipe } from '../../support/sigstore/bundle.ts';
import { keyPair } from '../../support/sigstore/keys.ts';
import { statementOf } from '../../support/sigstore/statement.ts';
import {
  ARTIFACT,
  attested,
  bundle,
  byKey,
  type Case,
  fail,
  KEY_POLICY,
  OTHER,
  POLICY,
  PREDICATE,
  pass,
  rogue,
  STATEMENT,
  under,
  v1,
  v1Dsse,
  ZEROS,
} from './common.ts';

const subject = keyPair('p256', 'subject');
const hint = (algorithm: string, digest: Uint8Array | null) =>
  bundle(({ messageSignature: m }) => {
    if (m === undefined) return;
    if (digest === null) delete m.messageDigest;
    else m.messageDigest = { algorithm, digest: base64(digest) };
  });
const noHint = hint('', null);
const digestOf = (hash: 'sha256' | 'sha384' | 'sha512', bytes: Uint8Array) =>
  nodeCrypto.digest(hash, bytes);
const known = (hash: 'sha256' | 'sha384' | 'sha512', bytes: Uint8Array) => ({
  digest: `${hash}:${hex(digestOf(hash, bytes))}` as const,
});
const EMPTY = new Uint8Array();

const FILES = under(
  'the signature is over this file; the digest in the bundle is a hint that must match',
  [
    pass('file'),
    pass('empty file', { artifact: EMPTY }, { artifact: EMPTY }),
    pass('file by its digest alone', {}, known('sha256', ARTIFACT)),
    pass('no digest hint', noHint),
    pass('no digest hint, file by its digest alone', noHint, known('sha256', ARTIFACT)),
    pass('digest hint by SHA-512', hint('SHA2_512', digestOf('sha512', ARTIFACT))),
    fail('DIGEST_MISMATCH', 'another file', {}, { artifact: OTHER }),
    fail('DIGEST_MISMATCH', 'another file by its digest', {}, known('sha256', OTHER)),
    fail('DIGEST_MISMATCH', 'empty file in place of ours', {}, { artifact: EMPTY }),
    fail(
      'DIGEST_MISMATCH',
      'file with a byte more',
      {},
      { artifact: concat(ARTIFACT, Uint8Array.of(0)) },
    ),
    fail('DIGEST_MISMATCH', 'digest of another length alone', {}, known('sha512', ARTIFACT)),
    fail('DIGEST_MISMATCH', 'another file, Rekor v1', v1(), { artifact: OTHER }),
    fail('DIGEST_MISMATCH', 'another file, managed key', byKey(), {
      policy: KEY_POLICY,
      artifact: OTHER,
    }),
    fail('LOG_ENTRY_MISMATCH', 'another file, no digest hint', noHint, { artifact: OTHER }),
    fail(
      'LOG_ENTRY_MISMATCH',
      'another file by its digest, no digest hint',
      noHint,
      known('sha256', OTHER),
    ),
    fail('LOG_ENTRY_MISMATCH', 'digest hint of another file', hint('SHA2_256', ZEROS)),
    fail(
      'LOG_ENTRY_MISMATCH',
      'digest hint of another file that is there',
      hint('SHA2_256', digestOf('sha256', OTHER)),
      { artifact: OTHER },
    ),
    fail(
      'DIGEST_MISMATCH',
      'digest hint by SHA-512 of another file',
      hint('SHA2_512', new Uint8Array(64)),
    ),
  ],
);

const other = subject.sign(OTHER);
const zeroR = sequence(unsignedInteger(Uint8Array.of(0)), unsignedInteger(Uint8Array.of(1)));
const signature = (name: string, make: (signature: Uint8Array) => Uint8Array, more: Recipe = {}) =>
  fail('SIGNATURE_INVALID', name, { signature: make, ...more });

const SIGNATURES = under('the signature verifies, whatever log and timestamp say about it', [
  signature('signature over another file', () => other),
  signature('signature over another file, attestation', () => other, attested()),
  signature('signature over another file, Rekor v1', () => other, v1()),
  signature('signature over another file, Rekor v1, attestation', () => other, v1Dsse()),
  fail('SIGNATURE_INVALID', 'signature over another file, managed key', byKey({ signs: OTHER }), {
    policy: KEY_POLICY,
  }),
  signature('signature by another key', () => rogue.sign(ARTIFACT)),
  signature('signature with data after it', (s) => concat(s, Uint8Array.of(0))),
  signature('signature cut off', (s) => s.subarray(0, -1)),
  signature('signature of r and s bare', () => new Uint8Array(64).fill(7)),
  signature('signature with r of zero', () => zeroR),
  signature('signature of one octet', () => Uint8Array.of(0)),
  fail('SIGNATURE_INVALID', 'signature over the digest in place of the file', {
    signs: digestOf('sha256', ARTIFACT),
  }),
  fail(
    'SIGNATURE_INVALID',
    'signature over the payload in place of the PAE',
    attested({ signs: utf8(JSON.stringify(STATEMENT)) }),
  ),
  fail(
    'SIGNATURE_INVALID',
    'signature over the PAE of another type',
    attested({ signs: utf8('DSSEv1 1 x 2 {}') }),
  ),
  fail(
    'SIGNATURE_INVALID',
    'signature over the file in place of the statement',
    attested({ signs: ARTIFACT }),
  ),
]);

const about = (name: string, statement: unknown, recipe: Recipe = {}) =>
  pass(name, { statement, ...recipe });
const notAbout = (name: string, statement: unknown, more: Parameters<typeof fail>[3] = {}) =>
  fail('SUBJECT_MISMATCH', name, { statement }, more);
const sha256 = hex(digestOf('sha256', ARTIFACT));
const sha512 = hex(digestOf('sha512', ARTIFACT));
const subjects = (...digests: ReadonlyArray<Record<string, string>>) =>
  statementOf(ARTIFACT, { subject: digests.map((digest, i) => ({ name: `s${i}`, digest })) });
const WRONG = 'ab'.repeat(32);

const SUBJECTS = under(
  'a subject of the statement is the file: every comparable digest equal, and one there',
  [
    about('statement about the file', STATEMENT),
    pass('statement about a digest', attested(), known('sha256', ARTIFACT)),
    about('statement with two digests of the file', subjects({ sha256, sha512 })),
    about('statement by SHA-512 alone', subjects({ sha512 })),
    about('statement by SHA-384 alone', subjects({ sha384: hex(digestOf('sha384', ARTIFACT)) })),
    about('statement with other subjects before', subjects({ sha256: WRONG }, { sha256 })),
    about(
      'statement with a digest of an unknown kind beside',
      subjects({ gitCommit: 'ab', sha256 }),
    ),
    about(
      'statement of version 0.1',
      statementOf(ARTIFACT, { _type: 'https://in-toto.io/Statement/v0.1' }),
    ),
    about('statement with unknown fields', statementOf(ARTIFACT, { extra: [1] })),
    notAbout('statement about another file', statementOf(OTHER)),
    notAbout('statement about another digest', STATEMENT, known('sha256', OTHER)),
    notAbout(
      'statement where one digest of two is wrong',
      subjects({ sha256, sha512: 'ab'.repeat(64) }),
    ),
    notAbout(
      'statement where digests of two subjects make one',
      subjects({ sha256, sha512: WRONG }, { sha256: WRONG, sha512 }),
    ),
    notAbout('statement without a digest to compare', subjects({ gitCommit: 'ab' })),
    notAbout('statement with the digest in capitals', subjects({ sha256: sha256.toUpperCase() })),
    notAbout(
      'statement with the digest in base64',
      subjects({ sha256: base64(digestOf('sha256', ARTIFACT)) }),
    ),
    notAbout('statement with SHA-256 called SHA-512', subjects({ sha512: sha256 })),
    notAbout(
      'statement by SHA-512, SHA-256 known',
      subjects({ sha512 }),
      known('sha256', ARTIFACT),
    ),
    fail('SUBJECT_MISMATCH', 'statement about another file, Rekor v1', {
      ...v1Dsse(),
      statement: statementOf(OTHER),
    }),
  ],
);

const bad = (name: string, statement: unknown) => fail('STATEMENT_MALFORMED', name, { statement });
const badText = (name: string, text: string) =>
  fail('STATEMENT_MALFORMED', name, { payload: utf8(text) });

const STATEMENTS = under('the payload is an in-toto statement', [
  bad('statement without subjects', statementOf(ARTIFACT, { subject: [] })),
  bad('statement whose subjects are no list', statementOf(ARTIFACT, { subject: { sha256 } })),
  bad('subject without a digest', statementOf(ARTIFACT, { subject: [{ name: 'x' }] })),
  bad(
    'subject with no digest in its digests',
    statementOf(ARTIFACT, { subject: [{ digest: {} }] }),
  ),
  bad(
    'statement of version 2',
    statementOf(ARTIFACT, { _type: 'https://in-toto.io/Statement/v2' }),
  ),
  bad('statement without a type', statementOf(ARTIFACT, { _type: undefined })),
  bad('statement without a predicate type', statementOf(ARTIFACT, { predicateType: undefined })),
  bad('statement with an empty predicate type', statementOf(ARTIFACT, { predicateType: '' })),
  bad('payload that is no statement', { hello: 'world' }),
  badText('payload that is no JSON', 'the artifact'),
  badText('payload that is empty', ''),
  badText('payload with subjects twice', JSON.stringify(STATEMENT).replace('{', '{"subject":[],')),
  badText('payload with more after it', `${JSON.stringify(STATEMENT)}{}`),
  fail(
    'STATEMENT_MALFORMED',
    'payload of another type',
    attested({ payloadType: 'application/json' }),
  ),
  fail(
    'STATEMENT_MALFORMED',
    'payload of the type in capitals',
    attested({ payloadType: 'application/vnd.in-toto+JSON' }),
  ),
]);

const wants = (predicateType: string) => ({
  policy: { ...POLICY, predicateType, attestation: true },
});

const PREDICATES = under('an attestation of the type that was asked for', [
  pass('predicate of the type asked for', attested(), wants(PREDICATE)),
  pass('attestation asked for', attested(), { policy: { ...POLICY, attestation: true } }),
  fail(
    'PREDICATE_TYPE',
    'predicate of another type',
    attested(),
    wants('https://spdx.dev/Document'),
  ),
  fail(
    'PREDICATE_TYPE',
    'predicate of a type that begins so',
    attested(),
    wants(PREDICATE.slice(0, -1)),
  ),
  fail(
    'STATEMENT_MALFORMED',
    'file where an attestation was asked for',
    {},
    { policy: { ...POLICY, attestation: true } },
  ),
  fail('STATEMENT_MALFORMED', 'file where a predicate was asked for', {}, wants(PREDICATE)),
]);

const unsafe = (policy: Record<string, boolean>) => ({ policy: { ...POLICY, ...policy } });

const OPT_OUT = under('an explicit opt-out takes away one demand and no other', [
  pass(
    'without a log, none there',
    { entries: [], stamps: [{}] },
    unsafe({ unsafeWithoutLog: true }),
  ),
  fail(
    'TIMESTAMP_MISSING',
    'without a log, no timestamp',
    { entries: [], stamps: [] },
    unsafe({ unsafeWithoutLog: true }),
  ),
  fail(
    'INCLUSION_PROOF_INVALID',
    'without a log, a bad entry there',
    bundle((b) => b.verificationMaterial.tlogEntries[0]?.inclusionProof?.hashes.pop()),
    unsafe({ unsafeWithoutLog: true }),
  ),
  fail(
    'DIGEST_MISMATCH',
    'without a log, another file',
    { entries: [], stamps: [{}] },
    { ...unsafe({ unsafeWithoutLog: true }), artifact: OTHER },
  ),
  pass('without an SCT, none there', { leaf: { scts: [] } }, unsafe({ unsafeWithoutSct: true })),
  fail(
    'CERTIFICATE_PATH',
    'without an SCT, another CA',
    { leaf: { scts: [], signer: rogue } },
    unsafe({ unsafeWithoutSct: true }),
  ),
  pass('any subject', { statement: statementOf(OTHER) }, unsafe({ unsafeAnySubject: true })),
  fail(
    'SIGNATURE_INVALID',
    'any subject, bad signature',
    attested({ signs: OTHER }),
    unsafe({ unsafeAnySubject: true }),
  ),
  fail(
    'DIGEST_MISMATCH',
    'any subject, another file signed',
    {},
    { ...unsafe({ unsafeAnySubject: true }), artifact: OTHER },
  ),
  pass('timestamp demanded and there', v1Stamped(), unsafe({ timestamp: true })),
  fail(
    'TIMESTAMP_MISSING',
    'timestamp demanded beside a promise',
    v1(),
    unsafe({ timestamp: true }),
  ),
]);

function v1Stamped(): Recipe {
  return { stamps: [{}], ...v1() };
}

export function contentCases(): Case[] {
  return [...FILES, ...SIGNATURES, ...SUBJECTS, ...STATEMENTS, ...PREDICATES, ...OPT_OUT];
}
