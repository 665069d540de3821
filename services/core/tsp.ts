// SPDX-License-Identifier: Apache-2.0
// Timestamps as a verifier judges them: over these bytes, by a trusted authority, within every
// window at the time they name. Today's date plays no part: an expired chain still proves the past.
import { equal } from './bytes.ts';
import type { Crypto } from './crypto.ts';
import { CodedError, coded, type ErrorCode } from './errors.ts';
import { OID } from './oid.ts';
import { signatureAlgorithm } from './signature-algorithm.ts';
import type { TimestampRequest } from './tsp-request.ts';
import { namesCertificate, parseTimestampResponse, type Timestamp } from './tsp-token.ts';
import { buildPath, type Certificate } from './x509.ts';

export {
  encodeTimestampRequest,
  parseTimestampRequest,
  type TimestampRequest,
} from './tsp-request.ts';
export { parseTimestampResponse, type Timestamp } from './tsp-token.ts';

/** A timestamp authority of the trusted root. */
export interface TimestampAuthority {
  readonly uri: string;
  /** Leaf first, root last. */
  readonly chain: readonly Certificate[];
  /** Milliseconds since 1970; both ends belong to the window. */
  readonly start: number;
  readonly end?: number | undefined;
}

export interface VerifiedTimestamp<A extends TimestampAuthority> {
  readonly genTimeMs: number;
  readonly authority: A;
}

