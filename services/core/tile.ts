// SPDX-License-Identifier: Apache-2.0
// Paths of tlog-tiles (C2SP tlog-tiles, static-ct-api): /tile/<L>/<N>[.p/<W>], /tile/entries/<N>[.p/<W>].
import { ByteReader, concat, uint } from './bytes.ts';
import { ParseError } from './errors.ts';

/** Hashes of a full tile, entries of a full bundle. */
export const TILE_WIDTH = 256;
/** Levels of the tree inside one tile. */
export const TILE_HEIGHT = 8;
const MAX_LEVEL = 63;

/** A tile of hashes, or a bundle of entries (`entries` in tlog-tiles, `data` in static CT). */
export type TileId =
  | { readonly kind: 'hash'; readonly level: number; readonly n: number; readonly width: number }
  | { readonly kind: 'entries'; readonly n: number; readonly width: number };

const LEVEL = /^(0|[1-9]\d?)$/;
const WIDTH = /^[1-9]\d{0,2}$/;
const INDEX = /^(x\d{3}\/){0,5}\d{3}$/;

function parseIndex(text: string): number {
  if (!INDEX.test(text)) {
    throw new ParseError('tile index: groups of three digits, all but the last after x');
  }
  // One spelling for one tile.
  if (text.startsWith('x000')) throw new ParseError('tile index has a leading group of zeros');
  const index = Number(text.replaceAll(/[x/]/g, ''));
  if (!Number.isSafeInteger(index)) throw new ParseError('tile index is too large');
  return index;
}

/**
 * @param path what stands after `tile/`, e.g. `0/x001/x234/067.p/8`
 * @param bundles name of the bundles in this API
 * @throws ParseError
 */
export function parseTilePath(path: string, bundles: 'entries' | 'data'): TileId {
  const slash = Math.max(path.indexOf('/'), 0);
  const first = path.slice(0, slash);
  const [indexText, widthText, ...rest] = path.slice(slash + 1).split('.p/');
  if (indexText === undefined || rest.length > 0) throw new ParseError('tile path is malformed');
  const n = parseIndex(indexText);
  if (widthText !== undefined && !WIDTH.test(widthText))
    throw new ParseError('tile width is malformed');
  const width = widthText === undefined ? TILE_WIDTH : Number(widthText);
  if (widthText !== undefined && width >= TILE_WIDTH)
    throw new ParseError('tile width is not 1 to 255');
  if (first === bundles) return { kind: 'entries', n, width };
  if (!LEVEL.test(first) || Number(first) > MAX_LEVEL)
    throw new ParseError('tile level is not 0 to 63');
  return { kind: 'hash', level: Number(first), n, width };
}

export function tilePath(id: TileId, bundles: 'entries' | 'data'): string {
  let text = String(id.n % 1000).padStart(3, '0');
  for (let rest = Math.floor(id.n / 1000); rest > 0; rest = Math.floor(rest / 1000)) {
    text = `x${String(rest % 1000).padStart(3, '0')}/${text}`;
  }
  const first = id.kind === 'hash' ? String(id.level) : bundles;
  return `${first}/${text}${id.width === TILE_WIDTH ? '' : `.p/${id.width}`}`;
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
