// SPDX-License-Identifier: Apache-2.0
// What was signed: the bytes of an artifact, or a statement about them in a DSSE envelope.

import type { Algorithm } from '../algorithm.ts';
import type { Bundle, MessageSignature } from '../bundle.ts';
import { equal, hex } from '../bytes.ts';
import type { Crypto, HashName } from '../crypto.ts';
import {
  type Envelope,
  IN_TOTO_PAYLOAD_TYPE,
  pae,
  parseStatement,
  type Statement,
  type Subject,
} from '../dsse.ts';
import { HASH_ALGORITHMS } from '../entry.ts';
import { CodedError, coded, ParseError } from '../errors.ts';
import type { LoggedSignature } from './entry.ts';
import { chooseSigner, type Policy, type SigningKey } from './signer.ts';
import { signatureOf } from './times.ts';

/** The artifact whole, or digests of it that the caller made. */
export type Artifact =
  | { readonly bytes: Uint8Array }
  | { readonly digests: Partial<Readonly<Record<HashName, Uint8Array>>> };

/** What `find` finds; nothing where the verification will refuse. */
function tolerant<T>(find: () => readonly T[]): readonly T[] {
  try {
    return find();
  } catch (error) {
    if (error instanceof CodedError || error instanceof ParseError) return [];
    throw error;
  }
}

/**
 * The digests of the artifact that a verification will ask for, for callers who stream it.
 * @throws nothing; of a bundle that will be refused none
 */
export function artifactHashes(bundle: Bundle, policy: Policy): HashName[] {
  const { content } = bundle;
  const asked = tolerant((): readonly string[] => {
    if ('messageSignature' in content) {
      const { algorithm, alternatives } = chooseSigner(bundle, policy);
      const hint = content.messageSignature.digest?.hash ?? algorithm.hash;
      return [hint, algorithm.hash, ...alternatives.flatMap(({ hash }) => hash ?? [])];
    }
    return parseStatement(content.envelope.payload).subjects.flatMap(({ digest }) => [
      ...digest.keys(),
    ]);
  });
  return HASH_ALGORITHMS.map(({ hash }) => hash).filter((hash) => asked.includes(hash));
}

/**
 * Whether digests cannot be enough: pure Ed25519 signs the file itself. Logs hold digests, so that is
 * found in bundles without an entry alone.
 * @throws nothing
 */
export function wantsBytes(bundle: Bundle, policy: Policy): boolean {
  if (!('messageSignature' in bundle.content) || bundle.tlogEntries.length > 0) return false;
  return tolerant(() => chooseSigner(bundle, policy).alternatives).some(
    ({ hash }) => hash === undefined,
  );
}

/** Digest of the artifact; undefined when the caller holds none with this hash. */
export function artifactDigest(
  crypto: Crypto,
  artifact: Artifact,
  hash: HashName,
): Uint8Array | undefined {
  return 'bytes' in artifact ? crypto.digest(hash, artifact.bytes) : artifact.digests[hash];
}

function requireDigest(crypto: Crypto, artifact: Artifact, hash: HashName): Uint8Array {
  const digest = artifactDigest(crypto, artifact, hash);
  if (digest !== undefined) return digest;
  throw new CodedError('DIGEST_MISMATCH', `no ${hash} digest of the artifact was given`, {
    field: 'artifact',
  });
}

/**
 * What the log entry must be about. Of a message it is the digest that the bundle claims, where it
 * claims one; verifyContent holds that against the artifact.
 */
export function loggedSignature(
  crypto: Crypto,
  bundle: Bundle,
  artifact: Artifact,
  signer: SigningKey,
): LoggedSignature {
  const { content } = bundle;
  const signature = signatureOf(bundle);
  if ('envelope' in content) {
    const { payload, payloadType } = content.envelope;
    return {
      signer,
      signature,
      messageDigest: (hash) => crypto.digest(hash, pae(payloadType, payload)),
      envelope: { payloadType, payloadDigest: (hash) => crypto.digest(hash, payload) },
    };
  }
  const { digest } = content.messageSignature;
  return {
    signer,
    signature,
    messageDigest: (hash) =>
      digest?.hash === hash ? digest.value : requireDigest(crypto, artifact, hash),
  };
}

function signatureInvalid(): never {
  throw new CodedError('SIGNATURE_INVALID', 'the signature does not verify', {
    field: 'signature',
  });
}

