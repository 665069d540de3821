// SPDX-License-Identifier: Apache-2.0
// The load generator, a process of its own: prepares requests, sends them for one window over
// keep-alive connections, verifies one answer in a hundred. An answer other than the expected ends
// the run.
import { parseTrustedRoot, type TrustedRoot } from '../services/core/trust.ts';
import { certificateBody, newKeyPair, PATHS, TYPES } from '../test/support/requests.ts';
import { type Connection, openConnection, requestBytes } from './connection.ts';
import type { Token } from './issuer.ts';
import {
  type Holder,
  leafOf,
  type Material,
  OPERATIONS,
  type OperationName,
  type Prepared,
} from './operations.ts';
import { quantile } from './statistics.ts';

export interface Window {
  readonly port: number;
  readonly operation: OperationName;
  readonly connections: number;
  readonly millis: number;
  /** The window ends early when all are sent. */
  readonly requests: number;
  /** trusted_root.json of the server, to verify its answers with. */
  readonly trust?: string;
}

export interface Measured {
  readonly answered: number;
  readonly verified: number;
  readonly millis: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export type LoadOrder =
  | { readonly kind: 'tokens'; readonly tokens: readonly Token[] }
  /** Sees to as many certificates, for entries that certificates sign. */
  | { readonly kind: 'holders'; readonly port: number; readonly count: number }
  | { readonly kind: 'window'; readonly window: Window };

export type LoadAnswer = { readonly measured?: Measured } | { readonly error: string };

const SAMPLE = 100;
const HOLDER_CONNECTIONS = 16;

/** Written by the orders `tokens` and `holders`. */
let material: Material = { tokens: [], holders: [] };
/** Requests made so far: spreads them over the material. Written by prepare(). */
let made = 0;
const roots = new Map<string, TrustedRoot>();

function rootOf(text: string | undefined): TrustedRoot | undefined {
  if (text === undefined) return undefined;
  const known = roots.get(text) ?? parseTrustedRoot(text);
  roots.set(text, known);
  return known;
}

interface Item {
  readonly prepared: Prepared;
  readonly bytes: Buffer;
}

function prepare(name: OperationName, count: number): Item[] {
  const operation = OPERATIONS[name];
  return Array.from({ length: count }, () => {
    const prepared = operation.prepare(material, made++);
    return { prepared, bytes: requestBytes(operation.path, operation.type, prepared.body) };
  });
}

async function connected<T>(
  port: number,
  count: number,
  work: (connections: readonly Connection[]) => Promise<T>,
): Promise<T> {
  const connections = await Promise.all(Array.from({ length: count }, () => openConnection(port)));
  try {
    return await work(connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}

interface Sample {
  readonly prepared: Prepared;
  readonly body: Buffer;
}

async function measure(window: Window): Promise<Measured> {
  const { path, status: expected } = OPERATIONS[window.operation];
  const root = rootOf(window.trust);
  const queue = prepare(window.operation, window.requests);
  const latencies: number[] = [];
  const samples: Sample[] = [];
  let next = 0;
  let started = 0;
  const work = async (connection: Connection) => {
    for (;;) {
      const sent = performance.now();
      if (sent >= started + window.millis) return;
      const item = queue[next++];
      if (item === undefined) return;
      const { status, body } = await connection.exchange(item.bytes);
      latencies.push(performance.now() - sent);
      if (!expected.includes(status)) {
        throw new Error(`${path}: ${status} ${body.toString().slice(0, 300)}`);
      }
      if (latencies.length % SAMPLE === 1) samples.push({ prepared: item.prepared, body });
    }
  };
  const millis = await connected(window.port, window.connections, async (connections) => {
    started = performance.now();
    await Promise.all(connections.map(work));
    return performance.now() - started;
  });
  for (const { prepared, body } of samples) prepared.verify(body, root);
  return {
    answered: latencies.length,
    verified: samples.length,
    millis,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

async function collectHolders(port: number, count: number): Promise<Holder[]> {
  const holders = [...material.holders];
  let asked = holders.length;
  const work = async (connection: Connection) => {
    while (asked < count) {
      const { token, subject } = material.tokens[asked++ % material.tokens.length] as Token;
      const key = newKeyPair();
      const body = certificateBody(key, token, subject);
      const bytes = requestBytes(PATHS.certificate, TYPES.certificate, body);
      const answer = await connection.exchange(bytes);
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.body.toString()}`);
      const privateKey = key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      holders.push({ certificate: leafOf(answer.body).der, privateKey });
    }
  };
  await connected(port, HOLDER_CONNECTIONS, (connections) => Promise.all(connections.map(work)));
  return holders;
}

async function perform(order: LoadOrder): Promise<LoadAnswer> {
  switch (order.kind) {
    case 'tokens':
      material = { ...material, tokens: order.tokens };
      return {};
    case 'holders':
      material = { ...material, holders: await collectHolders(order.port, order.count) };
      return {};
    case 'window':
      return { measured: await measure(order.window) };
  }
}

process.on('message', async (order: LoadOrder) => {
  let answer: LoadAnswer;
  try {
    answer = await perform(order);
  } catch (error) {
    answer = { error: (error as Error).stack ?? String(error) };
  }
  process.send?.(answer);
});
