// SPDX-License-Identifier: Apache-2.0
// Signs a real file over HTTP, verifies it offline, flips one byte and sees it refused.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type HttpEdges, systemHttp } from '../client/http.ts';
import { signArtifact } from '../client/sign.ts';
import { readToken } from '../client/token.ts';
import { loadTrust, requireSigningConfig } from '../client/trust.ts';
import { parseBundle, serializeBundle } from '../core/bundle.ts';
import { CodedError } from '../core/errors.ts';
import { verifyBundle } from '../core/verify.ts';
import { systemClock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import type { Screen } from './screen.ts';
import type { Stack } from './serve.ts';

const EMAIL = 'self-check@sigstead.invalid';
const ARTIFACT = join(import.meta.dirname, '../../README.md');

const STEPS: ReadonlyArray<readonly [path: string, name: string]> = [
  ['/api/v2/signingCert', 'certificate, its precertificate in the CT log'],
  ['/api/v1/timestamp', 'timestamp'],
  ['/api/v2/log/entries', 'log entry with inclusion proof'],
];

/** The client's own HTTP, each answer shown with the time it took. */
function timedHttp(screen: Screen): HttpEdges {
  return {
    ...systemHttp,
    async fetch(input, init) {
      const start = performance.now();
      const response = await systemHttp.fetch(input, init);
      const body = await response.arrayBuffer();
      const name = STEPS.find(([path]) => String(input).endsWith(path))?.[1] ?? String(input);
      screen.step(name, performance.now() - start);
      return new Response(body, response);
    },
  };
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}

/** False when any step fails; the screen says which and why. */
export async function selfCheck(stack: Stack, screen: Screen): Promise<boolean> {
  const { devIssuer } = stack.parts;
  if (devIssuer === undefined)
    throw new CodedError('USAGE', 'the self-check needs a development issuer');
  const claims = { sub: EMAIL, email: EMAIL, email_verified: true };
  const path = join(stack.data, 'trust');
  try {
    const artifact = new Uint8Array(readFileSync(ARTIFACT));
    const start = performance.now();
    const { bundle } = await signArtifact(
      {
        trustedRoot: loadTrust(path).trustedRoot,
        signingConfig: requireSigningConfig(loadTrust(path), path),
        token: readToken(await devIssuer.token({ kind: 'email', claims })),
        crypto: nodeCrypto,
        clock: systemClock,
        http: timedHttp(screen),
        random: (size) => new Uint8Array(randomBytes(size)),
      },
      [artifact],
    );
    screen.step('README.md signed, the whole way', performance.now() - start);

    const policy = { identity: EMAIL, issuer: `${stack.url}/dev-oidc` };
    const verify = (bytes: Uint8Array) => {
      const { trustedRoot } = loadTrust(path);
      return verifyBundle(
        nodeCrypto,
        trustedRoot,
        parseBundle(serializeBundle(bundle)),
        { bytes },
        policy,
      );
    };
    const verifyStart = performance.now();
    verify(artifact);
    screen.step('verified offline', performance.now() - verifyStart, EMAIL);
    const tamperStart = performance.now();
    try {
      verify(flipped(artifact));
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      screen.step('one byte flipped: refused', performance.now() - tamperStart, error.code);
      return true;
    }
    screen.bad('one byte flipped: accepted');
  } catch (error) {
    screen.bad(error instanceof CodedError ? `${error.code}: ${error.message}` : String(error));
  }
  return false;
}
