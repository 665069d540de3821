// SPDX-License-Identifier: Apache-2.0

/** Least recently used goes first once the weights of all exceed the limit. */
export class Lru<V> {
  /** In order of use. Written by get() and set(). */
  readonly #items = new Map<number, { readonly value: V; readonly weight: number }>();
  readonly #limit: number;
  /** Key used last. Written by get() and set(). */
  #latest: number | undefined;
  /** Sum of the weights. Written by set(). */
  #weight = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get(key: number): V | undefined {
    const item = this.#items.get(key);
    if (item === undefined) return undefined;
    if (key !== this.#latest) {
      this.#latest = key;
      this.#items.delete(key);
      this.#items.set(key, item);
    }
    return item.value;
  }

  set(key: number, value: V, weight = 1): void {
    this.#weight += weight - (this.#items.get(key)?.weight ?? 0);
    this.#items.delete(key);
    this.#items.set(key, { value, weight });
    this.#latest = key;
    for (const [oldest, item] of this.#items) {
      if (this.#weight <= this.#limit || oldest === key) return;
      this.#items.delete(oldest);
      this.#weight -= item.weight;
    }
  }
}
