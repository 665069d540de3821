// SPDX-License-Identifier: Apache-2.0
// Faults of entry bodies, signatures and statements.
import { base64, utf8 } from '../../../services/core/bytes.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import {
  ARTIFACT,
  POLICY,
  statementOf,
  type VirtualSigstore,
} from '../../support/virtual-sigstore.ts';
import { bundle, type Case, entry, hex64, OTHER, rogue, STATEMENT } from './common.ts';

export function contentCases(v: VirtualSigstore): Case[] {
  const stranger = rogue.publicKey;
  return [
    // --- entry
    {
      name: 'body altered after it was logged',
      code: 'INCLUSION_PROOF_INVALID',
      recipe: entry((e) => {
        e.canonicalizedBody = base64(utf8('{}'));
      }),
    },
    { name: 'body is not JSON', code: 'LOG_ENTRY_MALFORMED', recipe: { body: () => 'x' } },
    {
      name: 'body is not canonical',
      code: 'LOG_ENTRY_MALFORMED',
      recipe: { body: (text) => ` ${text}` },
    },
    {
      name: 'body of another kind than its label',
      code: 'LOG_ENTRY_MALFORMED',
      recipe: { body: (text) => text.replace('"kind":"hashedrekord"', '"kind":"dsse"') },
    },
    {
      name: 'body of another version than its label',
      code: 'LOG_ENTRY_MALFORMED',
      recipe: { body: (text) => text.replace('"apiVersion":"0.0.2"', '"apiVersion":"0.0.1"') },
    },
    {
      name: 'entry of another artifact',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: { entry: { digest: new Uint8Array(32) } },
    },
    {
      name: 'entry of another signature',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: { entry: { signature: new Uint8Array(70) } },
    },
    {
      name: 'entry of another key',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: { entry: { verifier: { publicKey: stranger.spki } } },
    },
    {
      name: 'entry of another certificate',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: { entry: { verifier: { x509Certificate: v.issue({}, stranger.spki) } } },
    },
    {
      name: 'entry with other key details',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: { entry: { algorithm: { keyDetails: 'PKIX_ECDSA_P384_SHA_384', hash: 'sha256' } } },
    },
    {
      name: 'entry with another hash than the key signs with',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: {
        entry: {
          algorithm: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', hash: 'sha384' },
          digest: nodeCrypto.digest('sha384', ARTIFACT),
        },
      },
    },
    {
      name: 'entry of the payload, not of the PAE',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: {
        statement: STATEMENT,
        entry: { digest: nodeCrypto.digest('sha256', utf8(JSON.stringify(STATEMENT))) },
      },
    },
    {
      name: 'envelope exchanged after logging',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: {
        statement: STATEMENT,
        change: (b) => {
          if (b.dsseEnvelope)
            b.dsseEnvelope.payload = base64(utf8(JSON.stringify(statementOf(OTHER))));
        },
      },
    },
    {
      name: 'payload type exchanged',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: {
        statement: STATEMENT,
        change: (b) => {
          if (b.dsseEnvelope) b.dsseEnvelope.payloadType = 'text/plain';
        },
      },
    },

    // --- signature
    { name: 'tampered artifact', code: 'DIGEST_MISMATCH', artifact: OTHER },
    {
      name: 'tampered artifact, no digest hint',
      code: 'LOG_ENTRY_MISMATCH',
      artifact: OTHER,
      recipe: bundle((b) => {
        delete b.messageSignature?.messageDigest;
      }),
    },
    {
      name: 'digest hint of another artifact',
      code: 'LOG_ENTRY_MISMATCH',
      recipe: bundle((b) => {
        if (b.messageSignature)
          b.messageSignature.messageDigest = {
            algorithm: 'SHA2_256',
            digest: base64(new Uint8Array(32)),
          };
      }),
    },
    {
      name: 'digest hint with another algorithm, wrong',
      code: 'DIGEST_MISMATCH',
      recipe: bundle((b) => {
        if (b.messageSignature)
          b.messageSignature.messageDigest = {
            algorithm: 'SHA2_512',
            digest: base64(new Uint8Array(64)),
          };
      }),
    },
    {
      name: 'attestation about another artifact',
      code: 'SUBJECT_MISMATCH',
      recipe: { statement: statementOf(OTHER) },
    },
    {
      name: 'subject where one digest of two is wrong',
      code: 'SUBJECT_MISMATCH',
      recipe: {
        statement: statementOf(ARTIFACT, {
          subject: [
            {
              digest: {
                ...(STATEMENT as { subject: Array<{ digest: object }> }).subject[0]?.digest,
                sha512: hex64,
              },
            },
          ],
        }),
      },
    },
    {
      name: 'subject without a digest that can be compared',
      code: 'SUBJECT_MISMATCH',
      recipe: { statement: statementOf(ARTIFACT, { subject: [{ digest: { gitCommit: 'ab' } }] }) },
    },
    {
      name: 'statement without subjects',
      code: 'STATEMENT_MALFORMED',
      recipe: { statement: statementOf(ARTIFACT, { subject: [] }) },
    },
    {
      name: 'payload is no statement',
      code: 'STATEMENT_MALFORMED',
      recipe: { statement: { hello: 'world' } },
    },
    {
      name: 'payload of another type',
      code: 'STATEMENT_MALFORMED',
      recipe: { statement: STATEMENT, payloadType: 'application/json' },
    },
    {
      name: 'message where an attestation was asked for',
      code: 'STATEMENT_MALFORMED',
      policy: { ...POLICY, attestation: true },
    },
    {
      name: 'predicate of another type',
      code: 'PREDICATE_TYPE',
      recipe: { statement: STATEMENT },
      policy: { ...POLICY, predicateType: 'https://spdx.dev/Document' },
    },
  ];
}
