// SPDX-License-Identifier: Apache-2.0
// A release as others get it: made in a copy of the checkout, installed where there is no checkout,
// no registry and no cache.
import { execFile } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './stack.ts';

const run = promisify(execFile);

/** Nothing answers there. */
const NO_REGISTRY = 'http://127.0.0.1:9/';
const SOURCES = [
  ...['package.json', 'package-lock.json', '.npmrc', 'tsconfig.json'],
  ...[
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'LICENSE',
    'SECURITY.md',
    'docs',
    'scripts',
    'services',
  ],
];
/** Packages that a release carries as they are: their files are copied, the others' linked. */
const CARRIED = ['better-sqlite3', 'node-addon-api'];

/** Links where it can, copies where the two lie on different disks. */
function linkTree(from: string, to: string): void {
  mkdirSync(to);
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else {
      try {
        linkSync(source, target);
      } catch {
        copyFileSync(source, target);
      }
    }
  }
}

/** As a fresh clone after `npm ci`. */
export function copyCheckout(to: string, from = ROOT): void {
  mkdirSync(to, { recursive: true });
  for (const name of SOURCES) cpSync(join(from, name), join(to, name), { recursive: true });
  const modules = join(from, 'node_modules');
  mkdirSync(join(to, 'node_modules'));
  for (const entry of readdirSync(modules, { withFileTypes: true })) {
    const [source, target] = [join(modules, entry.name), join(to, 'node_modules', entry.name)];
    if (CARRIED.includes(entry.name)) cpSync(source, target, { recursive: true });
    else if (entry.isDirectory()) linkTree(source, target);
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(source), target);
    else copyFileSync(source, target);
  }
}

/** What a builder with a strict umask and another clock would have. */
export function disguise(checkout: string): void {
  const then = new Date('2001-02-03T04:05:06Z');
  const settle = (place: string) => {
    const found = statSync(place);
    if (found.isDirectory()) for (const name of readdirSync(place)) settle(join(place, name));
    chmodSync(place, found.mode & 0o700);
    utimesSync(place, then, then);
  };
  for (const name of [...SOURCES, ...CARRIED.map((one) => join('node_modules', one))])
    settle(join(checkout, name));
}

/** Of an empty machine, but for the Node that runs the tests. */
export function emptyEnvironment(home: string): Record<string, string> {
  mkdirSync(home, { recursive: true });
  return {
    PATH: [dirname(process.execPath), process.env.PATH ?? ''].join(':'),
    HOME: home,
    NO_COLOR: '1',
    npm_config_cache: join(home, 'cache'),
    npm_config_registry: NO_REGISTRY,
    npm_config_update_notifier: 'false',
  };
}

export interface PackOptions {
  readonly umask?: string;
  readonly env?: Record<string, string>;
}

/** `npm pack` in a copy of the checkout. Returns the path of the tarball. */
export async function pack(checkout: string, options: PackOptions = {}): Promise<string> {
  const { umask = '022', env = {} } = options;
  await run('sh', ['-c', `umask ${umask} && exec npm pack --silent`], {
    cwd: checkout,
    env: { ...emptyEnvironment(join(checkout, '..', 'home')), ...env },
  });
  const [name, ...others] = readdirSync(checkout).filter((file) => file.endsWith('.tgz'));
  if (name === undefined || others.length > 0) throw new Error('npm pack made not one tarball');
  return join(checkout, name);
}

export interface Installed {
  /** Where somebody's project is. */
  readonly directory: string;
  /** The package in it. */
  readonly home: string;
  /** What npm made of `bin`. */
  readonly command: string;
  readonly environment: Record<string, string>;
}

/** `npm install TARBALL` in a new directory. */
export async function install(tarball: string, directory: string): Promise<Installed> {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, 'package.json'), '{"private":true,"type":"module"}\n');
  const environment = emptyEnvironment(join(directory, '..', 'user'));
  await run('npm', ['install', '--no-audit', '--no-fund', tarball], {
    cwd: directory,
    env: environment,
  });
  const modules = join(directory, 'node_modules');
  const command = join(modules, '.bin', 'sigstead');
  return { directory, home: join(modules, 'sigstead'), command, environment };
}
