// SPDX-License-Identifier: Apache-2.0
// Entries of Rekor v1: promises (SET) and the time they prove, proofs, checkpoints of a shard.
import { base64 } from '../../../services/core/bytes.ts';
import type { Recipe } from '../../support/sigstore/bundle.ts';
import type { EntryKind } from '../../support/sigstore/entry.ts';
import { instant, tlogJson } from '../../support/sigstore/instance.ts';
import { keyPair } from '../../support/sigstore/keys.ts';
import type { EntryJson, EntryRecipe, Log } from '../../support/sigstore/log.ts';
import { cosignature } from '../../support/sigstore/note.ts';
import {
  byKey,
  type Case,
  elsewhere,
  fail,
  flip,
  KEY_POLICY,
  MINUTE,
  main,
  NOW,
  OTHER,
  pass,
  rogue,
  rootWith,
  SIGNED,
  under,
  v1,
  v1Dsse,
  variant,
  ZEROS,
} from './common.ts';

const { host, treeId = '' } = main.rekor;
const KINDS: ReadonlyArray<readonly [EntryKind, (recipe: EntryRecipe) => Recipe]> = [
  ['hashedrekord 0.0.1', v1],
  ['dsse 0.0.1', v1Dsse],
  ['intoto 0.0.1', v1Dsse],
  ['intoto 0.0.2', v1Dsse],
];

const PROVEN = under(
  'promise, proof and timestamp, in each combination that proves time and entry',
  [
    ...KINDS.flatMap(([kind, make]) => [
      pass(`${kind} in version 0.1, promise alone`, {
        version: '0.1',
        ...make({ kind, proof: false }),
      }),
      pass(`${kind} in version 0.1, promise and proof`, { version: '0.1', ...make({ kind }) }),
      pass(`${kind} in version 0.2`, { version: '0.2', ...make({ kind }) }),
      pass(`${kind} in version 0.3`, make({ kind })),
      pass(`${kind} with a timestamp in place of the promise`, {
        stamps: [{}],
        ...make({ kind, promise: false }),
      }),
      pass(`${kind} with promise and timestamp`, { stamps: [{}], ...make({ kind }) }),
      fail(
        'TIMESTAMP_MISSING',
        `${kind} with a time and no promise`,
        make({ kind, promise: false }),
      ),
      fail(
        'INCLUSION_PROMISE_INVALID',
        `${kind} with a promise by another key`,
        make({ kind, promiseKey: rogue }),
      ),
      fail(
        'INCLUSION_PROOF_INVALID',
        `${kind} with the proof of another leaf`,
        make({
          kind,
          change: ({ inclusionProof }) => Object.assign(inclusionProof ?? {}, { logIndex: '2' }),
        }),
      ),
    ]),
  ],
);

const broken = (name: string, recipe: EntryRecipe, more: Recipe = {}) =>
  fail('INCLUSION_PROMISE_INVALID', name, { ...v1(recipe), ...more });
const changed = (name: string, change: (entry: EntryJson) => void) => broken(name, { change });

const PROMISES = under('the promise signs body, time, log and global index', [
  broken('promise over another time', {
    promised: (p) => ({ ...p, integratedTime: p.integratedTime + 1 }),
  }),
  broken('promise over another index', { promised: (p) => ({ ...p, logIndex: p.logIndex + 1 }) }),
  broken('promise over the index in the shard', { promised: (p) => ({ ...p, logIndex: 3 }) }),
  broken('promise over another log', { promised: (p) => ({ ...p, logID: '00'.repeat(32) }) }),
  broken('promise over another body', { promised: (p) => ({ ...p, body: base64(OTHER) }) }),
  broken('promise over capitals in the log id', {
    promised: (p) => ({ ...p, logID: p.logID.toUpperCase() }),
  }),
  changed('time altered after the promise', (e) =>
    Object.assign(e, { integratedTime: String(SIGNED / 1000 + 60) }),
  ),
  changed('time removed after the promise', (e) => Reflect.deleteProperty(e, 'integratedTime')),
  changed('index altered after the promise', (e) => Object.assign(e, { logIndex: '25000004' })),
  changed('promise damaged', ({ inclusionPromise: p }) =>
    Object.assign(p ?? {}, { signedEntryTimestamp: flip(p?.signedEntryTimestamp ?? '') }),
  ),
  changed('promise that is no signature', (e) =>
    Object.assign(e, { inclusionPromise: { signedEntryTimestamp: 'AAAA' } }),
  ),
  broken('bad promise in version 0.1', { promiseKey: rogue, proof: false }, { version: '0.1' }),
  broken('bad promise beside a good timestamp', { promiseKey: rogue }, { stamps: [{}] }),
  fail('INCLUSION_PROMISE_INVALID', 'bad promise, managed key', byKey(v1({ promiseKey: rogue })), {
    policy: KEY_POLICY,
  }),
  fail(
    'BUNDLE_MALFORMED',
    'empty promise',
    v1({ change: (e) => Object.assign(e, { inclusionPromise: { signedEntryTimestamp: '' } }) }),
  ),
]);

