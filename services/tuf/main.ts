// SPDX-License-Identifier: Apache-2.0
// The trust root: publishes keys and addresses of the stack as a TUF repository and as single files,
// and keeps the signatures fresh while it runs.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { equal, hex } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { parseTrustedRoot } from '../core/trust.ts';
import type { TrustMaterial } from '../core/trust-build.ts';
import { type TrustFiles, trustFiles } from '../core/trust-files.ts';
import { ROLES } from '../core/tuf.ts';
import type { Clock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import type { Service } from '../runtime/service.ts';
import { writeFileDurably } from '../runtime/store.ts';
import { type Logger, type Metrics, noMetrics, silentLogger } from '../runtime/telemetry.ts';
import { type Every, everyUnref } from '../runtime/timer.ts';
import { trustRoutes } from './app.ts';
import { raisedMark, requireReached } from './mark.ts';
import {
  expiredRoles,
  type Files,
  loadView,
  newestRoot,
  plan,
  readFiles,
  rehearse,
  targetContent,
  type View,
} from './repository.ts';
import { describeDevKeys, openSigners, type RoleSigners } from './signers.ts';
import { repositoryTargets } from './targets.ts';

export type { TrustMaterial } from '../core/trust-build.ts';

export interface TrustOptions {
  /** The TUF repository. */
  readonly directory: string;
  /** The same trust as single files. */
  readonly trustDirectory: string;
  /** tuf-root.pem, tuf-targets.pem, tuf-snapshot.pem, tuf-timestamp.pem. */
  readonly keysDirectory: string;
  /** Version mark; best on another volume. */
  readonly markDirectory: string;
  readonly material: TrustMaterial;
  /** Root and targets keys are called dev-only, in the metadata itself. */
  readonly dev: boolean;
  readonly clock: Clock;
  readonly logger?: Logger;
  readonly metrics?: Metrics;
  readonly crypto?: Crypto;
  /** Replaces a file whole and durably. */
  readonly write?: (path: string, bytes: Uint8Array) => void;
  readonly every?: Every;
}

export interface Trust extends Service {
  /** Publishes the next version if the material is another; else nothing happens. */
  publish(material: TrustMaterial): Promise<void>;
  /** Signs again what is due by the clock. */
  renew(): Promise<void>;
  /** SHA-256 of the newest root.json, hex. */
  readonly rootSha256: string;
  /** The trust files by name. */
  readonly files: TrustFiles;
}

const HOUR = 60 * 60 * 1000;
const DAY = 24 * HOUR;

/** What is published, and the verbs that change it. Changes run one after the other. */
class TrustRoot {
  readonly #options: TrustOptions;
  readonly #crypto: Crypto;
  readonly #write: (path: string, bytes: Uint8Array) => void;
  readonly #logger: Logger;
  readonly #signers: RoleSigners;
  /** These four are written by #revise alone, each once what it shows is durable. */
  #repository: Files = new Map();
  #view: View | undefined;
  #trust: TrustFiles = new Map();
  #material: TrustMaterial;
  /** Written by #inTurn alone. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: TrustOptions, signers: RoleSigners) {
    this.#options = options;
    this.#crypto = options.crypto ?? nodeCrypto;
    this.#write = options.write ?? writeFileDurably;
    this.#logger = options.logger ?? silentLogger;
    this.#signers = signers;
    this.#material = options.material;
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

  publish(material: TrustMaterial): Promise<void> {
    return this.#inTurn(() => this.#revise(material));
  }

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

  async #revise(material: TrustMaterial): Promise<void> {
    const { directory, markDirectory, dev, clock } = this.#options;
    const crypto = this.#crypto;
    // Read again: an earlier attempt may have ended in the middle, and its numbers are spent.
    const files = readFiles(directory);
    const published = loadView(crypto, files);
    requireReached(markDirectory, published);
    const before = published && targetContent(published, 'trusted_root.json');
    const sources = repositoryTargets(crypto, material, before && parseTrustedRoot(before));
    const writes = await plan({
      crypto,
      files,
      view: published,
      signers: this.#signers,
      sources,
      dev,
      nowMs: clock(),
    });
    const { files: after, view } = rehearse(crypto, files, writes);
    // plan() says for each file what a crash after it leaves.
    for (const { path, bytes } of writes) this.#write(join(directory, path), bytes);
    const mark = raisedMark(markDirectory, view);
    if (mark !== undefined) this.#write(mark.path, mark.bytes);
    this.#repository = after;
    this.#view = view;
    this.#material = material;
    const trust = trustFiles(crypto, view.root, {
      'trusted_root.json': targetContent(view, 'trusted_root.json'),
      'signing_config.v0.2.json': targetContent(view, 'signing_config.v0.2.json'),
      'rekor.vkey': targetContent(view, 'rekor.vkey'),
      'ctlog.vkey': targetContent(view, 'ctlog.vkey'),
    });
    this.#writeTrustFiles(trust);
    this.#trust = trust;
    if (writes.length > 0) this.#logger.info('trust root published', this.#versions());
  }

  /**
   * Single files beside the repository. A crash between two of them leaves some of the old view and
   * some of the new, which SHA256SUMS, written last, tells; the next start writes the rest.
   */
  #writeTrustFiles(files: TrustFiles): void {
    for (const [name, bytes] of files) {
      const path = join(this.#options.trustDirectory, name);
      if (existsSync(path) && equal(new Uint8Array(readFileSync(path)), bytes)) continue;
      this.#write(path, bytes);
    }
  }

  #versions(): Record<string, number> {
    return Object.fromEntries(ROLES.map((role) => [role, this.view[role].version]));
  }
}

/**
 * Continues the repository in `directory`, or makes one. When it returns, clients see `material`.
 * @throws CodedError KEY_UNREADABLE, STATE_INCONSISTENT, TRUST_ROOT_MALFORMED, SIGNING_CONFIG_MALFORMED
 */
export async function openTrust(options: TrustOptions): Promise<Trust> {
  const { directory, trustDirectory, keysDirectory, markDirectory, clock, dev } = options;
  const crypto = options.crypto ?? nodeCrypto;
  const logger = options.logger ?? silentLogger;
  const folders = [join(directory, 'targets'), trustDirectory, keysDirectory, markDirectory];
  for (const path of folders) mkdirSync(path, { recursive: true });
  const repository = readFiles(directory);
  // Before any key is made.
  requireReached(markDirectory, loadView(crypto, repository));
  const signers = openSigners(crypto, keysDirectory, newestRoot(crypto, repository));
  if (dev) describeDevKeys(keysDirectory);
  const trust = new TrustRoot(options, signers);
  await trust.publish(options.material);

  const stop = (options.every ?? everyUnref)(HOUR, () => {
    trust.renew().catch((error: unknown) => logger.error('trust root not renewed', { error }));
  });
  (options.metrics ?? noMetrics).gauge(
    'sigstead_tuf_days_left',
    'Days until the signature of a role expires.',
    () => ROLES.map((role) => [{ role }, (trust.view[role].expiresMs - clock()) / DAY]),
  );
  return {
    name: 'tuf',
    routes: trustRoutes({ repository: () => trust.repository, trust: () => trust.trust }),
    publish: (material) => trust.publish(material),
    renew: () => trust.renew(),
    get rootSha256() {
      return hex(crypto.digest('sha256', trust.view.root.bytes));
    },
    get files() {
      return trust.trust;
    },
    readiness: () => expiredRoles(trust.view, clock()).map((role) => `${role}.json has expired`),
    async close() {
      stop();
      await trust.settled();
    },
  };
}
