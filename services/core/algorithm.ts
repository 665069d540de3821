// SPDX-License-Identifier: Apache-2.0
// Signature algorithms, one row each (sigstore protobuf-specs PublicKeyDetails; cosign's registry).

/** `sha1` is read in old timestamps alone; nothing is signed by it. */
export type HashName = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** Kind of a public key. */
export type KeyKind = 'p256' | 'p384' | 'p521' | 'rsa' | 'ed25519';

/** A public key, parsed once. Identity of the object is the cache key of the engines. */
export interface PublicKey {
  /** Curve, RSA or Ed25519. */
  readonly kind: KeyKind;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Content of the BIT STRING: an uncompressed point, an RSAPublicKey, 32 bytes. */
  readonly bits: Uint8Array;
  /** RSA modulus length; curve size otherwise. */
  readonly sizeBits: number;
}

/** A way to sign: kind of key with a hash. */
export interface Algorithm {
  /** Name in the registry of algorithms, as flags and configs spell it. */
  readonly id: string;
  /** PublicKeyDetails in JSON. */
  readonly keyDetails: string;
  /** PublicKeyDetails on the wire of protobuf. */
  readonly keyDetailsNumber: number;
  /** Of the keys that sign with it. */
  readonly kind: KeyKind;
  /** RSA modulus length; 0 where the kind settles it. */
  readonly sizeBits: number;
  /** Hash of the message before the signature; undefined for pure Ed25519. */
  readonly hash: HashName | undefined;
  /** AlgorithmIdentifier OID of a signature made with it. */
  readonly signatureOid: string;
}

function row(
  id: string,
  keyDetails: string,
  keyDetailsNumber: number,
  kind: KeyKind,
  sizeBits: number,
  hash: HashName | undefined,
  signatureOid: string,
): Algorithm {
  return { id, keyDetails, keyDetailsNumber, kind, sizeBits, hash, signatureOid };
}

const RSA_SHA256 = '1.2.840.113549.1.1.11';

export const ECDSA_P256_SHA256 = row(
  'ecdsa-sha2-256-nistp256',
  'PKIX_ECDSA_P256_SHA_256',
  5,
  'p256',
  0,
  'sha256',
  '1.2.840.10045.4.3.2',
);

export const ALGORITHMS: readonly Algorithm[] = [
  ECDSA_P256_SHA256,
  row(
    'ecdsa-sha2-384-nistp384',
    'PKIX_ECDSA_P384_SHA_384',
    12,
    'p384',
    0,
    'sha384',
    '1.2.840.10045.4.3.3',
  ),
  row(
    'ecdsa-sha2-512-nistp521',
    'PKIX_ECDSA_P521_SHA_512',
    13,
    'p521',
    0,
    'sha512',
    '1.2.840.10045.4.3.4',
  ),
  row(
    'rsa-sign-pkcs1-2048-sha256',
    'PKIX_RSA_PKCS1V15_2048_SHA256',
    9,
    'rsa',
    2048,
    'sha256',
    RSA_SHA256,
  ),
  row(
    'rsa-sign-pkcs1-3072-sha256',
    'PKIX_RSA_PKCS1V15_3072_SHA256',
    10,
    'rsa',
    3072,
    'sha256',
    RSA_SHA256,
  ),
  row(
    'rsa-sign-pkcs1-4096-sha256',
    'PKIX_RSA_PKCS1V15_4096_SHA256',
    11,
    'rsa',
    4096,
    'sha256',
    RSA_SHA256,
  ),
  row('ed25519', 'PKIX_ED25519', 7, 'ed25519', 0, undefined, '1.3.101.112'),
  row('ed25519-ph', 'PKIX_ED25519_PH', 8, 'ed25519', 0, 'sha512', '1.3.101.112'),
];

/** The algorithm that verifiers assume for a key (RSA: by modulus; Ed25519: pure). */
export function defaultAlgorithm(key: PublicKey): Algorithm | undefined {
  return ALGORITHMS.find(
    (a) => a.kind === key.kind && (a.sizeBits === 0 || a.sizeBits === key.sizeBits),
  );
}

export function algorithmByKeyDetails(nameOrNumber: string | number): Algorithm | undefined {
  return ALGORITHMS.find(
    (a) => a.keyDetails === nameOrNumber || a.keyDetailsNumber === nameOrNumber,
  );
}

/** The algorithm of an ECDSA key with a hash of another size than the default pairs it with. */
export function withHash(algorithm: Algorithm, hash: HashName): Algorithm {
  return { ...algorithm, hash };
}
