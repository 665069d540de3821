// SPDX-License-Identifier: Apache-2.0
// Certificates: token of a CI provider and proof of possession checked, precertificate durable in
// the CT log, SCT embedded.
import { join } from 'node:path';
import type { Row } from '../goals.ts';
import { startFulcio, startFulcioWithCt } from '../peers/servers.ts';
import { race, type Side } from '../race.ts';
import type { Running } from '../servers.ts';
import type { Context, Outcome } from '../suite.ts';
import { closeAll, costRow, type SuitePeer, serverShape, valueRow } from './rows.ts';

const CONNECTIONS = 32;
/** More at once gain nothing where every answer is awaited on one thread. */
const MOCK_CONNECTIONS = 4;

async function startPeers({ go, directory, issuer, mock }: Context): Promise<SuitePeer[]> {
  const peers: SuitePeer[] = [
    { id: 'issue-cpu-mock', server: await mock(), connections: MOCK_CONNECTIONS, shared: true },
  ];
  if (go === undefined) return peers;
  const at = (name: string) => join(directory, name);
  const fulcio = await startFulcio(go, at('fulcio'), issuer);
  peers.push({ id: 'issue-cpu-fulcio', server: fulcio, connections: CONNECTIONS });
  const withCt = await startFulcioWithCt(go, at('fulcio-ct'), issuer);
  peers.push({ id: 'issue-cpu-fulcio-ct', server: withCt, connections: CONNECTIONS });
  return peers;
}

export async function issue(context: Context): Promise<Outcome> {
  const { extent, load, ours } = context;
  const peers = await startPeers(context);
  const side = (server: Running, connections: number): Side => ({
    server,
    operation: 'issue',
    connections,
  });
  try {
    const sides = peers.map(({ server, connections }) => side(server, connections));
    const shape = serverShape(extent);
    const [own, ...others] = await race(load, [side(ours, CONNECTIONS), ...sides], shape);
    if (own === undefined) throw new Error('no figures of ours');
    const alone = { ...shape, warmMillis: 0, millis: shape.millis / 2 };
    const singles = [side(ours, 1), ...peers.map(({ server }) => side(server, 1))];
    const latency = await race(load, singles, alone);
    const rows: Row[] = peers.map(({ id, server }, i) => costRow(id, server.name, own, others[i]));
    rows.push(valueRow('issue-p50', 'ms', latency[0]?.p50Ms ?? Number.NaN, latency[0]?.p50Spread));
    const all = [own, ...latency.slice(0, 1)];
    return {
      rows,
      answered: all.reduce((sum, each) => sum + each.answered, 0),
      verified: all.reduce((sum, each) => sum + each.verified, 0),
      series: {
        load: [own, ...others].map((each, i) => ({ name: singles[i]?.server.name, ...each })),
        alone: latency.map((each, i) => ({ name: singles[i]?.server.name, ...each })),
      },
    };
  } finally {
    await closeAll(peers);
  }
}
