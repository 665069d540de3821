// SPDX-License-Identifier: Apache-2.0
// The CA's own certificates, judged once when it opens, so that no leaf is issued that clients would
// refuse:
//
//   the first is for the signer's key and, below a root, for code signing
//   each is a CA, valid now, certified by the next; the last by itself
//   keys are P-256, P-384, P-521 or RSA of a common size; an RSA root stands above an intermediate
//
// What only a leaf can show (path lengths, nested usages, critical extensions) a leaf shows: issue.ts.
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, coded } from '../core/errors.ts';
import { OID } from '../core/oid.ts';
import { type Certificate, parseCertificate, verifyIssuedBy } from '../core/x509.ts';
import { weakness } from './weak-key.ts';

/** Issuing certificate first, root last. */
export type CaChain = readonly [Certificate, ...Certificate[]];

const MAX_LENGTH = 5;

export function chainFault(why: string): CodedError {
  return new CodedError('CHAIN_INVALID', `CA chain: ${why}`, { field: 'chain' });
}

function judgeKey({ publicKey }: Certificate, i: number, isRoot: boolean): void {
  // sigstore-python's path policy takes no Ed25519 CA.
  if (publicKey.kind === 'ed25519') throw chainFault(`certificate ${i} has an Ed25519 key`);
  const weak = weakness(publicKey);
  if (weak !== undefined) throw chainFault(`certificate ${i} is weak: ${weak}`);
  // sigstore-rs encodes trust anchors of more than 127 octets wrongly, and its SCTs fail with them.
  if (publicKey.kind === 'rsa' && isRoot && i === 0)
    throw chainFault('an RSA root issues leaves through an intermediate only');
}

function judgeValidity({ notBeforeMs, notAfterMs }: Certificate, i: number, nowMs: number): void {
  if (nowMs < notBeforeMs) throw chainFault(`certificate ${i} is not valid yet`);
  if (nowMs > notAfterMs) throw chainFault(`certificate ${i} has expired`);
}

/**
 * @param chain DER, issuing certificate first, root last @param spki of the signer
 * @throws CodedError CHAIN_INVALID
 */
export function judgeChain(
  crypto: Crypto,
  chain: readonly Uint8Array[],
  spki: Uint8Array,
  nowMs: number,
): CaChain {
  if (chain.length > MAX_LENGTH) throw chainFault(`longer than ${MAX_LENGTH} certificates`);
  const [first, ...above] = chain.map((der, i) =>
    coded('CHAIN_INVALID', `certificate ${i}`, () => parseCertificate(der)),
  );
  if (first === undefined) throw chainFault('empty');
  if (!equal(first.publicKey.spki, spki))
    throw chainFault('the issuing certificate is for another key than the signer holds');
  const all: CaChain = [first, ...above];
  all.forEach((certificate, i) => {
    const issuer = all[i + 1] ?? certificate;
    if (!certificate.isCa) throw chainFault(`certificate ${i} is not a CA`);
    judgeKey(certificate, i, issuer === certificate);
    judgeValidity(certificate, i, nowMs);
    if (!verifyIssuedBy(crypto, certificate, issuer)) {
      const by = issuer === certificate ? 'itself: it is no root' : 'the next';
      throw chainFault(`certificate ${i} is not issued by ${by}`);
    }
  });
  // SPEC Fulcio certificate specification: an intermediate MUST have the usage codeSigning.
  if (above.length > 0 && !first.extendedKeyUsage?.oids.includes(OID.codeSigning))
    throw chainFault('the issuing certificate lacks the extended key usage codeSigning');
  return all;
}
