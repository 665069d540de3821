// SPDX-License-Identifier: Apache-2.0
// The bodies of log entries: canonical, of the kind they are labelled, and about this signer, this
// signature and what was signed; every kind of Rekor v1 and v2.
import { base64, fromBase64, utf8 } from '../../../services/core/bytes.ts';
import { pem } from '../../../services/core/pem.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { Recipe } from '../../support/sigstore/bundle.ts';
import type { EntryFacts, EntryKind } from '../../support/sigstore/entry.ts';
import { keyPair } from '../../support/sigstore/keys.ts';
import { makeLeaf } from '../../support/sigstore/leaf.ts';
import type { EntryRecipe } from '../../support/sigstore/log.ts';
import { seeded } from '../../support/sigstore/random.ts';
import {
  attested,
  bundle,
  byKey,
  type Case,
  entry,
  fail,
  KEY_POLICY,
  main,
  OTHER,
  pass,
  rogue,
  STATEMENT,
  under,
  v1,
  v1Dsse,
  ZEROS,
} from './common.ts';

type Make = (recipe?: EntryRecipe) => Recipe;

const v2 =
  (kind: EntryKind): Make =>
  (recipe = {}) =>
    entry({ kind, ...recipe });
const v2Dsse =
  (kind: EntryKind): Make =>
  (recipe = {}) =>
    attested(entry({ kind, ...recipe }));
const old =
  (kind: EntryKind, make: Make): Make =>
  (recipe = {}) =>
    make({ kind, ...recipe });

/** Every kind of entry, and what it can say. */
const KINDS: ReadonlyArray<{
  readonly label: string;
  readonly make: Make;
  readonly about: 'digest' | 'payload';
  readonly signature: boolean;
}> = [
  { label: 'hashedrekord 0.0.2', make: v2('hashedrekord 0.0.2'), about: 'digest', signature: true },
  {
    label: 'hashedrekord 0.0.2, attestation',
    make: v2Dsse('hashedrekord 0.0.2'),
    about: 'digest',
    signature: true,
  },
  { label: 'dsse 0.0.2', make: v2Dsse('dsse 0.0.2'), about: 'payload', signature: true },
  {
    label: 'hashedrekord 0.0.1',
    make: old('hashedrekord 0.0.1', v1),
    about: 'digest',
    signature: true,
  },
  { label: 'dsse 0.0.1', make: old('dsse 0.0.1', v1Dsse), about: 'payload', signature: true },
  { label: 'intoto 0.0.1', make: old('intoto 0.0.1', v1Dsse), about: 'payload', signature: false },
  { label: 'intoto 0.0.2', make: old('intoto 0.0.2', v1Dsse), about: 'payload', signature: true },
];

const subject = keyPair('p256', 'subject');
const around = { ...main, random: seeded('another leaf') };
const otherLeaf = makeLeaf({}, rogue, around);
const sameKeyLeaf = makeLeaf({}, subject, around);
const otherSignature = subject.sign(OTHER);

/** Names and versions exchanged for those of another kind. */
const relabel = (label: string) => {
  const [kind, version] = label.split(/[ ,]/);
  const otherKind = kind === 'dsse' ? '"kind":"intoto"' : '"kind":"dsse"';
  const otherVersion = version === '0.0.1' ? '0.0.2' : '0.0.1';
  return {
    kind: (text: string) => text.replace(`"kind":"${kind}"`, otherKind),
    version: (text: string) =>
      text.replace(`"apiVersion":"${version}"`, `"apiVersion":"${otherVersion}"`),
  };
};

