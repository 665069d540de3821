// SPDX-License-Identifier: Apache-2.0
// Requests as clients send them, each new, and the little HTTP client that sends them.
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { Agent, request } from 'node:http';
import { gunzipSync } from 'node:zlib';
import {
  octetString,
  oid,
  sequence,
  smallInteger,
  TAG,
  tlv,
  unsignedInteger,
} from '../../services/core/der.ts';

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

export interface HttpClient {
  get(path: string): Promise<Answer>;
  post(path: string, type: string, body: string | Uint8Array): Promise<Answer>;
  close(): void;
}

/** Keep-alive over at most `sockets` connections. Rejects when a connection breaks. */
export function httpClient(url: string, sockets: number): HttpClient {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets });
  const send = (method: string, path: string, type?: string, body?: string | Uint8Array) =>
    new Promise<Answer>((resolve, reject) => {
      const headers = {
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      };
      const sent = request(new URL(path, url), { method, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const sentBody = Buffer.concat(chunks);
          // Full bundles of a log come compressed, whether asked for or not.
          const zipped = response.headers['content-encoding'] === 'gzip';
          const body = zipped ? gunzipSync(sentBody) : sentBody;
          resolve({ status: response.statusCode ?? 0, body });
        });
      });
      sent.on('error', reject);
      sent.end(body);
    });
  return {
    get: (path) => send('GET', path),
    post: (path, type, body) => send('POST', path, type, body),
    close: () => agent.destroy(),
  };
}

export interface KeyPair {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo. */
  readonly spki: Buffer;
  readonly pem: string;
}

export function newKeyPair(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  return {
    privateKey,
    spki: publicKey.export({ type: 'spki', format: 'der' }),
    pem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** Body of POST /api/v2/log/entries: a new artifact, signed with the key. */
export function entryBody(key: KeyPair): string {
  const artifact = randomBytes(32);
  return JSON.stringify({
    hashedRekordRequestV002: {
      digest: createHash('sha256').update(artifact).digest('base64'),
      signature: {
        content: sign('sha256', artifact, key.privateKey).toString('base64'),
        verifier: {
          publicKey: { rawBytes: key.spki.toString('base64') },
          keyDetails: 'PKIX_ECDSA_P256_SHA_256',
        },
      },
    },
  });
}

/** Body of POST /api/v2/signingCert; the proof of possession signs the identity. */
export function certificateBody(key: KeyPair, token: string, identity: string): string {
  const proof = sign('sha256', Buffer.from(identity), key.privateKey);
  return JSON.stringify({
    credentials: { oidcIdentityToken: token },
    publicKeyRequest: {
      publicKey: { algorithm: 'ECDSA', content: key.pem },
      proofOfPossession: proof.toString('base64'),
    },
  });
}

const SHA256 = sequence(oid('2.16.840.1.101.3.4.2.1'), tlv(TAG.null));

/** TimeStampReq (RFC 3161 §2.4.1) over a SHA-256 digest, with a nonce and the certificate asked for. */
export function timestampQuery(digest: Uint8Array): Uint8Array {
  const imprint = sequence(SHA256, octetString(digest));
  const nonce = unsignedInteger(randomBytes(8));
  const certReq = tlv(TAG.boolean, Uint8Array.of(0xff));
  return sequence(smallInteger(1), imprint, nonce, certReq);
}

/** A token of the development issuer. */
export async function devToken(
  url: string,
  email: string,
  expiresInSeconds = 600,
): Promise<string> {
  const answer = await fetch(`${url}/dev-oidc/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      kind: 'email',
      claims: { sub: email, email, email_verified: true },
      expiresInSeconds,
    }),
  });
  const { id_token } = (await answer.json()) as { id_token?: unknown };
  if (typeof id_token !== 'string') throw new Error(`no token: ${answer.status}`);
  return id_token;
}

export const PATHS = {
  entry: '/api/v2/log/entries',
  certificate: '/api/v2/signingCert',
  stamp: '/api/v1/timestamp',
} as const;

export const TYPES = {
  entry: 'application/json',
  certificate: 'application/json',
  stamp: 'application/timestamp-query',
} as const;
