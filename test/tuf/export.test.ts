// SPDX-License-Identifier: Apache-2.0
// `sigstead trust export`: verified, whole or not at all.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ExportOptions,
  exportTrust,
  trustCommand,
} from '../../services/client/trust-export.ts';
import type { Trust } from '../../services/tuf/main.ts';
import { MOVED, newPlace, type Place } from './harness.ts';
import { DAY, NOW, refusal } from './repo.ts';

const FILES = [
  'README',
  'SHA256SUMS',
  'client_trust_config.json',
  'ctfe.pub',
  'ctlog.vkey',
  'fulcio.pem',
  'rekor.pub',
  'rekor.vkey',
  'root.json',
  'signing_config.v0.2.json',
  'trusted_root.json',
  'tsa.pem',
];

let here: Place;
let trust: Trust;
let out: string;
beforeEach(async () => {
  here = newPlace();
  trust = await here.open();
  out = join(here.data, 'out', 'trust');
});
afterEach(() => here.remove());

/** The service behind a fetch: no socket. */
const fetcher: typeof fetch = async (input) => {
  const url = new URL(String(input));
  return trust.routes.request(url.pathname);
};
const overHttp = (more: Partial<ExportOptions> = {}) =>
  exportTrust({ out, url: 'http://localhost:8400', fetcher, clock: () => here.nowMs, ...more });
const fromData = (more: Partial<ExportOptions> = {}) =>
  exportTrust({ out, data: here.data, clock: () => here.nowMs, ...more });
const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

describe('export', () => {
  it('writes every file, the same from the directory, over HTTP, and as served', async () => {
    const done = await fromData();
    expect(readdirSync(out).sort()).toEqual(FILES);
    expect(done.rootSha256).toBe(trust.rootSha256);
    expect(done.devOnly).toContain('dev-only');
    expect(hash(join(out, 'root.json'))).toBe(trust.rootSha256);
    const other = `${out}2`;
    await overHttp({ out: other });
    for (const name of FILES) {
      expect(readFileSync(join(other, name))).toEqual(readFileSync(join(out, name)));
      expect(readFileSync(join(here.data, 'trust', name))).toEqual(readFileSync(join(out, name)));
    }
  });

  it('replaces an earlier export, and leaves nothing beside it', async () => {
    await fromData();
    await trust.publish(MOVED);
    await fromData();
    expect(readFileSync(join(out, 'trusted_root.json'), 'utf8')).toContain(MOVED.url);
    expect(readdirSync(join(out, '..'))).toEqual(['trust']);
  });

  it('does not replace a directory that holds something else, nor a file', async () => {
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'thesis.txt'), 'x');
    expect(await refusal(fromData())).toMatchObject({ code: 'FILE_EXISTS', field: '--out' });
    expect(readdirSync(out)).toEqual(['thesis.txt']);
    expect((await refusal(fromData({ out: join(out, 'thesis.txt') }))).code).toBe('FILE_EXISTS');
  });

  const host = 'https://sigstore.corp.internal';
  it('wants a fingerprint off loopback, and holds the root to it', async () => {
    expect(await refusal(overHttp({ url: host }))).toMatchObject({
      code: 'USAGE',
      field: '--fingerprint',
    });
    const wrong = 'ab'.repeat(32);
    for (const options of [{ url: host, fingerprint: wrong }, { fingerprint: wrong }]) {
      const error = await refusal(overHttp(options));
      expect(error.code).toBe('TRUST_FINGERPRINT');
      expect(error.message).toContain(trust.rootSha256);
    }
    expect((await refusal(fromData({ fingerprint: wrong }))).code).toBe('TRUST_FINGERPRINT');
    expect(existsSync(out)).toBe(false);
    const colons = trust.rootSha256.toUpperCase().replaceAll(/..(?=.)/g, '$&:');
    expect((await overHttp({ url: `${host}/`, fingerprint: colons })).rootVersion).toBe(1);
  });

  it('walks on from the root that an older fingerprint names', async () => {
    const fingerprint = trust.rootSha256;
    here.nowMs = NOW + 340 * DAY;
    await trust.renew();
    const done = await overHttp({ url: host, fingerprint });
    expect(done.rootVersion).toBe(2);
    expect(done.rootSha256).toBe(trust.rootSha256);
    expect(done.rootSha256).not.toBe(fingerprint);
  });

  it.each<[string, Partial<ExportOptions>, string]>([
    ['nothing to export from', {}, '--data'],
    ['both sources', { data: '.', url: 'http://localhost:1' }, '--data'],
    ['a URL that is none', { url: 'localhost:8400' }, '--url'],
    ['a URL with credentials', { url: 'http://a:b@localhost' }, '--url'],
    ['a URL with a query', { url: 'http://localhost/?x=1' }, '--url'],
    ['a fingerprint that is none', { url: host, fingerprint: 'abcd' }, '--fingerprint'],
    [
      'a host that only looks like loopback',
      { url: 'http://localhost.evil.test' },
      '--fingerprint',
    ],
    ['a host with a loopback label', { url: 'http://127.0.0.1.evil.test' }, '--fingerprint'],
  ])('refuses %s', async (_name, options, field) => {
    expect(await refusal(exportTrust({ out, ...options }))).toMatchObject({ code: 'USAGE', field });
  });

  it('names a data directory without a trust root', async () => {
    expect(await refusal(exportTrust({ out, data: join(here.data, 'none') }))).toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });

  const instead = (path: string, response: () => Response): typeof fetch =>
    (async (input: string | URL | Request) =>
      new URL(String(input)).pathname === path ? response() : fetcher(input)) as typeof fetch;
  const target = (name: string) =>
    `/tuf/targets/${readdirSync(join(here.data, 'tuf/targets')).find((file) => file.endsWith(`.${name}`))}`;
  const endless = () =>
    new ReadableStream<Uint8Array>({ pull: (c) => c.enqueue(new Uint8Array(65_536).fill(0x20)) });

  it('writes nothing when anything does not verify', async () => {
    const cases: Array<[string, () => Response, string]> = [
      ['/tuf/2.root.json', () => new Response('<p>not found</p>'), 'TUF_MALFORMED'],
      ['/tuf/2.root.json', () => new Response('', { status: 403 }), 'SERVICE_REFUSED'],
      ['/tuf/timestamp.json', () => new Response(endless()), 'TUF_MALFORMED'],
      ['/tuf/timestamp.json', () => new Response('', { status: 404 }), 'TUF_MISMATCH'],
      ['/tuf/1.snapshot.json', () => new Response('{}'), 'TUF_MISMATCH'],
      [target('trusted_root.json'), () => new Response('{}'), 'TUF_TARGET'],
      [target('rekor.vkey'), () => new Response(endless()), 'TUF_TARGET'],
      ['/tuf/root.json', () => new Response('', { status: 500 }), 'SERVICE_REFUSED'],
      ['/tuf/root.json', () => Response.error(), 'SERVICE_REFUSED'],
    ];
    for (const [path, response, code] of cases) {
      const error = await refusal(overHttp({ fetcher: instead(path, response) }));
      expect([path, error.code]).toEqual([path, code]);
    }
    here.nowMs = NOW + 15 * DAY;
    expect((await refusal(overHttp())).code).toBe('TUF_EXPIRED');
    expect(existsSync(out)).toBe(false);
  });

  it('keeps an earlier export when the new one fails', async () => {
    await fromData();
    const before = hash(join(out, 'SHA256SUMS'));
    rmSync(join(here.data, target('ctlog.vkey')));
    expect((await refusal(fromData())).code).toBe('TUF_TARGET');
    expect(hash(join(out, 'SHA256SUMS'))).toBe(before);
    expect(readdirSync(join(out, '..'))).toEqual(['trust']);
  });
});

