// SPDX-License-Identifier: Apache-2.0
// What was signed: the bytes of an artifact, or a statement about them in a DSSE envelope.

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

/** The digests of the artifact that a verification will ask for, for callers who stream it. */
export function artifactHashes(bundle: Bundle, policy: Policy): HashName[] {
  const { content } = bundle;
  const asked = tolerant((): readonly string[] => {
    if ('messageSignature' in content) {
      const { algorithm } = chooseSigner(bundle, policy);
      return [algorithm.hash, content.messageSignature.digest?.hash ?? algorithm.hash];
    }
    return parseStatement(content.envelope.payload).subjects.flatMap(({ digest }) => [
      ...digest.keys(),
    ]);
  });
  return HASH_ALGORITHMS.map(({ hash }) => hash).filter((hash) => asked.includes(hash));
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
 * Digest that the log entry must hold. Of a message it is the digest that the bundle claims, where
 * it claims one; verifyContent holds that against the artifact.
 */
export function signedDigest(
  crypto: Crypto,
  bundle: Bundle,
  artifact: Artifact,
  hash: HashName,
): Uint8Array {
  const { content } = bundle;
  if ('envelope' in content) {
    return crypto.digest(hash, pae(content.envelope.payloadType, content.envelope.payload));
  }
  const { digest } = content.messageSignature;
  return digest?.hash === hash ? digest.value : requireDigest(crypto, artifact, hash);
}

function signatureInvalid(): never {
  throw new CodedError('SIGNATURE_INVALID', 'the signature does not verify', {
    field: 'signature',
  });
}

function verifyMessage(
  crypto: Crypto,
  message: MessageSignature,
  artifact: Artifact,
  { key, algorithm }: SigningKey,
): void {
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
  const verifies =
    'bytes' in artifact
      ? crypto.verify(key, algorithm, artifact.bytes, signature)
      : crypto.verifyDigest(
          key,
          algorithm,
          requireDigest(crypto, artifact, algorithm.hash),
          signature,
        );
  if (!verifies) signatureInvalid();
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
  if (!statement.subjects.some((subject) => isArtifact(crypto, subject, artifact))) {
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

/**
 * The signature over the artifact, or over a statement that names it.
 * @returns the statement of an attestation
 * @throws CodedError DIGEST_MISMATCH, SIGNATURE_INVALID, STATEMENT_MALFORMED, SUBJECT_MISMATCH,
 *   PREDICATE_TYPE
 */
export function verifyContent(
  crypto: Crypto,
  bundle: Bundle,
  artifact: Artifact,
  signer: SigningKey,
  policy: Policy,
): Statement | undefined {
  const { content } = bundle;
  if ('messageSignature' in content) {
    if (policy.attestation) {
      throw new CodedError('STATEMENT_MALFORMED', 'the bundle signs the file, it attests nothing', {
        field: 'dsseEnvelope',
      });
    }
    verifyMessage(crypto, content.messageSignature, artifact, signer);
    return undefined;
  }
  const signed = pae(content.envelope.payloadType, content.envelope.payload);
  if (!crypto.verify(signer.key, signer.algorithm, signed, signatureOf(bundle))) {
    return signatureInvalid();
  }
  return verifyStatement(crypto, content.envelope, artifact, policy);
}
