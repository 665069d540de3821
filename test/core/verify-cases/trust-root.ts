// SPDX-License-Identifier: Apache-2.0
// The trusted root in its states: what of it is refused as a whole, and what a good bundle meets in
// one that is fine.
import { base64, utf8 } from '../../../services/core/bytes.ts';
import { pem } from '../../../services/core/pem.ts';
import {
  authorityJson,
  ctlogJson,
  instant,
  type RootJson,
  TSA_URI,
  tlogJson,
  YEAR,
} from '../../support/sigstore/instance.ts';
import { rsaPair } from '../../support/sigstore/keys.ts';
import {
  byKey,
  type Case,
  elsewhere,
  fail,
  KEY_POLICY,
  main,
  NOW,
  pass,
  rootWith,
  shortened,
  under,
  v1,
  ZEROS,
} from './common.ts';

const slug = (name: string) => `root-${name.replaceAll(/[^A-Za-z0-9]+/g, '-').toLowerCase()}`;
const broken = (name: string, change: (root: RootJson) => void) =>
  fail('TRUST_ROOT_MALFORMED', name, {}, { root: rootWith(slug(name), change) });
const fine = (name: string, change: (root: RootJson) => void) =>
  pass(name, {}, { root: rootWith(slug(name), change) });

const tlog = (change: (log: RootJson['tlogs'][number]) => void) => (root: RootJson) =>
  root.tlogs.slice(0, 1).map(change);
const tsa =
  (change: (authority: RootJson['timestampAuthorities'][number]) => void) => (root: RootJson) =>
    root.timestampAuthorities.slice(0, 1).map(change);
const ca =
  (change: (authority: RootJson['timestampAuthorities'][number]) => void) => (root: RootJson) =>
    root.certificateAuthorities.slice(0, 1).map(change);
const spkiPem = base64(utf8(pem('PUBLIC KEY', main.log.key.publicKey.spki)));
const caPem = base64(utf8(pem('CERTIFICATE', main.ca.chain[0] ?? ZEROS)));

