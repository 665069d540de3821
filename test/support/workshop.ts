// SPDX-License-Identifier: Apache-2.0
// A directory in which the commands of a document run: `sigstead` on the PATH, a running stack, its
// data and trust files, something to sign, and a token of an issuer that the stack knows.
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Block, type Document, filesIn, notPrinted, printsOf } from './documents.ts';
import { ROOT, type StackProcess, startServe } from './stack.ts';

/** Who signs in the documents, and who vouches for them. */
const IDENTITY = 'dev@example.com';
const ISSUER = 'https://oidc.example.com';
/** Where the documents say that the stack is. */
const DOCUMENTED_URL = 'http://localhost:8400';
const TIMEOUT_MS = 60_000;

export interface Workshop {
  readonly stack: StackProcess;
  /** A new directory for a document, with the files that it gives. */
  room(document: Document): Promise<Room>;
}

export interface Room {
  readonly directory: string;
  /**
   * Runs the lines of a block as one script that ends with the first failure.
   * @returns what it printed on both streams
   * @throws Error with that, also when a line that the document shows is missing
   */
  run(block: Block): Promise<string>;
}

function writeProgram(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const main = join(ROOT, 'services/stack/main.ts');
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(path, 0o755);
}

/** Runs a script that says everything on stdout. @throws Error with what it said */
async function runScript(text: string, options: { cwd: string; env: NodeJS.ProcessEnv }) {
  const script = `exec 2>&1\n${text}`;
  try {
    const limits = { timeout: TIMEOUT_MS };
    return (await promisify(execFile)('sh', ['-euc', script], { ...options, ...limits })).stdout;
  } catch (error) {
    const { message, stdout } = error as Error & { stdout?: string };
    throw new Error(`${message}\n${stdout ?? ''}`);
  }
}

/** `import … from 'sigstead'`, as after an installation. */
function writePackage(directory: string): void {
  mkdirSync(directory, { recursive: true });
  const manifest = { type: 'module', exports: { '.': './index.js', './verify': './verify.js' } };
  writeFileSync(join(directory, 'package.json'), JSON.stringify(manifest));
  for (const [name, source] of [
    ['index.js', 'index.ts'],
    ['verify.js', 'browser.ts'],
  ] as const) {
    const target = pathToFileURL(join(ROOT, 'services/client', source));
    writeFileSync(join(directory, name), `export * from '${target}';\n`);
  }
}

/** @param binaries directories of foreign programs */
export async function openWorkshop(path: string, binaries: readonly string[]): Promise<Workshop> {
  const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(publicKey)), kid: 'docs', alg: 'ES256', use: 'sig' };
  const config = join(path, 'workshop.json');
  const issuer = { url: ISSUER, type: 'email', jwks: { keys: [key] } };
  writeFileSync(config, JSON.stringify({ ca: { issuers: [issuer] } }));
  const data = join(path, 'data');
  const stack = await startServe({ data, args: ['--config', config] });
  await stack.settled();
  const bin = join(path, 'bin');
  writeProgram(join(bin, 'sigstead'));
  const programs = [bin, ...binaries, dirname(process.execPath), process.env.PATH ?? ''];
  const env = { PATH: programs.join(delimiter), HOME: path, NO_COLOR: '1' };
  const token = () =>
    new SignJWT({ email: IDENTITY, email_verified: true })
      .setProtectedHeader({ alg: 'ES256', kid: 'docs' })
      .setIssuer(ISSUER)
      .setSubject(IDENTITY)
      .setAudience('sigstore')
      .setIssuedAt()
      .setExpirationTime('10 minutes')
      .sign(privateKey);

  let rooms = 0;
  return {
    stack,
    async room(document) {
      const directory = join(
        path,
        'rooms',
        `${document.path.replaceAll(/[^\w]/g, '-')}-${++rooms}`,
      );
      mkdirSync(directory, { recursive: true });
      symlinkSync(data, join(directory, 'data'));
      cpSync(join(data, 'trust'), join(directory, 'trust'), { recursive: true });
      writeProgram(join(directory, 'scripts', 'sigstead'));
      writePackage(join(directory, 'node_modules', 'sigstead'));
      for (const file of ['README.md', 'app.tgz', 'file']) {
        writeFileSync(join(directory, file), `content of ${file}\n`);
      }
      writeFileSync(join(directory, 'p.json'), '{"builder":"docs"}\n');
      writeFileSync(join(directory, 'token'), await token());
      const here = (text: string) => text.replaceAll(DOCUMENTED_URL, stack.url);
      for (const { name, text } of filesIn(document)) {
        writeFileSync(join(directory, name), here(text));
      }
      return {
        directory,
        async run(block) {
          const said = await runScript(here(block.text), { cwd: directory, env });
          const output = said.replaceAll(stack.url, DOCUMENTED_URL);
          const missing = notPrinted(printsOf(document, block), output);
          if (missing.length === 0) return output;
          throw new Error(`did not print\n${missing.join('\n')}\nbut\n${output}`);
        },
      };
    },
  };
}