const everyKind = (row: (typeof KINDS)[number]) => {
  const { label, make, about, signature } = row;
  const mismatch = (name: string, facts: Partial<EntryFacts>) =>
    fail('LOG_ENTRY_MISMATCH', `${label}: ${name}`, make({ about: facts }));
  const malformed = (name: string, body: (text: string) => string) =>
    fail('LOG_ENTRY_MALFORMED', `${label}: ${name}`, make({ body }));
  const renamed = relabel(label);
  return [
    pass(`${label}: good`, make()),
    about === 'digest'
      ? mismatch('of another digest', { digest: ZEROS })
      : mismatch('of another payload', { payload: OTHER }),
    ...(signature ? [mismatch('of another signature', { signature: otherSignature })] : []),
    mismatch('of another certificate', { signer: { certificate: otherLeaf } }),
    mismatch('of another certificate with the same key', { signer: { certificate: sameKeyLeaf } }),
    mismatch('of the key in place of its certificate', {
      signer: { publicKey: subject.publicKey.spki },
    }),
    fail(
      'LOG_ENTRY_MISMATCH',
      `${label}: of a certificate where a key signed`,
      byKey(make({ about: { signer: { certificate: otherLeaf } } })),
      { policy: KEY_POLICY },
    ),
    malformed('another kind in the body', renamed.kind),
    malformed('another version in the body', renamed.version),
    malformed('body with a space', (text) => ` ${text}`),
    malformed('body with names in another order', (text) => {
      const { kind, apiVersion, spec } = JSON.parse(text) as Record<string, unknown>;
      return JSON.stringify({ kind, apiVersion, spec });
    }),
    malformed('body that is no JSON', (text) => text.slice(1)),
    malformed('body without a spec', (text) => text.replace('"spec"', '"spic"')),
    malformed('body with a name twice', (text) => text.replace('{', '{"kind":"x",')),
  ];
};

const ALL = under(
  'the body is canonical, of its kind, and equal to the bundle',
  KINDS.flatMap(everyKind),
);

const stated = (recipe: EntryRecipe) => attested(entry(recipe));
const payloadDigest = nodeCrypto.digest('sha256', utf8(JSON.stringify(STATEMENT)));

