// SPDX-License-Identifier: Apache-2.0
// What a caller asks for beyond the bundle: patterns, extensions, opt-outs, the present time.
import { sign } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { parseBundle } from '../../services/core/bundle.ts';
import { base64 } from '../../services/core/bytes.ts';
import { nobleCrypto } from '../../services/core/crypto-noble.ts';
import type { ErrorCode } from '../../services/core/errors.ts';
import {
  type Artifact,
  examineBundle,
  type Policy,
  wantsBytes,
} from '../../services/core/verify.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  ARTIFACT,
  type BundleJson,
  createVirtualSigstore,
  IDENTITY,
  ISSUER,
  KEY_MAKERS,
  NOW,
  POLICY,
  type Recipe,
  statementOf,
} from '../support/virtual-sigstore.ts';

const sigstore = await createVirtualSigstore();

function codeOf(policy: Policy, recipe: Recipe = {}, artifact: Artifact = { bytes: ARTIFACT }) {
  const bundle = parseBundle(JSON.stringify(sigstore.bundle(recipe)));
  const [node, noble] = [nodeCrypto, nobleCrypto].map((crypto) => {
    const found = examineBundle(crypto, sigstore.root, bundle, artifact, policy);
    return 'error' in found ? found.error.code : undefined;
  });
  expect(noble).toBe(node);
  return node;
}

const GITHUB = {
  name: {
    kind: 'uri' as const,
    value: 'https://github.test/a/b/.github/workflows/c.yml@refs/heads/main',
  },
  extensions: [
    { number: 1, value: ISSUER },
    { number: 2, value: 'push' },
    { number: 5, value: 'a/b' },
    { number: 8, value: ISSUER },
    { number: 12, value: 'https://github.test/a/b' },
  ],
};

describe('patterns of identities', () => {
  const both = (identityRegexp: string, issuerRegexp = 'https://issuer\\.test'): Policy => ({
    identityRegexp,
    issuerRegexp,
  });

  it.each<[string, Policy, ErrorCode | undefined]>([
    ['whole name', both('dev@example\\.com'), undefined],
    ['alternatives', both('ann@example\\.com|dev@example\\.com'), undefined],
    ['everybody of a domain', both('[^@]+@example\\.com'), undefined],
    ['anchors of the caller', both('^dev@example\\.com$'), undefined],
    ['pattern beside a text', { identityRegexp: '.+', issuer: ISSUER }, undefined],
    ['text beside a pattern', { identity: IDENTITY, issuerRegexp: '.+' }, undefined],
    ['first part of a name', both('dev@example'), 'IDENTITY_MISMATCH'],
    ['last part of a name', both('example\\.com'), 'IDENTITY_MISMATCH'],
    ['alternative that is a part', both('ann|dev'), 'IDENTITY_MISMATCH'],
    ['another case', both('DEV@example\\.com'), 'IDENTITY_MISMATCH'],
    ['part of the issuer', both('.+', 'https://issuer'), 'ISSUER_MISMATCH'],
    ['alternative issuer that is a part', both('.+', 'x|issuer\\.test'), 'ISSUER_MISMATCH'],
    ['empty pattern', both(''), 'IDENTITY_POLICY_MISSING'],
    ['empty pattern of the issuer', both('.+', ''), 'IDENTITY_POLICY_MISSING'],
    ['name alone', { identityRegexp: '.+' }, 'IDENTITY_POLICY_MISSING'],
    ['issuer alone', { issuerRegexp: '.+' }, 'IDENTITY_POLICY_MISSING'],
    ['nobody', {}, 'IDENTITY_POLICY_MISSING'],
    ['empty texts', { identity: '', issuer: '' }, 'IDENTITY_POLICY_MISSING'],
    ['no pattern', both('('), 'USAGE'],
    ['pattern that closes the group around it', both('ann)|(dev@example\\.com'), 'USAGE'],
    ['no pattern of an issuer', both('.+', '['), 'USAGE'],
    ['text and pattern', { ...both('.+'), identity: IDENTITY }, 'USAGE'],
    ['issuer and pattern', { ...both('.+'), issuer: ISSUER }, 'USAGE'],
  ])('%s', (_, policy, code) => {
    expect(codeOf(policy)).toBe(code);
  });

  // Without the bound on names this does not end.
  it('never spends long on a name that somebody made long', () => {
    const name = { kind: 'uri' as const, value: `https://a.test/${'a'.repeat(5000)}!` };
    expect(codeOf(both('https://a\\.test/(a+)+'), { name })).toBe('IDENTITY_MISMATCH');
  });
});