/** Undefined when the caller holds neither the bytes nor the digest that the algorithm signs. */
function verifiesOver(
  crypto: Crypto,
  { key }: SigningKey,
  algorithm: Algorithm,
  artifact: Artifact,
  signature: Uint8Array,
): boolean | undefined {
  if ('bytes' in artifact) return crypto.verify(key, algorithm, artifact.bytes, signature);
  const digest = algorithm.hash && artifact.digests[algorithm.hash];
  return digest && crypto.verifyDigest(key, algorithm, digest, signature);
}

function verifyMessage(
  crypto: Crypto,
  message: MessageSignature,
  artifact: Artifact,
  signer: SigningKey,
): Algorithm {
  const { digest: hint, signature } = message;
  if (hint !== undefined) {
    const digest = requireDigest(crypto, artifact, hint.hash);
    if (!equal(hint.value, digest)) {
      throw new CodedError(
        'DIGEST_MISMATCH',
        `signed was ${hint.hash} ${hex(hint.value)}, the artifact has ${hex(digest)}`,
        { field: 'messageSignature.messageDigest' },
      );
    }
  }
  const { algorithm, alternatives } = signer;
  const judged = [algorithm, ...alternatives].map(
    (candidate) =>
      [candidate, verifiesOver(crypto, signer, candidate, artifact, signature)] as const,
  );
  const good = judged.find(([, verifies]) => verifies);
  if (good !== undefined) return good[0];
  if (judged.every(([, verifies]) => verifies === undefined)) {
    requireDigest(crypto, artifact, algorithm.hash);
  }
  return signatureInvalid();
}

/** A subject is the artifact when every digest that can be compared is equal, and one can be. */
function isArtifact(crypto: Crypto, subject: Subject, artifact: Artifact): boolean {
  const compared = HASH_ALGORITHMS.flatMap(({ hash }) => {
    const claimed = subject.digest.get(hash);
    const digest = claimed === undefined ? undefined : artifactDigest(crypto, artifact, hash);
    return digest === undefined ? [] : [claimed === hex(digest)];
  });
  return compared.length > 0 && compared.every(Boolean);
}

function verifyStatement(
  crypto: Crypto,
  envelope: Envelope,
  artifact: Artifact,
  policy: Policy,
): Statement {
  if (envelope.payloadType !== IN_TOTO_PAYLOAD_TYPE) {
    const found = JSON.stringify(envelope.payloadType.slice(0, 80));
    throw new CodedError('STATEMENT_MALFORMED', `payload is of type ${found}`, {
      field: 'dsseEnvelope.payloadType',
    });
  }
  const statement = coded('STATEMENT_MALFORMED', 'dsseEnvelope.payload', () =>
    parseStatement(envelope.payload),
  );
  const named = statement.subjects.some((subject) => isArtifact(crypto, subject, artifact));
  if (!named && !policy.unsafeAnySubject) {
    throw new CodedError('SUBJECT_MISMATCH', 'no subject of the statement is this artifact', {
      field: 'subject',
    });
  }
  const { predicateType } = policy;
  if (predicateType !== undefined && statement.predicateType !== predicateType) {
    throw new CodedError(
      'PREDICATE_TYPE',
      `predicate is of type ${JSON.stringify(statement.predicateType)}, not ${JSON.stringify(predicateType)}`,
      { field: '--type' },
    );
  }
  return statement;
}

export interface VerifiedContent {
  /** That the signature was made with. */
  readonly algorithm: Algorithm;
  /** Of an attestation. */
  readonly statement: Statement | undefined;
}

/**
 * The signature over the artifact, or over a statement that names it.
 * @throws CodedError DIGEST_MISMATCH, SIGNATURE_INVALID, STATEMENT_MALFORMED, SUBJECT_MISMATCH,
 *   PREDICATE_TYPE
 */
export function verifyContent(
  crypto: Crypto,
  bundle: Bundle,
  artifact: Artifact,
  signer: SigningKey,
  policy: Policy,
): VerifiedContent {
  const { content } = bundle;
  if ('messageSignature' in content) {
    if (policy.attestation) {
      throw new CodedError('STATEMENT_MALFORMED', 'the bundle signs the file, it attests nothing', {
        field: 'dsseEnvelope',
      });
    }
    const algorithm = verifyMessage(crypto, content.messageSignature, artifact, signer);
    return { algorithm, statement: undefined };
  }
  const signed = pae(content.envelope.payloadType, content.envelope.payload);
  const algorithm = [signer.algorithm, ...signer.alternatives].find((candidate) =>
    crypto.verify(signer.key, candidate, signed, signatureOf(bundle)),
  );
  if (algorithm === undefined) return signatureInvalid();
  return { algorithm, statement: verifyStatement(crypto, content.envelope, artifact, policy) };
}
