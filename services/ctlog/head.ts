// SPDX-License-Identifier: Apache-2.0
// Tree heads. One signature serves both APIs: get-sth shows it bare, the checkpoint inside a note.
//
//   signed     u8 0 | u8 1 | u64 ms | u64 size | root                     RFC 6962 §3.5
//   note line  key id[4] | u64 ms | DigitallySigned                       static-ct-api
//   key id     SHA-256(name | \n | 05 | log id)[:4]
//   DigitallySigned = u8 4 (SHA-256) | u8 3 (ECDSA) | u16 length | signature
import { ByteReader, concat, uint, uint64, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { formatCheckpoint, formatNote, parseNote, rfc6962KeyId } from '../core/note.ts';
import { SCT_ECDSA, SCT_SHA256 } from '../core/sct.ts';
import type { HeadSigner } from '../log/log.ts';
import type { Signer } from '../runtime/keys.ts';

export const SHA256_ECDSA = { hash: SCT_SHA256, signatureAlgorithm: SCT_ECDSA } as const;

export function digitallySigned(signature: Uint8Array): Uint8Array {
  const { hash, signatureAlgorithm } = SHA256_ECDSA;
  return concat(Uint8Array.of(hash, signatureAlgorithm), uint(signature.length, 2), signature);
}

export function treeHead(timeMs: number, size: number, root: Uint8Array): Uint8Array {
  return concat(Uint8Array.of(0, 1), uint64(timeMs), uint64(size), root);
}

export function headSigner(
  crypto: Crypto,
  origin: string,
  logId: Uint8Array,
  signer: Signer,
): HeadSigner {
  const hint = rfc6962KeyId(crypto, origin, logId).subarray(0, 4);
  return async ({ size, root, timeMs }) => {
    const signed = digitallySigned(await signer.sign(treeHead(timeMs, size, root)));
    const signature = concat(uint64(timeMs), signed);
    const text = formatCheckpoint(origin, size, root);
    return utf8(formatNote(text, [{ name: origin, hint, signature }]));
  };
}

/** What get-sth shows of a checkpoint that headSigner made. */
export function treeHeadSignature(checkpoint: Uint8Array): {
  timestampMs: number;
  signature: Uint8Array;
} {
  const [line] = parseNote(checkpoint).signatures;
  const reader = new ByteReader(line?.signature ?? new Uint8Array());
  const timestampMs = Number(reader.uint64());
  return { timestampMs, signature: reader.take(reader.remaining) };
}
