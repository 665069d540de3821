// SPDX-License-Identifier: Apache-2.0
// A stack as operators run it: behind a proxy that ends TLS, with a certificate of a private authority.
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { spawnServe } from '../../support/stack.ts';
import { ok, openssl, type Workplace } from './commands.ts';

const READY_MS = 60_000;
const POLL_MS = 50;

export interface TlsStack {
  /** https://localhost:PORT */
  readonly url: string;
  /** The same stack without the proxy. */
  readonly inside: string;
  /** Certificate of the authority, PEM. */
  readonly authority: string;
  close(): Promise<void>;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** An authority, and a certificate of its for localhost: ca.pem, server.pem and their keys. */
async function makeCertificates(place: Workplace): Promise<void> {
  const make = (name: string, subject: string, ...args: string[]) =>
    ok(
      openssl(
        place,
        ...['req', '-x509', ...KEY, '-keyout', `${name}.key`, '-out', `${name}.pem`],
        ...['-days', '2', '-subj', subject, ...args],
      ),
    );
  await make('ca', '/CN=Private TLS authority');
  await make(
    'server',
    '/CN=localhost',
    ...['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'subjectAltName=DNS:localhost'],
    ...['-addext', 'basicConstraints=critical,CA:FALSE', '-addext', 'extendedKeyUsage=serverAuth'],
  );
}

/** Below the ports that systems give out by themselves: nobody takes it before the stack does. */
async function freePort(): Promise<number> {
  for (;;) {
    const server = createSocketServer();
    const taken = new Promise((resolve) => server.once('error', () => resolve(true)));
    const free = new Promise((resolve) => server.once('listening', () => resolve(false)));
    server.listen(randomInt(20_000, 30_000), '127.0.0.1');
    if (await Promise.race([taken, free])) continue;
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

/** Passes paths and bodies on unchanged. */
async function startProxy(place: Workplace, target: string) {
  const pem = (name: string) => readFileSync(join(place.directory, name));
  const options = { key: pem('server.key'), cert: pem('server.pem') };
  const server = createServer(options, (asked, answer) => {
    const { method, headers, url = '/' } = asked;
    const sent = request(new URL(url, target), { method, headers }, (response) => {
      answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
      response.pipe(answer);
    });
    sent.on('error', () => answer.destroy());
    asked.pipe(sent);
  }).listen(0, 'localhost');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `https://localhost:${port}`, close };
}

async function untilHealthy(url: string, errors: () => string): Promise<void> {
  for (const end = Date.now() + READY_MS; Date.now() < end; await sleep(POLL_MS)) {
    const answer = await fetch(`${url}/healthz`).catch(() => undefined);
    if (answer?.ok) return;
  }
  throw new Error(`no stack at ${url} in ${READY_MS} ms:\n${errors()}`);
}

/** @param data directory of the stack; its trust files lie in data/trust */
export async function openTlsStack(place: Workplace, data: string): Promise<TlsStack> {
  await makeCertificates(place);
  const port = await freePort();
  const inside = `http://localhost:${port}`;
  const proxy = await startProxy(place, inside);
  const authority = join(place.directory, 'ca.pem');
  // The self-check of the stack goes through the proxy as well.
  const env = {
    SIGSTEAD_URL: proxy.url,
    SIGSTEAD_METRICS__PORT: '0',
    NODE_EXTRA_CA_CERTS: authority,
  };
  const { child, exit, stderr } = spawnServe({ data, args: ['--port', String(port)], env });
  const close = async () => {
    child.kill('SIGKILL');
    await Promise.all([exit, proxy.close()]);
  };
  try {
    await untilHealthy(inside, stderr);
  } catch (error) {
    await close();
    throw error;
  }
  return { url: proxy.url, inside, authority, close };
}
