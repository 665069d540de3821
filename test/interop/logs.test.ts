// SPDX-License-Identifier: Apache-2.0
// Checkers of other houses on both logs of a running stack: Tessera's fsck, ctclient.
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  certificateBody,
  devToken,
  entryBody,
  newKeyPair,
  PATHS,
  TYPES,
} from '../support/requests.ts';
import { have, PROGRAMS } from './support/cache.ts';
import { ok, run } from './support/commands.ts';
import { openScene, type Scene } from './support/scene.ts';

/** More than one full tile of 256. */
const ENTRIES = 320;
const CERTIFICATES = 300;
const IDENTITY = 'load@example.com';
const FSCK_PASSED = "Successfully fsck'd";

let scene: Scene;

beforeAll(async () => {
  scene = await openScene({ signs: false });
  await scene.stack.settled();
  const key = newKeyPair();
  const token = await devToken(scene.stack.url, IDENTITY);
  const send = async (path: string, type: string, body: string) => {
    const answer = await scene.http.post(path, type, body);
    if (answer.status > 299) throw new Error(`${path}: ${answer.status} ${answer.body}`);
  };
  await Promise.all([
    ...Array.from({ length: ENTRIES }, () => send(PATHS.entry, TYPES.entry, entryBody(key))),
    ...Array.from({ length: CERTIFICATES }, () =>
      send(PATHS.certificate, TYPES.certificate, certificateBody(key, token, IDENTITY)),
    ),
  ]);
});
afterAll(() => scene.close());

describe.runIf(have('fsck'))("Tessera's fsck", () => {
  const fsck = (base: string) => {
    const key = join(scene.trust, 'rekor.vkey');
    const flags = ['--ui=false', `--storage_url=${base}/api/v2/`];
    // It ends with 0 whatever it finds: its text is what counts.
    return run(scene.place, PROGRAMS.fsck, [...flags, `--public_key=${key}`]);
  };

  it('finds the transparency log whole', async () => {
    const { output } = await fsck(scene.stack.url);
    expect(output).toContain(FSCK_PASSED);
    const size = Number(/log with size (\d+)/.exec(output)?.[1]);
    expect(size).toBeGreaterThan(ENTRIES);
  });
});

/** What it says of damage: judges-logs.test.ts. */
describe.runIf(have('judge-log'))('the judge over fsck', () => {
  const judge = (kind: string, path: string, origin: string, key: string) => {
    const pem = readFileSync(join(scene.trust, key), 'utf8');
    const spki = createPublicKey(pem).export({ type: 'spki', format: 'der' }).toString('base64');
    const where = ['-kind', kind, '-source', `${scene.stack.url}${path}`, '-origin', origin];
    return run(scene.place, PROGRAMS['judge-log'], [...where, '-key', spki]);
  };

  it('finds the transparency log whole', async () => {
    await ok(judge('tlog', '/api/v2/', 'localhost', 'rekor.pub'));
  });

  it('finds the CT log whole, with its precertificates and issuers', async () => {
    await ok(judge('ct', '/ctlog/', 'localhost/ctlog', 'ctfe.pub'));
  });
});

interface TreeHead {
  readonly tree_size: number;
  readonly sha256_root_hash: string;
}

describe.runIf(have('ctclient'))('ctclient', () => {
  const ctclient = (command: string, ...args: string[]) => {
    const key = join(scene.trust, 'ctfe.pub');
    const log = ['--log_uri', `${scene.stack.url}/ctlog`, '--pub_key', key];
    return run(scene.place, PROGRAMS.ctclient, [command, ...log, ...args]);
  };

  async function get<T>(path: string): Promise<T> {
    const answer = await scene.http.get(`/ctlog/ct/v1/${path}`);
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body.toString());
  }

  it('verifies the signed tree head', async () => {
    const { output } = await ok(ctclient('get-sth'));
    const size = Number(/\(size=(\d+)\)/.exec(output)?.[1]);
    expect(size).toBeGreaterThan(CERTIFICATES);
  });

  it('reads entries with their chains', async () => {
    const { output } = await ok(ctclient('get-entries', '--first', '1', '--last', '4', '--chain'));
    expect(output.match(/Pre-Certificate Poison/g)).toHaveLength(4);
    expect(output).toContain('CN=Sigstead Root');
  });

  it('reads the roots', async () => {
    expect((await ok(ctclient('get-roots'))).output).toContain('CN=');
  });

  it('verifies an inclusion proof', async () => {
    const { tree_size: size } = await get<TreeHead>('get-sth');
    for (const index of [0, 255, 256, size - 1]) {
      const { entries } = await get<{ entries: Array<{ leaf_input: string }> }>(
        `get-entries?start=${index}&end=${index}`,
      );
      const leaf = Buffer.from(entries[0]?.leaf_input ?? '', 'base64');
      const hash = createHash('sha256').update(Buffer.of(0)).update(leaf).digest('hex');
      const args = ['--leaf_hash', hash, '--size', String(size)];
      const { output } = await ok(ctclient('get-inclusion-proof', ...args));
      expect(output).toContain(`index ${index} in tree of size ${size}`);
    }
  });

  it('verifies a consistency proof, and refuses another root', async () => {
    const before = await get<TreeHead>('get-sth');
    const key = newKeyPair();
    const token = await devToken(scene.stack.url, IDENTITY);
    const body = certificateBody(key, token, IDENTITY);
    expect((await scene.http.post(PATHS.certificate, TYPES.certificate, body)).status).toBe(200);
    const after = await get<TreeHead>('get-sth');
    expect(after.tree_size).toBe(before.tree_size + 1);
    const hex = (head: TreeHead) => Buffer.from(head.sha256_root_hash, 'base64').toString('hex');
    const proof = (previous: string) =>
      ctclient(
        'get-consistency-proof',
        ...['--size', String(after.tree_size), '--tree_hash', hex(after)],
        ...['--prev_size', String(before.tree_size), '--prev_hash', previous],
      );
    await ok(proof(hex(before)));
    expect((await proof(hex(after))).status).not.toBe(0);
  });

  it('refuses a tree head under another key', async () => {
    const other = scene.file('other.pub');
    writeFileSync(other, newKeyPair().pem);
    const uri = ['--log_uri', `${scene.stack.url}/ctlog`];
    const args = ['get-sth', ...uri, '--pub_key', other];
    expect((await run(scene.place, PROGRAMS.ctclient, args)).status).not.toBe(0);
  });
});
