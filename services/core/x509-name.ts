// SPDX-License-Identifier: Apache-2.0
// Names in certificates: distinguished names (RFC 5280 §4.1.2.4) and subject alternative names
// (§4.2.1.6). Names are compared by their DER; text is for people and for identities.
import { fromUtf8, hex } from './bytes.ts';
import {
  checkBits,
  children,
  context,
  type DerNode,
  DerReader,
  readDer,
  readOid,
  TAG,
} from './der.ts';
import { ParseError } from './errors.ts';
import { OID } from './oid.ts';

/** A distinguished name; two are equal when their DER is. */
export interface Name {
  /** DER of the Name. */
  readonly raw: Uint8Array;
  /** CN, where there is one. */
  readonly commonName?: string;
  /** O, where there is one. */
  readonly organization?: string;
}

/**
 * `username`: otherName 1.3.6.1.4.1.57264.1.7 (Fulcio), value = its UTF8String.
 * `other`: every other form, value = hex of the GeneralName.
 */
export interface SubjectAltName {
  /** Form of the name. */
  readonly kind: 'email' | 'uri' | 'username' | 'dns' | 'other';
  /** Address, URI, user or host name. */
  readonly value: string;
}

function ascii(bytes: Uint8Array, what: string): string {
  let text = '';
  for (const octet of bytes) {
    if (octet > 0x7f) throw new ParseError(`${what}: not ASCII`);
    text += String.fromCharCode(octet);
  }
  return text;
}

function bmp(bytes: Uint8Array, what: string): string {
  if (bytes.length % 2 !== 0) throw new ParseError(`${what}: odd BMPString`);
  let text = '';
  for (let i = 0; i < bytes.length; i += 2) {
    text += String.fromCharCode(((bytes[i] as number) << 8) | (bytes[i + 1] as number));
  }
  // Half a surrogate pair has no UTF-8, so no document could repeat the name.
  if (!text.isWellFormed()) throw new ParseError(`${what}: ill-formed BMPString`);
  return text;
}

/** UTF-32, big-endian. */
function universal(bytes: Uint8Array, what: string): string {
  if (bytes.length % 4 !== 0) throw new ParseError(`${what}: odd UniversalString`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  for (let i = 0; i < bytes.length; i += 4) {
    const point = view.getUint32(i);
    if (point > 0x10ffff) throw new ParseError(`${what}: ill-formed UniversalString`);
    text += String.fromCodePoint(point);
  }
  if (!text.isWellFormed()) throw new ParseError(`${what}: ill-formed UniversalString`);
  return text;
}

/** DirectoryString by tag. PrintableString may hold all of ASCII: many CAs stretch its alphabet. */
const STRINGS = new Map<number, (bytes: Uint8Array, what: string) => string | undefined>([
  [TAG.utf8String, fromUtf8],
  [TAG.printableString, ascii],
  [TAG.numericString, ascii],
  [TAG.ia5String, ascii],
  [TAG.t61String, (bytes) => String.fromCharCode(...bytes)],
  [TAG.bmpString, bmp],
  [TAG.universalString, universal],
  // x500UniqueIdentifier, which nobody reads.
  [TAG.bitString, checkBits],
]);

const MAX_ATTRIBUTE_OCTETS = 4096;

function attributeText(node: DerNode): string | undefined {
  if (node.content.length > MAX_ATTRIBUTE_OCTETS) throw new ParseError('name: attribute too long');
  const read = STRINGS.get(node.tag);
  // The types of X.520, which are those that OpenSSL reads.
  if (read === undefined) throw new ParseError('name: attribute is not a string');
  return read(node.content, 'name');
}

/**
 * Name ::= SEQUENCE OF SET SIZE (1..MAX) OF SEQUENCE { type OID, value }. The first common name and
 * organization count.
 * @param node the SEQUENCE @throws ParseError
 */
export function parseName(node: DerNode): Name {
  const texts = new Map<string, string>();
  for (const rdn of children(node.content, 'name')) {
    if (rdn.tag !== TAG.set) throw new ParseError('name: RDN is not a SET');
    const attributes = children(rdn.content, 'name');
    if (attributes.length === 0) throw new ParseError('name: RDN is empty');
    for (const { tag, content } of attributes) {
      if (tag !== TAG.sequence) throw new ParseError('name: attribute is not a SEQUENCE');
      const reader = new DerReader(content, 'name');
      const type = readOid(reader.expect(TAG.oid, 'attribute type'));
      const text = attributeText(reader.next());
      reader.end();
      if (text !== undefined && !texts.has(type)) texts.set(type, text);
    }
  }
  const commonName = texts.get(OID.commonName);
  const organization = texts.get(OID.organization);
  return {
    raw: node.raw,
    ...(commonName === undefined ? {} : { commonName }),
    ...(organization === undefined ? {} : { organization }),
  };
}

/** otherName ::= [0] IMPLICIT SEQUENCE { type-id OID, value [0] EXPLICIT ANY } */
function otherName({ raw, content }: DerNode): SubjectAltName {
  const reader = new DerReader(content, 'otherName');
  const type = readOid(reader.expect(TAG.oid, 'type-id'));
  const value = reader.expect(context(0), 'value').content;
  reader.end();
  if (type !== OID.fulcioUsername) return { kind: 'other', value: hex(raw) };
  return {
    kind: 'username',
    value: fromUtf8(readDer(value, TAG.utf8String, 'username').content),
  };
}

function ia5(kind: SubjectAltName['kind']): (node: DerNode) => SubjectAltName {
  return ({ content }) => {
    if (content.length === 0) throw new ParseError(`subjectAltName: empty ${kind}`);
    return { kind, value: ascii(content, 'subjectAltName') };
  };
}

function unread({ raw }: DerNode): SubjectAltName {
  return { kind: 'other', value: hex(raw) };
}

/** GeneralName by tag. */
const GENERAL_NAMES = new Map<number, (node: DerNode) => SubjectAltName>([
  [context(0), otherName],
  [context(1, false), ia5('email')],
  [context(2, false), ia5('dns')],
  [context(3), unread], // x400Address
  [context(4), unread], // directoryName
  [context(5), unread], // ediPartyName
  [context(6, false), ia5('uri')],
  [context(7, false), unread], // iPAddress
  [context(8, false), unread], // registeredID
]);

/** GeneralNames ::= SEQUENCE SIZE (1..MAX) OF GeneralName. @throws ParseError */
export function parseAltNames(value: Uint8Array): SubjectAltName[] {
  const { content } = readDer(value, TAG.sequence, 'subjectAltName');
  const names = children(content, 'subjectAltName').map((node) => {
    const parse = GENERAL_NAMES.get(node.tag);
    if (parse === undefined) throw new ParseError('subjectAltName: unknown form');
    return parse(node);
  });
  if (names.length === 0) throw new ParseError('subjectAltName: empty');
  return names;
}
