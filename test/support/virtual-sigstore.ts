// SPDX-License-Identifier: Apache-2.0
// A Sigstore in memory, with a clock that stands still and a fault wherever a test wants one: CA, CT
// log, transparency log and timestamp authority, and the trusted root that names them.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import {
  ALGORITHMS,
  type Algorithm,
  algorithmByKeyDetails,
  defaultAlgorithm,
} from '../../services/core/algorithm.ts';
import { base64, concat, utf8 } from '../../services/core/bytes.ts';
import { HASHES } from '../../services/core/cms.ts';
import type { PublicKey } from '../../services/core/crypto.ts';
import { oid } from '../../services/core/der.ts';
import { IN_TOTO_PAYLOAD_TYPE, pae } from '../../services/core/dsse.ts';
import {
  buildHashedRekord,
  HASH_ALGORITHMS,
  type HashedRekord,
} from '../../services/core/entry.ts';
import { inclusionRanges, leafHash, rootOf } from '../../services/core/merkle.ts';
import { formatCheckpoint } from '../../services/core/note.ts';
import { OID } from '../../services/core/oid.ts';
import {
  assembleCertificate,
  type LeafName,
  leafTbs,
  prepareIssuer,
} from '../../services/core/profile.ts';
import {
  encodeSct,
  encodeSctList,
  SCT_ECDSA,
  SCT_RSA,
  SCT_SHA256,
  sctSignedData,
} from '../../services/core/sct.ts';
import type { TrustAuthority, TrustedRoot, TrustLog } from '../../services/core/trust.ts';
import {
  prepareStamps,
  signedAttributes,
  timestampResponse,
  tstInfo,
} from '../../services/core/tsp-template.ts';
import { parseCertificate, parsePublicKey } from '../../services/core/x509.ts';
import { makeCaChain, makeTsaChain } from '../../services/pki/chain.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

/** The instant at which everything happens. */
export const NOW = Date.UTC(2026, 5, 1, 12);
const MINUTE = 60_000;
const YEAR = 365 * 24 * 60 * MINUTE;
export const HOST = 'log.test';
export const IDENTITY = 'dev@example.com';
export const ISSUER = 'https://issuer.test';
export const ARTIFACT = utf8('the artifact\n');
export const POLICY = { identity: IDENTITY, issuer: ISSUER };

const sha256 = (bytes: Uint8Array) => nodeCrypto.digest('sha256', bytes);
const random = (length: number) => new Uint8Array(randomBytes(length));

export interface Pair {
  readonly privateKey: KeyObject;
  readonly publicKey: PublicKey;
}

function pairOf(keys: { privateKey: KeyObject; publicKey: KeyObject }): Pair {
  const spki = new Uint8Array(keys.publicKey.export({ type: 'spki', format: 'der' }));
  return { privateKey: keys.privateKey, publicKey: parsePublicKey(spki) };
}

export const KEY_MAKERS = {
  p256: () => pairOf(generateKeyPairSync('ec', { namedCurve: 'prime256v1' })),
  p384: () => pairOf(generateKeyPairSync('ec', { namedCurve: 'secp384r1' })),
  p521: () => pairOf(generateKeyPairSync('ec', { namedCurve: 'secp521r1' })),
  rsa: () => pairOf(generateKeyPairSync('rsa', { modulusLength: 2048 })),
  weakRsa: () => pairOf(generateKeyPairSync('rsa', { modulusLength: 1024 })),
  ed25519: () => pairOf(generateKeyPairSync('ed25519')),
};

/** Ed25519 keys sign as Ed25519ph: a log holds digests. */
function algorithmOf({ publicKey }: Pair): Algorithm {
  const found =
    publicKey.kind === 'ed25519'
      ? algorithmByKeyDetails('PKIX_ED25519_PH')
      : defaultAlgorithm(publicKey);
  return found ?? (ALGORITHMS[0] as Algorithm);
}

export function signWith(pair: Pair, message: Uint8Array, hash = 'sha256'): Uint8Array {
  if (pair.publicKey.kind === 'ed25519') {
    const { d = '' } = pair.privateKey.export({ format: 'jwk' });
    return ed25519ph.sign(message, new Uint8Array(Buffer.from(d, 'base64url')));
  }
  return new Uint8Array(sign(hash, message, pair.privateKey));
}

