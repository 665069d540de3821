// SPDX-License-Identifier: Apache-2.0
// Timestamp authorities: their windows, their keys, their chains.
import { OID } from '../../../services/core/oid.ts';
import { type Link, makeCa, makeTsa } from '../../support/sigstore/authority.ts';
import {
  authorityConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
} from '../../support/sigstore/certificate.ts';
import { instant, YEAR } from '../../support/sigstore/instance.ts';
import { keyPair, type Pair, rsaPair } from '../../support/sigstore/keys.ts';
import {
  attested,
  type Case,
  fail,
  MINUTE,
  NOW,
  pass,
  rogue,
  rootWith,
  SIGNED,
  stamp,
  under,
  variant,
} from './common.ts';

const START = NOW - YEAR;
const root = { key: keyPair('p256', 'tsa root') };
const middle = { key: keyPair('p256', 'tsa intermediate') };
const leafKey = keyPair('p256', 'tsa leaf');

/** `main` with a timestamp authority of its own. */
function withTsa(name: string, links: readonly Link[]) {
  return variant(`tsa-${name}`, { tsa: makeTsa(`TSA ${name}`, START, links) });
}

/** `main` with a leaf made so. */
const withLeaf = (name: string, leaf: Partial<Link>) =>
  withTsa(name, [root, { key: leafKey, ...leaf }]);
const withKey = (name: string, key: Pair) => withTsa(name, [root, { key }]);
const DIGITAL = keyUsage('digitalSignature');
const STAMPING = extendedKeyUsage([OID.timeStamping], true);

/** The trusted root of `main`, the windows of its timestamp authorities changed. */
const window = (name: string, validFor: { start?: string; end?: string }) =>
  rootWith(`tsa-window-${name}`, (r) => {
    for (const authority of r.timestampAuthorities)
      Object.assign(authority.validFor ?? {}, validFor);
  });

const SECOND = 1000;
const TIMES = under(
  'the time lies within leaf, chain and window of the authority, both ends included',
  [
    pass('time at the end of the window', {}, { root: window('ends', { end: instant(SIGNED) }) }),
    pass(
      'time at the start of the window',
      {},
      { root: window('starts', { start: instant(SIGNED) }) },
    ),
    fail(
      'TIMESTAMP_TIME',
      'time after the window',
      {},
      { root: window('ended', { end: instant(SIGNED - 1) }) },
    ),
    fail(
      'TIMESTAMP_TIME',
      'time before the window',
      {},
      { root: window('not-yet', { start: instant(SIGNED + 1) }) },
    ),
    pass(
      'time at the end of the timestamp leaf',
      {},
      withLeaf('leaf-ends', { notAfterMs: SIGNED }),
    ),
    pass(
      'time at the start of the timestamp leaf',
      {},
      withLeaf('leaf-starts', { notBeforeMs: SIGNED }),
    ),
    fail(
      'TIMESTAMP_TIME',
      'time after the timestamp leaf',
      {},
      withLeaf('leaf-ended', { notAfterMs: SIGNED - SECOND }),
    ),
    fail(
      'TIMESTAMP_TIME',
      'time before the timestamp leaf',
      {},
      withLeaf('leaf-not-yet', { notBeforeMs: SIGNED + SECOND }),
    ),
    fail(
      'TIMESTAMP_TIME',
      'time after the timestamp root',
      {},
      withTsa('root-ended', [{ ...root, notAfterMs: SIGNED - SECOND }, { key: leafKey }]),
    ),
    fail(
      'TIMESTAMP_TIME',
      'time after the timestamp intermediate',
      {},
      withTsa('intermediate-ended', [
        root,
        { ...middle, notAfterMs: SIGNED - SECOND },
        { key: leafKey },
      ]),
    ),
    pass(
      'two entries of one authority, the first ended',
      {},
      {
        root: rootWith('tsa-twice', (r) => {
          const [one] = r.timestampAuthorities;
          if (one)
            r.timestampAuthorities.unshift({
              ...one,
              validFor: { start: instant(START), end: instant(NOW - MINUTE) },
            });
        }),
      },
    ),
  ],
);

const LONG_AGO = Date.UTC(2020, 5, 1);

/** Every chain of it expired years ago. */
function pastInstance() {
  const nowMs = LONG_AGO;
  const until = { notAfterMs: nowMs + 60 * MINUTE };
  const links = ['root', 'ca'].map((use) => ({ key: keyPair('p256', `past ${use}`), ...until }));
  const stamping = [root, { key: leafKey }].map((link) => ({ ...link, ...until }));
  const { on, root: trusted } = variant('past', {
    nowMs,
    timeMs: nowMs + 5 * SECOND,
    ca: makeCa('CA past', nowMs - MINUTE, links),
    tsa: makeTsa('TSA past', nowMs - MINUTE, stamping),
  });
  const { tlogs, ctlogs, certificateAuthorities, timestampAuthorities } = trusted.json;
  const keys = [...tlogs, ...ctlogs].map(({ publicKey }) => publicKey);
  for (const holder of [...keys, ...certificateAuthorities, ...timestampAuthorities]) {
    holder.validFor = { start: instant(nowMs - MINUTE) };
  }
  return { on, root: trusted };
}

