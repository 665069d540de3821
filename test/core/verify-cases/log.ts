// SPDX-License-Identifier: Apache-2.0
// Entries of Rekor v2: from a known log, proven to be in its tree. Checkpoints stand in
// checkpoint.ts.
import { base64, fromBase64 } from '../../../services/core/bytes.ts';
import type { BundleJson } from '../../support/sigstore/bundle.ts';
import { instant, tlogJson } from '../../support/sigstore/instance.ts';
import { keyPair, type Pair, rsaPair } from '../../support/sigstore/keys.ts';
import type { EntryJson, EntryRecipe, Log } from '../../support/sigstore/log.ts';
import {
  attested,
  bundle,
  byKey,
  type Case,
  elsewhere,
  entry,
  entryJson,
  fail,
  flip,
  KEY_POLICY,
  MINUTE,
  main,
  pass,
  proofJson,
  rogue,
  rootWith,
  SIGNED,
  shortened,
  under,
  v1,
  variant,
  ZEROS,
} from './common.ts';

const two = (second: EntryRecipe, first: EntryRecipe = {}) => ({ entries: [first, second] });
const changeEntries = (change: (entries: EntryJson[]) => void) =>
  bundle(({ verificationMaterial }: BundleJson) => change(verificationMaterial.tlogEntries));
const strange: EntryRecipe = { log: elsewhere.log };

/** A second log of `main`, which the trusted root knows too. */
const secondLog: Log = {
  host: 'second.test',
  baseUrl: 'https://second.test',
  key: keyPair('p256', 'second log'),
};
const twoLogs = rootWith('two-tlogs', (r) => r.tlogs.push(tlogJson(secondLog)));

const KNOWN = under('at least one entry of a known log; every entry of a known log holds', [
  fail('LOG_ENTRY_MISSING', 'no log entry', { entries: [], stamps: [{}] }),
  fail('LOG_ENTRY_MISSING', 'no log entry, attestation', attested({ entries: [], stamps: [{}] })),
  fail('LOG_ENTRY_MISSING', 'no log entry, managed key', byKey({ entries: [] }), {
    policy: KEY_POLICY,
  }),
  fail('LOG_UNKNOWN', 'entry of another instance', entry(strange)),
  fail(
    'LOG_UNKNOWN',
    'log id of zeros',
    entryJson((e) => Object.assign(e, { logId: { keyId: base64(ZEROS) } })),
  ),
  fail(
    'LOG_UNKNOWN',
    'log id of four octets',
    entryJson((e) => Object.assign(e, { logId: { keyId: e.logId.keyId.slice(0, 8) } })),
  ),
  fail(
    'LOG_UNKNOWN',
    'no log trusted',
    {},
    { root: rootWith('no-tlog', (r) => Object.assign(r, { tlogs: [] })) },
  ),
  pass('entry of a stranger beside ours', two(strange)),
  pass('entry of a stranger before ours', two({}, strange)),
  pass('entries of two known logs', two({ log: secondLog }), { root: twoLogs }),
  pass('two entries of one log', two({ before: 4, after: 1 })),
  pass('entries of Rekor v2 and v1', {
    ...two({ log: main.rekor, kind: 'hashedrekord 0.0.1' }),
    stamps: [{}],
  }),
  fail(
    'CHECKPOINT_INVALID',
    'second entry of another known log is forged',
    two({ log: secondLog, noteKey: rogue }),
    { root: twoLogs },
  ),
  fail(
    'INCLUSION_PROOF_INVALID',
    'second entry of the same log is not proven',
    changeEntries((entries) => {
      const [first] = entries;
      if (first?.inclusionProof) {
        entries.push({
          ...first,
          logIndex: '4',
          inclusionProof: { ...first.inclusionProof, logIndex: '4' },
        });
      }
    }),
  ),
  fail(
    'LOG_ENTRY_MISMATCH',
    'second entry is about another artifact',
    two({ log: secondLog, about: { digest: ZEROS } }),
    { root: twoLogs },
  ),
  fail(
    'LOG_ENTRY_DUPLICATE',
    'the same entry twice',
    changeEntries((entries) => entries.push(...entries)),
  ),
  fail(
    'LOG_ENTRY_DUPLICATE',
    'the same entry of a stranger twice',
    changeEntries((entries) => {
      const [first] = entries;
      const stranger = first && { ...first, logId: { keyId: base64(ZEROS) } };
      if (stranger) entries.push(stranger, stranger);
    }),
  ),
  fail('LOG_ENTRY_DUPLICATE', 'two entries at one index', two({ after: 1 })),
  fail(
    'LOG_UNKNOWN',
    'entry of the log whose id is that of another',
    entryJson((e) => Object.assign(e, { logId: { keyId: base64(new Uint8Array(32).fill(7)) } })),
  ),
]);

