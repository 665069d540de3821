// SPDX-License-Identifier: Apache-2.0
// Binary formats as trees: DER, also where it stands inside an OCTET STRING or BIT STRING, and the
// vectors of TLS. A tree is never changed: an edit makes anew the nodes between it and the root.
import { concat, uint } from '../../../services/core/bytes.ts';
import { DerReader, TAG, tlv } from '../../../services/core/der.ts';
import { ParseError } from '../../../services/core/errors.ts';
import type { Random } from './random.ts';

export interface BinaryNode {
  /** Writes the node around its content. */
  readonly wrap: (content: Uint8Array) => Uint8Array;
  readonly tag: number | undefined;
  /** Undefined: a leaf. */
  readonly kids: readonly BinaryNode[] | undefined;
  readonly content: Uint8Array;
  readonly raw: Uint8Array;
  /** Nodes, with this one. */
  readonly size: number;
}

type Wrap = BinaryNode['wrap'];

function leaf(wrap: Wrap, content: Uint8Array, tag?: number): BinaryNode {
  return { wrap, tag, kids: undefined, content, raw: wrap(content), size: 1 };
}

function branch(wrap: Wrap, kids: readonly BinaryNode[], tag?: number): BinaryNode {
  const content = concat(...kids.map(({ raw }) => raw));
  const size = kids.reduce((sum, kid) => sum + kid.size, 1);
  return { wrap, tag, kids, content, raw: wrap(content), size };
}

const derWrap =
  (tag: number): Wrap =>
  (content) =>
    tlv(tag, content);
const bitsWrap: Wrap = (content) => tlv(TAG.bitString, new Uint8Array(1), content);

