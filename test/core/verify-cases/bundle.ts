// SPDX-License-Identifier: Apache-2.0
// The bundle itself: versions, what each demands, its parts and their number. Its spelling stands in
// spelling.ts.
import { base64, utf8 } from '../../../services/core/bytes.ts';
import type { BundleJson } from '../../support/sigstore/bundle.ts';
import {
  attested,
  bundle,
  byKey,
  type Case,
  elsewhere,
  entryJson,
  fail,
  KEY_POLICY,
  main,
  pass,
  proofJson,
  under,
  v1,
} from './common.ts';

const media = (mediaType: string) => bundle((b) => Object.assign(b, { mediaType }));
const unknown = (name: string, mediaType: string) => fail('BUNDLE_VERSION', name, media(mediaType));
const TYPE = 'application/vnd.dev.sigstore.bundle';

const VERSIONS = under('versions 0.1, 0.2 and 0.3 are known, each by its exact media type', [
  pass('version 0.3'),
  pass('version 0.3 in its other spelling', media(`${TYPE}+json;version=0.3`)),
  pass('version 0.2', { version: '0.2' }),
  pass('version 0.1', { version: '0.1', ...v1() }),
  unknown('version 0.4', `${TYPE}.v0.4+json`),
  unknown('version 0.4 in its other spelling', `${TYPE}+json;version=0.4`),
  unknown('version 0.2 in the spelling of 0.3', `${TYPE}.v0.2+json`),
  unknown('version with more digits', `${TYPE}.v0.30+json`),
  unknown('media type without a version', `${TYPE}+json`),
  unknown('media type with a space', `${TYPE}+json; version=0.3`),
  unknown('media type in other case', `${TYPE}.V0.3+json`),
  unknown('media type with more after it', `${TYPE}.v0.3+json;charset=utf-8`),
  unknown(
    'media type of a trusted root',
    'application/vnd.dev.sigstore.trustedroot+json;version=0.1',
  ),
  unknown('media type of JSON', 'application/json'),
  unknown('empty media type', ''),
  fail(
    'BUNDLE_VERSION',
    'media type missing',
    bundle((b) => Reflect.deleteProperty(b, 'mediaType')),
  ),
]);

const noProof = entryJson((e) => Reflect.deleteProperty(e, 'inclusionProof'));
const noCheckpoint = proofJson((p) => Reflect.deleteProperty(p, 'checkpoint'));
const emptyCheckpoint = proofJson((p) => Object.assign(p, { checkpoint: { envelope: '' } }));

const LOG_MATERIAL: Case[] = [
  ...under('0.1 demands an inclusion promise', [
    pass('version 0.1 with a promise and no proof', { version: '0.1', ...v1({ proof: false }) }),
    fail('BUNDLE_MALFORMED', 'version 0.1 without a promise', {
      version: '0.1',
      stamps: [{}],
      ...v1({ promise: false }),
    }),
    fail('BUNDLE_MALFORMED', 'version 0.1 with an entry of Rekor v2', { version: '0.1' }),
  ]),
  ...under(
    '0.2 and 0.3 demand an inclusion proof with its checkpoint',
    (['0.2', '0.3'] as const).flatMap((version) => [
      fail('INCLUSION_PROOF_MISSING', `version ${version} without a proof`, {
        version,
        ...noProof,
      }),
      fail('INCLUSION_PROOF_MISSING', `version ${version} without a checkpoint`, {
        version,
        ...noCheckpoint,
      }),
      fail('INCLUSION_PROOF_MISSING', `version ${version} with an empty checkpoint`, {
        version,
        ...emptyCheckpoint,
      }),
      fail('INCLUSION_PROOF_MISSING', `version ${version} with a promise alone`, {
        version,
        ...v1({ proof: false }),
      }),
    ]),
  ),
];

type Material = BundleJson['verificationMaterial'];
const material = (change: (material: Material) => void) =>
  bundle((b) => change(b.verificationMaterial));

/** The leaf of the chain, alone. */
function single(m: Material): void {
  const [certificate] = m.x509CertificateChain?.certificates ?? [];
  delete m.x509CertificateChain;
  if (certificate) m.certificate = certificate;
}

const [issuing = new Uint8Array(), root = new Uint8Array()] = main.ca.chain;
const emptyChain = material((m) =>
  Object.assign(m, { x509CertificateChain: { certificates: [] } }),
);

