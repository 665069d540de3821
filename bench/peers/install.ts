// SPDX-License-Identifier: Apache-2.0
// Builds the peers in Go at the versions that go/*/go.mod pin; what is built already is kept.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BENCH = join(import.meta.dirname, '..');
const BIN = join(BENCH, '.cache', 'bin');

export type Program = 'fulcio' | 'rekor-tiles' | 'timestamp-server' | 'tesseract' | 'cosign';

interface Pinned {
  /** Directory of go.mod, whose one `tool` line is what is built. */
  readonly module: string;
  readonly package: string;
}

const PROGRAMS: Readonly<Record<Program, Pinned>> = {
  fulcio: { module: 'go/fulcio', package: 'github.com/sigstore/fulcio' },
  'rekor-tiles': {
    module: 'go/rekor',
    package: 'github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix',
  },
  'timestamp-server': {
    module: 'go/tsa',
    package: 'github.com/sigstore/timestamp-authority/v2/cmd/timestamp-server',
  },
  tesseract: {
    module: 'go/tesseract',
    package: 'github.com/transparency-dev/tesseract/cmd/tesseract/posix',
  },
  cosign: {
    module: '../test/interop/go/cosign3',
    package: 'github.com/sigstore/cosign/v3/cmd/cosign',
  },
};

/** Paths of the built programs. */
export type Programs = Readonly<Record<Program, string>>;

/** The pins decide whether a program is built anew. */
function pinsOf(module: string): string {
  const files = ['go.mod', 'go.sum'].map((name) => readFileSync(join(module, name)));
  return createHash('sha256').update(Buffer.concat(files)).digest('hex');
}

/** @throws Error with the words of the compiler */
function build(name: Program, { module, package: path }: Pinned, say: (line: string) => void) {
  const directory = join(BENCH, module);
  const program = join(BIN, name);
  const stamp = `${program}.sha256`;
  const pins = pinsOf(directory);
  if (existsSync(program) && existsSync(stamp) && readFileSync(stamp, 'utf8') === pins) return;
  say(`building ${name} (Go, once: minutes)`);
  // The flags are part of the build cache's key: always the same.
  const args = ['build', '-trimpath', '-ldflags=-s -w', '-o', program, path];
  const env = { ...process.env, GOFLAGS: '-mod=readonly', GOTOOLCHAIN: 'local' };
  const { status, error, stderr } = spawnSync('go', args, {
    cwd: directory,
    env,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`${name} was not built: ${error?.message ?? stderr}`);
  // A crash before this line builds again.
  writeFileSync(stamp, pins);
}

export function installPrograms(say: (line: string) => void): Programs {
  mkdirSync(BIN, { recursive: true });
  const names = Object.keys(PROGRAMS) as Program[];
  for (const name of names) build(name, PROGRAMS[name], say);
  return Object.fromEntries(names.map((name) => [name, join(BIN, name)])) as Programs;
}

/** `v1.8.8`, as the pins have it. */
export function versionOf(name: Program): string {
  const { module, package: path } = PROGRAMS[name];
  const text = readFileSync(join(BENCH, module, 'go.mod'), 'utf8');
  const rows = [...text.matchAll(/^\t?(?:require )?(\S+) (v\S+)/gm)];
  const found = rows.find(([, dependency = '']) => `${path}/`.startsWith(`${dependency}/`));
  return found?.[2] ?? 'unknown';
}
