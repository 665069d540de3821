// SPDX-License-Identifier: Apache-2.0
// What every test file starts from: a stack of its own, its exported trust files, a signer's token
// and a published package to sign.
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { devToken, type HttpClient, httpClient } from '../../support/requests.ts';
import { type StackProcess, startServe, temporaryDirectory } from '../../support/stack.ts';
import { have, PACKAGE } from './cache.ts';
import { ok, sigstead, type Workplace, workplace } from './commands.ts';

export const IDENTITY = 'release@example.com';

/** What a client needs to sign and to verify. */
export interface Desk {
  readonly place: Workplace;
  /** Directory of trust files. */
  readonly trust: string;
  /** A file with a token of IDENTITY. */
  readonly token: string;
  readonly issuer: string;
  /** In the working directory. */
  readonly artifact: string;
  file(name: string): string;
}

/** Its trust files are those of `sigstead trust export`, its artifact is the published tarball. */
export interface Scene extends Desk {
  readonly stack: StackProcess;
  readonly http: HttpClient;
  close(): Promise<void>;
}

/** @param signs false where nothing of the package or a token is needed */
export async function openScene({ signs = true }: { signs?: boolean } = {}): Promise<Scene> {
  const directory = temporaryDirectory();
  const place = workplace(directory.path);
  const file = (name: string) => join(directory.path, name);
  const stack = await startServe({ data: file('data') });
  const http = httpClient(stack.url, 32);
  const close = async () => {
    http.close();
    await stack.end('SIGKILL');
    directory.remove();
  };
  try {
    const trust = file('trust');
    await ok(sigstead(place, 'trust', 'export', '--out', trust, '--url', stack.url));
    const token = file('token');
    const artifact = file('package.tgz');
    if (signs) {
      writeFileSync(token, await devToken(stack.url, IDENTITY));
      if (have('package')) copyFileSync(PACKAGE.file, artifact);
    }
    const issuer = `${stack.url}/dev-oidc`;
    return { stack, http, place, trust, token, issuer, artifact, file, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A scene to sign in, and one whose trust files know nothing of it. One that fails leaves no other behind. */
export async function openStrangers(): Promise<[scene: Scene, foreign: Scene]> {
  const scene = await openScene();
  try {
    return [scene, await openScene({ signs: false })];
  } catch (error) {
    await scene.close();
    throw error;
  }
}