const CHAINS: Case[] = [
  ...under('0.3 carries one certificate, no chain', [
    fail('BUNDLE_MALFORMED', 'version 0.3 with a chain of one', { chain: [] }),
    fail('BUNDLE_MALFORMED', 'version 0.3 with a chain of two', { chain: [issuing] }),
  ]),
  ...under('a chain before 0.3 is not empty, holds no root and decides nothing', [
    pass('version 0.2 with a chain of one', { version: '0.2', chain: [] }),
    pass('version 0.2 with a chain of two', { version: '0.2', chain: [issuing] }),
    pass('version 0.1 with a chain of two', { version: '0.1', chain: [issuing], ...v1() }),
    pass('version 0.2 with a single certificate', { version: '0.2', ...material(single) }),
    pass('version 0.2 with an intermediate of strangers in the chain', {
      version: '0.2',
      chain: elsewhere.ca.chain.slice(0, 1),
    }),
    fail('BUNDLE_MALFORMED', 'version 0.2 with a root in the chain', {
      version: '0.2',
      chain: [issuing, root],
    }),
    fail('BUNDLE_MALFORMED', 'version 0.2 with a root right behind the leaf', {
      version: '0.2',
      chain: [root],
    }),
    fail('BUNDLE_MALFORMED', 'version 0.2 with a root of strangers in the chain', {
      version: '0.2',
      chain: [issuing, elsewhere.ca.chain[1] ?? root],
    }),
    fail('BUNDLE_MALFORMED', 'version 0.2 with an empty chain', { version: '0.2', ...emptyChain }),
    fail('BUNDLE_MALFORMED', 'version 0.2 with eleven certificates', {
      version: '0.2',
      chain: Array.from({ length: 10 }, () => issuing),
    }),
    fail('CERTIFICATE_MALFORMED', 'version 0.2 with a damaged certificate in the chain', {
      version: '0.2',
      chain: [utf8('no certificate')],
    }),
  ]),
];

type Envelope = NonNullable<BundleJson['dsseEnvelope']>;
const envelope = (change: (envelope: Envelope) => void) =>
  attested(
    bundle(({ dsseEnvelope }) => {
      if (dsseEnvelope !== undefined) change(dsseEnvelope);
    }),
  );
const signatures = (signatures: Envelope['signatures']) =>
  envelope((e) => Object.assign(e, { signatures }));
const hint = (algorithm: string, digest: Uint8Array) =>
  bundle(({ messageSignature }) =>
    Object.assign(messageSignature ?? {}, {
      messageDigest: { algorithm, digest: base64(digest) },
    }),
  );
const malformed = (name: string, recipe: Parameters<typeof pass>[1]) =>
  fail('BUNDLE_MALFORMED', name, recipe);

const PARTS = under('one signer, one content, one signature: no more and no less', [
  malformed(
    'certificate and key',
    material((m) => Object.assign(m, { publicKey: { hint: 'x' } })),
  ),
  malformed('certificate and chain', {
    version: '0.2',
    ...material((m) => Object.assign(m, { certificate: m.x509CertificateChain?.certificates[0] })),
  }),
  malformed(
    'no signer',
    material((m) => Reflect.deleteProperty(m, 'certificate')),
  ),
  malformed(
    'empty certificate',
    material((m) => Object.assign(m, { certificate: { rawBytes: '' } })),
  ),
  malformed(
    'no verification material',
    bundle((b) => Reflect.deleteProperty(b, 'verificationMaterial')),
  ),
  malformed(
    'message signature and envelope',
    bundle((b) =>
      Object.assign(b, {
        dsseEnvelope: { payload: '', payloadType: 'x', signatures: [{ sig: 'AA==' }] },
      }),
    ),
  ),
  malformed(
    'nothing signed',
    bundle((b) => Reflect.deleteProperty(b, 'messageSignature')),
  ),
  malformed(
    'empty message signature',
    bundle((b) => Object.assign(b, { messageSignature: { signature: '' } })),
  ),
  malformed(
    'two envelope signatures',
    envelope((e) => e.signatures.push({ sig: 'AA==' })),
  ),
  malformed(
    'the same envelope signature twice',
    envelope((e) => e.signatures.push(...e.signatures)),
  ),
  malformed('no envelope signature', signatures([])),
  malformed('empty envelope signature', signatures([{ sig: '' }])),
  malformed(
    'envelope without a payload type',
    envelope((e) => Object.assign(e, { payloadType: '' })),
  ),
  malformed('message digest of a wrong length', hint('SHA2_256', new Uint8Array(31))),
  malformed('message digest with an unknown algorithm', hint('SHA3_256', new Uint8Array(32))),
  malformed('message digest without an algorithm', hint('', new Uint8Array(32))),
  pass(
    'envelope signature with a key id',
    envelope((e) => Object.assign(e.signatures[0] ?? {}, { keyid: 'anything' })),
  ),
  pass(
    'key bundle with an empty hint',
    byKey(material((m) => Object.assign(m, { publicKey: { hint: '' } }))),
    { policy: KEY_POLICY },
  ),
]);

const stamps = (length: number) => ({ stamps: Array.from({ length }, () => ({})) });
const entries = (length: number) => ({
  entries: Array.from({ length }, (_, before) => ({ before, after: 1 })),
});

const LIMITS = under('at most 32 log entries and 32 timestamps', [
  pass('32 timestamps', stamps(32)),
  malformed('33 timestamps', stamps(33)),
  pass('32 entries', entries(32)),
  malformed('33 entries', entries(33)),
  malformed(
    'proof of 65 hashes',
    proofJson((p) => Object.assign(p, { hashes: Array.from({ length: 65 }, () => p.rootHash) })),
  ),
]);

export function bundleCases(): Case[] {
  return [...VERSIONS, ...LOG_MATERIAL, ...CHAINS, ...PARTS, ...LIMITS];
}
