// SPDX-License-Identifier: Apache-2.0
// Signed certificate timestamps in the leaf: at least one of a known CT log, in its window, over the
// precertificate.
import { concat, uint, utf8 } from '../../../services/core/bytes.ts';
import { octetString, TAG, tlv } from '../../../services/core/der.ts';
import { OID } from '../../../services/core/oid.ts';
import { extension } from '../../support/sigstore/certificate.ts';
import { ctlogJson, instant } from '../../support/sigstore/instance.ts';
import { keyPair } from '../../support/sigstore/keys.ts';
import type { SctRecipe } from '../../support/sigstore/leaf.ts';
import { sha256 } from '../../support/sigstore/random.ts';
import {
  attested,
  type Case,
  elsewhere,
  fail,
  NOW,
  pass,
  rogue,
  rootWith,
  rsaCt,
  under,
  v1,
  variant,
  ZEROS,
} from './common.ts';

const scts = (...list: readonly SctRecipe[]) => ({ leaf: { scts: list } });
const invalid = (name: string, ...list: readonly SctRecipe[]) =>
  fail('SCT_INVALID', name, scts(...list));
const stranger: SctRecipe = { log: elsewhere.ctlog };

const COUNT = under('at least one SCT of a known CT log verifies', [
  pass('one SCT'),
  pass('two SCTs', scts({}, { timeMs: NOW + 1 })),
  pass('SCT of a stranger before ours', scts(stranger, {})),
  pass('SCT of a stranger behind ours', scts({}, stranger)),
  pass('damaged SCT of a stranger before ours', scts({ ...stranger, signature: ZEROS }, {})),
  pass('forged SCT before a good one', scts({ key: rogue }, {})),
  fail('SCT_MISSING', 'no SCT', scts()),
  fail('SCT_MISSING', 'no SCT, attestation', attested(scts())),
  fail('SCT_MISSING', 'no SCT, Rekor v1', { ...scts(), ...v1() }),
  invalid('SCT of a stranger alone', stranger),
  invalid('SCT of a log that nobody has', { logId: ZEROS }),
  fail(
    'SCT_INVALID',
    'no CT log trusted',
    {},
    { root: rootWith('no-ctlog', (r) => Object.assign(r, { ctlogs: [] })) },
  ),
]);

const LEAF_INDEX = Uint8Array.of(0, 0, 5, 0, 0, 0, 0, 7);

const SIGNED = under('the signature covers time, issuer, precertificate and extensions', [
  pass('SCT with its leaf index', scts({ extensions: LEAF_INDEX })),
  pass('SCT with an unknown extension', scts({ extensions: Uint8Array.of(9, 0, 1, 0) })),
  invalid('SCT signed by another key', { key: rogue }),
  invalid('SCT of a stranger under the id of our log', { key: elsewhere.ctlog }),
  invalid('SCT with a damaged signature', { signature: new Uint8Array(70).fill(0x30) }),
  invalid('SCT with an empty signature', { signature: new Uint8Array() }),
  invalid('SCT over another issuer', { issuerKeyHash: ZEROS }),
  invalid('SCT over the root in place of the issuer', {
    issuerKeyHash: sha256(keyPair('p256', 'main ca root').publicKey.spki),
  }),
  invalid('SCT whose extensions are not signed', {
    extensions: LEAF_INDEX,
    extensionsSigned: new Uint8Array(),
  }),
  invalid('SCT that lost its extensions', { extensionsSigned: LEAF_INDEX }),
  invalid('SCT over a certificate in place of a precertificate', { entryType: 0 }),
]);

const window = (name: string, validFor: { start?: string; end?: string }) => ({
  root: rootWith(`ct-window-${name}`, (r) => {
    for (const { publicKey } of r.ctlogs) Object.assign(publicKey.validFor ?? {}, validFor);
  }),
});

