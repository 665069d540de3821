// SPDX-License-Identifier: Apache-2.0
// The pair that certificates are issued with, and its replacement while requests run. A request takes
// the pair once and ends with it; the next one gets the pair that is current by then.
//
//   read files → another content → judge chain → rehearse a leaf → tell who must know → use it
//
// Whatever fails on the way leaves the former pair in use and is shown until it is mended.
import { CodedError } from '../core/errors.ts';
import { pem } from '../core/pem.ts';
import type { Logger, Metrics } from '../runtime/telemetry.ts';
import { type CaChain, judgeChain } from './chain.ts';
import { type Issue, type IssuerParts, openIssuer } from './issue.ts';
import type { KeyPair, ReadKeyPair } from './key-files.ts';

/** A pair that has been judged. */
export interface Authority {
  readonly chain: CaChain;
  /** PEM of intermediates, root. */
  readonly bundle: readonly string[];
  readonly issue: Issue;
}

export interface ReloadOptions {
  readonly read: ReadKeyPair;
  /**
   * Told before a new chain (DER) is used: logs must take it and clients must be able to trust it
   * before the first certificate. When it rejects, the former pair stays.
   */
  readonly announce: (chain: readonly Uint8Array[]) => Promise<void>;
  /** Runs the task again and again; returns how to stop it. By default every five seconds. */
  readonly every?: (task: () => Promise<void>) => () => void;
}

export interface AuthorityOptions extends Omit<IssuerParts, 'signer' | 'chain'> {
  readonly pair: KeyPair;
  readonly reload: ReloadOptions | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const POLL_MS = 5000;
const DAY_MS = 86_400_000;

function everyFiveSeconds(task: () => Promise<void>): () => void {
  const timer = setInterval(() => void task(), POLL_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** @throws CodedError CHAIN_INVALID, CA_BACKEND */
async function open(
  parts: Omit<IssuerParts, 'signer' | 'chain'>,
  pair: KeyPair,
): Promise<Authority> {
  const { crypto, clock } = parts;
  const chain = judgeChain(crypto, pair.chain, pair.signer.spki, clock());
  const issue = await openIssuer({ ...parts, signer: pair.signer, chain });
  return { chain, issue, bundle: chain.map(({ der }) => pem('CERTIFICATE', der)) };
}

export class AuthorityHolder {
  readonly #options: AuthorityOptions;
  readonly #reloads: ReturnType<Metrics['counter']>;
  /** Written by poll() alone. */
  #current: Authority;
  /** Content in use; unknown until poll() has seen it once. Written by poll() alone. */
  #digest: string | undefined;
  /** Why the files are not in use. Written by poll() alone. */
  #fault: string | undefined;
  /** One poll at a time. Written by poll() alone. */
  #polling: Promise<void> | undefined;
  #stop = () => {};

  private constructor(options: AuthorityOptions, current: Authority) {
    const { metrics } = options;
    this.#options = options;
    this.#current = current;
    this.#reloads = metrics.counter('sigstead_ca_reloads_total', 'New key pairs by result.');
    metrics.gauge('sigstead_ca_reload_fault', '1 while the key files are not in use.', () =>
      this.#fault === undefined ? 0 : 1,
    );
    metrics.gauge(
      'sigstead_ca_chain_days_left',
      'Days until the first certificate of the chain expires.',
      () => this.daysLeft(),
    );
  }

  /** @throws CodedError CHAIN_INVALID, CA_BACKEND */
  static async open(options: AuthorityOptions): Promise<AuthorityHolder> {
    const holder = new AuthorityHolder(options, await open(options, options.pair));
    const { reload } = options;
    if (reload !== undefined)
      holder.#stop = (reload.every ?? everyFiveSeconds)(() => holder.poll());
    return holder;
  }

  /** For one request, from its first signature to its answer. */
  get current(): Authority {
    return this.#current;
  }

  /** Until the first certificate of the chain expires. */
  daysLeft(): number {
    const ends = this.#current.chain.map(({ notAfterMs }) => notAfterMs);
    return (Math.min(...ends) - this.#options.clock()) / DAY_MS;
  }

  /** Why the files are not what is in use; undefined when they are. */
  get fault(): string | undefined {
    return this.#fault;
  }

  /** Takes what stands in the files, when it is another pair and a good one. Never rejects. */
  poll(): Promise<void> {
    const { reload } = this.#options;
    if (reload === undefined) return Promise.resolve();
    this.#polling ??= this.#take(reload).then(
      () => this.#settle(undefined),
      (error: unknown) => this.#settle(error),
    );
    return this.#polling;
  }

  async #take({ read, announce }: ReloadOptions): Promise<void> {
    const content = read();
    if (content.digest === this.#digest) return;
    const pair = content.open();
    const next = await open(this.#options, pair);
    const same = next.bundle.join() === this.#current.bundle.join();
    if (!same) await announce(pair.chain);
    this.#current = next;
    this.#digest = content.digest;
    if (same) return;
    this.#reloads.inc({ result: 'taken' });
    this.#options.logger.info('CA key pair replaced', { certificates: pair.chain.length });
  }

  #settle(error: unknown): void {
    this.#polling = undefined;
    if (error === undefined) {
      this.#fault = undefined;
      return;
    }
    const fault = error instanceof CodedError ? `${error.code}: ${error.message}` : `${error}`;
    if (fault === this.#fault) return;
    this.#fault = fault;
    this.#reloads.inc({ result: error instanceof CodedError ? error.code : 'INTERNAL' });
    this.#options.logger.error('CA key pair not replaced, the former serves on', { error });
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#polling;
  }
}
