// SPDX-License-Identifier: Apache-2.0
// trusted_root.json (sigstore protobuf-specs, TrustedRoot v0.1): whom a verifier believes, and when.
//
//   TrustedRoot { mediaType, tlogs[], certificateAuthorities[], ctlogs[], timestampAuthorities[] }
//   log         { baseUrl, hashAlgorithm, publicKey { rawBytes, keyDetails, validFor }, logId { keyId } }
//   authority   { subject, uri, certChain { certificates[] { rawBytes } }, validFor }
//
// Unknown fields are refused: Go and policy-controller refuse them too, so a document that carries
// one works for some clients only. A log whose key is of a kind that Sigstead does not know is another
// matter: it is passed over and remembered, since the other logs are as good as before.
import { type Algorithm, algorithmByKeyDetails, defaultAlgorithm } from './algorithm.ts';
import { base64, equal, utf8 } from './bytes.ts';
import type { PublicKey } from './crypto.ts';
import { ParseError } from './errors.ts';
import { type Json, parseJson } from './json.ts';
import { ProtoMessage } from './protojson.ts';
import { parsePkcs1PublicKey, parsePublicKey } from './spki.ts';
import {
  formatTime,
  naming,
  readUrl,
  readWindow,
  requireMediaType,
  type Window,
} from './trust-fields.ts';
import { type Certificate, parseCertificate } from './x509.ts';

export { inWindow, type Window } from './trust-fields.ts';

export const TRUSTED_ROOT_MEDIA_TYPE = 'application/vnd.dev.sigstore.trustedroot+json;version=0.1';

/** A log that verifiers believe. */
export interface TrustLog extends Window {
  /** With scheme. The host name is the origin of a Rekor v2 log. */
  readonly baseUrl: string;
  /** 32 octets. */
  readonly logId: Uint8Array;
  /** Signs checkpoints, or tree heads and SCTs. */
  readonly key: PublicKey;
  /** How the key signs. */
  readonly algorithm: Algorithm;
}

/** A certificate or timestamp authority that verifiers believe. */
export interface TrustAuthority extends Window {
  /** Its address. */
  readonly uri: string;
  /** CA: issuing certificate first. TSA: leaf first. Self-signed root last. */
  readonly chain: readonly Certificate[];
}

/** Whom a verifier believes, and when: trusted_root.json. */
export interface TrustedRoot {
  /** Transparency logs, of Rekor v1 and v2. */
  readonly tlogs: readonly TrustLog[];
  /** Logs of certificates. */
  readonly ctlogs: readonly TrustLog[];
  /** Who certifies signers. */
  readonly certificateAuthorities: readonly TrustAuthority[];
  /** Who tells the time. */
  readonly timestampAuthorities: readonly TrustAuthority[];
  /** Logs that were passed over: `tlogs[1]: keyDetails …`. */
  readonly unread?: readonly string[];
}

const MAX_LENGTH = 1 << 20;
const MAX_ENTRIES = 256;
const MAX_CHAIN = 16;
const LOG_ID_OCTETS = 32;
/** HashAlgorithm.SHA2_256 of sigstore_common.proto. */
const SHA2_256 = 1;
const CONTROL = /\p{Cc}/u;
const PEM_START = utf8('-----BEGIN');

/** DER in a `rawBytes` field. */
function rawBytes<T>(message: ProtoMessage, parse: (der: Uint8Array) => T): T {
  const bytes = message.bytes('rawBytes');
  if (bytes.length === 0) return message.fail('rawBytes', 'is missing');
  // SPEC: rawBytes is DER. Operators put the file they have there; say so, not "bad tag".
  if (equal(bytes.subarray(0, PEM_START.length), PEM_START)) {
    return message.fail('rawBytes', 'holds PEM text; base64 of the DER inside it is wanted');
  }
  try {
    return parse(bytes);
  } catch (error) {
    if (error instanceof ParseError) return message.fail('rawBytes', error.message);
    throw error;
  }
}

