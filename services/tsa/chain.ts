// SPDX-License-Identifier: Apache-2.0
// The certificate chain of the authority: judged once at start-up for its form, and at every stamp
// for the time.
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, coded } from '../core/errors.ts';
import { OID } from '../core/oid.ts';
import { buildPath, type Certificate, parseCertificate, verifyIssuedBy } from '../core/x509.ts';

export interface TsaChain {
  /** Leaf first, root last; at least two. */
  readonly certificates: readonly Certificate[];
  readonly leaf: Certificate;
  /** When all of them are valid, in milliseconds since 1970; both ends included. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

function refuse(reason: string): never {
  throw new CodedError('CHAIN_INVALID', `timestamp authority: ${reason}`, { field: 'chain' });
}

function requireUsages(leaf: Certificate, intermediates: readonly Certificate[]): void {
  const usage = leaf.extendedKeyUsage;
  if (leaf.isCa) refuse('the first certificate is a CA, not the leaf of a timestamp authority');
  if (!usage?.oids.includes(OID.timeStamping)) refuse('the leaf lacks EKU timeStamping');
  // SPEC RFC 3161 §2.3: only one instance of extended key usage, id-kp-timeStamping, critical.
  if (usage.oids.length !== 1) refuse('the leaf has other EKUs beside timeStamping');
  if (!usage.critical) refuse('the EKU of the leaf is not critical');
  intermediates.forEach(({ extendedKeyUsage }, i) => {
    if (!extendedKeyUsage?.oids.includes(OID.timeStamping)) {
      refuse(`certificate ${i + 2}, an intermediate, lacks EKU timeStamping`);
    }
  });
}

function requireRoot(crypto: Crypto, root: Certificate): void {
  if (!equal(root.issuer.raw, root.subject.raw)) {
    refuse('the last certificate is not a self-signed root: the order is leaf to root');
  }
  if (!verifyIssuedBy(crypto, root, root)) refuse('the root does not verify with its own key');
}

function requirePath(crypto: Crypto, chain: readonly [Certificate, ...Certificate[]], at: number) {
  const [leaf, ...issuers] = chain;
  try {
    buildPath(crypto, leaf, issuers, at, OID.timeStamping);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    refuse(`the path of the chain fails: ${error.message}`);
  }
}

/**
 * @param chain DER, leaf first, root last @param spki of the key that will sign
 * @throws CodedError CHAIN_INVALID with what is wrong. An expired chain is none of that: it may
 *   still be served, and refuses to issue.
 */
export function judgeChain(
  crypto: Crypto,
  chain: readonly Uint8Array[],
  spki: Uint8Array,
): TsaChain {
  const certificates = chain.map((der, i) =>
    coded('CHAIN_INVALID', `timestamp authority: certificate ${i + 1}`, () =>
      parseCertificate(der),
    ),
  );
  const [leaf, ...issuers] = certificates;
  const root = issuers.at(-1);
  if (leaf === undefined || root === undefined) {
    refuse(`${chain.length} certificates: a leaf and its root are the least`);
  }
  requireUsages(leaf, issuers.slice(0, -1));
  requireRoot(crypto, root);
  const notBeforeMs = Math.max(...certificates.map((c) => c.notBeforeMs));
  const notAfterMs = Math.min(...certificates.map((c) => c.notAfterMs));
  if (notBeforeMs > notAfterMs) refuse('the certificates are at no time valid together');
  requirePath(crypto, [leaf, ...issuers], notBeforeMs);
  if (!equal(leaf.publicKey.spki, spki)) refuse('the key is not the key of the leaf');
  return { certificates, leaf, notBeforeMs, notAfterMs };
}

/** Why nothing may be issued now; undefined when it may. */
export function outsideValidity(chain: TsaChain, nowMs: number): string | undefined {
  if (nowMs >= chain.notBeforeMs && nowMs <= chain.notAfterMs) return undefined;
  const [from, to] = [chain.notBeforeMs, chain.notAfterMs].map((ms) => new Date(ms).toISOString());
  return `the certificate chain is valid from ${from} to ${to}`;
}
