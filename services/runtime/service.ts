// SPDX-License-Identifier: Apache-2.0
import type { Hono } from 'hono';
import type { Env } from './http.ts';

/** What a service hands to the process that runs it. */
export interface Service {
  readonly name: string;
  readonly routes: Hono<Env>;
  /** What is missing before it can serve; empty when it can. */
  readiness(): string[];
  /** Finishes what was accepted, then lets go of files and timers. */
  close(): Promise<void>;
}
