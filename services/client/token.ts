// SPDX-License-Identifier: Apache-2.0
// The identity token: where it comes from, and the claims that the client acts on. Its signature is
// the CA's to judge. Its text never reaches a message.
import { existsSync, readFileSync } from 'node:fs';
import { fromAnyBase64 } from '../core/bytes.ts';
import { CodedError, coded, ParseError } from '../core/errors.ts';
import { isJsonObject, type JsonObject, parseJson } from '../core/json.ts';
import { fileFault } from './files.ts';

export interface Token {
  readonly text: string;
  readonly issuer: string;
  readonly subject: string;
  readonly email: string | undefined;
  /** Whether the issuer says so; an issuer that is silent says no. */
  readonly emailVerified: boolean;
  /** Of the claim `kubernetes.io`. */
  readonly serviceAccount: { readonly namespace: string; readonly name: string } | undefined;
}

const MAX_TOKEN_LENGTH = 64 << 10;
const PARTS = /^[\w-]+\.([\w-]+)\.[\w-]+$/;

function claim(claims: JsonObject, name: string): string {
  const value = claims[name];
  if (typeof value !== 'string' || value === '') throw new ParseError(`claim ${name} is missing`);
  return value;
}

function kubernetes(claims: JsonObject): Token['serviceAccount'] {
  const value = claims['kubernetes.io'];
  if (!isJsonObject(value) || !isJsonObject(value.serviceaccount)) return undefined;
  return { namespace: claim(value, 'namespace'), name: claim(value.serviceaccount, 'name') };
}

/** @throws CodedError TOKEN_MALFORMED */
export function readToken(text: string): Token {
  return coded('TOKEN_MALFORMED', 'identity token', () => {
    if (text.length > MAX_TOKEN_LENGTH) throw new ParseError('too long');
    const payload = PARTS.exec(text)?.[1];
    if (payload === undefined) throw new ParseError('not three base64url parts');
    const claims = parseJson(fromAnyBase64(payload));
    if (!isJsonObject(claims)) throw new ParseError('claims are not an object');
    const { email, email_verified: verified } = claims;
    return {
      text,
      issuer: claim(claims, 'iss'),
      subject: claim(claims, 'sub'),
      email: typeof email === 'string' && email !== '' ? email : undefined,
      emailVerified: verified === true || verified === 'true',
      serviceAccount: kubernetes(claims),
    };
  });
}

/** What the proof of possession signs: the verified address, else the subject. */
export function principalOf(token: Token): string {
  return (token.emailVerified ? token.email : undefined) ?? token.subject;
}

export interface TokenSources {
  /** --identity-token-file */
  readonly file?: string;
  /** --identity-token: the token, or the path of a file that holds it (cosign's habit). */
  readonly flag?: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface FoundToken {
  readonly token: Token;
  /** For people. */
  readonly source: string;
  /** The token stood in the arguments, where every process of the machine can read it. */
  readonly visible: boolean;
}

function readTokenFile(path: string, flag: string): Token {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CodedError('FILE_UNREADABLE', `${flag} ${path}: ${fileFault(error)}`, {
      field: flag,
    });
  }
  return readToken(text.trim());
}

/** Flags before the environment. @throws CodedError TOKEN_ABSENT, TOKEN_MALFORMED, FILE_UNREADABLE */
export function findToken({ file, flag, env }: TokenSources): FoundToken {
  if (file !== undefined && flag !== undefined) {
    throw new CodedError('USAGE', '--identity-token and --identity-token-file exclude each other', {
      field: '--identity-token',
    });
  }
  if (file !== undefined) {
    return { token: readTokenFile(file, '--identity-token-file'), source: file, visible: false };
  }
  if (flag !== undefined) {
    if (!PARTS.test(flag) && existsSync(flag)) {
      return { token: readTokenFile(flag, '--identity-token'), source: flag, visible: false };
    }
    if (!PARTS.test(flag.trim())) {
      throw new CodedError(
        'TOKEN_MALFORMED',
        '--identity-token is neither a token of three base64url parts nor a file that is there',
        { field: '--identity-token' },
      );
    }
    return { token: readToken(flag.trim()), source: '--identity-token', visible: true };
  }
  const fromEnv = env.SIGSTORE_ID_TOKEN;
  if (fromEnv !== undefined && fromEnv !== '') {
    return { token: readToken(fromEnv.trim()), source: 'SIGSTORE_ID_TOKEN', visible: false };
  }
  throw new CodedError('TOKEN_ABSENT', 'no identity token was given', {
    field: '--identity-token-file',
  });
}
