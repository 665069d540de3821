// SPDX-License-Identifier: Apache-2.0
// Timestamps: over what, how many, by whom. Their chains stand in timestamp-chain.ts, their form in
// timestamp-form.ts.
import { utf8 } from '../../../services/core/bytes.ts';
import { OID } from '../../../services/core/oid.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { Authority } from '../../support/sigstore/authority.ts';
import { signingCertificateV2 } from '../../support/sigstore/stamp.ts';
import {
  addStamp,
  attested,
  bundle,
  type Case,
  elsewhere,
  fail,
  main,
  OTHER,
  pass,
  rogue,
  rootWith,
  stamp,
  under,
  v1,
} from './common.ts';

const WHAT = under('a timestamp is over the raw bytes of the signature', [
  pass('timestamp', stamp({})),
  pass('timestamp of an attestation', attested()),
  pass('timestamp with SHA-384', stamp({ hash: 'sha384' })),
  pass('timestamp with SHA-512', stamp({ hash: 'sha512' })),
  ...(['sha256', 'sha384', 'sha512'] as const).map((hash) =>
    fail('TIMESTAMP_MISMATCH', `timestamp over other bytes, ${hash}`, stamp({ over: OTHER, hash })),
  ),
  fail('TIMESTAMP_MISMATCH', 'timestamp over the artifact', stamp({ over: main.artifact })),
  fail(
    'TIMESTAMP_MISMATCH',
    'timestamp over the signature in base64',
    bundle((b) => {
      b.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [] };
      addStamp(b, main.tsa, { over: utf8(b.messageSignature?.signature ?? '') });
    }),
  ),
  fail(
    'TIMESTAMP_MISMATCH',
    'timestamp over the envelope',
    attested(
      bundle((b) => {
        b.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [] };
        addStamp(b, main.tsa, { over: utf8(JSON.stringify(b.dsseEnvelope)) });
      }),
    ),
  ),
  fail('TIMESTAMP_MALFORMED', 'timestamp with SHA-1', stamp({ hash: 'sha1' })),
  fail(
    'TIMESTAMP_MALFORMED',
    'imprint that names another hash than it is',
    stamp({ imprintOid: OID.sha512 }),
  ),
  fail(
    'TIMESTAMP_MISMATCH',
    'imprint of another hash with its length',
    stamp({ hash: 'sha384', digest: new Uint8Array(48) }),
  ),
]);

const nonce = (name: string, ...octets: number[]) =>
  pass(`timestamp with ${name}`, stamp({ nonce: Uint8Array.from(octets) }));

const NONCES = under('a nonce served who asked; a verifier takes any', [
  nonce('nonce 0', 0),
  nonce('a nonce with its high bit set', 0, 0xff),
  nonce('a nonce beyond 2^53', 0x40, 0, 0, 0, 0, 0, 0, 1),
  nonce('a nonce of 160 bits', ...new Uint8Array(20).fill(0x55)),
  nonce('a negative nonce', 0xff),
]);

const COUNT = under(
  'a certificate of minutes needs a verified time; all trusted timestamps must hold',
  [
    fail('TIMESTAMP_MISSING', 'no timestamp', { stamps: [] }),
    fail('TIMESTAMP_MISSING', 'no timestamp, attestation', attested({ stamps: [] })),
    fail('TIMESTAMP_MISSING', 'no timestamp, version 0.2', { stamps: [], version: '0.2' }),
    pass('two timestamps of one authority', { stamps: [{}, {}] }),
    pass('timestamp of a stranger beside ours', { stamps: [{}, { tsa: elsewhere.tsa }] }),
    pass('timestamp of a stranger before ours', { stamps: [{ tsa: elsewhere.tsa }, {}] }),
    fail('TIMESTAMP_MISMATCH', 'second timestamp over other bytes', {
      stamps: [{}, { over: OTHER }],
    }),
    fail('TIMESTAMP_MALFORMED', 'second timestamp damaged', {
      stamps: [{}, { der: () => Uint8Array.of(0x30, 0) }],
    }),
    fail('TIMESTAMP_INVALID', 'second timestamp with a damaged signature', {
      stamps: [{}, { key: rogue }],
    }),
    fail(
      'TIMESTAMP_DUPLICATE',
      'the same timestamp twice',
      bundle((b) => {
        const stamps = b.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
        stamps.push(...stamps);
      }),
    ),
    fail(
      'TIMESTAMP_DUPLICATE',
      'the same timestamp of a stranger twice',
      bundle((b) => {
        addStamp(b, elsewhere.tsa);
        addStamp(b, elsewhere.tsa);
      }),
    ),
    pass('timestamp beside an entry of Rekor v1', { ...v1(), stamps: [{}] }),
  ],
);

/** A stranger's authority whose leaf has the names and the serial number of ours. */
const twin: Authority = { ...main.tsa, key: rogue, chain: elsewhere.tsa.chain };
const ess = (authority: Authority, hash?: 'sha384' | 'sha512') =>
  signingCertificateV2(hashOf(authority.chain[0] ?? new Uint8Array(), hash), authority, hash);
