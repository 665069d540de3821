// SPDX-License-Identifier: Apache-2.0
// Hashes files as the client does: hash-ours.ts FILE…

import { hashFile } from '../../services/client/files.ts';
import { hex } from '../../services/core/bytes.ts';

const started = performance.now();
const found = await Promise.all(process.argv.slice(2).map((path) => hashFile(path, ['sha256'])));
const millis = performance.now() - started;
const digests = found.map(({ sha256 = new Uint8Array() }) => hex(sha256));
process.stdout.write(JSON.stringify({ millis, digests }));
