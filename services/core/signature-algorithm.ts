// SPDX-License-Identifier: Apache-2.0
// Signature algorithms of certificates, one row each: AlgorithmIdentifier and what it means for a key.
import { ALGORITHMS, type Algorithm, type HashName, type KeyKind, withHash } from './algorithm.ts';
import { oid, sequence, TAG, tlv } from './der.ts';
import { OID } from './oid.ts';

interface SignatureRow {
  readonly kinds: readonly KeyKind[];
  readonly hash: HashName | undefined;
  /** AlgorithmIdentifier. */
  readonly der: Uint8Array;
}

/** SPEC RFC 5758 §3.2, RFC 8410 §3: parameters are absent. */
function bare(signatureOid: string): Uint8Array {
  return sequence(oid(signatureOid));
}

/** SPEC RFC 4055 §5: parameters are NULL. */
function withNull(signatureOid: string): Uint8Array {
  return sequence(oid(signatureOid), tlv(TAG.null));
}

const EC: readonly KeyKind[] = ['p256', 'p384', 'p521'];
const RSA: readonly KeyKind[] = ['rsa'];

const ROWS = new Map<string, SignatureRow>([
  [OID.ecdsaSha256, { kinds: EC, hash: 'sha256', der: bare(OID.ecdsaSha256) }],
  [OID.ecdsaSha384, { kinds: EC, hash: 'sha384', der: bare(OID.ecdsaSha384) }],
  [OID.ecdsaSha512, { kinds: EC, hash: 'sha512', der: bare(OID.ecdsaSha512) }],
  [OID.rsaSha256, { kinds: RSA, hash: 'sha256', der: withNull(OID.rsaSha256) }],
  [OID.rsaSha384, { kinds: RSA, hash: 'sha384', der: withNull(OID.rsaSha384) }],
  [OID.rsaSha512, { kinds: RSA, hash: 'sha512', der: withNull(OID.rsaSha512) }],
  [OID.ed25519, { kinds: ['ed25519'], hash: undefined, der: bare(OID.ed25519) }],
]);

/** DER of the AlgorithmIdentifier; undefined for an algorithm that Sigstead does not know. */
export function algorithmIdentifier(signatureOid: string): Uint8Array | undefined {
  return ROWS.get(signatureOid)?.der;
}

/**
 * How to verify a signature of `signatureOid` with a key of `kind`; any ECDSA hash goes with any
 * curve. Undefined when the two do not belong together.
 */
export function signatureAlgorithm(signatureOid: string, kind: KeyKind): Algorithm | undefined {
  const row = ROWS.get(signatureOid);
  if (row === undefined || !row.kinds.includes(kind)) return undefined;
  const algorithm = ALGORITHMS.find((candidate) => candidate.kind === kind);
  if (algorithm === undefined || row.hash === undefined) return algorithm;
  return { ...withHash(algorithm, row.hash), signatureOid };
}