const window = (name: string, validFor: { start?: string; end?: string }) => ({
  root: rootWith(name, (r) => {
    for (const { publicKey } of r.tlogs) Object.assign(publicKey.validFor ?? {}, validFor);
  }),
});
const claimed = (integratedMs: number) => ({
  stamps: [{}],
  ...v1({ promise: false, integratedMs }),
});

const TIMES = under('a promised time lies within the certificate and the key window of the log', [
  pass('promised at the first instant of the certificate', v1({ integratedMs: NOW })),
  pass('promised at the last instant of the certificate', v1({ integratedMs: NOW + 10 * MINUTE })),
  fail('CERTIFICATE_TIME', 'promised before the certificate', v1({ integratedMs: NOW - 1000 })),
  fail(
    'CERTIFICATE_TIME',
    'promised after the certificate',
    v1({ integratedMs: NOW + 10 * MINUTE + 1000 }),
  ),
  fail('CERTIFICATE_TIME', 'promised in a far future', v1({ integratedMs: Date.UTC(2999, 0, 1) })),
  pass('log key ends at the promise', v1(), window('tlog-ends', { end: instant(SIGNED) })),
  pass('log key starts at the promise', v1(), window('tlog-starts', { start: instant(SIGNED) })),
  fail(
    'LOG_TIME',
    'log key ended before the promise',
    v1(),
    window('tlog-ended', { end: instant(SIGNED - 1) }),
  ),
  fail(
    'LOG_TIME',
    'log key starts after the promise',
    v1(),
    window('tlog-not-yet', { start: instant(SIGNED + 1) }),
  ),
  fail('LOG_TIME', 'log key ended before the promise, managed key', byKey(v1()), {
    policy: KEY_POLICY,
    ...window('tlog-ended', { end: instant(SIGNED - 1) }),
  }),
  fail(
    'LOG_TIME',
    'log key ended before the promise, timestamp too',
    { ...v1(), stamps: [{}] },
    window('tlog-ended', { end: instant(SIGNED - 1) }),
  ),
  pass('promised after now, within the tolerance', v1(), {
    policy: { identity: main.identity, issuer: main.oidcIssuer, nowMs: SIGNED - MINUTE },
  }),
  fail('LOG_TIME', 'promised in the future', v1(), {
    policy: { identity: main.identity, issuer: main.oidcIssuer, nowMs: SIGNED - 60 * MINUTE },
  }),
  fail('LOG_TIME', 'promised in the future, managed key', byKey(v1()), {
    policy: { ...KEY_POLICY, nowMs: SIGNED - 60 * MINUTE },
  }),
  fail(
    'TIMESTAMP_TIME',
    'stamped in the future',
    {},
    { policy: { identity: main.identity, issuer: main.oidcIssuer, nowMs: SIGNED - 60 * MINUTE } },
  ),
  pass(
    'log key ended between promise and timestamp',
    { ...v1(), stamps: [{ timeMs: SIGNED + MINUTE }] },
    window('tlog-ends', { end: instant(SIGNED) }),
  ),
  pass('time without a promise, within the certificate, beside a timestamp', claimed(SIGNED)),
  fail(
    'CERTIFICATE_TIME',
    'time without a promise, after the certificate, beside a timestamp',
    claimed(NOW + 11 * MINUTE),
  ),
  fail(
    'CERTIFICATE_TIME',
    'time without a promise, before the certificate, beside a timestamp',
    claimed(NOW - MINUTE),
  ),
]);

const invalid = (name: string, recipe: EntryRecipe) => fail('CHECKPOINT_INVALID', name, v1(recipe));
const origin = (text: string, by: string) => text.replace(`${host} - ${treeId}`, by);

