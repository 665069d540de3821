// SPDX-License-Identifier: Apache-2.0
// What the requests of generate.ts are made of: keys, certificates and signatures, the same on
// every run.
import { createHash } from 'node:crypto';
import { ed25519 } from '@noble/curves/ed25519.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { base64, concat, utf8 } from '../../../services/core/bytes.ts';
import {
  bitString,
  certificateTime,
  context,
  octetString,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
  unsignedInteger,
} from '../../../services/core/der.ts';
import { pae } from '../../../services/core/dsse.ts';

export type Add = (
  name: string,
  body: object | string,
  status: number,
  code?: string,
  field?: string,
) => void;

export const sha256 = (data: Uint8Array) =>
  new Uint8Array(createHash('sha256').update(data).digest());
export const secret = (name: string) => sha256(utf8(`secret ${name}`));

const EC_KEY = '1.2.840.10045.2.1';
export const ecSpki = (curve: string, point: Uint8Array) =>
  sequence(sequence(oid(EC_KEY), oid(curve)), bitString(point));
export const P256_OID = '1.2.840.10045.3.1.7';

export const key = secret('p256');
export const spki = ecSpki(P256_OID, p256.getPublicKey(key, false));
/** The point does not lie on the curve. */
export const off = spki.slice();
off[off.length - 1] = (off[off.length - 1] as number) ^ 1;
export const pem = `-----BEGIN PUBLIC KEY-----\n${base64(spki)}\n-----END PUBLIC KEY-----\n`;
export const otherSpki = ecSpki(P256_OID, p256.getPublicKey(secret('other'), false));
const p384Key = concat(secret('p384'), secret('p384 too').subarray(0, 16));
export const p384Spki = ecSpki('1.3.132.0.34', p384.getPublicKey(p384Key, false));
export const edSpki = sequence(
  sequence(oid('1.3.101.112')),
  bitString(ed25519.getPublicKey(secret('ed25519'))),
);
const rsaModulus = concat(...Array.from({ length: 8 }, (_, i) => secret(`rsa ${i}`)));
rsaModulus[0] = 0xc1;
rsaModulus[255] = (rsaModulus[255] as number) | 1;
export const rsaSpki = sequence(
  sequence(oid('1.2.840.113549.1.1.1'), tlv(TAG.null)),
  bitString(sequence(unsignedInteger(rsaModulus), unsignedInteger(Uint8Array.of(1, 0, 1)))),
);

export const sign = (digest: Uint8Array, by: Uint8Array = key) =>
  p256.sign(digest, by, { prehash: false, lowS: false, format: 'der' });

/** Extensions with one that nobody knows, not critical. */
function unknownExtension(value: Uint8Array): Uint8Array {
  return tlv(context(3), sequence(sequence(oid('2.999.1'), octetString(value))));
}

export function certificate(publicKey: Uint8Array, filler = 0): Uint8Array {
  const name = sequence(setOf(sequence(oid('2.5.4.3'), tlv(TAG.utf8String, utf8('test')))));
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'));
  const tbs = sequence(
    tlv(context(0), smallInteger(2)),
    smallInteger(77),
    algorithm,
    name,
    sequence(certificateTime(Date.UTC(2020, 0, 1)), certificateTime(Date.UTC(2020, 0, 2))),
    name,
    publicKey,
    ...(filler === 0 ? [] : [unknownExtension(new Uint8Array(filler))]),
  );
  return sequence(tbs, algorithm, bitString(sign(sha256(tbs))));
}

export const digest = sha256(utf8('an artifact'));
export const signature = sign(digest);
export const verifier = (
  rawBytes: Uint8Array = spki,
  keyDetails: unknown = 'PKIX_ECDSA_P256_SHA_256',
) => ({
  publicKey: { rawBytes: base64(rawBytes) },
  keyDetails,
});
export const certified = (der: Uint8Array) => ({
  x509Certificate: { rawBytes: base64(der) },
  keyDetails: 'PKIX_ECDSA_P256_SHA_256',
});
interface Bend {
  digest?: unknown;
  content?: unknown;
  verifier?: unknown;
}
export function hashed(bend: Bend = {}): object {
  const fields = {
    digest: base64(digest),
    content: base64(signature),
    verifier: verifier(),
    ...bend,
  };
  const { content, verifier: by } = fields;
  return {
    hashedRekordRequestV002: { digest: fields.digest, signature: { content, verifier: by } },
  };
}

export const payloadType = 'application/vnd.in-toto+json';
export const payload = utf8('{"_type":"https://in-toto.io/Statement/v1"}');
export const dsseSignature = { sig: base64(sign(sha256(pae(payloadType, payload)))), keyid: 'any' };
export const envelope = { payload: base64(payload), payloadType, signatures: [dsseSignature] };
export const dsse = (bend: object = {}, verifiers: unknown = [verifier()]) => ({
  dsseRequestV002: { envelope: { ...envelope, ...bend }, verifiers },
});