function hashOf(der: Uint8Array, hash: 'sha256' | 'sha384' | 'sha512' = 'sha256'): Uint8Array {
  return nodeCrypto.digest(hash, der);
}
const [leafDer = new Uint8Array(), rootDer = new Uint8Array()] = main.tsa.chain;
const [strangeLeaf = new Uint8Array()] = elsewhere.tsa.chain;

const WHO = under(
  'the signer is an authority of the trusted root, its certificate embedded or not',
  [
    pass('timestamp without certificates', stamp({})),
    pass('timestamp with an empty set of certificates', stamp({ embed: [] })),
    pass('timestamp with its certificate', stamp({ embed: [leafDer] })),
    pass(
      'attestation with the certificate in its timestamp',
      attested(stamp({ embed: [leafDer] })),
    ),
    pass('timestamp with its whole chain', stamp({ embed: [leafDer, rootDer] })),
    pass('timestamp with its chain, root first', stamp({ embed: [rootDer, leafDer] })),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'timestamp of a stranger',
      stamp({ tsa: elsewhere.tsa, embed: [strangeLeaf] }),
    ),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'timestamp of a stranger without a certificate',
      stamp({ tsa: elsewhere.tsa }),
    ),
    fail('TIMESTAMP_UNTRUSTED', 'timestamps of strangers alone', {
      stamps: [{ tsa: elsewhere.tsa }, { tsa: elsewhere.tsa }],
    }),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'no timestamp authority trusted',
      {},
      { root: rootWith('no-tsa', (r) => Object.assign(r, { timestampAuthorities: [] })) },
    ),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'injected certificate of a stranger',
      stamp({ embed: [leafDer, strangeLeaf] }),
    ),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'injected certificate of a stranger first',
      stamp({ embed: [strangeLeaf, leafDer] }),
    ),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'embedded certificate of a stranger alone',
      stamp({ embed: [strangeLeaf] }),
    ),
    fail('TIMESTAMP_UNTRUSTED', 'embedded root alone', stamp({ embed: [rootDer] })),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'forged under our names, its own leaf embedded',
      stamp({ tsa: twin, embed: [strangeLeaf] }),
    ),
    fail(
      'TIMESTAMP_INVALID',
      'forged under our names, our leaf embedded',
      stamp({ key: rogue, embed: [leafDer] }),
    ),
    fail('TIMESTAMP_INVALID', 'forged under our names, no certificate', stamp({ key: rogue })),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'signer with another serial number',
      stamp({ signerSerial: Uint8Array.of(7) }),
    ),
    fail(
      'TIMESTAMP_UNTRUSTED',
      'signer with another issuer',
      stamp({ signerIssuer: elsewhere.tsa.issuer }),
    ),
    fail(
      'TIMESTAMP_INVALID',
      'damaged signature',
      stamp({ signature: new Uint8Array(71).fill(0x30) }),
    ),
    fail(
      'TIMESTAMP_INVALID',
      'messageDigest of other bytes',
      stamp({ messageDigest: new Uint8Array(32) }),
    ),
    fail(
      'TIMESTAMP_INVALID',
      'messageDigest of another length',
      stamp({ messageDigest: new Uint8Array(20) }),
    ),
  ],
);

const ESS = under('signingCertificateV2 is there and names the trusted leaf', [
  pass('signing certificate by SHA-384', stamp({ ess: ess(main.tsa, 'sha384') })),
  pass('signing certificate by SHA-512', stamp({ ess: ess(main.tsa, 'sha512') })),
  pass(
    'signing certificate without issuer and serial number',
    stamp({ ess: signingCertificateV2(hashOf(leafDer)) }),
  ),
  fail('TIMESTAMP_MALFORMED', 'no signing certificate', stamp({ ess: null })),
  fail(
    'TIMESTAMP_INVALID',
    'signing certificate of a stranger',
    stamp({ ess: ess(elsewhere.tsa) }),
  ),
  fail(
    'TIMESTAMP_INVALID',
    'signing certificate with another hash',
    stamp({ ess: signingCertificateV2(new Uint8Array(32), main.tsa) }),
  ),
  fail(
    'TIMESTAMP_INVALID',
    'signing certificate with another serial number',
    stamp({
      ess: signingCertificateV2(hashOf(leafDer), { ...main.tsa, serial: Uint8Array.of(9) }),
    }),
  ),
  fail(
    'TIMESTAMP_INVALID',
    'signing certificate with another issuer',
    stamp({
      ess: signingCertificateV2(hashOf(leafDer), { ...main.tsa, issuer: elsewhere.tsa.issuer }),
    }),
  ),
  fail(
    'TIMESTAMP_MALFORMED',
    'signing certificate that spells out SHA-256',
    stamp({ ess: signingCertificateV2(hashOf(leafDer), main.tsa, 'sha256') }),
  ),
]);

export function timestampCases(): Case[] {
  return [...WHAT, ...NONCES, ...COUNT, ...WHO, ...ESS];
}