const MALFORMED = under('a trusted root with a fault in any part is refused as a whole', [
  broken('media type of version 0.2', (r) =>
    Object.assign(r, { mediaType: 'application/vnd.dev.sigstore.trustedroot.v0.2+json' }),
  ),
  broken('media type of a bundle', (r) =>
    Object.assign(r, { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json' }),
  ),
  broken('media type absent', (r) => Reflect.deleteProperty(r, 'mediaType')),
  broken(
    'field that version 0.1 lacks',
    tlog((log) => Object.assign(log, { operator: 'test' })),
  ),
  broken(
    'checkpoint key id',
    tlog((log) => Object.assign(log, { checkpointKeyId: log.logId })),
  ),
  broken(
    'log without its id',
    tlog((log) => Reflect.deleteProperty(log, 'logId')),
  ),
  broken(
    'log with an id of 20 octets',
    tlog((log) => Object.assign(log, { logId: { keyId: base64(new Uint8Array(20)) } })),
  ),
  broken(
    'log without a window',
    tlog(({ publicKey }) => Reflect.deleteProperty(publicKey, 'validFor')),
  ),
  broken(
    'log without a start',
    tlog(({ publicKey }) => Object.assign(publicKey, { validFor: {} })),
  ),
  broken(
    'log with an end alone',
    tlog(({ publicKey }) => Object.assign(publicKey, { validFor: { end: instant(NOW) } })),
  ),
  broken(
    'log that ends before it starts',
    tlog(({ publicKey }) =>
      Object.assign(publicKey, { validFor: { start: instant(NOW), end: instant(NOW - 1) } }),
    ),
  ),
  broken(
    'log with a start that is no time',
    tlog(({ publicKey }) => Object.assign(publicKey, { validFor: { start: '2026-06-01' } })),
  ),
  broken(
    'log key in PEM',
    tlog(({ publicKey }) => Object.assign(publicKey, { rawBytes: spkiPem })),
  ),
  broken(
    'log key with data after it',
    tlog(({ publicKey }) =>
      Object.assign(publicKey, {
        rawBytes: base64(new Uint8Array([...main.log.key.publicKey.spki, 0])),
      }),
    ),
  ),
  broken(
    'log key of another kind than it says',
    tlog(({ publicKey }) => Object.assign(publicKey, { keyDetails: 'PKIX_ED25519' })),
  ),
  broken(
    'log without key details',
    tlog(({ publicKey }) => Reflect.deleteProperty(publicKey, 'keyDetails')),
  ),
  broken(
    'log with another tree hash',
    tlog((log) => Object.assign(log, { hashAlgorithm: 'SHA2_512' })),
  ),
  broken(
    'log without a base URL',
    tlog((log) => Object.assign(log, { baseUrl: '' })),
  ),
  broken(
    'base URL without a scheme',
    tlog((log) => Object.assign(log, { baseUrl: 'log.test' })),
  ),
  broken('CT log without a start', (r) =>
    r.ctlogs.forEach(({ publicKey }) => {
      Reflect.deleteProperty(publicKey, 'validFor');
    }),
  ),
  broken(
    'CA certificate in PEM',
    ca(({ certChain }) => Object.assign(certChain.certificates[0] ?? {}, { rawBytes: caPem })),
  ),
  broken(
    'CA chain in reverse',
    ca(({ certChain }) => certChain.certificates.reverse()),
  ),
  broken(
    'CA chain without its root',
    ca(({ certChain }) => certChain.certificates.pop()),
  ),
  broken(
    'CA chain that is empty',
    ca(({ certChain }) => Object.assign(certChain, { certificates: [] })),
  ),
  broken(
    'CA chain of two chains',
    ca(({ certChain }) =>
      certChain.certificates.push(...authorityJson('', elsewhere.ca).certChain.certificates),
    ),
  ),
  broken(
    'timestamp chain in reverse',
    tsa(({ certChain }) => certChain.certificates.reverse()),
  ),
  broken(
    'timestamp chain without its leaf',
    tsa(({ certChain }) => certChain.certificates.shift()),
  ),
  broken(
    'timestamp chain of the leaf alone',
    tsa(({ certChain }) => certChain.certificates.pop()),
  ),
  broken(
    'timestamp certificate of a CA',
    tsa((one) => Object.assign(one, { certChain: authorityJson('', main.ca).certChain })),
  ),
]);

const FUTURE = { start: instant(NOW + YEAR) };
const future = (log: ReturnType<typeof tlogJson>) => ({
  ...log,
  publicKey: { ...log.publicKey, validFor: FUTURE },
});

const STATES = under(
  'overlapping, ended and future entries are legal; each is judged by its own window',
  [
    fine('services of another instance beside', (r) => {
      r.tlogs.push(tlogJson(elsewhere.log));
      r.ctlogs.push(ctlogJson(elsewhere.ctlog));
      r.certificateAuthorities.push(authorityJson('https://ca2.test', elsewhere.ca));
      r.timestampAuthorities.push(authorityJson('https://tsa2.test/', elsewhere.tsa));
    }),
    fine('every entry twice', (r) => {
      for (const list of [r.tlogs, r.ctlogs, r.certificateAuthorities, r.timestampAuthorities]) {
        (list as unknown[]).push(...list);
      }
    }),
    fine('future entries beside', (r) => {
      r.tlogs.unshift(future(tlogJson(elsewhere.log)));
      r.ctlogs.unshift(future(ctlogJson(elsewhere.ctlog)));
      r.certificateAuthorities.unshift({
        ...authorityJson('https://ca.test', main.ca),
        validFor: FUTURE,
      });
      r.timestampAuthorities.unshift({ ...authorityJson(TSA_URI, main.tsa), validFor: FUTURE });
    }),
    fine('authorities without a window', (r) => {
      for (const one of [...r.certificateAuthorities, ...r.timestampAuthorities])
        delete one.validFor;
    }),
    fine('key details by number', (r) =>
      r.tlogs.forEach(({ publicKey }) => {
        Object.assign(publicKey, { keyDetails: 5 });
      }),
    ),
    fine('log with an RSA key beside', (r) =>
      r.tlogs.push(tlogJson({ ...elsewhere.log, key: rsaPair('rsa2048-1') })),
    ),
    fine('log with a key of a kind yet unknown beside', (r) => {
      const [log] = r.tlogs;
      if (log) r.tlogs.push({ ...log, publicKey: { ...log.publicKey, keyDetails: 'ML_DSA_65' } });
    }),
    fail(
      'LOG_UNKNOWN',
      'log with a key of a kind yet unknown alone',
      {},
      {
        root: rootWith('root-unknown-key-kind', (r) =>
          r.tlogs.forEach(({ publicKey }) => {
            Object.assign(publicKey, { keyDetails: 'ML_DSA_65' });
          }),
        ),
      },
    ),
    fail(
      'CERTIFICATE_PATH',
      'CA of the future alone',
      {},
      {
        root: rootWith(
          'root-future-ca',
          ca((one) => Object.assign(one, { validFor: FUTURE })),
        ),
      },
    ),
    fail(
      'TIMESTAMP_TIME',
      'timestamp authority of the future alone',
      {},
      {
        root: rootWith(
          'root-future-tsa',
          tsa((one) => Object.assign(one, { validFor: FUTURE })),
        ),
      },
    ),
    fail('LOG_TIME', 'Rekor v1 of the future alone', v1(), {
      root: rootWith('root-future-rekor', (r) =>
        r.tlogs.forEach(({ publicKey }) => {
          Object.assign(publicKey, { validFor: FUTURE });
        }),
      ),
    }),
  ],
);

const NONE = under('a list that is empty trusts nobody', [
  fail(
    'TIMESTAMP_UNTRUSTED',
    'empty trusted root',
    {},
    {
      root: rootWith('root-empty', (r) =>
        Object.assign(r, {
          tlogs: [],
          ctlogs: [],
          certificateAuthorities: [],
          timestampAuthorities: [],
        }),
      ),
    },
  ),
  fail('LOG_UNKNOWN', 'empty trusted root, managed key', byKey({ stamps: [] }), {
    policy: KEY_POLICY,
    root: rootWith('root-empty', (r) =>
      Object.assign(r, {
        tlogs: [],
        ctlogs: [],
        certificateAuthorities: [],
        timestampAuthorities: [],
      }),
    ),
  }),
]);

export function trustRootCases(): Case[] {
  return [...shortened(MALFORMED), ...STATES, ...NONE];
}
