// SPDX-License-Identifier: Apache-2.0
// Mutations that know no field: each element of the tree of DER, inside extensions too, is altered in
// each way, and everything around it is encoded anew.
import { concat } from '../../services/core/bytes.ts';
import { children, type DerNode, readDer, TAG, tlv } from '../../services/core/der.ts';
import { longLength } from './corpus-mutations.ts';

interface Element {
  readonly tag: number;
  /** Elements, or octets. */
  readonly inner: readonly Element[] | Uint8Array;
  /** In place of its encoding. */
  readonly raw?: Uint8Array;
}

const CONSTRUCTED = 0x20;

/** Elements of `content`, when it is nothing else. */
function elements(content: Uint8Array): DerNode[] | undefined {
  try {
    const found = children(content, 'content');
    return found.length > 0 ? found : undefined;
  } catch {
    return undefined;
  }
}

/** An OCTET STRING inside another holds a digest or SCTs: random octets, though they may look like DER. */
function parse({ tag, content }: DerNode, above: number): Element {
  const wraps = tag === TAG.octetString && above !== TAG.octetString;
  const inner = wraps || (tag & CONSTRUCTED) !== 0 ? elements(content) : undefined;
  return { tag, inner: inner?.map((node) => parse(node, tag)) ?? content };
}

function contentOf({ inner }: Element): Uint8Array {
  return inner instanceof Uint8Array ? inner : concat(...inner.map(encode));
}

function encode(element: Element): Uint8Array {
  return element.raw ?? tlv(element.tag, contentOf(element));
}

const retagged = (change: (tag: number) => number) => (element: Element) => [
  { ...element, tag: change(element.tag) },
];
const refilled = (change: (content: Uint8Array) => Uint8Array) => (element: Element) => [
  { tag: element.tag, inner: change(contentOf(element)) },
];
const rewritten = (change: (der: Uint8Array) => Uint8Array) => (element: Element) => [
  { ...element, raw: change(encode(element)) },
];

/** The last octet of the length, and nothing around it. */
function relengthened(der: Uint8Array, by: number): Uint8Array {
  const first = der[1] ?? 0;
  const at = first < 0x80 ? 1 : 1 + (first & 0x7f);
  return der.map((octet, i) => (i === at ? octet + by : octet));
}

/** What stands in the place of an element. */
const WAYS: Readonly<Record<string, (element: Element) => readonly Element[]>> = {
  'tag one more': retagged((tag) => tag + 1),
  'tag constructed or not': retagged((tag) => tag ^ CONSTRUCTED),
  'tag of another class': retagged((tag) => tag ^ 0x80),
  'tag in two octets': rewritten((der) =>
    concat(Uint8Array.of(((der[0] ?? 0) & 0xe0) | 0x1f, (der[0] ?? 0) & 0x1f), der.subarray(1)),
  ),
  'length in too many octets': rewritten(longLength),
  'length one more': rewritten((der) => relengthened(der, 1)),
  'length one less': rewritten((der) => relengthened(der, -1)),
  empty: refilled(() => new Uint8Array()),
  'an octet more': refilled((content) => concat(content, new Uint8Array(1))),
  'an octet before': refilled((content) => concat(new Uint8Array(1), content)),
  'an octet less': refilled((content) => content.subarray(0, -1)),
  'top bit flipped': refilled((content) =>
    content.map((octet, i) => (i === 0 ? octet ^ 0x80 : octet)),
  ),
  'last bit flipped': refilled((content) =>
    content.map((octet, i) => (i === content.length - 1 ? octet ^ 1 : octet)),
  ),
  removed: () => [],
  twice: (element) => [element, element],
};

type Path = readonly number[];

function pathsOf({ inner }: Element, path: Path = []): Path[] {
  if (inner instanceof Uint8Array) return [path];
  return [path, ...inner.flatMap((child, i) => pathsOf(child, [...path, i]))];
}

function exchanged(
  element: Element,
  [first, ...rest]: Path,
  way: (element: Element) => readonly Element[],
): readonly Element[] {
  if (first === undefined) return way(element);
  if (element.inner instanceof Uint8Array) throw new Error('path leads into octets');
  const inner = element.inner.flatMap((child, i) =>
    i === first ? exchanged(child, rest, way) : [child],
  );
  return [{ ...element, inner }];
}

const FIELDS = ['version', 'serial', 'algorithm', 'issuer', 'validity', 'subject', 'key'];

export interface Walked {
  readonly name: string;
  /** DER of the TBSCertificate. */
  readonly tbs: Uint8Array;
}

/** Every way at every element of a TBSCertificate. */
export function walk(tbs: Uint8Array): Walked[] {
  const tree = parse(readDer(tbs, TAG.sequence, 'TBSCertificate'), TAG.sequence);
  return pathsOf(tree).flatMap((path) =>
    Object.entries(WAYS).map(([name, way]) => {
      const [field] = path;
      const where = field === undefined ? 'whole' : (FIELDS[field] ?? 'extensions');
      return {
        name: `anywhere in ${where}: ${name}`,
        tbs: concat(...exchanged(tree, path, way).map(encode)),
      };
    }),
  );
}
