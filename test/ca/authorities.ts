// SPDX-License-Identifier: Apache-2.0
// Chains of a CA as a careless or hostile operator makes them: any key, usage, length and time.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { OID } from '../../services/core/oid.ts';
import { NOW } from './harness.ts';

export type Kind = 'P-256' | 'P-384' | 'rsa1024' | 'rsa2048' | 'ed25519';

export interface Authority {
  readonly name: string;
  readonly key: KeyObject;
  readonly kind: Kind;
  readonly der: Uint8Array;
  readonly spki: Uint8Array;
}

export interface Wanted {
  readonly parent?: Authority;
  readonly kind?: Kind;
  readonly isCa?: boolean;
  readonly pathLength?: number;
  /** Extended key usages; none by default. */
  readonly usages?: readonly string[];
  /** Milliseconds from NOW. */
  readonly valid?: readonly [number, number];
  /** Leave the subject key identifier out. */
  readonly anonymous?: boolean;
  /** Name of a server. */
  readonly host?: string;
}

const YEAR_MS = 31_536_000_000;
const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const;
const ALGORITHMS = {
  'P-256': { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  'P-384': { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  rsa1024: RSA,
  rsa2048: RSA,
  ed25519: { name: 'Ed25519' },
} as const;

function newKey(kind: Kind): KeyObject {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (kind === 'rsa1024' || kind === 'rsa2048')
    return generateKeyPairSync('rsa', { modulusLength: Number(kind.slice(3)) }).privateKey;
  return generateKeyPairSync('ec', { namedCurve: kind }).privateKey;
}

/** WebCrypto makes no RSA key below 2048 bits, but it signs with one. */
async function webKeys(key: KeyObject, kind: Kind) {
  const { subtle } = globalThis.crypto;
  const pkcs8 = new Uint8Array(key.export({ type: 'pkcs8', format: 'der' }));
  const privateKey = await subtle.importKey('pkcs8', pkcs8, ALGORITHMS[kind], true, ['sign']);
  const { d, p, q, dp, dq, qi, key_ops, ...jwk } = await subtle.exportKey('jwk', privateKey);
  const publicKey = await subtle.importKey('jwk', jwk, ALGORITHMS[kind], true, ['verify']);
  return { privateKey, publicKey };
}

/** A root without a parent, else what the parent certifies. */
export async function authority(name: string, wanted: Wanted = {}): Promise<Authority> {
  const { parent, kind = 'P-256', isCa = true, usages = [], valid = [-YEAR_MS, YEAR_MS] } = wanted;
  const key = newKey(kind);
  const { privateKey, publicKey } = await webKeys(key, kind);
  const by =
    parent === undefined ? privateKey : (await webKeys(parent.key, parent.kind)).privateKey;
  const usage = isCa
    ? x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign
    : x509.KeyUsageFlags.digitalSignature;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: `CN=${name}`,
    issuer: `CN=${parent?.name ?? name}`,
    notBefore: new Date(NOW + valid[0]),
    notAfter: new Date(NOW + valid[1]),
    publicKey,
    signingKey: by,
    signingAlgorithm: ALGORITHMS[parent?.kind ?? kind],
    extensions: [
      new x509.KeyUsagesExtension(usage, true),
      ...(isCa ? [new x509.BasicConstraintsExtension(true, wanted.pathLength, true)] : []),
      ...(usages.length > 0 ? [new x509.ExtendedKeyUsageExtension([...usages], false)] : []),
      ...(wanted.host === undefined
        ? []
        : [new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: wanted.host }])]),
      ...(wanted.anonymous ? [] : [await x509.SubjectKeyIdentifierExtension.create(publicKey)]),
    ],
  });
  return {
    name,
    key,
    kind,
    der: new Uint8Array(certificate.rawData),
    spki: new Uint8Array(certificate.publicKey.rawData),
  };
}

export const CODE_SIGNING = [OID.codeSigning];
