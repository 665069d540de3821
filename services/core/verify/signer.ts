// SPDX-License-Identifier: Apache-2.0
// Who may have signed: the mode of the verification, and the key that everything else is held
// against. A bundle never chooses the mode; what the caller asked for does.
import { type Algorithm, algorithmByKeyDetails, defaultAlgorithm } from '../algorithm.ts';
import type { Bundle, BundleSigner } from '../bundle.ts';
import { equal } from '../bytes.ts';
import type { HashName, PublicKey } from '../crypto.ts';
import type { EntryVerifier } from '../entry.ts';
import { CodedError, coded } from '../errors.ts';
import { type Certificate, parseCertificate } from '../x509.ts';

/** Whom the caller believes. Texts are compared exactly. */
export interface Policy {
  /** Subject of the certificate: mail address, URI or user name. Needs `issuer`. */
  readonly identity?: string;
  /** Issuer of the identity token. Needs `identity`. */
  readonly issuer?: string;
  /** A key that the caller manages; excludes identities. */
  readonly key?: PublicKey;
  /** Demands a DSSE attestation. */
  readonly attestation?: boolean;
  /** What the statement of an attestation must be of. */
  readonly predicateType?: string;
}

export interface SigningKey {
  readonly key: PublicKey;
  /** How it signs digests; its hash is the artifact's. */
  readonly algorithm: Algorithm & { readonly hash: HashName };
  /** How a log entry names it. */
  readonly verifier: EntryVerifier;
  /** Absent for keys that the caller manages. */
  readonly leaf: Certificate | undefined;
}

/**
 * The algorithm that signers and logs derive from a key. A log holds digests, so Ed25519 stands
 * there in its prehashed form.
 */
function signingAlgorithm(key: PublicKey): SigningKey['algorithm'] {
  const algorithm =
    key.kind === 'ed25519' ? algorithmByKeyDetails('PKIX_ED25519_PH') : defaultAlgorithm(key);
  if (algorithm?.hash === undefined) {
    throw new CodedError('SIGNATURE_INVALID', `${key.kind} keys of ${key.sizeBits} bits are weak`, {
      field: 'verificationMaterial',
    });
  }
  return { ...algorithm, hash: algorithm.hash };
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

/** @throws CodedError KEY_MODE, IDENTITY_POLICY_MISSING, CERTIFICATE_MALFORMED, BUNDLE_MALFORMED */
export function chooseSigner(bundle: Bundle, policy: Policy): SigningKey {
  const { signer } = bundle;
  const { key, identity, issuer } = policy;
  if (key !== undefined && (identity !== undefined || issuer !== undefined)) {
    throw new CodedError('KEY_MODE', 'both a key and an identity were asked for', {
      field: '--key',
    });
  }
  if (signer.kind === 'publicKey') {
    if (key === undefined) {
      throw new CodedError('KEY_MODE', 'the bundle was signed with a key, and no key was given', {
        field: '--key',
      });
    }
    const verifier = { publicKey: key.spki };
    return { key, algorithm: signingAlgorithm(key), verifier, leaf: undefined };
  }
  if (key !== undefined) {
    throw new CodedError('KEY_MODE', 'a key was given, but the bundle carries a certificate', {
      field: '--key',
    });
  }
  // SPEC: an empty policy accepts everybody, so it is refused before anything is verified.
  if (!identity || !issuer) {
    throw new CodedError('IDENTITY_POLICY_MISSING', 'no identity and issuer to compare with', {
      field: '--certificate-identity',
    });
  }
  const leaf = readLeaf(signer);
  return {
    key: leaf.publicKey,
    algorithm: signingAlgorithm(leaf.publicKey),
    verifier: { x509Certificate: leaf.der },
    leaf,
  };
}