function refuse(code: ErrorCode, message: string): never {
  throw new CodedError(code, message, { field: 'timestamp' });
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function requireImprint(crypto: Crypto, timestamp: Timestamp, message: Uint8Array): void {
  if (!equal(crypto.digest(timestamp.hash.name, message), timestamp.digest)) {
    refuse('TIMESTAMP_MISMATCH', 'the timestamp is over other bytes than this signature');
  }
}

/** The leaf that the signer names, in the entries of the trusted root that hold it. */
function candidates<A extends TimestampAuthority>(
  timestamp: Timestamp,
  authorities: readonly A[],
): readonly A[] {
  const found = authorities.filter(
    ({ chain: [leaf] }) => leaf !== undefined && namesCertificate(timestamp.signer, leaf),
  );
  if (found.length === 0) {
    refuse('TIMESTAMP_UNTRUSTED', 'no timestamp authority of the trusted root made this timestamp');
  }
  return found;
}

/**
 * A token may carry certificates, but they prove nothing: the chain is that of the trusted root.
 * One that carries any must carry the trusted leaf, and no certificate from outside the chain
 * (GHSA-xm5m-wgh2-rrg3: a verifier that believed the embedded ones).
 */
function requireEmbedded({ certificates }: Timestamp, chain: readonly Certificate[]): void {
  if (certificates.length === 0) return;
  const within = (der: Uint8Array) => chain.some((trusted) => equal(trusted.der, der));
  const [leaf] = chain;
  if (!certificates.some(({ der }) => leaf !== undefined && equal(leaf.der, der))) {
    refuse('TIMESTAMP_UNTRUSTED', 'the embedded certificate is not that of the trusted authority');
  }
  if (!certificates.every(({ der }) => within(der))) {
    refuse('TIMESTAMP_UNTRUSTED', 'an embedded certificate is not of the trusted chain');
  }
}

/** RFC 5035 §3: the signer binds its signature to one certificate. */
function requireSigningCertificate(crypto: Crypto, timestamp: Timestamp, leaf: Certificate): void {
  const { hash, certHash, issuerSerial } = timestamp.signingCertificate;
  if (!equal(crypto.digest(hash.name, leaf.der), certHash)) {
    refuse('TIMESTAMP_INVALID', 'signingCertificateV2 names another certificate');
  }
  if (issuerSerial !== undefined && !namesCertificate(issuerSerial, leaf)) {
    refuse('TIMESTAMP_INVALID', 'signingCertificateV2 names another issuer or serial number');
  }
}

/** RFC 5652 §5.4, §5.6: signature → signed attributes → messageDigest → TSTInfo. */
function requireSignature(crypto: Crypto, timestamp: Timestamp, leaf: Certificate): void {
  const { signer, content, contentDigest } = timestamp;
  if (!equal(crypto.digest(signer.digest.name, content), contentDigest)) {
    refuse('TIMESTAMP_INVALID', 'messageDigest is not that of the TSTInfo');
  }
  const { kind } = leaf.publicKey;
  // rsaEncryption leaves the hash to digestAlgorithm (RFC 3370 §3.2).
  const plainRsa = signer.signatureOid === OID.rsaEncryption;
  const oid = plainRsa ? RSA_WITH[signer.digest.name] : signer.signatureOid;
  const algorithm = signatureAlgorithm(oid, kind);
  if (algorithm === undefined) {
    refuse('TIMESTAMP_INVALID', `signature algorithm ${oid} does not fit the key`);
  }
  if (algorithm.hash !== undefined && algorithm.hash !== signer.digest.name) {
    refuse('TIMESTAMP_INVALID', 'digest and signature algorithm differ');
  }
  if (!crypto.verify(leaf.publicKey, algorithm, signer.signedAttributes, signer.signature)) {
    refuse('TIMESTAMP_INVALID', 'the signature of the timestamp does not verify');
  }
}

const RSA_WITH = { sha256: OID.rsaSha256, sha384: OID.rsaSha384, sha512: OID.rsaSha512 } as const;

/** SPEC RFC 3161 §2.3: the key MUST be for timestamping alone, and the extension critical. */
function requireSoleUsage(leaf: Certificate): void {
  const usage = leaf.extendedKeyUsage;
  if (usage?.critical && usage.oids.length === 1 && usage.oids[0] === OID.timeStamping) return;
  refuse('TIMESTAMP_CERTIFICATE', 'the authority is not certified for timestamping alone');
}

/** Extensions of TSTInfo that are critical must be understood; there are none. */
function requireNoCriticalExtension({ extensions }: Timestamp): void {
  const critical = extensions.find((extension) => extension.critical);
  if (critical !== undefined) {
    refuse('TIMESTAMP_INVALID', `unknown critical extension ${critical.oid}`);
  }
}

function requirePath(crypto: Crypto, chain: readonly Certificate[], atMs: number): void {
  const [leaf, ...issuers] = chain;
  if (leaf === undefined) refuse('TIMESTAMP_UNTRUSTED', 'the authority has no certificates');
  try {
    buildPath(crypto, leaf, issuers, atMs, OID.timeStamping);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const code = error.code === 'CERTIFICATE_TIME' ? 'TIMESTAMP_TIME' : 'TIMESTAMP_CERTIFICATE';
    throw new CodedError(code, error.message, { field: 'timestamp', cause: error });
  }
}

function requireWindow({ start, end }: TimestampAuthority, atMs: number): void {
  if (atMs >= start && (end === undefined || atMs <= end)) return;
  const until = end === undefined ? 'on' : `to ${iso(end)}`;
  refuse(
    'TIMESTAMP_TIME',
    `the authority is trusted from ${iso(start)} ${until}, not at ${iso(atMs)}`,
  );
}

function judge(crypto: Crypto, timestamp: Timestamp, authority: TimestampAuthority): void {
  const { chain } = authority;
  const [leaf] = chain;
  if (leaf === undefined) refuse('TIMESTAMP_UNTRUSTED', 'the authority has no certificates');
  requireEmbedded(timestamp, chain);
  requireSigningCertificate(crypto, timestamp, leaf);
  requireSignature(crypto, timestamp, leaf);
  requireSoleUsage(leaf);
  requirePath(crypto, chain, timestamp.genTimeMs);
  requireWindow(authority, timestamp.genTimeMs);
}

/**
 * One timestamp over `message`. When the trusted root holds the signer in several entries, one that
 * accepts is enough; else the reason of the last stands.
 * @param token DER of the TimeStampResp @param message what was stamped: raw signature bytes
 * @throws CodedError TIMESTAMP_MALFORMED, _REFUSED, _MISMATCH, _UNTRUSTED, _INVALID, _CERTIFICATE, _TIME
 */
export function verifyTimestamp<A extends TimestampAuthority>(
  crypto: Crypto,
  token: Uint8Array,
  message: Uint8Array,
  authorities: readonly A[],
): VerifiedTimestamp<A> {
  const timestamp = coded('TIMESTAMP_MALFORMED', 'timestamp', () => parseTimestampResponse(token));
  requireImprint(crypto, timestamp, message);
  requireNoCriticalExtension(timestamp);
  let reason: unknown;
  for (const authority of candidates(timestamp, authorities)) {
    try {
      judge(crypto, timestamp, authority);
      return { genTimeMs: timestamp.genTimeMs, authority };
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      reason = error;
    }
  }
  throw reason;
}

function sameNonce(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equal(a, b);
}

/**
 * Is `timestamp` the answer to `request`? For the one who asked, right after asking.
 * @throws CodedError TIMESTAMP_MISMATCH naming what differs
 */
export function requireAnswer(request: TimestampRequest, timestamp: Timestamp): void {
  const differs = (what: string) => refuse('TIMESTAMP_MISMATCH', `the answer has another ${what}`);
  if (timestamp.hash.oid !== request.hashOid) differs('hash algorithm');
  if (!equal(timestamp.digest, request.digest)) differs('digest');
  // SPEC RFC 3161 §2.4.2: MUST be present with the same value if it was in the request.
  if (!sameNonce(timestamp.nonce, request.nonce)) differs('nonce');
  if (request.policy !== undefined && timestamp.policy !== request.policy) differs('policy');
  // SPEC RFC 3161 §2.4.1: without certReq the certificates field MUST NOT be present.
  if (timestamp.certificates.length > 0 !== request.certReq) differs('set of certificates');
}