const V2 = under(
  'hashedrekord 0.0.2 holds the digest of the file or of the PAE, with the algorithm of the key',
  [
    fail(
      'LOG_ENTRY_MISMATCH',
      'digest of the payload, not of the PAE',
      stated({ about: { digest: payloadDigest } }),
    ),
    fail(
      'LOG_ENTRY_MISMATCH',
      'other key details',
      entry({ about: { keyDetails: 'PKIX_ECDSA_P384_SHA_384' } }),
    ),
    fail(
      'LOG_ENTRY_MISMATCH',
      'unknown key details',
      entry({ about: { keyDetails: 'PKIX_ECDSA_P256_HMAC_SHA_256' } }),
    ),
    fail(
      'LOG_ENTRY_MISMATCH',
      'another hash than the key signs with',
      entry({ about: { hash: 'sha384', digest: nodeCrypto.digest('sha384', main.artifact) } }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'unknown hash in the body',
      entry({ body: (text) => text.replace('SHA2_256', 'SHA3_256') }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'key details missing in the body',
      entry({ body: (text) => text.replace(/"keyDetails":"[^"]*",/, '') }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'field more in the body',
      entry({ body: (text) => text.replace('"data":{', '"data":{"a":1,') }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'base64 for URLs in the body',
      entry({ body: (text) => text.replace(/"digest":"[^"]*"/, '"digest":"-_8="') }),
    ),
    fail('LOG_ENTRY_MISMATCH', 'dsse 0.0.2 for a file', entry({ kind: 'dsse 0.0.2' })),
    fail(
      'LOG_ENTRY_MISMATCH',
      'dsse 0.0.2 with other key details',
      stated({ kind: 'dsse 0.0.2', about: { keyDetails: 'PKIX_ED25519' } }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'dsse 0.0.2 with two signatures',
      stated({ kind: 'dsse 0.0.2', body: twice('signatures') }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'dsse 0.0.2 without a signature',
      stated({
        kind: 'dsse 0.0.2',
        body: (text) => text.replace(/"signatures":\[.*\]/, '"signatures":[]'),
      }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'dsse 0.0.2 with a payload hash by SHA-512',
      stated({ kind: 'dsse 0.0.2', body: (text) => text.replace('SHA2_256', 'SHA2_512') }),
    ),
  ],
);

function twice(name: string) {
  return (text: string) => text.replace(new RegExp(`("${name}":\\[)(.*)\\]`), '$1$2,$2]');
}

/** The PEM in a body, changed. */
const pemIn = (change: (text: string) => string) => (text: string) =>
  text.replaceAll(/LS0tLS1CRUdJTi[A-Za-z0-9+/=]*/g, (found) =>
    base64(utf8(change(Buffer.from(fromBase64(found)).toString()))),
  );
const issuerPem = pem('CERTIFICATE', main.ca.chain[0] ?? ZEROS);
const hexValue = (change: (value: string) => string) => (text: string) =>
  text.replace(/"value":"([^"]*)"/g, (_, value) => `"value":"${change(String(value))}"`);

const V1_BODIES = under(
  'bodies of Rekor v1: hex as it was submitted, base64 of PEM, with or without a chain',
  [
    pass('digest in capitals', v1({ body: hexValue((value) => value.toUpperCase()) })),
    pass('certificate with its chain', v1({ body: pemIn((text) => `${text}${issuerPem}`) })),
    fail(
      'LOG_ENTRY_MISMATCH',
      'chain before the certificate',
      v1({ body: pemIn((text) => `${issuerPem}${text}`) }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'digest that is no hex',
      v1({ body: hexValue((value) => value.replace(/^../, 'zz')) }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'digest too short',
      v1({ body: hexValue((value) => value.slice(2)) }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'hash unknown',
      v1({ body: (text) => text.replace('"sha256"', '"md5"') }),
    ),
    fail('LOG_ENTRY_MALFORMED', 'certificate that is no PEM', v1({ body: pemIn(() => 'none') })),
    fail(
      'LOG_ENTRY_MALFORMED',
      'private key in place of the certificate',
      v1({ body: pemIn((text) => text.replaceAll('CERTIFICATE', 'PRIVATE KEY')) }),
    ),
    fail('LOG_ENTRY_MISMATCH', 'dsse 0.0.1 for a file', v1({ kind: 'dsse 0.0.1' })),
    fail('LOG_ENTRY_MISMATCH', 'intoto 0.0.2 for a file', v1({ kind: 'intoto 0.0.2' })),
    fail('LOG_ENTRY_MISMATCH', 'intoto 0.0.1 for a file', v1({ kind: 'intoto 0.0.1' })),
    fail(
      'LOG_ENTRY_MALFORMED',
      'dsse 0.0.1 with two signatures',
      v1Dsse({ body: twice('signatures') }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'dsse 0.0.1 without a signature',
      v1Dsse({ body: (text) => text.replace(/"signatures":\[.*\]/, '"signatures":[]') }),
    ),
    fail(
      'LOG_ENTRY_MALFORMED',
      'intoto 0.0.2 with its signature in base64 once',
      v1Dsse({
        kind: 'intoto 0.0.2',
        body: (text) =>
          text.replace(
            /"sig":"([^"]*)"/,
            (_, sig) => `"sig":"${Buffer.from(String(sig), 'base64').toString()}"`,
          ),
      }),
    ),
    fail(
      'LOG_ENTRY_MISMATCH',
      'intoto 0.0.2 with another payload type',
      v1Dsse({ kind: 'intoto 0.0.2', about: { payloadType: 'text/plain' } }),
    ),
    fail(
      'LOG_ENTRY_MISMATCH',
      'hashedrekord 0.0.1 with SHA-512 for a P-256 key',
      v1({ about: { hash: 'sha512', digest: nodeCrypto.digest('sha512', main.artifact) } }),
    ),
    pass(
      'envelope hash of another spelling',
      v1Dsse({
        body: (text) =>
          text.replace(
            /("envelopeHash":\{"algorithm":"sha256","value":")[^"]*/,
            `$1${'ab'.repeat(32)}`,
          ),
      }),
    ),
  ],
);

const exchanged = (make: Make) => ({
  ...make(),
  ...bundle(({ dsseEnvelope: e }) =>
    Object.assign(e ?? {}, {
      payload: base64(utf8(JSON.stringify({ ...STATEMENT, predicate: { x: 1 } }))),
    }),
  ),
});
const retyped = (make: Make) => ({
  ...make(),
  ...bundle(({ dsseEnvelope: e }) => Object.assign(e ?? {}, { payloadType: 'text/plain' })),
});

const AFTERWARDS = under(
  'an envelope exchanged after it was logged is not the one that was logged',
  [
    ...KINDS.filter(({ label }) => !/^hashedrekord 0.0..$/.test(label)).map(({ label, make }) =>
      fail('LOG_ENTRY_MISMATCH', `${label}: payload exchanged`, exchanged(make)),
    ),
    ...KINDS.filter(({ label }) => /attestation|intoto 0.0.2/.test(label)).map(({ label, make }) =>
      fail('LOG_ENTRY_MISMATCH', `${label}: payload type exchanged`, retyped(make)),
    ),
    ...KINDS.filter(({ label }) => /^dsse|intoto 0.0.1/.test(label)).map(({ label, make }) =>
      fail('SIGNATURE_INVALID', `${label}: payload type exchanged`, retyped(make)),
    ),
  ],
);

export function entryCases(): Case[] {
  return [...ALL, ...V2, ...V1_BODIES, ...AFTERWARDS];
}
