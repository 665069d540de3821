// SPDX-License-Identifier: Apache-2.0
// An entry in the transparency log (Rekor v2), and the proof that it is there.
import { type LogEntry, parseLogEntry } from '../core/bundle.ts';
import { base64 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError } from '../core/errors.ts';
import type { TrustedRoot } from '../core/trust.ts';
import { verifyEntryBody } from '../core/verify/entry.ts';
import { verifyLogEntry } from '../core/verify/log.ts';
import type { SigningKey } from '../core/verify/signer.ts';
import { type HttpEdges, judgeAnswer, post, requireStatus, type ServiceAddress } from './http.ts';

/** A v2 log answers once the entry is in a published checkpoint; its clients wait 20 s and more. */
const TIMEOUT_MS = 30_000;
const MAX_BYTES = 1 << 20;

export interface Recorded {
  readonly signer: SigningKey;
  /** Its certificate, DER. */
  readonly certificate: Uint8Array;
  readonly signature: Uint8Array;
  /** Of what was signed, with the hash of the signer's algorithm. */
  readonly digest: Uint8Array;
}

function requestBody({ signer, certificate, signature, digest }: Recorded): string {
  return JSON.stringify({
    hashedRekordRequestV002: {
      digest: base64(digest),
      signature: {
        content: base64(signature),
        verifier: {
          x509Certificate: { rawBytes: base64(certificate) },
          keyDetails: signer.algorithm.keyDetails,
        },
      },
    },
  });
}

/**
 * @param logUrl base URL of the log
 * @throws CodedError SERVICE_UNREACHABLE, SERVICE_REFUSED, SERVICE_ANSWER
 */
export async function record(
  edges: HttpEdges,
  crypto: Crypto,
  root: TrustedRoot,
  logUrl: string,
  recorded: Recorded,
  signal: AbortSignal,
): Promise<LogEntry> {
  const service: ServiceAddress = {
    role: 'transparency log',
    url: `${logUrl.replace(/\/+$/, '')}/api/v2/log/entries`,
  };
  const answer = await post(edges, {
    service,
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: requestBody(recorded),
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
    signal,
  });
  const body = requireStatus(service, answer, [200, 201]);
  return judgeAnswer(service, () => {
    const entry = parseLogEntry(body);
    if (verifyLogEntry(crypto, root, entry) === undefined) {
      throw new CodedError('LOG_UNKNOWN', 'the trusted root does not hold this log');
    }
    const { signer, signature, digest } = recorded;
    verifyEntryBody(entry, { signer, signature, messageDigest: () => digest });
    return entry;
  });
}
