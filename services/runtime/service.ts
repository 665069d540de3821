// SPDX-License-Identifier: Apache-2.0
import type { Hono } from 'hono';
import type { Env } from './http.ts';

/** What a service hands to the process that runs it. */
export interface Service {
  readonly name: string;
  readonly routes: Hono<Env>;
  /** What is missing before it can serve; empty when it can. */
  readiness(): string[];
  /** What operators watch, in figures and words: shown beside readiness, judged by nobody. */
  state?(): Readonly<Record<string, unknown>>;
  /** Finishes what was accepted, then lets go of files and timers. */
  close(): Promise<void>;
}
