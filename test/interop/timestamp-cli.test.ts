// SPDX-License-Identifier: Apache-2.0
// timestamp-cli, the client of the reference implementation: stamps, verifies, and is refused.
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pem } from '../../services/core/pem.ts';
import { makeChain } from '../tsa/harness.ts';
import { have, PROGRAMS } from './support/cache.ts';
import { timestampChain } from './support/certificates.ts';
import { ok, type Result, run } from './support/commands.ts';
import { openScene, type Scene } from './support/scene.ts';

const POLICY = '1.3.6.1.4.1.57264.2';

describe.runIf(have('timestamp-cli'))('timestamp-cli', () => {
  let scene: Scene;
  let chain: { leaf: string; root: string };
  beforeAll(async () => {
    scene = await openScene({ signs: false });
    chain = await timestampChain(scene);
  });
  afterAll(() => scene.close());

  const newFile = (name: string): string => {
    const path = scene.file(name);
    writeFileSync(path, randomBytes(100));
    return path;
  };
  const cli = (...args: string[]): Promise<Result> =>
    run(scene.place, PROGRAMS['timestamp-cli'], ['--timestamp_server', scene.stack.url, ...args]);
  const stamp = (artifact: string, ...flags: string[]) =>
    cli('timestamp', '--artifact', artifact, '--out', `${artifact}.tsr`, ...flags);
  const verify = (artifact: string, reply: string, ...flags: string[]) =>
    cli('verify', '--artifact', artifact, '--timestamp', reply, ...flags);

  it.each(['sha256', 'sha384', 'sha512'])('stamps and verifies over %s', async (hash) => {
    const file = newFile(hash);
    await ok(stamp(file, '--hash', hash));
    await ok(verify(file, `${file}.tsr`, '--root-certificates', chain.root));
    await ok(verify(file, `${file}.tsr`, '--certificate-chain', chain.root));
  });

  it('verifies a stamp without certificate or nonce by the leaf it is given', async () => {
    const file = newFile('bare');
    await ok(stamp(file, '--certificate=false', '--nonce=false'));
    const roots = ['--root-certificates', chain.root];
    await ok(verify(file, `${file}.tsr`, '--certificate', chain.leaf, ...roots));
    expect((await verify(file, `${file}.tsr`, ...roots)).status).not.toBe(0);
  });

  it('takes the policy and the name of the authority', async () => {
    const file = newFile('policy');
    await ok(stamp(file, '--tsa-policy', POLICY));
    const flags = ['--root-certificates', chain.root, '--oid', POLICY];
    await ok(verify(file, `${file}.tsr`, ...flags, '--common-name', 'Sigstead TSA'));
    expect((await verify(file, `${file}.tsr`, ...flags, '--common-name', 'other')).output).toMatch(
      /common name/i,
    );
  });

  it('reads what it got', async () => {
    const file = newFile('inspect');
    await ok(stamp(file));
    const shown = await ok(cli('inspect', '--timestamp', `${file}.tsr`, '--format', 'json'));
    expect(shown.output).toContain('SerialNumber');
  });

  it('gets the chain that it verifies with', async () => {
    const served = await scene.http.get('/api/v1/timestamp/certchain');
    writeFileSync(scene.file('chain.pem'), served.body);
    const file = newFile('served');
    await ok(stamp(file));
    // Its flag for chains takes what stands above the leaf.
    const above = served.body
      .toString()
      .split(/(?<=-----END CERTIFICATE-----\n)/)
      .slice(1);
    writeFileSync(scene.file('above.pem'), above.join(''));
    await ok(verify(file, `${file}.tsr`, '--certificate-chain', scene.file('above.pem')));
  });

  describe('refuses', () => {
    let file: string;
    let reply: string;
    beforeAll(async () => {
      file = newFile('refused');
      reply = `${file}.tsr`;
      await ok(stamp(file));
    });
    const refused = async (result: Promise<Result>) => {
      const { status, output } = await result;
      expect(status).not.toBe(0);
      return output;
    };

    it('another artifact', async () => {
      const other = newFile('other');
      expect(await refused(verify(other, reply, '--root-certificates', chain.root))).toMatch(
        /hash|digest|message/i,
      );
    });

    it('another chain', async () => {
      const stranger = makeChain().root.certificate.der;
      writeFileSync(scene.file('stranger.pem'), pem('CERTIFICATE', stranger));
      expect(
        await refused(verify(file, reply, '--root-certificates', scene.file('stranger.pem'))),
      ).toMatch(/unknown authority|verify/i);
    });

    it('another leaf', async () => {
      const stranger = makeChain().leaf.certificate.der;
      writeFileSync(scene.file('leaf.pem'), pem('CERTIFICATE', stranger));
      await refused(
        verify(
          file,
          reply,
          ...['--certificate', scene.file('leaf.pem'), '--root-certificates', chain.root],
        ),
      );
    });

    it('another nonce, another policy', async () => {
      const roots = ['--root-certificates', chain.root];
      expect(await refused(verify(file, reply, ...roots, '--nonce', '1'))).toMatch(/nonce/i);
      expect(await refused(verify(file, reply, ...roots, '--oid', '1.2.3'))).toMatch(/oid|policy/i);
    });

    it('a stamp that was altered', async () => {
      const bytes = readFileSync(reply);
      bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
      writeFileSync(scene.file('altered.tsr'), bytes);
      await refused(verify(file, scene.file('altered.tsr'), '--root-certificates', chain.root));
    });
  });

  it('is told by the authority why a policy is refused', async () => {
    const { status, output } = await stamp(newFile('unwanted'), '--tsa-policy', '1.2.3');
    expect(status).not.toBe(0);
    expect(output).toContain('unaccepted policy: requested TSA policy is not supported');
  });
});