const window = (name: string, validFor: { start?: string; end?: string }) => ({
  root: rootWith(name, (r) => {
    for (const { publicKey } of r.tlogs) Object.assign(publicKey.validFor ?? {}, validFor);
  }),
});

const TIMES = under('a log ended before the signature cannot hold it; the end is inclusive', [
  pass('log ends at the signature', {}, window('tlog-ends', { end: instant(SIGNED) })),
  fail(
    'LOG_TIME',
    'log ended before the signature',
    {},
    window('tlog-ended', { end: instant(SIGNED - 1) }),
  ),
  fail(
    'LOG_TIME',
    'log ended before the second of two times',
    { stamps: [{}, { timeMs: SIGNED + MINUTE }] },
    window('tlog-ends', { end: instant(SIGNED) }),
  ),
  pass(
    'two entries of one log, the first ended',
    {},
    {
      root: rootWith('tlog-twice', (r) => {
        const [log] = r.tlogs;
        const ended = { start: instant(0), end: instant(SIGNED - MINUTE) };
        if (log) r.tlogs.unshift({ ...log, publicKey: { ...log.publicKey, validFor: ended } });
      }),
    },
  ),
]);

const V2_ONLY = under('an entry of Rekor v2 carries neither promise nor time, and one index', [
  fail(
    'LOG_ENTRY_MALFORMED',
    'promise on an entry of Rekor v2',
    entryJson((e) => Object.assign(e, { inclusionPromise: { signedEntryTimestamp: 'AAAA' } })),
  ),
  fail('LOG_ENTRY_MALFORMED', 'good promise on an entry of Rekor v2', entry({ promise: true })),
  fail(
    'LOG_ENTRY_MALFORMED',
    'time on an entry of Rekor v2',
    entryJson((e) => Object.assign(e, { integratedTime: String(SIGNED / 1000) })),
  ),
  fail(
    'LOG_ENTRY_MALFORMED',
    'time on an entry of Rekor v2, managed key',
    byKey(entryJson((e) => Object.assign(e, { integratedTime: '1' }))),
    { policy: KEY_POLICY },
  ),
  fail('TIMESTAMP_MISSING', 'promise and time in place of a timestamp on Rekor v2', {
    stamps: [],
    ...entryJson((e) =>
      Object.assign(e, {
        integratedTime: String(SIGNED / 1000),
        inclusionPromise: { signedEntryTimestamp: 'AAAA' },
      }),
    ),
  }),
  fail(
    'LOG_ENTRY_MALFORMED',
    'another index outside than in the proof',
    entryJson((e) => Object.assign(e, { logIndex: '4' })),
  ),
  fail(
    'LOG_ENTRY_MALFORMED',
    'index 0 outside, another in the proof',
    entryJson((e) => Object.assign(e, { logIndex: '0' })),
  ),
]);

const at = (before: number, after: number) => entry({ before, after });

const TREES = under('inclusion by RFC 6962, in trees of every shape', [
  pass('tree of one leaf', at(0, 0)),
  ...[
    [0, 1],
    [1, 0],
    [0, 2],
    [2, 0],
    [4, 0],
    [6, 0],
    [7, 0],
    [3, 4],
    [8, 0],
    [0, 299],
    [255, 44],
    [256, 0],
    [299, 0],
  ].map(([before = 0, after = 0]) =>
    pass(`leaf ${before} of ${before + after + 1}`, at(before, after)),
  ),
]);

const unproven = (name: string, change: Parameters<typeof proofJson>[0]) =>
  fail('INCLUSION_PROOF_INVALID', name, proofJson(change));
const everywhere = (index: string) =>
  entryJson((e) => {
    e.logIndex = index;
    if (e.inclusionProof) e.inclusionProof.logIndex = index;
  });

