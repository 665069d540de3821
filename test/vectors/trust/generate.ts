// SPDX-License-Identifier: Apache-2.0
// Writes documents.json: one valid trusted root and signing config, and edits of them that must be
// refused, each with the field at fault and a word of the reason. Run: node test/vectors/trust/generate.ts
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCaChain, makeTsaChain } from '../../../services/pki/chain.ts';

const START = Date.UTC(2026, 0, 1);
const random = (length: number) => new Uint8Array(randomBytes(length));
const ec = (namedCurve: string) => generateKeyPairSync('ec', { namedCurve });
const options = { organization: 'Example', clock: () => START, random };
const ca = await makeCaChain({ ...options, rootKey: ec('P-256').privateKey, intermediateKey: ec('P-256').privateKey });
const tsa = await makeTsaChain({ ...options, rootKey: ec('P-256').privateKey, leafKey: ec('P-256').privateKey });
const b64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64');
const spki = (pair: { publicKey: ReturnType<typeof ec>['publicKey'] }) =>
  b64(pair.publicKey.export({ type: 'spki', format: 'der' }));
const tlog = ec('P-256');
const tlogKey = spki(tlog);
const rsaKey = spki(generateKeyPairSync('rsa', { modulusLength: 2048 }));
const weakRsaKey = spki(generateKeyPairSync('rsa', { modulusLength: 1024 }));
const pem = Buffer.from(tlog.publicKey.export({ type: 'spki', format: 'pem' })).toString('base64');
const certificates = (...chain: Uint8Array[]) => chain.map((der) => ({ rawBytes: b64(der) }));
const id = () => b64(randomBytes(32));
const validFor = { start: '2026-01-01T00:00:00Z' };

const log = (baseUrl: string, rawBytes: string) => ({
  baseUrl,
  hashAlgorithm: 'SHA2_256',
  publicKey: { rawBytes, keyDetails: 'PKIX_ECDSA_P256_SHA_256', validFor },
  logId: { keyId: id() },
});
const authority = (uri: string, ...chain: Uint8Array[]) => ({
  subject: { organization: 'Example', commonName: 'root' },
  uri,
  certChain: { certificates: certificates(...chain) },
  validFor,
});

const trustedRoot = {
  mediaType: 'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  tlogs: [log('https://sigstore.test', tlogKey)],
  certificateAuthorities: [authority('https://sigstore.test', ca.intermediate, ca.root)],
  ctlogs: [log('https://sigstore.test/ctlog', spki(ec('P-256')))],
  timestampAuthorities: [authority('https://sigstore.test/api/v1/timestamp', tsa.leaf, tsa.root)],
};

interface Case {
  name: string;
  /** Dotted path; `value` absent = removed. */
  edit: { path: string; value?: unknown };
  field: string;
  reason: string;
}
const row = (name: string, path: string, value: unknown, field: string, reason: string): Case => ({
  name,
  edit: value === undefined ? { path } : { path, value },
  field,
  reason,
});
const KEY = 'tlogs.0.publicKey';
const key = (field: string) => `tlogs[0].publicKey.${field}`;
const CA = 'certificateAuthorities.0.certChain.certificates';
const TSA = 'timestampAuthorities.0.certChain.certificates';
const caField = (i: number) => `certificateAuthorities[0].certChain.certificates[${i}]`;
const tsaField = (i: number) => `timestampAuthorities[0].certChain.certificates[${i}]`;

