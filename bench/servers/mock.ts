// SPDX-License-Identifier: Apache-2.0
// @sigstore/mock, the other Sigstore in TypeScript, behind plain node:http. It checks no token,
// signature or proof of possession, keeps no tree and writes nothing down.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  fulcioHandler,
  initializeCA,
  initializeCTLog,
  initializeTSA,
  tsaHandler,
} from '@sigstore/mock';
import { PATHS } from '../../test/support/requests.ts';

const keyPair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });

const ca = await initializeCA(keyPair(), await initializeCTLog(keyPair()));
const tsa = await initializeTSA(keyPair());

const HANDLERS = new Map([
  [PATHS.certificate as string, fulcioHandler(ca).fn],
  [PATHS.stamp as string, tsaHandler(tsa).fn],
]);

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', async () => {
    const handle = HANDLERS.get(request.url ?? '');
    const answer = await handle?.(Buffer.concat(chunks).toString());
    const body = Buffer.from(String(answer?.response ?? ''));
    response.writeHead(answer?.statusCode ?? 404, { 'content-length': body.length });
    response.end(body);
  });
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit());
