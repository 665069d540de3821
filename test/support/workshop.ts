// SPDX-License-Identifier: Apache-2.0
// A directory in which the commands of a document run: `sigstead` on the PATH, a running stack, its
// data and trust files, something to sign, and a token of an issuer that the stack knows.
import { execFile } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Block } from './documents.ts';
import { ROOT, type StackProcess, startServe } from './stack.ts';

/** Who signs in the documents, and who vouches for them. */
const IDENTITY = 'dev@example.com';
const ISSUER = 'https://oidc.example.com';
/** Where the documents say that the stack is. */
const DOCUMENTED_URL = 'http://localhost:8400';
const TIMEOUT_MS = 60_000;

export interface Workshop {
  readonly stack: StackProcess;
  /** A new directory for one document. */
  room(name: string): Promise<Room>;
}

export interface Room {
  readonly directory: string;
  /** Runs the lines of a block as one script that ends with the first failure. @throws Error */
  run(block: Block): Promise<string>;
}

function writeProgram(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const main = join(ROOT, 'services/stack/main.ts');
  writeFileSync(path, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`);
  chmodSync(path, 0o755);
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

  return {
    stack,
    async room(name) {
      const directory = join(path, 'rooms', name);
      mkdirSync(directory, { recursive: true });
      symlinkSync(data, join(directory, 'data'));
      cpSync(join(data, 'trust'), join(directory, 'trust'), { recursive: true });
      writeProgram(join(directory, 'scripts', 'sigstead'));
      for (const file of ['README.md', 'app.tgz', 'file']) {
        writeFileSync(join(directory, file), `content of ${file}\n`);
      }
      writeFileSync(join(directory, 'p.json'), '{"builder":"docs"}\n');
      writeFileSync(join(directory, 'token'), await token());
      return {
        directory,
        async run({ text }) {
          const script = text.replaceAll(DOCUMENTED_URL, stack.url);
          const options = { cwd: directory, env, timeout: TIMEOUT_MS };
          const { stdout } = await promisify(execFile)('sh', ['-euc', script], options);
          return stdout;
        },
      };
    },
  };
}