describe('extensions', () => {
  const github = { identity: GITHUB.name.value, issuer: ISSUER };

  it.each<[string, Array<{ number: number; value: string }>, ErrorCode | undefined]>([
    ['none', [], undefined],
    ['one', [{ number: 5, value: 'a/b' }], undefined],
    [
      'raw and DER',
      [
        { number: 2, value: 'push' },
        { number: 12, value: 'https://github.test/a/b' },
      ],
      undefined,
    ],
    ['another value', [{ number: 5, value: 'a/c' }], 'EXTENSION_MISMATCH'],
    ['part of a value', [{ number: 5, value: 'a/' }], 'EXTENSION_MISMATCH'],
    [
      'one of two',
      [
        { number: 5, value: 'a/b' },
        { number: 2, value: 'tag' },
      ],
      'EXTENSION_MISMATCH',
    ],
    ['absent', [{ number: 6, value: 'refs/heads/main' }], 'EXTENSION_MISMATCH'],
    ['absent, asked for as empty', [{ number: 6, value: '' }], 'EXTENSION_MISMATCH'],
  ])('%s', (_, extensions, code) => {
    expect(codeOf({ ...github, extensions }, GITHUB)).toBe(code);
  });

  it('are an identity: never beside a key', () => {
    const managedKey = KEY_MAKERS.p256();
    const policy = { key: managedKey.publicKey, extensions: [{ number: 5, value: 'a/b' }] };
    expect(codeOf(policy, { managedKey })).toBe('KEY_MODE');
    expect(codeOf({ key: managedKey.publicKey, identityRegexp: '.+' }, { managedKey })).toBe(
      'KEY_MODE',
    );
  });
});

const noLog = (b: BundleJson) => {
  b.verificationMaterial.tlogEntries = [];
};

describe('opt-outs', () => {
  const managedKey = KEY_MAKERS.p256();
  const key = managedKey.publicKey;
  const unsafeWithoutLog = true;

  it('takes a bundle without a log only when told so', () => {
    expect(codeOf({ key }, { managedKey, change: noLog })).toBe('LOG_ENTRY_MISSING');
    expect(codeOf({ key, unsafeWithoutLog: false }, { managedKey, change: noLog })).toBe(
      'LOG_ENTRY_MISSING',
    );
    expect(codeOf({ key, unsafeWithoutLog }, { managedKey, change: noLog })).toBeUndefined();
    expect(codeOf({ ...POLICY, unsafeWithoutLog }, { change: noLog })).toBeUndefined();
    expect(codeOf(POLICY, { change: noLog })).toBe('LOG_ENTRY_MISSING');
  });

  it('takes an entry of a stranger for none, and no bad entry of a known log', () => {
    const stranger = (b: BundleJson) => {
      for (const { logId } of b.verificationMaterial.tlogEntries)
        logId.keyId = base64(new Uint8Array(32));
    };
    expect(codeOf({ key }, { managedKey, change: stranger })).toBe('LOG_UNKNOWN');
    expect(codeOf({ key, unsafeWithoutLog }, { managedKey, change: stranger })).toBeUndefined();
    const bad = { managedKey, noteKey: KEY_MAKERS.p256() };
    expect(codeOf({ key, unsafeWithoutLog }, bad)).toBe('CHECKPOINT_INVALID');
    const other = { managedKey, entry: { digest: new Uint8Array(32) } };
    expect(codeOf({ key, unsafeWithoutLog }, other)).toBe('LOG_ENTRY_MISMATCH');
  });

  it('still wants a time for a certificate, and a good signature', () => {
    const bare = (b: BundleJson) => {
      noLog(b);
      delete b.verificationMaterial.timestampVerificationData;
    };
    expect(codeOf({ ...POLICY, unsafeWithoutLog }, { change: bare })).toBe('TIMESTAMP_MISSING');
    expect(codeOf({ key, unsafeWithoutLog }, { managedKey, change: bare })).toBeUndefined();
    const other = { bytes: new Uint8Array(3) };
    expect(codeOf({ key, unsafeWithoutLog }, { managedKey, change: bare }, other)).toBe(
      'DIGEST_MISMATCH',
    );
  });

  it('takes a certificate without an SCT only when told so', () => {
    expect(codeOf(POLICY, { scts: 0 })).toBe('SCT_MISSING');
    expect(codeOf({ ...POLICY, unsafeWithoutSct: true }, { scts: 0 })).toBeUndefined();
  });

  it('takes a statement about others only when told so', () => {
    const recipe = { statement: statementOf(new Uint8Array(1)) };
    expect(codeOf(POLICY, recipe)).toBe('SUBJECT_MISMATCH');
    expect(codeOf({ ...POLICY, unsafeAnySubject: true }, recipe)).toBeUndefined();
  });

  it('demands a timestamp where nothing else does', () => {
    const bare = (b: BundleJson) => {
      delete b.verificationMaterial.timestampVerificationData;
    };
    expect(codeOf({ key }, { managedKey, change: bare })).toBeUndefined();
    expect(codeOf({ key, timestamp: true }, { managedKey, change: bare })).toBe(
      'TIMESTAMP_MISSING',
    );
    expect(codeOf({ key, timestamp: true }, { managedKey })).toBeUndefined();
  });
});

