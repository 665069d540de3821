// SPDX-License-Identifier: Apache-2.0
// Extensions of a certificate (RFC 5280 §4.2): the list itself, and the values that Sigstead acts on.
import {
  children,
  context,
  DerReader,
  readBoolean,
  readDer,
  readInteger,
  readNamedBits,
  readOid,
  readSmallInteger,
  TAG,
} from './der.ts';
import { ParseError } from './errors.ts';
import { OID } from './oid.ts';
import { parseAltNames, type SubjectAltName } from './x509-name.ts';

/** An extension as it stands in a certificate. */
export interface Extension {
  /** In dotted form. */
  readonly oid: string;
  /** Whether whoever does not know it must refuse. */
  readonly critical: boolean;
  /** Content of the extnValue OCTET STRING. */
  readonly value: Uint8Array;
}

/** Bits of KeyUsage (RFC 5280 §4.2.1.3). */
export const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const;

/** What else a key may be used for. */
export interface ExtendedKeyUsage {
  /** Purposes, in dotted form. */
  readonly oids: readonly string[];
  /** Whether others must understand it. */
  readonly critical: boolean;
}

/** What the extensions say. Filled row by row while a certificate is parsed. */
export interface ExtensionFacts {
  /** basicConstraints; false without it. */
  isCa: boolean;
  /** Absent: no limit. */
  pathLength?: number;
  /** Numbers of the bits that are set; absent without the extension. */
  keyUsage?: ReadonlySet<number>;
  /** Absent without the extension. */
  extendedKeyUsage?: ExtendedKeyUsage;
  /** Absent without the extension. */
  subjectKeyId?: Uint8Array;
  /** keyIdentifier alone. */
  authorityKeyId?: Uint8Array;
  /** Empty without the extension. */
  altNames: readonly SubjectAltName[];
  /** Whether that extension is critical. */
  altNamesCritical: boolean;
}

/** SEQUENCE { cA BOOLEAN DEFAULT FALSE, pathLenConstraint INTEGER (0..MAX) OPTIONAL } */
function basicConstraints(facts: ExtensionFacts, { value }: Extension): void {
  const reader = new DerReader(
    readDer(value, TAG.sequence, 'basicConstraints').content,
    'basicConstraints',
  );
  const ca = reader.optional(TAG.boolean);
  if (ca !== undefined && !readBoolean(ca)) {
    throw new ParseError('basicConstraints: encoded DEFAULT');
  }
  facts.isCa = ca !== undefined;
  const length = reader.optional(TAG.integer);
  reader.end();
  if (length === undefined) return;
  // SPEC RFC 5280 §4.2.1.9: no pathLenConstraint unless cA is asserted.
  if (!facts.isCa) throw new ParseError('basicConstraints: path length without cA');
  facts.pathLength = readSmallInteger(length, 'path length');
}

function keyUsage(facts: ExtensionFacts, { value }: Extension): void {
  facts.keyUsage = readNamedBits(readDer(value, TAG.bitString, 'keyUsage'));
  // SPEC RFC 5280 §4.2.1.3: at least one of the bits MUST be set.
  if (facts.keyUsage.size === 0) throw new ParseError('keyUsage: no bit is set');
}

function extendedKeyUsage(facts: ExtensionFacts, { value, critical }: Extension): void {
  const { content } = readDer(value, TAG.sequence, 'extKeyUsage');
  const oids = children(content, 'extKeyUsage').map((node) => {
    if (node.tag !== TAG.oid) throw new ParseError('extKeyUsage: not an OID');
    return readOid(node);
  });
  if (oids.length === 0) throw new ParseError('extKeyUsage: empty');
  facts.extendedKeyUsage = { oids, critical };
}

/** SPEC RFC 5280 §4.2.1.1, §4.2.1.2: conforming CAs MUST mark key identifiers as non-critical. */
function requireNotCritical(critical: boolean, what: string): void {
  if (critical) throw new ParseError(`${what}: critical`);
}

