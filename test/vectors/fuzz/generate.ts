// SPDX-License-Identifier: Apache-2.0
// Writes seeds.json: sound inputs of every parser, from which the fuzzer makes its own. They are kept
// as data, so that a seed number means the same inputs on every machine. Run: node test/vectors/fuzz/generate.ts
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { base64, base64url, concat, utf8 } from '../../../services/core/bytes.ts';
import { bitString, context, oid, sequence, smallInteger, TAG, tlv, octetString } from '../../../services/core/der.ts';
import { serializeTrustedRoot } from '../../../services/core/trust.ts';
import { buildClientTrustConfig, serializeSigningConfig, type SigningConfig } from '../../../services/core/signing-config.ts';
import { buildHashedRekord } from '../../../services/core/entry.ts';
import { OID } from '../../../services/core/oid.ts';
import { pem } from '../../../services/core/pem.ts';
import { encodeSct, encodeSctList, leafIndexExtension } from '../../../services/core/sct.ts';
import { encodeTimestampRequest, type TimestampRequest } from '../../../services/core/tsp-request.ts';
import { findExtension, parseCertificate } from '../../../services/core/x509.ts';
import { tileLeaf, timestampedEntry } from '../../../services/ctlog/leaf.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import { GITHUB_CLAIMS, GITLAB_CLAIMS } from '../../ca/harness.ts';
import { name } from '../../core/certificates.ts';
import { type BundleJson, createVirtualSigstore, KEY_MAKERS, NOW, noteLine, statementOf } from '../../support/virtual-sigstore.ts';
import { newKey, Repo } from '../../tuf/repo.ts';

const sigstore = await createVirtualSigstore();
const sha256 = (bytes: Uint8Array) => nodeCrypto.digest('sha256', bytes);
const artifact = utf8('the artifact\n');
const statement = statementOf(artifact);
const text = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? []).toString('utf8');
const range = (length: number, fill: number) => new Uint8Array(length).fill(fill);

// --- keys and certificates ---

const pairs = [KEY_MAKERS.p256(), KEY_MAKERS.p384(), KEY_MAKERS.p521(), KEY_MAKERS.rsa(), KEY_MAKERS.ed25519()];
const [p256] = pairs;
if (p256 === undefined) throw new Error('no key');
const leaf = sigstore.issue({}, p256.publicKey.spki);
const authorities = [...sigstore.root.certificateAuthorities, ...sigstore.root.timestampAuthorities];
const certificates = [
  leaf,
  ...pairs.slice(1).map((pair) => sigstore.issue({ name: { kind: 'uri', value: 'https://a.test/x@refs/heads/main' } }, pair.publicKey.spki)),
  sigstore.issue({ name: { kind: 'username', value: 'me!a.test' }, sctExtensions: leafIndexExtension(7) }, p256.publicKey.spki),
  ...authorities.flatMap(({ chain }) => chain.map(({ der }) => der)),
];

function request(privateKey: KeyObject, spki: Uint8Array, signatureOid: string, hash: string | null): Uint8Array {
  const extensions = sequence(oid('1.2.840.113549.1.9.14'), tlv(TAG.set, sequence()));
  const info = sequence(smallInteger(0), name('dev'), spki, tlv(context(0), extensions));
  return sequence(info, sequence(oid(signatureOid)), bitString(sign(hash, info, privateKey)));
}
const ed25519 = generateKeyPairSync('ed25519');
const requests = [
  request(p256.privateKey, p256.publicKey.spki, OID.ecdsaSha256, 'sha256'),
  request(ed25519.privateKey, new Uint8Array(ed25519.publicKey.export({ type: 'spki', format: 'der' })), OID.ed25519, null),
];

const lists = certificates.flatMap((der) => findExtension(parseCertificate(der), OID.sctList)?.value ?? []);
const sct = (fill: number) =>
  encodeSct({ logId: range(32, fill), timestampMs: NOW, extensions: leafIndexExtension(fill), hash: 4, signatureAlgorithm: 3, signature: range(71, fill) });
const two = octetString(encodeSctList([sct(1), sct(2)]));

// --- timestamps ---

