// SPDX-License-Identifier: Apache-2.0
// What is measured over HTTP: how each request is made, and how its answer is verified.
import { createHash, createPrivateKey, randomBytes, sign } from 'node:crypto';
import { equal, fromBase64 } from '../services/core/bytes.ts';
import { parseEntryBody } from '../services/core/entry.ts';
import { leafHash, verifyInclusion } from '../services/core/merkle.ts';
import { verifyCheckpoint } from '../services/core/note.ts';
import type { TrustedRoot } from '../services/core/trust.ts';
import { verifyTimestamp } from '../services/core/tsp.ts';
import { verifyCertificate, verifySct } from '../services/core/verify/certificate.ts';
import { parseCertificate, parsePem } from '../services/core/x509.ts';
import { nodeCrypto } from '../services/runtime/crypto.ts';
import {
  certificateBody,
  entryBody,
  type KeyPair,
  newKeyPair,
  PATHS,
  TYPES,
  timestampQuery,
} from '../test/support/requests.ts';
import type { Token } from './issuer.ts';

export type OperationName = 'append' | 'appendCertificate' | 'issue' | 'stamp' | 'mockStamp';

/** A certificate with 21 extensions and its key. */
export interface Holder {
  readonly certificate: Uint8Array;
  /** PKCS#8 PEM. */
  readonly privateKey: string;
}

export interface Material {
  /** Tokens of different runs of a pipeline. */
  readonly tokens: readonly Token[];
  readonly holders: readonly Holder[];
}

/** One request, never sent twice, and what its answer must fit. */
export interface Prepared {
  readonly body: string | Uint8Array;
  /**
   * @param root of the server, where it is known: without it the form alone is looked at
   * @throws Error, ParseError or CodedError unless the answer is right
   */
  verify(answer: Buffer, root: TrustedRoot | undefined): void;
}

export interface Operation {
  readonly path: string;
  readonly type: string;
  /** Of an answer that is a success. */
  readonly status: readonly number[];
  prepare(material: Material, number: number): Prepared;
}

const ORIGIN = 'localhost';
const EXTENSIONS = 21;
/** 1.3.6.1.4.1.57264.1, as DER writes it. */
const FULCIO_ARC = Buffer.from('2b0601040183bf3001', 'hex');

function requireThat(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Keys of one process are enough to sign distinct entries. */
const entryKey: KeyPair = newKeyPair();

function verifyEntry(request: string, answer: Buffer, root: TrustedRoot | undefined): void {
  const entry = JSON.parse(answer.toString());
  const body = fromBase64(entry.canonicalizedBody);
  const { digest } = parseEntryBody(body);
  const asked = JSON.parse(request).hashedRekordRequestV002.digest;
  requireThat(equal(digest, fromBase64(asked)), 'the entry is of another digest');
  const proof = entry.inclusionProof;
  const claim = {
    index: Number(proof.logIndex),
    leafHash: leafHash((data) => nodeCrypto.digest('sha256', data), body),
    proof: ((proof.hashes ?? []) as string[]).map(fromBase64),
  };
  if (root === undefined) {
    const size = Number(proof.treeSize);
    verifyInclusion(nodeCrypto, { ...claim, size, root: fromBase64(proof.rootHash) });
    return;
  }
  const [log] = root.tlogs;
  if (log === undefined) throw new Error('trusted root without log');
  const key = { name: ORIGIN, key: log.key, keyId: log.logId };
  const checkpoint = verifyCheckpoint(nodeCrypto, proof.checkpoint.envelope, key);
  verifyInclusion(nodeCrypto, { ...claim, size: checkpoint.size, root: checkpoint.root });
}

/** The leaf of an answer, with an embedded SCT or, of a CA without a log, with a detached one. */
export function leafOf(answer: Buffer) {
  const reply = JSON.parse(answer.toString());
  const { chain } = reply.signedCertificateEmbeddedSct ?? reply.signedCertificateDetachedSct;
  const [block] = parsePem(chain.certificates[0], 'CERTIFICATE');
  if (block === undefined) throw new Error('no certificate');
  return parseCertificate(block.der);
}

function verifyLeaf(key: KeyPair, answer: Buffer, root: TrustedRoot | undefined): void {
  const leaf = leafOf(answer);
  requireThat(equal(leaf.publicKey.spki, key.spki), 'the certificate is for another key');
  const found = Buffer.from(leaf.der).toString('latin1').split(FULCIO_ARC.toString('latin1'));
  requireThat(found.length - 1 >= EXTENSIONS, `${found.length - 1} extensions`);
  if (root === undefined) return;
  const authority = verifyCertificate(nodeCrypto, root, leaf, [leaf.notBeforeMs]);
  const [issuer] = authority.chain;
  if (issuer === undefined) throw new Error('no issuer');
  verifySct(nodeCrypto, root, leaf, issuer);
}

function pick<T>(values: readonly T[], number: number): T {
  const value = values[number % values.length];
  if (value === undefined) throw new Error('no material');
  return value;
}

/** An entry that a certificate signs in place of a bare key, as signing clients write them. */
function certificateEntry({ certificate, privateKey }: Holder): string {
  const artifact = randomBytes(32);
  const signature = sign('sha256', artifact, createPrivateKey(privateKey));
  return JSON.stringify({
    hashedRekordRequestV002: {
      digest: createHash('sha256').update(artifact).digest('base64'),
      signature: {
        content: signature.toString('base64'),
        verifier: {
          x509Certificate: { rawBytes: Buffer.from(certificate).toString('base64') },
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        },
      },
    },
  });
}

const CREATED = [200, 201];

export const OPERATIONS: Readonly<Record<OperationName, Operation>> = {
  append: {
    path: PATHS.entry,
    type: TYPES.entry,
    status: CREATED,
    prepare() {
      const body = entryBody(entryKey);
      return { body, verify: (answer, root) => verifyEntry(body, answer, root) };
    },
  },
  appendCertificate: {
    path: PATHS.entry,
    type: TYPES.entry,
    status: CREATED,
    prepare({ holders }, number) {
      const body = certificateEntry(pick(holders, number));
      return { body, verify: (answer, root) => verifyEntry(body, answer, root) };
    },
  },
  issue: {
    path: PATHS.certificate,
    type: TYPES.certificate,
    status: CREATED,
    prepare({ tokens }, number) {
      const key = newKeyPair();
      const { token, subject } = pick(tokens, number);
      return {
        body: certificateBody(key, token, subject),
        verify: (answer, root) => verifyLeaf(key, answer, root),
      };
    },
  },
  stamp: {
    path: PATHS.stamp,
    type: TYPES.stamp,
    status: CREATED,
    prepare() {
      const message = new Uint8Array(randomBytes(64));
      const digest = createHash('sha256').update(message).digest();
      return {
        body: timestampQuery(digest),
        verify(answer, root) {
          requireThat(answer.length > 0, 'an empty timestamp');
          if (root === undefined) return;
          verifyTimestamp(nodeCrypto, new Uint8Array(answer), message, root.timestampAuthorities);
        },
      };
    },
  },
  /** @sigstore/mock reads no RFC 3161 request. */
  mockStamp: {
    path: PATHS.stamp,
    type: 'application/json',
    status: CREATED,
    prepare() {
      const body = JSON.stringify({
        artifactHash: randomBytes(32).toString('base64'),
        hashAlgorithm: 'sha256',
        nonce: randomBytes(4).readUInt32BE(),
        certificates: true,
      });
      return { body, verify: (answer) => requireThat(answer.length > 0, 'an empty timestamp') };
    },
  },
};
