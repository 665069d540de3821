// SPDX-License-Identifier: Apache-2.0
// `sigstead dev token`: what it asks the issuer for, and what it says when that cannot be.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runCli } from '../../services/client/cli.ts';
import { devCommand } from '../../services/stack/commands.ts';

let out = '';
let err = '';
const asked: Array<{ url: string; body: unknown }> = [];

beforeEach(() => {
  out = '';
  err = '';
  asked.length = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function answering(answer: () => Response): void {
  vi.stubGlobal('fetch', async (url: string, init: { body: string }) => {
    asked.push({ url, body: JSON.parse(init.body) });
    return answer();
  });
}

function run(...words: string[]): Promise<number> {
  const io = {
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    env: {},
    colour: false,
  };
  return runCli(['node', 'sigstead', 'dev', ...words], [devCommand()], io);
}

describe('dev token', () => {
  it('prints the token and nothing else', async () => {
    answering(() => Response.json({ id_token: 'a.b.c' }));
    expect(await run('token', '--email', 'dev@example.com', '--expires-in', '-5')).toBe(0);
    expect([out, err]).toEqual(['a.b.c\n', '']);
    expect(asked).toEqual([
      {
        url: 'http://localhost:8400/dev-oidc/token',
        body: {
          kind: 'email',
          claims: { sub: 'dev@example.com', email: 'dev@example.com', email_verified: true },
          expiresInSeconds: -5,
        },
      },
    ]);
  });

  it.each([
    ['nobody', [], 2, 'USAGE: say who'],
    ['a URL that is none', ['--email', 'a@b.c', '--url', 'nowhere'], 2, 'USAGE: --url'],
    ['another scheme', ['--email', 'a@b.c', '--url', 'ftp://x'], 2, 'USAGE: --url'],
    ['half a service account', ['--kubernetes', 'ci'], 2, 'USAGE: --kubernetes'],
    ['claims that are not there', ['--claims', '/nowhere'], 2, 'FILE_UNREADABLE'],
    ['a lifetime in words', ['--email', 'a@b.c', '--expires-in', 'soon'], 2, 'USAGE: '],
    ['an issuer that is none', ['--email', 'a@b.c'], 6, 'start one with --dev'],
  ])('refuses %s', async (_, flags, code, says) => {
    answering(() => new Response('', { status: 404 }));
    expect([await run('token', ...flags), err]).toEqual([code, expect.stringContaining(says)]);
    expect(out).toBe('');
  });

  it('shows examples, for the token and for dev itself', async () => {
    for (const words of [['token', '--help'], ['--help']]) {
      expect(await run(...words)).toBe(0);
    }
    expect(out.match(/Examples:\n {2}\$ sigstead dev token/g)).toHaveLength(2);
  });
});