const TIMES = under('the window of the CT log holds the time of the SCT, both ends included', [
  pass('CT window ends at the SCT', {}, window('ends', { end: instant(NOW) })),
  pass('CT window starts at the SCT', {}, window('starts', { start: instant(NOW) })),
  fail('SCT_INVALID', 'CT window ended', {}, window('ended', { end: instant(NOW - 1) })),
  fail('SCT_INVALID', 'CT window not begun', {}, window('not-yet', { start: instant(NOW + 1) })),
  pass(
    'two shards of one key, the second holds the time',
    {},
    {
      root: rootWith('ct-shards', (r) => {
        const [shard] = r.ctlogs;
        const ended = { start: instant(0), end: instant(NOW - 1) };
        if (shard)
          r.ctlogs.unshift({ ...shard, publicKey: { ...shard.publicKey, validFor: ended } });
      }),
    },
  ),
]);

const withLog = (name: string, ctlog: typeof rogue) => variant(`ct-${name}`, { ctlog });
const rsa = withLog('rsa', rsaCt);
const p384 = withLog('p384', keyPair('p384', 'ctlog'));

const KEYS = under('CT logs sign SHA-256 with P-256 or RSA, and say so', [
  pass('CT log with RSA', {}, rsa),
  pass('CT log with RSA, its leaf index in the SCT', scts({ extensions: LEAF_INDEX }), rsa),
  fail('SCT_INVALID', 'CT log with RSA, signed by another key', scts({ key: rogue }), rsa),
  fail('SCT_INVALID', 'CT log with RSA that names ECDSA', scts({ scheme: 3 }), rsa),
  invalid('SCT that names RSA', { scheme: 1 }),
  invalid('SCT that names no signature algorithm', { scheme: 0 }),
  invalid('SCT that names SHA-384', { hash: 5 }),
  invalid('SCT that names and uses SHA-384', { hash: 5, digest: 'sha384' }),
  invalid('SCT that names SHA-1', { hash: 2 }),
  fail('SCT_INVALID', 'CT log with P-384', {}, p384),
  fail(
    'SCT_INVALID',
    'CT log with P-384 and SHA-384 that names SHA-256',
    scts({ digest: 'sha384' }),
    p384,
  ),
  fail('SCT_INVALID', 'CT log with P-384 and SHA-384', scts({ hash: 5, digest: 'sha384' }), p384),
  fail('SCT_INVALID', 'CT log with Ed25519', {}, withLog('ed25519', keyPair('ed25519', 'ctlog'))),
  pass(
    'key of another CT log listed before ours',
    {},
    { root: rootWith('two-ctlogs', (r) => r.ctlogs.unshift(ctlogJson(elsewhere.ctlog))) },
  ),
]);

const list = (name: string, sctList: Uint8Array) =>
  fail('SCT_INVALID', name, { leaf: { sctList } });
const vector = (bytes: Uint8Array) => concat(uint(bytes.length, 2), bytes);

const FORM = under('the list is well formed and not empty', [
  list('SCT list that is empty', octetString(vector(new Uint8Array()))),
  list('SCT list that is no OCTET STRING', utf8('none')),
  list(
    'SCT list with data after it',
    octetString(vector(vector(Uint8Array.of(0))), Uint8Array.of(0)),
  ),
  list('SCT list that is cut off', octetString(Uint8Array.of(0, 9, 0))),
  list('SCT list with an empty SCT', octetString(vector(vector(new Uint8Array())))),
  invalid('SCT of version 2', { version: 1 }),
  invalid('SCT of a time beyond 2^53', { timeMs: 2n ** 60n }),
  fail('SCT_INVALID', 'SCT list beside a poison that is not critical', {
    leaf: { more: [extension(OID.precertPoison, tlv(TAG.null))] },
  }),
  invalid('SCT that is cut off, beside a good one', { raw: Uint8Array.of(0, 1, 2) }, {}),
]);

export function sctCases(): Case[] {
  return [...COUNT, ...SIGNED, ...TIMES, ...KEYS, ...FORM];
}