/** Names that protobuf-specs deprecates and that trust roots of older logs still carry. */
const RSA_PKCS1 = new Set<string | number>(['PKCS1_RSA_PKCS1V5', 1]);
const RSA_PKIX = new Set<string | number>(['PKIX_RSA_PKCS1V5', 3]);
const UNSPECIFIED = new Set<Json>(['', 0, 'PUBLIC_KEY_DETAILS_UNSPECIFIED']);

interface LogKey {
  readonly key: PublicKey;
  readonly algorithm: Algorithm;
}

/** @returns the name of a kind of key that is not known, for the reader to pass over */
function readLogKey(publicKey: ProtoMessage): LogKey | { readonly unknown: string } {
  const details = publicKey.value('keyDetails');
  if (details === undefined || UNSPECIFIED.has(details)) {
    return publicKey.fail('keyDetails', 'is missing');
  }
  if (typeof details !== 'string' && typeof details !== 'number') {
    return publicKey.fail('keyDetails', 'neither a name nor a number of the enum');
  }
  const deprecated = RSA_PKCS1.has(details) || RSA_PKIX.has(details);
  const named = algorithmByKeyDetails(details);
  if (named === undefined && !deprecated) return { unknown: String(details).slice(0, 64) };
  const parse = RSA_PKCS1.has(details) ? parsePkcs1PublicKey : parsePublicKey;
  const key = rawBytes(publicKey, parse);
  const algorithm = defaultAlgorithm(key);
  if (deprecated && key.kind === 'rsa') {
    return algorithm === undefined
      ? { unknown: `RSA of ${key.sizeBits} bits` }
      : { key, algorithm };
  }
  if (algorithm === undefined || named !== algorithm) {
    return publicKey.fail('keyDetails', `${details} does not belong to this key`);
  }
  return { key, algorithm };
}

function readLog(log: ProtoMessage): TrustLog | { readonly unknown: string } {
  const baseUrl = readUrl(log, 'baseUrl');
  const hash = log.enumNumber('hashAlgorithm', (name) =>
    name === 'SHA2_256' ? SHA2_256 : undefined,
  );
  if (hash !== SHA2_256) return log.fail('hashAlgorithm', 'is not SHA2_256');
  const publicKey = log.message('publicKey', ['rawBytes', 'keyDetails', 'validFor']);
  if (publicKey === undefined) return log.fail('publicKey', 'is missing');
  // SPEC: a log without validFor.start is invalid.
  const window = readWindow(publicKey);
  const id = log.message('logId', ['keyId']);
  if (id === undefined || !id.has('keyId')) return log.fail('logId.keyId', 'is missing');
  const logId = id.bytes('keyId');
  if (logId.length !== LOG_ID_OCTETS) return id.fail('keyId', `${logId.length} octets, not 32`);
  const key = readLogKey(publicKey);
  return 'unknown' in key
    ? { unknown: `${log.path}: keyDetails ${key.unknown} of ${baseUrl}` }
    : { baseUrl, logId, ...key, ...window };
}

/** What stands in front of a chain. */
type Kind = 'issuer' | 'stamper';

function requireOrder(authority: ProtoMessage, chain: readonly Certificate[], kind: Kind): void {
  const fail = (i: number, what: string) => authority.fail(`certChain.certificates[${i}]`, what);
  const [first] = chain;
  if (first === undefined) authority.fail('certChain', 'is missing');
  if (kind === 'stamper') {
    // SPEC: leaf, intermediates, self-signed root. Python wants two certificates or more.
    if (chain.length < 2) fail(0, 'stands alone; a timestamp chain has its leaf and its root');
    if (first.isCa) fail(0, 'is a CA where the timestamp leaf was expected; order is leaf to root');
  }
  chain.forEach((certificate, i) => {
    const authorityExpected = kind === 'issuer' || i > 0;
    if (authorityExpected && !certificate.isCa) {
      fail(i, 'is not a CA; order is issuing CA to root, without the leaf');
    }
    const issuer = chain[i + 1] ?? certificate;
    if (!equal(certificate.issuer.raw, issuer.subject.raw)) {
      fail(
        i,
        issuer === certificate ? 'is last and not self-signed' : 'was not issued by the next',
      );
    }
  });
}

