// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64 } from '../../services/core/bytes.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { ensureSigner } from '../../services/runtime/keys.ts';
import { noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';
import { openTlog, type Tlog, type TlogOptions } from '../../services/tlog/main.ts';

export const ORIGIN = 'log.test';

export interface Bench {
  readonly directory: string;
  open(extra?: Partial<TlogOptions>): Promise<Tlog>;
  remove(): void;
}

export function bench(): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'tlog-'));
  const signer = ensureSigner(join(directory, 'key.pem'));
  return {
    directory,
    open: (extra = {}) =>
      openTlog({
        crypto: nodeCrypto,
        clock: Date.now,
        logger: silentLogger,
        metrics: noMetrics,
        directory: join(directory, 'tlog'),
        markDirectory: join(directory, 'mark'),
        signer,
        origin: ORIGIN,
        ...extra,
      }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
export const SPKI = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }));

/** A request for a new entry on each call. */
export function request(name: string): string {
  const digest = createHash('sha256').update(name).digest();
  return JSON.stringify({
    hashedRekordRequestV002: {
      digest: base64(digest),
      signature: {
        content: base64(sign('sha256', Buffer.from(name), pair.privateKey)),
        verifier: {
          publicKey: { rawBytes: base64(SPKI) },
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        },
      },
    },
  });
}

export function post(tlog: Tlog, body: string | Uint8Array<ArrayBuffer>): Promise<Response> {
  return Promise.resolve(
    tlog.routes.request('/api/v2/log/entries', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    }),
  );
}

/** A TransparencyLogEntry as clients read it. */
export interface Answer {
  logIndex: string;
  logId: { keyId: string };
  kindVersion: { kind: string; version: string };
  integratedTime: string;
  inclusionProof: {
    logIndex: string;
    rootHash: string;
    treeSize: string;
    hashes: string[];
    checkpoint: { envelope: string };
  };
  canonicalizedBody: string;
}

export interface Refusal {
  code: number;
  message: string;
  details: Array<{ reason: string; metadata: { field?: string; mend: string } }>;
}
