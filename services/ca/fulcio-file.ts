// SPDX-License-Identifier: Apache-2.0
// The text of a Fulcio configuration into a tree: JSON first, then YAML as Go's parser takes it, with
// anchors, merge keys, and aliases as keys (`*name:`), which YAML 1.2 would read as part of the name.
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { fromUtf8 } from '../core/bytes.ts';
import { ParseError } from '../core/errors.ts';
import { parseJson } from '../core/json.ts';

export type Tree = { [key: string]: unknown };

const MAX_BYTES = 4 << 20;
/** Nodes after aliases are followed: a few bytes of them can stand for a billion. */
const MAX_NODES = 100_000;
const ALIAS_KEY = /^([ \t]*(?:- +)?\*[A-Za-z0-9_-]+):(?=\s|$)/gm;

function emptyTree(): Tree {
  return Object.create(null) as Tree;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

class Walk {
  readonly #document: Document.Parsed;
  /** Counted by value() alone. */
  #nodes = 0;

  constructor(document: Document.Parsed) {
    this.#document = document;
  }

  value(node: unknown): unknown {
    this.#nodes++;
    if (this.#nodes > MAX_NODES) throw new ParseError('aliases unfold without end');
    if (isAlias(node)) return this.value(this.#resolved(node));
    if (isScalar(node)) return node.value;
    if (isSeq(node)) return node.items.map((item) => this.value(item));
    if (isMap(node)) return this.#tree(node.items);
    return null;
  }

  #resolved(node: unknown): Node {
    const found = isAlias(node) ? node.resolve(this.#document) : undefined;
    if (found === undefined) throw new ParseError('an alias without its anchor');
    return found;
  }

  #tree(pairs: ReadonlyArray<{ key: unknown; value: unknown }>): Tree {
    const own = emptyTree();
    const merged: Tree[] = [];
    for (const { key, value } of pairs) {
      const name = this.value(key);
      if (name === '<<') {
        const found = this.value(value);
        for (const item of Array.isArray(found) ? found : [found]) {
          if (!isTree(item)) throw new ParseError('a merge key without a mapping');
          merged.push(item);
        }
        continue;
      }
      if (typeof name !== 'string' && typeof name !== 'number')
        throw new ParseError(`a key that is no text: ${String(name)}`);
      if (name in own) throw new ParseError(`the key ${name} stands twice`);
      own[name] = this.value(value);
    }
    // The key itself wins over merged ones, the first of these over the others.
    return Object.assign(emptyTree(), ...merged.reverse(), own) as Tree;
  }
}

function yamlTree(text: string): unknown {
  const document = parseDocument(text.replaceAll(ALIAS_KEY, '$1 :'), {
    uniqueKeys: false,
    version: '1.2',
  });
  const [fault] = document.errors;
  if (fault !== undefined) throw new ParseError(fault.message);
  return new Walk(document).value(document.contents);
}

/** What is no JSON may still be YAML, of which JSON is a part but for its tabs. */
function jsonOrNothing(text: string): unknown {
  try {
    return text.trimStart().startsWith('{') ? parseJson(text) : undefined;
  } catch (error) {
    if (error instanceof ParseError) return undefined;
    throw error;
  }
}

/** @throws ParseError */
export function fulcioTree(bytes: Uint8Array): Tree {
  if (bytes.length > MAX_BYTES) throw new ParseError(`larger than ${MAX_BYTES} bytes`);
  const text = fromUtf8(bytes);
  const tree = jsonOrNothing(text) ?? yamlTree(text);
  if (isTree(tree)) return tree;
  throw new ParseError('not a mapping');
}
