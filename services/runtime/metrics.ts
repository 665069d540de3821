// SPDX-License-Identifier: Apache-2.0
// Prometheus metrics of one process.
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from './telemetry.ts';

const LATENCY_SECONDS = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5];

export interface MetricsRegistry extends Metrics {
  /** Prometheus text form. */
  text(): Promise<string>;
}

export function createMetrics(): MetricsRegistry {
  const registry = new Registry();
  const labelled = new Map<string, Counter | Histogram>();
  const names = (labels: Record<string, string> | undefined) => Object.keys(labels ?? {});
  // Label names come with the first observation, so the metric is made there.
  const once = <M extends Counter | Histogram>(name: string, make: () => M): M => {
    const known = labelled.get(name) ?? make();
    labelled.set(name, known);
    return known as M;
  };
  return {
    counter: (name, help) => ({
      inc(labels, by = 1) {
        const make = () =>
          new Counter({ name, help, labelNames: names(labels), registers: [registry] });
        once(name, make).inc(labels ?? {}, by);
      },
    }),
    histogram: (name, help, buckets = LATENCY_SECONDS) => ({
      observe(value, labels) {
        const make = () =>
          new Histogram({
            name,
            help,
            labelNames: names(labels),
            buckets: [...buckets],
            registers: [registry],
          });
        once(name, make).observe(labels ?? {}, value);
      },
    }),
    gauge(name, help, read) {
      const first = read();
      const labelNames = typeof first === 'number' ? [] : names(first[0]?.[0]);
      new Gauge({
        name,
        help,
        labelNames,
        registers: [registry],
        collect() {
          const value = read();
          if (typeof value === 'number') return this.set(value);
          this.reset();
          for (const [labels, item] of value) this.set(labels, item);
        },
      });
    },
    text: () => registry.metrics(),
  };
}
