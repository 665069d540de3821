// SPDX-License-Identifier: Apache-2.0
// Which packages of others a release carries, as the lockfile knows them: those whose files went
// into a bundle, and those that lie beside it as they are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
}

interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly inBundle?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** `packages` of a lockfile of version 3, by path from the root. */
export type Lockfile = Readonly<Record<string, LockEntry>>;

export interface Package {
  /** From the root: `node_modules/…`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** Subresource integrity, as the registry gave it. */
  readonly integrity: string;
  /** SPDX expression. */
  readonly license: string;
  /** `bundled`: parts of it stand in dist/. `beside`: whole, under node_modules/. */
  readonly how: 'bundled' | 'beside';
  /** Paths of the packages of the release that it needs. */
  readonly needs: readonly string[];
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

export function readManifest(root: string): Manifest {
  return readJson(join(root, 'package.json')) as Manifest;
}

export function readLockfile(root: string): Lockfile {
  return (readJson(join(root, 'package-lock.json')) as { packages: Lockfile }).packages;
}

const MODULES = 'node_modules/';

/** Path of the package that a file under node_modules belongs to. */
function packageOf(file: string): string | undefined {
  const start = file.lastIndexOf(MODULES);
  if (start < 0) return undefined;
  const [scope = '', name = ''] = file.slice(start + MODULES.length).split('/');
  return (
    file.slice(0, start + MODULES.length) + (scope.startsWith('@') ? `${scope}/${name}` : scope)
  );
}

/** Where Node finds a package that the one at `path` asks for: the nearest node_modules. */
function resolve(lock: Lockfile, path: string, name: string): string | undefined {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf(MODULES) - 1))) {
    const found = at === '' ? `${MODULES}${name}` : `${at}/${MODULES}${name}`;
    if (lock[found] !== undefined) return found;
    if (at === '') return undefined;
  }
}

/**
 * In the order of their paths.
 * @param files that went into a bundle, from the root
 * @throws Error when the lockfile lacks one, or what must be known of it
 */
export function packagesOf(lock: Lockfile, files: readonly string[]): Package[] {
  const bundled = new Set(files.flatMap((file) => packageOf(file) ?? []));
  const beside = Object.keys(lock).filter((path) => lock[path]?.inBundle);
  const paths = [...new Set([...bundled, ...beside])].sort();
  return paths.map((path): Package => {
    const { version, integrity, license, dependencies = {} } = lock[path] ?? {};
    if (version === undefined || integrity === undefined || license === undefined)
      throw new Error(`package-lock.json lacks version, integrity or license of ${path}`);
    const needs = Object.keys(dependencies)
      .flatMap((name) => resolve(lock, path, name) ?? [])
      .filter((need) => paths.includes(need));
    const name = path.slice(path.lastIndexOf(MODULES) + MODULES.length);
    const how = bundled.has(path) ? 'bundled' : 'beside';
    return { path, name, version, integrity, license, how, needs };
  });
}
