// SPDX-License-Identifier: Apache-2.0
// The body of a log entry against the bundle around it: this signer, this signature, this artifact.
import type { LogEntry } from '../bundle.ts';
import { equal } from '../bytes.ts';
import type { HashName } from '../crypto.ts';
import { type EntryClaim, findEntryKind } from '../entry-body.ts';
import { CodedError, coded, type ErrorCode } from '../errors.ts';
import type { SigningKey } from './signer.ts';

const FIELD = 'verificationMaterial.tlogEntries.canonicalizedBody';

function refuse(code: ErrorCode, message: string): never {
  throw new CodedError(code, message, { field: FIELD });
}

/** What the bundle holds besides the log entry. */
export interface LoggedSignature {
  readonly signer: SigningKey;
  /** Raw. */
  readonly signature: Uint8Array;
  /** Digest of what was signed: the artifact, or the PAE of an envelope. */
  readonly messageDigest: (hash: HashName) => Uint8Array;
  /** Absent when a file was signed. */
  readonly envelope?: {
    readonly payloadType: string;
    readonly payloadDigest: (hash: HashName) => Uint8Array;
  };
}

function sameVerifier({ verifier: logged }: EntryClaim, { verifier }: SigningKey): boolean {
  if ('publicKey' in verifier) {
    return 'publicKey' in logged && equal(logged.publicKey, verifier.publicKey);
  }
  return 'x509Certificate' in logged && equal(logged.x509Certificate, verifier.x509Certificate);
}

/**
 * Rekor v2 names the algorithm, v1 a hash alone; of an envelope it is the hash of the payload, which says
 * nothing about the signature.
 */
function agrees(claim: EntryClaim, { algorithm, alternatives }: SigningKey): boolean {
  const { keyDetails, hash, of } = claim;
  const known = [algorithm, ...alternatives];
  if (keyDetails === undefined) {
    return of === 'payload' || known.some((candidate) => candidate.hash === hash);
  }
  if (of === 'payload') return known.some((candidate) => candidate.keyDetails === keyDetails);
  return algorithm.keyDetails === keyDetails && algorithm.hash === hash;
}

function requireDigest(claim: EntryClaim, logged: LoggedSignature): void {
  const { of, hash, digest, payloadType } = claim;
  if (of === 'message') {
    if (equal(digest, logged.messageDigest(hash))) return;
    refuse('LOG_ENTRY_MISMATCH', 'the entry is of another artifact');
  }
  const { envelope } = logged;
  if (envelope === undefined) {
    refuse('LOG_ENTRY_MISMATCH', 'the entry is of an envelope, but a file was signed');
  }
  if (payloadType !== undefined && payloadType !== envelope.payloadType) {
    refuse('LOG_ENTRY_MISMATCH', 'the entry is of another payload type');
  }
  if (!equal(digest, envelope.payloadDigest(hash))) {
    refuse('LOG_ENTRY_MISMATCH', 'the entry is of another payload');
  }
}

/** @throws CodedError LOG_ENTRY_UNSUPPORTED, LOG_ENTRY_MALFORMED, LOG_ENTRY_MISMATCH */
export function verifyEntryBody(entry: LogEntry, logged: LoggedSignature): void {
  const kind = findEntryKind(entry.kind, entry.version);
  if (kind === undefined) {
    refuse('LOG_ENTRY_UNSUPPORTED', `an entry of kind ${entry.kind} ${entry.version}`);
  }
  const claim = coded('LOG_ENTRY_MALFORMED', FIELD, () => kind.read(entry.canonicalizedBody));
  if (!sameVerifier(claim, logged.signer)) {
    refuse('LOG_ENTRY_MISMATCH', 'the entry is of another signer');
  }
  if (claim.signature !== undefined && !equal(claim.signature, logged.signature)) {
    refuse('LOG_ENTRY_MISMATCH', 'the entry is of another signature');
  }
  if (!agrees(claim, logged.signer)) {
    const { keyDetails = 'a signature', hash } = claim;
    refuse('LOG_ENTRY_MISMATCH', `the entry says ${keyDetails} with ${hash}`);
  }
  requireDigest(claim, logged);
}
