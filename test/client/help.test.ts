// SPDX-License-Identifier: Apache-2.0
// Help, completion and manual page, all read from the same commands.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { currentManual } from '../../scripts/release/manual.ts';
import { buildCli, runCli } from '../../services/client/cli.ts';
import { allCommands, type CommandInfo, commandTree } from '../../services/client/command-tree.ts';
import { completionScript } from '../../services/client/completion.ts';
import { completionCommand, helpCommand } from '../../services/client/help-commands.ts';
import { trustCommand } from '../../services/client/trust-export.ts';
import { otherCommands } from '../../services/stack/program.ts';
import { ROOT } from '../support/stack.ts';

const program = () => buildCli(otherCommands());
const commands = allCommands(commandTree(program()));
const name = ({ path }: CommandInfo) => path.join(' ') || 'sigstead';
const named = commands.map((command) => ({ command, name: name(command) }));

/** Runs with help, completion and `trust`, and says what was printed. */
async function run(...words: string[]) {
  let out = '';
  let err = '';
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
  const extra = [trustCommand(), completionCommand(io), helpCommand()];
  const code = await runCli(['node', 'sigstead', ...words], extra, io);
  return { code, out, err };
}

/** Lines of sigstead in an example, continued ones joined. */
function examplesOf({ after }: CommandInfo): string[] {
  const text = after.replaceAll(/\\\n */g, '').split('\n');
  return text.flatMap((line) => /\bsigstead ([a-z][^|>)]*)/.exec(line)?.[1]?.trim() ?? []);
}

describe('help', () => {
  it.each(named)('of $name says what it does, and has examples that exist', ({ command }) => {
    expect(command.description.length).toBeGreaterThan(10);
    expect(command.after).toMatch(/Examples:\n {2}\$ /);
    for (const line of examplesOf(command)) {
      const known = named
        .filter((one) => line === one.name || line.startsWith(`${one.name} `))
        .sort((a, b) => b.name.length - a.name.length)[0]?.command;
      const flags = [...line.matchAll(/ (--[\w-]+)/g)].map((match) => match[1] ?? '');
      const long = new Set(known?.options.map((option) => option.long));
      expect([line, known?.children.length]).toEqual([line, 0]);
      expect([line, flags.filter((flag) => !long.has(flag))]).toEqual([line, []]);
    }
  });

  it.each(named)('of $name describes every flag', ({ command }) => {
    expect(command.options.filter(({ description }) => description.length < 5)).toEqual([]);
  });

  it('is found by any of its names, however deep', async () => {
    const whole = await run('help');
    expect(whole).toMatchObject({ code: 0, out: expect.stringContaining('Sign and verify:') });
    expect((await run('help', 'trust', 'export')).out).toMatch(/^Usage: sigstead trust export /);
    expect((await run('help', 'verify-blob')).out).toBe((await run('verify', '--help')).out);
  });

  it.each([
    [['frob'], 'no command frob; one of sign, attest,'],
    [['trust', 'frob'], 'no command trust frob; one of export'],
    [['sign', 'export'], 'no command sign export; sign has none'],
  ])('of what is not there fails and names what is: %s', async (words, message) => {
    const ran = await run('help', ...words);
    expect(ran).toMatchObject({ code: 2, out: '' });
    expect(ran.err).toContain(`error: USAGE: ${message}`);
  });

  it('ends well when its reader has gone', async () => {
    const child = spawn(process.execPath, [join(ROOT, 'services/stack/main.ts'), '--help']);
    child.stdout.destroy();
    let err = '';
    child.stderr.on('data', (data) => {
      err += data;
    });
    const [code] = await once(child, 'exit');
    expect([code, err]).toEqual([0, '']);
  });
});

describe('completion', () => {
  const directory = mkdtempSync(join(tmpdir(), 'completion-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const script = join(directory, 'sigstead.bash');
  writeFileSync(script, completionScript('bash', program()));

  /** What bash offers for the last of the words. */
  function complete(...words: string[]): string[] {
    const ask = [
      `. ${script}`,
      'complete -p sigstead >/dev/null',
      'COMP_WORDS=("$@")',
      'COMP_CWORD=$(($# - 1))',
      '_sigstead',
      `printf '%s\\n' "\${COMPREPLY[@]}"`,
    ].join('\n');
    const said = execFileSync('bash', ['-uc', ask, 'bash', 'sigstead', ...words]);
    return said.toString().split('\n').filter(Boolean);
  }

  it.each<[words: string[], offered: string[]]>([
    [['attest'], ['attest', 'attest-blob']],
    [['verify-a'], ['verify-attestation']],
    [
      ['trust', ''],
      ['export', 'rotate'],
    ],
    [
      ['trust', 'export', '--'],
      ['--out', '--data', '--url', '--fingerprint', '--help'],
    ],
    [
      ['sign', '--output', ''],
      ['text', 'json'],
    ],
    [['sign', 'app.tgz', '--output', '=', 'j'], ['json']],
    [
      ['verify-blob', '--output', '='],
      ['text', 'json'],
    ],
    [
      ['trust', 'rotate', '--role', 't'],
      ['timestamp', 'targets'],
    ],
    [
      ['attest', '--type', 'slsaprovenance'],
      ['slsaprovenance', 'slsaprovenance02', 'slsaprovenance1'],
    ],
    [
      ['dev', 'token', '--type', 'g'],
      ['github', 'gitlab'],
    ],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    // bash goes on with files.
    [['sign', '--bundle', ''], []],
    [['sign', ''], []],
  ])('of bash offers for %j', (words, offered) => {
    expect(complete(...words)).toEqual(offered);
  });

  it('of bash has every flag of every command', () => {
    for (const { path, options } of commands) {
      expect(complete(...path, '--')).toEqual(options.map(({ long }) => long));
    }
  });

  it.each(['bash', 'zsh', 'fish'])('is printed for %s, and names every command', async (shell) => {
    const ran = await run('completion', shell);
    expect(ran).toMatchObject({ code: 0, err: '' });
    for (const word of ['verify-attestation', 'export']) expect(ran.out).toContain(word);
  });

  it('of another shell is refused', async () => {
    expect(await run('completion', 'tcsh')).toMatchObject({ code: 2, out: '' });
  });
});

describe('sigstead.1', () => {
  const page = currentManual();

  it('has every command and every flag', () => {
    for (const { path, options, children } of commands.filter(({ children }) => !children.length)) {
      expect(children).toEqual([]);
      expect(page).toContain(`.B sigstead ${path.join(' ').replaceAll('-', '\\-')}\n`);
      for (const { long } of options.filter((one) => one.long !== '--help'))
        expect(page).toContain(`.B ${long.replaceAll('-', '\\-')}`);
    }
  });

  it('has no line that roff takes for a request by accident', () => {
    const requests = page.split('\n').filter((line) => /^[.']/.test(line));
    const strange = requests.filter(
      (line) => !/^\.(\\"|TH|SH|SS|TP|PP|BR?|I|br|nf|fi)\b|^\.\\"/.test(line),
    );
    expect(strange).toEqual([]);
  });

  it('is the same whenever it is made', () => expect(currentManual()).toBe(page));
});