const EXPIRED = under('what expired since still proves the past', [
  pass('all chains expired today', {}, pastInstance()),
  pass('all chains expired today, attestation', attested(), pastInstance()),
]);

const KEYS = under(
  'authorities sign with ECDSA or RSA; the algorithm fits the key and its digest',
  [
    pass('authority with P-384', {}, withKey('p384', keyPair('p384', 'tsa'))),
    pass('authority with P-521', {}, withKey('p521', keyPair('p521', 'tsa'))),
    pass('authority with RSA', {}, withKey('rsa', rsaPair('rsa2048-3'))),
    pass(
      'authority with RSA and SHA-512',
      stamp({ signerHash: 'sha512' }),
      withKey('rsa', rsaPair('rsa2048-3')),
    ),
    pass(
      'authority with RSA that names rsaEncryption',
      stamp({ signatureOid: OID.rsaEncryption }),
      withKey('rsa', rsaPair('rsa2048-3')),
    ),
    pass(
      'authority with P-256 and SHA-512',
      stamp({ signerHash: 'sha512', signatureOid: OID.ecdsaSha512 }),
    ),
    fail(
      'TIMESTAMP_INVALID',
      'good signature with another digest than is named',
      stamp({ signatureOid: OID.ecdsaSha384, signsWith: 'sha384' }),
    ),
    fail('TIMESTAMP_INVALID', 'RSA named for a P-256 key', stamp({ signatureOid: OID.rsaSha256 })),
    fail(
      'TIMESTAMP_INVALID',
      'signature algorithm with another digest',
      stamp({ signatureOid: OID.ecdsaSha384 }),
    ),
  ],
);

const CHAINS = under('the chain certifies timestamping alone, in two certificates or more', [
  pass('authority with an intermediate', {}, withTsa('three', [root, middle, { key: leafKey }])),
  pass(
    'authority with an intermediate, leaf embedded',
    {},
    leafOf(withTsa('three', [root, middle, { key: leafKey }])),
  ),
  pass(
    'authority with an intermediate, all embedded',
    {},
    whole(withTsa('three', [root, middle, { key: leafKey }])),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'intermediate that certifies code signing',
    {},
    withTsa('three-code', [
      root,
      {
        ...middle,
        extensions: [
          keyUsage('certSign'),
          extendedKeyUsage([OID.codeSigning]),
          authorityConstraints(0),
        ],
      },
      { key: leafKey },
    ]),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'intermediate that may not certify',
    {},
    withTsa('three-crl', [
      root,
      { ...middle, extensions: [keyUsage('crlSign'), authorityConstraints(0)] },
      { key: leafKey },
    ]),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'intermediate signed by another root',
    {},
    withTsa('three-forged', [root, { ...middle, signer: rogue }, { key: leafKey }]),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'timestamp leaf signed by another root',
    {},
    withLeaf('leaf-forged', { signer: rogue }),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'timestamp path longer than its root allows',
    {},
    withTsa('three-long', [{ ...root, pathLength: 0 }, middle, { key: leafKey }]),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'timestamp leaf without purpose',
    {},
    withLeaf('no-purpose', { extensions: [DIGITAL] }),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'timestamp leaf for code signing',
    {},
    withLeaf('code-signing', { extensions: [DIGITAL, extendedKeyUsage([OID.codeSigning], true)] }),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'timestamp leaf with a second purpose',
    {},
    withLeaf('two-purposes', {
      extensions: [DIGITAL, extendedKeyUsage([OID.timeStamping, OID.codeSigning], true)],
    }),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'timestamp leaf with a purpose that is not critical',
    {},
    withLeaf('not-critical', { extensions: [DIGITAL, extendedKeyUsage([OID.timeStamping])] }),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'timestamp leaf without digitalSignature',
    {},
    withLeaf('no-digital', { extensions: [STAMPING] }),
  ),
  fail(
    'TIMESTAMP_CERTIFICATE',
    'timestamp leaf with an unknown critical extension',
    {},
    withLeaf('critical', { more: [extension('1.3.6.1.4.1.99999.1', Uint8Array.of(5, 0), true)] }),
  ),
]);

function leafOf({ on, root: trusted }: ReturnType<typeof variant>) {
  return { on, root: trusted, recipe: stamp({ embed: on.tsa.chain.slice(0, 1) }) };
}

function whole({ on, root: trusted }: ReturnType<typeof variant>) {
  return { on, root: trusted, recipe: stamp({ embed: on.tsa.chain }) };
}

export function timestampChainCases(): Case[] {
  return [...TIMES, ...EXPIRED, ...KEYS, ...CHAINS];
}
