// SPDX-License-Identifier: Apache-2.0
// The embedded store: one SQLite database for each log. No rule of the log stands in SQL.
import Database from 'better-sqlite3';
import { CodedError } from '../core/errors.ts';
import { HASH_LENGTH } from '../core/merkle.ts';
import { TILE_WIDTH } from '../core/tile.ts';
import {
  type Batch,
  type Chunk,
  type Framing,
  type Head,
  type Identity,
  inconsistent,
  type LogReader,
  type StoredBundle,
} from './store.ts';

/** MIGRATIONS[n] leads from user_version n to n + 1. */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE log (
     one INTEGER PRIMARY KEY CHECK (one = 1),
     name TEXT NOT NULL, tree_id TEXT NOT NULL, framing TEXT NOT NULL,
     size INTEGER NOT NULL, root BLOB NOT NULL, checkpoint BLOB NOT NULL, time_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE chunk (
     first INTEGER PRIMARY KEY, count INTEGER NOT NULL, time_ms INTEGER NOT NULL,
     hashes BLOB NOT NULL, entries BLOB NOT NULL
   ) STRICT;
   CREATE TABLE bundle (n INTEGER PRIMARY KEY, times BLOB NOT NULL, gzip BLOB NOT NULL) STRICT;
   CREATE TABLE tile (
     level INTEGER NOT NULL, n INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY (level, n)
   ) STRICT;
   CREATE TABLE leaf (hash BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;
   CREATE TABLE dedup (key BLOB PRIMARY KEY, idx INTEGER NOT NULL) STRICT, WITHOUT ROWID;`,
];

/** Pages in the write-ahead log before they move into the database: 32 MB. */
const CHECKPOINT_PAGES = 8192;
/** What a write-ahead log that was moved keeps of the disk. */
const IDLE_LOG_BYTES = 4 << 20;
/** Pages that the writer keeps, in KiB: the leaf index takes writes all over. */
const CACHE_KIB = 32_768;

/** For the one thread that writes. @throws CodedError STATE_NEWER */
export function openDatabase(file: string): Database.Database {
  const db = new Database(file);
  try {
    // Free pages return to the file system when compaction says so; only a new database takes this.
    db.pragma('auto_vacuum = INCREMENTAL');
    db.pragma('journal_mode = WAL');
    // A commit returns only once the write-ahead log is on the disk.
    db.pragma('synchronous = FULL');
    db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    db.pragma(`journal_size_limit = ${IDLE_LOG_BYTES}`);
    db.pragma(`cache_size = -${CACHE_KIB}`);
    const version = Number(db.pragma('user_version', { simple: true }));
    if (version > MIGRATIONS.length) {
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
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Makes the empty log. A crash before it leaves tables without a head: the next start makes one. */
export function createLog(db: Database.Database, identity: Identity, head: Head): void {
  db.prepare(
    `INSERT INTO log (one, name, tree_id, framing, size, root, checkpoint, time_ms)
     VALUES (1, ?, ?, ?, ?, ?, ?, ?)`,
  ).run(
    identity.name,
    identity.treeId,
    identity.framing,
    head.size,
    head.root,
    head.checkpoint,
    head.timeMs,
  );
}

function chunkWriter(db: Database.Database): (chunk: Chunk) => void {
  const insertChunk = db.prepare(
    'INSERT INTO chunk (first, count, time_ms, hashes, entries) VALUES (?, ?, ?, ?, ?)',
  );
  // The first leaf with a hash is the one that is found.
  const insertLeaf = db.prepare('INSERT OR IGNORE INTO leaf (hash, idx) VALUES (?, ?)');
  return ({ first, count, timeMs, hashes, entries }) => {
    insertChunk.run(first, count, timeMs, hashes, entries);
    for (let i = 0; i < count; i++) {
      insertLeaf.run(hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH), first + i);
    }
  };
}

function bundleWriter(db: Database.Database): (bundle: StoredBundle) => void {
  const insert = db.prepare('INSERT INTO bundle (n, times, gzip) VALUES (?, ?, ?)');
  const drop = db.prepare('DELETE FROM chunk WHERE first >= ? AND first < ?');
  return ({ n, times, gzip }) => {
    insert.run(n, times, gzip);
    drop.run(n * TILE_WIDTH, (n + 1) * TILE_WIDTH);
  };
}

/** The verb that moves the log: all of a batch, or nothing and an error. */
export function committer(db: Database.Database): (batch: Batch) => void {
  const swap = db.prepare(
    'UPDATE log SET size = ?, root = ?, checkpoint = ?, time_ms = ? WHERE size = ? AND root = ?',
  );
  const writeChunk = chunkWriter(db);
  const writeBundle = bundleWriter(db);
  const tile = db.prepare('INSERT OR REPLACE INTO tile (level, n, hashes) VALUES (?, ?, ?)');
  // The first entry with a key is the one that is found.
  const dedup = db.prepare('INSERT OR IGNORE INTO dedup (key, idx) VALUES (?, ?)');
  const transaction = db.transaction((batch: Batch) => {
    const { old, head } = batch;
    const { size, root, checkpoint, timeMs } = head;
    if (swap.run(size, root, checkpoint, timeMs, old.size, old.root).changes !== 1) {
      throw inconsistent('another writer moved the head of this log');
    }
    for (const chunk of batch.chunks) writeChunk(chunk);
    for (const { level, n, hashes } of batch.tiles) tile.run(level, n, hashes);
    for (const { key, index } of batch.dedup) dedup.run(key, index);
    for (const bundle of batch.bundles) writeBundle(bundle);
  });
  return (batch) => transaction.immediate(batch);
}

/** Pages that one idle compaction gives back at most. */
const VACUUM_PAGES = 2048;

/** For an idle moment: bundles take the place of their chunks. A crash before it leaves the chunks, which serve as well. */
export function compacter(db: Database.Database): (bundles: readonly StoredBundle[]) => void {
  const writeBundle = bundleWriter(db);
  const transaction = db.transaction((bundles: readonly StoredBundle[]) => {
    for (const bundle of bundles) writeBundle(bundle);
  });
  return (bundles) => {
    transaction.immediate(bundles);
    db.pragma(`incremental_vacuum(${VACUUM_PAGES})`);
    // While nobody waits: else the write-ahead log grows until a commit has to move all of it.
    db.pragma('wal_checkpoint(TRUNCATE)');
  };
}

interface LogRow {
  name: string;
  tree_id: string;
  framing: Framing;
  size: number;
  root: Uint8Array;
  checkpoint: Uint8Array;
  time_ms: number;
}

export function openReader(file: string): LogReader & { close(): void } {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  const log = db.prepare('SELECT * FROM log');
  const chunks = db.prepare(
    `SELECT first, count, time_ms AS timeMs, hashes, entries FROM chunk
     WHERE first >= ? AND first < ? ORDER BY first`,
  );
  const bundle = db.prepare('SELECT n, times, gzip FROM bundle WHERE n = ?');
  const uncompacted = db
    .prepare(`SELECT DISTINCT first / ${TILE_WIDTH} FROM chunk WHERE first < ? ORDER BY 1`)
    .pluck();
  const tile = db.prepare('SELECT hashes FROM tile WHERE level = ? AND n = ?').pluck();
  const leaf = db.prepare('SELECT idx FROM leaf WHERE hash = ?').pluck();
  const duplicate = db
    .prepare(
      'SELECT idx FROM leaf WHERE hash = :key UNION ALL SELECT idx FROM dedup WHERE key = :key LIMIT 1',
    )
    .pluck();
  return {
    head() {
      const row = log.get() as LogRow | undefined;
      if (row === undefined) return undefined;
      const { name, tree_id: treeId, framing, size, root, checkpoint, time_ms: timeMs } = row;
      return { identity: { name, treeId, framing }, head: { size, root, checkpoint, timeMs } };
    },
    chunks: (start, end) => chunks.all(start, end) as Chunk[],
    bundle: (n) => bundle.get(n) as StoredBundle | undefined,
    uncompacted: (end) => uncompacted.all(end) as number[],
    tile: (level, n) => tile.get(level, n) as Uint8Array | undefined,
    findLeaf: (hash) => leaf.get(hash) as number | undefined,
    findDuplicate: (key) => duplicate.get({ key }) as number | undefined,
    close: () => db.close(),
  };
}
