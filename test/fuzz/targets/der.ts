// SPDX-License-Identifier: Apache-2.0
// Parsers of DER. What parses is built again from the parsed fields alone.
import 'reflect-metadata';
import { createPublicKey, X509Certificate } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import forge from 'node-forge';
import { KEY_ALGORITHMS } from '../../../services/ca/config.ts';
import { checkSigningRequest, walkSigningRequest } from '../../../services/ca/csr.ts';
import { parseSubjectKey } from '../../../services/ca/key.ts';
import { equal, hex, utf8 } from '../../../services/core/bytes.ts';
import { parseSignedData } from '../../../services/core/cms.ts';
import {
  bitString,
  certificateTime,
  children,
  context,
  type DerNode,
  DerReader,
  generalizedTime,
  octetString,
  oid,
  readBitString,
  readBoolean,
  readDer,
  readInteger,
  readNamedBits,
  readOid,
  readTime,
  sequence,
  smallInteger,
  TAG,
  tlv,
} from '../../../services/core/der.ts';
import { ParseError } from '../../../services/core/errors.ts';
import { FULCIO_ARC, OID } from '../../../services/core/oid.ts';
import { pem } from '../../../services/core/pem.ts';
import { parsePkcs1PublicKey, parsePublicKey, readRsaKey } from '../../../services/core/spki.ts';
import { parseTimestampResponse } from '../../../services/core/tsp.ts';
import {
  encodeTimestampRequest,
  parseTimestampRequest,
} from '../../../services/core/tsp-request.ts';
import { type Certificate, parseCertificate } from '../../../services/core/x509.ts';
import type { Extension } from '../../../services/core/x509-extensions.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import { readDerRequest } from '../../../services/tsa/request.ts';
import { type BinaryNode, mutateTree } from '../support/der-tree.ts';
import { growTree } from '../support/growth.ts';
import { derSeeds } from '../support/seeds.ts';
import { holds, type Input, sameBytes, type Target } from '../support/target.ts';

const bytesOf = (input: Input) => (typeof input === 'string' ? utf8(input) : input);

/** One element, and its content a row of elements. */
function isDer(input: Input): boolean {
  const bytes = bytesOf(input);
  try {
    children(readDer(bytes, bytes[0] ?? 0, 'outer').content, 'outer');
    return true;
  } catch (error) {
    if (error instanceof ParseError) return false;
    throw error;
  }
}

function derTarget(
  name: string,
  seeds: readonly BinaryNode[],
  parse: (der: Uint8Array) => unknown,
): Target {
  return {
    name,
    make: (random) => mutateTree(random, seeds),
    outer: isDer,
    parse: (input) => parse(bytesOf(input)),
    grow: growTree(seeds),
  };
}

// --- the reader itself ---

/** Values by tag: reads and writes them again. */
const VALUES = new Map<number, (node: DerNode) => Uint8Array>([
  [TAG.boolean, (node) => tlv(TAG.boolean, Uint8Array.of(readBoolean(node) ? 0xff : 0))],
  [TAG.integer, (node) => tlv(TAG.integer, readInteger(node))],
  [TAG.oid, (node) => oid(readOid(node))],
  [TAG.utcTime, (node) => certificateTime(readTime(node))],
  [TAG.generalizedTime, (node) => generalizedTime(readTime(node))],
]);

function rewrite(node: DerNode): Uint8Array {
  if ((node.tag & 0x20) !== 0) return tlv(node.tag, ...children(node.content, 'it').map(rewrite));
  if (node.tag === TAG.bitString && node.content[0] === 0) return bitString(readBitString(node));
  if (node.tag === TAG.bitString) {
    readNamedBits(node);
    return node.raw;
  }
  return VALUES.get(node.tag)?.(node) ?? tlv(node.tag, node.content);
}

/** node-forge reads a BMPString by pairs and so past its end. */
function hasBmp(node: DerNode): boolean {
  if ((node.tag & 0x20) === 0) return (node.tag & 0x1f) === TAG.bmpString;
  return children(node.content, 'it').some(hasBmp);
}

function everyElement(der: Uint8Array): void {
  const node = readDer(der, der[0] ?? 0, 'it');
  sameBytes(rewrite(node), der, 'DER');
  if (hasBmp(node)) return;
  // A second reader of DER takes all that ours takes.
  forge.asn1.fromDer(forge.util.createBuffer(Buffer.from(der).toString('binary')), {
    strict: true,
    parseAllBytes: true,
    decodeBitStrings: false,
    maxDepth: 4096,
  });
}

