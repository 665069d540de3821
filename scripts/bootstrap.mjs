// SPDX-License-Identifier: Apache-2.0
// Plain JavaScript for any Node >= 20: installs the locked packages when they are missing, finds a
// Node >= 24 and hands over to it. It stands between `npm start` and everything else.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, 'node_modules');
const STAMP = join(MODULES, '.sigstead-lock-sha256');

/** What each npm script runs, one after the other, until one fails. */
const TASKS = {
  start: [['services/stack/main.ts', 'serve', '--dev']],
  sigstead: [['services/stack/main.ts']],
  conformance: [['services/client/conformance-main.ts']],
  check: [
    ['tsc'],
    ['biome', 'ci', '--error-on-warnings', '.'],
    ['vitest', 'run', 'test/architecture.test.ts'],
  ],
  test: [['tsc'], ['biome', 'ci', '--error-on-warnings', '.'], ['vitest', 'run']],
  interop: [['test/interop/run.ts']],
  fault: [['vitest', 'run', '--config', 'test/fault/vitest.config.ts']],
  fuzz: [['test/fuzz/run.ts']],
  release: [['vitest', 'run', '--config', 'test/release/vitest.config.ts']],
  build: [['scripts/build.ts']],
  bench: [['bench/run.ts']],
};

/** Tasks whose arguments name files of the caller's folder. */
const FROM_ANYWHERE = new Set(['sigstead', 'conformance']);

/** Tools whose entry file is JavaScript, so that our Node runs them and not the first on PATH. */
const TOOLS = {
  tsc: 'typescript/bin/tsc',
  biome: '@biomejs/biome/bin/biome',
  vitest: 'vitest/vitest.mjs',
};

function fail(message) {
  process.stderr.write(`sigstead: ${message}\n`);
  process.exit(1);
}

function lockDigest() {
  return createHash('sha256')
    .update(readFileSync(join(ROOT, 'package-lock.json')))
    .digest('hex');
}

/** `npm ci` once per lockfile; a second run installs nothing and needs no registry. */
function install() {
  const digest = lockDigest();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === digest) return;
  process.stderr.write('sigstead: installing the locked packages (npm ci) …\n');
  const npm = process.env.npm_execpath;
  const [command, args] = npm?.endsWith('.js')
    ? [process.execPath, [npm]]
    : [process.platform === 'win32' ? 'npm.cmd' : 'npm', []];
  const done = spawnSync(command, [...args, 'ci', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
    shell: command === 'npm.cmd',
  });
  if (done.status !== 0) {
    fail('npm ci failed; it needs a package registry once. Its words stand above.');
  }
  writeFileSync(STAMP, digest);
}

/** Version of a Node binary as [major], or undefined where it does not run (musl, other CPU). */
function major(binary) {
  const probe = spawnSync(binary, ['--version'], { encoding: 'utf8' });
  const match = /^v(\d+)\./.exec(probe.stdout ?? '');
  return probe.status === 0 && match ? Number(match[1]) : undefined;
}

function findNode() {
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  const locked = join(MODULES, `node-${platform}-${process.arch}`, 'bin', name);
  for (const binary of [locked, process.execPath, 'node']) {
    if ((major(binary) ?? 0) >= 24) return binary;
  }
  return fail(
    `the locked Node 24 does not run on ${process.platform}-${process.arch}, and the Node here is ${process.version}.\n` +
      'Install Node 24 or newer and try again.',
  );
}

/** Runs a child with our terminal; signals reach it, its end becomes ours. */
function run(node, args, options) {
  return new Promise((resolve) => {
    const child = spawn(node, args, { ...options, stdio: 'inherit' });
    const forward = (signal) => child.kill(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, forward);
    child.on('error', (error) => fail(error.message));
    child.on('exit', (status, signal) => {
      for (const name of signals) process.off(name, forward);
      resolve(signal === null ? status : 128);
    });
  });
}

async function main() {
  const [task, ...rest] = process.argv.slice(2);
  const steps = TASKS[task];
  if (steps === undefined) fail(`unknown task ${task}; one of ${Object.keys(TASKS).join(', ')}`);
  install();
  const node = findNode();
  const env = {
    ...process.env,
    PATH: [dirname(node), join(MODULES, '.bin'), process.env.PATH].join(delimiter),
    // Disk writes and signatures share this pool: they must not wait for one another.
    UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE ?? '8',
  };
  const cwd = FROM_ANYWHERE.has(task) ? process.cwd() : ROOT;
  for (const [index, [entry, ...args]] of steps.entries()) {
    const file = TOOLS[entry] ? join(MODULES, TOOLS[entry]) : join(ROOT, entry);
    const extra = index === steps.length - 1 ? rest : [];
    const status = await run(node, [file, ...args, ...extra], { cwd, env });
    if (status !== 0) process.exit(status);
  }
}

await main();
