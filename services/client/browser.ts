// SPDX-License-Identifier: Apache-2.0
// The verifier as a library for a page: synchronous, no Node, no network, no clock. Under Node,
// index.ts is faster.
//
//   const root = parseTrustedRoot(await file.text());
//   verify(root, parseBundle(text), { bytes }, { identity, issuer });
import type { Bundle } from '../core/bundle.ts';
import { nobleCrypto } from '../core/crypto-noble.ts';
import type { TrustedRoot } from '../core/trust.ts';
import {
  type Artifact,
  type Examination,
  examineBundle,
  type Policy,
  type Verification,
  verifyBundle,
} from '../core/verify.ts';

export { type Bundle, parseBundle } from '../core/bundle.ts';
export type { PublicKey } from '../core/crypto.ts';
export { CodedError } from '../core/errors.ts';
export { parsePublicKey } from '../core/spki.ts';
export { parseTrustedRoot, type TrustedRoot } from '../core/trust.ts';
export {
  type Artifact,
  artifactHashes,
  type Check,
  type Examination,
  type Policy,
  type Verification,
  wantsBytes,
} from '../core/verify.ts';

/**
 * Verifies a bundle over a file, with an engine that needs no Node.
 * @throws CodedError with the code of the check that failed
 */
export function verify(
  root: TrustedRoot,
  bundle: Bundle,
  artifact: Artifact,
  policy: Policy,
): Verification {
  return verifyBundle(nobleCrypto, root, bundle, artifact, policy);
}

/**
 * As verify, but a refusal comes back, with the checks that led to it.
 * @throws nothing that a bundle could cause
 */
export function examine(
  root: TrustedRoot,
  bundle: Bundle,
  artifact: Artifact,
  policy: Policy,
): Examination {
  return examineBundle(nobleCrypto, root, bundle, artifact, policy);
}
