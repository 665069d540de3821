// SPDX-License-Identifier: Apache-2.0
// Rekor v2 over HTTP.
//
//   POST /api/v2/log/entries                 one entry in; 201 once it stands in a durable checkpoint
//   GET  /api/v2/checkpoint                  signed note
//   GET  /api/v2/tile/<L>/<N>[.p/<W>]        hashes (C2SP tlog-tiles)
//   GET  /api/v2/tile/entries/<N>[.p/<W>]    entry bundles
import type { Context, Hono } from 'hono';
import { CodedError, ERRORS, ParseError } from '../core/errors.ts';
import { parseTilePath, TILE_WIDTH, type TileId } from '../core/tile.ts';
import type { Log } from '../log/log.ts';
import { createApp, type Env, readBody } from '../runtime/http.ts';
import type { Logger } from '../runtime/telemetry.ts';

export const BODY_LIMIT = 4 << 20;
const TILE_PREFIX = '/api/v2/tile/';
const IMMUTABLE = 'public, max-age=604800, immutable';

const ENTRIES_PATH = '/api/v2/log/entries';
const CHECKPOINT_PATH = '/api/v2/checkpoint';
/** What each resource takes. */
const METHODS = [
  [ENTRIES_PATH, 'POST'],
  [CHECKPOINT_PATH, 'GET, HEAD'],
  [`${TILE_PREFIX}*`, 'GET, HEAD'],
] as const;

export interface AppOptions {
  readonly log: Log;
  readonly logger: Logger;
  /** A frozen log keeps serving what it holds. */
  readonly frozen: boolean;
  /** The entry of a request body, as JSON of its TransparencyLogEntry. @throws CodedError */
  readonly write: (body: Uint8Array) => Promise<string>;
}

interface Found {
  readonly bytes: Uint8Array;
  /** Content coding, where there is a choice. */
  readonly coding?: 'gzip' | 'identity';
}

/** SPEC RFC 9110 §12.5.3: without the field any coding will do; with it, only what it names. */
export function takesGzip(accepted: string | undefined): boolean {
  if (accepted === undefined) return true;
  const weights = new Map(
    accepted.split(',').map((item): [string, number] => {
      const [coding = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
      return [coding === 'x-gzip' ? 'gzip' : coding, Number(weight)];
    }),
  );
  return (weights.get('gzip') ?? weights.get('*') ?? 0) > 0;
}

function lookUp(log: Log, tile: TileId, accepted: string | undefined): Found | undefined {
  if (tile.kind === 'hash') return found(log.tile(tile.level, tile.n, tile.width));
  const { n, width } = tile;
  if (width < TILE_WIDTH) return found(log.entryBundle(n, width));
  // SPEC C2SP tlog-tiles: a log may serve bundles compressed without being asked.
  const gzip = takesGzip(accepted) ? log.gzipBundle(n) : undefined;
  return gzip === undefined ? found(log.entryBundle(n, width), 'identity') : found(gzip, 'gzip');
}

function found(bytes: Uint8Array | undefined, coding?: Found['coding']): Found | undefined {
  if (bytes === undefined) return undefined;
  return coding === undefined ? { bytes } : { bytes, coding };
}

function tileAt(log: Log, path: string, accepted: string | undefined): Found {
  try {
    const tile = lookUp(log, parseTilePath(path, 'entries'), accepted);
    if (tile !== undefined) return tile;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
  }
  throw new CodedError('NOT_FOUND', 'no such tile in the published tree');
}

function readRoutes(app: Hono<Env>, log: Log): void {
  /** For every answer, refusals too: anybody may read, a page from another origin too, and what is not there yet will be. */
  const prepare = (c: Context) => {
    c.header('Access-Control-Allow-Origin', '*');
    c.header('Cache-Control', 'no-store');
  };
  app.get(CHECKPOINT_PATH, (c) => {
    prepare(c);
    c.header('Content-Type', 'text/plain; charset=utf-8');
    return c.body(new Uint8Array(log.head().checkpoint));
  });
  app.get(`${TILE_PREFIX}*`, (c) => {
    prepare(c);
    const path = c.req.path.slice(c.req.path.indexOf(TILE_PREFIX) + TILE_PREFIX.length);
    const { bytes, coding } = tileAt(log, path, c.req.header('accept-encoding'));
    c.header('Content-Type', 'application/octet-stream');
    c.header('Cache-Control', IMMUTABLE);
    if (coding !== undefined) c.header('Vary', 'Accept-Encoding');
    if (coding === 'gzip') c.header('Content-Encoding', coding);
    return c.body(new Uint8Array(bytes));
  });
}

export function tlogRoutes({ log, logger, frozen, write }: AppOptions): Hono<Env> {
  const app = createApp((error, requestId) => logger.error('tlog fault', { error, requestId }));
  app.post(ENTRIES_PATH, async (c) => {
    if (frozen) {
      // SPEC RFC 9110 §10.2.1: an empty field says that the resource takes no method for now.
      c.header('Allow', '');
      // Upstream's freeze answers in plain words, which operators look for.
      return c.text(ERRORS.LOG_FROZEN.mend, 405);
    }
    const body = await readBody(c, BODY_LIMIT);
    const answer = await write(body);
    c.header('Content-Type', 'application/json');
    return c.body(answer, 201);
  });
  readRoutes(app, log);
  for (const [path, allowed] of METHODS) {
    app.all(path, (c) => {
      // SPEC RFC 9110 §15.5.6: a 405 names the methods that the resource has.
      c.header('Allow', frozen && path === ENTRIES_PATH ? '' : allowed);
      throw new CodedError('METHOD_NOT_ALLOWED', 'Method Not Allowed');
    });
  }
  return app;
}