function readAuthority(authority: ProtoMessage, kind: Kind): TrustAuthority {
  const subject = authority.message('subject', ['organization', 'commonName']);
  subject?.string('organization');
  subject?.string('commonName');
  // For people; a host alone stands there in some trust roots. Nothing is looked up by it.
  const uri = authority.string('uri');
  if (CONTROL.test(uri)) authority.fail('uri', 'has control characters');
  const chain = (
    authority
      .message('certChain', ['certificates'])
      ?.messages('certificates', ['rawBytes'], MAX_CHAIN) ?? []
  ).map((certificate) => rawBytes(certificate, parseCertificate));
  requireOrder(authority, chain, kind);
  // Without a start the first certificate bounds the window, as it does in Go.
  return { uri, chain, ...readWindow(authority, chain[0]?.notBeforeMs) };
}

/** A TrustedRoot message inside another document. @throws FieldError */
export function readTrustedRoot(json: Json, path: string): TrustedRoot {
  const root = new ProtoMessage(json, path, [
    'mediaType',
    'tlogs',
    'certificateAuthorities',
    'ctlogs',
    'timestampAuthorities',
  ]);
  requireMediaType(root, TRUSTED_ROOT_MEDIA_TYPE);
  const unread: string[] = [];
  const logs = (name: string) =>
    root
      .messages(name, ['baseUrl', 'hashAlgorithm', 'publicKey', 'logId'], MAX_ENTRIES)
      .flatMap((message) => {
        const log = readLog(message);
        if (!('unknown' in log)) return [log];
        unread.push(log.unknown);
        return [];
      });
  const authorities = (name: string, kind: Kind) =>
    root
      .messages(name, ['subject', 'uri', 'certChain', 'validFor'], MAX_ENTRIES)
      .map((message) => readAuthority(message, kind));
  const read = {
    tlogs: logs('tlogs'),
    certificateAuthorities: authorities('certificateAuthorities', 'issuer'),
    ctlogs: logs('ctlogs'),
    timestampAuthorities: authorities('timestampAuthorities', 'stamper'),
  };
  return unread.length === 0 ? read : { ...read, unread };
}

/**
 * Reads trusted_root.json.
 * @param json at most 1 MiB
 * @throws CodedError TRUST_ROOT_MALFORMED, `field` = path of the fault
 */
export function parseTrustedRoot(json: string | Uint8Array): TrustedRoot {
  return naming('TRUST_ROOT_MALFORMED', 'trusted root', () =>
    readTrustedRoot(parseJson(json, { maxLength: MAX_LENGTH }), ''),
  );
}

function validForJson({ start, end }: Window): Json {
  return { start: formatTime(start), ...(end === undefined ? {} : { end: formatTime(end) }) };
}

function logJson(log: TrustLog): Json {
  return {
    baseUrl: log.baseUrl,
    hashAlgorithm: 'SHA2_256',
    publicKey: {
      rawBytes: base64(log.key.spki),
      keyDetails: log.algorithm.keyDetails,
      validFor: validForJson(log),
    },
    logId: { keyId: base64(log.logId) },
  };
}

function authorityJson(authority: TrustAuthority): Json {
  const subject = authority.chain.at(-1)?.subject;
  return {
    subject: {
      organization: subject?.organization ?? '',
      commonName: subject?.commonName ?? '',
    },
    uri: authority.uri,
    certChain: { certificates: authority.chain.map(({ der }) => ({ rawBytes: base64(der) })) },
    validFor: validForJson(authority),
  };
}

export function trustedRootJson(root: TrustedRoot): Json {
  return {
    mediaType: TRUSTED_ROOT_MEDIA_TYPE,
    tlogs: root.tlogs.map(logJson),
    certificateAuthorities: root.certificateAuthorities.map(authorityJson),
    ctlogs: root.ctlogs.map(logJson),
    timestampAuthorities: root.timestampAuthorities.map(authorityJson),
  };
}

/** The document as a file. What parseTrustedRoot reads of it is `root` again. */
export function serializeTrustedRoot(root: TrustedRoot): string {
  return `${JSON.stringify(trustedRootJson(root), null, 2)}\n`;
}
