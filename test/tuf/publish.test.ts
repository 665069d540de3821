// SPDX-License-Identifier: Apache-2.0
// Publishing: what a restart continues, what another address changes, what a crash leaves.
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { parseTrustedRoot } from '../../services/core/trust.ts';
import type { TrustMaterial } from '../../services/tuf/main.ts';
import { Crash, MATERIAL, MOVED, newPlace, type Place, stopAfter, writeFast } from './harness.ts';
import { DAY, newKey, refusal } from './repo.ts';

const places: Place[] = [];
function place(): Place {
  const made = newPlace();
  places.push(made);
  return made;
}
afterEach(() => {
  for (const made of places.splice(0)) made.remove();
});

function numbered(data: string): Map<string, string> {
  const names = readdirSync(join(data, 'tuf')).filter((name) => /^\d+\..*json$/.test(name));
  return new Map(names.map((name) => [name, readFileSync(join(data, 'tuf', name), 'utf8')]));
}

const versions = ({ state }: Awaited<ReturnType<Place['look']>>) =>
  [state.root, state.timestamp, state.snapshot, state.targets].map((file) => file?.version);

describe('publishing', () => {
  it('makes a repository that a client walks through, legacy targets included', async () => {
    const here = place();
    const trust = await here.open();
    const seen = await here.look();
    expect(versions(seen)).toEqual([1, 1, 1, 1]);
    expect([...(seen.state.targets?.targets.keys() ?? [])].sort()).toEqual([
      'ctfe.pub',
      'ctlog.vkey',
      'fulcio.crt.pem',
      'fulcio.pem',
      'fulcio_intermediate_v1.crt.pem',
      'fulcio_v1.crt.pem',
      'rekor.pub',
      'rekor.vkey',
      'signing_config.v0.2.json',
      'trusted_root.json',
      'tsa.pem',
      'tsa_leaf.crt.pem',
      'tsa_root.crt.pem',
    ]);
    const signed = seen.state.targets?.signed as unknown as {
      targets: Record<string, { custom?: object }>;
    };
    expect(signed.targets['rekor.pub']?.custom).toEqual({
      sigstore: { usage: 'Rekor', status: 'Active', uri: 'http://localhost:8400' },
    });
    expect(trust.readiness()).toEqual([]);
    await trust.close();
  });

  it('continues without a change, byte for byte, at another time of start', async () => {
    const here = place();
    const first = await here.open();
    const root = readFileSync(join(here.data, 'tuf/root.json'));
    const before = numbered(here.data);
    here.nowMs += DAY;
    const again = await here.open({ material: { ...MATERIAL, start: here.nowMs } });
    expect(again.rootSha256).toBe(first.rootSha256);
    expect(readFileSync(join(here.data, 'tuf/root.json'))).toEqual(root);
    expect(numbered(here.data)).toEqual(before);
    expect(versions(await here.look())).toEqual([1, 1, 1, 1]);
  });

  it('publishes another address as the next version', async () => {
    const here = place();
    await here.open();
    const known = (await here.look()).state;
    const again = await here.open({ material: { ...MOVED, start: here.nowMs + DAY } });
    const seen = await here.look(known);
    expect(versions(seen)).toEqual([1, 2, 2, 2]);
    const { tlogs } = parseTrustedRoot(seen.trustedRoot);
    expect(tlogs.map(({ baseUrl, start }) => [baseUrl, start])).toEqual([
      [MOVED.url, MATERIAL.start],
    ]);
    await again.publish(MATERIAL);
    expect(versions(await here.look(seen.state))).toEqual([1, 3, 3, 3]);
  });

  it('ends an old key and keeps it', async () => {
    const here = place();
    const trust = await here.open();
    here.nowMs += DAY;
    await trust.publish({ ...MATERIAL, tlogKey: newKey().spki });
    const { tlogs } = parseTrustedRoot((await here.look()).trustedRoot);
    expect(tlogs.map(({ end }) => end)).toEqual([MATERIAL.start + DAY + 1000, undefined]);
  });

  it('runs changes one after the other', async () => {
    const here = place();
    const trust = await here.open();
    const ports = [1, 2, 3, 4].map((port) => ({ ...MATERIAL, url: `http://localhost:${port}` }));
    await Promise.all(ports.map((material) => trust.publish(material)));
    const seen = await here.look();
    expect(versions(seen)).toEqual([1, 5, 5, 5]);
    expect(seen.trustedRoot).toContain('http://localhost:4');
  });

  it('publishes nothing that clients would refuse, and goes on after that', async () => {
    const here = place();
    const trust = await here.open();
    const reversed = { ...MATERIAL, tsaChain: [...MATERIAL.tsaChain].reverse() };
    expect((await refusal(trust.publish(reversed))).code).toBe('TRUST_ROOT_MALFORMED');
    const bareHost = { ...MATERIAL, url: 'localhost' };
    await expect(trust.publish(bareHost)).rejects.toThrow();
    expect(versions(await here.look())).toEqual([1, 1, 1, 1]);
    await trust.publish(MOVED);
    expect(versions(await here.look())).toEqual([1, 2, 2, 2]);
  });
});

