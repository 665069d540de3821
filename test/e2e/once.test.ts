// SPDX-License-Identifier: Apache-2.0
// `npm start -- --once` as a newcomer sees it: a pipe, an empty directory, then a second start.
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const run = promisify(execFile);
const MAIN = join(import.meta.dirname, '../../services/stack/main.ts');
const data = mkdtempSync(join(tmpdir(), 'sigstead-once-'));
afterAll(() => rmSync(data, { recursive: true }));

const once = async () =>
  (await run(process.execPath, [MAIN, 'serve', '--dev', '--port', '0', '--data', data, '--once']))
    .stdout;

async function failure(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  try {
    await run(process.execPath, [MAIN, ...args]);
  } catch (error) {
    return error as { code: number; stderr: string };
  }
  throw new Error('it succeeded');
}

describe('serve --dev --once', () => {
  let first = '';
  beforeAll(async () => {
    first = await once();
  });

  it('shows where everything is, and how to sign', () => {
    expect(first).toMatch(/made /);
    expect(first).toMatch(/Certificate authority +http:\/\/localhost:\d+\/api\/v2\/signingCert/);
    expect(first).toMatch(/SHA-256 +[0-9a-f]{64}/);
    expect(first).toMatch(/cosign sign-blob -y/);
  });

  it('signs, stamps and logs a file, verifies it offline and refuses a tampered copy', () => {
    for (const step of ['certificate', 'timestamp', 'log entry', 'verified offline']) {
      expect(first).toMatch(new RegExp(`ok +[\\d.]+ ms +${step}`));
    }
    expect(first).toMatch(/one byte flipped: refused: (SIGNATURE_INVALID|DIGEST_MISMATCH)/);
  });

  it('prints no colour, no cursor tricks, at most 100 columns on a pipe', () => {
    expect(first).not.toContain('\u001b');
    expect(first.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });

  it('continues what it made', async () => {
    const root = readFileSync(join(data, 'trust/fulcio.pem'), 'utf8');
    expect(await once()).toMatch(/continued /);
    expect(readFileSync(join(data, 'trust/fulcio.pem'), 'utf8')).toBe(root);
  });

  it.each([
    ['a port that is none', ['--dev', '--port', '99999']],
    ['--once without --dev', ['--once', '--config', 'CONFIG']],
    ['no configuration', []],
  ])('refuses %s', async (_, flags) => {
    const config = join(data, 'sigstead.yaml');
    writeFileSync(
      config,
      'url: https://a.example\norigin: a.example\nca: {issuers: [{url: "https://b.example", type: email}]}\n',
    );
    const args = flags.map((flag) => (flag === 'CONFIG' ? config : flag));
    const { code, stderr } = await failure(['serve', '--data', join(data, 'other'), ...args]);
    expect([code > 0, stderr]).toEqual([true, expect.stringMatching(/error: /)]);
  });

  it('refuses another origin than the one it was made with', async () => {
    const config = join(data, 'origin.yaml');
    writeFileSync(config, 'origin: other.example\n');
    const { stderr } = await failure([
      'serve',
      '--dev',
      '--once',
      '--data',
      data,
      '--config',
      config,
    ]);
    expect(stderr).toMatch(/CONFIG_INVALID: origin: .*localhost.*other\.example/);
  });
});