/** A bundle in protojson, as tests change it. */
export interface BundleJson {
  mediaType: string;
  verificationMaterial: {
    certificate?: { rawBytes: string };
    publicKey?: { hint: string };
    x509CertificateChain?: { certificates: Array<{ rawBytes: string }> };
    tlogEntries: EntryJson[];
    timestampVerificationData?: { rfc3161Timestamps: Array<{ signedTimestamp: string }> };
  };
  messageSignature?: {
    messageDigest?: { algorithm: string; digest: string };
    signature: string;
  };
  dsseEnvelope?: { payload: string; payloadType: string; signatures: Array<{ sig: string }> };
}

export interface EntryJson {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  integratedTime?: string;
  inclusionPromise?: { signedEntryTimestamp: string };
  inclusionProof?: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint?: { envelope: string };
  };
  canonicalizedBody: string;
}

/** How a bundle is made; every field left out is right. */
export interface Recipe {
  readonly artifact?: Uint8Array;
  /** A DSSE attestation with this statement. */
  readonly statement?: unknown;
  readonly payloadType?: string;
  readonly keyKind?: keyof typeof KEY_MAKERS;
  readonly managedKey?: Pair;
  /** The leaf */
  readonly name?: LeafName;
  readonly extensions?: ReadonlyArray<{ readonly number: number; readonly value: string }>;
  readonly notBeforeMs?: number;
  readonly notAfterMs?: number;
  /** Signs the certificate in place of the issuing CA. */
  readonly caKey?: Pair;
  /** SCTs: how many, when, by whom, over which issuer key hash. */
  readonly scts?: number;
  readonly sctTimeMs?: number;
  readonly sctKey?: Pair;
  readonly sctLogId?: Uint8Array;
  /** HashAlgorithm and SignatureAlgorithm that the SCT names; hash that the log really used. */
  readonly sctHash?: number;
  readonly sctScheme?: number;
  readonly sctDigest?: 'sha256' | 'sha384';
  /** Encoded SCTs that stand before ours. */
  readonly foreignScts?: readonly Uint8Array[];
  readonly sctIssuerKeyHash?: Uint8Array;
  readonly sctExtensions?: Uint8Array;
  /** What the log claims, in place of `sctExtensions`. */
  readonly sctExtensionsSigned?: Uint8Array;
  /** Timestamps */
  readonly stampTimeMs?: number;
  readonly stampOver?: Uint8Array;
  readonly stampKey?: Pair;
  /** The log entry */
  readonly entry?: Partial<HashedRekord>;
  readonly body?: (text: string) => string;
  /** Other leaves before and after ours. */
  readonly leavesBefore?: number;
  readonly leavesAfter?: number;
  readonly note?: (text: string) => string;
  readonly noteKey?: Pair;
  readonly noteName?: string;
  readonly hint?: Uint8Array;
  /** The signature lines, ours first. */
  readonly lines?: (own: string) => string[];
  /** The finished bundle. */
  readonly change?: (bundle: BundleJson) => void;
}

export interface VirtualSigstore {
  readonly root: TrustedRoot;
  readonly keys: {
    readonly ca: Pair;
    readonly ctlog: Pair;
    readonly tlog: Pair;
    readonly tsa: Pair;
  };
  /** Leaf certificate, DER. */
  issue(recipe: Recipe, spki: Uint8Array): Uint8Array;
  /** TimeStampResp, DER, over a SHA-256 digest. */
  stamp(recipe: Recipe, digest: Uint8Array, nonce?: Uint8Array): Uint8Array;
  /** TransparencyLogEntry around a body. */
  log(recipe: Recipe, body: Uint8Array): EntryJson;
  bundle(recipe?: Recipe): BundleJson;
}

export function statementOf(artifact: Uint8Array, extra: Record<string, unknown> = {}): unknown {
  const hex = Buffer.from(sha256(artifact)).toString('hex');
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'artifact', digest: { sha256: hex } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
    ...extra,
  };
}