const rootCases = [
  row('no media type', 'mediaType', undefined, 'mediaType', 'is not'),
  row('media type v0.2', 'mediaType', 'application/vnd.dev.sigstore.trustedroot.v0.2+json', 'mediaType', 'is not'),
  row('media type of a bundle', 'mediaType', 'application/vnd.dev.sigstore.bundle.v0.3+json', 'mediaType', 'is not'),
  row('unknown field at the top', 'oidc', [], 'oidc', 'unknown field'),
  row('operator of v0.2', 'tlogs.0.operator', 'example.test', 'tlogs[0].operator', 'unknown field'),
  row('checkpointKeyId of v0.2', 'tlogs.0.checkpointKeyId', { keyId: id() }, 'tlogs[0].checkpointKeyId', 'unknown field'),
  row('operator of an authority', 'certificateAuthorities.0.operator', 'x', 'certificateAuthorities[0].operator', 'unknown field'),
  row('logs are no array', 'tlogs', {}, 'tlogs', 'not an array'),
  row('null among logs', 'tlogs.0', null, 'tlogs', 'null'),
  row('no logId', 'tlogs.0.logId', undefined, 'tlogs[0].logId.keyId', 'missing'),
  row('empty logId', 'ctlogs.0.logId', {}, 'ctlogs[0].logId.keyId', 'missing'),
  row('logId in ASCII hex', 'tlogs.0.logId.keyId', b64(Buffer.from('ab'.repeat(32))), 'tlogs[0].logId.keyId', '64 octets'),
  row('logId of a note hint', 'tlogs.0.logId.keyId', 'AAAAAA==', 'tlogs[0].logId.keyId', '4 octets'),
  row('no base URL', 'tlogs.0.baseUrl', undefined, 'tlogs[0].baseUrl', 'missing'),
  row('base URL without scheme', 'tlogs.0.baseUrl', 'sigstore.test', 'tlogs[0].baseUrl', 'URL'),
  row('base URL of a file', 'tlogs.0.baseUrl', 'file:///tmp', 'tlogs[0].baseUrl', 'URL'),
  row('base URL with credentials', 'tlogs.0.baseUrl', 'https://a:b@sigstore.test', 'tlogs[0].baseUrl', 'credentials'),
  row('no hash algorithm', 'tlogs.0.hashAlgorithm', undefined, 'tlogs[0].hashAlgorithm', 'SHA2_256'),
  row('another hash algorithm', 'tlogs.0.hashAlgorithm', 'SHA2_512', 'tlogs[0].hashAlgorithm', 'unknown value'),
  row('no public key', KEY, undefined, 'tlogs[0].publicKey', 'missing'),
  row('no start', `${KEY}.validFor`, {}, key('validFor.start'), 'missing'),
  row('no window', `${KEY}.validFor`, undefined, key('validFor.start'), 'missing'),
  row('start is no time', `${KEY}.validFor.start`, 'yesterday', key('validFor.start'), 'RFC 3339'),
  row('start on a day that does not exist', `${KEY}.validFor.start`, '2026-02-30T00:00:00Z', key('validFor.start'), 'exist'),
  row('start without zone', `${KEY}.validFor.start`, '2026-01-01T00:00:00', key('validFor.start'), 'RFC 3339'),
  row('start as a number', `${KEY}.validFor.start`, 1767225600, key('validFor.start'), 'string'),
  row('end before start', `${KEY}.validFor.end`, '2025-12-31T23:59:59Z', key('validFor.end'), 'before'),
  row('PEM in rawBytes', `${KEY}.rawBytes`, pem, key('rawBytes'), 'PEM'),
  row('no rawBytes', `${KEY}.rawBytes`, '', key('rawBytes'), 'missing'),
  row('rawBytes is no key', `${KEY}.rawBytes`, 'AAAA', key('rawBytes'), 'public key'),
  row('rawBytes with a byte after the key', `${KEY}.rawBytes`, b64(Buffer.concat([Buffer.from(tlogKey, 'base64'), Buffer.of(0)])), key('rawBytes'), ''),
  row('rawBytes is no base64', `${KEY}.rawBytes`, '!!!!', key('rawBytes'), 'base64'),
  row('no key details', `${KEY}.keyDetails`, undefined, key('keyDetails'), 'missing'),
  row('PKCS#1 key details over another form', `${KEY}.keyDetails`, 'PKCS1_RSA_PKCS1V5', key('rawBytes'), 'modulus'),
  row('key details of another key', `${KEY}.keyDetails`, 'PKIX_ED25519', key('keyDetails'), 'belong'),
  row('RSA log key of 1024 bits', KEY, { rawBytes: weakRsaKey, keyDetails: 'PKIX_RSA_PKCS1V15_2048_SHA256', validFor }, key('keyDetails'), 'belong'),
  row('no chain', 'certificateAuthorities.0.certChain', undefined, 'certificateAuthorities[0].certChain', 'missing'),
  row('empty chain', CA, [], 'certificateAuthorities[0].certChain', 'missing'),
  row('CA chain reversed', CA, certificates(ca.root, ca.intermediate), caField(0), 'issued by the next'),
  row('CA chain without its root', CA, certificates(ca.intermediate), caField(0), 'self-signed'),
  row('CA chain with a leaf', CA, certificates(tsa.leaf, tsa.root), caField(0), 'not a CA'),
  row('CA chain of strangers', CA, certificates(ca.intermediate, tsa.root), caField(0), 'issued by the next'),
  row('PEM certificate', `${CA}.0.rawBytes`, b64(Buffer.from('-----BEGIN CERTIFICATE-----\n')), `${caField(0)}.rawBytes`, 'PEM'),
  row('certificate with an unknown field', `${CA}.0.pem`, 'x', `${caField(0)}.pem`, 'unknown field'),
  row('TSA chain of the root alone', TSA, certificates(tsa.root), tsaField(0), 'alone'),
  row('TSA chain without its leaf', TSA, certificates(ca.intermediate, ca.root), tsaField(0), 'is a CA'),
  row('TSA chain without its root', TSA, certificates(tsa.leaf), tsaField(0), 'alone'),
  row('TSA chain reversed', TSA, certificates(tsa.root, tsa.leaf), tsaField(0), 'is a CA'),
  row('TSA chain with two leaves', TSA, certificates(tsa.leaf, tsa.leaf), tsaField(0), 'issued by the next'),
  row('subject with an unknown field', 'timestampAuthorities.0.subject.country', 'DE', 'timestampAuthorities[0].subject.country', 'unknown field'),
  row('authority URI with a control character', 'timestampAuthorities.0.uri', 'https://tsa\n', 'timestampAuthorities[0].uri', 'control'),
];

