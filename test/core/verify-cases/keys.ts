// SPDX-License-Identifier: Apache-2.0
// Every key type that signs: files and attestations, Rekor v1 and v2, certificates and managed keys.
import { base64, hex } from '../../../services/core/bytes.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import type { Recipe } from '../../support/sigstore/bundle.ts';
import { keyPair, type Pair, rsaPair } from '../../support/sigstore/keys.ts';
import {
  ARTIFACT,
  attested,
  bundle,
  type Case,
  entry,
  fail,
  OTHER,
  POLICY,
  pass,
  type Row,
  under,
  v1,
  v1Dsse,
} from './common.ts';

const KEYS: ReadonlyArray<readonly [string, Pair, 'sha256' | 'sha384' | 'sha512']> = [
  ['P-256', keyPair('p256', 'signer'), 'sha256'],
  ['P-384', keyPair('p384', 'signer'), 'sha384'],
  ['P-521', keyPair('p521', 'signer'), 'sha512'],
  ['RSA 2048', rsaPair('rsa2048-1'), 'sha256'],
  ['RSA 3072', rsaPair('rsa3072-1'), 'sha256'],
  ['RSA 4096', rsaPair('rsa4096-1'), 'sha256'],
  ['Ed25519ph', keyPair('ed25519', 'signer'), 'sha512'],
];

const policyOf = ({ publicKey }: Pair) => ({ policy: { key: base64(publicKey.spki) } });

function everyWay([name, key, hash]: (typeof KEYS)[number]): Row[] {
  const managed: Recipe = { key, managed: true };
  const digest = `${hash}:${hex(nodeCrypto.digest(hash, ARTIFACT))}` as const;
  return [
    pass(`${name}, file`, { key }),
    pass(`${name}, attestation`, attested({ key })),
    pass(`${name}, file by its digest alone`, { key }, { digest }),
    pass(`${name}, file, Rekor v1`, { key, ...v1() }),
    pass(`${name}, attestation, Rekor v1`, { key, ...v1Dsse() }),
    pass(`${name}, managed key, file`, managed, policyOf(key)),
    pass(`${name}, managed key, attestation, Rekor v1`, { ...managed, ...v1Dsse() }, policyOf(key)),
    fail('SIGNATURE_INVALID', `${name}, file, signature of other bytes`, { key, signs: OTHER }),
    fail(
      'SIGNATURE_INVALID',
      `${name}, file by its digest, signature of other bytes`,
      { key, signs: OTHER },
      { digest },
    ),
    fail(
      'SIGNATURE_INVALID',
      `${name}, attestation, signature of other bytes`,
      attested({ key, signs: OTHER }),
    ),
  ];
}

const ALL = under(
  'P-256, P-384, P-521, RSA of 2048 to 4096 bits and Ed25519ph, each with its hash',
  KEYS.flatMap(everyWay),
);

const ed25519 = keyPair('ed25519', 'signer');
const p384 = keyPair('p384', 'signer');

const SHA512 = `sha512:${hex(nodeCrypto.digest('sha512', ARTIFACT))}` as const;
const WITHOUT_LOG = { policy: { ...POLICY, unsafeWithoutLog: true } };
const unlogged: Recipe = { key: ed25519, entries: [], stamps: [{}] };
const noHint = bundle(({ messageSignature: m }) => {
  delete m?.messageDigest;
});

const ODD = under(
  'a log holds digests of the hash that goes with the key; older clients differ on Rekor v1',
  [
    pass('Ed25519 over an envelope, Rekor v1', { key: ed25519, hash: null, ...v1Dsse() }),
    pass('P-384 with SHA-256, Rekor v1', { key: p384, hash: 'sha256', ...v1() }),
    fail('LOG_ENTRY_MISMATCH', 'P-384 with SHA-256, Rekor v2', { key: p384, hash: 'sha256' }),
    fail('LOG_ENTRY_MISMATCH', 'P-256 with SHA-384', { hash: 'sha384' }),
    fail('LOG_ENTRY_MISMATCH', 'RSA with SHA-512', { key: rsaPair('rsa2048-1'), hash: 'sha512' }),
    fail('LOG_ENTRY_MISMATCH', 'Ed25519 that the log calls pure', {
      key: ed25519,
      ...entry({ about: { keyDetails: 'PKIX_ED25519' } }),
    }),
    fail('LOG_ENTRY_MISMATCH', 'Ed25519 over a file, Rekor v2', { key: ed25519, hash: null }),
    pass('Ed25519 over a file that no log holds', { ...unlogged, hash: null }, WITHOUT_LOG),
    fail(
      'SIGNATURE_INVALID',
      'Ed25519 over another file that no log holds',
      { ...unlogged, hash: null, signs: OTHER },
      WITHOUT_LOG,
    ),
    fail(
      'SIGNATURE_INVALID',
      'Ed25519 over a file by its digest',
      { ...unlogged, hash: null, ...noHint },
      { ...WITHOUT_LOG, digest: SHA512 },
    ),
    fail(
      'DIGEST_MISMATCH',
      'P-384 over a file of which SHA-512 alone is known',
      { ...unlogged, key: p384, ...noHint },
      { ...WITHOUT_LOG, digest: SHA512 },
    ),
    fail('SIGNATURE_INVALID', 'RSA of 1024 bits', { key: rsaPair('rsa1024-1') }),
  ],
);

export function keyCases(): Case[] {
  return [...ALL, ...ODD];
}
