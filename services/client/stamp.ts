// SPDX-License-Identifier: Apache-2.0
// A timestamp over a signature (RFC 3161).
import type { Crypto } from '../core/crypto.ts';
import { OID } from '../core/oid.ts';
import type { TrustedRoot } from '../core/trust.ts';
import {
  encodeTimestampRequest,
  parseTimestampResponse,
  requireAnswer,
  verifyTimestamp,
} from '../core/tsp.ts';
import { type HttpEdges, judgeAnswer, post, requireStatus, type ServiceAddress } from './http.ts';

const TIMEOUT_MS = 20_000;
const MAX_BYTES = 1 << 20;
const NONCE_LENGTH = 16;

/** Content octets of a positive INTEGER of fixed length: the top two bits are 01. */
function nonceFrom(random: Uint8Array): Uint8Array {
  const nonce = random.slice();
  nonce[0] = ((nonce[0] ?? 0) & 0x3f) | 0x40;
  return nonce;
}

/**
 * @param url the whole endpoint
 * @param signature raw signature bytes
 * @returns TimeStampResp, DER, verified
 * @throws CodedError SERVICE_UNREACHABLE, SERVICE_REFUSED, SERVICE_ANSWER
 */
export async function stamp(
  edges: HttpEdges & { readonly random: (length: number) => Uint8Array },
  crypto: Crypto,
  root: TrustedRoot,
  url: string,
  signature: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const service: ServiceAddress = { role: 'timestamp authority', url };
  const request = {
    hashOid: OID.sha256,
    hashParameters: 'null',
    digest: crypto.digest('sha256', signature),
    nonce: nonceFrom(edges.random(NONCE_LENGTH)),
    certReq: true,
    extensions: [],
  } as const;
  const answer = await post(edges, {
    service,
    headers: {
      'content-type': 'application/timestamp-query',
      accept: 'application/timestamp-reply',
    },
    body: new Uint8Array(encodeTimestampRequest(request)),
    timeoutMs: TIMEOUT_MS,
    maxBytes: MAX_BYTES,
    signal,
  });
  const response = requireStatus(service, answer, [200, 201]);
  return judgeAnswer(service, () => {
    verifyTimestamp(crypto, response, signature, root.timestampAuthorities);
    requireAnswer(request, parseTimestampResponse(response));
    return response;
  });
}
