// SPDX-License-Identifier: Apache-2.0
// Bundles that look odd and must verify.
import { defaultAlgorithm } from '../../../services/core/algorithm.ts';
import { base64 } from '../../../services/core/bytes.ts';
import { encodeSct, SCT_ECDSA, SCT_SHA256 } from '../../../services/core/sct.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import {
  ARTIFACT,
  HOST,
  ISSUER,
  NOW,
  noteLine,
  POLICY,
  statementOf,
  type VirtualSigstore,
} from '../../support/virtual-sigstore.ts';
import {
  addStamp,
  bundle,
  type Case,
  cosigner,
  elsewhere,
  hex64,
  MINUTE,
  managed,
  PREDICATE,
  rsaLog,
  STATEMENT,
  second,
  signatureDigest,
  uri,
} from './common.ts';

const rsaLogId = nodeCrypto.digest('sha256', rsaLog.publicKey.spki);
const unknownSct = encodeSct({
  logId: new Uint8Array(32),
  timestampMs: NOW,
  extensions: new Uint8Array(),
  hash: SCT_SHA256,
  signatureAlgorithm: SCT_ECDSA,
  signature: new Uint8Array(70),
});

export function passCases(v: VirtualSigstore): Case[] {
  return [
    // --- must verify
    { name: 'message signature' },
    { name: 'attestation', recipe: { statement: STATEMENT } },
    {
      name: 'attestation of the type asked for',
      recipe: { statement: STATEMENT },
      policy: { ...POLICY, attestation: true, predicateType: PREDICATE },
    },
    { name: 'P-384 key', recipe: { keyKind: 'p384' } },
    { name: 'P-384 attestation', recipe: { keyKind: 'p384', statement: STATEMENT } },
    { name: 'RSA key', recipe: { keyKind: 'rsa' } },
    { name: 'P-521 key', recipe: { keyKind: 'p521' } },
    { name: 'P-521 attestation', recipe: { keyKind: 'p521', statement: STATEMENT } },
    { name: 'Ed25519 key, prehashed', recipe: { keyKind: 'ed25519' } },
    { name: 'Ed25519 attestation', recipe: { keyKind: 'ed25519', statement: STATEMENT } },
    {
      name: 'statement of version 0.1',
      recipe: { statement: statementOf(ARTIFACT, { _type: 'https://in-toto.io/Statement/v0.1' }) },
    },
    { name: 'empty artifact', recipe: { artifact: new Uint8Array() }, artifact: new Uint8Array() },
    {
      name: 'other v0.3 media type',
      recipe: bundle((b) => {
        b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.3';
      }),
    },
    {
      name: 'no digest hint',
      recipe: bundle((b) => {
        delete b.messageSignature?.messageDigest;
      }),
    },
    {
      name: 'v0.2 with a chain of one',
      recipe: bundle((b) => {
        const { certificate, ...rest } = b.verificationMaterial;
        b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
        b.verificationMaterial = {
          ...rest,
          x509CertificateChain: { certificates: certificate ? [certificate] : [] },
        };
      }),
    },
    {
      name: 'URI identity',
      recipe: { name: { kind: 'uri', value: uri } },
      policy: { identity: uri, issuer: ISSUER },
    },
    {
      name: 'user name identity',
      recipe: { name: { kind: 'username', value: 'ann!corp' } },
      policy: { identity: 'ann!corp', issuer: ISSUER },
    },
    {
      name: 'issuer in extension 1.1 alone',
      recipe: { extensions: [{ number: 1, value: ISSUER }] },
    },
    {
      name: 'issuer in extension 1.8 alone',
      recipe: { extensions: [{ number: 8, value: ISSUER }] },
    },
    { name: 'tree of one leaf, index 0', recipe: { leavesBefore: 0, leavesAfter: 0 } },
    { name: 'last leaf of an odd tree', recipe: { leavesBefore: 6, leavesAfter: 0 } },
    { name: 'cosigned checkpoint', recipe: { lines: (own) => [own, cosigner] } },
    { name: 'cosigner first', recipe: { lines: (own) => [cosigner, own] } },
    { name: 'several cosigners', recipe: { lines: (own) => [own, cosigner, cosigner, cosigner] } },
    { name: 'two signatures under the name of the log', recipe: { lines: (own) => [second, own] } },
    {
      name: 'two good signatures of the log',
      recipe: { lines: (own) => [own, cosigner, own] },
    },
    {
      name: 'signature line of an unknown type',
      recipe: {
        lines: (own) => [noteLine(HOST, Uint8Array.of(6, 6, 6, 6), Uint8Array.of(6)), own],
      },
    },
    {
      name: 'checkpoint with an extension line',
      recipe: { note: (text) => `${text}Timestamp: 1\n` },
    },
    { name: 'two SCTs', recipe: { scts: 2 } },
    { name: 'SCT of an unknown log before a good one', recipe: { foreignScts: [unknownSct] } },
    {
      name: 'SCT of an RSA log',
      recipe: { sctKey: rsaLog, sctLogId: rsaLogId },
      root: (r) => ({
        ...r,
        ctlogs: r.ctlogs.map((l) => ({
          ...l,
          key: rsaLog.publicKey,
          logId: rsaLogId,
          algorithm: defaultAlgorithm(rsaLog.publicKey) ?? l.algorithm,
        })),
      }),
    },
    {
      name: 'two timestamps of ours',
      recipe: bundle((b) => addStamp(b, v.stamp({ stampTimeMs: NOW }, signatureDigest(b)))),
    },
    {
      name: 'timestamp of a stranger beside ours',
      recipe: bundle((b) => addStamp(b, elsewhere.stamp({}, signatureDigest(b)))),
    },
    {
      name: 'SCT with extensions',
      recipe: { sctExtensions: Uint8Array.of(0, 0, 5, 0, 0, 0, 0, 7) },
    },
    { name: 'time at the first instant of the certificate', recipe: { stampTimeMs: NOW } },
    {
      name: 'time at the last instant of the certificate',
      recipe: { stampTimeMs: NOW + 10 * MINUTE },
    },
    {
      name: 'windows begin at the signature and at the SCT, inclusive',
      recipe: { sctTimeMs: NOW + 1 },
      root: (r) => ({
        ...r,
        certificateAuthorities: r.certificateAuthorities.map((a) => ({ ...a, start: NOW + 5000 })),
        timestampAuthorities: r.timestampAuthorities.map((a) => ({ ...a, start: NOW + 5000 })),
        ctlogs: r.ctlogs.map((l) => ({ ...l, start: NOW + 1 })),
      }),
    },
    {
      name: 'CA window ends at the signature, inclusive',
      root: (r) => ({
        ...r,
        certificateAuthorities: r.certificateAuthorities.map((a) => ({ ...a, end: NOW + 5000 })),
      }),
    },
    {
      name: 'TSA window ends at the signature, inclusive',
      root: (r) => ({
        ...r,
        timestampAuthorities: r.timestampAuthorities.map((a) => ({ ...a, end: NOW + 5000 })),
      }),
    },
    {
      name: 'CT log window ends at the SCT, inclusive',
      root: (r) => ({ ...r, ctlogs: r.ctlogs.map((l) => ({ ...l, end: NOW })) }),
    },
    {
      name: 'log window ends at the signature, inclusive',
      root: (r) => ({ ...r, tlogs: r.tlogs.map((l) => ({ ...l, end: NOW + 5000 })) }),
    },
    {
      name: 'second entry of an unknown log',
      recipe: bundle((b) => {
        const [first] = b.verificationMaterial.tlogEntries;
        if (first)
          b.verificationMaterial.tlogEntries.push({
            ...first,
            logId: { keyId: base64(new Uint8Array(32)) },
          });
      }),
    },
    {
      name: 'other subjects beside ours',
      recipe: {
        statement: statementOf(ARTIFACT, {
          subject: [
            { name: 'x', digest: { sha256: hex64 } },
            ...(STATEMENT as { subject: unknown[] }).subject,
          ],
        }),
      },
    },
    {
      name: 'subject with an unknown algorithm beside',
      recipe: {
        statement: statementOf(ARTIFACT, {
          subject: [
            {
              digest: {
                gitCommit: 'ab',
                ...(STATEMENT as { subject: Array<{ digest: object }> }).subject[0]?.digest,
              },
            },
          ],
        }),
      },
    },
    { name: 'managed key', recipe: { managedKey: managed }, policy: { key: managed.publicKey } },
    {
      name: 'managed key without a timestamp',
      recipe: {
        managedKey: managed,
        change: (b) => {
          delete b.verificationMaterial.timestampVerificationData;
        },
      },
      policy: { key: managed.publicKey },
    },
  ];
}
