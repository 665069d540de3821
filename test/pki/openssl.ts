// SPDX-License-Identifier: Apache-2.0
// The OpenSSL command line as a second opinion, where it is installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pem } from '../../services/core/pem.ts';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

/** Runs OpenSSL beside the given certificates (`<name>.pem`) and returns what it prints. */
export function openssl(certificates: Record<string, Uint8Array>, ...args: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'openssl-'));
  try {
    for (const [name, der] of Object.entries(certificates)) {
      writeFileSync(join(directory, `${name}.pem`), pem('CERTIFICATE', der));
    }
    return execFileSync('openssl', args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
