// SPDX-License-Identifier: Apache-2.0
// JSON as a tree that keeps its spelling, so that edits can also write what is no JSON, or what two
// readers see differently.
import { base64 } from '../../../services/core/bytes.ts';
import { derTree, mutateTree } from './der-tree.ts';
import type { Random } from './random.ts';

export type JsonNode =
  | { readonly kind: 'raw'; readonly text: string }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'list'; readonly items: readonly JsonNode[] }
  | { readonly kind: 'object'; readonly members: ReadonlyArray<readonly [string, JsonNode]> };

export function jsonTree(value: unknown): JsonNode {
  if (typeof value === 'string') return { kind: 'text', value };
  if (Array.isArray(value)) return { kind: 'list', items: value.map(jsonTree) };
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(([name, item]) => [name, jsonTree(item)] as const);
    return { kind: 'object', members };
  }
  return { kind: 'raw', text: JSON.stringify(value) };
}

export function writeJson(node: JsonNode): string {
  switch (node.kind) {
    case 'raw':
      return node.text;
    case 'text':
      return JSON.stringify(node.value);
    case 'list':
      return `[${node.items.map(writeJson).join(',')}]`;
    case 'object':
      return `{${node.members.map(([k, v]) => `${JSON.stringify(k)}:${writeJson(v)}`).join(',')}}`;
  }
}

export type Path = readonly number[];

function kidsOf(node: JsonNode): readonly JsonNode[] {
  if (node.kind === 'list') return node.items;
  return node.kind === 'object' ? node.members.map(([, item]) => item) : [];
}

export function jsonPaths(node: JsonNode, path: Path = []): Path[] {
  const below = kidsOf(node).flatMap((kid, i) => jsonPaths(kid, [...path, i]));
  return [path, ...below];
}

/** Trees are never changed, so their sizes are not either. */
const sizes = new WeakMap<JsonNode, number>();

function sizeOf(node: JsonNode): number {
  let size = sizes.get(node);
  if (size === undefined) {
    size = kidsOf(node).reduce((sum, kid) => sum + sizeOf(kid), 1);
    sizes.set(node, size);
  }
  return size;
}

/** The path of a node, each as likely as another. */
function anyPath(random: Random, node: JsonNode): number[] {
  const path: number[] = [];
  let [at, left] = [node, random.int(sizeOf(node))];
  while (left > 0) {
    left--;
    const kids = kidsOf(at);
    let i = 0;
    for (; left >= sizeOf(kids[i] ?? node); i++) left -= sizeOf(kids[i] ?? node);
    path.push(i);
    at = kids[i] ?? at;
  }
  return path;
}

export function jsonAt(node: JsonNode, path: Path): JsonNode {
  return path.reduce((at, i) => kidsOf(at)[i] ?? at, node);
}

export function jsonReplace(
  node: JsonNode,
  path: Path,
  edit: (node: JsonNode) => JsonNode,
): JsonNode {
  const [first, ...rest] = path;
  if (first === undefined) return edit(node);
  const inner = (kid: JsonNode, i: number) => (i === first ? jsonReplace(kid, rest, edit) : kid);
  if (node.kind === 'list') return { kind: 'list', items: node.items.map(inner) };
  if (node.kind !== 'object') return node;
  const members = node.members.map(([name, kid], i) => [name, inner(kid, i)] as const);
  return { kind: 'object', members };
}

// --- edits ---

/** Values at the edges; those behind the bar are not JSON or not read as JSON by us. */
const SCALARS = [
  'null',
  'true',
  'false',
  '""',
  '"0"',
  '"1"',
  '"-1"',
  '0',
  '1',
  '-1',
  '2',
  '-0',
  '1.5',
  '1e3',
  '1e20',
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740992',
  '"9223372036854775807"',
  '"9007199254740993"',
  '"01"',
  '"1e3"',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"":""}',
  '"\\u0000"',
  '"\\ud83d\\ude00"',
  '"\\n"',
  '"a b"',
  '"é"',
  '"__proto__"',
  '{"__proto__":{}}',
  '"2026-01-01T00:00:00Z"',
  '"2026-01-01T00:00:00.123456789+01:00"',
  '"9999-12-31T23:59:59-12:00"',
  '"https://a.test/"',
  '"https://a\\nb.test/"',
  '"https://user@a.test/"',
];
const BROKEN = [
  '"\\ud800"',
  '1e400',
  'NaN',
  '01',
  '+1',
  '.5',
  '"a',
  "'a'",
  'undefined',
  '"\t"',
  '[1,]',
  '\ufeff1',
  'tru',
];
const NAMES = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  '',
  'x',
  'length',
  '0',
  '4294967295',
];

const snake = (name: string) => name.replaceAll(/[A-Z]/g, (c) => `_${c.toLowerCase()}`);

const BASE64 = /^[A-Za-z0-9+/]{8,}={0,2}$/;

function otherBase64(random: Random, value: string): string {
  const bytes = new Uint8Array(Buffer.from(value, 'base64'));
  // Mostly what stands inside is edited, so that parsers behind the first see something.
  if (bytes[0] === 0x30 && random.chance(0.7)) {
    try {
      return base64(mutateTree(random, [derTree(bytes)]));
    } catch {
      return base64(bytes.subarray(1));
    }
  }
  return random.pick([
    value.replaceAll('+', '-').replaceAll('/', '_'),
    value.replaceAll('=', ''),
    `${value}=`,
    `${value}\n`,
    value.slice(0, -1),
    base64(bytes.subarray(random.int(bytes.length))),
    base64(Uint8Array.from([...bytes, 0])),
    '',
  ]);
}