function elements(content: Uint8Array): BinaryNode[] | undefined {
  try {
    const reader = new DerReader(content, 'seed');
    const nodes: BinaryNode[] = [];
    while (reader.peek() !== undefined) {
      const { tag, content: inner } = reader.next();
      nodes.push(derNode(tag, inner));
    }
    return nodes;
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

/** Only what is one SEQUENCE or OCTET STRING counts as DER inside a string. */
function nested(content: Uint8Array): BinaryNode[] | undefined {
  if (content[0] !== TAG.sequence && content[0] !== TAG.octetString) return undefined;
  const nodes = elements(content);
  return nodes?.length === 1 ? nodes : undefined;
}

function derNode(tag: number, content: Uint8Array): BinaryNode {
  if (tag === TAG.bitString && content[0] === 0) {
    const inside = nested(content.subarray(1));
    if (inside !== undefined) return branch(bitsWrap, inside, tag);
  }
  const constructed = (tag & 0x20) !== 0;
  const kids = constructed
    ? elements(content)
    : tag === TAG.octetString
      ? nested(content)
      : undefined;
  return kids === undefined ? leaf(derWrap(tag), content, tag) : branch(derWrap(tag), kids, tag);
}

/** @param der one sound element */
export function derTree(der: Uint8Array): BinaryNode {
  const [only] = elements(der) ?? [];
  if (only === undefined) throw new Error('a seed is not DER');
  return only;
}

/** A vector of TLS: its length in `size` octets, then nodes or bytes. What is too long lies. */
export function vector(size: number, ...kids: readonly BinaryNode[]): BinaryNode {
  return branch((content) => concat(uint(content.length % 256 ** size, size), content), kids);
}
export function plain(bytes: Uint8Array): BinaryNode {
  return leaf((content) => content, bytes);
}
export function row(...kids: readonly BinaryNode[]): BinaryNode {
  return branch((content) => content, kids);
}
export function within(tag: number, ...kids: readonly BinaryNode[]): BinaryNode {
  return branch(derWrap(tag), kids, tag);
}

export type Path = readonly number[];

/** Paths of all nodes, the root's first. */
export function pathsOf(node: BinaryNode, path: Path = []): Path[] {
  const below = (node.kids ?? []).flatMap((kid, i) => pathsOf(kid, [...path, i]));
  return [path, ...below];
}

/** The path that stands at `index` in pathsOf. */
function pathTo(node: BinaryNode, index: number): number[] {
  const path: number[] = [];
  let [at, left] = [node, index];
  while (left > 0) {
    left--;
    const kids: readonly BinaryNode[] = at.kids ?? [];
    let i = 0;
    for (; i < kids.length - 1 && left >= (kids[i]?.size ?? 0); i++) left -= kids[i]?.size ?? 0;
    path.push(i);
    at = kids[i] ?? at;
    if (at.kids === undefined) break;
  }
  return path;
}

export function nodeAt(node: BinaryNode, path: Path): BinaryNode {
  return path.reduce((at, i) => at.kids?.[i] ?? at, node);
}

/** The tree with other nodes in place of one. */
export function replaceAt(
  node: BinaryNode,
  path: Path,
  edit: (node: BinaryNode) => readonly BinaryNode[],
): BinaryNode {
  const [first, ...rest] = path;
  if (first === undefined) {
    const made = edit(node);
    return made.length === 1 ? (made[0] as BinaryNode) : row(...made);
  }
  const kids = (node.kids ?? []).flatMap((kid, i) =>
    i !== first ? [kid] : rest.length === 0 ? edit(kid) : [replaceAt(kid, rest, edit)],
  );
  return branch(node.wrap, kids, node.tag);
}

// --- edits ---

const text = (value: string) => Uint8Array.from(value, (c) => c.charCodeAt(0));
const of = (...octets: number[]) => Uint8Array.from(octets);

/** Contents that lie at the edges of some type. */
const EDGES: readonly Uint8Array[] = [
  of(),
  of(0),
  of(1),
  of(0x7f),
  of(0x80),
  of(0xff),
  of(0, 0x7f),
  of(0, 0x80),
  of(0xff, 0x80),
  of(0x80, 0x01),
  of(7, 0x80),
  of(8, 0xff),
  of(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2),
  of(0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1),
  new Uint8Array(21).fill(0x7f),
  new Uint8Array(300).fill(0xff),
  text('260601120000Z'),
  text('20260601120000Z'),
  text('20260601120000.5Z'),
  text('20260230000000Z'),
  text('491231235959Z'),
  text('500101000000Z'),
  text('99991231235959Z'),
  text('260601120000+0100'),
  text('a\0b'),
  of(0xd8, 0),
  of(0xc3, 0xa9),
  of(0xc0, 0x80),
];
const TAGS = [1, 2, 3, 4, 5, 6, 0x0a, 0x0c, 0x13, 0x16, 0x17, 0x18, 0x1e, 0x30, 0x31, 0xa0, 0xa3];

function flip(random: Random, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0) return random.bytes(1 + random.int(3));
  const out = Uint8Array.from(bytes);
  const at = random.int(out.length);
  out[at] = random.chance(0.5)
    ? (out[at] as number) ^ (1 << random.int(8))
    : random.pick([0, 1, 0x7f, 0x80, 0xff]);
  return out;
}

function otherContent(random: Random, { content }: BinaryNode): Uint8Array {
  switch (random.int(6)) {
    case 0:
      return random.pick(EDGES);
    case 1:
      return content.subarray(0, random.int(content.length + 1));
    case 2:
      return concat(content, random.bytes(1 + random.int(4)));
    case 3:
      return concat(random.pick([of(0), of(0xff), of(0x80)]), content);
    default:
      return flip(random, content);
  }
}

/** Lengths that DER forbids, or that lie. */
function otherLength(random: Random, { raw, content }: BinaryNode): Uint8Array {
  const tag = raw.subarray(0, 1);
  const n = content.length;
  const forms = [
    of(0x84, 0, (n >> 16) & 0xff, (n >> 8) & 0xff, n & 0xff),
    of(0x82, (n >> 8) & 0xff, n & 0xff),
    of(0x81, n & 0xff),
    of((n + 1) & 0x7f),
    of((n - 1) & 0x7f),
    of(0x84, 0xff, 0xff, 0xff, 0xff),
    of(0x88, 0, 0, 0, 0, 0, 0, 0, n & 0xff),
  ];
  return random.chance(0.2)
    ? concat(tag, of(0x80), content, of(0, 0))
    : concat(tag, random.pick(forms), content);
}

function deep(random: Random, node: BinaryNode): BinaryNode {
  const tag = random.pick([TAG.sequence, TAG.set, TAG.octetString, 0xa0]);
  let out = node;
  for (let levels = 1 + random.int(random.chance(0.05) ? 200 : 3); levels > 0; levels--) {
    out = within(tag, out);
  }
  return out;
}

type Edit = (random: Random, node: BinaryNode, donor: BinaryNode) => readonly BinaryNode[];

const retag: Edit = (random, node) => {
  const tag = random.chance(0.3)
    ? (node.tag ?? 0) ^ random.pick([0x20, 0x40, 0x80, 1])
    : random.chance(0.9)
      ? random.pick(TAGS)
      : random.int(256);
  return [leaf(derWrap(tag), node.content, tag)];
};
const content: Edit = (random, node) => [leaf(node.wrap, otherContent(random, node), node.tag)];
const EDITS: readonly Edit[] = [
  retag,
  (random, node) => [plain(otherLength(random, node))],
  () => [],
  (_, node) => [node, node],
  (_random, _node, donor) => [donor],
  (_random, node, donor) => [node, donor],
  (random, node) => [deep(random, node)],
  (_, node) => [branch(node.wrap, [...(node.kids ?? [])].reverse(), node.tag)],
];

/** One edit at a random node; leaves mostly change their content. */
function editOnce(random: Random, tree: BinaryNode, donor: BinaryNode): BinaryNode {
  // An edit at the root seldom leaves anything to read.
  const inner = tree.size > 1 && random.chance(0.98);
  const path = inner ? pathTo(tree, 1 + random.int(tree.size - 1)) : [];
  const gift = nodeAt(donor, pathTo(donor, random.int(donor.size)));
  return replaceAt(tree, path, (node) => {
    const asLeaf = node.kids === undefined && random.chance(0.6);
    return (asLeaf ? content : random.pick(EDITS))(random, node, gift);
  });
}

/** One to three edits; seldom only bytes are changed, or nothing. */
export function mutateTree(random: Random, seeds: readonly BinaryNode[]): Uint8Array {
  const seed = random.pick(seeds);
  if (random.chance(0.02)) return seed.raw;
  if (random.chance(0.04)) return flip(random, seed.raw);
  let tree = seed;
  for (let edits = random.pick([1, 1, 1, 2, 3]); edits > 0; edits--) {
    tree = editOnce(random, tree, random.pick(seeds));
  }
  return tree.raw;
}
