// SPDX-License-Identifier: Apache-2.0
// Worker thread: @sigstore/mock, the other TypeScript Sigstore, called in process. It has no HTTP in
// front, checks no token, signature or proof of possession, keeps no tree and writes nothing down.
import { generateKeyPairSync } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTLog,
  initializeTSA,
  rekorV2Handler,
  tsaHandler,
} from '@sigstore/mock';
import type { LoadAnswer, Measured, Window } from './load.ts';
import { type OperationName, PEER_BODIES } from './operations.ts';
import { quantile } from './statistics.ts';

const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

const ca = await initializeCA(keyPair(), await initializeCTLog(keyPair()));
const tlog = await initializeTLog('https://log.example.com', keyPair());
const tsa = await initializeTSA(keyPair());

const HANDLERS: Readonly<Record<OperationName, ReturnType<typeof fulcioHandler>['fn']>> = {
  append: rekorV2Handler(tlog).fn,
  issue: fulcioHandler(ca).fn,
  stamp: tsaHandler(tsa).fn,
};

async function measure(window: Window): Promise<Measured> {
  const handle = HANDLERS[window.operation];
  const queue = Array.from({ length: window.requests }, PEER_BODIES[window.operation]);
  const latencies: number[] = [];
  let next = 0;
  const started = performance.now();
  const deadline = started + window.millis;
  const work = async () => {
    for (;;) {
      const sent = performance.now();
      const body = queue[next++];
      if (body === undefined || sent >= deadline) return;
      const { statusCode, response } = await handle(body);
      if (statusCode !== 201) throw new Error(`peer: ${statusCode} ${response}`);
      latencies.push(performance.now() - sent);
      // Promises alone would starve the timers of this thread.
      if (latencies.length % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  };
  await Promise.all(Array.from({ length: window.connections }, work));
  return {
    answered: latencies.length,
    verified: 0,
    millis: performance.now() - started,
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