describe('keys', () => {
  it('calls root and targets dev-only in a dev start, everywhere', async () => {
    const here = place();
    const trust = await here.open();
    expect(readFileSync(join(here.data, 'keys/README'), 'utf8')).toContain('dev-only');
    expect(Buffer.from(trust.files.get('README') ?? []).toString()).toContain('dev-only');
    const { state } = await here.look();
    const roles = state.root.signed.roles as Record<string, Record<string, string>>;
    expect(Object.keys(roles).filter((role) => roles[role]?.['x-sigstead-dev-only'])).toEqual([
      'root',
      'targets',
    ]);
  });

  it('does not call them so otherwise', async () => {
    const here = place();
    const trust = await here.open({ dev: false });
    expect(existsSync(join(here.data, 'keys/README'))).toBe(false);
    expect(JSON.stringify((await here.look()).state.root.signed)).not.toContain('dev-only');
    expect(Buffer.from(trust.files.get('README') ?? []).toString()).not.toContain('dev-only');
  });

  it('keeps private keys from others', async () => {
    const here = place();
    await here.open();
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) {
      expect(statSync(join(here.data, `keys/tuf-${role}.pem`)).mode & 0o777).toBe(0o600);
    }
  });

  it('makes no new key where one was lost or exchanged', async () => {
    const here = place();
    await here.open();
    const path = join(here.data, 'keys/tuf-targets.pem');
    writeFileSync(path, readFileSync(join(here.data, 'keys/tuf-root.pem')));
    expect(await refusal(here.open())).toMatchObject({ code: 'KEY_UNREADABLE', field: path });
    rmSync(path);
    expect((await refusal(here.open())).code).toBe('KEY_UNREADABLE');
    expect(existsSync(path)).toBe(false);
  });
});

describe('damage', () => {
  it.each(['1.root.json', '1.snapshot.json', '1.targets.json', 'timestamp.json'])(
    'refuses to continue from an altered %s',
    async (name) => {
      const here = place();
      await here.open();
      const path = join(here.data, 'tuf', name);
      writeFileSync(path, readFileSync(path, 'utf8').replace('202', '203'));
      expect((await refusal(here.open())).code).toBe('STATE_INCONSISTENT');
    },
  );

  it.each(['1.root.json', '1.snapshot.json', '1.targets.json'])(
    'refuses to continue without %s',
    async (name) => {
      const here = place();
      await here.open();
      rmSync(join(here.data, 'tuf', name));
      expect((await refusal(here.open())).code).toBe('STATE_INCONSISTENT');
    },
  );

  it('refuses an older copy of itself, and one that lost its newest files', async () => {
    const here = place();
    const tuf = join(here.data, 'tuf');
    await here.open();
    cpSync(tuf, join(here.data, 'copy'), { recursive: true });
    const trust = await here.open({ material: MOVED });
    const restore = () => {
      rmSync(tuf, { recursive: true });
      cpSync(join(here.data, 'copy'), tuf, { recursive: true });
    };
    const cases: Array<[() => void, RegExp]> = [
      [restore, /timestamp stands at version 1, .*tuf.mark says that 2 was published/],
      [() => rmSync(join(tuf, 'timestamp.json')), /root stands at version 0/],
      [() => rmSync(tuf, { recursive: true }), /root stands at version 0/],
    ];
    for (const [damage, message] of cases) {
      damage();
      const error = await refusal(here.open());
      expect(error.code).toBe('STATE_INCONSISTENT');
      expect(error.message).toMatch(message);
      // Nor does a running service publish from there.
      expect((await refusal(trust.publish(MATERIAL))).code).toBe('STATE_INCONSISTENT');
    }
    expect(existsSync(join(tuf, '1.root.json'))).toBe(false);
  });

  it('refuses a copy from before the renewal of root', async () => {
    const here = place();
    await here.open();
    const paths = ['root.json', 'timestamp.json'].map((name) => join(here.data, 'tuf', name));
    const before = paths.map((path) => readFileSync(path));
    here.nowMs += 340 * DAY;
    await here.open();
    rmSync(join(here.data, 'tuf/2.root.json'));
    paths.forEach((path, i) => {
      writeFileSync(path, before[i] ?? '');
    });
    expect(await refusal(here.open())).toMatchObject({
      code: 'STATE_INCONSISTENT',
      field: 'root.json',
    });
  });

  it.each(['', '{}', '{"root":0,"timestamp":1}', '{"root":1,"timestamp":"1"}'])(
    'refuses to continue from the mark %j',
    async (text) => {
      const here = place();
      await here.open();
      const path = join(here.data, 'mark/tuf.mark');
      writeFileSync(path, text);
      expect(await refusal(here.open())).toMatchObject({ code: 'STATE_INCONSISTENT', field: path });
    },
  );

  it('writes a mark that is gone anew', async () => {
    const here = place();
    await here.open();
    const path = join(here.data, 'mark/tuf.mark');
    rmSync(path);
    await here.open();
    expect(readFileSync(path, 'utf8')).toBe('{"root":1,"timestamp":1}\n');
  });

  it('refuses to continue without a target, or with an altered one', async () => {
    const here = place();
    await here.open();
    const folder = join(here.data, 'tuf/targets');
    const name = readdirSync(folder).find((file) => file.endsWith('.rekor.pub')) ?? '';
    writeFileSync(join(folder, name), 'other');
    expect((await refusal(here.open())).code).toBe('STATE_INCONSISTENT');
    rmSync(join(folder, name));
    expect((await refusal(here.open())).code).toBe('STATE_INCONSISTENT');
  });

  it('mends single trust files', async () => {
    const here = place();
    await here.open();
    const path = join(here.data, 'trust/rekor.pub');
    const before = readFileSync(path);
    writeFileSync(path, 'other');
    await here.open();
    expect(readFileSync(path)).toEqual(before);
  });
});

