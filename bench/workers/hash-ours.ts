// SPDX-License-Identifier: Apache-2.0
// Hashes files as the library of a release does, one or many: hash-ours.ts LIBRARY FILE…
import { pathToFileURL } from 'node:url';
import type { hashFiles as HashFiles } from '../../services/client/hash-files.ts';
import { hex } from '../../services/core/bytes.ts';

const [library = '', ...paths] = process.argv.slice(2);
const { hashFiles } = (await import(pathToFileURL(library).href)) as {
  hashFiles: typeof HashFiles;
};

const started = performance.now();
const found = await hashFiles(paths);
const millis = performance.now() - started;
process.stdout.write(JSON.stringify({ millis, digests: found.map(hex) }));
