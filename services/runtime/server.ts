// SPDX-License-Identifier: Apache-2.0
// Sockets: listens on every address at one port, names each request, counts and logs its end, drains.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { CodedError } from '../core/errors.ts';
import { guardedServer, LIMITS, type Limits } from './guard.ts';
import { errorBody } from './http.ts';
import type { Logger, Metrics } from './telemetry.ts';

export const REQUEST_ID_HEADER = 'x-request-id';
const MAX_LOGGED_PATH = 512;
const REQUEST_ID = /^[\w.-]{1,64}$/;

export interface ServerOptions {
  /** Every address of the list that this machine has. */
  readonly hosts: readonly string[];
  /** 0 = any free port, the same on every address. */
  readonly port: number;
  readonly fetch: (request: Request, env?: unknown) => Response | Promise<Response>;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly limits?: Partial<Limits>;
}

export interface RunningServer {
  readonly port: number;
  readonly addresses: readonly string[];
  /** Refuses new requests, lets accepted ones end (up to `graceMs`), then cuts what is left. */
  close(graceMs: number): Promise<void>;
}

/** The first path segments name the route; indexes and digests stay out of metrics. */
function routeOf(url: string): string {
  const path = url.split('?', 1)[0] ?? '/';
  return (
    path
      .split('/')
      .slice(0, 5)
      .filter((part) => !/\d{3,}|[0-9a-f]{16}/.test(part))
      .join('/') || '/'
  );
}

function observe(options: ServerOptions): (req: IncomingMessage, res: ServerResponse) => void {
  const seconds = options.metrics.histogram(
    'http_request_duration_seconds',
    'Time from request to answer',
  );
  /** Routes that have answered: other paths share one label, or a scanner would fill the memory. */
  const known = new Set<string>();
  return (req, res) => {
    const given = req.headers[REQUEST_ID_HEADER];
    const requestId = typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
    req.headers[REQUEST_ID_HEADER] = requestId;
    res.setHeader(REQUEST_ID_HEADER, requestId);
    const start = performance.now();
    // After the answer is out: nothing here stands between a request and its bytes.
    res.once('finish', () => {
      const millis = performance.now() - start;
      const code = String(res.statusCode);
      const method = req.method ?? '';
      const path = (req.url ?? '/').slice(0, MAX_LOGGED_PATH);
      const asked = routeOf(path);
      if (res.statusCode < 400) known.add(asked);
      const route = known.has(asked) ? asked : 'unknown';
      seconds.observe(millis / 1000, { code, method, route });
      const fields = {
        requestId,
        method,
        path,
        status: res.statusCode,
        millis: Math.round(millis * 100) / 100,
      };
      if (res.statusCode === 503) options.logger.warn('request', fields);
      else if (res.statusCode >= 500) options.logger.error('request', fields);
      else options.logger.info('request', fields);
    });
  };
}

/** Requests whose target or Host makes no URL never reach a route. */
function refuse(error: unknown): Response {
  if (!(error instanceof RequestError)) throw error;
  const refusal = new CodedError('REQUEST_MALFORMED', error.message, {
    field: 'URL',
    cause: error,
  });
  return Response.json(errorBody(refusal), { status: refusal.row.http });
}

function makeServer(options: ServerOptions): Server {
  const watch = observe(options);
  // The adapter's own Response, which it installs, goes out without a detour through web streams.
  const answer = getRequestListener(options.fetch as never, { errorHandler: refuse });
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    watch(req, res);
    void answer(req, res);
  };
  return guardedServer(handle, options.metrics, { ...LIMITS, ...options.limits });
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** @throws CodedError CONFIG_INVALID when no address can be had, or the port is taken */
export async function startServer(options: ServerOptions, attempts = 8): Promise<RunningServer> {
  const servers: Server[] = [];
  const addresses: string[] = [];
  let port = options.port;
  for (const host of options.hosts) {
    const server = makeServer(options);
    try {
      port = await listen(server, host, port);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // A machine without IPv6 has no ::1; the other address serves.
      if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT') continue;
      for (const running of servers) running.close();
      // Free on the first address, taken on the second: any other port will do.
      if (code === 'EADDRINUSE' && options.port === 0 && attempts > 1)
        return startServer(options, attempts - 1);
      throw new CodedError('CONFIG_INVALID', `cannot listen on ${host} port ${port}: ${message}`, {
        field: 'listen',
      });
    }
    servers.push(server);
    addresses.push(host);
  }
  if (servers.length === 0) {
    throw new CodedError(
      'CONFIG_INVALID',
      `no address of ${options.hosts.join(', ')} exists here`,
      { field: 'listen' },
    );
  }
  const close = async (graceMs: number) => {
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)));
    // A connection falls idle when its last answer is out.
    const idle = setInterval(() => {
      for (const server of servers) server.closeIdleConnections();
    }, 20);
    const cut = setTimeout(() => {
      for (const server of servers) server.closeAllConnections();
    }, graceMs);
    await Promise.all(closed);
    clearInterval(idle);
    clearTimeout(cut);
  };
  return { port, addresses, close };
}
