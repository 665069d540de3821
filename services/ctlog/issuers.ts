// SPDX-License-Identifier: Apache-2.0
// The certificates above the logged ones. Entries name them by fingerprint, so each is kept once,
// as a file named by its SHA-256, and stands on the disk before the first entry that names it. The
// roots that chains may end in lie in a store of the same kind: what was accepted once stays.
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { hex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import { syncDirectory, writeFileDurably } from '../runtime/store.ts';

const FILE = /^([0-9a-f]{64})\.der$/;

export class IssuerStore {
  readonly #directory: string;
  readonly #crypto: Crypto;
  /** Hex fingerprint → DER of what stands on the disk. Filled by the constructor and keep(). */
  readonly #known = new Map<string, Uint8Array>();
  /** Fingerprints of what a CA in this process hands over each time. Filled by keep() alone. */
  readonly #kept = new WeakMap<Uint8Array, Uint8Array>();

  /** @throws CodedError STATE_INCONSISTENT when a file is not what its name says */
  constructor(directory: string, crypto: Crypto) {
    this.#directory = directory;
    this.#crypto = crypto;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    syncDirectory(join(directory, '..'));
    for (const name of readdirSync(directory)) {
      // A crash inside writeFileDurably leaves a temporary file, which no entry names.
      const fingerprint = FILE.exec(name)?.[1];
      if (fingerprint === undefined) continue;
      const der = new Uint8Array(readFileSync(join(directory, name)));
      if (hex(crypto.digest('sha256', der)) !== fingerprint) {
        const path = join(directory, name);
        throw new CodedError('STATE_INCONSISTENT', `${path} is damaged`, { field: path });
      }
      this.#known.set(fingerprint, der);
    }
  }

  /** The fingerprints of the chain, once all of it is durable. A crash after it leaves issuers that
   * no entry names yet. */
  keep(chain: readonly Uint8Array[]): Uint8Array[] {
    return chain.map((der) => {
      const kept = this.#kept.get(der);
      if (kept !== undefined) return kept;
      const fingerprint = this.#crypto.digest('sha256', der);
      const name = hex(fingerprint);
      if (!this.#known.has(name)) {
        writeFileDurably(join(this.#directory, `${name}.der`), der);
        this.#known.set(name, Uint8Array.from(der));
      }
      this.#kept.set(der, fingerprint);
      return fingerprint;
    });
  }

  /** DER of all, in the order of their fingerprints. */
  all(): Uint8Array[] {
    return [...this.#known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, der]) => der);
  }

  find(hexFingerprint: string): Uint8Array | undefined {
    return this.#known.get(hexFingerprint);
  }

  /** @throws CodedError INTERNAL when an entry names an issuer that is gone */
  chain(fingerprints: readonly Uint8Array[]): Uint8Array[] {
    return fingerprints.map((fingerprint) => {
      const der = this.#known.get(hex(fingerprint));
      if (der !== undefined) return der;
      throw new CodedError('INTERNAL', `issuer ${hex(fingerprint)} is missing`);
    });
  }
}
