// SPDX-License-Identifier: Apache-2.0
// The timestamp authority over HTTP (docs/tsa.md).
//
//   POST /api/v1/timestamp             DER or JSON in, TimeStampResp out
//   GET  /api/v1/timestamp/certchain   PEM, leaf to root
//   GET  /ping
import type { Context, Hono } from 'hono';
import { CodedError } from '../core/errors.ts';
import { createApp, type Env, readBody } from '../runtime/http.ts';
import type { Logger } from '../runtime/telemetry.ts';
import { accepts, mediaType } from './media.ts';
import { BODY_LIMIT, READERS, type StampRequest } from './request.ts';

const STAMP_PATH = '/api/v1/timestamp';
const CHAIN_PATH = '/api/v1/timestamp/certchain';
const PING_PATH = '/ping';
const REPLY_TYPE = 'application/timestamp-reply';
const CHAIN_TYPE = 'application/pem-certificate-chain';
/** A rotated chain must reach its readers soon. */
const CHAIN_CACHE = 'public, max-age=300';

export interface AppOptions {
  readonly logger: Logger;
  /** PEM, leaf to root. */
  readonly chainPem: string;
  /** @throws CodedError */
  readonly stamp: (request: StampRequest) => Promise<Uint8Array>;
  /** Told of every refusal, before it leaves. */
  readonly refused: (error: unknown) => void;
}

function requireAccepted(c: Context, type: string): void {
  if (accepts(c.req.header('accept'), type)) return;
  throw new CodedError('NOT_ACCEPTABLE', `the reply is ${type}`, { field: 'Accept' });
}

/** @throws CodedError TSA_REQUEST_TOO_LARGE */
async function readLimited(c: Context): Promise<Uint8Array> {
  try {
    return await readBody(c, BODY_LIMIT);
  } catch (error) {
    if (!(error instanceof CodedError) || error.code !== 'REQUEST_TOO_LARGE') throw error;
    throw new CodedError('TSA_REQUEST_TOO_LARGE', error.message, { field: 'body', cause: error });
  }
}

/** @throws CodedError TSA_CONTENT_TYPE, UNSUPPORTED_MEDIA_TYPE */
function readerFor(contentType: string | undefined): (body: Uint8Array) => StampRequest {
  const type = contentType === undefined ? 'application/octet-stream' : mediaType(contentType);
  if (type === undefined) {
    const message = 'Content-Type is not a media type';
    throw new CodedError('TSA_CONTENT_TYPE', message, { field: 'Content-Type' });
  }
  const reader = READERS.get(type);
  if (reader !== undefined) return reader;
  const message = `unsupported media type ${type.slice(0, 64)}, only ${[...READERS.keys()].join(', ')}`;
  throw new CodedError('UNSUPPORTED_MEDIA_TYPE', message, { field: 'Content-Type' });
}

/** Type before reply type before body: the order in which the reference implementation refuses. */
async function readRequest(c: Context): Promise<StampRequest> {
  const body = await readLimited(c);
  const reader = body.length === 0 ? undefined : readerFor(c.req.header('content-type'));
  requireAccepted(c, REPLY_TYPE);
  if (reader === undefined) {
    throw new CodedError('TSA_BODY_EMPTY', 'request in body is required', { field: 'body' });
  }
  return reader(body);
}

function onlyMethods(app: Hono<Env>, path: string, allowed: string): void {
  app.all(path, (c) => {
    c.header('Allow', allowed);
    throw new CodedError('METHOD_NOT_ALLOWED', `method ${c.req.method} is not allowed`);
  });
}

export function tsaRoutes({ logger, chainPem, stamp, refused }: AppOptions): Hono<Env> {
  const app = createApp((error, requestId) => logger.error('tsa fault', { error, requestId }));
  app.post(STAMP_PATH, async (c) => {
    try {
      const reply = await stamp(await readRequest(c));
      c.header('Content-Type', REPLY_TYPE);
      c.header('Cache-Control', 'no-store');
      return c.body(reply as Uint8Array<ArrayBuffer>);
    } catch (error) {
      refused(error);
      throw error;
    }
  });
  app.get(CHAIN_PATH, (c) => {
    requireAccepted(c, CHAIN_TYPE);
    c.header('Content-Type', CHAIN_TYPE);
    c.header('Cache-Control', CHAIN_CACHE);
    return c.body(chainPem);
  });
  app.get(PING_PATH, (c) => c.text('pong'));
  onlyMethods(app, STAMP_PATH, 'POST');
  onlyMethods(app, CHAIN_PATH, 'GET, HEAD');
  onlyMethods(app, PING_PATH, 'GET, HEAD');
  return app;
}
