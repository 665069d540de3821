// SPDX-License-Identifier: Apache-2.0
// What is published, and the verbs that change it: on disk, in memory, one change after the other.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { parseTrustedRoot } from '../core/trust.ts';
import type { TrustMaterial } from '../core/trust-build.ts';
import { type TrustFiles, trustFiles } from '../core/trust-files.ts';
import { ROLES } from '../core/tuf.ts';
import type { Clock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import { writeFileDurably } from '../runtime/store.ts';
import { type Logger, silentLogger } from '../runtime/telemetry.ts';
import { raisedMark, requireReached } from './mark.ts';
import { plan } from './plan.ts';
import {
  type Files,
  loadView,
  newestRoot,
  readFiles,
  rehearse,
  targetContent,
  type View,
} from './repository.ts';
import { adoptNextKey, isReplaced, openSigners } from './signers.ts';
import { repositoryTargets } from './targets.ts';

export interface PublisherOptions {
  /** The TUF repository. */
  readonly directory: string;
  /** The same trust as single files. */
  readonly trustDirectory: string;
  /** tuf-root.pem, tuf-targets.pem, tuf-snapshot.pem, tuf-timestamp.pem. */
  readonly keysDirectory: string;
  /** Version mark; best on another volume. */
  readonly markDirectory: string;
  /** Root and targets keys are called dev-only, in the metadata itself. */
  readonly dev: boolean;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly crypto?: Crypto;
  /** Replaces a file whole and durably. */
  readonly write?: (path: string, bytes: Uint8Array) => void;
}

/** Without a material the targets that are published stay, whatever is signed around them. */
export class Publisher {
  readonly #options: PublisherOptions;
  readonly #crypto: Crypto;
  readonly #write: (path: string, bytes: Uint8Array) => void;
  readonly #logger: Logger;
  /** These four are written by #revise alone, each once what it shows is durable. */
  #repository: Files = new Map();
  #view: View | undefined;
  #trust: TrustFiles = new Map();
  #material: TrustMaterial | undefined;
  /** Written by #inTurn alone. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: PublisherOptions) {
    this.#options = options;
    this.#crypto = options.crypto ?? nodeCrypto;
    this.#write = options.write ?? writeFileDurably;
    this.#logger = options.logger ?? silentLogger;
  }

  get repository(): Files {
    return this.#repository;
  }

  get trust(): TrustFiles {
    return this.#trust;
  }

  get view(): View {
    if (this.#view === undefined) throw new Error('nothing is published');
    return this.#view;
  }

  /** Publishes the next version if the material is another; else nothing happens. */
  publish(material: TrustMaterial): Promise<void> {
    return this.#inTurn(() => this.#revise(material));
  }

  /** Signs again what is due by the clock, and takes up keys that are to follow. */
  renew(): Promise<void> {
    return this.#inTurn(() => this.#revise(this.#material));
  }

  /** Ends when the changes accepted so far have ended, well or not. */
  settled(): Promise<void> {
    return this.#last.catch(() => {});
  }

  #inTurn(change: () => Promise<void>): Promise<void> {
    this.#last = this.settled().then(change);
    return this.#last;
  }

  async #revise(material: TrustMaterial | undefined): Promise<void> {
    const { directory, trustDirectory, keysDirectory, markDirectory } = this.#options;
    const crypto = this.#crypto;
    const folders = [join(directory, 'targets'), trustDirectory, keysDirectory, markDirectory];
    for (const path of folders) mkdirSync(path, { recursive: true });
    // Read again: an earlier attempt may have ended in the middle, and its numbers are spent.
    const files = readFiles(directory);
    const published = loadView(crypto, files);
    // Before any key is made or used.
    requireReached(markDirectory, published);
    const signers = openSigners(crypto, keysDirectory, newestRoot(crypto, files));
    const writes = await plan({
      crypto,
      files,
      view: published,
      signers,
      sources: material && this.#sources(material, published),
      dev: this.#options.dev,
      nowMs: this.#options.clock(),
    });
    const { files: after, view } = rehearse(crypto, files, writes);
    // plan() says for each file what a crash after it leaves.
    for (const { path, bytes } of writes) this.#write(join(directory, path), bytes);
    // The newest root names them. A crash before or between: the next start does the same.
    for (const role of ROLES) {
      if (isReplaced(signers[role])) adoptNextKey(keysDirectory, role);
    }
    const mark = raisedMark(markDirectory, view);
    if (mark !== undefined) this.#write(mark.path, mark.bytes);
    this.#repository = after;
    this.#view = view;
    this.#material = material;
    this.#trust = this.#writeTrustFiles(view);
    if (writes.length > 0) this.#logger.info('trust root published', this.#versions());
  }

  #sources(material: TrustMaterial, published: View | undefined) {
    const before = published && targetContent(published, 'trusted_root.json');
    const nowMs = this.#options.clock();
    return repositoryTargets(this.#crypto, material, before && parseTrustedRoot(before), nowMs);
  }

  /**
   * Single files beside the repository. A crash between two of them leaves some of the old view and
   * some of the new, which SHA256SUMS, written last, tells; the next start writes the rest.
   */
  #writeTrustFiles(view: View): TrustFiles {
    const files = trustFiles(this.#crypto, view.root, (name) => targetContent(view, name));
    for (const [name, bytes] of files) {
      const path = join(this.#options.trustDirectory, name);
      if (existsSync(path) && equal(new Uint8Array(readFileSync(path)), bytes)) continue;
      this.#write(path, bytes);
    }
    return files;
  }

  #versions(): Record<string, number> {
    return Object.fromEntries(ROLES.map((role) => [role, this.view[role].version]));
  }
}
