// SPDX-License-Identifier: Apache-2.0
// Who may have signed: the mode of the verification, and the key that everything else is held
// against. A bundle never chooses the mode; what the caller asked for does.
import { type Algorithm, algorithmByKeyDetails, defaultAlgorithm, withHash } from '../algorithm.ts';
import type { Bundle, BundleSigner } from '../bundle.ts';
import { equal } from '../bytes.ts';
import type { HashName, PublicKey } from '../crypto.ts';
import type { EntryVerifier } from '../entry.ts';
import { CodedError, coded } from '../errors.ts';
import { type Certificate, parseCertificate } from '../x509.ts';
import { requireIdentityPolicy, type WantedIdentity } from './identity.ts';

/** Whom the caller believes, and what else must hold. */
export interface Policy extends WantedIdentity {
  /** A key that the caller manages; excludes identities. */
  readonly key?: PublicKey;
  /** Demands a DSSE attestation. */
  readonly attestation?: boolean;
  /** What the statement of an attestation must be of. */
  readonly predicateType?: string;
  /** Demands an RFC 3161 timestamp even where a log entry tells the time. */
  readonly timestamp?: boolean;
  /** Now, milliseconds since 1970: no proven time may lie after it. Absent: not judged. */
  readonly nowMs?: number;
  /** Accepts that no known log holds an entry. Entries of known logs must still be right. */
  readonly unsafeWithoutLog?: boolean;
  /** Accepts a certificate that no CT log vouches for. */
  readonly unsafeWithoutSct?: boolean;
  /** Accepts an attestation whose statement names other artifacts. */
  readonly unsafeAnySubject?: boolean;
}

/** An algorithm that signs digests. */
export type DigestAlgorithm = Algorithm & { readonly hash: HashName };

export interface SigningKey {
  readonly key: PublicKey;
  /** How signers and logs use it today; what an entry of Rekor v2 must say. */
  readonly algorithm: DigestAlgorithm;
  /** Other ways in which clients have signed with such a key. */
  readonly alternatives: readonly Algorithm[];
  /** How a log entry names it. */
  readonly verifier: EntryVerifier;
  /** Absent for keys that the caller manages. */
  readonly leaf: Certificate | undefined;
}

/**
 * The algorithm that signers and logs derive from a key. A log holds digests, so Ed25519 stands
 * there in its prehashed form.
 */
function signingAlgorithm(key: PublicKey): DigestAlgorithm {
  const algorithm =
    key.kind === 'ed25519' ? algorithmByKeyDetails('PKIX_ED25519_PH') : defaultAlgorithm(key);
  if (algorithm?.hash === undefined) {
    throw new CodedError('SIGNATURE_INVALID', `${key.kind} keys of ${key.sizeBits} bits are weak`, {
      field: 'verificationMaterial',
    });
  }
  return { ...algorithm, hash: algorithm.hash };
}

/**
 * Ed25519 signs envelopes, and files that no log holds, in its pure form. Until clients took the
 * hash from the curve (cosign 2 with Rekor v1), every ECDSA key signed SHA-256.
 */
function alternativesOf(algorithm: DigestAlgorithm): Algorithm[] {
  const { kind } = algorithm;
  if (kind === 'ed25519') {
    const pure = algorithmByKeyDetails('PKIX_ED25519');
    return pure === undefined ? [] : [pure];
  }
  return kind === 'p384' || kind === 'p521' ? [withHash(algorithm, 'sha256')] : [];
}

/** How signatures of this key are judged. @throws CodedError SIGNATURE_INVALID for weak keys */
export function signingKey(key: PublicKey, leaf: Certificate | undefined): SigningKey {
  const algorithm = signingAlgorithm(key);
  return {
    key,
    algorithm,
    alternatives: alternativesOf(algorithm),
    verifier: leaf === undefined ? { publicKey: key.spki } : { x509Certificate: leaf.der },
    leaf,
  };
}

function readLeaf(signer: Exclude<BundleSigner, { kind: 'publicKey' }>): Certificate {
  const field = 'verificationMaterial.certificate';
  const chain = signer.kind === 'certificate' ? [signer.certificate] : signer.certificates;
  const [leaf, ...others] = coded('CERTIFICATE_MALFORMED', field, () =>
    chain.map(parseCertificate),
  );
  // SPEC: a bundle MUST NOT carry root certificates; they come from the trusted root alone.
  if (others.some(({ issuer, subject }) => equal(issuer.raw, subject.raw))) {
    throw new CodedError('BUNDLE_MALFORMED', 'the certificate chain holds a root', { field });
  }
  if (leaf === undefined)
    throw new CodedError('CERTIFICATE_MALFORMED', 'no certificate', { field });
  return leaf;
}

function keyMode(message: string): never {
  throw new CodedError('KEY_MODE', message, { field: '--key' });
}

/** Whether anything about an identity was asked for. */
function asksForIdentity(policy: Policy): boolean {
  const { identity, identityRegexp, issuer, issuerRegexp, extensions = [] } = policy;
  const texts = [identity, identityRegexp, issuer, issuerRegexp];
  return texts.some((text) => text !== undefined) || extensions.length > 0;
}

/**
 * @throws CodedError KEY_MODE, IDENTITY_POLICY_MISSING, USAGE, CERTIFICATE_MALFORMED,
 *   BUNDLE_MALFORMED, SIGNATURE_INVALID
 */
export function chooseSigner(bundle: Bundle, policy: Policy): SigningKey {
  const { signer } = bundle;
  const { key } = policy;
  if (key !== undefined && asksForIdentity(policy)) {
    return keyMode('both a key and an identity were asked for');
  }
  if (signer.kind === 'publicKey') {
    if (key === undefined) {
      return keyMode('the bundle was signed with a key, and no key was given');
    }
    return signingKey(key, undefined);
  }
  if (key !== undefined) return keyMode('a key was given, but the bundle carries a certificate');
  requireIdentityPolicy(policy);
  const leaf = readLeaf(signer);
  return signingKey(leaf.publicKey, leaf);
}
