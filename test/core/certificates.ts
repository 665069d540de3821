// SPDX-License-Identifier: Apache-2.0
// Certificates in any shape, right or wrong, from parts. Every part has a sound default.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { utf8 } from '../../services/core/bytes.ts';
import {
  bitString,
  certificateTime,
  context,
  octetString,
  oid,
  sequence,
  smallInteger,
  TAG,
  tlv,
} from '../../services/core/der.ts';
import { OID } from '../../services/core/oid.ts';
import { type Certificate, parseCertificate } from '../../services/core/x509.ts';

export const NOW_MS = Date.UTC(2026, 5, 1, 12);
const YEAR_MS = 365 * 86_400_000;
const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));
export const ECDSA_SHA256 = sequence(oid(OID.ecdsaSha256));

export interface Keys {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
  readonly keyId: Uint8Array;
}

export function p256(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
  const keyId = new Uint8Array(createHash('sha1').update(spki.subarray(-65)).digest());
  return { privateKey, spki, keyId };
}

export function name(commonName: string): Uint8Array {
  const attribute = sequence(oid(OID.commonName), tlv(TAG.utf8String, utf8(commonName)));
  return sequence(tlv(TAG.set, attribute));
}

export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [TRUE] : []), octetString(value));
}

export const keyUsage = (...bits: readonly number[]) => {
  const octet = bits.reduce((sum, bit) => sum | (0x80 >> bit), 0);
  const value = tlv(TAG.bitString, Uint8Array.of(7 - Math.max(...bits), octet));
  return extension(OID.keyUsage, true, value);
};
export const extendedKeyUsage = (...oids: readonly string[]) =>
  extension(OID.extendedKeyUsage, false, sequence(...oids.map(oid)));
export const basicConstraints = (pathLength?: number) =>
  extension(
    OID.basicConstraints,
    true,
    sequence(TRUE, ...(pathLength === undefined ? [] : [smallInteger(pathLength)])),
  );
export const subjectKeyId = (keyId: Uint8Array) =>
  extension(OID.subjectKeyIdentifier, false, octetString(keyId));
export const authorityKeyId = (keyId: Uint8Array) =>
  extension(OID.authorityKeyIdentifier, false, sequence(tlv(context(0, false), keyId)));
export const altName = (critical: boolean, ...names: readonly Uint8Array[]) =>
  extension(OID.subjectAltName, critical, sequence(...names));
export const uriName = (value: string) => tlv(context(6, false), utf8(value));

/** DER of the parts of a TBSCertificate, and of what stands around it. */
export interface Parts {
  readonly version: Uint8Array;
  readonly serial: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly issuer: Uint8Array;
  readonly validity: Uint8Array;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  readonly uniqueIds: Uint8Array;
  /** Undefined: no extensions at all. */
  readonly extensions: readonly Uint8Array[] | undefined;
  /** Behind the extensions, inside the TBSCertificate. */
  readonly tbsTail: Uint8Array;
  readonly outerAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  /** Behind the signature, inside the certificate. */
  readonly tail: Uint8Array;
}

const NOTHING = new Uint8Array();

export const period = (fromMs: number, toMs: number) =>
  sequence(certificateTime(fromMs), certificateTime(toMs));

/** DER. */
export function certificate(signer: Keys, parts: Partial<Parts> = {}): Uint8Array {
  const algorithm = parts.algorithm ?? ECDSA_SHA256;
  const extensions = 'extensions' in parts ? parts.extensions : [keyUsage(0)];
  const tbs = sequence(
    parts.version ?? tlv(context(0), smallInteger(2)),
    parts.serial ?? smallInteger(7),
    algorithm,
    parts.issuer ?? name('Issuer'),
    parts.validity ?? period(NOW_MS - YEAR_MS, NOW_MS + YEAR_MS),
    parts.subject ?? name('Subject'),
    parts.spki ?? signer.spki,
    parts.uniqueIds ?? NOTHING,
    extensions === undefined ? NOTHING : tlv(context(3), sequence(...extensions)),
    parts.tbsTail ?? NOTHING,
  );
  return sequence(
    tbs,
    parts.outerAlgorithm ?? algorithm,
    parts.signature ?? bitString(sign('sha256', tbs, signer.privateKey)),
    parts.tail ?? NOTHING,
  );
}

export interface Authority {
  readonly keys: Keys;
  readonly commonName: string;
  readonly certificate: Certificate;
}

/** A CA certificate under `issuer`, or self-signed. `extensions` replaces the default ones. */
export function authority(
  commonName: string,
  issuer?: Authority,
  parts: Partial<Parts> & { readonly pathLength?: number } = {},
): Authority {
  const keys = p256();
  const above = issuer ?? { keys, commonName };
  const der = certificate(above.keys, {
    issuer: name(above.commonName),
    subject: name(commonName),
    spki: keys.spki,
    extensions: [
      keyUsage(5, 6),
      basicConstraints(parts.pathLength),
      subjectKeyId(keys.keyId),
      authorityKeyId(above.keys.keyId),
    ],
    ...parts,
  });
  return { keys, commonName, certificate: parseCertificate(der) };
}

/** A code signing leaf. */
export function leaf(issuer: Authority, parts: Partial<Parts> = {}): Certificate {
  return parseCertificate(leafDer(issuer, parts));
}

export function leafDer(issuer: Authority, parts: Partial<Parts> = {}): Uint8Array {
  return certificate(issuer.keys, {
    issuer: name(issuer.commonName),
    subject: sequence(),
    spki: p256().spki,
    extensions: [
      keyUsage(0),
      extendedKeyUsage(OID.codeSigning),
      authorityKeyId(issuer.keys.keyId),
      altName(true, uriName('https://example.test/dev')),
    ],
    ...parts,
  });
}
