// SPDX-License-Identifier: Apache-2.0
// Signing: token → ephemeral key → certificate, checked → signature → timestamp and log entry side
// by side, both checked → bundle → the same verification that others will do. What fails on the way
// leaves nothing behind but a log entry.
import { createHash, createSign } from 'node:crypto';
import { BUNDLE_MEDIA_TYPE, type Bundle, type BundleContent } from '../core/bundle.ts';
import type { Crypto } from '../core/crypto.ts';
import { IN_TOTO_PAYLOAD_TYPE, pae } from '../core/dsse.ts';
import { CodedError } from '../core/errors.ts';
import { type SigningConfig, type SigningService, selectServices } from '../core/signing-config.ts';
import type { TrustedRoot } from '../core/trust.ts';
import { signingKey } from '../core/verify/signer.ts';
import { type Artifact, type Verification, verifyBundle } from '../core/verify.ts';
import type { Clock } from '../runtime/clock.ts';
import { type Certified, certify } from './certify.ts';
import type { HttpEdges } from './http.ts';
import { record } from './record.ts';
import { stamp } from './stamp.ts';
import type { Token } from './token.ts';

export interface SignContext {
  readonly trustedRoot: TrustedRoot;
  readonly signingConfig: SigningConfig;
  readonly token: Token;
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly http: HttpEdges;
  readonly random: (length: number) => Uint8Array;
}

/** A signature that was made. */
export interface Signed {
  /** To be written by serializeBundle. */
  readonly bundle: Bundle;
  /** Of our own verification. */
  readonly verification: Verification;
}

/** API versions that this client speaks. The v2 path of Fulcio goes by version 1 in signing configs. */
const CA_VERSIONS = [1];
const LOG_VERSIONS = [2];
const TSA_VERSIONS = [1];

interface Services {
  readonly ca: SigningService;
  readonly logs: readonly SigningService[];
  readonly authorities: readonly SigningService[];
}

/** @throws CodedError SIGNING_CONFIG_SERVICE before anything is sent */
function chooseServices(config: SigningConfig, nowMs: number): Services {
  const { caUrls, rekorTlogUrls, rekorTlogConfig, tsaUrls, tsaConfig } = config;
  const [ca] = selectServices('caUrls', caUrls, CA_VERSIONS, nowMs);
  if (ca === undefined) throw new CodedError('SIGNING_CONFIG_SERVICE', 'no certificate authority');
  return {
    ca,
    logs: selectServices('rekorTlogUrls', rekorTlogUrls, LOG_VERSIONS, nowMs, rekorTlogConfig),
    authorities: selectServices('tsaUrls', tsaUrls, TSA_VERSIONS, nowMs, tsaConfig),
  };
}

/** What was signed, and with which bytes. */
interface Raw {
  readonly signature: Uint8Array;
  /** SHA-256 of what was signed. */
  readonly digest: Uint8Array;
}

async function prove(context: SignContext, services: Services, certified: Certified, raw: Raw) {
  const { crypto, http, random, trustedRoot: root } = context;
  const { leaf } = certified;
  const signer = signingKey(leaf.publicKey, leaf);
  const recorded = { signer, certificate: leaf.der, ...raw };
  const abort = new AbortController();
  try {
    const [timestamps, tlogEntries] = await Promise.all([
      Promise.all(
        services.authorities.map(({ url }) =>
          stamp({ ...http, random }, crypto, root, url, raw.signature, abort.signal),
        ),
      ),
      Promise.all(
        services.logs.map(({ url }) => record(http, crypto, root, url, recorded, abort.signal)),
      ),
    ]);
    return { timestamps, tlogEntries };
  } catch (error) {
    // The first fault ends the others: their answers have no use any more.
    abort.abort();
    throw error;
  }
}

/** @throws CodedError SERVICE_ANSWER when the parts verify and the whole does not */
function verifyOwn(
  context: SignContext,
  bundle: Bundle,
  artifact: Artifact | undefined,
  certified: Certified,
): Verification {
  const { name: identity, issuer } = certified.identity;
  const whole = artifact ?? { digests: {} };
  const policy = { identity, issuer, unsafeAnySubject: artifact === undefined };
  try {
    return verifyBundle(context.crypto, context.trustedRoot, bundle, whole, policy);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const message = `the finished bundle does not verify: ${error.code}: ${error.message}`;
    throw new CodedError('SERVICE_ANSWER', message, { field: 'bundle', cause: error });
  }
}

async function finish(
  context: SignContext,
  services: Services,
  certified: Certified,
  made: { readonly raw: Raw; readonly content: BundleContent; readonly artifact?: Artifact },
): Promise<Signed> {
  const proofs = await prove(context, services, certified, made.raw);
  const bundle: Bundle = {
    mediaType: BUNDLE_MEDIA_TYPE,
    version: '0.3',
    signer: { kind: 'certificate', certificate: certified.leaf.der },
    ...proofs,
    content: made.content,
  };
  return { bundle, verification: verifyOwn(context, bundle, made.artifact, certified) };
}

async function begin(context: SignContext) {
  const { http, crypto, trustedRoot, token, signingConfig, clock } = context;
  const services = chooseServices(signingConfig, clock());
  const certified = await certify(http, crypto, trustedRoot, services.ca.url, token);
  return { services, certified };
}

/**
 * Signs an artifact.
 * @param chunks read once, of any length
 * @throws CodedError TOKEN_*, SERVICE_*, SIGNING_CONFIG_SERVICE, and what `chunks` throws
 */
export async function signArtifact(
  context: SignContext,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Signed> {
  const { services, certified } = await begin(context);
  const hash = createHash('sha256');
  const signer = createSign('sha256');
  for await (const chunk of chunks) {
    hash.update(chunk);
    signer.update(chunk);
  }
  const digest = new Uint8Array(hash.digest());
  const signature = new Uint8Array(signer.sign(certified.privateKey));
  return finish(context, services, certified, {
    raw: { signature, digest },
    content: { messageSignature: { digest: { hash: 'sha256', value: digest }, signature } },
    artifact: { digests: { sha256: digest } },
  });
}

/**
 * Signs a statement, whose bytes stay as they are.
 * @param artifact one that the statement names; absent when the caller holds the statement alone
 * @throws CodedError as signArtifact
 */
export async function signStatement(
  context: SignContext,
  statement: Uint8Array,
  artifact?: Artifact,
): Promise<Signed> {
  const { services, certified } = await begin(context);
  const signed = pae(IN_TOTO_PAYLOAD_TYPE, statement);
  const signature = new Uint8Array(createSign('sha256').update(signed).sign(certified.privateKey));
  const signatures = [{ sig: signature, keyid: '' }];
  return finish(context, services, certified, {
    raw: { signature, digest: context.crypto.digest('sha256', signed) },
    content: {
      envelope: { payload: statement, payloadType: IN_TOTO_PAYLOAD_TYPE, signatures },
    },
    ...(artifact === undefined ? {} : { artifact }),
  });
}
