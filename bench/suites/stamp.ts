// SPDX-License-Identifier: Apache-2.0
// RFC 3161 timestamps with the certificate of the authority inside.
import { join } from 'node:path';
import { startTimestampServer } from '../peers/servers.ts';
import { race, type Side } from '../race.ts';
import type { Context, Outcome } from '../suite.ts';
import { closeAll, costRow, type SuitePeer, serverShape, valueRow } from './rows.ts';

const CONNECTIONS = 32;
const MOCK_CONNECTIONS = 4;

async function startPeers({ go, directory, mock }: Context): Promise<SuitePeer[]> {
  const first = { id: 'stamp-cpu-mock', server: await mock(), connections: MOCK_CONNECTIONS };
  const peers: SuitePeer[] = [{ ...first, shared: true }];
  if (go === undefined) return peers;
  const server = await startTimestampServer(go, join(directory, 'timestamp-server'));
  return [...peers, { id: 'stamp-cpu-go', server, connections: CONNECTIONS }];
}

export async function stamp(context: Context): Promise<Outcome> {
  const { extent, load, ours } = context;
  const peers = await startPeers(context);
  const mine = (connections: number): Side => ({ server: ours, operation: 'stamp', connections });
  const theirs = ({ id, server, connections }: SuitePeer): Side => ({
    server,
    operation: id === 'stamp-cpu-mock' ? 'mockStamp' : 'stamp',
    connections,
  });
  try {
    const shape = serverShape(extent);
    const sides = [mine(CONNECTIONS), ...peers.map(theirs)];
    const [own, ...others] = await race(load, sides, shape);
    if (own === undefined) throw new Error('no figures of ours');
    const singles = [mine(1), ...peers.map((peer) => ({ ...theirs(peer), connections: 1 }))];
    const half = { ...shape, warmMillis: 0, millis: shape.millis / 2 };
    const latency = await race(load, singles, half);
    const [first] = latency;
    const name = (i: number) => sides[i]?.server.name ?? '';
    return {
      rows: [
        ...peers.map(({ id, server }, i) => costRow(id, server.name, own, others[i])),
        valueRow('stamp-p50', 'ms', first?.p50Ms ?? Number.NaN, first?.p50Spread),
      ],
      answered: own.answered + (first?.answered ?? 0),
      verified: own.verified + (first?.verified ?? 0),
      series: {
        load: [own, ...others].map((each, i) => ({ name: name(i), ...each })),
        alone: latency.map((each, i) => ({ name: name(i), ...each })),
      },
    };
  } finally {
    await closeAll(peers);
  }
}