describe('the present time', () => {
  const MINUTES_5 = 300_000;

  it.each<[string, number, ErrorCode | undefined]>([
    ['after the timestamp', NOW + 3_600_000, undefined],
    ['a slow clock', NOW + 5000 - MINUTES_5, undefined],
    ['long before the timestamp', NOW + 4999 - MINUTES_5, 'TIMESTAMP_TIME'],
  ])('%s', (_, nowMs, code) => {
    expect(codeOf({ ...POLICY, nowMs })).toBe(code);
  });
});

describe('keys that sign in more than one way', () => {
  const unsafeWithoutLog = true;
  /** A bundle of a managed key, without log and timestamp, around a signature. */
  const around = (
    signature: Uint8Array,
    managedKey: Recipe['managedKey'],
    hint?: string,
  ): Recipe => ({
    ...(managedKey === undefined ? {} : { managedKey }),
    change: (b) => {
      noLog(b);
      delete b.verificationMaterial.timestampVerificationData;
      if (b.messageSignature === undefined) return;
      b.messageSignature.signature = base64(signature);
      delete b.messageSignature.messageDigest;
      if (hint !== undefined) {
        const digest = base64(nodeCrypto.digest('sha256', ARTIFACT));
        b.messageSignature.messageDigest = { algorithm: hint, digest };
      }
    },
  });

  it('verifies pure Ed25519 over a file, and says that it wants the bytes', () => {
    const managedKey = KEY_MAKERS.ed25519();
    const signature = new Uint8Array(sign(null, ARTIFACT, managedKey.privateKey));
    const policy = { key: managedKey.publicKey, unsafeWithoutLog };
    const recipe = around(signature, managedKey);
    expect(codeOf(policy, recipe)).toBeUndefined();
    expect(codeOf(policy, recipe, { bytes: new Uint8Array(2) })).toBe('SIGNATURE_INVALID');
    const sha512 = nodeCrypto.digest('sha512', ARTIFACT);
    expect(codeOf(policy, recipe, { digests: { sha512 } })).toBe('SIGNATURE_INVALID');
    const bundle = parseBundle(JSON.stringify(sigstore.bundle(recipe)));
    expect(wantsBytes(bundle, policy)).toBe(true);
    expect(wantsBytes(bundle, {})).toBe(false);
    expect(wantsBytes(bundle, { key: KEY_MAKERS.p256().publicKey })).toBe(false);
    const logged = parseBundle(JSON.stringify(sigstore.bundle({ managedKey })));
    expect(wantsBytes(logged, policy)).toBe(false);
  });

  it.each(['p384', 'p521'] as const)('verifies %s over SHA-256, as cosign 2 signed', (kind) => {
    const managedKey = KEY_MAKERS[kind]();
    const signature = new Uint8Array(sign('sha256', ARTIFACT, managedKey.privateKey));
    const policy = { key: managedKey.publicKey, unsafeWithoutLog };
    const sha256 = nodeCrypto.digest('sha256', ARTIFACT);
    expect(codeOf(policy, around(signature, managedKey, 'SHA2_256'))).toBeUndefined();
    expect(codeOf(policy, around(signature, managedKey), { digests: { sha256 } })).toBeUndefined();
    const sha512 = nodeCrypto.digest('sha512', ARTIFACT);
    const weak = new Uint8Array(sign('sha1', ARTIFACT, managedKey.privateKey));
    expect(codeOf(policy, around(weak, managedKey))).toBe('SIGNATURE_INVALID');
    expect(codeOf(policy, around(signature, managedKey), { digests: {} })).toBe('DIGEST_MISMATCH');
    expect(codeOf(policy, around(signature, managedKey), { digests: { sha512 } })).toBe(
      kind === 'p521' ? 'SIGNATURE_INVALID' : 'DIGEST_MISMATCH',
    );
  });

  it.each(['p256', 'rsa', 'p384'] as const)('verifies %s over no other hash', (kind) => {
    const managedKey = KEY_MAKERS[kind]();
    const policy = { key: managedKey.publicKey, unsafeWithoutLog };
    for (const hash of ['sha1', kind === 'p384' ? 'sha512' : 'sha384']) {
      const signature = new Uint8Array(sign(hash, ARTIFACT, managedKey.privateKey));
      expect(codeOf(policy, around(signature, managedKey))).toBe('SIGNATURE_INVALID');
    }
  });
});
