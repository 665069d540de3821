// SPDX-License-Identifier: Apache-2.0
// One stamp: which policy, which time, which serial number; then the token.
import type { Crypto } from '../core/crypto.ts';
import { oid } from '../core/der.ts';
import { CodedError } from '../core/errors.ts';
import {
  prepareStamps,
  signedAttributes,
  timestampResponse,
  tstInfo,
} from '../core/tsp-template.ts';
import type { Certificate } from '../core/x509.ts';
import type { Signer } from '../runtime/keys.ts';
import type { StampRequest } from './request.ts';

const SERIAL_OCTETS = 20;

export interface StamperOptions {
  readonly crypto: Crypto;
  readonly random: (size: number) => Uint8Array;
  readonly signer: Signer;
  readonly leaf: Certificate;
  /** Dotted OIDs; the first is the default. */
  readonly policies: readonly string[];
  /** The time of the stamp: a whole second, in milliseconds since 1970. */
  readonly takeTime: () => Promise<number>;
}

/**
 * DER of a TimeStampResp.
 * @throws CodedError TSA_POLICY, TSA_SIGNING, and what takeTime throws
 */
export type Stamp = (request: StampRequest) => Promise<Uint8Array>;

/** 160 random bits (RFC 3161 §2.4.2: clients must bear as many); never zero. */
function serialNumber(random: (size: number) => Uint8Array): Uint8Array {
  const serial = random(SERIAL_OCTETS);
  if (serial.every((octet) => octet === 0)) serial[SERIAL_OCTETS - 1] = 1;
  return serial;
}

/** The policy that a request names, as DER; undefined = the first of the list. */
function policyTable(policies: readonly string[]): (wanted: string | undefined) => Uint8Array {
  const table = new Map(policies.map((policy) => [policy, oid(policy)]));
  const [standard] = table.values();
  if (standard === undefined) {
    throw new CodedError('CONFIG_INVALID', 'tsa.policies: at least one', { field: 'tsa.policies' });
  }
  return (wanted) => {
    const policy = wanted === undefined ? standard : table.get(wanted);
    if (policy !== undefined) return policy;
    const message = 'unaccepted policy: requested TSA policy is not supported by the TSA';
    throw new CodedError('TSA_POLICY', message, { field: 'reqPolicy' });
  };
}

async function signed(signer: Signer, message: Uint8Array): Promise<Uint8Array> {
  try {
    return await signer.sign(message);
  } catch (cause) {
    throw new CodedError('TSA_SIGNING', 'the timestamp could not be signed', { cause });
  }
}

export function createStamper(options: StamperOptions): Stamp {
  const { crypto, random, signer, leaf, takeTime } = options;
  const template = prepareStamps(crypto, leaf);
  const policyOf = policyTable(options.policies);
  return async ({ hash, digest, policy: wanted, nonce, certReq: embedLeaf }) => {
    const policy = policyOf(wanted);
    const genTimeMs = await takeTime();
    const serial = serialNumber(random);
    const info = tstInfo(template, { hash, digest, policy, serial, genTimeMs, nonce });
    const attributes = signedAttributes(template, crypto.digest('sha256', info), genTimeMs);
    const signature = await signed(signer, attributes);
    return timestampResponse(template, {
      tstInfo: info,
      signedAttributes: attributes,
      signature,
      embedLeaf,
    });
  };
}
