// SPDX-License-Identifier: Apache-2.0
// Our own transparency log with one thing changed: every request waits for a commit of its own, as
// a log without a sequencer would have it. Checks, store and answers are the same.
//
//   commit-per-request.ts DIRECTORY
import { generateKeyPairSync, sign } from 'node:crypto';
import { join } from 'node:path';
import { utf8 } from '../../services/core/bytes.ts';
import { leafHash } from '../../services/core/merkle.ts';
import { formatCheckpoint, formatNote } from '../../services/core/note.ts';
import { type Appended, type AppendRequest, openLog } from '../../services/log/log.ts';
import { systemClock } from '../../services/runtime/clock.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { createMetrics } from '../../services/runtime/metrics.ts';
import { startServer } from '../../services/runtime/server.ts';
import { silentLogger } from '../../services/runtime/telemetry.ts';
import { admit } from '../../services/tlog/admit.ts';
import { transparencyLogEntry } from '../../services/tlog/answer.ts';
import { tlogRoutes } from '../../services/tlog/app.ts';
import { parseRequest } from '../../services/tlog/request.ts';

const ORIGIN = 'localhost';
const [directory = ''] = process.argv.slice(2);

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
const logId = nodeCrypto.digest('sha256', spki);
const metrics = createMetrics();

const log = await openLog({
  name: 'tlog',
  directory,
  markDirectory: join(directory, 'mark'),
  treeId: ORIGIN,
  signHead: async ({ size, root }) => {
    const text = formatCheckpoint(ORIGIN, size, root);
    const signature = sign('sha256', utf8(text), privateKey);
    return utf8(formatNote(text, [{ name: ORIGIN, hint: logId.subarray(0, 4), signature }]));
  },
  framing: 'u16',
  clock: systemClock,
  logger: silentLogger,
  metrics,
});

/** The commit that the next request waits for. Written by append() alone. */
let last: Promise<unknown> = Promise.resolve();

function append(request: AppendRequest): Promise<Appended> {
  const appended = last.then(() => log.append(request));
  last = appended.catch(() => undefined);
  return appended;
}

async function write(body: Uint8Array): Promise<string> {
  const entry = admit(nodeCrypto, parseRequest(body));
  const hash = leafHash((data) => nodeCrypto.digest('sha256', data), entry);
  const leaf = { data: entry, leafHash: hash };
  return transparencyLogEntry(logId, entry, await append({ dedupKey: hash, build: () => leaf }));
}

const { fetch } = tlogRoutes({ log, logger: silentLogger, frozen: false, write });
const hosts = ['127.0.0.1'];
const server = await startServer({ hosts, port: 0, fetch, logger: silentLogger, metrics });
process.send?.(server.port);
process.once('disconnect', () => process.exit());
