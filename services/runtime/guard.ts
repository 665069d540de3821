// SPDX-License-Identifier: Apache-2.0
// What a server bears of clients that are slow, silent, greedy, or no HTTP clients at all.
//
//   connections beyond the limit             closed at once
//   no HTTP                                  400
//   request line and headers too long        431 (16 KiB, the default of Node)
//   headers or body too slow                 408
//   more requests at once than one may ask   closed
//   answer that nobody reads                 closed
//   Expect: 100-continue                     100, but for a body that no route takes
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { CodedError, type ErrorCode } from '../core/errors.ts';
import { errorBody } from './http.ts';
import type { Metrics } from './telemetry.ts';

export interface Limits {
  /** For each address that is listened on. */
  readonly connections: number;
  /** Requests of one connection whose answers are not out. */
  readonly pipelined: number;
  /** From the first octet of a request to the end of its headers. */
  readonly headersMs: number;
  /** To the end of its body. */
  readonly requestMs: number;
  /** No octet either way while a request or an answer is under way; longer than any wait of ours. */
  readonly idleMs: number;
  /** How often slow requests are looked for. */
  readonly checkMs: number;
  /** Largest body of any route. */
  readonly bodyBytes: number;
}

export const LIMITS: Limits = {
  connections: 1024,
  pipelined: 16,
  headersMs: 15_000,
  requestMs: 60_000,
  idleMs: 60_000,
  checkMs: 5_000,
  bodyBytes: 4 << 20,
};

/** Longer than the wait of a proxy in front, so that it never sends into a closing connection. */
const KEEP_ALIVE_MS = 65_000;

/** What Node calls the faults of a request that never became one. */
const FAULTS: Readonly<Record<string, readonly [code: ErrorCode, reason: string]>> = {
  HPE_HEADER_OVERFLOW: ['REQUEST_HEADERS_TOO_LARGE', 'request line and headers exceed 16 KiB'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['REQUEST_TOO_LARGE', 'chunk extensions exceed 16 KiB'],
  ERR_HTTP_REQUEST_TIMEOUT: ['REQUEST_TIMEOUT', 'the request did not end in time'],
};
const MALFORMED = ['REQUEST_MALFORMED', 'not an HTTP/1.1 request'] as const;

/** An answer outside of any request: the connection is of no more use. */
function rawAnswer(error: CodedError): string {
  const { http } = error.row;
  const body = JSON.stringify(errorBody(error));
  const head = [
    `HTTP/1.1 ${http} ${STATUS_CODES[http]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

/** SPEC RFC 9112 §3.2: more than one Host is 400. Node keeps the first and drops the others. */
function hasTwoHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? '';
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1;
}

type Handler = (req: IncomingMessage, res: ServerResponse) => void;

/** A server that hands `handle` what is worth an answer. */
export function guardedServer(handle: Handler, metrics: Metrics, limits: Limits): Server {
  const refused = metrics.counter(
    'http_refused_total',
    'Connections and requests refused before a service saw them.',
  );
  /** Answers that are not out, by connection. Written by accept() and, once one is out, its listener. */
  const open = new WeakMap<Duplex, Set<ServerResponse>>();

  const accept: Handler = (req, res) => {
    const { socket } = req;
    // What else came in one piece with the request that was too many.
    if (socket.destroyed) return;
    const answers = open.get(socket) ?? new Set();
    open.set(socket, answers.add(res));
    if (answers.size > limits.pipelined) {
      refused.inc({ reason: 'pipelining' });
      socket.destroy();
      return;
    }
    res.once('close', () => answers.delete(res));
    if (!hasTwoHosts(req)) {
      handle(req, res);
      return;
    }
    refused.inc({ reason: 'host' });
    const error = new CodedError('REQUEST_MALFORMED', 'Host: given twice', { field: 'Host' });
    res.writeHead(400, { 'Content-Type': 'application/json', Connection: 'close' });
    res.end(JSON.stringify(errorBody(error)));
  };

  const server = createServer({
    requestTimeout: limits.requestMs,
    headersTimeout: limits.headersMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: limits.checkMs,
  });
  server.maxConnections = limits.connections;
  server.timeout = limits.idleMs;
  server.on('request', accept);
  server.on('checkContinue', (req: IncomingMessage, res: ServerResponse) => {
    // Who is refused anyway need not send the body.
    if (!(Number(req.headers['content-length']) > limits.bodyBytes)) res.writeContinue();
    accept(req, res);
  });
  server.on('drop', () => refused.inc({ reason: 'connections' }));
  server.on('clientError', (fault: NodeJS.ErrnoException, socket: Duplex) => {
    const [code, reason] = FAULTS[fault.code ?? ''] ?? MALFORMED;
    const begun = [...(open.get(socket) ?? [])].some(({ headersSent }) => headersSent);
    // Whoever is gone, or is being answered, gets no second answer.
    if (fault.code === 'ECONNRESET' || !socket.writable || begun) {
      socket.destroy();
      return;
    }
    refused.inc({ reason: code });
    socket.end(rawAnswer(new CodedError(code, reason)), () => socket.destroy());
  });
  return server;
}