function otherText(random: Random, value: string): string {
  if (BASE64.test(value) && random.chance(0.7)) return otherBase64(random, value);
  const at = random.int(value.length + 1);
  return random.pick([
    value.slice(0, at) + String.fromCharCode(32 + random.int(96)) + value.slice(at + 1),
    value.slice(0, at) +
      random.pick(['\n', '\0', '\u2028', 'é', '\u{1f600}', ' ', '/', '.', '-']) +
      value.slice(at),
    value.slice(at),
    value.slice(0, at),
    `${value}${value}`,
    value.toUpperCase(),
    value.trim(),
    ` ${value}`,
  ]);
}

function otherScalar(random: Random, node: JsonNode): JsonNode {
  if (node.kind === 'text' && random.chance(0.6)) {
    return { kind: 'text', value: otherText(random, node.value) };
  }
  if (node.kind === 'raw' && random.chance(0.3)) {
    return /^-?\d/.test(node.text)
      ? random.pick<JsonNode>([
          { kind: 'text', value: node.text },
          { kind: 'raw', text: `${node.text}.0` },
          { kind: 'raw', text: String(Number(node.text) + random.pick([-1, 1])) },
        ])
      : { kind: 'text', value: node.text };
  }
  return { kind: 'raw', text: random.pick(random.chance(0.04) ? BROKEN : SCALARS) };
}

type Members = ReadonlyArray<readonly [string, JsonNode]>;

function otherMembers(random: Random, members: Members, gift: JsonNode): Members {
  const at = random.int(members.length);
  const chosen = members[at];
  if (chosen === undefined) return [[random.pick(NAMES), gift]];
  const [name, item] = chosen;
  const rename = (to: string): Members => members.with(at, [to, item]);
  switch (random.int(8)) {
    case 0:
      return members.toSpliced(at, 1);
    case 1:
      return random.chance(0.2)
        ? [...members, [name, gift]]
        : [...members, [snake(name) === name ? random.pick(NAMES) : snake(name), gift]];
    case 2:
      return [...members, [random.pick(NAMES), gift]];
    case 3:
      return rename(snake(name));
    case 4:
      return rename(random.pick([...NAMES, name.toUpperCase(), `${name} `]));
    case 5:
      return members.toReversed();
    case 6:
      return members.with(at, [name, gift]);
    default:
      return members.with(at, [name, { kind: 'raw', text: 'null' }]);
  }
}

function otherItems(random: Random, items: readonly JsonNode[], gift: JsonNode): JsonNode[] {
  const at = random.int(items.length);
  const item = items[at] ?? gift;
  switch (random.int(6)) {
    case 0:
      return items.toSpliced(at, 1);
    case 1:
      return [...items, item];
    case 2:
      return [...items, gift];
    case 3:
      return items.toReversed();
    case 4:
      return Array.from({ length: random.pick([2, 11, 33, 65, 300]) }, () => item);
    default:
      return [];
  }
}

function deep(random: Random, node: JsonNode): JsonNode {
  const levels = random.chance(0.05) ? 70 : 1 + random.int(3);
  const inner = writeJson(node);
  return random.chance(0.5)
    ? { kind: 'raw', text: `${'['.repeat(levels)}${inner}${']'.repeat(levels)}` }
    : { kind: 'raw', text: `${'{"a":'.repeat(levels)}${inner}${'}'.repeat(levels)}` };
}

function edit(random: Random, node: JsonNode, gift: JsonNode): JsonNode {
  if (random.chance(0.04)) return deep(random, node);
  if (random.chance(0.05)) return gift;
  if (node.kind === 'list' && random.chance(0.9)) {
    return { kind: 'list', items: otherItems(random, node.items, gift) };
  }
  if (node.kind === 'object' && random.chance(0.9)) {
    return { kind: 'object', members: otherMembers(random, node.members, gift) };
  }
  return otherScalar(random, node);
}

/** The text with other white space, escapes or bytes around it. */
function respell(random: Random, text: string): string {
  const at = random.int(text.length + 1);
  switch (random.int(7)) {
    case 0:
      return text.replaceAll(':', ' :\n\t').replaceAll(',', ' , ');
    case 1:
      return text.replace(/[a-zA-Z]/, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
    case 2:
      return ` ${text}\r\n`;
    case 3:
      return `\ufeff${text}`;
    case 4:
      return `${text}${random.pick(['x', ']', '\0', 'null', '//'])}`;
    case 5:
      return text.slice(0, at);
    default:
      return text.slice(0, at) + String.fromCharCode(random.int(128)) + text.slice(at + 1);
  }
}

/** One to three edits; seldom only the spelling is changed, or nothing. */
export function mutateJson(random: Random, seeds: readonly JsonNode[]): string {
  const seed = random.pick(seeds);
  if (random.chance(0.02)) return writeJson(seed);
  let tree = seed;
  for (let edits = random.pick([1, 1, 1, 2, 3]); edits > 0; edits--) {
    const donor = random.pick(seeds);
    const gift = jsonAt(donor, anyPath(random, donor));
    tree = jsonReplace(tree, anyPath(random, tree), (node) => edit(random, node, gift));
  }
  const text = writeJson(tree);
  return random.chance(0.08) ? respell(random, text) : text;
}
