// SPDX-License-Identifier: Apache-2.0
// Whom a certificate names, and whether that is whom the caller asked for.
import { fromUtf8 } from '../bytes.ts';
import { readDer, TAG } from '../der.ts';
import { CodedError, coded } from '../errors.ts';
import { FULCIO_EXTENSIONS, type FulcioExtension } from '../oid.ts';
import { type Certificate, findExtension, type SubjectAltName } from '../x509.ts';

/** Who signed, as the certificate says. */
export interface Identity {
  /** Form of the name. */
  readonly kind: 'email' | 'uri' | 'username';
  /** The one subject alternative name. */
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

/** An extension that the certificate must carry with exactly this text. */
export interface WantedExtension {
  /** Last arc of 1.3.6.1.4.1.57264.1. */
  readonly number: number;
  /** Text that it must have, character by character. */
  readonly value: string;
}

/** Whom the caller asks for. Texts are compared character by character, patterns as a whole. */
export interface WantedIdentity {
  /** Subject of the certificate: mail address, URI or user name. */
  readonly identity?: string;
  /** Pattern of the whole subject. */
  readonly identityRegexp?: string;
  /** Issuer of the identity token. */
  readonly issuer?: string;
  /** Pattern of the whole issuer. */
  readonly issuerRegexp?: string;
  /** All of them must be there. */
  readonly extensions?: readonly WantedExtension[];
}

/** Names are chosen by strangers. This bounds patterns that backtrack, but not those that do so
 * exponentially: these are a fault of the pattern. */
const MAX_MATCHED_LENGTH = 4096;

/** Anchored by us: a pattern that matches a part of a name is a hole, not a policy. */
function anchored(pattern: string, field: string): RegExp {
  try {
    // Compiled alone first: `a)|(b` must not close the group around it.
    new RegExp(pattern, 'u');
    return new RegExp(`^(?:${pattern})$`, 'u');
  } catch (error) {
    const what = `${field} ${JSON.stringify(pattern)} is no regular expression`;
    throw new CodedError('USAGE', what, { field, cause: error });
  }
}

/** One half of an identity: the text or the pattern that it must be. */
interface Wanted {
  readonly text: string | undefined;
  readonly pattern: string | undefined;
  readonly flag: string;
}

const nameOf = ({ identity, identityRegexp }: WantedIdentity): Wanted => ({
  text: identity,
  pattern: identityRegexp,
  flag: '--certificate-identity',
});

const issuerOf = ({ issuer, issuerRegexp }: WantedIdentity): Wanted => ({
  text: issuer,
  pattern: issuerRegexp,
  flag: '--certificate-oidc-issuer',
});

/**
 * A policy that names nobody accepts everybody, so it is refused before anything is verified.
 * @throws CodedError IDENTITY_POLICY_MISSING; USAGE for a pattern that is none, or beside a text
 */
export function requireIdentityPolicy(wanted: WantedIdentity): void {
  for (const { text, pattern, flag } of [nameOf(wanted), issuerOf(wanted)]) {
    if (text !== undefined && pattern !== undefined) {
      throw new CodedError('USAGE', `${flag} and ${flag}-regexp exclude each other`, {
        field: flag,
      });
    }
    // SPEC: never accept an empty policy; an empty pattern is one.
    if (!text && !pattern) {
      throw new CodedError('IDENTITY_POLICY_MISSING', 'no identity and issuer to compare with', {
        field: flag,
      });
    }
    if (pattern !== undefined) anchored(pattern, `${flag}-regexp`);
  }
}

function satisfies(found: string, { text, pattern, flag }: Wanted): boolean {
  if (pattern === undefined) return found === text;
  return found.length <= MAX_MATCHED_LENGTH && anchored(pattern, `${flag}-regexp`).test(found);
}

function wantedText({ text, pattern }: Wanted): string {
  return pattern === undefined ? JSON.stringify(text) : `of the form /${pattern}/`;
}

function requireExtension(identity: Identity, { number, value }: WantedExtension): void {
  const found = identity.extensions.get(number);
  if (found === value) return;
  const name = FULCIO_EXTENSIONS.find((known) => known.number === number)?.name ?? `1.${number}`;
  const is = found === undefined ? 'absent' : JSON.stringify(found);
  throw new CodedError('EXTENSION_MISMATCH', `${name} is ${is}, not ${JSON.stringify(value)}`, {
    field: '--certificate-extension',
  });
}

/** @throws CodedError ISSUER_MISMATCH, IDENTITY_MISMATCH, EXTENSION_MISMATCH */
export function requireIdentity(identity: Identity, wanted: WantedIdentity): void {
  const issuer = issuerOf(wanted);
  if (!satisfies(identity.issuer, issuer)) {
    const message = `issuer is ${JSON.stringify(identity.issuer)}, not ${wantedText(issuer)}`;
    throw new CodedError('ISSUER_MISMATCH', message, { field: issuer.flag });
  }
  const name = nameOf(wanted);
  if (!satisfies(identity.name, name)) {
    const message = `signer is ${JSON.stringify(identity.name)}, not ${wantedText(name)}`;
    throw new CodedError('IDENTITY_MISMATCH', message, { field: name.flag });
  }
  for (const extension of wanted.extensions ?? []) requireExtension(identity, extension);
}
