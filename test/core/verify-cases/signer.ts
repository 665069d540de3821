// SPDX-License-Identifier: Apache-2.0
// Whom the caller believes, and in which mode: identities with certificates, keys without.
import { base64 } from '../../../services/core/bytes.ts';
import { instant } from '../../support/sigstore/instance.ts';
import { keyPair, rsaPair } from '../../support/sigstore/keys.ts';
import {
  addStamp,
  attested,
  bundle,
  byKey,
  type Case,
  elsewhere,
  fail,
  IDENTITY,
  ISSUER,
  KEY_POLICY,
  OTHER,
  POLICY,
  pass,
  rogue,
  rootWith,
  SIGNED,
  under,
  v1,
  v1Dsse,
} from './common.ts';

const weak = rsaPair('rsa1024-1');
const keyOf = (pair: typeof rogue) => ({ key: base64(pair.publicKey.spki) });

export function signerCases(): Case[] {
  return [
    ...under('an empty policy accepts everybody, so it is refused', [
      fail('IDENTITY_POLICY_MISSING', 'no policy', {}, { policy: {} }),
      fail(
        'IDENTITY_POLICY_MISSING',
        'identity without issuer',
        {},
        { policy: { identity: IDENTITY } },
      ),
      fail(
        'IDENTITY_POLICY_MISSING',
        'issuer without identity',
        {},
        { policy: { issuer: ISSUER } },
      ),
      fail(
        'IDENTITY_POLICY_MISSING',
        'empty identity',
        {},
        { policy: { identity: '', issuer: ISSUER } },
      ),
      fail(
        'IDENTITY_POLICY_MISSING',
        'empty issuer',
        {},
        { policy: { identity: IDENTITY, issuer: '' } },
      ),
      fail('IDENTITY_POLICY_MISSING', 'predicate type alone', attested(), {
        policy: { predicateType: 'x' },
      }),
    ]),
    ...under('a key bundle needs a key, a certificate bundle none: never a silent switch of mode', [
      pass('managed key', byKey(), { policy: KEY_POLICY }),
      pass('managed key, attestation', byKey(attested()), { policy: KEY_POLICY }),
      pass('managed key, version 0.2', byKey({ version: '0.2' }), { policy: KEY_POLICY }),
      pass('managed key, version 0.1', byKey({ version: '0.1', ...v1() }), { policy: KEY_POLICY }),
      fail('KEY_MODE', 'key given, certificate in the bundle', {}, { policy: KEY_POLICY }),
      fail(
        'KEY_MODE',
        'key given, chain in the bundle',
        { version: '0.2' },
        { policy: KEY_POLICY },
      ),
      fail(
        'KEY_MODE',
        'key given that is the key of the certificate',
        { key: rogue },
        { policy: keyOf(rogue) },
      ),
      fail('KEY_MODE', 'key bundle, and an identity given', byKey(), { policy: POLICY }),
      fail('KEY_MODE', 'key bundle, and no policy', byKey(), { policy: {} }),
      fail('KEY_MODE', 'key and identity given', byKey(), { policy: { ...KEY_POLICY, ...POLICY } }),
      fail(
        'KEY_MODE',
        'key and issuer given for a certificate',
        {},
        { policy: { ...KEY_POLICY, issuer: ISSUER } },
      ),
    ]),
    ...under('everything is held against the key that the caller gave, not against the log', [
      fail('LOG_ENTRY_MISMATCH', 'signed by another key', byKey({ key: rogue }), {
        policy: KEY_POLICY,
      }),
      fail(
        'LOG_ENTRY_MISMATCH',
        'signed by another key of another kind',
        byKey({ key: keyPair('ed25519', 'rogue') }),
        { policy: KEY_POLICY },
      ),
      fail(
        'LOG_ENTRY_MISMATCH',
        'signed by another key, Rekor v1',
        byKey({ key: rogue, ...v1() }),
        { policy: KEY_POLICY },
      ),
      pass(
        'hint of another key',
        byKey(
          bundle((b) =>
            Object.assign(b.verificationMaterial, {
              publicKey: { hint: base64(rogue.publicKey.spki) },
            }),
          ),
        ),
        { policy: KEY_POLICY },
      ),
      fail('SIGNATURE_INVALID', 'weak managed key', byKey({ key: weak }), { policy: keyOf(weak) }),
      fail('SIGNATURE_INVALID', 'weak key in a certificate', { key: weak }),
    ]),
    ...under('a managed key needs no time; one that is there must hold', [
      pass('managed key without a timestamp', byKey({ stamps: [] }), { policy: KEY_POLICY }),
      pass('managed key without a timestamp, attestation', byKey(attested({ stamps: [] })), {
        policy: KEY_POLICY,
      }),
      pass('managed key, Rekor v1', byKey(v1()), { policy: KEY_POLICY }),
      pass('managed key, Rekor v1, attestation', byKey(v1Dsse()), { policy: KEY_POLICY }),
      pass(
        'managed key, Rekor v1 without promise or timestamp',
        byKey(v1({ promise: false, change: (e) => Reflect.deleteProperty(e, 'integratedTime') })),
        { policy: KEY_POLICY },
      ),
      fail(
        'TIMESTAMP_MISMATCH',
        'managed key, timestamp over other bytes',
        byKey({ stamps: [{ over: OTHER }] }),
        { policy: KEY_POLICY },
      ),
      fail(
        'TIMESTAMP_UNTRUSTED',
        'managed key, timestamp of a stranger alone',
        byKey({ stamps: [{ tsa: elsewhere.tsa }] }),
        { policy: KEY_POLICY },
      ),
      pass(
        'managed key, timestamp of a stranger beside ours',
        byKey(bundle((b) => addStamp(b, elsewhere.tsa))),
        { policy: KEY_POLICY },
      ),
      fail('LOG_TIME', 'managed key, signed after the end of the log', byKey(), {
        policy: KEY_POLICY,
        root: rootWith('tlog-ended', (r) => {
          for (const { publicKey } of r.tlogs)
            Object.assign(publicKey.validFor ?? {}, { end: instant(SIGNED - 1) });
        }),
      }),
    ]),
    ...under('the key of the caller verifies without a certificate authority or CT log', [
      pass('managed key, no CA and no CT log trusted', byKey(), {
        policy: KEY_POLICY,
        root: rootWith('no-ca-no-ctlog', (r) =>
          Object.assign(r, { certificateAuthorities: [], ctlogs: [] }),
        ),
      }),
    ]),
  ];
}
