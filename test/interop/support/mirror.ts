// SPDX-License-Identifier: Apache-2.0
// A copy of a log as files: the checkpoint, every tile of its tree, every bundle.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Hono } from 'hono';
import { TILE_WIDTH, type TileId, tilePath } from '../../../services/core/tile.ts';
import type { Env } from '../../../services/runtime/http.ts';

/** Full ones and the partial one at the end. */
function row(count: number, tile: (n: number, width: number) => TileId): TileId[] {
  const full = Math.floor(count / TILE_WIDTH);
  const tiles = Array.from({ length: full }, (_, n) => tile(n, TILE_WIDTH));
  return count % TILE_WIDTH === 0 ? tiles : [...tiles, tile(full, count % TILE_WIDTH)];
}

export function tilesOf(size: number): TileId[] {
  const tiles = row(size, (n, width) => ({ kind: 'entries', n, width }));
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    tiles.push(...row(count, (n, width) => ({ kind: 'hash', level, n, width })));
  }
  return tiles;
}

export interface Mirrored {
  readonly routes: Hono<Env>;
  /** In front of `checkpoint` and `tile/`. */
  readonly prefix: string;
  readonly bundles: 'entries' | 'data';
  readonly size: number;
  /** Other files, by path. */
  readonly more?: readonly string[];
}

/** Writes below `directory` what the log serves; returns the paths. @throws Error for what is not there */
export async function mirror(log: Mirrored, directory: string): Promise<string[]> {
  const tiles = tilesOf(log.size).map((id) => `tile/${tilePath(id, log.bundles)}`);
  const paths = ['checkpoint', ...tiles, ...(log.more ?? [])];
  for (const path of paths) {
    const answer = await log.routes.request(`${log.prefix}${path}`, {
      headers: { 'accept-encoding': 'identity' },
    });
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, new Uint8Array(await answer.arrayBuffer()));
  }
  return paths;
}
