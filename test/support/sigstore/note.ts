// SPDX-License-Identifier: Apache-2.0
// Checkpoints and the lines that sign them: logs with every key type, cosigners of C2SP.
import { ed25519 } from '@noble/curves/ed25519.js';
import { base64, concat, uint64, utf8 } from '../../../services/core/bytes.ts';
import type { Pair } from './keys.ts';
import { seeded, sha256 } from './random.ts';

/** One signature line, newline included. */
export function noteLine(name: string, hint: Uint8Array, signature: Uint8Array): string {
  return `— ${name} ${base64(concat(hint, signature))}\n`;
}

const NEWLINE = 0x0a;
const TYPE = { ed25519: 0x01, cosigner: 0x04, mlDsaCosigner: 0x06, other: 0xff };
const RSA_LABEL = utf8('PKIX-RSA-PKCS#1v1.5');

function namedKeyId(name: string, type: number, ...key: readonly Uint8Array[]): Uint8Array {
  return sha256(concat(utf8(name), Uint8Array.of(NEWLINE, type), ...key));
}

/** The full key id of a log: its logId in entries and trusted roots. */
export function noteKeyId(name: string, { publicKey }: Pair): Uint8Array {
  const { kind, spki, bits } = publicKey;
  if (kind === 'ed25519') return namedKeyId(name, TYPE.ed25519, bits);
  if (kind === 'rsa') return namedKeyId(name, TYPE.other, RSA_LABEL, spki);
  return sha256(spki);
}

/** cosignature/v1 of a witness over the text of a note. */
export function cosignature(name: string, text: string, timeMs: number): string {
  const secret = seeded(`cosigner ${name}`)(32);
  const keyId = namedKeyId(name, TYPE.cosigner, ed25519.getPublicKey(secret));
  const seconds = Math.floor(timeMs / 1000);
  const signed = utf8(`cosignature/v1\ntime ${seconds}\n${text}`);
  const signature = concat(uint64(seconds), ed25519.sign(signed, secret));
  return noteLine(name, keyId.subarray(0, 4), signature);
}

/** A line as ML-DSA-44 witnesses write it: of a type that verifiers here cannot check. */
export function postQuantumLine(name: string): string {
  const random = seeded(`ML-DSA ${name}`);
  const keyId = namedKeyId(name, TYPE.mlDsaCosigner, random(1312));
  return noteLine(name, keyId.subarray(0, 4), random(2428));
}
