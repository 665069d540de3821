// SPDX-License-Identifier: Apache-2.0
// What add-chain and add-pre-chain take (RFC 6962 §3.1): a leaf and the certificates above it, each
// certified by the next, up to a root of this log. Validity is not judged: expired certificates may
// be logged. Precertificate signing certificates are not taken; the CA signs with its own key.

import { equal, fromBase64 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, coded } from '../core/errors.ts';
import { isJsonObject, parseJson } from '../core/json.ts';
import { OID } from '../core/oid.ts';
import { precertTbs } from '../core/sct.ts';
import { type Certificate, findExtension, parseCertificate, verifyIssuedBy } from '../core/x509.ts';
import type { CtEntry } from './leaf.ts';

const DER_NULL = Uint8Array.of(5, 0);
/** Leaf, intermediates, root. */
const MAX_CHAIN = 8;

export interface Submission {
  readonly entry: CtEntry;
  /** Issuing certificate first, a root of this log last; DER. */
  readonly chain: readonly Uint8Array[];
  /** Its maker vouches that it stands in no log yet. */
  readonly fresh?: boolean;
}

function malformed(message: string, field: string): CodedError {
  return new CodedError('REQUEST_MALFORMED', `${field}: ${message}`, { field });
}

function untrusted(message: string): CodedError {
  return new CodedError('CT_CHAIN_UNTRUSTED', message, { field: 'chain' });
}

/** `{"chain":["<base64 DER>", …]}`, leaf first. */
function parseChain(body: Uint8Array): Certificate[] {
  const json = coded('REQUEST_MALFORMED', 'body', () => parseJson(body, { maxDepth: 4 }));
  if (!isJsonObject(json)) throw malformed('not an object', 'body');
  const { chain, ...others } = json;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw malformed('unknown field', unknown.slice(0, 64));
  if (!Array.isArray(chain) || chain.length === 0) throw malformed('missing or empty', 'chain');
  if (chain.length > MAX_CHAIN) throw malformed(`more than ${MAX_CHAIN} certificates`, 'chain');
  return chain.map((item: unknown, i) => {
    const field = `chain[${i}]`;
    if (typeof item !== 'string') throw malformed('not text', field);
    return coded('REQUEST_MALFORMED', field, () => parseCertificate(fromBase64(item)));
  });
}

/** The chain above the leaf with its root, which a submission may leave out. */
function judgeChain(
  crypto: Crypto,
  roots: readonly Certificate[],
  certificates: readonly Certificate[],
): Certificate[] {
  const isRoot = (certificate: Certificate) =>
    roots.some((root) => equal(root.der, certificate.der));
  const [leaf, ...above] = certificates;
  if (leaf === undefined || isRoot(leaf)) throw untrusted('a root is not an entry');
  certificates.forEach((certificate, i) => {
    const issuer = certificates[i + 1];
    if (issuer !== undefined && !verifyIssuedBy(crypto, certificate, issuer)) {
      throw untrusted(`chain[${i}] is not issued by chain[${i + 1}]`);
    }
    if (i > 0 && certificate.extendedKeyUsage?.oids.includes(OID.precertSigning)) {
      throw untrusted(`chain[${i}] is a precertificate signing certificate`);
    }
  });
  const top = above.at(-1) ?? leaf;
  if (isRoot(top)) return above;
  const root = roots.find((candidate) => verifyIssuedBy(crypto, top, candidate));
  if (root === undefined) throw untrusted('the chain ends in no root of this log');
  return [...above, root];
}

/** RFC 6962 §3.1: critical, extnValue an ASN.1 NULL. */
function isPrecert(leaf: Certificate): boolean {
  const poison = findExtension(leaf, OID.precertPoison);
  if (poison === undefined) return false;
  if (!poison.critical || !equal(poison.value, DER_NULL)) {
    throw malformed('the poison extension is not a critical NULL', 'chain[0]');
  }
  return true;
}

/** @throws CodedError REQUEST_MALFORMED, CT_ENTRY_TYPE, CT_CHAIN_UNTRUSTED */
export function judgeSubmission(
  crypto: Crypto,
  roots: readonly Certificate[],
  wanted: CtEntry['type'],
  body: Uint8Array,
): Submission {
  const certificates = parseChain(body);
  const [leaf] = certificates;
  if (leaf === undefined) throw malformed('missing or empty', 'chain');
  const precert = isPrecert(leaf);
  if (precert !== (wanted === 'precert')) {
    const found = precert ? 'a precertificate' : 'a certificate';
    throw new CodedError('CT_ENTRY_TYPE', `chain[0] is ${found}`, { field: 'chain[0]' });
  }
  const above = judgeChain(crypto, roots, certificates);
  const issuer = above[0];
  if (issuer === undefined) throw untrusted('no issuer');
  const chain = above.map(({ der }) => der);
  if (!precert) return { entry: { type: 'x509', certificate: leaf.der }, chain };
  const issuerKeyHash = crypto.digest('sha256', issuer.publicKey.spki);
  const tbs = coded('REQUEST_MALFORMED', 'chain[0]', () => precertTbs(leaf));
  return { entry: { type: 'precert', precert: leaf.der, tbs, issuerKeyHash }, chain };
}
