// SPDX-License-Identifier: Apache-2.0
// Tokens of an authority that does one thing wrong and signs it nonetheless.
import { sign } from 'node:crypto';
import { concat } from '../../services/core/bytes.ts';
import {
  context,
  generalizedTime,
  octetString,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
} from '../../services/core/der.ts';
import { OID } from '../../services/core/oid.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { MESSAGE, NOW, type Party } from './harness.ts';

export interface Faults {
  status?: readonly Uint8Array[];
  version?: number;
  imprintOid?: string;
  message?: Uint8Array;
  imprint?: Uint8Array;
  genTime?: Uint8Array;
  /** Parts of TSTInfo after genTime. */
  afterTime?: readonly Uint8Array[];
  eContentType?: string;
  contentTypeAttribute?: string;
  messageDigest?: Uint8Array;
  /** undefined = none */
  signingCertificate?: Uint8Array | undefined;
  moreAttributes?: readonly Uint8Array[];
  /** Order of the signed attributes; DER without. */
  arrange?: (attributes: Uint8Array[]) => Uint8Array[];
  signerVersion?: number;
  sid?: Uint8Array;
  digestOid?: string;
  signatureOid?: string;
  signatureHash?: string;
  signature?: Uint8Array;
  unsigned?: Uint8Array;
  signers?: number;
  dataVersion?: number;
  certificates?: readonly Uint8Array[];
  crls?: Uint8Array;
  trailing?: Uint8Array;
}

const NULL = tlv(TAG.null);

export function attribute(type: string, ...values: readonly Uint8Array[]): Uint8Array {
  return sequence(oid(type), setOf(...values));
}

/** SigningCertificateV2 for any leaf, by any digest. */
export function essFor(
  { certificate }: Party,
  options: { hash?: 'sha256' | 'sha512'; explicit?: boolean; serial?: Uint8Array } = {},
): Uint8Array {
  const { hash = 'sha256', explicit = hash !== 'sha256' } = options;
  const serial = tlv(TAG.integer, options.serial ?? certificate.serial);
  const id = sequence(
    ...(explicit ? [sequence(oid(OID[hash]))] : []),
    octetString(nodeCrypto.digest(hash, certificate.der)),
    sequence(sequence(tlv(context(4), certificate.issuer.raw)), serial),
  );
  return sequence(sequence(id));
}

function tstInfo(f: Faults): Uint8Array {
  const digest = nodeCrypto.digest('sha256', f.message ?? MESSAGE);
  return sequence(
    smallInteger(f.version ?? 1),
    oid(OID.sigstoreTsaPolicy),
    sequence(sequence(oid(f.imprintOid ?? OID.sha256), NULL), octetString(f.imprint ?? digest)),
    smallInteger(7),
    f.genTime ?? generalizedTime(NOW),
    ...(f.afterTime ?? []),
  );
}

function signedAttributes(f: Faults, leaf: Party, content: Uint8Array): Uint8Array[] {
  const ess = 'signingCertificate' in f ? f.signingCertificate : essFor(leaf);
  const digest = f.messageDigest ?? nodeCrypto.digest('sha256', content);
  const attributes = [
    attribute(OID.contentType, oid(f.contentTypeAttribute ?? OID.tstInfo)),
    attribute(OID.messageDigest, octetString(digest)),
    ...(ess === undefined ? [] : [attribute(OID.signingCertificateV2, ess)]),
    ...(f.moreAttributes ?? []),
  ];
  const sorted = attributes.sort((a, b) => Buffer.compare(a, b));
  return f.arrange?.(sorted) ?? sorted;
}

function signerInfo(f: Faults, leaf: Party, content: Uint8Array): Uint8Array {
  const { issuer, serial } = leaf.certificate;
  const attributes = concat(...signedAttributes(f, leaf, content));
  const signature = sign(f.signatureHash ?? 'sha256', tlv(TAG.set, attributes), leaf.key);
  return sequence(
    smallInteger(f.signerVersion ?? 1),
    f.sid ?? sequence(issuer.raw, tlv(TAG.integer, serial)),
    sequence(oid(f.digestOid ?? OID.sha256)),
    tlv(context(0), attributes),
    sequence(oid(f.signatureOid ?? OID.ecdsaSha256)),
    octetString(f.signature ?? signature),
    ...(f.unsigned === undefined ? [] : [tlv(context(1), f.unsigned)]),
  );
}

export const GRANTED = [smallInteger(0)];
export const failInfo = (...octets: number[]) => tlv(TAG.bitString, Uint8Array.from(octets));

/** A TimeStampResp that is right but for the faults. */
export function forge(leaf: Party, f: Faults = {}): Uint8Array {
  const content = tstInfo(f);
  const signer = signerInfo(f, leaf, content);
  const signers = Array.from({ length: f.signers ?? 1 }, () => signer);
  const data = sequence(
    smallInteger(f.dataVersion ?? 3),
    setOf(sequence(oid(OID.sha256))),
    sequence(oid(f.eContentType ?? OID.tstInfo), tlv(context(0), octetString(content))),
    ...(f.certificates === undefined ? [] : [tlv(context(0), ...f.certificates)]),
    ...(f.crls === undefined ? [] : [tlv(context(1), f.crls)]),
    tlv(TAG.set, ...signers),
  );
  const token = sequence(oid(OID.signedData), tlv(context(0), data));
  const response = sequence(sequence(...(f.status ?? GRANTED)), token);
  return f.trailing === undefined ? response : concat(response, f.trailing);
}

/** A refusal: a status without a token. */
export function refusalOf(status: number, ...failure: number[]): Uint8Array {
  const info = failure.length === 0 ? [] : [failInfo(...failure)];
  return sequence(sequence(smallInteger(status), ...info));
}
