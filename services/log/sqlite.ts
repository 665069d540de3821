// SPDX-License-Identifier: Apache-2.0
// The embedded store: one SQLite database for each log, no rules in SQL.
import Database from 'better-sqlite3';
import { CodedError } from '../core/errors.ts';
import type { Batch, Head, LogReader } from './store.ts';

/** MIGRATIONS[n] leads from user_version n to n + 1. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE head (
     tree_id TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL,
     checkpoint BLOB NOT NULL, time_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE entry (
     idx INTEGER PRIMARY KEY, leaf_hash BLOB NOT NULL, dedup_key BLOB, time_ms INTEGER NOT NULL, data BLOB NOT NULL
   ) STRICT;
   CREATE INDEX entry_leaf_hash ON entry (leaf_hash);
   CREATE UNIQUE INDEX entry_dedup_key ON entry (dedup_key) WHERE dedup_key IS NOT NULL;
   CREATE TABLE tile (level INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, n)) STRICT, WITHOUT ROWID;`,
];

/** @throws CodedError STATE_NEWER */
export function openDatabase(file: string): Database.Database {
  const db = new Database(file);
  db.pragma('journal_mode = WAL');
  // A commit returns only once the write-ahead log is on the disk.
  db.pragma('synchronous = FULL');
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > MIGRATIONS.length) {
    db.close();
    throw new CodedError(
      'STATE_NEWER',
      `${file} has schema ${version}; this version knows ${MIGRATIONS.length}`,
    );
  }
  db.transaction(() => {
    for (const migration of MIGRATIONS.slice(version)) db.exec(migration);
    db.pragma(`user_version = ${MIGRATIONS.length}`);
  }).immediate();
  return db;
}

interface HeadRow {
  size: number;
  root: Buffer;
  checkpoint: Buffer;
  time_ms: number;
}

export function readHead(db: Database.Database, treeId: string): Head | undefined {
  const others = db.prepare('SELECT tree_id FROM head WHERE tree_id <> ?').get(treeId) as
    | { tree_id: string }
    | undefined;
  if (others !== undefined) {
    throw new CodedError(
      'CONFIG_INVALID',
      `origin: this log was made as ${others.tree_id}, the configuration says ${treeId}`,
      { field: 'origin' },
    );
  }
  const row = db
    .prepare('SELECT size, root, checkpoint, time_ms FROM head WHERE tree_id = ?')
    .get(treeId) as HeadRow | undefined;
  return row && { size: row.size, root: row.root, checkpoint: row.checkpoint, timeMs: row.time_ms };
}

/** Makes the empty log. A crash before it leaves no head: the next start makes one. */
export function createHead(db: Database.Database, treeId: string, head: Head): void {
  db.prepare(
    'INSERT INTO head (tree_id, size, root, checkpoint, time_ms) VALUES (?, ?, ?, ?, ?)',
  ).run(treeId, head.size, head.root, head.checkpoint, head.timeMs);
}

/** The verb that writes: all of a batch, or nothing and an error. */
export function committer(db: Database.Database, treeId: string): (batch: Batch) => void {
  const swap = db.prepare(
    'UPDATE head SET size = ?, root = ?, checkpoint = ?, time_ms = ? WHERE tree_id = ? AND size = ? AND root = ?',
  );
  const entry = db.prepare(
    'INSERT INTO entry (idx, leaf_hash, dedup_key, time_ms, data) VALUES (?, ?, ?, ?, ?)',
  );
  const tile = db.prepare('INSERT INTO tile (level, n, hashes) VALUES (?, ?, ?)');
  const transaction = db.transaction(({ old, entries, tiles, head }: Batch) => {
    const { changes } = swap.run(
      head.size,
      head.root,
      head.checkpoint,
      head.timeMs,
      treeId,
      old.size,
      old.root,
    );
    if (changes !== 1)
      throw new CodedError('STATE_INCONSISTENT', 'another writer moved the head of this log');
    for (const e of entries) entry.run(e.index, e.leafHash, e.dedupKey ?? null, e.timeMs, e.data);
    for (const t of tiles) tile.run(t.level, t.n, t.hashes);
  });
  return (batch) => transaction.immediate(batch);
}

export function openReader(file: string, treeId: string): LogReader {
  const db = new Database(file, { readonly: true });
  const leafHashes = db
    .prepare('SELECT leaf_hash FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx')
    .pluck();
  const entries = db.prepare(
    'SELECT data, time_ms AS timeMs FROM entry WHERE idx >= ? AND idx < ? ORDER BY idx',
  );
  const tile = db.prepare('SELECT hashes FROM tile WHERE level = ? AND n = ?').pluck();
  const byLeaf = db
    .prepare('SELECT idx FROM entry WHERE leaf_hash = ? ORDER BY idx LIMIT 1')
    .pluck();
  const byKey = db.prepare('SELECT idx FROM entry WHERE dedup_key = ?').pluck();
  return {
    head: () => readHead(db, treeId),
    leafHashes: (start, end) => leafHashes.all(start, end) as Uint8Array[],
    entries: (start, end) => entries.all(start, end) as Array<{ data: Uint8Array; timeMs: number }>,
    tile: (level, n) => tile.get(level, n) as Uint8Array | undefined,
    findLeaf: (hash) => byLeaf.get(hash) as number | undefined,
    findDedup: (key) => byKey.get(key) as number | undefined,
    close: () => db.close(),
  };
}
