// SPDX-License-Identifier: Apache-2.0
// GET of a document from an issuer: bounded in time and size, never led to another host.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { get as httpsGet } from 'node:https';
import { getCACertificates } from 'node:tls';

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1 << 20;
const MAX_REDIRECTS = 3;

export interface FetchSettings {
  /** PEM file, besides the system roots. */
  readonly caFile?: string | undefined;
  /** PEM, the same in place. */
  readonly caCertificate?: string | undefined;
  /** Bearer token, read at each call: projected tokens rotate. */
  readonly tokenFile?: string | undefined;
  /** `host[:port]` values that may see the token. */
  readonly tokenHosts: readonly string[];
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

/** The certificates of a PEM text; what stands between them is passed over. @throws Error */
export function certificatesOf(text: string): string[] {
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) throw new Error('holds no PEM certificate');
  for (const certificate of certificates) new X509Certificate(certificate);
  return certificates;
}

/** @throws Error */
export function readCaFile(path: string): string[] {
  return certificatesOf(readFileSync(path, 'utf8'));
}

/** Read at each call: the authorities of a cluster rotate too. @throws Error */
function authorities({ caFile, caCertificate }: FetchSettings): { ca?: string[] } {
  const own = [
    ...(caFile === undefined ? [] : readCaFile(caFile)),
    ...(caCertificate === undefined ? [] : certificatesOf(caCertificate)),
  ];
  return own.length === 0 ? {} : { ca: [...getCACertificates('default'), ...own] };
}

interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly text: string;
}

function requestOptions(url: URL, settings: FetchSettings) {
  const headers: Record<string, string> = { accept: 'application/json' };
  const { tokenFile, tokenHosts } = settings;
  if (tokenFile !== undefined && tokenHosts.includes(url.host)) {
    headers.authorization = `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`;
  }
  if (url.protocol !== 'https:') return { headers };
  return { headers, minVersion: 'TLSv1.2' as const, ...authorities(settings) };
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function getOnce(url: URL, settings: FetchSettings, signal: AbortSignal): Promise<Reply> {
  const get = url.protocol === 'https:' ? httpsGet : httpGet;
  return new Promise((resolve, reject) => {
    const request = get(url, { ...requestOptions(url, settings), signal }, (response) => {
      const status = response.statusCode ?? 0;
      const location = response.headers.location;
      readText(response).then((text) => resolve({ status, location, text }), reject);
    });
    request.on('error', reject);
  });
}

/** SPEC OpenID Connect Discovery §4.2 wants 200; a redirect within the host is followed, out of it
 * or out of TLS it could hand the trust in the issuer to somebody else. */
function redirected(from: URL, location: string): URL {
  const to = new URL(location, from);
  if (to.protocol !== from.protocol || to.host !== from.host) {
    throw new Error(`redirects to another host, ${to.host}`);
  }
  return to;
}

/** Clusters publish their keys under another host than their issuer's, which never sees the token. */
function withheld({ host }: URL, status: number, { tokenFile, tokenHosts }: FetchSettings): string {
  const asked = status === 401 || status === 403;
  if (!asked || tokenFile === undefined || tokenHosts.includes(host)) return '';
  return `: ${host} is not the host of the issuer, so the token stays here; set jwksUrl`;
}

/** @throws Error that names the address and the fault, never the token */
export async function fetchText(address: string, settings: FetchSettings): Promise<string> {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    let url = new URL(address);
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const { status, location, text } = await getOnce(url, settings, signal);
      if (status === 200) return text;
      if (status < 300 || status >= 400 || location === undefined)
        throw new Error(`status ${status}${withheld(url, status, settings)}`);
      url = redirected(url, location);
    }
    throw new Error('redirects too often');
  } catch (error) {
    throw new Error(`${address}: ${(error as Error).message}`);
  }
}