const query: TimestampRequest = { hashOid: OID.sha256, hashParameters: 'null', digest: range(32, 1), certReq: true, extensions: [], nonce: range(8, 0x41) };
const { nonce: _, ...plainQuery } = query;
const queries = [
  query,
  plainQuery,
  { ...query, hashOid: OID.sha512, hashParameters: 'absent' as const, digest: range(64, 2), policy: OID.sigstoreTsaPolicy, certReq: false },
  { ...query, extensions: [{ oid: '1.2.3.4', critical: true, value: range(4, 5) }] },
].map(encodeTimestampRequest);
const answers = [sigstore.stamp({}, sha256(artifact)), sigstore.stamp({}, sha256(leaf), range(20, 0x33))];
const refusal = sequence(sequence(smallInteger(2), sequence(tlv(TAG.utf8String, utf8('no'))), tlv(TAG.bitString, Uint8Array.of(7, 0x80))));

// --- bundles ---

const older = (version: string) => (bundle: BundleJson) => {
  const { certificate, tlogEntries } = bundle.verificationMaterial;
  bundle.mediaType = `application/vnd.dev.sigstore.bundle+json;version=${version}`;
  delete bundle.verificationMaterial.certificate;
  bundle.verificationMaterial.x509CertificateChain = { certificates: certificate ? [certificate] : [] };
  for (const entry of tlogEntries) {
    entry.inclusionPromise = { signedEntryTimestamp: base64(range(71, 3)) };
    entry.integratedTime = String(NOW / 1000);
  }
};
const bundles = [
  sigstore.bundle(),
  sigstore.bundle({ statement }),
  sigstore.bundle({ managedKey: p256 }),
  sigstore.bundle({ change: older('0.1') }),
  sigstore.bundle({ statement, change: older('0.2') }),
];
const entries = bundles.flatMap(({ verificationMaterial }) => verificationMaterial.tlogEntries);
const notes = entries.flatMap(({ inclusionProof }) => inclusionProof?.checkpoint?.envelope ?? []);
const cosigned = notes.map((note) => `${note.replace('\n\n', '\nan extension\n\n')}${noteLine('witness.test', range(4, 1), range(72, 2))}\n`);

// --- what services are asked ---

