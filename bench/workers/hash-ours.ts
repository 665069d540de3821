// SPDX-License-Identifier: Apache-2.0
// Hashes files as the client does, one or many: hash-ours.ts FILE…
import { hashFile } from '../../services/client/files.ts';
import { hashFiles } from '../../services/client/hash-files.ts';
import { hex } from '../../services/core/bytes.ts';

async function digestsOf(paths: readonly string[]): Promise<readonly Uint8Array[]> {
  const [first, second] = paths;
  if (first === undefined || second !== undefined) return hashFiles(paths);
  const { sha256 = new Uint8Array() } = await hashFile(first, ['sha256']);
  return [sha256];
}

const started = performance.now();
const found = await digestsOf(process.argv.slice(2));
const millis = performance.now() - started;
process.stdout.write(JSON.stringify({ millis, digests: found.map(hex) }));
