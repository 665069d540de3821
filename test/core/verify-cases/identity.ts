// SPDX-License-Identifier: Apache-2.0
// Who signed, against whom the caller asked for.

import { utf8 } from '../../../services/core/bytes.ts';
import { TAG, tlv } from '../../../services/core/der.ts';
import { extension, type LeafName } from '../../support/sigstore/certificate.ts';
import type { LeafRecipe } from '../../support/sigstore/leaf.ts';
import type { PolicyJson } from '../../support/vectors.ts';
import { type Case, fail, IDENTITY, ISSUER, POLICY, pass, under } from './common.ts';

const leaf = (recipe: LeafRecipe) => ({ leaf: recipe });
const named = (...names: readonly LeafName[]) => leaf({ names });
const email = (value: string) => named({ kind: 'email', value });
const uri = (value: string) => named({ kind: 'uri', value });
const username = (value: string) => named({ kind: 'username', value });
const asks = (policy: PolicyJson) => ({ policy: { ...POLICY, ...policy } });
const by = (identity: string) => asks({ identity });

const SERVICE_ACCOUNT = 'https://kubernetes.io/namespaces/ci/serviceaccounts/builder';
const WORKFLOW = 'https://git.test/org/repo//.ci/release.yml@refs/heads/main';

const NAMES = under('the subject is a mail address, a URI or a user name, compared exactly', [
  pass('mail address', email('ann@example.com'), by('ann@example.com')),
  pass('URI', uri(SERVICE_ACCOUNT), by(SERVICE_ACCOUNT)),
  pass('URI with two slashes in its path', uri(WORKFLOW), by(WORKFLOW)),
  pass('SPIFFE id', uri('spiffe://corp.test/ns/ci/sa/a'), by('spiffe://corp.test/ns/ci/sa/a')),
  pass('user name', username('ann!corp.test'), by('ann!corp.test')),
  pass('user name beyond ASCII', username('änn!corp.test'), by('änn!corp.test')),
  ...(
    [
      ['somebody else', IDENTITY, 'eve@example.com'],
      ['other case', IDENTITY, IDENTITY.toUpperCase()],
      ['more before the name', `x${IDENTITY}`, IDENTITY],
      ['more after the name', `${IDENTITY}.evil.test`, IDENTITY],
      ['less than the name', IDENTITY, IDENTITY.slice(0, -1)],
      ['a space behind the name', IDENTITY, `${IDENTITY} `],
      ['a pattern as a name', IDENTITY, '.*'],
      ['a wildcard as a name', IDENTITY, '*@example.com'],
    ] as const
  ).map(([name, is, wanted]) => fail('IDENTITY_MISMATCH', name, email(is), by(wanted))),
  fail(
    'IDENTITY_MISMATCH',
    'URI with another path',
    uri(`${SERVICE_ACCOUNT}2`),
    by(SERVICE_ACCOUNT),
  ),
  fail(
    'IDENTITY_MISMATCH',
    'URI in another spelling',
    uri(SERVICE_ACCOUNT),
    by(SERVICE_ACCOUNT.replace('builder', '%62uilder')),
  ),
  fail(
    'IDENTITY_MISMATCH',
    'URI with a dot segment',
    uri(`${SERVICE_ACCOUNT}/.`),
    by(`${SERVICE_ACCOUNT}/`),
  ),
  fail(
    'IDENTITY_MISMATCH',
    'user name in another normal form',
    username('a\u0308nn!corp.test'),
    by('änn!corp.test'),
  ),
]);

const ONE = under('the certificate names exactly one subject of a kind that is an identity', [
  fail(
    'CERTIFICATE_MALFORMED',
    'two mail addresses',
    named({ kind: 'email', value: 'eve@example.com' }, { kind: 'email', value: IDENTITY }),
  ),
  fail(
    'CERTIFICATE_MALFORMED',
    'mail address and URI',
    named({ kind: 'email', value: IDENTITY }, { kind: 'uri', value: SERVICE_ACCOUNT }),
  ),
  fail(
    'CERTIFICATE_MALFORMED',
    'the same mail address twice',
    named({ kind: 'email', value: IDENTITY }, { kind: 'email', value: IDENTITY }),
  ),
  fail(
    'CERTIFICATE_MALFORMED',
    'host name',
    named({ kind: 'dns', value: 'example.com' }),
    by('example.com'),
  ),
  fail('CERTIFICATE_MALFORMED', 'no subject at all', leaf({ names: [] })),
]);

const OTHER_ISSUER = 'https://other.test';
const claims = (...list: ReadonlyArray<readonly [number, string]>) => leaf({ claims: list });

