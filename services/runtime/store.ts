// SPDX-License-Identifier: Apache-2.0
// Files that survive a crash, and the lock of the data directory.
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { CodedError } from '../core/errors.ts';

export function syncDirectory(path: string): void {
  if (process.platform === 'win32') return; // Windows cannot open a directory to sync it
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces a file whole. A crash leaves the old file or the new one, never a part: the temporary
 * file is synced before the rename, the directory after it.
 */
export function writeFileDurably(path: string, content: string | Uint8Array, mode = 0o644): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const fd = openSync(temporary, 'w', mode);
  try {
    fchmodSync(fd, mode);
    if (typeof content === 'string') writeFileSync(fd, content);
    else for (let at = 0; at < content.length; ) at += writeSync(fd, content, at);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
  syncDirectory(dirname(path));
}

export interface DataLock {
  release(): void;
}

/**
 * One process holds a data directory. The lock is an exclusive transaction of SQLite, so the
 * kernel frees it with the process, however it ends; the pid beside it is for people.
 * @throws CodedError STATE_LOCKED naming the holder's pid
 */
export function lockDataDirectory(directory: string): DataLock {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const pidFile = join(directory, 'lock.pid');
  const database = new Database(join(directory, 'lock.sqlite'), { timeout: 0 });
  try {
    database.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if ((error as { code?: string }).code !== 'SQLITE_BUSY') throw error;
    throw new CodedError('STATE_LOCKED', `${directory} is in use by process ${holder(pidFile)}`, {
      field: '--data',
    });
  }
  writeFileSync(pidFile, `${process.pid}\n`);
  return { release: () => database.close() };
}

function holder(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
