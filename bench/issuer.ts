// SPDX-License-Identifier: Apache-2.0
// An OpenID Connect issuer whose tokens look like those of GitHub Actions: Sigstead reads its keys
// from the configuration, Fulcio fetches them over HTTP. Both get the very same tokens.
import { generateKeyPairSync, randomInt } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type JWK, SignJWT } from 'jose';

export interface Token {
  readonly token: string;
  /** What a proof of possession signs. */
  readonly subject: string;
}

export interface Issuer {
  readonly url: string;
  readonly keys: readonly JWK[];
  token(): Promise<Token>;
  close(): void;
}

const digits = (length: number) => String(randomInt(10 ** (length - 1), 10 ** length));
const sha1 = () => Buffer.from(Array.from({ length: 20 }, () => randomInt(256))).toString('hex');

/** Of a push to a repository: 21 extensions of a certificate come of it, besides its subject. */
function claims() {
  const repository = `example/service-${digits(4)}`;
  const ref = 'refs/heads/main';
  const sha = sha1();
  const workflow = `${repository}/.github/workflows/release.yml@${ref}`;
  return {
    sub: `repo:${repository}:ref:${ref}`,
    event_name: 'push',
    sha,
    workflow: 'release',
    repository,
    ref,
    job_workflow_ref: workflow,
    job_workflow_sha: sha,
    runner_environment: 'self-hosted',
    repository_id: digits(9),
    repository_owner: 'example',
    repository_owner_id: digits(8),
    workflow_ref: workflow,
    workflow_sha: sha,
    run_id: digits(11),
    run_attempt: '1',
    repository_visibility: 'private',
  };
}

export async function openIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key: JWK = {
    ...publicKey.export({ format: 'jwk' }),
    kid: 'load',
    alg: 'RS256',
    use: 'sig',
  };
  const server = createServer((request, response) => {
    const discovery = { issuer: url, jwks_uri: `${url}/keys`, authorization_endpoint: url };
    const more = {
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
    };
    response.setHeader('content-type', 'application/json');
    const body = request.url === '/keys' ? { keys: [key] } : { ...discovery, ...more };
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    url,
    keys: [key],
    async token() {
      const { sub, ...others } = claims();
      const token = await new SignJWT(others)
        .setProtectedHeader({ alg: 'RS256', kid: 'load', typ: 'JWT' })
        .setIssuer(url)
        .setSubject(sub)
        .setAudience('sigstore')
        .setIssuedAt()
        .setExpirationTime('2 hours')
        .sign(privateKey);
      return { token, subject: sub };
    },
    close: () => server.close(),
  };
}