// --- certificates ---

function encodeExtension({ oid: id, critical, value }: Extension): Uint8Array {
  const flag = critical ? [tlv(TAG.boolean, Uint8Array.of(0xff))] : [];
  return sequence(oid(id), ...flag, octetString(value));
}

/** @param uniqueIds what stands between key and extensions, which is not kept */
function rebuild(cert: Certificate, algorithm: Uint8Array, uniqueIds: Uint8Array): Uint8Array {
  const { extensions } = cert;
  const tbs = sequence(
    tlv(context(0), smallInteger(2)),
    tlv(TAG.integer, cert.serial),
    algorithm,
    cert.issuer.raw,
    sequence(certificateTime(cert.notBeforeMs), certificateTime(cert.notAfterMs)),
    cert.subject.raw,
    cert.publicKey.spki,
    uniqueIds,
    extensions.length === 0
      ? new Uint8Array()
      : tlv(context(3), sequence(...extensions.map(encodeExtension))),
  );
  return sequence(tbs, algorithm, bitString(cert.signature));
}

function uniqueIdsOf({ tbs }: Certificate): Uint8Array {
  const parts = children(readDer(tbs, TAG.sequence, 'tbs').content, 'tbs');
  const ids = parts.filter(({ tag }) => tag === context(1, false) || tag === context(2, false));
  return Uint8Array.from(ids.flatMap(({ raw }) => [...raw]));
}

function algorithmOf({ der, tbs }: Certificate): Uint8Array {
  const outer = new DerReader(readDer(der, TAG.sequence, 'it').content, 'it');
  outer.next();
  const algorithm = outer.next();
  holds(readOid(children(algorithm.content, 'it')[0] as DerNode) !== '' && tbs.length > 0, 'oid');
  return algorithm.raw;
}

/** OpenSSL reads what we read, and the same. */
function askOpenSsl(cert: Certificate): void {
  const other = new X509Certificate(cert.der);
  const serial = hex(cert.serial).replace(/^0+/, '').toUpperCase() || '0';
  holds(other.serialNumber.replace(/^0+/, '') === serial.replace(/^0$/, ''), 'OpenSSL: serial');
  const year9999 = Date.UTC(9999, 11, 31);
  if (cert.notAfterMs < year9999 && cert.notBeforeMs > 0) {
    holds(Date.parse(other.validTo) === cert.notAfterMs, 'OpenSSL: notAfter');
    holds(Date.parse(other.validFrom) === cert.notBeforeMs, 'OpenSSL: notBefore');
  }
  // It takes no certificate for a CA in which any extension is odd.
  holds(cert.isCa || !other.ca, 'OpenSSL: CA');
}

function askPeculiar(cert: Certificate): void {
  const other = new x509.X509Certificate(new Uint8Array(cert.der));
  holds(other.extensions.length === cert.extensions.length, '@peculiar/x509: extensions');
  holds(equal(new Uint8Array(other.publicKey.rawData), cert.publicKey.spki), '@peculiar/x509: key');
  const constraints = other.getExtension(x509.BasicConstraintsExtension);
  holds((constraints?.ca ?? false) === cert.isCa, '@peculiar/x509: CA');
}

/** The library reads every extension that it knows; we leave those that we have no use for. */
const OURS: ReadonlySet<string> = new Set(Object.values(OID));
const hasOurExtensionsAlone = ({ extensions }: Certificate) =>
  extensions.every(({ oid: id }) => OURS.has(id) || id.startsWith(`${FULCIO_ARC}.`));

/** It opens names of every form; those that identify nobody stay closed here, as in OpenSSL and Go. */
const hasKnownNamesAlone = ({ altNames }: Certificate) =>
  altNames.every(({ kind }) => kind !== 'other');

/** The library takes a millisecond: it is asked about one in sixteen. */
const isSampled = (der: Uint8Array) => ((der.at(-1) ?? 0) & 15) === 0;

function checkCertificate(der: Uint8Array): void {
  const cert = parseCertificate(der);
  sameBytes(rebuild(cert, algorithmOf(cert), uniqueIdsOf(cert)), der, 'certificate');
  askOpenSsl(cert);
  if (isSampled(der) && hasOurExtensionsAlone(cert) && hasKnownNamesAlone(cert)) askPeculiar(cert);
}

