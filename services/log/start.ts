// SPDX-License-Identifier: Apache-2.0
// The rules of the start. Every disagreement refuses it: a log that signs on would fork.
//
//   store empty           mark above 0 → refuse; else the empty head is signed and stored
//   another identity      → refuse
//   root of the tiles     differs from the head → refuse
//   mark missing          store not empty → refuse
//   mark ahead, or root at its size differs → refuse
//   store ahead           → a crash came between commit and mark: the mark rolls forward
import { hash } from 'node:crypto';
import { equal, hex } from '../core/bytes.ts';
import { CodedError } from '../core/errors.ts';
import { emptyRoot } from '../core/merkle.ts';
import { Bundles } from './bundles.ts';
import { type Head, type Identity, inconsistent, type LogStore, storeMissing } from './store.ts';
import { Tree } from './tree.ts';
import type { LogOptions } from './types.ts';

export const sha256 = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer');

function checkIdentity(found: Identity, wanted: Identity): void {
  for (const [field, setting] of [
    ['name', 'name'],
    ['treeId', 'origin'],
    ['framing', 'framing'],
  ] as const) {
    if (found[field] === wanted[field]) continue;
    const reason = `this log was made with ${found[field]}, the configuration says ${wanted[field]}`;
    throw new CodedError('CONFIG_INVALID', `${setting}: ${reason}`, { field: setting });
  }
}

/** The head in the store; for an empty store the one that is made now. */
async function findHead(options: LogOptions, store: LogStore): Promise<Head> {
  const { name, treeId, framing, clock, signHead } = options;
  const identity: Identity = { name, treeId, framing };
  const found = store.reader.head();
  if (found !== undefined) {
    checkIdentity(found.identity, identity);
    return found.head;
  }
  if (store.mark !== undefined && store.mark.size > 0) throw storeMissing(name, store.mark);
  const empty = { size: 0, root: emptyRoot(sha256), timeMs: clock() };
  const head: Head = { ...empty, checkpoint: await signHead(empty) };
  await store.create(identity, head);
  return head;
}

async function settleMark(name: string, store: LogStore, tree: Tree, head: Head): Promise<void> {
  const { mark } = store;
  const stored = `the store at ${head.size} entries (root ${hex(head.root)})`;
  if (mark === undefined && head.size > 0) {
    throw inconsistent(`${name}: the high-water mark is missing, ${stored}`);
  }
  if (mark !== undefined) {
    const marked = `the high-water mark stands at ${mark.size} entries (root ${hex(mark.root)})`;
    if (mark.size > head.size) throw inconsistent(`${name}: ${marked}, ${stored}`);
    const then = tree.rootAt(mark.size);
    if (!equal(then, mark.root)) {
      throw inconsistent(
        `${name}: ${marked}, ${stored}; its root at ${mark.size} entries was ${hex(then)}`,
      );
    }
    if (mark.size === head.size) return;
  }
  await store.roll(head);
}

export interface Started {
  readonly tree: Tree;
  readonly bundles: Bundles;
  readonly head: Head;
}

/** @throws CodedError STATE_INCONSISTENT, CONFIG_INVALID (another identity) */
export async function start(options: LogOptions, store: LogStore): Promise<Started> {
  const { name } = options;
  const head = await findHead(options, store);
  const tree = new Tree(sha256, store.reader);
  tree.load(head.size);
  const root = tree.rootAt(head.size);
  if (!equal(root, head.root)) {
    throw inconsistent(
      `${name}: the tiles of the store lead to root ${hex(root)} at ${head.size} entries, its head says ${hex(head.root)}`,
    );
  }
  await settleMark(name, store, tree, head);
  const bundles = new Bundles(store.reader);
  bundles.load(head.size);
  return { tree, bundles, head };
}
