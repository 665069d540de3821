// SPDX-License-Identifier: Apache-2.0
// The JavaScript of a release, made by esbuild from services/:
//
//   bin.cjs       what the package's `sigstead` is; it loads one of the next two
//   client.cjs    the client's commands, in one file that starts fast
//   main.js, …    every command: the stack with it, in parts that are read when they are wanted
//   thread.js     the writer thread of the logs
//   index.js      the library
//   hash-thread.js  a thread of its hashFiles()
//   verify.js     the verifier for browsers
//
// They lie two folders deep, as services/client does: `../../package.json` is the manifest for both.
import { readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type BuildOptions, build, type Plugin } from 'esbuild';

/** Left out of the bundles: it has native code. */
const EXTERNAL = ['better-sqlite3'];

/** What a CommonJS package finds missing in an ES module. */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

interface Context {
  readonly root: string;
  /** Directory to write. */
  readonly out: string;
  /** First line of every file. */
  readonly banner: string;
}

/**
 * Replaces the functions of a module by ones that load it when they are first called.
 * @param module path from the root: no path of this machine may stand in a bundle
 */
function lazyFunctions(root: string, module: string): Plugin {
  const namespace = 'lazy-functions';
  const whole = join(root, module);
  return {
    name: namespace,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`/${basename(module)}$`) }, (wanted) => {
        if (wanted.namespace === namespace) return { path: whole };
        return resolve(wanted.resolveDir, wanted.path) === whole
          ? { path: module, namespace }
          : undefined;
      });
      onLoad({ filter: /./, namespace }, () => {
        const names = readFileSync(whole, 'utf8').matchAll(/^export function (\w+)/gm);
        const inner = `require('./${basename(module)}')`;
        const lines = [...names].map(
          ([, name]) => `export const ${name} = (...given) => ${inner}.${name}(...given);`,
        );
        return { contents: lines.join('\n'), resolveDir: dirname(whole) };
      });
    },
  };
}

/** A built-in module that is needed on rare ways alone, loaded at the first use of a member. */
function lazyBuiltin(name: string): Plugin {
  const namespace = 'lazy-builtin';
  return {
    name: namespace,
    setup({ onResolve, onLoad }) {
      onResolve({ filter: new RegExp(`^${name}$`) }, ({ namespace: from }) =>
        from === namespace ? { path: name, external: true } : { path: name, namespace },
      );
      onLoad({ filter: /./, namespace }, () => ({
        contents: `module.exports = new Proxy({}, { get: (_, key) => require('${name}')[key] });`,
      }));
    },
  };
}

/** The launcher's imports are files of their own. */
const apart: Plugin = {
  name: 'apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/client\/main\.ts$/ }, () => ({
      path: './client.cjs',
      external: true,
    }));
    onResolve({ filter: /^\.\/main\.ts$/ }, () => ({ path: './main.js', external: true }));
  },
};

function common({ root, out, banner }: Context): BuildOptions {
  return {
    absWorkingDir: root,
    outdir: out,
    bundle: true,
    metafile: true,
    external: EXTERNAL,
    platform: 'node',
    target: 'node24',
    // Names stay: a stack trace in a report must mean something.
    minifyWhitespace: true,
    minifySyntax: true,
    // They stand in THIRD-PARTY-LICENSES.
    legalComments: 'none',
    banner: { js: banner },
    logLevel: 'warning',
  };
}

/** CommonJS: it starts without the loader of modules, 10 ms earlier. */
const COMMONJS: BuildOptions = {
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
};

function bundlesOf(context: Context): BuildOptions[] {
  const base = common(context);
  return [
    // It must run, if only to refuse, on any Node that may be found.
    {
      ...base,
      ...COMMONJS,
      entryPoints: { bin: 'services/stack/bin.ts' },
      target: 'node16',
      banner: { js: `#!/usr/bin/env node\n${context.banner}` },
      plugins: [apart],
    },
    {
      ...base,
      ...COMMONJS,
      entryPoints: { client: 'services/client/main.ts' },
      plugins: [
        lazyFunctions(context.root, 'services/core/crypto-noble.ts'),
        lazyBuiltin('node:child_process'),
      ],
    },
    {
      ...base,
      format: 'esm',
      splitting: true,
      chunkNames: 'part-[hash]',
      entryPoints: { main: 'services/stack/main.ts', thread: 'services/log/thread.ts' },
      banner: { js: `${context.banner}\n${REQUIRE}` },
    },
    {
      ...base,
      format: 'esm',
      entryPoints: {
        index: 'services/client/index.ts',
        'hash-thread': 'services/client/hash-thread.ts',
      },
    },
    {
      ...base,
      format: 'esm',
      entryPoints: { verify: 'services/client/browser.ts' },
      platform: 'browser',
      target: 'es2022',
    },
  ];
}

export interface Bundled {
  /** Files that went in, from the root. */
  readonly inputs: readonly string[];
  /** Packages that files of services/ import. */
  readonly wanted: ReadonlySet<string>;
}

const OWN = 'services/';

/** Writes every bundle. @throws Error when esbuild refuses */
export async function writeBundles(context: Context): Promise<Bundled> {
  const inputs = new Set<string>();
  const wanted = new Set(EXTERNAL);
  for (const options of bundlesOf(context)) {
    const { metafile } = await build({ ...options, metafile: true });
    for (const [path, { imports }] of Object.entries(metafile.inputs)) {
      inputs.add(path);
      if (!path.startsWith(OWN)) continue;
      for (const { path: to } of imports) {
        const [, name] = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(to) ?? [];
        if (name !== undefined) wanted.add(name);
      }
    }
  }
  return { inputs: [...inputs].sort(), wanted };
}
