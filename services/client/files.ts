// SPDX-License-Identifier: Apache-2.0
// Files of the client: read within a limit, hashed as a stream, written whole or not at all.
import { createHash, type Hash, randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  openSync,
  promises,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { HashName } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';

/** What people call the errors that they meet. */
const REASONS = new Map([
  ['ENOENT', 'no such file or directory'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'is a directory'],
  ['ENOTDIR', 'a part of the path is no directory'],
  ['ENOSPC', 'no space left on the device'],
  ['EROFS', 'the file system is read-only'],
]);

/** Why a file could not be used, without the path, which stands before it. */
export function fileFault(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown fault';
  return REASONS.get((error as NodeJS.ErrnoException).code ?? '') ?? error.message;
}

function unreadable(path: string, error: unknown): CodedError {
  const reason = fileFault(error);
  return new CodedError('FILE_UNREADABLE', `${path}: ${reason}`, { field: path, cause: error });
}

/** @throws CodedError FILE_UNREADABLE, also when it is no file or longer than `limit` bytes */
export function readBounded(path: string, limit: number): Uint8Array {
  try {
    const found = statSync(path);
    if (!found.isFile()) throw new Error('not a file');
    if (found.size > limit) throw new Error(`longer than ${limit} bytes`);
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Before work begins that reads it. @throws CodedError FILE_UNREADABLE */
export function requireReadable(path: string): void {
  try {
    const fd = openSync(path, 'r');
    try {
      readSync(fd, new Uint8Array(1));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** So large that a call costs little beside its bytes, so small that two stay near the core. */
const PIECE_LENGTH = 1 << 20;

interface Piece {
  readonly bytesRead: number;
  readonly buffer: Uint8Array;
}

/**
 * The bytes of a file in pieces, the next one read while one is used: a piece holds until the next
 * is asked for. @throws CodedError FILE_UNREADABLE
 */
export async function* readChunks(path: string): AsyncGenerator<Uint8Array> {
  let file: FileHandle | undefined;
  let reading: Promise<Piece> | undefined;
  try {
    file = await promises.open(path);
    const [first, second] = [new Uint8Array(PIECE_LENGTH), new Uint8Array(PIECE_LENGTH)];
    reading = file.read(first);
    for (;;) {
      const { bytesRead, buffer }: Piece = await reading;
      if (bytesRead === 0) return;
      reading = file.read(buffer === first ? second : first);
      // Awaited at the next turn: until then a fault is nobody's.
      reading.catch(() => {});
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw unreadable(path, error);
  } finally {
    await reading?.catch(() => {});
    await file?.close();
  }
}

/** A file of one piece is read at once: what reads in turns takes longer to load than it to read. */
function smallFile(path: string): Uint8Array | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isFile() !== true || found.size > PIECE_LENGTH) return undefined;
  return readBounded(path, PIECE_LENGTH);
}

/** Digests of a file of any size, in one pass. @throws CodedError FILE_UNREADABLE */
export async function hashFile(
  path: string,
  hashes: readonly HashName[],
): Promise<Partial<Record<HashName, Uint8Array>>> {
  const engines: Array<[HashName, Hash]> = hashes.map((name) => [name, createHash(name)]);
  const small = smallFile(path);
  for await (const chunk of small === undefined ? readChunks(path) : [small]) {
    for (const [, engine] of engines) engine.update(chunk);
  }
  return Object.fromEntries(
    engines.map(([name, engine]) => [name, new Uint8Array(engine.digest())]),
  );
}

function exists(path: string): CodedError {
  return new CodedError('FILE_EXISTS', `${path} is there already`, { field: path });
}

/**
 * Before work begins whose result could not be written.
 * @throws CodedError FILE_EXISTS, FILE_UNREADABLE when no file can be made there
 */
export function requireWritable(path: string, force: boolean): void {
  if (existsSync(path)) {
    if (!force) throw exists(path);
    if (!statSync(path).isFile()) throw unreadable(path, new Error('is no file'));
  }
  try {
    accessSync(dirname(path), constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unreadable(dirname(path), error);
  }
}

/** Gives the finished file its name. A link, unlike a rename, never takes a name that is in use. */
function settle(temporary: string, path: string, force: boolean): void {
  if (force) {
    renameSync(temporary, path);
    return;
  }
  try {
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') throw exists(path);
    // File systems without links: a name that is taken in this instant would be replaced.
    if (existsSync(path)) throw exists(path);
    renameSync(temporary, path);
  }
}

/**
 * A new file, mode 0644. Whatever happens, `path` names the whole text or what it named before; a
 * crash leaves at most the temporary file beside it.
 * @throws CodedError FILE_EXISTS unless `force`, FILE_UNREADABLE when it cannot be written
 */
export function writeWhole(path: string, text: string, force: boolean): void {
  const unique = randomBytes(6).toString('hex');
  const temporary = join(dirname(path), `.${basename(path)}.${unique}.tmp`);
  try {
    // Never through a link that somebody laid there.
    const fd = openSync(temporary, 'wx', 0o644);
    try {
      fchmodSync(fd, 0o644);
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    settle(temporary, path, force);
  } catch (error) {
    throw error instanceof CodedError ? error : unreadable(path, error);
  } finally {
    rmSync(temporary, { force: true });
  }
}
