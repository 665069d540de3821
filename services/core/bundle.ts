// SPDX-License-Identifier: Apache-2.0
// Sigstore bundles (protobuf-specs, sigstore_bundle.proto) in their JSON mapping:
//
//   Bundle { mediaType, verificationMaterial, messageSignature | dsseEnvelope }
//   verificationMaterial { certificate | x509CertificateChain | publicKey,
//                          tlogEntries[], timestampVerificationData { rfc3161Timestamps[] } }
//   TransparencyLogEntry { logIndex, logId, kindVersion, integratedTime, inclusionPromise,
//                          inclusionProof { logIndex, rootHash, treeSize, hashes[], checkpoint },
//                          canonicalizedBody }
//
// Parsed once, to a type in which nothing that its version demands can be missing.
import { base64, fromAnyBase64 } from './bytes.ts';
import type { HashName } from './crypto.ts';
import { type Envelope, envelopeFrom } from './dsse.ts';
import { HASH_ALGORITHMS } from './entry.ts';
import { CodedError, coded } from './errors.ts';
import { type Json, parseJson } from './json.ts';
import { ProtoMessage } from './protojson.ts';

/** Of the media type. */
export type BundleVersion = '0.1' | '0.2' | '0.3';

/** The form that is written. */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

const VERSIONS = new Map<string, BundleVersion>([
  ['application/vnd.dev.sigstore.bundle+json;version=0.1', '0.1'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.2', '0.2'],
  ['application/vnd.dev.sigstore.bundle+json;version=0.3', '0.3'],
  [BUNDLE_MEDIA_TYPE, '0.3'],
]);

/** Who signed. Certificates are DER, the leaf first; `hint` decides nothing. */
export type BundleSigner =
  | { readonly kind: 'certificate'; readonly certificate: Uint8Array }
  | { readonly kind: 'chain'; readonly certificates: readonly Uint8Array[] }
  | { readonly kind: 'publicKey'; readonly hint: string };

/** Proof that an entry stands in a tree (RFC 6962 §2.1.1). */
export interface InclusionProof {
  /** Place of the entry in this tree. */
  readonly logIndex: number;
  /** Entries of this tree. */
  readonly treeSize: number;
  /** SHA-256; what the checkpoint must say. */
  readonly rootHash: Uint8Array;
  /** Leaf to root. */
  readonly hashes: readonly Uint8Array[];
  /** Signed note. */
  readonly checkpoint: string;
}

/** An entry of a transparency log, with what proves it. */
export interface LogEntry {
  /** Of Rekor v1 over all trees that the log ever had. */
  readonly logIndex: number;
  /** By it the trusted root knows the log. */
  readonly logId: Uint8Array;
  /** `hashedrekord`, `dsse`, `intoto`. */
  readonly kind: string;
  /** Of the kind: `0.0.2`. */
  readonly version: string;
  /** Seconds since 1970; 0 = none. */
  readonly integratedTime: number;
  /** Signed entry timestamp of Rekor v1. */
  readonly inclusionPromise: Uint8Array | undefined;
  /** Always there from v0.2 on. */
  readonly inclusionProof: InclusionProof | undefined;
  /** JSON in UTF-8, as it stands in the log. */
  readonly canonicalizedBody: Uint8Array;
}

/** A signature over a file. */
export interface MessageSignature {
  /** A hint of the signer's. */
  readonly digest: { readonly hash: HashName; readonly value: Uint8Array } | undefined;
  /** Raw: ASN.1 DER for ECDSA. */
  readonly signature: Uint8Array;
}

/** What was signed: a file, or a statement in an envelope. */
export type BundleContent =
  | { readonly messageSignature: MessageSignature }
  /** With exactly one signature. */
  | { readonly envelope: Envelope };

/**
 * A signature with every proof about it, as parseBundle reads it: nothing that its version demands
 * is missing.
 */
export interface Bundle {
  /** As it was written. */
  readonly mediaType: string;
  /** What the media type stands for. */
  readonly version: BundleVersion;
  /** Certificate, chain or a hint at a key. */
  readonly signer: BundleSigner;
  /** At most 32. */
  readonly tlogEntries: readonly LogEntry[];
  /** TimeStampResp of RFC 3161, DER. */
  readonly timestamps: readonly Uint8Array[];
  /** A signature over a file, or an envelope. */
  readonly content: BundleContent;
}

/** The limits of sigstore-go and sigstore-python. */
const MAX_ENTRIES = 32;
const MAX_TIMESTAMPS = 32;
const MAX_CERTIFICATES = 10;
/** A proof in a tree of 2^53 leaves. */
const MAX_HASHES = 64;
/** Bytes of a bundle: an attestation of 16 MiB, in base64, with room for the rest. */
export const MAX_BUNDLE_LENGTH = 32 << 20;

const BUNDLE = ['mediaType', 'verificationMaterial', 'messageSignature', 'dsseEnvelope'];
const MATERIAL = [
  'certificate',
  'x509CertificateChain',
  'publicKey',
  'tlogEntries',
  'timestampVerificationData',
];
const ENTRY = [
  'logIndex',
  'logId',
  'kindVersion',
  'integratedTime',
  'inclusionPromise',
  'inclusionProof',
  'canonicalizedBody',
];
const PROOF = ['logIndex', 'rootHash', 'treeSize', 'hashes', 'checkpoint'];

function requiredMessage(
  parent: ProtoMessage,
  name: string,
  names: readonly string[],
): ProtoMessage {
  return parent.message(name, names) ?? parent.fail(name, 'is missing');
}

function requiredBytes(message: ProtoMessage, name: string): Uint8Array {
  const bytes = message.bytes(name);
  return bytes.length > 0 ? bytes : message.fail(name, 'is missing or empty');
}

function requiredText(message: ProtoMessage, name: string): string {
  const text = message.string(name);
  return text !== '' ? text : message.fail(name, 'is missing or empty');
}

/** Indexes, sizes and times: int64, never negative. */
function count(message: ProtoMessage, name: string): number {
  const value = message.integer(name);
  return value >= 0 ? value : message.fail(name, 'is negative');
}

function readProof(proof: ProtoMessage): InclusionProof {
  const hashes = proof
    .list('hashes', MAX_HASHES)
    .map((hash, i) =>
      typeof hash === 'string'
        ? fromAnyBase64(hash)
        : proof.fail(`hashes[${i}]`, 'is not a string'),
    );
  return {
    logIndex: count(proof, 'logIndex'),
    treeSize: count(proof, 'treeSize'),
    rootHash: requiredBytes(proof, 'rootHash'),
    hashes,
    checkpoint: proof.message('checkpoint', ['envelope'])?.string('envelope') ?? '',
  };
}

function readEntry(entry: ProtoMessage): LogEntry {
  const kindVersion = requiredMessage(entry, 'kindVersion', ['kind', 'version']);
  const promise = entry.message('inclusionPromise', ['signedEntryTimestamp']);
  const proof = entry.message('inclusionProof', PROOF);
  return {
    logIndex: count(entry, 'logIndex'),
    logId: requiredBytes(requiredMessage(entry, 'logId', ['keyId']), 'keyId'),
    kind: requiredText(kindVersion, 'kind'),
    version: requiredText(kindVersion, 'version'),
    integratedTime: count(entry, 'integratedTime'),
    inclusionPromise: promise && requiredBytes(promise, 'signedEntryTimestamp'),
    inclusionProof: proof && readProof(proof),
    canonicalizedBody: requiredBytes(entry, 'canonicalizedBody'),
  };
}

function readSigner(material: ProtoMessage): BundleSigner {
  const kind = material.oneOf('certificate', 'x509CertificateChain', 'publicKey');
  if (kind === 'certificate') {
    const certificate = requiredMessage(material, kind, ['rawBytes']);
    return { kind, certificate: requiredBytes(certificate, 'rawBytes') };
  }
  if (kind === 'publicKey') {
    return { kind, hint: requiredMessage(material, kind, ['hint']).string('hint') };
  }
  if (kind === undefined) return material.fail('certificate', 'is missing: nobody signed');
  const chain = requiredMessage(material, kind, ['certificates']);
  const certificates = chain
    .messages('certificates', ['rawBytes'], MAX_CERTIFICATES)
    .map((certificate) => requiredBytes(certificate, 'rawBytes'));
  return certificates.length > 0
    ? { kind: 'chain', certificates }
    : chain.fail('certificates', 'is empty');
}

function readTimestamps(material: ProtoMessage): Uint8Array[] {
  const data = material.message('timestampVerificationData', ['rfc3161Timestamps']);
  if (data === undefined) return [];
  return data
    .messages('rfc3161Timestamps', ['signedTimestamp'], MAX_TIMESTAMPS)
    .map((timestamp) => requiredBytes(timestamp, 'signedTimestamp'));
}

function readMessageSignature(message: ProtoMessage): MessageSignature {
  const hint = message.message('messageDigest', ['algorithm', 'digest']);
  const signature = requiredBytes(message, 'signature');
  if (hint === undefined) return { digest: undefined, signature };
  const number = hint.enumNumber(
    'algorithm',
    (name) => HASH_ALGORITHMS.find((row) => row.name === name)?.number,
  );
  const row = HASH_ALGORITHMS.find((candidate) => candidate.number === number);
  if (row === undefined) return hint.fail('algorithm', `${number} is not a known hash`);
  const value = hint.bytes('digest');
  if (value.length !== row.length) return hint.fail('digest', `is not ${row.length} bytes long`);
  return { digest: { hash: row.hash, value }, signature };
}

function readContent(bundle: ProtoMessage): BundleContent {
  const kind = bundle.oneOf('messageSignature', 'dsseEnvelope');
  if (kind === undefined) return bundle.fail('messageSignature', 'is missing: nothing is signed');
  if (kind === 'messageSignature') {
    const message = requiredMessage(bundle, kind, ['messageDigest', 'signature']);
    return { messageSignature: readMessageSignature(message) };
  }
  const envelope = envelopeFrom(bundle.value(kind) ?? null, kind);
  const [signature] = envelope.signatures;
  // SPEC: an envelope in a bundle MUST carry exactly one signature.
  if (signature === undefined || envelope.signatures.length > 1) {
    return bundle.fail(`${kind}.signatures`, 'there must be exactly one');
  }
  if (signature.sig.length === 0) return bundle.fail(`${kind}.signatures[0].sig`, 'is empty');
  if (envelope.payloadType === '') return bundle.fail(`${kind}.payloadType`, 'is missing');
  return { envelope };
}

/** What the media type demands of the rest. @throws CodedError */
function requireVersionRules({ version, signer, tlogEntries }: Bundle): void {
  // SPEC: from v0.3 on the leaf stands alone; chains come from the trusted root.
  if (version === '0.3' && signer.kind === 'chain') {
    throw new CodedError('BUNDLE_MALFORMED', 'a v0.3 bundle carries one certificate, no chain', {
      field: 'verificationMaterial.x509CertificateChain',
    });
  }
  tlogEntries.forEach((entry, i) => {
    const field = `verificationMaterial.tlogEntries[${i}]`;
    if (version === '0.1') {
      if (entry.inclusionPromise !== undefined) return;
      throw new CodedError('BUNDLE_MALFORMED', `${field}: v0.1 demands an inclusion promise`, {
        field,
      });
    }
    if (entry.inclusionProof === undefined) {
      throw new CodedError('INCLUSION_PROOF_MISSING', `${field} has no inclusion proof`, { field });
    }
    if (entry.inclusionProof.checkpoint === '') {
      throw new CodedError('INCLUSION_PROOF_MISSING', `${field} has no checkpoint`, { field });
    }
  });
}

function readBundle(bundle: ProtoMessage, mediaType: string, version: BundleVersion): Bundle {
  const material = requiredMessage(bundle, 'verificationMaterial', MATERIAL);
  return {
    mediaType,
    version,
    signer: readSigner(material),
    tlogEntries: material.messages('tlogEntries', ENTRY, MAX_ENTRIES).map(readEntry),
    timestamps: readTimestamps(material),
    content: readContent(bundle),
  };
}

/**
 * One bundle, v0.1 to v0.3: unknown and doubled fields, bad base64, negative numbers and more than
 * 32 entries or timestamps are refused.
 * @throws CodedError BUNDLE_MALFORMED, BUNDLE_VERSION, INCLUSION_PROOF_MISSING
 */
export function parseBundle(input: string | Uint8Array): Bundle {
  const bundle = coded('BUNDLE_MALFORMED', 'bundle', () => {
    const message = new ProtoMessage(
      parseJson(input, { maxLength: MAX_BUNDLE_LENGTH }),
      '',
      BUNDLE,
    );
    const mediaType = message.string('mediaType');
    const version = VERSIONS.get(mediaType);
    if (version === undefined) {
      const found = JSON.stringify(mediaType.slice(0, 80));
      throw new CodedError('BUNDLE_VERSION', `media type ${found} is not known`, {
        field: 'mediaType',
      });
    }
    return readBundle(message, mediaType, version);
  });
  requireVersionRules(bundle);
  return bundle;
}

/** A TransparencyLogEntry as Rekor v2 answers with it. @throws FieldError or another ParseError */
export function parseLogEntry(input: string | Uint8Array): LogEntry {
  return readEntry(new ProtoMessage(parseJson(input, { maxLength: 1 << 20 }), '', ENTRY));
}

function entryJson(entry: LogEntry): Json {
  const { inclusionPromise: promise, inclusionProof: proof } = entry;
  return {
    logIndex: String(entry.logIndex),
    logId: { keyId: base64(entry.logId) },
    kindVersion: { kind: entry.kind, version: entry.version },
    ...(entry.integratedTime === 0 ? {} : { integratedTime: String(entry.integratedTime) }),
    ...(promise === undefined
      ? {}
      : { inclusionPromise: { signedEntryTimestamp: base64(promise) } }),
    ...(proof === undefined
      ? {}
      : {
          inclusionProof: {
            logIndex: String(proof.logIndex),
            rootHash: base64(proof.rootHash),
            treeSize: String(proof.treeSize),
            hashes: proof.hashes.map(base64),
            ...(proof.checkpoint === '' ? {} : { checkpoint: { envelope: proof.checkpoint } }),
          },
        }),
    canonicalizedBody: base64(entry.canonicalizedBody),
  };
}

function signerJson(signer: BundleSigner): { readonly [name: string]: Json } {
  if (signer.kind === 'publicKey') return { publicKey: { hint: signer.hint } };
  if (signer.kind === 'certificate') {
    return { certificate: { rawBytes: base64(signer.certificate) } };
  }
  const certificates = signer.certificates.map((der) => ({ rawBytes: base64(der) }));
  return { x509CertificateChain: { certificates } };
}

function contentJson(content: BundleContent): { readonly [name: string]: Json } {
  if ('envelope' in content) {
    const { payload, payloadType, signatures } = content.envelope;
    return {
      dsseEnvelope: {
        payload: base64(payload),
        payloadType,
        signatures: signatures.map(({ sig, keyid }) => ({
          sig: base64(sig),
          ...(keyid === '' ? {} : { keyid }),
        })),
      },
    };
  }
  const { digest, signature } = content.messageSignature;
  const row = HASH_ALGORITHMS.find(({ hash }) => hash === digest?.hash);
  return {
    messageSignature: {
      ...(digest === undefined || row === undefined
        ? {}
        : { messageDigest: { algorithm: row.name, digest: base64(digest.value) } }),
      signature: base64(signature),
    },
  };
}

/**
 * The bundle as one line of JSON. What parseBundle reads of it is `bundle` again.
 * @throws nothing for what parseBundle or sign made
 */
export function serializeBundle(bundle: Bundle): string {
  return JSON.stringify({
    mediaType: bundle.mediaType,
    verificationMaterial: {
      ...signerJson(bundle.signer),
      tlogEntries: bundle.tlogEntries.map(entryJson),
      timestampVerificationData: {
        rfc3161Timestamps: bundle.timestamps.map((stamp) => ({ signedTimestamp: base64(stamp) })),
      },
    },
    ...contentJson(bundle.content),
  });
}
