// SPDX-License-Identifier: Apache-2.0
// GET of a JSON document from an issuer: no redirects, bounded in time and size.
import { readFileSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { globalAgent, get as httpsGet } from 'node:https';
import { rootCertificates } from 'node:tls';

const TIMEOUT_MS = 10_000;
const MAX_BYTES = 1 << 20;

export interface FetchSettings {
  /** PEM file, besides the system roots. */
  readonly caFile?: string | undefined;
  /** Bearer token, read at each call: projected tokens rotate. */
  readonly tokenFile?: string | undefined;
}

/** @throws Error saying what went wrong; never with the token */
export function fetchText(url: string, settings: FetchSettings): Promise<string> {
  const secure = url.startsWith('https:');
  const headers: Record<string, string> = { accept: 'application/json' };
  if (settings.tokenFile !== undefined)
    headers.authorization = `Bearer ${readFileSync(settings.tokenFile, 'utf8').trim()}`;
  const ca =
    settings.caFile === undefined
      ? {}
      : { ca: [...rootCertificates, readFileSync(settings.caFile, 'utf8')] };
  const options = secure
    ? { headers, minVersion: 'TLSv1.2' as const, agent: globalAgent, ...ca }
    : { headers };
  return new Promise((resolve, reject) => {
    const request = (secure ? httpsGet : httpGet)(
      url,
      { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) },
      (response) => {
        const chunks: Buffer[] = [];
        let length = 0;
        if (response.statusCode !== 200) {
          response.resume();
          const moved = (response.statusCode ?? 0) >= 300 && (response.statusCode ?? 0) < 400;
          reject(
            new Error(
              `${url}: status ${response.statusCode}${moved ? '; redirects are not followed' : ''}`,
            ),
          );
          return;
        }
        response.on('data', (chunk: Buffer) => {
          length += chunk.length;
          if (length > MAX_BYTES)
            request.destroy(new Error(`${url}: larger than ${MAX_BYTES} bytes`));
          else chunks.push(chunk);
        });
        response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
        response.on('error', reject);
      },
    );
    request.on('error', (error) => reject(new Error(`${url}: ${error.message}`)));
  });
}
