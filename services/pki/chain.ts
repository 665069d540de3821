// SPDX-License-Identifier: Apache-2.0
// The certificate chains of a new installation, made once at first start: a root and an issuing
// intermediate for the CA, a root and a leaf for the timestamp authority. ECDSA P-256 throughout,
// which every client verifies.
import { createPublicKey, type KeyObject, type webcrypto } from 'node:crypto';
// @peculiar/x509 finds its parsers through metadata of decorators.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { hex } from '../core/bytes.ts';
import { OID } from '../core/oid.ts';
import { parseCertificate } from '../core/x509.ts';
import type { Clock } from '../runtime/clock.ts';

/** `length` random octets. */
export type Random = (length: number) => Uint8Array;

interface ChainOptions {
  /** O of every subject. */
  readonly organization: string;
  readonly clock: Clock;
  readonly random: Random;
}

export interface CaChainOptions extends ChainOptions {
  /** Private keys, ECDSA P-256. */
  readonly rootKey: KeyObject;
  readonly intermediateKey: KeyObject;
}

export interface TsaChainOptions extends ChainOptions {
  /** Private keys, ECDSA P-256. */
  readonly rootKey: KeyObject;
  readonly leafKey: KeyObject;
}

/** DER. */
export interface CaChain {
  readonly root: Uint8Array;
  readonly intermediate: Uint8Array;
}

/** DER. */
export interface TsaChain {
  readonly root: Uint8Array;
  readonly leaf: Uint8Array;
}

const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const SERIAL_OCTETS = 20;
const ROOT_YEARS = 10;
const ISSUED_YEARS = 3;

const CA_KEY_USAGE = new x509.KeyUsagesExtension(
  x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
  true,
);

interface Keys {
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicKey: webcrypto.CryptoKey;
}

function webKeys(key: KeyObject): Keys {
  return {
    privateKey: key.toCryptoKey(CURVE, false, ['sign']),
    publicKey: createPublicKey(key).toCryptoKey(CURVE, true, ['verify']),
  };
}

/** 20 octets, positive and never shortened: the top two bits are 01. */
function serialNumber(random: Random): string {
  const octets = Uint8Array.from(random(SERIAL_OCTETS));
  octets[0] = ((octets[0] as number) & 0x3f) | 0x40;
  return hex(octets);
}

interface Draft {
  readonly subject: string;
  readonly publicKey: webcrypto.CryptoKey;
  readonly issuer: string;
  readonly signingKey: webcrypto.CryptoKey;
  readonly years: number;
  readonly extensions: readonly x509.Extension[];
}

/** The whole second that the clock shows, and the same moment `years` later. */
function validity(clock: Clock, years: number): { notBefore: Date; notAfter: Date } {
  const notBefore = new Date(Math.floor(clock() / 1000) * 1000);
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years);
  return { notBefore, notAfter };
}

/** Typed values: plain ones would be read as RFC 4514 text, where quotes and `#` have a meaning. */
function distinguishedName(organization: string, commonName: string): x509.Name {
  return new x509.Name([
    { O: [{ utf8String: organization }] },
    { CN: [{ utf8String: commonName }] },
  ]);
}

async function certify(options: ChainOptions, draft: Draft): Promise<Uint8Array> {
  const name = (commonName: string) => distinguishedName(options.organization, commonName);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(options.random),
    subject: name(draft.subject),
    issuer: name(draft.issuer),
    ...validity(options.clock, draft.years),
    publicKey: draft.publicKey,
    signingKey: draft.signingKey,
    signingAlgorithm: SIGNATURE,
    extensions: [
      ...draft.extensions,
      await x509.SubjectKeyIdentifierExtension.create(draft.publicKey),
    ],
  });
  const der = new Uint8Array(certificate.rawData);
  // Our own strict reader has the last word, before anything is written to disk.
  parseCertificate(der);
  return der;
}

function certifyRoot(
  options: ChainOptions,
  keys: Keys,
  subject: string,
  pathLength: number,
): Promise<Uint8Array> {
  return certify(options, {
    subject,
    publicKey: keys.publicKey,
    issuer: subject,
    signingKey: keys.privateKey,
    years: ROOT_YEARS,
    extensions: [CA_KEY_USAGE, new x509.BasicConstraintsExtension(true, pathLength, true)],
  });
}

/** Key usages and constraints that settle what an issued certificate is for, then the AKI. */
async function certifyUnder(
  options: ChainOptions,
  root: { readonly subject: string; readonly keys: Keys },
  issued: { readonly subject: string; readonly keys: Keys },
  extensions: readonly x509.Extension[],
): Promise<Uint8Array> {
  return certify(options, {
    subject: issued.subject,
    publicKey: issued.keys.publicKey,
    issuer: root.subject,
    signingKey: root.keys.privateKey,
    years: ISSUED_YEARS,
    extensions: [
      ...extensions,
      await x509.AuthorityKeyIdentifierExtension.create(root.keys.publicKey),
    ],
  });
}

/**
 * Root: CA without EKU, path length 1, 10 years. Intermediate: CA for code signing alone (EKU not
 * critical), path length 0, 3 years.
 */
export async function makeCaChain(options: CaChainOptions): Promise<CaChain> {
  const root = { subject: 'Sigstead Root', keys: webKeys(options.rootKey) };
  const intermediate = { subject: 'Sigstead Issuing CA', keys: webKeys(options.intermediateKey) };
  return {
    root: await certifyRoot(options, root.keys, root.subject, 1),
    intermediate: await certifyUnder(options, root, intermediate, [
      CA_KEY_USAGE,
      new x509.ExtendedKeyUsageExtension([OID.codeSigning], false),
      new x509.BasicConstraintsExtension(true, 0, true),
    ]),
  };
}

/**
 * Root: CA without EKU, path length 0, 10 years. Leaf: no CA, digitalSignature, sole EKU
 * timeStamping, critical (RFC 3161 §2.3), 3 years.
 */
export async function makeTsaChain(options: TsaChainOptions): Promise<TsaChain> {
  const root = { subject: 'Sigstead TSA Root', keys: webKeys(options.rootKey) };
  const leaf = { subject: 'Sigstead TSA', keys: webKeys(options.leafKey) };
  return {
    root: await certifyRoot(options, root.keys, root.subject, 0),
    leaf: await certifyUnder(options, root, leaf, [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([OID.timeStamping], true),
    ]),
  };
}
