// SPDX-License-Identifier: Apache-2.0
// Hashes files as most programs on Node do: hash-stream.ts FILE…
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

const started = performance.now();
const digests: string[] = [];
for (const path of process.argv.slice(2)) {
  const engine = createHash('sha256');
  for await (const chunk of createReadStream(path)) engine.update(chunk as Buffer);
  digests.push(engine.digest('hex'));
}
process.stdout.write(JSON.stringify({ millis: performance.now() - started, digests }));
