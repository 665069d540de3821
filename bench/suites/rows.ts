// SPDX-License-Identifier: Apache-2.0
// What the suites over HTTP share: the shape of their windows, and rows made of figures.
import type { Row } from '../goals.ts';
import type { Figures, Shape } from '../race.ts';
import type { Running } from '../servers.ts';
import type { Extent } from '../suite.ts';

/** A server that a suite measures ours against. */
export interface SuitePeer {
  /** Of the row. */
  readonly id: string;
  readonly server: Running;
  readonly connections: number;
  /** Other suites use it too. */
  readonly shared?: boolean;
}

export async function closeAll(peers: readonly SuitePeer[]): Promise<void> {
  for (const { server, shared } of peers) if (shared !== true) await server.close();
}

export function serverShape({ rounds, windowMs, warmMs }: Extent): Shape {
  return { rounds, millis: windowMs, warmMillis: warmMs };
}

/** Server CPU of one answer: how many times more the peer spends. */
export function costRow(id: string, name: string, ours: Figures, peer: Figures | undefined): Row {
  const value = peer?.cpuUs ?? Number.NaN;
  return {
    id,
    unit: 'µs CPU',
    ours: ours.cpuUs,
    peer: { name, value },
    value: value / ours.cpuUs,
    spread: ours.cpuSpread,
  };
}

/** Median latency of one client: how many times longer the peer takes. */
export function latencyRow(id: string, name: string, ours: Figures, peer: Figures): Row {
  return {
    id,
    unit: 'ms',
    ours: ours.p50Ms,
    peer: { name, value: peer.p50Ms },
    value: peer.p50Ms / ours.p50Ms,
    spread: ours.p50Spread,
  };
}

/** A figure that stands for itself. */
export function valueRow(id: string, unit: string, ours: number, spread = 0): Row {
  return { id, unit, ours, value: ours, spread };
}
