// SPDX-License-Identifier: Apache-2.0
// A CA over a real CT log in a temporary directory, with issuers whose keys are here.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JWK } from 'jose';
import { type CaConfig, caConfig } from '../../services/ca/config.ts';
import { type CaOptions, openCa } from '../../services/ca/main.ts';
import { base64 } from '../../services/core/bytes.ts';
import { parseCertificate } from '../../services/core/x509.ts';
import { openCtLog } from '../../services/ctlog/main.ts';
import { makeCaChain } from '../../services/pki/chain.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { ensurePrivateKey, ensureSigner } from '../../services/runtime/keys.ts';
import { noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';

export const NOW = Date.UTC(2026, 5, 1, 12);
export const EMAIL_ISSUER = 'https://login.corp.example';
export const KUBERNETES_ISSUER = 'https://kubernetes.corp.example';
export const GITHUB_ISSUER = 'https://github.corp.example/token';
export const GITLAB_ISSUER = 'https://gitlab.corp.example';

const issuerKey = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
export const strangerKey = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
export const jwk: JWK = {
  ...issuerKey.publicKey.export({ format: 'jwk' }),
  kid: 'one',
  alg: 'ES256',
  use: 'sig',
};

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

export interface TokenChange {
  readonly header?: Record<string, unknown>;
  readonly key?: KeyObject;
}

/** A compact JWS, signed with ES256 whatever the header says. */
export function token(claims: Record<string, unknown>, change: TokenChange = {}): string {
  const input = `${part({ alg: 'ES256', kid: 'one', ...change.header })}.${part(claims)}`;
  const signature = sign('sha256', Buffer.from(input), {
    key: change.key ?? issuerKey.privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return `${input}.${signature.toString('base64url')}`;
}

export const TIMES = { aud: 'sigstore', iat: NOW / 1000, exp: NOW / 1000 + 600 };
export const EMAIL_CLAIMS = {
  iss: EMAIL_ISSUER,
  sub: 'user-1',
  email: 'dev@corp.example',
  email_verified: true,
  ...TIMES,
};
export const KUBERNETES_CLAIMS = {
  iss: KUBERNETES_ISSUER,
  sub: 'system:serviceaccount:ci:builder',
  'kubernetes.io': { namespace: 'ci', serviceaccount: { name: 'builder', uid: 'u' } },
  ...TIMES,
};
export const GITHUB_CLAIMS = {
  iss: GITHUB_ISSUER,
  sub: 'repo:corp/app:ref:refs/heads/main',
  job_workflow_ref: 'corp/app/.github/workflows/release.yml@refs/heads/main',
  job_workflow_sha: 'a'.repeat(40),
  runner_environment: 'self-hosted',
  repository: 'corp/app',
  sha: 'b'.repeat(40),
  ref: 'refs/heads/main',
  repository_id: 12345678901234567890n.toString(),
  repository_owner: 'corp',
  repository_owner_id: '77',
  workflow_ref: 'corp/app/.github/workflows/release.yml@refs/heads/main',
  workflow_sha: 'c'.repeat(40),
  workflow: 'release <&>',
  event_name: 'push',
  run_id: '1',
  run_attempt: '2',
  repository_visibility: 'internal',
  ...TIMES,
};
export const GITLAB_CLAIMS = {
  iss: GITLAB_ISSUER,
  sub: 'project_path:corp/app:ref_type:branch:ref:main',
  ci_config_ref_uri: 'gitlab.corp.example/corp/app//.gitlab-ci.yml@refs/heads/main',
  ci_config_sha: 'd'.repeat(40),
  runner_environment: 'self-hosted',
  project_path: 'corp/app',
  sha: 'e'.repeat(40),
  ref: 'main',
  ref_type: 'branch',
  project_id: '5',
  namespace_path: 'corp',
  namespace_id: '6',
  pipeline_source: 'push',
  job_id: '9',
  project_visibility: 'private',
  ...TIMES,
};

export interface Subject {
  readonly pem: string;
  prove(name: string): string;
}

/** The keys that the CA takes by default, each with the hash that it signs with. */
export const SUBJECT_HASHES = {
  'P-256': 'sha256',
  'P-384': 'sha384',
  'P-521': 'sha512',
  rsa2048: 'sha256',
  rsa3072: 'sha256',
  rsa4096: 'sha256',
  ed25519: null,
} as const;
type SubjectAlgorithm = keyof typeof SUBJECT_HASHES;

export function subject(algorithm: SubjectAlgorithm = 'P-256'): Subject {
  const hash = SUBJECT_HASHES[algorithm];
  const pair =
    hash === null
      ? generateKeyPairSync('ed25519')
      : algorithm.startsWith('rsa')
        ? generateKeyPairSync('rsa', { modulusLength: Number(algorithm.slice(3)) })
        : generateKeyPairSync('ec', { namedCurve: algorithm });
  return {
    pem: pair.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    prove: (name) => base64(sign(hash, Buffer.from(name), pair.privateKey)),
  };
}

export function v2Body(key: Subject, name: string): Record<string, unknown> {
  return {
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: key.pem },
      proofOfPossession: key.prove(name),
    },
  };
}

export const ISSUERS = [
  { url: EMAIL_ISSUER, type: 'email' },
  { url: KUBERNETES_ISSUER, type: 'kubernetes' },
  { url: GITHUB_ISSUER, type: 'ci-provider', provider: 'github' },
  {
    url: GITLAB_ISSUER,
    type: 'ci-provider',
    provider: 'gitlab',
    providerUrl: 'https://gitlab.corp.example',
  },
];

export interface Change {
  /** Over the default configuration; issuers of `localKeys` have our key. */
  readonly config?: Record<string, unknown>;
  /** Issuers whose keys are here; all by default. */
  readonly local?: (url: string) => boolean;
  readonly ca?: (options: CaOptions) => Partial<CaOptions>;
}

export async function openHarness(change: Change = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'sigstead-ca-'));
  const at = (name: string) => join(directory, name);
  const edges = { clock: () => NOW, logger: silentLogger, metrics: noMetrics, crypto: nodeCrypto };
  const random = (size: number) => new Uint8Array(randomBytes(size));
  const { root, intermediate } = await makeCaChain({
    rootKey: ensurePrivateKey(at('root.pem')),
    intermediateKey: ensurePrivateKey(at('ca.pem')),
    organization: 'Test',
    clock: () => NOW,
    random,
  });
  const ctSigner = ensureSigner(at('ct.pem'));
  const ctlog = await openCtLog({
    ...edges,
    directory: at('ctlog'),
    markDirectory: at('mark'),
    signer: ctSigner,
    origin: 'ca.corp.example/ctlog',
    roots: [parseCertificate(root)],
    leafIndex: true,
  });
  const config: CaConfig = caConfig.parse({ issuers: ISSUERS, ...change.config });
  const localKeys = Object.fromEntries(
    config.issuers
      .filter(({ url }) => change.local?.(url) ?? true)
      .map(({ url }) => [url, () => [jwk]]),
  );
  const options: CaOptions = {
    ...edges,
    random,
    config,
    localKeys,
    signer: ensureSigner(at('ca.pem')),
    chain: [intermediate, root],
    submit: ctlog.submit,
    ctlogKey: ctSigner.spki,
    version: '0.0.0',
  };
  const close = async () => {
    await ctlog.close();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const ca = await openCa({ ...options, ...change.ca?.(options) });
    return { ca, ctlog, chain: [intermediate, root] as const, options, close };
  } catch (error) {
    await close();
    throw error;
  }
}

export type Harness = Awaited<ReturnType<typeof openHarness>>;

/** Posts and gives status, error code and the parsed body. */
export async function ask(
  { ca }: Pick<Harness, 'ca'>,
  body: unknown,
  jwt: string,
  path = '/api/v2/signingCert',
) {
  const response = await ca.routes.request(path, {
    method: 'POST',
    headers: { authorization: `Bearer ${jwt}` },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const answer = (await response.json()) as {
    code?: number;
    message?: string;
    details?: Array<{ reason: string; metadata: Record<string, string> }>;
    signedCertificateEmbeddedSct?: { chain: { certificates: string[] } };
  };
  const [detail] = answer.details ?? [];
  const certificates = answer.signedCertificateEmbeddedSct?.chain.certificates ?? [];
  return {
    status: response.status,
    reason: detail?.reason,
    metadata: detail?.metadata,
    message: answer.message,
    certificates,
  };
}
