// SPDX-License-Identifier: Apache-2.0
// GET /tuf/<path>, GET /trust/<name>: files from memory, byte for byte.
import type { Context, Hono } from 'hono';
import { CodedError } from '../core/errors.ts';
import { createApp, type Env, errorResponse } from '../runtime/http.ts';

export interface TrustFilesNow {
  /** Path under /tuf/ → bytes. */
  repository(): ReadonlyMap<string, Uint8Array>;
  /** Name under /trust/ → bytes. */
  trust(): ReadonlyMap<string, Uint8Array>;
}

// SPEC of TUF clients: the hash is over the octets stored, so nobody on the way may recode them.
const CHANGING = 'no-cache, no-transform';
const NUMBERED = 'public, max-age=31536000, immutable, no-transform';
const HEAD_FILES = new Set(['root.json', 'timestamp.json']);

const TYPES: ReadonlyArray<readonly [suffix: string, type: string]> = [
  ['.json', 'application/json'],
  ['.pem', 'application/x-pem-file'],
  ['.pub', 'application/x-pem-file'],
];

function typeOf(path: string): string {
  return TYPES.find(([suffix]) => path.endsWith(suffix))?.[1] ?? 'text/plain; charset=utf-8';
}

function answer(
  c: Context,
  path: string,
  bytes: Uint8Array | undefined,
  caching: string,
): Response {
  if (bytes === undefined) {
    // A client asks for the next root until it is missing: exactly 404, kept by no cache.
    c.header('Cache-Control', 'no-store');
    return errorResponse(c, new CodedError('NOT_FOUND', 'Not Found'));
  }
  c.header('Content-Type', typeOf(path));
  c.header('Cache-Control', caching);
  c.header('X-Content-Type-Options', 'nosniff');
  return c.body(new Uint8Array(bytes));
}

export function trustRoutes(files: TrustFilesNow): Hono<Env> {
  const app = createApp();
  const serve = (
    prefix: string,
    read: () => ReadonlyMap<string, Uint8Array>,
    caching: (path: string) => string,
  ) => {
    app.get(`${prefix}*`, (c) => {
      const path = c.req.path.slice(prefix.length);
      return answer(c, path, read().get(path), caching(path));
    });
    app.all(`${prefix}*`, (c) => {
      c.header('Allow', 'GET, HEAD');
      return errorResponse(c, new CodedError('METHOD_NOT_ALLOWED', 'trust files are read only'));
    });
  };
  serve('/tuf/', files.repository, (path) => (HEAD_FILES.has(path) ? CHANGING : NUMBERED));
  serve('/trust/', files.trust, () => CHANGING);
  return app;
}
