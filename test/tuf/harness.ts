// SPDX-License-Identifier: Apache-2.0
// A trust service on a temporary directory, with a clock that tests turn and writes that may stop.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directorySource, fetchTarget, updateTuf } from '../../services/client/tuf-source.ts';
import { parseTrustedRoot } from '../../services/core/trust.ts';
import { begin, type TufState } from '../../services/core/tuf-update.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  openTrust,
  type Trust,
  type TrustMaterial,
  type TrustOptions,
} from '../../services/tuf/main.ts';
import { NOW } from './repo.ts';

const NONE = new Uint8Array();
const { trustedRoot } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/trust/documents.json'), 'utf8'),
) as { trustedRoot: object };
const vector = parseTrustedRoot(JSON.stringify(trustedRoot));

export const MATERIAL: TrustMaterial = {
  url: 'http://localhost:8400',
  origin: 'localhost',
  fulcioChain: (vector.certificateAuthorities[0]?.chain ?? []).map(({ der }) => der),
  tsaChain: (vector.timestampAuthorities[0]?.chain ?? []).map(({ der }) => der),
  tlogKey: vector.tlogs[0]?.key.spki ?? NONE,
  ctlogKey: vector.ctlogs[0]?.key.spki ?? NONE,
  ctlogOrigin: 'localhost/ctlog',
  issuers: ['http://localhost:8400/dev-oidc'],
  start: NOW,
  operator: 'localhost',
};
export const MOVED: TrustMaterial = { ...MATERIAL, url: 'http://localhost:9000' };

/** Whole but not durable: tests need no fsync. */
export function writeFast(path: string, bytes: Uint8Array): void {
  writeFileSync(`${path}.1.tmp`, bytes);
  renameSync(`${path}.1.tmp`, path);
}

export interface Place {
  readonly data: string;
  /** Turned by the test alone. */
  nowMs: number;
  open(more?: Partial<TrustOptions>): Promise<Trust>;
  /** What a client sees of the files on disk, from version 1 of root on. */
  look(state?: TufState): Promise<{ state: TufState; trustedRoot: string }>;
  remove(): void;
}

export function newPlace(): Place {
  const data = mkdtempSync(join(tmpdir(), 'sigstead-tuf-'));
  const directory = join(data, 'tuf');
  const source = directorySource(directory);
  const place: Place = {
    data,
    nowMs: NOW,
    open: (more = {}) =>
      openTrust({
        directory,
        trustDirectory: join(data, 'trust'),
        keysDirectory: join(data, 'keys'),
        markDirectory: join(data, 'mark'),
        material: MATERIAL,
        dev: true,
        clock: () => place.nowMs,
        write: writeFast,
        every: () => () => {},
        ...more,
      }),
    async look(state) {
      const anchor = () => begin(nodeCrypto, readFileSync(join(directory, '1.root.json')));
      const next = await updateTuf(nodeCrypto, source, state ?? anchor(), place.nowMs);
      const bytes = await fetchTarget(nodeCrypto, source, next, 'trusted_root.json');
      for (const name of next.targets?.targets.keys() ?? []) {
        await fetchTarget(nodeCrypto, source, next, name);
      }
      return { state: next, trustedRoot: Buffer.from(bytes).toString() };
    },
    remove: () => rmSync(data, { recursive: true, force: true }),
  };
  return place;
}

export class Crash extends Error {}

/** Writes until the count is reached: then a part of the next file, under its temporary name. */
export function stopAfter(count: number): { write: typeof writeFast; written: string[] } {
  const written: string[] = [];
  const write = (path: string, bytes: Uint8Array) => {
    if (written.length === count) {
      writeFileSync(`${path}.1.tmp`, bytes.subarray(0, bytes.length / 2));
      throw new Crash(path);
    }
    writeFast(path, bytes);
    written.push(path);
  };
  return { write, written };
}
