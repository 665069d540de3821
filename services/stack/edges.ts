// SPDX-License-Identifier: Apache-2.0
// The front door: health, readiness, the page, and the services behind them.
import type { Hono } from 'hono';
import { createApp, type Env } from '../runtime/http.ts';
import { REQUEST_ID_HEADER } from '../runtime/server.ts';
import type { Service } from '../runtime/service.ts';
import type { Logger } from '../runtime/telemetry.ts';
import { landingPage, type PageFacts } from './page.ts';

/** What the front door knows of the stack behind it; `undefined` while that starts. */
export interface Serving {
  readonly services: readonly Service[];
  readonly extraRoutes: ReadonlyArray<Hono<Env>>;
  pageFacts(): PageFacts;
}

export interface FrontDoor {
  readonly fetch: (request: Request, env?: unknown) => Response | Promise<Response>;
  /** Opens once; the stack calls it when every service can serve. */
  open(serving: Serving): void;
  /** From here on readiness is false, so that balancers look elsewhere; requests are still served. */
  drain(): void;
}

function missing(serving: Serving | undefined, draining: boolean): string[] {
  if (serving === undefined) return ['start-up has not ended'];
  return [
    ...(draining ? ['shutting down'] : []),
    ...serving.services.flatMap((service) =>
      service.readiness().map((what) => `${service.name}: ${what}`),
    ),
  ];
}

function states(serving: Serving | undefined): Record<string, unknown> {
  const told = (serving?.services ?? []).flatMap(({ name, state }) =>
    state === undefined ? [] : [[name, state()] as const],
  );
  return Object.fromEntries(told);
}

/** Page without scripts: nothing but its own style may load. */
const PAGE_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export function createFrontDoor(logger: Logger): FrontDoor {
  /** Written by open() alone. */
  let serving: Serving | undefined;
  /** Written by drain() alone. */
  let draining = false;
  const onFault = (error: unknown, requestId: string) =>
    logger.error('fault', { error, requestId });

  const doors = (): Hono<Env> => {
    const app = createApp(onFault);
    app.use(async (c, next) => {
      c.set('requestId', c.req.header(REQUEST_ID_HEADER) ?? '');
      await next();
    });
    app.get('/healthz', (c) => {
      const lacking = missing(serving, false);
      return lacking.length === 0
        ? c.json({ status: 'SERVING' })
        : c.json({ status: 'NOT_SERVING' }, 503);
    });
    app.get('/readyz', (c) => {
      const lacking = missing(serving, draining);
      return c.json(
        { ready: lacking.length === 0, missing: lacking, state: states(serving) },
        lacking.length === 0 ? 200 : 503,
      );
    });
    return app;
  };

  /** Written by open() alone: the routes of a Hono app are fixed once it has answered. */
  let app = doors();
  app.all('*', (c) => {
    c.header('Retry-After', '1');
    return c.json({ code: 14, message: 'starting', details: [] }, 503);
  });
  return {
    fetch: (request, env) => app.fetch(request, env as never),
    open(now) {
      serving = now;
      const open = doors();
      open.get('/', (c) => {
        c.header('Content-Security-Policy', PAGE_POLICY);
        c.header('Cache-Control', 'no-store');
        return c.html(landingPage(now.pageFacts()));
      });
      for (const service of now.services) open.route('/', service.routes);
      for (const routes of now.extraRoutes) open.route('/', routes);
      app = open;
    },
    drain() {
      draining = true;
    },
  };
}