const ISSUERS = under('the issuer is that of extension 1.8, else of 1.1, compared exactly', [
  pass('issuer in extension 1.8 alone', claims([8, ISSUER])),
  pass('issuer in extension 1.1 alone', claims([1, ISSUER])),
  pass('extension 1.8 before 1.1', claims([1, OTHER_ISSUER], [8, ISSUER])),
  fail(
    'ISSUER_MISMATCH',
    'extension 1.1 does not mend 1.8',
    claims([1, ISSUER], [8, OTHER_ISSUER]),
  ),
  fail('ISSUER_MISMATCH', 'other issuer', claims([1, OTHER_ISSUER], [8, OTHER_ISSUER])),
  fail('ISSUER_MISMATCH', 'no issuer', claims()),
  fail('ISSUER_MISMATCH', 'empty issuer in the certificate', claims([1, ISSUER], [8, ''])),
  fail('ISSUER_MISMATCH', 'issuer with a slash more', {}, asks({ issuer: `${ISSUER}/` })),
  fail(
    'ISSUER_MISMATCH',
    'issuer in other case',
    {},
    asks({ issuer: ISSUER.replace('issuer', 'Issuer') }),
  ),
  fail(
    'ISSUER_MISMATCH',
    'issuer without https',
    {},
    asks({ issuer: ISSUER.replace('https', 'http') }),
  ),
  fail('ISSUER_MISMATCH', 'issuer that begins so', claims([8, `${ISSUER}.evil.test`])),
  fail(
    'ISSUER_MISMATCH',
    'identity and issuer exchanged',
    {},
    { policy: { identity: ISSUER, issuer: IDENTITY } },
  ),
  fail(
    'CERTIFICATE_MALFORMED',
    'extension 1.8 without its UTF8String',
    leaf({ claims: [[1, ISSUER]], more: [extension('1.3.6.1.4.1.57264.1.8', utf8(ISSUER))] }),
  ),
  fail(
    'CERTIFICATE_MALFORMED',
    'extension 1.8 as IA5String',
    leaf({
      claims: [],
      more: [extension('1.3.6.1.4.1.57264.1.8', tlv(TAG.ia5String, utf8(ISSUER)))],
    }),
  ),
  fail(
    'CERTIFICATE_MALFORMED',
    'extension 1.1 that is no UTF-8',
    leaf({
      claims: [[8, ISSUER]],
      more: [extension('1.3.6.1.4.1.57264.1.1', Uint8Array.of(0xff))],
    }),
  ),
]);

const like = (identityRegexp: string, more: PolicyJson = {}) => ({
  policy: { identityRegexp, issuer: ISSUER, ...more },
});

const PATTERNS = under('patterns are anchored by the verifier', [
  pass('pattern of the whole name', {}, like('[a-z]+@example\\.com')),
  pass(
    'pattern of the whole issuer',
    {},
    { policy: { identity: IDENTITY, issuerRegexp: 'https://.*\\.test' } },
  ),
  pass('pattern with alternatives', {}, like('nobody|dev@example\\.com')),
  fail('IDENTITY_MISMATCH', 'pattern of a part of the name', {}, like('example')),
  fail('IDENTITY_MISMATCH', 'pattern of the end of the name', {}, like('@example\\.com')),
  fail(
    'IDENTITY_MISMATCH',
    'alternatives that begin alike',
    email(`${IDENTITY}.evil.test`),
    like('nobody|dev@example\\.com'),
  ),
  fail(
    'IDENTITY_MISMATCH',
    'name of two lines',
    username(`eve\n${IDENTITY}`),
    like('dev@example\\.com'),
  ),
  fail(
    'ISSUER_MISMATCH',
    'pattern of a part of the issuer',
    {},
    { policy: { identity: IDENTITY, issuerRegexp: 'issuer' } },
  ),
  fail('IDENTITY_POLICY_MISSING', 'empty pattern', {}, like('')),
  fail(
    'IDENTITY_POLICY_MISSING',
    'pattern without an issuer',
    {},
    { policy: { identityRegexp: '.*' } },
  ),
  fail('USAGE', 'pattern that is none', {}, like('(')),
  fail('USAGE', 'pattern that closes the group around it', {}, like('a)|(.*')),
  fail('USAGE', 'name and pattern', {}, like('.*', { identity: IDENTITY })),
]);

const CI: ReadonlyArray<readonly [number, string]> = [
  [1, ISSUER],
  [2, 'push'],
  [3, '0123456789abcdef'],
  [4, 'release'],
  [5, 'org/repo'],
  [6, 'refs/heads/main'],
  [8, ISSUER],
  [12, 'https://git.test/org/repo'],
  [14, 'refs/heads/main'],
];
const extensions = (...list: ReadonlyArray<readonly [number: number, value: string]>) =>
  asks({ extensions: list.map(([number, value]) => ({ number, value })) });

const EXTENSIONS = under('extensions that are asked for are there with exactly that text', [
  pass(
    'workflow extensions',
    claims(...CI),
    extensions([2, 'push'], [5, 'org/repo'], [6, 'refs/heads/main']),
  ),
  pass('source repository extension', claims(...CI), extensions([12, 'https://git.test/org/repo'])),
  fail(
    'EXTENSION_MISMATCH',
    'other workflow trigger',
    claims(...CI),
    extensions([2, 'pull_request']),
  ),
  fail(
    'EXTENSION_MISMATCH',
    'one of two extensions differs',
    claims(...CI),
    extensions([2, 'push'], [14, 'refs/heads/dev']),
  ),
  fail('EXTENSION_MISMATCH', 'extension that is absent', {}, extensions([5, 'org/repo'])),
  fail('EXTENSION_MISMATCH', 'extension that begins so', claims(...CI), extensions([5, 'org'])),
  fail('IDENTITY_POLICY_MISSING', 'extensions without identity', claims(...CI), {
    policy: { extensions: [{ number: 5, value: 'org/repo' }] },
  }),
]);

export function identityCases(): Case[] {
  return [...NAMES, ...ONE, ...ISSUERS, ...PATTERNS, ...EXTENSIONS];
}