function subjectKeyIdentifier(facts: ExtensionFacts, { value, critical }: Extension): void {
  requireNotCritical(critical, 'subjectKeyIdentifier');
  facts.subjectKeyId = readDer(value, TAG.octetString, 'subjectKeyIdentifier').content;
}

/** SEQUENCE { [0] keyIdentifier, [1] authorityCertIssuer, [2] authorityCertSerialNumber } */
function authorityKeyIdentifier(facts: ExtensionFacts, { value, critical }: Extension): void {
  const what = 'authorityKeyIdentifier';
  requireNotCritical(critical, what);
  const reader = new DerReader(readDer(value, TAG.sequence, what).content, what);
  const keyId = reader.optional(context(0, false));
  const issuer = reader.optional(context(1));
  const serial = reader.optional(context(2, false));
  reader.end();
  // SPEC RFC 5280 §4.2.1.1: issuer and serial are both present or both absent.
  if ((issuer === undefined) !== (serial === undefined)) {
    throw new ParseError(`${what}: issuer and serial do not come together`);
  }
  if (issuer !== undefined) children(issuer.content, what);
  if (serial !== undefined) readInteger(serial);
  if (keyId !== undefined) facts.authorityKeyId = keyId.content;
}

function subjectAltName(facts: ExtensionFacts, { value, critical }: Extension): void {
  facts.altNames = parseAltNames(value);
  facts.altNamesCritical = critical;
}

const READERS = new Map<string, (facts: ExtensionFacts, extension: Extension) => void>([
  [OID.basicConstraints, basicConstraints],
  [OID.keyUsage, keyUsage],
  [OID.extendedKeyUsage, extendedKeyUsage],
  [OID.subjectKeyIdentifier, subjectKeyIdentifier],
  [OID.authorityKeyIdentifier, authorityKeyIdentifier],
  [OID.subjectAltName, subjectAltName],
]);

/** Real certificates carry at most some thirty. */
const MAX_EXTENSIONS = 256;

/** Extension ::= SEQUENCE { extnID OID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING } */
function parseExtension(content: Uint8Array): Extension {
  const reader = new DerReader(content, 'extension');
  const oid = readOid(reader.expect(TAG.oid, 'extnID'));
  const flag = reader.optional(TAG.boolean);
  if (flag !== undefined && !readBoolean(flag)) throw new ParseError('extension: encoded DEFAULT');
  const value = reader.expect(TAG.octetString, 'extnValue').content;
  reader.end();
  return { oid, critical: flag !== undefined, value };
}

/**
 * Extensions ::= SEQUENCE SIZE (1..MAX) OF Extension
 * @param der the SEQUENCE @throws ParseError
 */
export function parseExtensions(der: Uint8Array): Extension[] {
  const { content } = readDer(der, TAG.sequence, 'extensions');
  const nodes = children(content, 'extensions');
  if (nodes.length === 0 || nodes.length > MAX_EXTENSIONS) {
    throw new ParseError(`${nodes.length} extensions`);
  }
  const seen = new Set<string>();
  return nodes.map((node) => {
    if (node.tag !== TAG.sequence) throw new ParseError('extension: not a SEQUENCE');
    const extension = parseExtension(node.content);
    // SPEC RFC 5280 §4.2: a certificate MUST NOT include more than one instance of an extension.
    if (seen.has(extension.oid)) throw new ParseError(`extension ${extension.oid} occurs twice`);
    seen.add(extension.oid);
    return extension;
  });
}

/** @throws ParseError when an extension of a known kind is malformed */
export function readExtensions(extensions: readonly Extension[]): ExtensionFacts {
  const facts: ExtensionFacts = { isCa: false, altNames: [], altNamesCritical: false };
  for (const extension of extensions) READERS.get(extension.oid)?.(facts, extension);
  return facts;
}

/** Critical extensions that path validation does not process; a verifier must refuse them. */
export function unknownCritical(extensions: readonly Extension[]): string[] {
  return extensions.filter(({ oid, critical }) => critical && !READERS.has(oid)).map((e) => e.oid);
}
