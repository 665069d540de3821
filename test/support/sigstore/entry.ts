// SPDX-License-Identifier: Apache-2.0
// What a transparency log stores of a signature: the canonical bodies of Rekor v1 and v2, one row
// per kind. JSON.stringify of names in ascending order is RFC 8785 here, as no text needs escapes.
import type { HashName } from '../../../services/core/algorithm.ts';
import { base64, hex, utf8 } from '../../../services/core/bytes.ts';
import { HASH_ALGORITHMS } from '../../../services/core/entry.ts';
import { pem } from '../../../services/core/pem.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';

export type EntryKind =
  | 'hashedrekord 0.0.2'
  | 'dsse 0.0.2'
  | 'hashedrekord 0.0.1'
  | 'dsse 0.0.1'
  | 'intoto 0.0.1'
  | 'intoto 0.0.2';

/** What was signed, by whom, with what: all that a body can say. */
export interface EntryFacts {
  /** The artifact, or the PAE of an envelope. */
  readonly digest: Uint8Array;
  readonly hash: HashName;
  readonly signature: Uint8Array;
  readonly keyDetails: string;
  readonly signer: { readonly certificate: Uint8Array } | { readonly publicKey: Uint8Array };
  /** Empty for messages. */
  readonly payload: Uint8Array;
  readonly payloadType: string;
}

const sha256Hex = (bytes: Uint8Array) => hex(nodeCrypto.digest('sha256', bytes));
const sha256Base64 = (bytes: Uint8Array) => base64(nodeCrypto.digest('sha256', bytes));
const protoName = (hash: HashName) => HASH_ALGORITHMS.find((row) => row.hash === hash)?.name ?? '';

function verifier({ signer, keyDetails }: EntryFacts) {
  return 'certificate' in signer
    ? { keyDetails, x509Certificate: { rawBytes: base64(signer.certificate) } }
    : { keyDetails, publicKey: { rawBytes: base64(signer.publicKey) } };
}

function pemOf({ signer }: EntryFacts): string {
  const text =
    'certificate' in signer
      ? pem('CERTIFICATE', signer.certificate)
      : pem('PUBLIC KEY', signer.publicKey);
  return base64(utf8(text));
}

/** The envelope as clients hand it to Rekor v1: a JSON text of their own. */
export function envelopeText(facts: EntryFacts): string {
  const signatures = [{ keyid: '', sig: base64(facts.signature) }];
  const { payloadType } = facts;
  return JSON.stringify({ payload: base64(facts.payload), payloadType, signatures });
}

const hashOf = (value: string) => ({ algorithm: 'sha256', value });

function intotoEnvelope(facts: EntryFacts, encode: (text: string) => string, payload?: string) {
  const signatures = [{ publicKey: pemOf(facts), sig: encode(base64(facts.signature)) }];
  const { payloadType } = facts;
  return { ...(payload === undefined ? {} : { payload }), payloadType, signatures };
}

const twice = (text: string) => base64(utf8(text));

const SPECS: Readonly<Record<EntryKind, (facts: EntryFacts) => unknown>> = {
  'hashedrekord 0.0.2': (facts) => ({
    hashedRekordV002: {
      data: { algorithm: protoName(facts.hash), digest: base64(facts.digest) },
      signature: { content: base64(facts.signature), verifier: verifier(facts) },
    },
  }),
  'dsse 0.0.2': (facts) => ({
    dsseV002: {
      payloadHash: { algorithm: 'SHA2_256', digest: sha256Base64(facts.payload) },
      signatures: [{ content: base64(facts.signature), verifier: verifier(facts) }],
    },
  }),
  'hashedrekord 0.0.1': (facts) => ({
    data: { hash: { algorithm: facts.hash, value: hex(facts.digest) } },
    signature: { content: base64(facts.signature), publicKey: { content: pemOf(facts) } },
  }),
  'dsse 0.0.1': (facts) => ({
    envelopeHash: hashOf(sha256Hex(utf8(envelopeText(facts)))),
    payloadHash: hashOf(sha256Hex(facts.payload)),
    signatures: [{ signature: base64(facts.signature), verifier: pemOf(facts) }],
  }),
  'intoto 0.0.1': (facts) => ({
    content: {
      hash: hashOf(sha256Hex(utf8(envelopeText(facts)))),
      payloadHash: hashOf(sha256Hex(facts.payload)),
    },
    publicKey: pemOf(facts),
  }),
  'intoto 0.0.2': (facts) => ({
    content: {
      envelope: intotoEnvelope(facts, twice),
      hash: hashOf(
        sha256Hex(
          utf8(JSON.stringify(intotoEnvelope(facts, (text) => text, base64(facts.payload)))),
        ),
      ),
      payloadHash: hashOf(sha256Hex(facts.payload)),
    },
  }),
};

export function entryBody(kind: EntryKind, facts: EntryFacts): string {
  const [name, apiVersion] = kind.split(' ');
  return JSON.stringify({ apiVersion, kind: name, spec: SPECS[kind](facts) });
}
