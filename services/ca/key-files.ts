// SPDX-License-Identifier: Apache-2.0
// The CA's key and chain in files: ours in the data directory, or the operator's, as a mounted Secret
// shows them.
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CodedError, coded } from '../core/errors.ts';
import { parsePem } from '../core/pem.ts';
import type { Signer } from '../runtime/keys.ts';

/** A key, and the chain of its certificate: issuing certificate first, root last; DER. */
export interface KeyPair {
  readonly signer: Signer;
  readonly chain: readonly Uint8Array[];
}

/** What stood in the files at one moment. */
export interface KeyPairContent {
  /** Differs when the content does. */
  readonly digest: string;
  /** @throws CodedError KEY_UNREADABLE, CHAIN_INVALID */
  open(): KeyPair;
}

/** @throws CodedError KEY_UNREADABLE, CHAIN_INVALID */
export type ReadKeyPair = () => KeyPairContent;

export interface KeyPairFiles {
  readonly chainFile: string;
  readonly keyFile: string;
  readonly keyPasswordFile?: string | undefined;
}

/** Node's name of the curve or type → hash that every client pairs with it. */
const HASHES = new Map<string, string>([
  ['prime256v1', 'sha256'],
  ['secp384r1', 'sha384'],
  ['secp521r1', 'sha512'],
  ['rsa', 'sha256'],
]);

function unreadable(path: string, why: string): CodedError {
  return new CodedError('KEY_UNREADABLE', `${path}: ${why}`, { field: path });
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw unreadable(path, (error as Error).message);
  }
}

/** @throws CodedError KEY_UNREADABLE; its text quotes neither key nor password */
function openKey(path: string, pem: Buffer, password: string | undefined): KeyObject {
  // OpenSSL would say that somebody cancelled.
  if (password === undefined && pem.includes('ENCRYPTED'))
    throw unreadable(path, 'encrypted: set keyPasswordFile');
  try {
    return createPrivateKey({
      key: pem,
      ...(password === undefined ? {} : { passphrase: password }),
    });
  } catch (error) {
    throw unreadable(path, (error as Error).message);
  }
}

function signerOf(path: string, key: KeyObject): Signer {
  const type = key.asymmetricKeyDetails?.namedCurve ?? key.asymmetricKeyType ?? '';
  const hash = HASHES.get(type);
  if (hash === undefined) throw unreadable(path, `a CA does not sign with a key of type ${type}`);
  return {
    spki: new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' })),
    sign: (message) => Promise.resolve(sign(hash, message, key)),
  };
}

/**
 * Reads the files whole, each time: a Secret is swapped through links, which no watch of a file sees.
 */
export function keyPairReader({ chainFile, keyFile, keyPasswordFile }: KeyPairFiles): ReadKeyPair {
  return () => {
    const chain = readBytes(chainFile);
    const key = readBytes(keyFile);
    const password =
      keyPasswordFile === undefined ? undefined : readBytes(keyPasswordFile).toString('utf8');
    const hash = createHash('sha256');
    for (const part of [chain, key, password ?? '']) {
      hash.update(createHash('sha256').update(part).digest());
    }
    return {
      digest: hash.digest('hex'),
      open: () => ({
        signer: signerOf(keyFile, openKey(keyFile, key, password?.replace(/\r?\n$/, ''))),
        chain: coded('CHAIN_INVALID', chainFile, () =>
          parsePem(chain.toString('utf8'), 'CERTIFICATE').map(({ der }) => der),
        ),
      }),
    };
  };
}
