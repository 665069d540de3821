// SPDX-License-Identifier: Apache-2.0
// The CT log over HTTP: RFC 6962 §4 under /ctlog/ct/v1, static-ct-api under /ctlog.
//
//   POST add-chain, add-pre-chain
//   GET  get-sth, get-sth-consistency, get-proof-by-hash, get-entries, get-entry-and-proof, get-roots
//   GET  /ctlog/checkpoint, /ctlog/tile/<L>/<N>[.p/<W>], /ctlog/tile/data/<N>[.p/<W>], /ctlog/issuer/<sha256>
import type { Context, Hono } from 'hono';
import { base64, fromBase64 } from '../core/bytes.ts';
import { CodedError, coded, ParseError } from '../core/errors.ts';
import type { Sct } from '../core/sct.ts';
import { parseTilePath } from '../core/tile.ts';
import { createApp, type Env, readBody } from '../runtime/http.ts';
import type { Logger } from '../runtime/telemetry.ts';
import { digitallySigned } from './head.ts';
import type { CtEntry } from './leaf.ts';
import {
  consistency,
  entries,
  entryAndProof,
  proofByHash,
  type Reader,
  signedTreeHead,
} from './read.ts';

export const BODY_LIMIT = 128 << 10;
const API = '/ctlog/ct/v1';
const TILE_PREFIX = '/ctlog/tile/';
/** static-ct-api: levels 0 to 5. */
const MAX_LEVEL = 5;
const IMMUTABLE = 'public, max-age=604800, immutable';

export interface AppOptions extends Reader {
  readonly logger: Logger;
  /** DER of the roots that get-roots lists, as they are now. */
  roots(): readonly Uint8Array[];
  readonly submit: (wanted: CtEntry['type'], body: Uint8Array) => Promise<Sct>;
}

/** One query parameter, given once. */
function parameter(c: Context, name: string): string {
  const [value, second] = c.req.queries(name) ?? [];
  if (value === undefined || second !== undefined) {
    const what = value === undefined ? 'missing' : 'given twice';
    throw new CodedError('REQUEST_MALFORMED', `${name}: ${what}`, { field: name });
  }
  return value;
}

/** A decimal number without sign or leading zeros, below 2^53. */
function number(c: Context, name: string): number {
  const text = parameter(c, name);
  const value = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new CodedError('REQUEST_MALFORMED', `${name}: not a number`, { field: name });
}

function hash(c: Context): Uint8Array {
  const text = parameter(c, 'hash');
  return coded('REQUEST_MALFORMED', 'hash', () => fromBase64(text));
}

function sctJson(sct: Sct): object {
  return {
    sct_version: 0,
    id: base64(sct.logId),
    timestamp: sct.timestampMs,
    extensions: base64(sct.extensions),
    signature: base64(digitallySigned(sct.signature)),
  };
}

type Read = (reader: Reader, c: Context) => object;

const READS: ReadonlyArray<readonly [string, Read]> = [
  ['get-sth', signedTreeHead],
  ['get-sth-consistency', (r, c) => consistency(r, number(c, 'first'), number(c, 'second'))],
  ['get-proof-by-hash', (r, c) => proofByHash(r, hash(c), number(c, 'tree_size'))],
  ['get-entries', (r, c) => entries(r, number(c, 'start'), number(c, 'end'))],
  [
    'get-entry-and-proof',
    (r, c) => entryAndProof(r, number(c, 'leaf_index'), number(c, 'tree_size')),
  ],
];

function rfc6962Routes(app: Hono<Env>, options: AppOptions): string[] {
  for (const [name, type] of [
    ['add-chain', 'x509'],
    ['add-pre-chain', 'precert'],
  ] as const) {
    app.post(`${API}/${name}`, async (c) =>
      c.json(sctJson(await options.submit(type, await readBody(c, BODY_LIMIT)))),
    );
  }
  const reads: typeof READS = [
    ...READS,
    ['get-roots', () => ({ certificates: options.roots().map(base64) })],
  ];
  for (const [name, read] of reads) {
    app.get(`${API}/${name}`, (c) => {
      c.header('Access-Control-Allow-Origin', '*');
      c.header('Cache-Control', 'no-store');
      return c.json(read(options, c));
    });
  }
  return ['add-chain', 'add-pre-chain', ...reads.map(([name]) => name)].map((n) => `${API}/${n}`);
}

function tileAt({ log }: Reader, path: string): Uint8Array {
  try {
    const tile = parseTilePath(path, 'data');
    let found: Uint8Array | undefined;
    if (tile.kind === 'entries') found = log.entryBundle(tile.n, tile.width);
    else if (tile.level <= MAX_LEVEL) found = log.tile(tile.level, tile.n, tile.width);
    if (found !== undefined) return found;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
  }
  throw new CodedError('NOT_FOUND', 'no such tile in the published tree');
}

/** What an immutable or changing resource is served with. */
function serve(c: Context, type: string, caching: string, body: Uint8Array): Response {
  c.header('Access-Control-Allow-Origin', '*');
  c.header('Content-Type', type);
  c.header('Cache-Control', caching);
  return c.body(new Uint8Array(body));
}

function staticRoutes(app: Hono<Env>, options: AppOptions): string[] {
  const { log, issuers } = options;
  app.get('/ctlog/checkpoint', (c) =>
    serve(c, 'text/plain; charset=utf-8', 'no-store', log.head().checkpoint),
  );
  app.get(`${TILE_PREFIX}*`, (c) => {
    const path = c.req.path.slice(c.req.path.indexOf(TILE_PREFIX) + TILE_PREFIX.length);
    return serve(c, 'application/octet-stream', IMMUTABLE, tileAt(options, path));
  });
  app.get('/ctlog/issuer/:fingerprint', (c) => {
    const der = issuers.find(c.req.param('fingerprint'));
    if (der === undefined) throw new CodedError('NOT_FOUND', 'no such issuer');
    return serve(c, 'application/pkix-cert', IMMUTABLE, der);
  });
  return ['/ctlog/checkpoint', `${TILE_PREFIX}*`, '/ctlog/issuer/:fingerprint'];
}

export function ctlogRoutes(options: AppOptions): Hono<Env> {
  const { logger } = options;
  const app = createApp((error, requestId) => logger.error('ctlog fault', { error, requestId }));
  for (const path of [...rfc6962Routes(app, options), ...staticRoutes(app, options)]) {
    app.all(path, () => {
      throw new CodedError('METHOD_NOT_ALLOWED', 'Method Not Allowed');
    });
  }
  return app;
}
