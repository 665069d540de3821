// SPDX-License-Identifier: Apache-2.0
// Whom a certificate names, and whether that is whom the caller asked for.
import { fromUtf8 } from '../bytes.ts';
import { readDer, TAG } from '../der.ts';
import { CodedError, coded } from '../errors.ts';
import { FULCIO_EXTENSIONS, type FulcioExtension } from '../oid.ts';
import { type Certificate, findExtension, type SubjectAltName } from '../x509.ts';

export interface Identity {
  readonly kind: 'email' | 'uri' | 'username';
  readonly name: string;
  /** Issuer of the token: extension 1.8, else 1.1. Empty when the certificate names none. */
  readonly issuer: string;
  /** Every Fulcio extension of the certificate, number → text. */
  readonly extensions: ReadonlyMap<number, string>;
}

const FIELD = 'verificationMaterial.certificate';
const ISSUER = 8;
const ISSUER_DEPRECATED = 1;

function extensionText(certificate: Certificate, row: FulcioExtension): string | undefined {
  const extension = findExtension(certificate, row.oid);
  if (extension === undefined) return undefined;
  return coded('CERTIFICATE_MALFORMED', `${FIELD} extension ${row.oid}`, () =>
    fromUtf8(
      row.encoding === 'raw'
        ? extension.value
        : readDer(extension.value, TAG.utf8String, row.name).content,
    ),
  );
}

function soleName(names: readonly SubjectAltName[]): Pick<Identity, 'kind' | 'name'> {
  const [name, ...others] = names;
  // Fulcio writes one name; among several, nobody could say which one was proven.
  if (name === undefined || others.length > 0) {
    throw new CodedError('CERTIFICATE_MALFORMED', `the certificate has ${names.length} names`, {
      field: FIELD,
    });
  }
  const { kind, value } = name;
  if (kind === 'dns' || kind === 'other') {
    throw new CodedError('CERTIFICATE_MALFORMED', `a name of kind ${kind} is no identity`, {
      field: FIELD,
    });
  }
  return { kind, name: value };
}

/** @throws CodedError CERTIFICATE_MALFORMED */
export function readIdentity(certificate: Certificate): Identity {
  const extensions = new Map<number, string>();
  for (const row of FULCIO_EXTENSIONS) {
    const text = extensionText(certificate, row);
    if (text !== undefined) extensions.set(row.number, text);
  }
  const issuer = extensions.get(ISSUER) ?? extensions.get(ISSUER_DEPRECATED) ?? '';
  return { ...soleName(certificate.altNames), issuer, extensions };
}

/** Exact comparison, character by character. @throws CodedError IDENTITY_MISMATCH, ISSUER_MISMATCH */
export function requireIdentity(
  identity: Identity,
  wanted: { readonly identity?: string; readonly issuer?: string },
): void {
  if (identity.issuer !== wanted.issuer) {
    throw new CodedError(
      'ISSUER_MISMATCH',
      `issuer is ${JSON.stringify(identity.issuer)}, not ${JSON.stringify(wanted.issuer)}`,
      { field: '--certificate-oidc-issuer' },
    );
  }
  if (identity.name !== wanted.identity) {
    throw new CodedError(
      'IDENTITY_MISMATCH',
      `signer is ${JSON.stringify(identity.name)}, not ${JSON.stringify(wanted.identity)}`,
      { field: '--certificate-identity' },
    );
  }
}