const proof = base64(sign('sha256', Buffer.from('dev@example.com'), p256.privateKey));
const keyPem = pem('PUBLIC KEY', p256.publicKey.spki);
const certificateRequests = [
  { credentials: { oidcIdentityToken: 'a.b.c' }, publicKeyRequest: { publicKey: { algorithm: 'ECDSA', content: keyPem }, proofOfPossession: proof } },
  { certificateSigningRequest: base64(utf8(pem('CERTIFICATE REQUEST', requests[0] ?? leaf))) },
  { public_key_request: { public_key: { content: base64(p256.publicKey.spki) }, proof_of_possession: proof } },
];
const legacyRequests = [
  { publicKey: { content: base64(utf8(keyPem)), algorithm: 'ecdsa' }, signedEmailAddress: proof, certificateSigningRequest: null },
  { publicKey: { content: base64(p256.publicKey.spki) }, signedEmailAddress: proof },
];
const verifier = { publicKey: { rawBytes: base64(p256.publicKey.spki) }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' };
const artifactSignature = sign('sha256', artifact, p256.privateKey);
const envelope = bundles[1]?.dsseEnvelope;
const entryRequests = [
  { hashedRekordRequestV002: { digest: base64(sha256(artifact)), signature: { content: base64(artifactSignature), verifier } } },
  { hashed_rekord_request_v002: { digest: base64(sha256(artifact)), signature: { content: base64(artifactSignature), verifier: { x509_certificate: { raw_bytes: base64(leaf) }, key_details: 5 } } } },
  { dsseRequestV002: { envelope, verifiers: [{ x509Certificate: { rawBytes: base64(leaf) }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' }] } },
];
const entryBodies = [
  ...entries.map(({ canonicalizedBody }) => text(Buffer.from(canonicalizedBody, 'base64'))),
  text(buildHashedRekord({ digest: range(64, 1), algorithm: { keyDetails: 'PKIX_ED25519_PH', hash: 'sha512' }, signature: range(64, 2), verifier: { publicKey: pairs[4]?.publicKey.spki ?? leaf } })),
];
const stampRequests = [
  { artifactHash: base64(sha256(artifact)), hashAlgorithm: 'sha256' },
  { artifactHash: base64(range(64, 1)), hashAlgorithm: 'SHA512', certificates: true, nonce: 12345678901, tsaPolicyOID: '1.3.6.1.4.1.57264.2' },
];

// --- trust ---

const service = (url: string, majorApiVersion: number) => ({ url, majorApiVersion, operator: 'a.test', start: NOW, end: NOW + 1000 });
const config: SigningConfig = {
  caUrls: [service('https://ca.test', 1)],
  oidcUrls: [service('https://oidc.test', 1)],
  rekorTlogUrls: [service('https://log.test', 2), service('https://log.test', 1)],
  rekorTlogConfig: { selector: 'EXACT', count: 1 },
  tsaUrls: [service('https://tsa.test/api/v1/timestamp', 1)],
  tsaConfig: { selector: 'ANY' },
};
const repo = new Repo();
const twice = new Repo({ ...repo.roles, root: { keys: [newKey(), newKey()], threshold: 2 } });
const files = (pattern: RegExp) =>
  [...repo.files, ...twice.files].filter(([path]) => pattern.test(path)).map(([, bytes]) => JSON.parse(text(bytes)));

// --- tokens ---

const TIMES = { aud: 'sigstore', exp: NOW / 1000 + 600, nbf: NOW / 1000, iat: NOW / 1000 };
const signer = generateKeyPairSync('ed25519');
const jwk = { ...signer.publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'EdDSA', use: 'sig' };
const claims = [
  { iss: 'https://email.test', sub: 'u1', email: 'dev@example.com', email_verified: true, federated_claims: { connector_id: 'c' }, ...TIMES },
  { iss: 'https://cluster.test', sub: 'system:serviceaccount:ci:builder', 'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'builder', uid: 'u' } }, ...TIMES },
  { ...GITHUB_CLAIMS, ...TIMES, iss: 'https://github.test', aud: ['other', 'sigstore'] },
  { ...GITLAB_CLAIMS, ...TIMES, iss: 'https://gitlab.test' },
];
const tokens = claims.map((body) => {
  const part = (value: unknown) => base64url(utf8(JSON.stringify(value)));
  const signed = `${part({ alg: 'EdDSA', kid: 'k', typ: 'JWT' })}.${part(body)}`;
  return `${signed}.${base64url(sign(null, Buffer.from(signed), signer.privateKey))}`;
});

// --- leaves ---

const x509 = { type: 'x509' as const, certificate: leaf };
const precert = { type: 'precert' as const, precert: leaf, tbs: parseCertificate(leaf).tbs, issuerKeyHash: range(32, 9) };
const leaves = [
  tileLeaf(x509, timestampedEntry(x509, NOW, leafIndexExtension(3)), [range(32, 1), range(32, 2)]),
  tileLeaf(precert, timestampedEntry(precert, NOW, new Uint8Array()), [range(32, 1)]),
];

const all = (list: readonly Uint8Array[]) => list.map(base64);
const seeds = {
  jwk,
  binary: {
    certificate: all(certificates),
    spki: all(pairs.map(({ publicKey }) => publicKey.spki)),
    rsaKey: all(pairs.slice(3, 4).map(({ publicKey }) => publicKey.bits)),
    csr: all(requests),
    timestampRequest: all(queries),
    timestampResponse: all([...answers, ...answers, refusal]),
    sctList: all([...lists.slice(0, 2), ...lists.slice(-1), two]),
    sct: all([sct(1), concat(sct(2))]),
    leafIndex: all([leafIndexExtension(0), leafIndexExtension(2 ** 40 - 1)]),
    tileLeaf: all(leaves),
  },
  json: {
    bundle: bundles,
    logEntry: entries.slice(0, 1),
    envelope: [envelope],
    statement: [statement, statementOf(artifact, { predicate: { a: [1, 2.5, { b: null }] } })],
    trustedRoot: [JSON.parse(serializeTrustedRoot(sigstore.root))],
    signingConfig: [JSON.parse(serializeSigningConfig(config))],
    clientTrustConfig: [JSON.parse(buildClientTrustConfig(sigstore.root, config))],
    tufRoot: files(/root/),
    tufTimestamp: files(/timestamp/),
    tufSnapshot: files(/snapshot/),
    tufTargets: files(/targets\.json/),
    certificateRequest: certificateRequests,
    legacyRequest: legacyRequests,
    entryRequest: entryRequests,
    stampRequest: stampRequests,
    claims,
  },
  text: { note: [...new Set([...notes.slice(0, 2), ...cosigned.slice(0, 2)])], entryBody: entryBodies, token: tokens },
};
writeFileSync(join(import.meta.dirname, 'seeds.json'), `${JSON.stringify(seeds, null, 1)}\n`);
