// SPDX-License-Identifier: Apache-2.0
// Compresses full bundles off the hot path, one at a time; the sequencer takes the results along
// with a later batch, or when it is idle.
import type { Bundles } from './bundles.ts';
import type { StoredBundle } from './store.ts';

interface Listener {
  /** A result is there to be taken. */
  ready(): void;
  failed(error: Error): void;
}

export class Compactor {
  readonly #bundles: Bundles;
  readonly #listener: Listener;
  /** Bundle numbers. Written by add(), #pump() and close(). */
  #waiting: number[] = [];
  /** Written by #pump() and take(). */
  readonly #ready: StoredBundle[] = [];
  /** The loop, while it runs. Written by #wake() and #pump(). */
  #running: Promise<void> | undefined;

  constructor(bundles: Bundles, listener: Listener) {
    this.#bundles = bundles;
    this.#listener = listener;
  }

  add(n: number): void {
    this.#waiting.push(n);
    this.#running ??= this.#pump();
  }

  /** How many wait to be taken. */
  get results(): number {
    return this.#ready.length;
  }

  /** The oldest results, at most `limit`. Who takes them stores them. */
  take(limit: number): StoredBundle[] {
    return this.#ready.splice(0, limit);
  }

  /** Begins nothing more; the next start finds what was left. */
  async close(): Promise<void> {
    this.#waiting = [];
    await this.#running;
  }

  async #pump(): Promise<void> {
    try {
      for (let n = this.#waiting.shift(); n !== undefined; n = this.#waiting.shift()) {
        this.#ready.push(await this.#bundles.compressed(n));
        this.#listener.ready();
      }
    } catch (error) {
      this.#listener.failed(error as Error);
    }
    this.#running = undefined;
  }
}