/** A line of a signed note. */
export function noteLine(name: string, hint: Uint8Array, signature: Uint8Array): string {
  return `— ${name} ${base64(concat(hint, signature))}`;
}

function trustLog(baseUrl: string, { publicKey }: Pair): TrustLog {
  const algorithm = defaultAlgorithm(publicKey) as Algorithm;
  const start = NOW - YEAR;
  return { baseUrl, logId: sha256(publicKey.spki), key: publicKey, algorithm, start };
}

export async function createVirtualSigstore(): Promise<VirtualSigstore> {
  const p256 = KEY_MAKERS.p256;
  const keys = { ca: p256(), ctlog: p256(), tlog: p256(), tsa: p256() };
  const edges = { organization: 'Test', clock: () => NOW - YEAR, random };
  const ca = await makeCaChain({
    rootKey: p256().privateKey,
    intermediateKey: keys.ca.privateKey,
    ...edges,
  });
  const tsa = await makeTsaChain({
    rootKey: p256().privateKey,
    leafKey: keys.tsa.privateKey,
    ...edges,
  });
  const authority = (uri: string, chain: readonly Uint8Array[]): TrustAuthority => ({
    uri,
    chain: chain.map(parseCertificate),
    start: NOW - YEAR,
  });
  const root: TrustedRoot = {
    tlogs: [trustLog(`https://${HOST}:8400`, keys.tlog)],
    ctlogs: [trustLog('https://ct.test', keys.ctlog)],
    certificateAuthorities: [authority('https://ca.test', [ca.intermediate, ca.root])],
    timestampAuthorities: [authority('https://tsa.test/api/v1/timestamp', [tsa.leaf, tsa.root])],
  };
  const issuer = prepareIssuer(parseCertificate(ca.intermediate));
  const stamps = prepareStamps(nodeCrypto, parseCertificate(tsa.leaf));

  const issue = (recipe: Recipe, spki: Uint8Array): Uint8Array => {
    const fields = {
      serial: concat(Uint8Array.of(0x40), random(18)),
      notBeforeMs: recipe.notBeforeMs ?? NOW,
      notAfterMs: recipe.notAfterMs ?? NOW + 10 * MINUTE,
      spki,
      subjectKeyId: nodeCrypto.digest('sha1', spki),
      altName: recipe.name ?? { kind: 'email' as const, value: IDENTITY },
      extensions: recipe.extensions ?? [
        { number: 1, value: ISSUER },
        { number: 8, value: ISSUER },
      ],
    };
    const extensions = recipe.sctExtensions ?? new Uint8Array();
    const timestampMs = recipe.sctTimeMs ?? NOW;
    const signed = sctSignedData({
      timestampMs,
      issuerKeyHash: recipe.sctIssuerKeyHash ?? sha256(keys.ca.publicKey.spki),
      tbs: leafTbs(issuer, fields, undefined),
      extensions: recipe.sctExtensionsSigned ?? extensions,
    });
    const sctKey = recipe.sctKey ?? keys.ctlog;
    const own = Array.from({ length: recipe.scts ?? 1 }, () =>
      encodeSct({
        logId: recipe.sctLogId ?? sha256(keys.ctlog.publicKey.spki),
        timestampMs,
        extensions,
        hash: recipe.sctHash ?? SCT_SHA256,
        signatureAlgorithm:
          recipe.sctScheme ?? (sctKey.publicKey.kind === 'rsa' ? SCT_RSA : SCT_ECDSA),
        signature: signWith(sctKey, signed, recipe.sctDigest),
      }),
    );
    const scts = [...(recipe.foreignScts ?? []), ...own];
    const last = scts.length === 0 ? undefined : { sctList: encodeSctList(scts) };
    const tbs = leafTbs(issuer, fields, last);
    const signature = signWith(recipe.caKey ?? keys.ca, tbs);
    return assembleCertificate(tbs, issuer.signatureOid, signature);
  };

  const stamp = (recipe: Recipe, digest: Uint8Array, nonce?: Uint8Array): Uint8Array => {
    const genTimeMs = recipe.stampTimeMs ?? NOW + 5000;
    const info = tstInfo(stamps, {
      hash: HASHES.find(({ name }) => name === 'sha256') ?? (HASHES[0] as (typeof HASHES)[0]),
      digest: recipe.stampOver === undefined ? digest : sha256(recipe.stampOver),
      policy: oid(OID.sigstoreTsaPolicy),
      serial: random(20),
      genTimeMs,
      nonce,
    });
    const attributes = signedAttributes(stamps, sha256(info), genTimeMs);
    return timestampResponse(stamps, {
      tstInfo: info,
      signedAttributes: attributes,
      signature: signWith(recipe.stampKey ?? keys.tsa, attributes),
      embedLeaf: true,
    });
  };

  const log = (recipe: Recipe, body: Uint8Array): EntryJson => {
    const before = recipe.leavesBefore ?? 3;
    const others = (count: number) => Array.from({ length: count }, () => random(32));
    const leaves = [...others(before), leafHash(sha256, body), ...others(recipe.leavesAfter ?? 2)];
    const treeRoot = rootOf(sha256, leaves);
    const note = (recipe.note ?? ((text) => text))(formatCheckpoint(HOST, leaves.length, treeRoot));
    const logId = sha256(keys.tlog.publicKey.spki);
    const own = noteLine(
      recipe.noteName ?? HOST,
      recipe.hint ?? logId.subarray(0, 4),
      signWith(recipe.noteKey ?? keys.tlog, utf8(note)),
    );
    const lines = (recipe.lines ?? ((line) => [line]))(own);
    return {
      logIndex: String(before),
      logId: { keyId: base64(logId) },
      kindVersion: { kind: 'hashedrekord', version: '0.0.2' },
      inclusionProof: {
        logIndex: String(before),
        rootHash: base64(treeRoot),
        treeSize: String(leaves.length),
        hashes: inclusionRanges(before, leaves.length).map(({ start, end }) =>
          base64(rootOf(sha256, leaves.slice(start, end))),
        ),
        checkpoint: { envelope: `${note}\n${lines.map((line) => `${line}\n`).join('')}` },
      },
      canonicalizedBody: base64(body),
    };
  };

  const bundle = (recipe: Recipe = {}): BundleJson => {
    const pair = recipe.managedKey ?? KEY_MAKERS[recipe.keyKind ?? 'p256']();
    const algorithm = algorithmOf(pair);
    const hash = algorithm.hash ?? 'sha256';
    const artifact = recipe.artifact ?? ARTIFACT;
    const payloadType = recipe.payloadType ?? IN_TOTO_PAYLOAD_TYPE;
    const payload =
      recipe.statement === undefined ? undefined : utf8(JSON.stringify(recipe.statement));
    const message = payload ? pae(payloadType, payload) : artifact;
    const signature = signWith(pair, message, hash);
    const leaf = recipe.managedKey ? undefined : issue(recipe, pair.publicKey.spki);
    const body = buildHashedRekord({
      digest: nodeCrypto.digest(hash, message),
      algorithm: { keyDetails: algorithm.keyDetails, hash },
      signature,
      verifier: leaf ? { x509Certificate: leaf } : { publicKey: pair.publicKey.spki },
      ...recipe.entry,
    });
    const text = Buffer.from(body).toString('utf8');
    const entry = log(recipe, recipe.body ? utf8(recipe.body(text)) : body);
    const hint = HASH_ALGORITHMS.find((row) => row.hash === hash)?.name ?? '';
    const made: BundleJson = {
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: {
        ...(leaf ? { certificate: { rawBytes: base64(leaf) } } : { publicKey: { hint: 'key' } }),
        tlogEntries: [entry],
        timestampVerificationData: {
          rfc3161Timestamps: [{ signedTimestamp: base64(stamp(recipe, sha256(signature))) }],
        },
      },
      ...(payload
        ? {
            dsseEnvelope: {
              payload: base64(payload),
              payloadType,
              signatures: [{ sig: base64(signature) }],
            },
          }
        : {
            messageSignature: {
              messageDigest: {
                algorithm: hint,
                digest: base64(nodeCrypto.digest(hash, artifact)),
              },
              signature: base64(signature),
            },
          }),
    };
    recipe.change?.(made);
    return made;
  };

  return { root, keys, issue, stamp, log, bundle };
}
