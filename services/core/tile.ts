// SPDX-License-Identifier: Apache-2.0
// Paths of tlog-tiles (C2SP tlog-tiles, static-ct-api): /tile/<L>/<N>[.p/<W>], /tile/entries/<N>[.p/<W>].
import { ByteReader, concat, uint } from './bytes.ts';
import { ParseError } from './errors.ts';

/** Hashes of a full tile, entries of a full bundle. */
export const TILE_WIDTH = 256;
/** Levels of the tree inside one tile. */
export const TILE_HEIGHT = 8;
const MAX_LEVEL = 63;

export interface TileId {
  /** Number of the level, or the name of the bundle kind (`entries`, `data`). */
  readonly level: number | 'entries' | 'data';
  readonly index: number;
  /** 1–255 of a partial tile, 256 of a full one. */
  readonly width: number;
}

const LEVEL = /^(0|[1-9]\d?)$/;
const WIDTH = /^[1-9]\d{0,2}$/;
const INDEX = /^(x\d{3}\/){0,5}\d{3}$/;

function parseLevel(text: string): TileId['level'] {
  if (text === 'entries' || text === 'data') return text;
  if (!LEVEL.test(text) || Number(text) > MAX_LEVEL)
    throw new ParseError(`tile level ${text.slice(0, 16)}`);
  return Number(text);
}

/** @param path what stands after `tile/`, e.g. `0/x001/x234/067.p/8`. @throws ParseError */
export function parseTilePath(path: string): TileId {
  const slash = path.indexOf('/');
  const level = parseLevel(path.slice(0, Math.max(slash, 0)));
  const [indexText, widthText, ...rest] = path.slice(slash + 1).split('.p/');
  if (indexText === undefined || rest.length > 0 || !INDEX.test(indexText)) {
    throw new ParseError('tile index: groups of three digits, all but the last after x');
  }
  const index = Number(indexText.replaceAll(/[x/]/g, ''));
  // One spelling for one tile: no leading group of zeros.
  if (indexText.startsWith('x000')) throw new ParseError('tile index has a leading group of zeros');
  if (!Number.isSafeInteger(index)) throw new ParseError('tile index is too large');
  if (widthText === undefined) return { level, index, width: TILE_WIDTH };
  const width = Number(widthText);
  if (!WIDTH.test(widthText) || width >= TILE_WIDTH)
    throw new ParseError('tile width is not 1 to 255');
  return { level, index, width };
}

export function tilePath(id: TileId): string {
  let text = String(id.index % 1000).padStart(3, '0');
  for (let rest = Math.floor(id.index / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    text = `x${String(rest % 1000).padStart(3, '0')}/${text}`;
  }
  return `${id.level}/${text}${id.width === TILE_WIDTH ? '' : `.p/${id.width}`}`;
}

/** An entry bundle: u16 length before each entry. */
export function frameEntry(entry: Uint8Array): Uint8Array {
  return concat(uint(entry.length, 2), entry);
}

/** @throws ParseError unless the bundle holds exactly `count` entries */
export function parseBundleEntries(bundle: Uint8Array, count: number): Uint8Array[] {
  const reader = new ByteReader(bundle);
  const entries = Array.from({ length: count }, () => reader.vector(2));
  reader.end('the entry bundle');
  return entries;
}
