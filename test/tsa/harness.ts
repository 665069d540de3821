// SPDX-License-Identifier: Apache-2.0
// Chains with any fault, an authority on a temporary directory, and a clock that tests turn.
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { utf8 } from '../../services/core/bytes.ts';
import {
  bitString,
  certificateTime,
  context,
  octetString,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
  unsignedInteger,
} from '../../services/core/der.ts';
import { OID } from '../../services/core/oid.ts';
import { encodeTimestampRequest, type TimestampRequest } from '../../services/core/tsp.ts';
import { type Certificate, parseCertificate } from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import type { Signer } from '../../services/runtime/keys.ts';
import type { Service } from '../../services/runtime/service.ts';
import { noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';
import { openTsa, type TsaOptions } from '../../services/tsa/main.ts';

export const NOW = Date.UTC(2026, 0, 15, 12, 0, 0);
export const DAY = 86_400_000;

export interface Party {
  readonly key: KeyObject;
  readonly spki: Uint8Array;
  readonly certificate: Certificate;
}

export interface Draft {
  subject?: string;
  /** Self-signed without. */
  issuer?: Party;
  ca?: boolean;
  eku?: readonly string[];
  ekuCritical?: boolean;
  /** Content octets of the key usage bits; what the kind of certificate needs without. */
  usage?: Uint8Array;
  notBefore?: number;
  notAfter?: number;
  serial?: Uint8Array;
  curve?: 'P-256' | 'P-384';
}

const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));

function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return sequence(oid(id), ...(critical ? [TRUE] : []), octetString(value));
}

function extensions({ ca = false, eku, ekuCritical = true, ...draft }: Draft): Uint8Array {
  const bits = draft.usage ?? (ca ? Uint8Array.of(1, 0b110) : Uint8Array.of(7, 0x80));
  return tlv(
    context(3),
    sequence(
      ...(ca ? [extension(OID.basicConstraints, true, sequence(TRUE))] : []),
      extension(OID.keyUsage, true, tlv(TAG.bitString, bits)),
      ...(eku === undefined
        ? []
        : [extension(OID.extendedKeyUsage, ekuCritical, sequence(...eku.map(oid)))]),
    ),
  );
}

const dn = (name: string) =>
  sequence(setOf(sequence(oid(OID.commonName), tlv(TAG.utf8String, utf8(name)))));

export function certify(draft: Draft): Party {
  const { subject = 'leaf', issuer, curve = 'P-256' } = draft;
  const pair = generateKeyPairSync('ec', { namedCurve: curve });
  const spki = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }));
  const algorithm = sequence(oid(OID.ecdsaSha256));
  const tbs = sequence(
    tlv(context(0), smallInteger(2)),
    unsignedInteger(draft.serial ?? randomBytes(8)),
    algorithm,
    issuer?.certificate.subject.raw ?? dn(subject),
    sequence(
      certificateTime(draft.notBefore ?? NOW - DAY),
      certificateTime(draft.notAfter ?? NOW + DAY),
    ),
    dn(subject),
    spki,
    extensions(draft),
  );
  const signature = sign('sha256', tbs, issuer?.key ?? pair.privateKey);
  const certificate = parseCertificate(sequence(tbs, algorithm, bitString(signature)));
  return { key: pair.privateKey, spki, certificate };
}

export const STAMPING: Draft = { subject: 'tsa', eku: [OID.timeStamping] };

export interface Chain {
  readonly root: Party;
  readonly leaf: Party;
  readonly certificates: readonly Certificate[];
}

export function makeChain(leaf: Draft = {}, root: Draft = {}): Chain {
  const top = certify({ subject: 'root', ca: true, ...root });
  const end = certify({ ...STAMPING, issuer: top, ...leaf });
  return { root: top, leaf: end, certificates: [end.certificate, top.certificate] };
}

export function signerOf({ key, spki }: Party): Signer {
  return { spki, sign: (message) => Promise.resolve(sign('sha256', message, key)) };
}

export interface Bench {
  readonly directory: string;
  readonly chain: Chain;
  /** Turned by tests. */
  clock: { now: number };
  open(extra?: Partial<TsaOptions>): Promise<Service>;
  remove(): void;
}

export function bench(chain: Chain = makeChain()): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'tsa-'));
  const clock = { now: NOW };
  return {
    directory,
    chain,
    clock,
    open: (extra = {}) =>
      openTsa({
        crypto: nodeCrypto,
        clock: () => clock.now,
        logger: silentLogger,
        metrics: noMetrics,
        random: (size) => new Uint8Array(randomBytes(size)),
        signer: signerOf(chain.leaf),
        chain: chain.certificates.map(({ der }) => der),
        markDirectory: directory,
        ...extra,
      }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export const MESSAGE = utf8('raw bytes of a signature');

export function requestFor(extra: Partial<TimestampRequest> = {}): TimestampRequest {
  return {
    hashOid: OID.sha256,
    hashParameters: 'null',
    digest: nodeCrypto.digest('sha256', MESSAGE),
    certReq: false,
    extensions: [],
    ...extra,
  };
}

export const QUERY = 'application/timestamp-query';

export function post(
  service: Service,
  body: Uint8Array | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return Promise.resolve(
    service.routes.request('/api/v1/timestamp', {
      method: 'POST',
      body: typeof body === 'string' ? body : new Uint8Array(body),
      headers: {
        'content-type': typeof body === 'string' ? 'application/json' : QUERY,
        ...headers,
      },
    }),
  );
}

/** The reply to a request that is granted. */
export async function stamp(
  service: Service,
  extra: Partial<TimestampRequest> = {},
): Promise<Uint8Array> {
  const response = await post(service, encodeTimestampRequest(requestFor(extra)));
  if (response.status !== 200) throw new Error(await response.text());
  return new Uint8Array(await response.arrayBuffer());
}

interface ErrorBody {
  code: number;
  message: string;
  details: [{ reason: string; metadata: { mend: string; field?: string } }];
}

export async function refusal(response: Response) {
  const body = (await response.json()) as ErrorBody;
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    reason: body.details[0].reason,
    message: body.message,
    field: body.details[0].metadata.field,
  };
}
