// SPDX-License-Identifier: Apache-2.0
// Rekor v1 where no vector reaches: the parts of the verifier one by one, and odd neighbours.
import { describe, expect, it } from 'vitest';
import { parseBundle } from '../../services/core/bundle.ts';
import { CodedError } from '../../services/core/errors.ts';
import { parseTrustedRoot } from '../../services/core/trust.ts';
import { verifyLogEntry } from '../../services/core/verify/log.ts';
import { examineBundle, type Policy } from '../../services/core/verify.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { bundleText, type Recipe } from '../support/sigstore/bundle.ts';
import {
  createInstance,
  type Instance,
  instant,
  NOW,
  type RootJson,
  trustedRootJson,
} from '../support/sigstore/instance.ts';
import { keyPair } from '../support/sigstore/keys.ts';

const main = createInstance('main', 'log.test');
const stranger = createInstance('stranger', 'log.test');
const MINUTE = 60_000;
const v1 = { log: main.rekor, kind: 'hashedrekord 0.0.1' } as const;

function rootOf(on: Instance, change: (root: RootJson) => void = () => {}) {
  const json = trustedRootJson(on);
  change(json);
  return parseTrustedRoot(JSON.stringify(json));
}

function codeOf(recipe: Recipe, root = rootOf(main), on = main, policy: Policy = {}) {
  const bundle = parseBundle(bundleText(on, recipe, 'verify-v1'));
  const wanted = { identity: on.identity, issuer: on.oidcIssuer, ...policy };
  const found = examineBundle(nodeCrypto, root, bundle, { bytes: on.artifact }, wanted);
  return 'error' in found ? found.error.code : undefined;
}

describe('entries of Rekor v1', () => {
  it('judges the promise by itself, for whoever asks about one entry', () => {
    const one = (recipe: Recipe) => {
      const [entry] = parseBundle(bundleText(main, recipe, 'one')).tlogEntries;
      if (entry === undefined) throw new Error('no entry');
      return () => verifyLogEntry(nodeCrypto, rootOf(main), entry);
    };
    expect(one({ entries: [v1] })()).toMatchObject({ index: 25_000_003, treeSize: 6 });
    const alone = one({ version: '0.1', entries: [{ ...v1, proof: false }] })();
    expect(alone).toMatchObject({ origin: 'rekor.log.test', treeSize: undefined });
    const forged = one({ entries: [{ ...v1, promiseKey: keyPair('p256', 'rogue') }] });
    expect(forged).toThrow(expect.objectContaining({ code: 'INCLUSION_PROMISE_INVALID' }));
    expect(forged).toThrow(CodedError);
  });

  it('lets a log end after its promise and before a timestamp', () => {
    const promised = instant(NOW + MINUTE);
    const root = rootOf(main, ({ tlogs }) => {
      for (const { publicKey } of tlogs) Object.assign(publicKey.validFor ?? {}, { end: promised });
    });
    const times = { integratedMs: NOW + MINUTE };
    const stamps = [{ timeMs: NOW + 2 * MINUTE }];
    expect(codeOf({ stamps, entries: [{ ...v1, ...times }] }, root)).toBeUndefined();
    // Without the promise the timestamp is all that is known.
    expect(codeOf({ stamps, entries: [{ ...v1, ...times, promise: false }] }, root)).toBe(
      'LOG_TIME',
    );
  });

  it('takes SHA-256 promises of a P-384 log, as Rekor v1 signs them, and no other hash', () => {
    const key = keyPair('p384', 'rekor p384');
    const on = { ...main, rekor: { ...main.rekor, key } };
    const signing = (hash: 'sha256' | 'sha512') => ({
      ...v1,
      log: on.rekor,
      promiseKey: { ...key, sign: (message: Uint8Array) => key.sign(message, hash) },
    });
    expect(codeOf({ entries: [signing('sha256')] }, rootOf(on), on)).toBeUndefined();
    expect(codeOf({ entries: [signing('sha512')] }, rootOf(on), on)).toBe(
      'INCLUSION_PROMISE_INVALID',
    );
  });

  it('believes no claim of a stranger about the time, for or against the certificate', () => {
    const log = stranger.rekor;
    const foreign = { ...v1, log, promise: false, integratedMs: NOW - 3_600_000 };
    expect(codeOf({ stamps: [{}], entries: [{}, foreign] })).toBeUndefined();
    const known = { ...v1, promise: false, integratedMs: NOW - 3_600_000 };
    expect(codeOf({ stamps: [{}], entries: [{}, known] })).toBe('CERTIFICATE_TIME');
  });

  it('needs no time in an entry that a timestamp stands beside', () => {
    const timeless = { ...v1, promise: false, integratedMs: 0 };
    expect(codeOf({ stamps: [{}], entries: [timeless] })).toBeUndefined();
    expect(codeOf({ entries: [timeless] })).toBe('TIMESTAMP_MISSING');
  });

  it('wants a timestamp beside a promise when told so', () => {
    expect(codeOf({ entries: [v1] }, rootOf(main), main, { timestamp: true })).toBe(
      'TIMESTAMP_MISSING',
    );
    const both = { stamps: [{}], entries: [v1] };
    expect(codeOf(both, rootOf(main), main, { timestamp: true })).toBeUndefined();
  });
});
