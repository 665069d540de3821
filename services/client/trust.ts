// SPDX-License-Identifier: Apache-2.0
// --trust-config: a ClientTrustConfig file, a directory of trust files, or a trusted root alone,
// which is enough to verify; or cosign's --trusted-root and --signing-config. There is no default: a
// client that falls back to a public instance would send what is private there.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError, coded } from '../core/errors.ts';
import { isJsonObject, parseJson } from '../core/json.ts';
import {
  CLIENT_TRUST_CONFIG_MEDIA_TYPE,
  parseClientTrustConfig,
  parseSigningConfig,
  type SigningConfig,
} from '../core/signing-config.ts';
import { parseTrustedRoot, TRUSTED_ROOT_MEDIA_TYPE, type TrustedRoot } from '../core/trust.ts';
import { readBounded } from './files.ts';

/** Trust files, read and checked. */
export interface Trust {
  /** Whom to believe. */
  readonly trustedRoot: TrustedRoot;
  /** Where to sign; absent when only a trusted root was given. */
  readonly signingConfig: SigningConfig | undefined;
}

const MAX_LENGTH = 2 << 20;
const TRUSTED_ROOT_FILE = 'trusted_root.json';
const SIGNING_CONFIG_FILE = 'signing_config.v0.2.json';

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function loadDirectory(directory: string): Trust {
  const config = join(directory, SIGNING_CONFIG_FILE);
  const present = statSync(config, { throwIfNoEntry: false }) !== undefined;
  return {
    trustedRoot: parseTrustedRoot(readBounded(join(directory, TRUSTED_ROOT_FILE), MAX_LENGTH)),
    signingConfig: present ? parseSigningConfig(readBounded(config, MAX_LENGTH)) : undefined,
  };
}

/** Reader by media type. */
const READERS = new Map<string, (text: Uint8Array) => Trust>([
  [CLIENT_TRUST_CONFIG_MEDIA_TYPE, (text) => parseClientTrustConfig(text)],
  [
    TRUSTED_ROOT_MEDIA_TYPE,
    (text) => ({ trustedRoot: parseTrustedRoot(text), signingConfig: undefined }),
  ],
]);

/**
 * Reads trust files: a client trust config, a directory as `trust export` writes it, or a trusted root
 * alone, with which nothing can be signed. There is no default.
 * @param path file or directory
 * @throws CodedError FILE_UNREADABLE, TRUST_ROOT_MALFORMED, SIGNING_CONFIG_MALFORMED
 */
export function loadTrust(path: string): Trust {
  if (isDirectory(path)) return loadDirectory(path);
  const bytes = readBounded(path, MAX_LENGTH);
  const document = coded('TRUST_ROOT_MALFORMED', path, () => parseJson(bytes));
  const mediaType = isJsonObject(document) ? document.mediaType : undefined;
  const read = READERS.get(typeof mediaType === 'string' ? mediaType : '');
  if (read === undefined) {
    throw new CodedError(
      'TRUST_ROOT_MALFORMED',
      `${path} is neither a client trust config nor a trusted root`,
      { field: 'mediaType' },
    );
  }
  return read(bytes);
}

/** The flags that name trust files. */
export interface TrustFlags {
  readonly trustConfig?: string;
  readonly trustedRoot?: string;
  readonly signingConfig?: string;
}

/** The file or directory that the flags name. @throws CodedError TRUST_ABSENT, USAGE */
export function trustPath({ trustConfig, trustedRoot, signingConfig }: TrustFlags): string {
  if (trustConfig !== undefined && (trustedRoot !== undefined || signingConfig !== undefined)) {
    throw new CodedError('USAGE', '--trust-config stands for --trusted-root and --signing-config', {
      field: '--trust-config',
    });
  }
  const path = trustConfig ?? trustedRoot;
  if (path !== undefined) return path;
  throw new CodedError('TRUST_ABSENT', 'no trust files were given, and no instance is built in', {
    field: '--trust-config',
  });
}

/** @throws CodedError TRUST_ABSENT, USAGE, and those of loadTrust */
export function trustOf(flags: TrustFlags): Trust {
  const trust = loadTrust(trustPath(flags));
  const { signingConfig: path } = flags;
  if (path === undefined) return trust;
  return { ...trust, signingConfig: parseSigningConfig(readBounded(path, MAX_LENGTH)) };
}

/** @throws CodedError SIGNING_CONFIG_MALFORMED when there is none */
export function requireSigningConfig(trust: Trust, path: string): SigningConfig {
  if (trust.signingConfig !== undefined) return trust.signingConfig;
  throw new CodedError('SIGNING_CONFIG_MALFORMED', `${path} holds no signing config`, {
    field: '--trust-config',
  });
}
