// SPDX-License-Identifier: Apache-2.0
// The version mark: the newest versions that clients may have seen, kept beside the marks of the logs
// and best on another volume. A repository that stands behind it is an older copy, or has lost files:
// to publish from there would sign numbers again that are spent, which clients refuse as a rollback.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { utf8 } from '../core/bytes.ts';
import { CodedError } from '../core/errors.ts';
import type { View } from './repository.ts';

export const MARK_FILE = 'tuf.mark';

/** Every publication raises one of the two. */
const reached = z.strictObject({ root: z.int().min(1), timestamp: z.int().min(1) });
type Reached = z.output<typeof reached>;

function readMark(path: string): Reached | undefined {
  if (!existsSync(path)) return undefined;
  try {
    return reached.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    throw new CodedError('STATE_INCONSISTENT', `${path} is damaged`, { field: path, cause });
  }
}

/**
 * @param view what the repository shows; undefined before the first publication has ended
 * @throws CodedError STATE_INCONSISTENT naming both sides
 */
export function requireReached(markDirectory: string, view: View | undefined): void {
  const path = join(markDirectory, MARK_FILE);
  const mark = readMark(path);
  if (mark === undefined) return;
  for (const role of ['root', 'timestamp'] as const) {
    const found = view?.[role].version ?? 0;
    if (found >= mark[role]) continue;
    const message = `TUF repository: ${role} stands at version ${found}, but ${path} says that ${mark[role]} was published`;
    throw new CodedError('STATE_INCONSISTENT', message, { field: `${role}.json` });
  }
}

/**
 * What to write once `view` is published; undefined when the mark says so already. A crash before
 * the write leaves the mark behind the repository: the next publication or start raises it.
 */
export function raisedMark(
  markDirectory: string,
  view: View,
): { path: string; bytes: Uint8Array } | undefined {
  const path = join(markDirectory, MARK_FILE);
  const wanted: Reached = { root: view.root.version, timestamp: view.timestamp.version };
  const mark = readMark(path);
  if (mark?.root === wanted.root && mark.timestamp === wanted.timestamp) return undefined;
  return { path, bytes: utf8(`${JSON.stringify(wanted)}\n`) };
}