const PROOFS = under('the proof leads from this body at this index to the root', [
  unproven('proof without its last hash', ({ hashes }) => hashes.pop()),
  unproven('proof without its first hash', ({ hashes }) => hashes.shift()),
  unproven('proof with a hash more', ({ hashes }) => hashes.push(base64(ZEROS))),
  unproven('proof that is empty', (p) => Object.assign(p, { hashes: [] })),
  unproven('proof with two hashes exchanged', ({ hashes }) => hashes.reverse()),
  unproven('proof with a corrupted first hash', (p) =>
    p.hashes.splice(0, 1, flip(p.hashes[0] ?? '')),
  ),
  unproven('proof with a corrupted last hash', (p) => p.hashes.push(flip(p.hashes.pop() ?? ''))),
  unproven('proof with a hash of three octets', ({ hashes }) => hashes.splice(0, 1, 'AAAA')),
  unproven('proof with an empty hash', ({ hashes }) => hashes.splice(0, 1, '')),
  unproven('proof with a hash of 64 octets', ({ hashes }) =>
    hashes.splice(0, 1, base64(new Uint8Array(64))),
  ),
  fail('INCLUSION_PROOF_INVALID', 'index of another leaf', everywhere('2')),
  fail('INCLUSION_PROOF_INVALID', 'index 0 for another leaf', everywhere('0')),
  fail('INCLUSION_PROOF_INVALID', 'index that is the size', everywhere('6')),
  fail('INCLUSION_PROOF_INVALID', 'index beyond the size', everywhere('4294967299')),
  fail('INCLUSION_PROOF_INVALID', 'tree of one leaf with a hash', {
    entries: [{ before: 0, after: 0, change: (e) => e.inclusionProof?.hashes.push(base64(ZEROS)) }],
  }),
  fail(
    'INCLUSION_PROOF_INVALID',
    'body altered in one letter',
    entryJson((e) => {
      const body = Buffer.from(fromBase64(e.canonicalizedBody))
        .toString()
        .replace('"0.0.2"', '"0.0.3"');
      e.canonicalizedBody = base64(Buffer.from(body));
    }),
  ),
  fail(
    'INCLUSION_PROOF_INVALID',
    'body with a space more',
    entryJson((e) => {
      e.canonicalizedBody = base64(
        Buffer.concat([fromBase64(e.canonicalizedBody), Buffer.from(' ')]),
      );
    }),
  ),
  fail('INCLUSION_PROOF_INVALID', 'proof of another entry of this log', {
    ...two({ before: 9, after: 2, body: (text) => text.replace('SHA2_256', 'SHA2_512') }),
    ...changeEntries((entries) => {
      const [first, second] = entries.splice(0, 2);
      if (first && second) entries.push({ ...second, canonicalizedBody: first.canonicalizedBody });
    }),
  }),
]);

const withLog = (name: string, key: Pair) => variant(`tlog-${name}`, { log: { ...main.log, key } });

const KEYS = under('logs sign checkpoints with every key type, known by its note key id', [
  ...(
    [
      ['ed25519', keyPair('ed25519', 'log')],
      ['p384', keyPair('p384', 'log')],
      ['p521', keyPair('p521', 'log')],
      ['rsa2048', rsaPair('rsa2048-3')],
      ['rsa4096', rsaPair('rsa4096-1')],
    ] as const
  ).flatMap(([name, key]) => [
    pass(`log with ${name}`, {}, withLog(name, key)),
    pass(`log with ${name}, attestation`, attested(), withLog(name, key)),
    fail(
      'CHECKPOINT_INVALID',
      `log with ${name}, signed by another key`,
      entry({ noteKey: rogue }),
      withLog(name, key),
    ),
    fail(
      'CHECKPOINT_INVALID',
      `log with ${name}, damaged signature`,
      entry({ noteSignature: new Uint8Array(64).fill(1) }),
      withLog(name, key),
    ),
  ]),
  pass(
    'base URL without a port',
    {},
    variant('tlog-no-port', { log: { ...main.log, baseUrl: 'https://log.test' } }),
  ),
  pass(
    'base URL with a path',
    {},
    variant('tlog-path', { log: { ...main.log, baseUrl: 'https://log.test/rekor/' } }),
  ),
  pass(
    'base URL with capitals',
    {},
    variant('tlog-capitals', { log: { ...main.log, baseUrl: 'https://LOG.test' } }),
  ),
]);

const KINDS = under('kinds that no Sigstore client writes are refused', [
  ...['rekord 0.0.1', 'hashedrekord 0.0.3', 'dsse 0.0.3', 'tuf 0.0.1', 'hashedrekord 1'].map(
    (label) => {
      const [kind = '', version = ''] = label.split(' ');
      return fail(
        'LOG_ENTRY_UNSUPPORTED',
        `entry of kind ${label}`,
        entryJson((e) => Object.assign(e, { kindVersion: { kind, version } })),
      );
    },
  ),
  fail('LOG_ENTRY_UNSUPPORTED', 'entry of kind rekord on Rekor v1', {
    stamps: [{}],
    ...v1({
      change: (e) => Object.assign(e, { kindVersion: { kind: 'rekord', version: '0.0.1' } }),
    }),
  }),
]);

export function logCases(): Case[] {
  return [...KNOWN, ...TIMES, ...V2_ONLY, ...shortened([...TREES, ...PROOFS]), ...KEYS, ...KINDS];
}
