// SPDX-License-Identifier: Apache-2.0
// What the writer thread does with its database and its mark, order by order.
import type { MarkFile } from './mark.ts';
import { committer, compacter, createLog, openDatabase } from './sqlite.ts';
import type { Batch, Head, Identity, Mark, StoredBundle } from './store.ts';

export type Order =
  | { readonly kind: 'create'; readonly identity: Identity; readonly head: Head }
  | { readonly kind: 'commit'; readonly batch: Batch }
  | { readonly kind: 'compact'; readonly bundles: readonly StoredBundle[] }
  | { readonly kind: 'roll'; readonly mark: Mark };

export interface Writer {
  /** What it orders is durable when it returns. */
  perform(order: Order): void;
  close(): void;
}

/** @throws CodedError STATE_NEWER */
export function openWriter(file: string, mark: MarkFile): Writer {
  const db = openDatabase(file);
  const commit = committer(db);
  const compact = compacter(db);
  /** Size of the head that the mark has. Written by perform(). */
  let marked = -1;
  const move = ({ size, root }: Mark) => {
    if (size !== marked) mark.write({ size, root });
    marked = size;
  };
  return {
    perform(order) {
      switch (order.kind) {
        case 'create':
          createLog(db, order.identity, order.head);
          // A crash here leaves an empty log without a mark: the next start writes the mark.
          move(order.head);
          break;
        case 'commit':
          commit(order.batch);
          // A crash here leaves the store ahead of the mark, nobody answered: the next start moves the mark.
          move(order.batch.head);
          // A crash here leaves both durable, nobody answered: who asks again gets the same entry.
          break;
        case 'compact':
          compact(order.bundles);
          // A crash here leaves what was meant to be.
          break;
        case 'roll':
          move(order.mark);
          break;
      }
    },
    close() {
      db.close();
      mark.close();
    },
  };
}