const CHECKPOINTS = under('the checkpoint of a shard: origin with tree id, signed by the log', [
  pass(
    'checkpoint of Rekor v1 with its Timestamp line',
    v1({ note: (text) => `${text}Timestamp: 1717243205000000000\n` }),
  ),
  pass(
    'checkpoint of Rekor v1 with a cosigner',
    v1({ lines: (own, text) => [own, cosignature('w.test', text, SIGNED)] }),
  ),
  pass(
    'checkpoint of another shard',
    v1({ note: (text) => origin(text, `${host} - 3904496407287907110`) }),
  ),
  invalid('checkpoint of Rekor v1 by another key', { noteKey: rogue }),
  invalid('checkpoint of Rekor v1 with a wrong hint', { hint: Uint8Array.of(1, 2, 3, 4) }),
  invalid('checkpoint of Rekor v1 under another name', { noteName: 'other.test' }),
  invalid('checkpoint of Rekor v1 with another name in its origin', {
    note: (text) => text.replace(host, 'other.test'),
  }),
  invalid('checkpoint of Rekor v1 signed under its origin', { noteName: `${host}-${treeId}` }),
  invalid('origin without a tree id', { note: (text) => origin(text, host) }),
  invalid('origin with a tree id that is no number', {
    note: (text) => origin(text, `${host} - abc`),
  }),
  invalid('origin with a negative tree id', { note: (text) => origin(text, `${host} - -1`) }),
  invalid('checkpoint of Rekor v1 altered: size', {
    envelope: (text) => text.replace('\n6\n', '\n7\n'),
  }),
  invalid('another root in the proof of Rekor v1', {
    change: ({ inclusionProof: p }) => Object.assign(p ?? {}, { rootHash: base64(ZEROS) }),
  }),
  invalid('another size in the proof of Rekor v1', {
    change: ({ inclusionProof: p }) => Object.assign(p ?? {}, { treeSize: '7' }),
  }),
  fail(
    'CHECKPOINT_MALFORMED',
    'checkpoint of Rekor v1 without a root',
    v1({ note: (text) => `${text.split('\n').slice(0, 2).join('\n')}\n` }),
  ),
  fail('CHECKPOINT_INVALID', 'bad checkpoint beside a good promise in version 0.1', {
    version: '0.1',
    ...v1({ noteKey: rogue }),
  }),
  fail('INCLUSION_PROOF_INVALID', 'bad proof beside a good promise in version 0.1', {
    version: '0.1',
    ...v1({ change: ({ inclusionProof: p }) => Object.assign(p ?? {}, { hashes: [] }) }),
  }),
  pass('proof without a checkpoint beside a good promise in version 0.1', {
    version: '0.1',
    ...v1({ change: ({ inclusionProof: p }) => Reflect.deleteProperty(p ?? {}, 'checkpoint') }),
  }),
  fail(
    'INCLUSION_PROOF_INVALID',
    'index in the shard beyond its size',
    v1({ change: ({ inclusionProof: p }) => Object.assign(p ?? {}, { logIndex: '6' }) }),
  ),
]);

/** Rekor v1 and v2 over one tree, with one key and one entry in the trusted root. */
const facade: Log = { ...main.log, treeId: '42' };
const withKey = (name: string, key: typeof rogue) =>
  variant(`rekor-${name}`, { rekor: { ...main.rekor, key } });
const p384 = withKey('p384', keyPair('p384', 'rekor'));
const onP384 = { log: p384.on.rekor };

const LOGS = under('which log it was', [
  fail('LOG_UNKNOWN', 'entry of another Rekor v1', v1Stamped({ log: elsewhere.rekor })),
  fail(
    'TIMESTAMP_MISSING',
    'promise of another Rekor v1 proves no time',
    v1({ log: elsewhere.rekor }),
  ),
  fail(
    'INCLUSION_PROMISE_INVALID',
    'promise of another Rekor v1 under the id of ours',
    v1({ promiseKey: elsewhere.rekor.key }),
  ),
  pass('both APIs over one tree', v1({ log: facade })),
  fail(
    'CHECKPOINT_INVALID',
    'both APIs over one tree, checkpoint of v2 on an entry of v1',
    v1({ log: facade, note: (text) => text.replace(' - 42', '') }),
  ),
  fail('CHECKPOINT_INVALID', 'both APIs over one tree, checkpoint of v1 on an entry of v2', {
    stamps: [{}],
    entries: [
      {
        log: facade,
        promise: false,
        globalIndex: 3,
        change: (e) => Reflect.deleteProperty(e, 'integratedTime'),
      },
    ],
  }),
  pass('Rekor v1 with P-384', v1(onP384), p384),
  pass(
    'Rekor v1 with P-384 that promises by SHA-256',
    v1({ ...onP384, promiseHash: 'sha256' }),
    p384,
  ),
  fail(
    'INCLUSION_PROMISE_INVALID',
    'Rekor v1 with P-384, promise by another key',
    v1({ ...onP384, promiseKey: rogue }),
    p384,
  ),
  fail('LOG_ENTRY_DUPLICATE', 'the same entry of Rekor v1 twice', {
    entries: [
      { log: main.rekor, kind: 'hashedrekord 0.0.1', before: 1, after: 1, globalIndex: 9 },
      { log: main.rekor, kind: 'hashedrekord 0.0.1', before: 2, after: 2, globalIndex: 9 },
    ],
  }),
  pass('Rekor v1 under the base URL of its proxy', v1(), {
    root: {
      name: 'rekor-proxy',
      json: { ...trustedWith(tlogJson({ ...main.rekor, baseUrl: 'https://proxy.test' })) },
    },
  }),
]);

function v1Stamped(recipe: EntryRecipe): Recipe {
  return { stamps: [{}], ...v1(recipe) };
}

function trustedWith(log: ReturnType<typeof tlogJson>) {
  return rootWith('', (r) => r.tlogs.splice(1, 1, log)).json;
}

export function rekorV1Cases(): Case[] {
  return [...PROVEN, ...PROMISES, ...TIMES, ...CHECKPOINTS, ...LOGS];
}
