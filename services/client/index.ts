// SPDX-License-Identifier: Apache-2.0
// The client as a library.
//
//   const trust = loadTrust('trust');
//   const { bundle } = await sign(bytes, { trust, token });
//   verify(trust, bundle, { bytes }, { identity, issuer });
import { randomBytes } from 'node:crypto';
import type { Bundle } from '../core/bundle.ts';
import { CodedError, coded } from '../core/errors.ts';
import {
  type Artifact,
  type Examination,
  examineBundle,
  type Policy,
  type Verification,
  verifyBundle,
} from '../core/verify.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { type HttpEdges, systemHttp } from './http.ts';
import { type SignContext, type Signed, signArtifact, signStatement } from './sign.ts';
import { buildStatement } from './statement.ts';
import { readToken } from './token.ts';
import type { Trust } from './trust.ts';

export { type Bundle, parseBundle, serializeBundle } from '../core/bundle.ts';
export type { PublicKey } from '../core/crypto.ts';
export { CodedError, ParseError } from '../core/errors.ts';
export { parseClientTrustConfig } from '../core/signing-config.ts';
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
export { hashFiles } from './hash-files.ts';
export type { HttpEdges } from './http.ts';
export type { Signed } from './sign.ts';
export { buildStatement, PREDICATE_TYPES, predicateTypeOf } from './statement.ts';
export { loadTrust, type Trust } from './trust.ts';

/** With what to sign. */
export interface SignerOptions {
  /** As loadTrust reads it, with a signing config. */
  readonly trust: Trust;
  /** Identity token: compact JWT. It is sent to the certificate authority and nowhere else. */
  readonly token: string;
  /** Now; the system's clock unless given. */
  readonly clock?: Clock;
  /** The network; the system's unless given. */
  readonly http?: HttpEdges;
  /** Random bytes for nonces; the system's unless given. */
  readonly random?: (length: number) => Uint8Array;
}

/** A statement about a file. */
export interface Attestation {
  /** Name of the file that the statement is about. */
  readonly name: string;
  /** Its content. */
  readonly bytes: Uint8Array;
  /** URI of the kind of statement; predicateTypeOf knows short names. */
  readonly predicateType: string;
  /** JSON in UTF-8; it stands in the statement byte for byte. */
  readonly predicate: Uint8Array;
}

function contextOf(options: SignerOptions): SignContext {
  const { trustedRoot, signingConfig } = options.trust;
  if (signingConfig === undefined) {
    throw new CodedError('SIGNING_CONFIG_MALFORMED', 'the trust files hold no signing config', {
      field: 'trust',
    });
  }
  return {
    trustedRoot,
    signingConfig,
    token: readToken(options.token),
    crypto: nodeCrypto,
    clock: options.clock ?? systemClock,
    http: options.http ?? systemHttp,
    random: options.random ?? ((length) => new Uint8Array(randomBytes(length))),
  };
}

/**
 * Signs bytes, and verifies the result as others will.
 * @param artifact the content, whole or in pieces, which are read once and never sent
 * @throws CodedError TOKEN_MALFORMED, SIGNING_CONFIG_MALFORMED, SIGNING_CONFIG_SERVICE,
 *   SERVICE_UNREACHABLE, SERVICE_REFUSED, SERVICE_ANSWER, or a TOKEN_ code of the certificate
 *   authority; and what `artifact` throws
 */
export async function sign(
  artifact: Uint8Array | AsyncIterable<Uint8Array>,
  options: SignerOptions,
): Promise<Signed> {
  const chunks = artifact instanceof Uint8Array ? [artifact] : artifact;
  return signArtifact(contextOf(options), chunks);
}

/**
 * Signs an in-toto statement about a file, as a DSSE envelope.
 * @throws CodedError STATEMENT_MALFORMED when the predicate is not JSON; else as sign
 */
export async function attest(attestation: Attestation, options: SignerOptions): Promise<Signed> {
  const { name, bytes, predicateType, predicate } = attestation;
  const sha256 = nodeCrypto.digest('sha256', bytes);
  const statement = coded('STATEMENT_MALFORMED', 'predicate', () =>
    buildStatement({ name, sha256 }, predicateType, predicate),
  );
  return signStatement(contextOf(options), statement, { bytes });
}

/**
 * Verifies a bundle over a file: who signed, when, published where. Offline and synchronous.
 * @param trust as loadTrust reads it, or `{ trustedRoot }`
 * @throws CodedError with the code of the check that failed
 */
export function verify(
  trust: Pick<Trust, 'trustedRoot'>,
  bundle: Bundle,
  artifact: Artifact,
  policy: Policy,
): Verification {
  return verifyBundle(nodeCrypto, trust.trustedRoot, bundle, artifact, policy);
}

/**
 * As verify, but a refusal comes back, with the checks that led to it.
 * @throws nothing that a bundle could cause
 */
export function examine(
  trust: Pick<Trust, 'trustedRoot'>,
  bundle: Bundle,
  artifact: Artifact,
  policy: Policy,
): Examination {
  return examineBundle(nodeCrypto, trust.trustedRoot, bundle, artifact, policy);
}
