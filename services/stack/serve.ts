// SPDX-License-Identifier: Apache-2.0
// Runs the whole stack in one process: lock, sockets, services, front door, and down again.
import { rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Hono } from 'hono';
import type { Clock } from '../runtime/clock.ts';
import type { Env } from '../runtime/http.ts';
import { createMetrics } from '../runtime/metrics.ts';
import { type RunningServer, startServer } from '../runtime/server.ts';
import { lockDataDirectory, writeFileDurably } from '../runtime/store.ts';
import type { Logger } from '../runtime/telemetry.ts';
import { assemble, type Parts } from './assemble.ts';
import type { StackConfig } from './config.ts';
import { createFrontDoor } from './edges.ts';
import { pageFacts } from './facts.ts';
import { layoutOf, makeDirectories, readState, writeState } from './state.ts';

export interface Stack {
  readonly url: string;
  readonly metricsUrl: string;
  readonly data: string;
  /** True when this start made keys and logs. */
  readonly firstStart: boolean;
  readonly parts: Parts;
  /** Lets accepted requests end, then closes logs and frees the data directory. */
  close(): Promise<void>;
}

export interface StackOptions {
  readonly config: StackConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress?: (what: string) => void;
}

const METRICS_GRACE_MS = 1000;

function metricsApp(text: () => Promise<string>): Hono<Env> {
  const app = new Hono<Env>();
  app.get('/metrics', async (c) => {
    c.header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
    return c.body(await text());
  });
  return app;
}

/** The address that clients are told when the configuration names none (development). */
function ownUrl(config: StackConfig, port: number): string {
  return config.url ?? `http://localhost:${port}`;
}

/** @throws CodedError STATE_*, CONFIG_INVALID, KEY_UNREADABLE, CHAIN_INVALID */
export async function startStack(options: StackOptions): Promise<Stack> {
  const { config, clock, logger } = options;
  const data = resolve(config.data);
  const origin = config.origin ?? 'localhost';
  const layout = layoutOf(
    data,
    config.markDirectory === undefined ? undefined : resolve(config.markDirectory),
  );
  const lock = lockDataDirectory(data);
  const servers: RunningServer[] = [];
  try {
    const wanted = { origin, dev: config.dev };
    const state = readState(layout, wanted, undefined, config.ca.keyFile === undefined);
    makeDirectories(layout);
    const metrics = createMetrics();
    const door = createFrontDoor(logger);
    const { hosts, port } = config.listen;
    const server = await startServer({ hosts, port, fetch: door.fetch, logger, metrics });
    servers.push(server);
    const metricsServer = await startServer({
      hosts: config.metrics.hosts,
      port: config.metrics.port ?? (port === 0 ? 0 : server.port + 1),
      fetch: metricsApp(metrics.text).fetch,
      logger: { ...logger, info() {} },
      metrics,
    });
    servers.push(metricsServer);
    const url = ownUrl(config, server.port);
    const parts = await assemble({
      config,
      layout,
      url,
      origin,
      clock,
      logger,
      metrics,
      progress: options.progress ?? (() => {}),
    });
    if (state === undefined) writeState(layout, clock, wanted);
    const startedAt = new Date(clock()).toISOString();
    door.open({
      services: parts.services,
      extraRoutes: parts.devIssuer === undefined ? [] : [parts.devIssuer.routes],
      pageFacts: () => pageFacts(parts, { url, startedAt, dev: config.dev }),
    });
    const endpointFile = join(data, 'endpoint.json');
    writeFileDurably(endpointFile, `${JSON.stringify({ url, pid: process.pid })}\n`);
    logger.info('serving', { url, addresses: server.addresses, port: server.port, data });
    const close = async () => {
      door.drain();
      await server.close(config.drainSeconds * 1000);
      await parts.close();
      await metricsServer.close(METRICS_GRACE_MS);
      rmSync(endpointFile, { force: true });
      lock.release();
      logger.info('stopped', {});
    };
    const metricsUrl = `http://${config.metrics.hosts[0]}:${metricsServer.port}/metrics`;
    return { url, metricsUrl, data, firstStart: state === undefined, parts, close };
  } catch (error) {
    for (const running of servers) await running.close(0);
    lock.release();
    throw error;
  }
}
