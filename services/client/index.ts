// SPDX-License-Identifier: Apache-2.0
// The client as a library.
//
//   const trust = loadTrust('trust');
//   const { bundle } = await sign(bytes, { trust, token });
//   verify(trust, bundle, { bytes }, { identity, issuer });
import { randomBytes } from 'node:crypto';
import type { Bundle } from '../core/bundle.ts';
import { CodedError, coded } from '../core/errors.ts';
import { type Artifact, type Policy, type Verification, verifyBundle } from '../core/verify.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { type HttpEdges, systemHttp } from './http.ts';
import { type SignContext, type Signed, signArtifact, signStatement } from './sign.ts';
import { buildStatement } from './statement.ts';
import { readToken } from './token.ts';
import type { Trust } from './trust.ts';

export { type Bundle, parseBundle, serializeBundle } from '../core/bundle.ts';
export { CodedError } from '../core/errors.ts';
export { parseClientTrustConfig } from '../core/signing-config.ts';
export { parseTrustedRoot } from '../core/trust.ts';
export {
  type Artifact,
  type Check,
  examineBundle,
  type Policy,
  type Verification,
  verifyBundle,
} from '../core/verify.ts';
export { hashFiles } from './hash-files.ts';
export type { HttpEdges } from './http.ts';
export type { Signed } from './sign.ts';
export { buildStatement, PREDICATE_TYPES, predicateTypeOf } from './statement.ts';
export { loadTrust, type Trust } from './trust.ts';

export interface SignerOptions {
  readonly trust: Trust;
  /** Compact JWT. */
  readonly token: string;
  readonly clock?: Clock;
  readonly http?: HttpEdges;
  readonly random?: (length: number) => Uint8Array;
}

export interface Attestation {
  /** Name of the file that the statement is about. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** URI. */
  readonly predicateType: string;
  /** JSON. */
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

/** Signs bytes, or pieces of them. @throws CodedError naming the service that failed */
export function sign(
  artifact: Uint8Array | AsyncIterable<Uint8Array>,
  options: SignerOptions,
): Promise<Signed> {
  const chunks = artifact instanceof Uint8Array ? [artifact] : artifact;
  return signArtifact(contextOf(options), chunks);
}

/** Signs an in-toto statement about bytes. @throws CodedError as sign */
export function attest(attestation: Attestation, options: SignerOptions): Promise<Signed> {
  const { name, bytes, predicateType, predicate } = attestation;
  const sha256 = nodeCrypto.digest('sha256', bytes);
  const statement = coded('STATEMENT_MALFORMED', 'predicate', () =>
    buildStatement({ name, sha256 }, predicateType, predicate),
  );
  return signStatement(contextOf(options), statement, { bytes });
}

/** Offline. @throws CodedError with the code of the check that failed */
export function verify(
  trust: Pick<Trust, 'trustedRoot'>,
  bundle: Bundle,
  artifact: Artifact,
  policy: Policy,
): Verification {
  return verifyBundle(nodeCrypto, trust.trustedRoot, bundle, artifact, policy);
}
