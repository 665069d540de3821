// SPDX-License-Identifier: Apache-2.0
// What is measured: how each request is made, sent, and how its answer is verified.
import { createHash, createHmac, randomBytes } from 'node:crypto';
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

export type OperationName = 'append' | 'issue' | 'stamp';

export interface Material {
  readonly trustedRoot: TrustedRoot;
  /** Tokens of different people. */
  readonly tokens: ReadonlyArray<{ readonly token: string; readonly identity: string }>;
}

/** One request, never sent twice, and what its answer must fit. */
export interface Prepared {
  readonly body: string | Uint8Array;
  /** @throws Error, ParseError or CodedError unless the answer is right */
  verify(answer: Buffer): void;
}

export interface Operation {
  readonly name: OperationName;
  readonly what: string;
  readonly path: string;
  readonly type: string;
  prepare(material: Material): Prepared;
}

const ORIGIN = 'localhost';

function requireThat(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

/** Keys of one process are enough to sign distinct entries. */
const entryKey: KeyPair = newKeyPair();

function verifyEntry(root: TrustedRoot, request: string, answer: Buffer): void {
  const entry = JSON.parse(answer.toString());
  const body = fromBase64(entry.canonicalizedBody);
  const { digest } = parseEntryBody(body);
  const asked = JSON.parse(request).hashedRekordRequestV002.digest;
  requireThat(equal(digest, fromBase64(asked)), 'the entry is of another digest');
  const [log] = root.tlogs;
  if (log === undefined) throw new Error('trusted root without log');
  const proof = entry.inclusionProof;
  const key = { name: ORIGIN, key: log.key, keyId: log.logId };
  const checkpoint = verifyCheckpoint(nodeCrypto, proof.checkpoint.envelope, key);
  verifyInclusion(nodeCrypto, {
    index: Number(proof.logIndex),
    size: checkpoint.size,
    root: checkpoint.root,
    leafHash: leafHash((data) => nodeCrypto.digest('sha256', data), body),
    proof: (proof.hashes as string[]).map(fromBase64),
  });
}

function verifyChain(root: TrustedRoot, key: KeyPair, identity: string, answer: Buffer): void {
  const { certificates } = JSON.parse(answer.toString()).signedCertificateEmbeddedSct.chain;
  const [block] = parsePem(certificates[0], 'CERTIFICATE');
  if (block === undefined) throw new Error('no certificate');
  const leaf = parseCertificate(block.der);
  requireThat(equal(leaf.publicKey.spki, key.spki), 'the certificate is for another key');
  requireThat(leaf.altNames[0]?.value === identity, 'the certificate names somebody else');
  const authority = verifyCertificate(nodeCrypto, root, leaf, [leaf.notBeforeMs]);
  const [issuer] = authority.chain;
  if (issuer === undefined) throw new Error('no issuer');
  verifySct(nodeCrypto, root, leaf, issuer);
}

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'append',
    what: 'log entries (signature checked, durable, proven)',
    path: PATHS.entry,
    type: TYPES.entry,
    prepare({ trustedRoot }) {
      const body = entryBody(entryKey);
      return { body, verify: (answer) => verifyEntry(trustedRoot, body, answer) };
    },
  },
  {
    name: 'issue',
    what: 'certificates (token, possession, durable CT entry, SCT)',
    path: PATHS.certificate,
    type: TYPES.certificate,
    prepare({ trustedRoot, tokens }) {
      const key = newKeyPair();
      const { token, identity } = tokens[randomBytes(1).readUInt8() % tokens.length] ?? {
        token: '',
        identity: '',
      };
      return {
        body: certificateBody(key, token, identity),
        verify: (answer) => verifyChain(trustedRoot, key, identity, answer),
      };
    },
  },
  {
    name: 'stamp',
    what: 'timestamps (RFC 3161 with certificate)',
    path: PATHS.stamp,
    type: TYPES.stamp,
    prepare({ trustedRoot }) {
      const message = new Uint8Array(randomBytes(64));
      const digest = createHash('sha256').update(message).digest();
      return {
        body: timestampQuery(digest),
        verify(answer) {
          const authorities = trustedRoot.timestampAuthorities;
          verifyTimestamp(nodeCrypto, new Uint8Array(answer), message, authorities);
        },
      };
    },
  },
];

/** Bodies of the same operations as @sigstore/mock reads them; it checks neither token nor key. */
export const PEER_BODIES: Readonly<Record<OperationName, () => string>> = {
  append: () => entryBody(entryKey),
  issue: () => certificateBody(newKeyPair(), peerToken(), 'dev@example.com'),
  stamp: () =>
    JSON.stringify({
      artifactHash: randomBytes(32).toString('base64'),
      hashAlgorithm: 'sha256',
      nonce: randomBytes(4).readUInt32BE(),
      certificates: true,
    }),
};

function peerToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: 'dev@example.com', iss: 'https://issuer.example.com', aud: 'sigstore' };
  const signed = `${part({ alg: 'HS256' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', 'peer').update(signed).digest('base64url')}`;
}
