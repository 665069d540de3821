// SPDX-License-Identifier: Apache-2.0
// Rekor v2 over HTTP.
//
//   POST /api/v2/log/entries                 one entry in; 201 once it stands in a durable checkpoint
//   GET  /api/v2/checkpoint                  signed note
//   GET  /api/v2/tile/<L>/<N>[.p/<W>]        hashes (C2SP tlog-tiles)
//   GET  /api/v2/tile/entries/<N>[.p/<W>]    entry bundles
import type { Context, Hono } from 'hono';
import { CodedError, ERRORS, ParseError } from '../core/errors.ts';
import { parseTilePath } from '../core/tile.ts';
import type { Log } from '../log/log.ts';
import { createApp, type Env, readBody } from '../runtime/http.ts';
import type { Logger } from '../runtime/telemetry.ts';

export const BODY_LIMIT = 4 << 20;
const TILE_PREFIX = '/api/v2/tile/';
const IMMUTABLE = 'public, max-age=604800, immutable';

const METHODS = [
  ['/api/v2/log/entries', 'POST'],
  ['/api/v2/checkpoint', 'GET, HEAD'],
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

function tileAt(log: Log, path: string): Uint8Array {
  try {
    const tile = parseTilePath(path, 'entries');
    const found =
      tile.kind === 'entries'
        ? log.entryBundle(tile.n, tile.width)
        : log.tile(tile.level, tile.n, tile.width);
    if (found !== undefined) return found;
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
  app.get('/api/v2/checkpoint', (c) => {
    prepare(c);
    c.header('Content-Type', 'text/plain; charset=utf-8');
    return c.body(new Uint8Array(log.head().checkpoint));
  });
  app.get(`${TILE_PREFIX}*`, (c) => {
    prepare(c);
    const tile = tileAt(
      log,
      c.req.path.slice(c.req.path.indexOf(TILE_PREFIX) + TILE_PREFIX.length),
    );
    c.header('Content-Type', 'application/octet-stream');
    c.header('Cache-Control', IMMUTABLE);
    return c.body(new Uint8Array(tile));
  });
}

export function tlogRoutes({ log, logger, frozen, write }: AppOptions): Hono<Env> {
  const app = createApp((error, requestId) => logger.error('tlog fault', { error, requestId }));
  app.post('/api/v2/log/entries', async (c) => {
    // Upstream's freeze answers in plain words, which operators look for.
    if (frozen) return c.text(ERRORS.LOG_FROZEN.mend, 405);
    const body = await readBody(c, BODY_LIMIT);
    const answer = await write(body);
    c.header('Content-Type', 'application/json');
    return c.body(answer, 201);
  });
  readRoutes(app, log);
  for (const [path, allowed] of METHODS) {
    app.all(path, (c) => {
      // SPEC RFC 9110 §15.5.6: a 405 names the methods that the resource has.
      c.header('Allow', allowed);
      throw new CodedError('METHOD_NOT_ALLOWED', 'Method Not Allowed');
    });
  }
  return app;
}
