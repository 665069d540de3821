// SPDX-License-Identifier: Apache-2.0
// Worker thread: prepares requests, sends them for one window over keep-alive connections, verifies
// one answer in a hundred. An answer other than success ends the run.
import { parentPort, workerData } from 'node:worker_threads';
import { parseTrustedRoot } from '../services/core/trust.ts';
import { type Connection, openConnection, requestBytes } from './connection.ts';
import { type Material, OPERATIONS, type OperationName, type Prepared } from './operations.ts';
import { quantile } from './statistics.ts';

export interface LoadData {
  readonly port: number;
  readonly trustedRoot: Uint8Array;
  readonly tokens: Material['tokens'];
}

export interface Window {
  readonly operation: OperationName;
  readonly connections: number;
  readonly millis: number;
  /** The window ends early when all are sent. */
  readonly requests: number;
}

export interface Measured {
  readonly answered: number;
  readonly verified: number;
  readonly millis: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export type LoadAnswer = { readonly measured: Measured } | { readonly error: string };

const SAMPLE = 100;

const data = workerData as LoadData;
const material: Material = {
  trustedRoot: parseTrustedRoot(data.trustedRoot),
  tokens: data.tokens,
};

interface Sample {
  readonly prepared: Prepared;
  readonly body: Buffer;
}

async function measure(window: Window): Promise<Measured> {
  const operation = OPERATIONS.find(({ name }) => name === window.operation);
  if (operation === undefined) throw new Error(`no operation ${window.operation}`);
  const queue = Array.from({ length: window.requests }, () => {
    const prepared = operation.prepare(material);
    return { prepared, bytes: requestBytes(operation.path, operation.type, prepared.body) };
  });
  const connections = await Promise.all(
    Array.from({ length: window.connections }, () => openConnection(data.port)),
  );
  const latencies: number[] = [];
  const samples: Sample[] = [];
  let next = 0;
  const started = performance.now();
  const deadline = started + window.millis;
  const work = async (connection: Connection) => {
    for (;;) {
      const sent = performance.now();
      const item = queue[next++];
      if (item === undefined || sent >= deadline) return;
      const { status, body } = await connection.exchange(item.bytes);
      latencies.push(performance.now() - sent);
      if (status < 200 || status > 299) {
        throw new Error(`${operation.path}: ${status} ${body.toString().slice(0, 300)}`);
      }
      if (latencies.length % SAMPLE === 1) samples.push({ prepared: item.prepared, body });
    }
  };
  try {
    await Promise.all(connections.map(work));
  } finally {
    for (const connection of connections) connection.close();
  }
  const millis = performance.now() - started;
  for (const { prepared, body } of samples) prepared.verify(body);
  return {
    answered: latencies.length,
    verified: samples.length,
    millis,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

parentPort?.on('message', async (window: Window) => {
  let answer: LoadAnswer;
  try {
    answer = { measured: await measure(window) };
  } catch (error) {
    answer = { error: (error as Error).stack ?? String(error) };
  }
  parentPort?.postMessage(answer);
});
