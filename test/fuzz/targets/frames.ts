// SPDX-License-Identifier: Apache-2.0
// Parsers of vectors in TLS presentation language: SCTs, leaves and bundles of the logs.
import { concat, hex, uint, uint64, utf8 } from '../../../services/core/bytes.ts';
import { octetString, readDer, TAG } from '../../../services/core/der.ts';
import {
  encodeSct,
  encodeSctList,
  leafIndexExtension,
  parseLeafIndexExtension,
  parseSct,
  parseSctList,
} from '../../../services/core/sct.ts';
import { frameEntry, parseBundleEntries } from '../../../services/core/tile.ts';
import { parseTileLeaf } from '../../../services/ctlog/leaf.ts';
import { readSntpReply, SNTP_OCTETS } from '../../../services/tsa/sntp.ts';
import {
  type BinaryNode,
  derTree,
  mutateTree,
  plain,
  row,
  vector,
  within,
} from '../support/der-tree.ts';
import { growTree } from '../support/growth.ts';
import { binarySeeds } from '../support/seeds.ts';
import { holds, type Input, sameBytes, type Target } from '../support/target.ts';

const bytesOf = (input: Input) => (typeof input === 'string' ? utf8(input) : input);

function frameTarget(
  name: string,
  seeds: readonly BinaryNode[],
  outer: (bytes: Uint8Array) => boolean,
  parse: (bytes: Uint8Array) => void,
): Target {
  return {
    name,
    make: (random) => mutateTree(random, seeds),
    outer: (input) => outer(bytesOf(input)),
    parse: (input) => parse(bytesOf(input)),
    grow: growTree(seeds),
  };
}

const u16 = (bytes: Uint8Array, at: number) => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);

/** The fields of an SCT as nodes. */
function sctTree(bytes: Uint8Array): BinaryNode {
  const { logId, timestampMs, extensions, hash, signatureAlgorithm, signature } = parseSct(bytes);
  return row(
    plain(Uint8Array.of(0)),
    plain(logId),
    plain(uint64(timestampMs)),
    vector(2, plain(extensions)),
    plain(Uint8Array.of(hash, signatureAlgorithm)),
    vector(2, plain(signature)),
  );
}

const scts = binarySeeds('sct').map(sctTree);
const lists = [
  ...binarySeeds('sctList').map((der) => {
    const found = parseSctList(der).map((sct) => vector(2, sctTree(encodeSct(sct))));
    return within(TAG.octetString, vector(2, ...found));
  }),
];

function checkSct(bytes: Uint8Array): void {
  sameBytes(encodeSct(parseSct(bytes)), bytes, 'SCT');
}

function checkList(der: Uint8Array): void {
  const found = parseSctList(der);
  sameBytes(octetString(encodeSctList(found.map(encodeSct))), der, 'SCT list');
}

function isList(der: Uint8Array): boolean {
  try {
    const { content } = readDer(der, TAG.octetString, 'list');
    return u16(content, 0) === content.length - 2;
  } catch {
    return false;
  }
}

function checkLeafIndex(bytes: Uint8Array): void {
  const index = parseLeafIndexExtension(bytes);
  if (index === undefined) return;
  // Other extensions may stand beside it.
  holds(
    hex(bytes).includes(hex(leafIndexExtension(index))),
    'leaf index: not the one that is there',
  );
}

const extension = (type: number, data: Uint8Array) =>
  row(plain(Uint8Array.of(type)), vector(2, plain(data)));
const extensions = [
  row(extension(0, uint(0, 5))),
  row(extension(9, utf8('other')), extension(0, uint(2 ** 40 - 1, 5)), extension(255, utf8(''))),
];

/** TileLeaf: time, type, certificate or hash and TBS, extensions, precertificate, fingerprints. */
function leafTree(bytes: Uint8Array): BinaryNode {
  const { timestamped, extensions: data, precert, fingerprints } = parseTileLeaf(bytes);
  const head = timestamped.subarray(0, precert === undefined ? 10 : 42);
  const body = timestamped.subarray(head.length + 3, timestamped.length - data.length - 2);
  return row(
    plain(head.subarray(0, 8)),
    plain(head.subarray(8, 10)),
    plain(head.subarray(10)),
    vector(3, derTree(body)),
    vector(2, plain(data)),
    ...(precert === undefined ? [] : [vector(3, derTree(precert))]),
    vector(2, ...fingerprints.map(plain)),
  );
}

function checkLeaf(bytes: Uint8Array): void {
  const { timestamped, precert, fingerprints, timestampMs } = parseTileLeaf(bytes);
  const middle =
    precert === undefined ? new Uint8Array() : concat(uint(precert.length, 3), precert);
  const chain = concat(...fingerprints);
  sameBytes(concat(timestamped, middle, uint(chain.length, 2), chain), bytes, 'tile leaf');
  sameBytes(uint64(timestampMs), bytes.subarray(0, 8), 'time of a tile leaf');
}

const ENTRIES = 3;
const bundle = row(
  vector(2, plain(utf8('first'))),
  vector(2, plain(new Uint8Array(300))),
  vector(2, plain(new Uint8Array())),
);

function checkBundle(bytes: Uint8Array): void {
  const entries = parseBundleEntries(bytes, ENTRIES);
  sameBytes(concat(...entries.map(frameEntry)), bytes, 'entry bundle');
}

/** An answer of a time server to a question that was sent a moment before. */
const NONCE = new Uint8Array(8).fill(7);
const SENT_MS = Date.UTC(2026, 5, 1, 12);
const ntpSeconds = uint(Math.floor((SENT_MS - Date.UTC(1900, 0, 1)) / 1000), 4);
const sntp = row(
  plain(Uint8Array.of(0x24, 2, 0, 0xec)),
  plain(uint(0x100, 4)),
  plain(uint(0x100, 4)),
  plain(utf8('GPS\0')),
  plain(new Uint8Array(8)),
  plain(NONCE),
  plain(concat(ntpSeconds, new Uint8Array(4))),
  plain(concat(ntpSeconds, new Uint8Array(4))),
);

function checkSntp(bytes: Uint8Array): void {
  const { offsetMs, delayMs } = readSntpReply(bytes, NONCE, SENT_MS, SENT_MS + 20);
  holds(Number.isFinite(offsetMs) && delayMs >= 0 && delayMs <= 30_000, 'a trip that cannot be');
}

export const frameTargets: readonly Target[] = [
  frameTarget('SCT', scts, (bytes) => bytes[0] === 0 && bytes.length >= 47, checkSct),
  frameTarget('SCT list', lists, isList, checkList),
  frameTarget(
    'extensions of an SCT',
    extensions,
    (bytes) => bytes.length >= 3 && u16(bytes, 1) + 3 <= bytes.length,
    checkLeafIndex,
  ),
  frameTarget(
    'leaf of the CT log',
    binarySeeds('tileLeaf').map(leafTree),
    (bytes) => bytes.length >= 17 && u16(bytes, 8) <= 1,
    checkLeaf,
  ),
  frameTarget(
    'answer of a time server (SNTP)',
    [sntp],
    (bytes) => bytes.length === SNTP_OCTETS,
    checkSntp,
  ),
  frameTarget(
    'entry bundle',
    [bundle],
    (bytes) => bytes.length >= 6 && u16(bytes, 0) + 2 <= bytes.length,
    checkBundle,
  ),
];
