// SPDX-License-Identifier: Apache-2.0
// The screen of `npm start` says what to paste; here it is pasted.
import { copyFileSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, type StackProcess, startServe, temporaryDirectory } from '../support/stack.ts';
import { BIN, have } from './support/cache.ts';
import { ok, run, type Workplace, workplace } from './support/commands.ts';

const directory = temporaryDirectory();
const checkout = join(directory.path, 'checkout');
let stack: StackProcess;
let place: Workplace;

beforeAll(async () => {
  // A checkout as the reader sees it: a README, the scripts, data beside them.
  mkdirSync(checkout);
  copyFileSync(join(ROOT, 'LICENSE'), join(checkout, 'README.md'));
  symlinkSync(join(ROOT, 'scripts'), join(checkout, 'scripts'));
  const { environment } = workplace(directory.path);
  const path = `${BIN}:${environment.PATH}`;
  place = { directory: checkout, environment: { ...environment, PATH: path } };
  stack = await startServe({ data: join(checkout, 'data'), cwd: checkout });
  await stack.settled();
});
afterAll(async () => {
  await stack.end('SIGKILL');
  directory.remove();
});

/** The lines from `start` to the next empty one. */
function commandOn(screen: string, start: string): string {
  const from = screen.indexOf(start);
  if (from < 0) throw new Error(`no ${start} on the screen:\n${screen}`);
  return screen.slice(from).split('\n\n', 1)[0] ?? '';
}

describe('the screen on a pipe', () => {
  it('has no colour, no cursor tricks, no line over 100 columns', () => {
    const screen = stack.screen();
    expect([...screen].filter((letter) => letter < ' ' && letter !== '\n')).toEqual([]);
    expect(screen.split('\n').filter((line) => line.length > 100)).toEqual([]);
  });
});

describe.runIf(have('cosign'))('the printed lines', () => {
  it('sign a file and verify it', async () => {
    await ok(run(place, 'sh', ['-c', commandOn(stack.screen(), 'cosign sign-blob')]));
    expect(existsSync(join(checkout, 'README.sigstore.json'))).toBe(true);
    const verified = await ok(
      run(place, 'sh', ['-c', commandOn(stack.screen(), 'cosign verify-blob')]),
    );
    expect(verified.output).toContain('Verified OK');
  });
});
