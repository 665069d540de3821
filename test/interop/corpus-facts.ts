// SPDX-License-Identifier: Apache-2.0
// What every judge shows of a certificate, and how ours shows it. Octets are hex, times seconds.
import { hex } from '../../services/core/bytes.ts';
import { OID } from '../../services/core/oid.ts';
import { parseSctList } from '../../services/core/sct.ts';
import {
  buildPath,
  type Certificate,
  findExtension,
  parseCertificate,
} from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

export interface Facts {
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly issuer: string;
  readonly subject: string;
  readonly key: string;
  readonly keyUsage: readonly number[];
  readonly extKeyUsage: readonly string[];
  readonly subjectKeyId: string;
  readonly authorityKeyId: string;
  readonly altNames: ReadonlyArray<{ readonly kind: string; readonly value: string }>;
  readonly extensions: ReadonlyArray<{
    readonly oid: string;
    readonly critical: boolean;
    readonly value: string;
  }>;
  readonly scts: ReadonlyArray<{
    readonly logId: string;
    readonly timestampMs: number;
    readonly extensions: string;
    readonly signature: string;
  }>;
}

export interface Verdict {
  /** It parses, and its path is good for code signing at the corpus' time. */
  readonly trusted: boolean;
  readonly reason?: string;
  readonly facts?: Facts;
}

function factsOf(certificate: Certificate): Facts {
  const list = findExtension(certificate, OID.sctList);
  const { subjectKeyId, authorityKeyId } = certificate;
  return {
    serial: hex(certificate.serial).replace(/^0+(?=.)/, ''),
    notBefore: certificate.notBeforeMs / 1000,
    notAfter: certificate.notAfterMs / 1000,
    issuer: hex(certificate.issuer.raw),
    subject: hex(certificate.subject.raw),
    key: hex(certificate.publicKey.spki),
    keyUsage: [...(certificate.keyUsage ?? [])],
    extKeyUsage: certificate.extendedKeyUsage?.oids ?? [],
    subjectKeyId: subjectKeyId === undefined ? '' : hex(subjectKeyId),
    authorityKeyId: authorityKeyId === undefined ? '' : hex(authorityKeyId),
    altNames: certificate.altNames.map(({ kind, value }) => ({ kind, value })),
    extensions: certificate.extensions.map(({ oid, critical, value }) => ({
      oid,
      critical,
      value: hex(value),
    })),
    scts: (list === undefined ? [] : parseSctList(list.value)).map((sct) => ({
      logId: hex(sct.logId),
      timestampMs: sct.timestampMs,
      extensions: hex(sct.extensions),
      signature: hex(sct.signature),
    })),
  };
}

/** @param chain issuing certificate first, root last; DER */
export function ourJudge(chain: readonly Uint8Array[], atMs: number): (der: Uint8Array) => Verdict {
  const path = chain.map(parseCertificate);
  return (der) => {
    let facts: Facts | undefined;
    try {
      const certificate = parseCertificate(der);
      facts = factsOf(certificate);
      buildPath(nodeCrypto, certificate, path, atMs, OID.codeSigning);
      return { trusted: true, facts };
    } catch (error) {
      const reason = (error as Error).message;
      return { trusted: false, reason, ...(facts === undefined ? {} : { facts }) };
    }
  };
}
