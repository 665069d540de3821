// SPDX-License-Identifier: Apache-2.0
// Reads a TUF repository from a directory or over HTTP, and walks through it with the steps of core.
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { MAX_ROOT_STEPS } from '../core/tuf.ts';
import {
  acceptRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  checkTarget,
  findTarget,
  nextRootFile,
  settleRoot,
  snapshotFile,
  TIMESTAMP_FILE,
  type TufState,
  targetFile,
  targetsFile,
  type WantedFile,
} from '../core/tuf-update.ts';

/** A file of a repository, read to one octet past its limit; undefined when it is missing. */
export type TufSource = (file: WantedFile) => Promise<Uint8Array | undefined>;

const TIMEOUT_MS = 30_000;

export function directorySource(directory: string): TufSource {
  return async ({ path, limit }) => {
    const file = await open(join(directory, path)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new CodedError('FILE_UNREADABLE', `${path}: ${error.message}`, { field: path });
    });
    if (file === undefined) return undefined;
    try {
      const buffer = new Uint8Array(limit + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  };
}

/** An endless answer is cut one octet past the limit, which no step accepts. */
async function readLimited(response: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the body.
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > limit) break;
  }
  return new Uint8Array(Buffer.concat(chunks).subarray(0, limit + 1));
}

/**
 * @param base of the repository, no slash at its end. Plain HTTP is enough: what arrives is verified.
 * @throws from the source: CodedError SERVICE_UNREACHABLE, SERVICE_REFUSED
 */
export function httpSource(base: string, fetcher: typeof fetch = fetch): TufSource {
  return async ({ path, limit }) => {
    const url = `${base}/${path}`;
    try {
      const response = await fetcher(url, {
        redirect: 'error',
        headers: { 'accept-encoding': 'identity' },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      if (response.status === 200) return await readLimited(response, limit);
      await response.body?.cancel();
      // SPEC of TUF clients: missing is 404; any other answer is a fault of the server.
      if (response.status === 404) return undefined;
      throw new CodedError('SERVICE_REFUSED', `${url} answered ${response.status}`, { field: url });
    } catch (error) {
      if (error instanceof CodedError) throw error;
      const { cause, message } = error as Error;
      const reason = cause instanceof Error ? cause.message : message;
      throw new CodedError('SERVICE_UNREACHABLE', `${url}: ${reason}`, {
        field: url,
        cause: error,
      });
    }
  };
}

async function required(source: TufSource, file: WantedFile): Promise<Uint8Array> {
  const bytes = await source(file);
  if (bytes !== undefined) return bytes;
  throw new CodedError('TUF_MISMATCH', `${file.path} is missing`, { field: file.path });
}

/**
 * One update: newest root, timestamp, snapshot, targets.
 * @param state what is trusted already: an anchor from begin(), or the end of an earlier update
 * @throws CodedError TUF_… naming the file, or as the source does
 */
export async function updateTuf(
  crypto: Crypto,
  source: TufSource,
  state: TufState,
  nowMs: number,
): Promise<TufState> {
  let next = state;
  for (let step = 0; step < MAX_ROOT_STEPS; step++) {
    const bytes = await source(nextRootFile(next));
    if (bytes === undefined) break;
    next = acceptRoot(crypto, next, bytes);
  }
  next = settleRoot(next, state.root, nowMs);
  next = acceptTimestamp(crypto, next, await required(source, TIMESTAMP_FILE), nowMs);
  next = acceptSnapshot(crypto, next, await required(source, snapshotFile(next)), nowMs);
  return acceptTargets(crypto, next, await required(source, targetsFile(next)), nowMs);
}

/** @throws CodedError TUF_TARGET when it is not listed, missing or altered */
export async function fetchTarget(
  crypto: Crypto,
  source: TufSource,
  state: TufState,
  name: string,
): Promise<Uint8Array> {
  const target = findTarget(state, name);
  const file = targetFile(target);
  const bytes = await source(file);
  if (bytes === undefined) {
    throw new CodedError('TUF_TARGET', `${file.path} is missing`, { field: name });
  }
  return checkTarget(crypto, target, bytes);
}