describe('a crash between the steps of a publication', () => {
  /** Publishes and stops after each step in turn, until a run ends by itself. */
  async function crashEverywhere(
    prepare: (here: Place) => Promise<unknown>,
    change: (here: Place, write: typeof writeFast) => Promise<unknown>,
    judge: (here: Place, written: readonly string[]) => Promise<void>,
  ): Promise<string[]> {
    for (let steps = 0; ; steps++) {
      const here = place();
      await prepare(here);
      const { write, written } = stopAfter(steps);
      try {
        await change(here, write);
        return written.map((path) => path.slice(here.data.length + 1));
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
      await judge(here, written);
      here.remove();
    }
  }

  const isStamped = (written: readonly string[]) =>
    written.some((path) => path.endsWith('timestamp.json'));

  async function continues(here: Place, material: TrustMaterial): Promise<void> {
    const before = numbered(here.data);
    const trust = await here.open({ material });
    const { trustedRoot } = await here.look();
    expect(parseTrustedRoot(trustedRoot).tlogs[0]?.baseUrl).toBe(material.url);
    // A numbered file that somebody may have fetched never changes.
    const after = numbered(here.data);
    for (const [name, text] of before) expect(after.get(name)).toBe(text);
    for (const [name, bytes] of trust.files) {
      expect(readFileSync(join(here.data, 'trust', name))).toEqual(Buffer.from(bytes));
    }
  }

  it('leaves the old view whole until the timestamp is written, then the new one', async () => {
    const order = await crashEverywhere(
      (here) => here.open(),
      (here, write) => here.open({ material: MOVED, write }),
      async (here, written) => {
        const seen = await here.look();
        const stamped = isStamped(written);
        expect(versions(seen).slice(1)).toEqual(stamped ? [2, 2, 2] : [1, 1, 1]);
        const { tlogs } = parseTrustedRoot(seen.trustedRoot);
        expect(tlogs[0]?.baseUrl).toBe(stamped ? MOVED.url : MATERIAL.url);
        await continues(here, MOVED);
        // Going on must not look like a rollback to who saw the half-way state.
        await here.look(seen.state);
      },
    );
    const metadata = order.filter((path) => /^tuf\/[^/]*$/.test(path));
    expect(metadata).toEqual(['tuf/2.targets.json', 'tuf/2.snapshot.json', 'tuf/timestamp.json']);
    expect(order[0]).toMatch(/^tuf\/targets\/[0-9a-f]{64}\.trusted_root\.json$/);
    expect(order.at(-1)).toBe('trust/SHA256SUMS');
  });

  it('leaves no view at the very first publication, and the next start goes on', async () => {
    const order = await crashEverywhere(
      () => Promise.resolve(),
      (here, write) => here.open({ write }),
      async (here, written) => {
        if (isStamped(written)) await here.look();
        await continues(here, MATERIAL);
      },
    );
    expect(order.filter((path) => /^tuf\/[^/]*$/.test(path))).toEqual([
      'tuf/1.targets.json',
      'tuf/1.snapshot.json',
      'tuf/1.root.json',
      'tuf/root.json',
      'tuf/timestamp.json',
    ]);
  });

  it('leaves one root for each version when it falls into a renewal of root', async () => {
    await crashEverywhere(
      (here) => here.open(),
      (here, write) => {
        here.nowMs += 340 * DAY;
        return here.open({ write });
      },
      async (here) => {
        await continues(here, MATERIAL);
        expect((await here.look()).state.root.version).toBe(2);
      },
    );
  });

  it('keeps a running service on the old view, and its next attempt succeeds', async () => {
    const here = place();
    let broken = false;
    const trust = await here.open({
      write: (path, bytes) => {
        if (broken && path.endsWith('snapshot.json')) throw new Crash('disk full');
        writeFast(path, bytes);
      },
    });
    const served = async () => (await trust.routes.request('/trust/trusted_root.json')).text();
    broken = true;
    await expect(trust.publish(MOVED)).rejects.toThrow(Crash);
    expect(await served()).toContain(MATERIAL.url);
    broken = false;
    await trust.publish(MOVED);
    expect(await served()).toContain(MOVED.url);
    expect(versions(await here.look())).toEqual([1, 2, 2, 3]);
  });
});