describe('over a socket', () => {
  let server: Server;
  const answers = new Map<string, { status: number; headers?: Record<string, string> }>();
  const listen = async () => {
    server = createServer((request, response) => {
      const { status, headers } = answers.get(request.url ?? '') ?? { status: 404 };
      response.writeHead(status, headers).end();
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('names a server that is not there, and follows no redirect', async () => {
    const url = await listen();
    answers.set('/tuf/root.json', { status: 302, headers: { location: '/elsewhere' } });
    expect((await refusal(exportTrust({ out, url }))).code).toBe('SERVICE_UNREACHABLE');
    await new Promise((done) => server.close(done));
    const error = await refusal(exportTrust({ out, url }));
    expect(error.code).toBe('SERVICE_UNREACHABLE');
    expect(error.message).toContain(url);
  });
});

describe('the command', () => {
  it('exports, and tells the fingerprint and the dev-only keys', async () => {
    const lines: string[] = [];
    const { write } = process.stdout;
    process.stdout.write = ((text: string) => lines.push(text) > 0) as typeof write;
    // The command has the real clock.
    here.nowMs = Date.now();
    await trust.renew();
    try {
      await trustCommand().parseAsync(['export', '--out', out, '--data', here.data], {
        from: 'user',
      });
    } finally {
      process.stdout.write = write;
    }
    expect(lines.join('')).toContain(`Wrote 12 files to ${out}`);
    expect(lines.join('')).toContain(trust.rootSha256);
    expect(lines.join('')).toContain('dev-only');
  });
});
