// SPDX-License-Identifier: Apache-2.0
// Faults of the bundle itself, of its signer, its times and its certificate.
import { defaultAlgorithm } from '../../../services/core/algorithm.ts';
import { base64, utf8 } from '../../../services/core/bytes.ts';
import { SCT_RSA } from '../../../services/core/sct.ts';
import {
  type BundleJson,
  IDENTITY,
  ISSUER,
  KEY_MAKERS,
  NOW,
  POLICY,
  type VirtualSigstore,
} from '../../support/virtual-sigstore.ts';
import {
  addStamp,
  bundle,
  type Case,
  elsewhere,
  MINUTE,
  managed,
  OTHER,
  rogue,
  rsaLog,
  STATEMENT,
  signatureDigest,
} from './common.ts';

export function certificateCases(v: VirtualSigstore): Case[] {
  const stranger = rogue.publicKey;
  const p384Log = KEY_MAKERS.p384();
  const weak = KEY_MAKERS.weakRsa();
  const stampOf = (over: Uint8Array) => ({
    signedTimestamp: base64(v.stamp({ stampOver: over }, over)),
  });
  const stampOnly = ({ verificationMaterial }: BundleJson, over = '') => {
    verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [stampOf(utf8(over))] };
  };
  return [
    // --- bundle
    {
      name: 'unknown media type',
      code: 'BUNDLE_VERSION',
      recipe: bundle((b) => {
        b.mediaType = 'application/vnd.dev.sigstore.bundle.v0.4+json';
      }),
    },
    {
      name: 'no media type',
      code: 'BUNDLE_VERSION',
      recipe: bundle((b) => {
        b.mediaType = '';
      }),
    },
    {
      name: 'chain in v0.3',
      code: 'BUNDLE_MALFORMED',
      recipe: bundle((b) => {
        const { certificate, ...rest } = b.verificationMaterial;
        b.verificationMaterial = {
          ...rest,
          x509CertificateChain: { certificates: certificate ? [certificate] : [] },
        };
      }),
    },
    {
      name: 'root in a v0.2 chain',
      code: 'BUNDLE_MALFORMED',
      recipe: bundle((b) => {
        const { certificate, ...rest } = b.verificationMaterial;
        const caRoot = v.root.certificateAuthorities[0]?.chain.at(-1)?.der ?? new Uint8Array();
        b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
        b.verificationMaterial = {
          ...rest,
          x509CertificateChain: {
            certificates: [...(certificate ? [certificate] : []), { rawBytes: base64(caRoot) }],
          },
        };
      }),
    },
    {
      name: 'empty chain',
      code: 'BUNDLE_MALFORMED',
      recipe: bundle((b) => {
        const { certificate, ...rest } = b.verificationMaterial;
        b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
        b.verificationMaterial = { ...rest, x509CertificateChain: { certificates: [] } };
      }),
    },
    {
      name: 'certificate and key',
      code: 'BUNDLE_MALFORMED',
      recipe: bundle((b) => {
        b.verificationMaterial.publicKey = { hint: 'x' };
      }),
    },
    {
      name: 'nobody signed',
      code: 'BUNDLE_MALFORMED',
      recipe: bundle((b) => {
        delete b.verificationMaterial.certificate;
      }),
    },
    {
      name: 'signature and envelope',
      code: 'BUNDLE_MALFORMED',
      recipe: bundle((b) => {
        b.dsseEnvelope = { payload: '', payloadType: 'x', signatures: [{ sig: 'AA==' }] };
      }),
    },
    {
      name: 'nothing signed',
      code: 'BUNDLE_MALFORMED',
      recipe: bundle((b) => {
        delete b.messageSignature;
      }),
    },
    {
      name: 'two DSSE signatures',
      code: 'BUNDLE_MALFORMED',
      recipe: {
        statement: STATEMENT,
        change: (b) => {
          b.dsseEnvelope?.signatures.push({ sig: 'AA==' });
        },
      },
    },
    {
      name: 'no DSSE signature',
      code: 'BUNDLE_MALFORMED',
      recipe: {
        statement: STATEMENT,
        change: (b) => {
          if (b.dsseEnvelope) b.dsseEnvelope.signatures = [];
        },
      },
    },

    // --- signer
    { name: 'no policy', code: 'IDENTITY_POLICY_MISSING', policy: {} },
    {
      name: 'identity without issuer',
      code: 'IDENTITY_POLICY_MISSING',
      policy: { identity: IDENTITY },
    },
    {
      name: 'issuer without identity',
      code: 'IDENTITY_POLICY_MISSING',
      policy: { issuer: ISSUER },
    },
    {
      name: 'empty identity',
      code: 'IDENTITY_POLICY_MISSING',
      policy: { identity: '', issuer: ISSUER },
    },
    {
      name: 'key and identity for a key bundle',
      code: 'KEY_MODE',
      recipe: { managedKey: managed },
      policy: { ...POLICY, key: managed.publicKey },
    },
    { name: 'key for a certificate bundle', code: 'KEY_MODE', policy: { key: managed.publicKey } },
    { name: 'key and identity', code: 'KEY_MODE', policy: { ...POLICY, key: managed.publicKey } },
    { name: 'key bundle without a key', code: 'KEY_MODE', recipe: { managedKey: managed } },
    {
      name: 'key bundle with another key',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: { managedKey: managed },
      policy: { key: stranger },
    },
    {
      name: 'key too weak',
      code: 'SIGNATURE_INVALID',
      recipe: { managedKey: weak },
      policy: { key: weak.publicKey },
    },
    {
      name: 'certificate is not DER',
      code: 'CERTIFICATE_MALFORMED',
      recipe: bundle((b) => {
        b.verificationMaterial.certificate = {
          rawBytes: base64(utf8('-----BEGIN CERTIFICATE-----')),
        };
      }),
    },
    {
      name: 'bytes after the certificate',
      code: 'CERTIFICATE_MALFORMED',
      recipe: bundle((b) => {
        const der = Buffer.from(b.verificationMaterial.certificate?.rawBytes ?? '', 'base64');
        b.verificationMaterial.certificate = {
          rawBytes: Buffer.concat([der, Buffer.of(0)]).toString('base64'),
        };
      }),
    },

    // --- time
    {
      name: 'no timestamp',
      code: 'TIMESTAMP_MISSING',
      recipe: bundle((b) => {
        delete b.verificationMaterial.timestampVerificationData;
      }),
    },
    {
      name: 'timestamp over other bytes',
      code: 'TIMESTAMP_MISMATCH',
      recipe: { stampOver: OTHER },
    },
    {
      name: 'second timestamp over other bytes',
      code: 'TIMESTAMP_MISMATCH',
      recipe: bundle((b) => {
        b.verificationMaterial.timestampVerificationData?.rfc3161Timestamps.push(stampOf(OTHER));
      }),
    },
    {
      name: 'timestamp over the base64 of the signature',
      code: 'TIMESTAMP_MISMATCH',
      recipe: bundle((b) => stampOnly(b, b.messageSignature?.signature)),
    },
    {
      name: 'timestamp over the envelope',
      code: 'TIMESTAMP_MISMATCH',
      recipe: {
        statement: STATEMENT,
        ...bundle((b) => stampOnly(b, JSON.stringify(b.dsseEnvelope))),
      },
    },
    {
      name: 'timestamp signed by another key',
      code: 'TIMESTAMP_INVALID',
      recipe: { stampKey: rogue },
    },
    {
      name: 'TSA not in the trusted root',
      code: 'TIMESTAMP_UNTRUSTED',
      root: (r) => ({ ...r, timestampAuthorities: [] }),
    },
    {
      name: 'time after the TSA window',
      code: 'TIMESTAMP_TIME',
      root: (r) => ({
        ...r,
        timestampAuthorities: r.timestampAuthorities.map((a) => ({ ...a, end: NOW })),
      }),
    },
    {
      name: 'time before the TSA window',
      code: 'TIMESTAMP_TIME',
      root: (r) => ({
        ...r,
        timestampAuthorities: r.timestampAuthorities.map((a) => ({ ...a, start: NOW + MINUTE })),
      }),
    },
    {
      name: 'damaged timestamp',
      code: 'TIMESTAMP_MALFORMED',
      recipe: bundle((b) => {
        b.verificationMaterial.timestampVerificationData = {
          rfc3161Timestamps: [{ signedTimestamp: 'AAAA' }],
        };
      }),
    },
    {
      name: 'the same timestamp twice',
      code: 'TIMESTAMP_DUPLICATE',
      recipe: bundle((b) => {
        const stamps = b.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
        stamps.push(...stamps);
      }),
    },

    {
      name: 'second timestamp damaged',
      code: 'TIMESTAMP_MALFORMED',
      recipe: bundle((b) => addStamp(b, Uint8Array.of(0x30, 0))),
    },
    {
      name: 'timestamps of strangers alone',
      code: 'TIMESTAMP_UNTRUSTED',
      recipe: bundle((b) => {
        b.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [] };
        addStamp(b, elsewhere.stamp({}, signatureDigest(b)));
        addStamp(b, elsewhere.stamp({}, signatureDigest(b)));
      }),
    },

    {
      name: 'managed key, and a timestamp of a stranger alone',
      code: 'TIMESTAMP_UNTRUSTED',
      recipe: {
        managedKey: managed,
        change: (b) => {
          b.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: [] };
          addStamp(b, elsewhere.stamp({}, signatureDigest(b)));
        },
      },
      policy: { key: managed.publicKey },
    },

    // --- certificate
    {
      name: 'certificate expired at the second of two times',
      code: 'CERTIFICATE_TIME',
      recipe: bundle((b) =>
        addStamp(b, v.stamp({ stampTimeMs: NOW + 11 * MINUTE }, signatureDigest(b))),
      ),
    },
    {
      name: 'CA window ends before the second of two times',
      code: 'CERTIFICATE_PATH',
      recipe: bundle((b) => addStamp(b, v.stamp({ stampTimeMs: NOW + 8000 }, signatureDigest(b)))),
      root: (r) => ({
        ...r,
        certificateAuthorities: r.certificateAuthorities.map((a) => ({ ...a, end: NOW + 7999 })),
      }),
    },
    {
      name: 'signed before the CA window',
      code: 'CERTIFICATE_PATH',
      root: (r) => ({
        ...r,
        certificateAuthorities: r.certificateAuthorities.map((a) => ({ ...a, start: NOW + 5001 })),
      }),
    },
    {
      name: 'certificate for timestamps',
      code: 'CERTIFICATE_USAGE',
      recipe: bundle((b) => {
        const leaf = v.root.timestampAuthorities[0]?.chain[0];
        b.verificationMaterial.certificate = { rawBytes: base64(leaf?.der ?? new Uint8Array()) };
      }),
      root: (r) => ({
        ...r,
        certificateAuthorities: r.timestampAuthorities.map((a) => ({
          ...a,
          chain: a.chain.slice(1),
        })),
      }),
    },
    {
      name: 'a CA as the signer',
      code: 'CERTIFICATE_USAGE',
      recipe: bundle((b) => {
        const [ca] = v.root.certificateAuthorities[0]?.chain ?? [];
        b.verificationMaterial.certificate = { rawBytes: base64(ca?.der ?? new Uint8Array()) };
      }),
      root: (r) => ({
        ...r,
        certificateAuthorities: r.certificateAuthorities.map((a) => ({
          ...a,
          chain: a.chain.slice(1),
        })),
      }),
    },
    { name: 'certificate of another CA', code: 'CERTIFICATE_PATH', recipe: { caKey: rogue } },
    {
      name: 'no CA in the trusted root',
      code: 'CERTIFICATE_PATH',
      root: (r) => ({ ...r, certificateAuthorities: [] }),
    },
    {
      name: 'signed after the CA window',
      code: 'CERTIFICATE_PATH',
      root: (r) => ({
        ...r,
        certificateAuthorities: r.certificateAuthorities.map((a) => ({ ...a, end: NOW + 4999 })),
      }),
    },
    {
      name: 'signed before the certificate',
      code: 'CERTIFICATE_TIME',
      recipe: { stampTimeMs: NOW - 1000 },
    },
    {
      name: 'signed after the certificate',
      code: 'CERTIFICATE_TIME',
      recipe: { stampTimeMs: NOW + 10 * MINUTE + 1000 },
    },

    // --- SCT
    { name: 'no SCT', code: 'SCT_MISSING', recipe: { scts: 0 } },
    { name: 'SCT signed by another key', code: 'SCT_INVALID', recipe: { sctKey: rogue } },
    {
      name: 'SCT of an unknown log',
      code: 'SCT_INVALID',
      recipe: { sctLogId: new Uint8Array(32) },
    },
    { name: 'SCT that names SHA-384', code: 'SCT_INVALID', recipe: { sctHash: 5 } },
    { name: 'SCT that names RSA', code: 'SCT_INVALID', recipe: { sctScheme: SCT_RSA } },
    {
      name: 'SCT of a log that signs with SHA-384',
      code: 'SCT_INVALID',
      recipe: { sctKey: p384Log, sctDigest: 'sha384' },
      root: (r) => ({
        ...r,
        ctlogs: r.ctlogs.map((l) => ({
          ...l,
          key: p384Log.publicKey,
          algorithm: defaultAlgorithm(p384Log.publicKey) ?? l.algorithm,
        })),
      }),
    },
    {
      name: 'SCT that is cut off, beside a good one',
      code: 'SCT_INVALID',
      recipe: { foreignScts: [Uint8Array.of(0, 1, 2)] },
    },
    {
      name: 'SCT of an RSA log signed by another key',
      code: 'SCT_INVALID',
      recipe: { sctLogId: v.root.ctlogs[0]?.logId ?? new Uint8Array(), sctKey: rsaLog },
    },
    {
      name: 'SCT over another issuer',
      code: 'SCT_INVALID',
      recipe: { sctIssuerKeyHash: new Uint8Array(32) },
    },
    {
      name: 'SCT extensions not signed',
      code: 'SCT_INVALID',
      recipe: {
        sctExtensions: Uint8Array.of(0, 0, 5, 0, 0, 0, 0, 7),
        sctExtensionsSigned: new Uint8Array(),
      },
    },
    {
      name: 'SCT after the CT log window',
      code: 'SCT_INVALID',
      root: (r) => ({ ...r, ctlogs: r.ctlogs.map((l) => ({ ...l, end: NOW - 1 })) }),
    },
    {
      name: 'SCT before the CT log window',
      code: 'SCT_INVALID',
      root: (r) => ({ ...r, ctlogs: r.ctlogs.map((l) => ({ ...l, start: NOW + 1 })) }),
    },

    // --- identity
    {
      name: 'somebody else',
      code: 'IDENTITY_MISMATCH',
      policy: { identity: 'eve@example.com', issuer: ISSUER },
    },
    {
      name: 'identity in other case',
      code: 'IDENTITY_MISMATCH',
      policy: { identity: IDENTITY.toUpperCase(), issuer: ISSUER },
    },
    {
      name: 'identity with more before it',
      code: 'IDENTITY_MISMATCH',
      recipe: { name: { kind: 'email', value: `x${IDENTITY}` } },
    },
    {
      name: 'other issuer',
      code: 'ISSUER_MISMATCH',
      policy: { identity: IDENTITY, issuer: 'https://other.test' },
    },
    {
      name: 'issuer with a slash more',
      code: 'ISSUER_MISMATCH',
      policy: { identity: IDENTITY, issuer: `${ISSUER}/` },
    },
    { name: 'certificate without an issuer', code: 'ISSUER_MISMATCH', recipe: { extensions: [] } },
    {
      name: 'extension 1.8 wins over 1.1',
      code: 'ISSUER_MISMATCH',
      recipe: {
        extensions: [
          { number: 1, value: ISSUER },
          { number: 8, value: 'https://other.test' },
        ],
      },
    },
  ];
}
