// SPDX-License-Identifier: Apache-2.0
// Logs as JSON lines, metrics in Prometheus text form. Secrets are cut before a line is written.
import type { Clock } from './clock.ts';

export interface Logger {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}

export const silentLogger: Logger = { info() {}, warn() {}, error() {} };

const SECRET_FIELD = /token|authorization|password|secret|private|pin$/i;
/** A compact JWS or a PEM private key inside other text. */
const SECRET_TEXT =
  /eyJ[\w-]{8,}\.[\w-]*\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** The same fields with everything secret replaced; errors become their message and code. */
export function redact(value: unknown, field = ''): unknown {
  if (SECRET_FIELD.test(field) && value !== undefined) return '[redacted]';
  if (typeof value === 'string') return value.replace(SECRET_TEXT, '[redacted]');
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Error) {
    const code = (value as { code?: unknown }).code;
    return redact({ message: value.message, ...(code === undefined ? {} : { code }) });
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map((item) => redact(item));
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, redact(item, name)]),
    );
  }
  return value;
}

export function jsonLogger(write: (line: string) => void, clock: Clock): Logger {
  const line =
    (level: string) =>
    (event: string, fields: Record<string, unknown> = {}) => {
      const time = new Date(clock()).toISOString();
      write(`${JSON.stringify({ time, level, event, ...(redact(fields) as object) })}\n`);
    };
  return { info: line('info'), warn: line('warn'), error: line('error') };
}

type Labels = Record<string, string>;

export interface Metrics {
  counter(name: string, help: string): { inc(labels?: Labels, by?: number): void };
  /** Read when somebody scrapes. */
  gauge(name: string, help: string, read: () => number | Array<[Labels, number]>): void;
  histogram(
    name: string,
    help: string,
    buckets?: readonly number[],
  ): { observe(value: number, labels?: Labels): void };
}

export const noMetrics: Metrics = {
  counter: () => ({ inc() {} }),
  gauge() {},
  histogram: () => ({ observe() {} }),
};
