// SPDX-License-Identifier: Apache-2.0
// Signing keys. A key may live in a file today and in an HSM tomorrow, so signing is asynchronous at
// its interface.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { CodedError } from '../core/errors.ts';
import { writeFileDurably } from './store.ts';

export interface Signer {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** ECDSA P-256 over SHA-256 of the message, as ASN.1 DER. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

function signerOf(key: KeyObject): Signer {
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  return {
    spki,
    // 25 us on P-256: less than the trip to a pool thread and back.
    sign: (message) => Promise.resolve(sign('sha256', message, key)),
  };
}

function requireP256(key: KeyObject, path: string): KeyObject {
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new CodedError('KEY_UNREADABLE', `${path} is not an ECDSA P-256 key`, { field: path });
  }
  return key;
}

/** The private key in a PKCS#8 PEM file. @throws CodedError KEY_UNREADABLE */
export function readPrivateKey(path: string): KeyObject {
  try {
    return requireP256(createPrivateKey(readFileSync(path)), path);
  } catch (error) {
    if (error instanceof CodedError) throw error;
    // The reason of OpenSSL or of the file system; neither quotes the key.
    throw new CodedError('KEY_UNREADABLE', `${path}: ${(error as Error).message}`, { field: path });
  }
}

export function readSigner(path: string): Signer {
  return signerOf(readPrivateKey(path));
}

/**
 * Makes a P-256 key at `path` (PKCS#8 PEM, mode 0600) unless one is there, and reads it.
 * A crash before the rename inside writeFileDurably leaves no key, after it the whole key.
 */
export function ensurePrivateKey(path: string): KeyObject {
  if (!existsSync(path)) {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    writeFileDurably(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), 0o600);
  }
  return readPrivateKey(path);
}

export function ensureSigner(path: string): Signer {
  return signerOf(ensurePrivateKey(path));
}
