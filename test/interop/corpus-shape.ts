// SPDX-License-Identifier: Apache-2.0
// A certificate taken apart, so that one part can be exchanged, and put together again under the
// key of the CA: what is judged is the part, not the signature.
import { concat } from '../../services/core/bytes.ts';
import {
  bitString,
  children,
  context,
  readDer,
  sequence,
  TAG,
  tlv,
} from '../../services/core/der.ts';

/** DER of each part. */
export interface Shape {
  readonly version: Uint8Array;
  readonly serial: Uint8Array;
  readonly algorithm: Uint8Array;
  readonly issuer: Uint8Array;
  readonly validity: Uint8Array;
  readonly subject: Uint8Array;
  readonly spki: Uint8Array;
  /** Between key and extensions. */
  readonly uniqueIds: Uint8Array;
  readonly extensions: readonly Uint8Array[];
  /** Behind the extensions, inside the TBSCertificate. */
  readonly tbsTail: Uint8Array;
  readonly outerAlgorithm: Uint8Array;
  /** Behind the signature, inside the certificate. */
  readonly tail: Uint8Array;
  /** Around the extensions; by default [3] { SEQUENCE { … } }. */
  wrap(extensions: readonly Uint8Array[]): Uint8Array;
  /** Around the signature's octets; by default a BIT STRING. */
  sealed(signature: Uint8Array): Uint8Array;
  /** The certificate as it goes out. */
  whole(
    tbs: Uint8Array,
    algorithm: Uint8Array,
    signature: Uint8Array,
    tail: Uint8Array,
  ): Uint8Array;
}

export type Sign = (tbs: Uint8Array) => Promise<Uint8Array>;

const NOTHING = new Uint8Array();

/** Of a leaf of ours: version to key, extensions, signature. */
export function shapeOf(der: Uint8Array): Shape {
  const [tbs, outer] = children(readDer(der, TAG.sequence, 'certificate').content, 'certificate');
  const parts = children(tbs?.content ?? NOTHING, 'TBSCertificate').map(({ raw }) => raw);
  const [version, serial, algorithm, issuer, validity, subject, spki, wrapped] = parts;
  if (outer === undefined || version === undefined || serial === undefined)
    throw new Error('no leaf');
  if (algorithm === undefined || issuer === undefined || validity === undefined)
    throw new Error('no leaf');
  if (subject === undefined || spki === undefined || wrapped === undefined)
    throw new Error('no leaf');
  const list = readDer(wrapped, context(3), 'extensions').content;
  return {
    version,
    serial,
    algorithm,
    issuer,
    validity,
    subject,
    spki,
    uniqueIds: NOTHING,
    extensions: children(readDer(list, TAG.sequence, 'list').content, 'list').map((e) => e.raw),
    tbsTail: NOTHING,
    outerAlgorithm: outer.raw,
    tail: NOTHING,
    wrap: (extensions) => tlv(context(3), sequence(...extensions)),
    sealed: bitString,
    whole: sequence,
  };
}

export async function assemble(shape: Shape, sign: Sign): Promise<Uint8Array> {
  const tbs = sequence(
    concat(shape.version, shape.serial, shape.algorithm, shape.issuer, shape.validity),
    concat(shape.subject, shape.spki, shape.uniqueIds, shape.wrap(shape.extensions)),
    shape.tbsTail,
  );
  const signature = shape.sealed(await sign(tbs));
  return shape.whole(tbs, shape.outerAlgorithm, signature, shape.tail);
}

/** An extension taken apart. */
export interface ExtensionParts {
  readonly oid: Uint8Array;
  /** DER of the BOOLEAN, or nothing. */
  readonly critical: Uint8Array;
  /** Content of the OCTET STRING. */
  readonly value: Uint8Array;
}

export function extensionParts(raw: Uint8Array): ExtensionParts {
  const [oid, ...rest] = children(readDer(raw, TAG.sequence, 'extension').content, 'extension');
  const value = rest.at(-1);
  if (oid === undefined || value === undefined) throw new Error('no extension');
  const critical = rest.length === 2 ? (rest[0]?.raw ?? NOTHING) : NOTHING;
  return { oid: oid.raw, critical, value: value.content };
}

export function extensionOf({ oid, critical, value }: ExtensionParts): Uint8Array {
  return sequence(oid, critical, tlv(TAG.octetString, value));
}