// --- keys and requests ---

function checkKey(der: Uint8Array): void {
  const key = parsePublicKey(der);
  const [algorithm] = children(readDer(der, TAG.sequence, 'key').content, 'key');
  sameBytes(sequence(algorithm?.raw ?? der, bitString(key.bits)), der, 'key');
  let other: Uint8Array;
  try {
    const options = { key: Buffer.from(der), format: 'der', type: 'spki' } as const;
    other = createPublicKey(options).export({ format: 'der', type: 'spki' });
  } catch {
    return; // A point off its curve, a modulus that OpenSSL will not have.
  }
  sameBytes(other, der, 'key as OpenSSL writes it');
}

function checkRsaKey(der: Uint8Array): void {
  const { modulus, exponent } = readRsaKey(der);
  const unsigned = (bytes: Uint8Array) =>
    tlv(TAG.integer, ...((bytes[0] ?? 0) >= 0x80 ? [new Uint8Array(1)] : []), bytes);
  sameBytes(sequence(unsigned(modulus), unsigned(exponent)), der, 'RSA key');
  parsePkcs1PublicKey(der);
}

const rules = { crypto: nodeCrypto, keyAlgorithms: KEY_ALGORITHMS, sha256Possession: false };

/** The walk; then the door, which asks a library about BER: it takes a millisecond. */
function checkRequest(der: Uint8Array): unknown {
  if (isSampled(der)) {
    return checkSigningRequest(rules, utf8(pem('CERTIFICATE REQUEST', der)));
  }
  const { info, signature } = walkSigningRequest(der);
  const [, algorithm] = children(readDer(der, TAG.sequence, 'request').content, 'request');
  sameBytes(sequence(info, algorithm?.raw ?? der, bitString(signature)), der, 'request');
  return undefined;
}

// --- timestamps ---

function checkQuery(der: Uint8Array): void {
  sameBytes(encodeTimestampRequest(parseTimestampRequest(der)), der, 'timestamp request');
  readDerRequest(der);
}

function checkAnswer(der: Uint8Array): void {
  const stamp = parseTimestampResponse(der);
  const attributes = [...stamp.signedAttrs].map(([type, value]) =>
    sequence(oid(type), tlv(TAG.set, value)),
  );
  sameBytes(tlv(TAG.set, ...attributes), stamp.signer.signedAttributes, 'signed attributes');
  const nodes = children(readDer(stamp.content, TAG.sequence, 'TSTInfo').content, 'TSTInfo');
  sameBytes(oid(stamp.policy), nodes[1]?.raw ?? der, 'policy');
  sameBytes(tlv(TAG.integer, stamp.serial), nodes[3]?.raw ?? der, 'serial number');
  const whole = stamp.genTimeMs % 1000 === 0;
  if (whole) sameBytes(generalizedTime(stamp.genTimeMs), nodes[4]?.raw ?? der, 'genTime');
  holds(stamp.digest.length === stamp.hash.digestLength, 'digest of another length');
}

/** The token inside the answer, alone. */
function checkSignedData(der: Uint8Array): void {
  const { contentType, content } = parseSignedData(der);
  holds(oid(contentType).length > 2 && content.length <= der.length, 'content');
}

const answers = derSeeds('timestampResponse');
const tokens = answers.flatMap((answer) =>
  answer.kids?.[1]?.kids?.[0]?.raw.at(0) === TAG.oid ? [answer.kids[1]] : [],
);

export const derTargets: readonly Target[] = [
  derTarget('DER', [...derSeeds('certificate'), ...answers, ...derSeeds('csr')], everyElement),
  derTarget('X.509 certificate', derSeeds('certificate'), checkCertificate),
  derTarget('public key (SPKI)', derSeeds('spki'), checkKey),
  derTarget('RSA key (PKCS#1)', derSeeds('rsaKey'), checkRsaKey),
  derTarget('subject key at the door', derSeeds('spki'), (der) => parseSubjectKey(der, 'key')),
  derTarget('certificate request (PKCS#10)', derSeeds('csr'), checkRequest),
  derTarget('timestamp request', derSeeds('timestampRequest'), checkQuery),
  derTarget('timestamp response', answers, checkAnswer),
  derTarget('CMS SignedData', tokens, checkSignedData),
];
