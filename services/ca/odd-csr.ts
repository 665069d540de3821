// SPDX-License-Identifier: Apache-2.0
// PKCS#10 requests in BER, which our strict DER walk refuses: read and checked by @peculiar/x509.
// It finds its parsers through metadata of decorators.
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { OID } from '../core/oid.ts';

/** `name/hash` of WebCrypto. */
const SIGNATURE_OIDS = new Map<string, string>([
  ['ECDSA/SHA-256', OID.ecdsaSha256],
  ['ECDSA/SHA-384', OID.ecdsaSha384],
  ['ECDSA/SHA-512', OID.ecdsaSha512],
  ['RSASSA-PKCS1-v1_5/SHA-256', OID.rsaSha256],
  ['RSASSA-PKCS1-v1_5/SHA-384', OID.rsaSha384],
  ['RSASSA-PKCS1-v1_5/SHA-512', OID.rsaSha512],
  ['Ed25519/', OID.ed25519],
]);

export interface OddRequest {
  /** SubjectPublicKeyInfo, encoded anew as DER. */
  readonly spki: Uint8Array;
  /** Empty for an algorithm that is not known. */
  readonly signatureOid: string;
  readonly signatureValid: boolean;
}

/** @throws Error of any kind for what is no request */
export async function readOddRequest(bytes: Uint8Array): Promise<OddRequest> {
  const request = new x509.Pkcs10CertificateRequest(new Uint8Array(bytes));
  const { name, hash } = request.signatureAlgorithm as { name: string; hash?: { name: string } };
  return {
    spki: new Uint8Array(request.publicKey.rawData),
    signatureOid: SIGNATURE_OIDS.get(`${name}/${hash?.name ?? ''}`) ?? '',
    signatureValid: await request.verify(webcrypto),
  };
}
