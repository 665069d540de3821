// SPDX-License-Identifier: Apache-2.0
// The walls of the house: who may import whom, a pure core, small files, no cycle.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const MAX_LINES = 500;

/** Room → rooms it may import, besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  core: [],
  runtime: ['core'],
  log: ['core', 'runtime'],
  pki: ['core', 'runtime'],
  ca: ['core', 'runtime', 'pki'],
  ctlog: ['core', 'runtime', 'log'],
  tlog: ['core', 'runtime', 'log'],
  tsa: ['core', 'runtime', 'pki'],
  tuf: ['core', 'runtime'],
  client: ['core', 'runtime'],
  stack: ['core', 'runtime', 'log', 'pki', 'ca', 'ctlog', 'tlog', 'tsa', 'tuf', 'client'],
};

/** `runtime` and `log` know bytes, never certificates. */
const BYTES_ONLY = new Set(['runtime', 'log']);
const CERTIFICATE_MODULES = /core\/(x509|profile|sct|cms|tsp|bundle|trust|tuf|verify)/;

/** Packages that core may use: they run in a browser. */
const PURE_PACKAGES = /^@noble\/(curves|hashes)\//;

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

function sources(directory: string): SourceFile[] {
  return readdirSync(join(ROOT, directory), { recursive: true, encoding: 'utf8' })
    .filter(
      (name) => name.endsWith('.ts') && !name.includes('node_modules') && !name.includes('.cache'),
    )
    .map((name) => {
      const path = join(directory, name);
      const text = readFileSync(join(ROOT, path), 'utf8');
      const found = text.matchAll(
        /(?:^|\n)\s*(?:import|export)\b[^'";]*?from\s*'([^']+)'|import\('([^']+)'\)|(?:^|\n)import '([^']+)'/g,
      );
      return { path, text, imports: [...found].map((m) => m[1] ?? m[2] ?? m[3] ?? '') };
    });
}

const services = sources('services');
const all = [...services, ...sources('test'), ...sources('bench'), ...sources('scripts')];

function target(file: SourceFile, specifier: string): string {
  return relative(ROOT, join(ROOT, dirname(file.path), specifier));
}

const room = (path: string) => path.split('/')[1] ?? '';

describe('walls', () => {
  it('keeps imports to the direction of the house', () => {
    const breaches = services.flatMap((file) =>
      file.imports
        .filter((specifier) => specifier.startsWith('.'))
        .map((specifier) => target(file, specifier))
        .filter((path) => {
          const from = room(file.path);
          const to = room(path);
          return !path.startsWith('services/') || (from !== to && !MAY_IMPORT[from]?.includes(to));
        })
        .map((path) => `${file.path} imports ${path}`),
    );
    expect(breaches).toEqual([]);
  });

  it('lets runtime and log know bytes, never certificates', () => {
    const breaches = services
      .filter((file) => BYTES_ONLY.has(room(file.path)))
      .flatMap((file) =>
        file.imports
          .filter((i) => CERTIFICATE_MODULES.test(i))
          .map((i) => `${file.path} imports ${i}`),
      );
    expect(breaches).toEqual([]);
  });

  it('keeps core pure', () => {
    const impure =
      /\b(process|Buffer|setTimeout|setInterval|fetch|performance)\b\s*[.(]|Math\.random|Date\.now|new Date\(\)|\bawait\b|\basync\b/;
    const breaches = services
      .filter((file) => room(file.path) === 'core')
      .flatMap((file) => {
        const outside = file.imports.filter((i) => !i.startsWith('.') && !PURE_PACKAGES.test(i));
        const code = file.text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|'[^'\n]*'/g, '');
        const word = impure.exec(code);
        return [...outside, ...(word === null ? [] : [word[0]])].map(
          (what) => `${file.path}: ${what}`,
        );
      });
    expect(breaches).toEqual([]);
  });

  it('loads core in a browser bundle', async () => {
    const result = await build({
      entryPoints: services
        .filter((file) => room(file.path) === 'core')
        .map((file) => join(ROOT, file.path)),
      bundle: true,
      write: false,
      platform: 'browser',
      format: 'esm',
      outdir: 'out',
      logLevel: 'silent',
    });
    expect(result.errors).toEqual([]);
  });

  it('has no import cycle', () => {
    const edges = new Map(
      services.map((file) => [
        file.path,
        file.imports.filter((i) => i.startsWith('.')).map((i) => target(file, i)),
      ]),
    );
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]) => {
      if (state.get(path) === 'done') return;
      if (state.get(path) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '));
        return;
      }
      state.set(path, 'open');
      for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
      state.set(path, 'done');
    };
    for (const path of edges.keys()) visit(path, []);
    expect(cycles).toEqual([]);
  });

  it('keeps every file under the limit, with its licence line, without escape hatches', () => {
    const faults = all.flatMap((file) => {
      const lines = file.text.split('\n').length - 1;
      return [
        ...(lines > MAX_LINES ? [`${file.path}: ${lines} lines`] : []),
        ...(/^(#!.*\n)?\/\/ SPDX-License-Identifier: Apache-2\.0\n/.test(file.text)
          ? []
          : [`${file.path}: no SPDX line`]),
        ...(/@ts-(ignore|expect-error|nocheck)|\bas any\b|biome-ignore|\b(?:it|test|describe)\.(?:skip|only|todo)\b|TODO|FIXME/.test(
          file.text,
        ) && !file.path.endsWith('architecture.test.ts')
          ? [`${file.path}: escape hatch`]
          : []),
      ];
    });
    expect(faults).toEqual([]);
  });

  it('is a public default of nothing: no outside host stands in the code', () => {
    const hosts =
      /https?:\/\/(?!localhost|127\.0\.0\.1|\[::1\])[\w-]+(\.[\w-]+)*\.(dev|com|org|io|net)\b/g;
    // Names that a wire format or a preset fixes, not places that are called.
    const names =
      /kubernetes\.io|in-toto\.io|slsa\.dev\/|spdx\.dev|cyclonedx\.org|github\.com|gitlab\.com|buildkite\.com|g\.codefresh\.io|sigstore\.dev\/cosign|cosign\.sigstore\.dev\/|token\.actions\.githubusercontent\.com|c2sp\.org|\/\/[\w.]*example\.(com|org|net)/;
    const breaches = services.flatMap((file) =>
      [...file.text.matchAll(hosts)]
        .filter((m) => !names.test(file.text.slice(m.index, m.index + 80)))
        .map((m) => `${file.path}: ${m[0]}`),
    );
    expect(breaches).toEqual([]);
  });
});
