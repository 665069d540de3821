// SPDX-License-Identifier: Apache-2.0
// What every HTTP edge shares: the error body, the size limit, the request id.
import type { Context } from 'hono';
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { getPath } from 'hono/utils/url';
import { CodedError, type ErrorCode } from '../core/errors.ts';

export type Env = { Variables: { requestId: string } };

/** gRPC-gateway error body (google.rpc.Status) with a stable reason in google.rpc.ErrorInfo. */
export function errorBody(error: CodedError): object {
  const metadata: Record<string, string> = { mend: error.row.mend };
  if (error.field !== undefined) metadata.field = error.field;
  return {
    code: error.row.grpc,
    message: error.message,
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
        reason: error.code,
        domain: 'sigstead',
        metadata,
      },
    ],
  };
}

/** Answers a CodedError from its row in the error table. Other errors are rethrown: app.onError logs them. */
export function errorResponse(c: Context, error: unknown): Response {
  if (!(error instanceof CodedError)) throw error;
  const { http } = error.row;
  if (http === 503) c.header('Retry-After', String(error.retryAfterSeconds ?? 1));
  return c.json(errorBody(error), http as ContentfulStatusCode);
}

/** Load is no fault: it is counted, and would fill the log of faults. */
const LOAD: ReadonlySet<ErrorCode> = new Set(['LOG_FULL', 'SERVER_BUSY']);

/**
 * A Hono app that answers every fault as an error body: unknown paths with 404, CodedErrors by
 * their row, anything else as 500 INTERNAL (the fault is ours; its text stays in the log).
 */
export function createApp(
  onFault: (error: unknown, requestId: string) => void = () => {},
): Hono<Env> {
  // Some clients join a base URL and a path to `//api`: one slash is meant.
  const app = new Hono<Env>({ getPath: (request) => getPath(request).replace(/^\/{2,}/, '/') });
  app.notFound((c) => errorResponse(c, new CodedError('NOT_FOUND', 'Not Found')));
  app.onError((error, c) => {
    if (error instanceof CodedError) {
      if (error.row.http >= 500 && !LOAD.has(error.code)) onFault(error, c.get('requestId'));
      return errorResponse(c, error);
    }
    onFault(error, c.get('requestId'));
    return errorResponse(c, new CodedError('INTERNAL', 'internal error'));
  });
  return app;
}

/** Bodies up to this length are read whole, which is much faster than piece by piece. */
const SMALL_BODY = 64 << 10;
/** What longer bodies may hold of the memory together, while they arrive. */
const HELD_BODIES = 128 << 20;
/** Octets of longer bodies that are arriving, in the whole process. Written by readPieces() alone. */
let held = 0;

/**
 * The request body, read no further than the limit.
 * @throws CodedError REQUEST_TOO_LARGE, SERVER_BUSY (too many at once), REQUEST_MALFORMED (the client went away: no fault of ours)
 */
export async function readBody(c: Context, limitBytes: number): Promise<Uint8Array> {
  try {
    return await readLimited(c, limitBytes);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const reason = `body: ended early: ${(error as Error).message}`;
    throw new CodedError('REQUEST_MALFORMED', reason, { field: 'body', cause: error });
  }
}

async function readLimited(c: Context, limitBytes: number): Promise<Uint8Array> {
  const judge = (length: number) => {
    if (length <= limitBytes) return;
    const reason = `the body is larger than ${limitBytes} bytes`;
    throw new CodedError('REQUEST_TOO_LARGE', reason, { field: 'body' });
  };
  const announced = c.req.header('content-length');
  if (announced === undefined) return readPieces(c, judge);
  judge(Number(announced));
  if (Number(announced) > SMALL_BODY) return readPieces(c, judge);
  // HTTP/1.1 ends the body there.
  const body = new Uint8Array(await c.req.raw.arrayBuffer());
  judge(body.length);
  return body;
}

/** Counts while it reads, so that slow clients cannot hold more than their share. */
async function readPieces(c: Context, judge: (length: number) => void): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of c.req.raw.body ?? []) {
      length += chunk.length;
      held += chunk.length;
      judge(length);
      if (held > HELD_BODIES) throw new CodedError('SERVER_BUSY', 'too many large bodies at once');
      chunks.push(chunk);
    }
  } finally {
    held -= length;
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}