const service = (url: string, majorApiVersion: number) => ({ url, majorApiVersion, validFor, operator: 'example.test' });
const signingConfig = {
  mediaType: 'application/vnd.dev.sigstore.signingconfig.v0.2+json',
  caUrls: [service('https://sigstore.test', 1)],
  oidcUrls: [service('https://oidc.test', 1)],
  rekorTlogUrls: [service('https://sigstore.test', 2)],
  rekorTlogConfig: { selector: 'ANY' },
  tsaUrls: [service('https://sigstore.test/api/v1/timestamp', 1)],
  tsaConfig: { selector: 'ANY' },
};
const configCases = [
  row('media type v0.1', 'mediaType', 'application/vnd.dev.sigstore.signingconfig.v0.1+json', 'mediaType', 'is not'),
  row('no media type', 'mediaType', undefined, 'mediaType', 'is not'),
  row('field of v0.1', 'caUrl', 'https://sigstore.test', 'caUrl', 'unknown field'),
  row('services are no array', 'caUrls', 'https://sigstore.test', 'caUrls', 'not an array'),
  row('service as text', 'caUrls.0', 'https://sigstore.test', 'caUrls[0]', 'not an object'),
  row('no tsaConfig', 'tsaConfig', undefined, 'tsaConfig', 'missing'),
  row('no rekorTlogConfig', 'rekorTlogConfig', undefined, 'rekorTlogConfig', 'missing'),
  row('selector undefined', 'tsaConfig.selector', undefined, 'tsaConfig.selector', 'none of'),
  row('selector SERVICE_SELECTOR_UNDEFINED', 'tsaConfig.selector', 'SERVICE_SELECTOR_UNDEFINED', 'tsaConfig.selector', 'none of'),
  row('selector unknown', 'tsaConfig.selector', 'SOME', 'tsaConfig.selector', 'unknown value'),
  row('EXACT without count', 'tsaConfig.selector', 'EXACT', 'tsaConfig.count', 'missing'),
  row('count with ANY', 'rekorTlogConfig.count', 2, 'rekorTlogConfig.count', 'EXACT'),
  row('tsaUrl is a bare host', 'tsaUrls.0.url', 'https://sigstore.test', 'tsaUrls[0].url', 'bare host'),
  row('tsaUrl is a bare host with a slash', 'tsaUrls.0.url', 'https://sigstore.test/', 'tsaUrls[0].url', 'bare host'),
  row('URL without scheme', 'rekorTlogUrls.0.url', 'sigstore.test', 'rekorTlogUrls[0].url', 'URL'),
  row('no URL', 'caUrls.0.url', undefined, 'caUrls[0].url', 'missing'),
  row('no version', 'caUrls.0.majorApiVersion', undefined, 'caUrls[0].majorApiVersion', 'missing'),
  row('negative version', 'caUrls.0.majorApiVersion', -1, 'caUrls[0].majorApiVersion', 'below 1'),
  row('fraction as version', 'caUrls.0.majorApiVersion', 1.5, 'caUrls[0].majorApiVersion', 'integer'),
  row('no start', 'oidcUrls.0.validFor', {}, 'oidcUrls[0].validFor.start', 'missing'),
  row('end before start', 'oidcUrls.0.validFor.end', '2025-01-01T00:00:00Z', 'oidcUrls[0].validFor.end', 'before'),
  row('unknown field of a service', 'oidcUrls.0.name', 'x', 'oidcUrls[0].name', 'unknown field'),
];

writeFileSync(
  join(import.meta.dirname, 'documents.json'),
  `${JSON.stringify({ trustedRoot, rootCases, signingConfig, configCases, rsaKey, ed25519Key: spki(generateKeyPairSync('ed25519')), p384Key: spki(ec('P-384')) }, null, 1)}\n`,
);
