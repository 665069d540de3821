// SPDX-License-Identifier: Apache-2.0
// The services of a virtual Sigstore behind `fetch`, each with a fault where a test wants one.
import { createHash, createPublicKey, verify } from 'node:crypto';
import { fromBase64 } from '../../services/core/bytes.ts';
import { buildHashedRekord } from '../../services/core/entry.ts';
import { parsePem, pem } from '../../services/core/pem.ts';
import type { SigningConfig } from '../../services/core/signing-config.ts';
import { parseTimestampRequest } from '../../services/core/tsp.ts';
import {
  IDENTITY,
  ISSUER,
  NOW,
  type Recipe,
  type VirtualSigstore,
} from '../support/virtual-sigstore.ts';

export const CA = 'https://ca.test';
export const LOG = 'https://log.test:8400';
export const TSA = 'https://tsa.test/api/v1/timestamp';

const service = (url: string, majorApiVersion: number) => ({
  url,
  majorApiVersion,
  operator: 'test',
  start: NOW - 365 * 24 * 3_600_000,
});

export const SIGNING_CONFIG: SigningConfig = {
  caUrls: [service(CA, 1)],
  oidcUrls: [service(ISSUER, 1)],
  rekorTlogUrls: [service(LOG, 2)],
  rekorTlogConfig: { selector: 'ANY' },
  tsaUrls: [service(TSA, 1)],
  tsaConfig: { selector: 'ANY' },
};

/** Unsigned: only the virtual CA reads it. */
export function tokenOf(claims: Record<string, unknown> = {}): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const all = { iss: ISSUER, sub: 'user-1', email: IDENTITY, email_verified: true, ...claims };
  return `${part({ alg: 'RS256' })}.${part(all)}.c2lnbmF0dXJl`;
}

export type ServiceName = 'ca' | 'tsa' | 'log';

export interface ServiceFaults {
  readonly recipe?: Recipe;
  /** Changes the answer that a service was about to give. */
  readonly answer?: (service: ServiceName, answer: Response) => Response | Promise<Response>;
  /** Key that the certificate is for, in place of the one asked for. */
  readonly otherKey?: Uint8Array;
  readonly otherNonce?: boolean;
  readonly otherDigest?: boolean;
}

export interface Called {
  readonly service: ServiceName;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

function json(status: number, value: unknown): Response {
  return Response.json(value, { status });
}

export interface VirtualServices {
  readonly fetch: typeof fetch;
  readonly calls: readonly Called[];
}

const SERVICE_BY_URL: Readonly<Record<string, ServiceName>> = {
  [`${CA}/api/v2/signingCert`]: 'ca',
  [TSA]: 'tsa',
  [`${LOG}/api/v2/log/entries`]: 'log',
};

export function virtualServices(v: VirtualSigstore, faults: ServiceFaults = {}): VirtualServices {
  const recipe = faults.recipe ?? {};
  const calls: Called[] = [];

  const certificate = ({ body, headers }: Called): Response => {
    const request = JSON.parse(Buffer.from(body).toString()) as {
      publicKeyRequest: { publicKey: { content: string }; proofOfPossession: string };
    };
    const token = (headers.get('authorization') ?? '').replace('Bearer ', '');
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
      sub: string;
      email?: string;
      email_verified?: boolean;
    };
    const { publicKey, proofOfPossession } = request.publicKeyRequest;
    const [block] = parsePem(publicKey.content, 'PUBLIC KEY');
    const principal = claims.email_verified ? (claims.email ?? '') : claims.sub;
    const proven = verify(
      'sha256',
      Buffer.from(principal),
      createPublicKey(publicKey.content),
      fromBase64(proofOfPossession),
    );
    if (!proven) return json(400, { code: 3, message: 'possession', details: [] });
    const leaf = v.issue(recipe, faults.otherKey ?? block?.der ?? new Uint8Array());
    const chain = v.root.certificateAuthorities[0]?.chain.map(({ der }) => der) ?? [];
    const certificates = [leaf, ...chain].map((der) => pem('CERTIFICATE', der).trim());
    return json(200, { signedCertificateEmbeddedSct: { chain: { certificates } } });
  };

  const timestamp = ({ body }: Called): Response => {
    const request = parseTimestampRequest(body);
    const nonce = faults.otherNonce ? Uint8Array.of(0x41) : request.nonce;
    return new Response(new Uint8Array(v.stamp(recipe, request.digest, nonce)), { status: 200 });
  };

  const entry = ({ body }: Called): Response => {
    const { hashedRekordRequestV002: request } = JSON.parse(Buffer.from(body).toString()) as {
      hashedRekordRequestV002: {
        digest: string;
        signature: {
          content: string;
          verifier: { x509Certificate: { rawBytes: string }; keyDetails: string };
        };
      };
    };
    const { verifier, content } = request.signature;
    const digest = faults.otherDigest
      ? new Uint8Array(createHash('sha256').digest())
      : fromBase64(request.digest);
    const leaf = buildHashedRekord({
      digest,
      algorithm: { keyDetails: verifier.keyDetails, hash: 'sha256' },
      signature: fromBase64(content),
      verifier: { x509Certificate: fromBase64(verifier.x509Certificate.rawBytes) },
      ...recipe.entry,
    });
    return json(201, { ...v.log(recipe, leaf), integratedTime: '0', inclusionPromise: null });
  };

  const answers = { ca: certificate, tsa: timestamp, log: entry };
  return {
    calls,
    async fetch(input, init) {
      const name = SERVICE_BY_URL[String(input)];
      if (name === undefined) throw new TypeError(`nothing at ${String(input)}`);
      const body = new Uint8Array(await new Response(init?.body ?? '').arrayBuffer());
      const called = { service: name, headers: new Headers(init?.headers), body };
      calls.push(called);
      const answer = answers[name](called);
      return faults.answer === undefined ? answer : faults.answer(name, answer);
    },
  };
}
