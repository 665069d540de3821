// SPDX-License-Identifier: Apache-2.0
// What the transparency log takes: a signature that verifies with a key of an enabled algorithm.
// In the order of rekor-tiles' validation:
//
//   1. something is there: content, verifier, rawBytes, digest      request.ts
//   2. keyDetails is specified
//   3. the key or the certificate parses as DER, and some engine can use the key
//   4. keyDetails names the algorithm of the key, and the log accepts it
//   5. the digest is as long as the hash of the algorithm makes it
//   6. the signature verifies over the digest
//
// Validity, chain and identity of a certificate are not judged here: verifiers do that.
import { ALGORITHMS, type Algorithm, type HashName, type PublicKey } from '../core/algorithm.ts';
import type { Crypto } from '../core/crypto.ts';
import { pae } from '../core/dsse.ts';
import { buildHashedRekord, type EntryVerifier, HASH_ALGORITHMS } from '../core/entry.ts';
import { CodedError, coded, ParseError } from '../core/errors.ts';
import { keyFault } from '../core/key-fault.ts';
import { parseCertificate, parsePublicKey } from '../core/x509.ts';
import { MAX_ENTRY_BYTES } from '../log/log.ts';
import type { Proposal, ProposedVerifier } from './request.ts';

/** The log sees a digest and never the message, which pure Ed25519 signs. */
type HashAlgorithm = Algorithm & { readonly hash: HashName };
const isEnabled = (algorithm: Algorithm): algorithm is HashAlgorithm =>
  algorithm.hash !== undefined;

const fits = (algorithm: Algorithm, key: PublicKey) =>
  algorithm.kind === key.kind && (algorithm.sizeBits === 0 || algorithm.sizeBits === key.sizeBits);

/** What keyDetails should have been; for people. */
function nameOf(key: PublicKey): string {
  const algorithm = ALGORITHMS.find((row) => isEnabled(row) && fits(row, key));
  return algorithm?.keyDetails ?? `${key.kind.toUpperCase()} of ${key.sizeBits} bits`;
}

/** A key that some engine can verify with. */
function parseKey(verifier: EntryVerifier, path: string): PublicKey {
  const member = 'publicKey' in verifier ? 'publicKey' : 'x509Certificate';
  return coded('ENTRY_KEY_MALFORMED', `${path}.${member}.rawBytes`, () => {
    const key =
      'publicKey' in verifier
        ? parsePublicKey(verifier.publicKey)
        : parseCertificate(verifier.x509Certificate).publicKey;
    const fault = keyFault(key);
    if (fault !== undefined) throw new ParseError(fault);
    return key;
  });
}

/** Steps 2 to 4. */
function judgeKey({ path, key, keyDetails }: ProposedVerifier): {
  publicKey: PublicKey;
  algorithm: HashAlgorithm;
} {
  const field = `${path}.keyDetails`;
  if (keyDetails === 0) throw new CodedError('ENTRY_KEY_DETAILS', `${field}: missing`, { field });
  const publicKey = parseKey(key, path);
  const disabled = (why: string) =>
    new CodedError('ENTRY_ALGORITHM_DISABLED', `${field}: ${why}`, { field });
  const algorithm = ALGORITHMS.find((row) => row.keyDetailsNumber === keyDetails);
  if (algorithm === undefined) throw disabled(`${keyDetails} is not accepted`);
  if (!fits(algorithm, publicKey)) {
    const reason = `${field}: ${algorithm.keyDetails}, but the key is ${nameOf(publicKey)}`;
    throw new CodedError('ENTRY_KEY_DETAILS', reason, { field });
  }
  if (!isEnabled(algorithm)) {
    throw disabled(
      `${algorithm.keyDetails} signs the whole message, the log gets its digest: use PKIX_ED25519_PH`,
    );
  }
  return { publicKey, algorithm };
}

function refuseSignature(field: string): never {
  throw new CodedError('ENTRY_SIGNATURE', `${field}: does not verify`, { field });
}

function judgeDigest(digest: Uint8Array, algorithm: HashAlgorithm): void {
  const length = HASH_ALGORITHMS.find(({ hash }) => hash === algorithm.hash)?.length;
  if (digest.length === length) return;
  const field = 'hashedRekordRequestV002.digest';
  throw new CodedError(
    'ENTRY_DIGEST_LENGTH',
    `${field}: ${digest.length} bytes, ${length} expected`,
    { field },
  );
}

/** Steps 5 and 6; the digest that the entry holds. */
function judgeSignature(
  crypto: Crypto,
  proposal: Proposal,
  key: PublicKey,
  algorithm: HashAlgorithm,
): Uint8Array {
  if (proposal.kind === 'hashedrekord') {
    judgeDigest(proposal.digest, algorithm);
    return crypto.verifyDigest(key, algorithm, proposal.digest, proposal.signature)
      ? proposal.digest
      : refuseSignature('hashedRekordRequestV002.signature.content');
  }
  // The message is at hand, so OpenSSL verifies it whole.
  const message = pae(proposal.payloadType, proposal.payload);
  return crypto.verify(key, algorithm, message, proposal.signature)
    ? crypto.digest(algorithm.hash, message)
    : refuseSignature('dsseRequestV002.envelope.signatures');
}

/**
 * The canonical body of the entry that a proposal asks for: hashedrekord 0.0.2 in either case, for
 * DSSE over the digest of the PAE, since newer verifiers read no other kind.
 * @throws CodedError ENTRY_KEY_DETAILS, ENTRY_KEY_MALFORMED, ENTRY_ALGORITHM_DISABLED,
 *   ENTRY_DIGEST_LENGTH, ENTRY_SIGNATURE, ENTRY_TOO_LARGE
 */
export function admit(crypto: Crypto, proposal: Proposal): Uint8Array {
  const { publicKey, algorithm } = judgeKey(proposal.verifier);
  const digest = judgeSignature(crypto, proposal, publicKey, algorithm);
  const body = buildHashedRekord({
    digest,
    algorithm,
    signature: proposal.signature,
    verifier: proposal.verifier.key,
  });
  if (body.length > MAX_ENTRY_BYTES) {
    const field = proposal.verifier.path;
    const reason = `${field}: the entry would hold ${body.length} bytes, at most ${MAX_ENTRY_BYTES}`;
    throw new CodedError('ENTRY_TOO_LARGE', reason, { field });
  }
  return body;
}
