// SPDX-License-Identifier: Apache-2.0
// From verified claims to an identity: one row for each type of issuer (Fulcio's identity types).
import { CodedError } from '../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { LeafName } from '../core/profile.ts';
import type { IssuerConfig } from './config.ts';
import { compileProvider, type Provider } from './provider.ts';
import type { Claims } from './template.ts';

export interface Identity {
  /** Names over which the client may prove possession: the principal, and a verified e-mail address. */
  readonly principals: readonly string[];
  readonly altName: LeafName;
  /** Numbers under 1.3.6.1.4.1.57264.1, ascending. */
  readonly extensions: ReadonlyArray<{ number: number; value: string }>;
}

/** Reads one issuer's tokens; compiled when the CA opens. */
export type IdentityReader = (claims: JsonObject) => Identity;

const MAX_NAME = 2048;
/** RFC 5321 §4.5.3.1; ASCII, because rfc822Name is an IA5String. */
const EMAIL =
  /^(?=.{3,254}$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;
const LABEL = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/;

function refuse(field: string, why: string): CodedError {
  return new CodedError('TOKEN_CLAIM', `claim ${field}: ${why}`, { field });
}

function text(claims: JsonObject, field: string): string {
  const value = claims[field];
  if (typeof value !== 'string' || value === '') throw refuse(field, 'missing or not text');
  if (value.length > MAX_NAME) throw refuse(field, `longer than ${MAX_NAME} characters`);
  return value;
}

/** IA5String of a URI or address: visible ASCII. The value goes into the certificate as it is. */
function visible(field: string, value: string): string {
  if (!/^[\x21-\x7e]{1,2048}$/.test(value)) throw refuse(field, 'not visible ASCII, or too long');
  return value;
}

/** true or "true"; absent is false; anything else is a fault of the issuer. */
function emailVerified(claims: JsonObject): boolean {
  const value = claims.email_verified;
  if (value === undefined || value === false || value === 'false') return false;
  if (value === true || value === 'true') return true;
  throw refuse('email_verified', 'neither true nor false');
}

function verifiedEmail(claims: JsonObject): string | undefined {
  const { email } = claims;
  return typeof email === 'string' && EMAIL.test(email) && claims.email_verified === true
    ? email
    : undefined;
}

/** `$.a.b` in the claims. */
function atPath(claims: JsonObject, path: string): string {
  let value: Json | undefined = claims;
  for (const name of path.split('.').slice(1))
    value = isJsonObject(value) ? value[name] : undefined;
  if (typeof value !== 'string' || value === '') throw refuse(path, 'missing or not text');
  return value;
}

function common(issuer: string, subject: string) {
  return [
    { number: 1, value: issuer },
    { number: 8, value: issuer },
    { number: 24, value: subject },
  ];
}

function emailReader(config: IssuerConfig): IdentityReader {
  return (claims) => {
    const email = text(claims, 'email');
    if (!EMAIL.test(email))
      throw refuse('email', 'not an ASCII e-mail address of at most 254 characters');
    if (!config.skipEmailVerification && !emailVerified(claims)) {
      throw new CodedError('TOKEN_EMAIL_UNVERIFIED', `the issuer has not verified ${email}`, {
        field: 'email_verified',
      });
    }
    const issuer =
      config.issuerClaim === undefined ? config.url : atPath(claims, config.issuerClaim);
    return {
      principals: [email],
      altName: { kind: 'email', value: email },
      extensions: common(issuer, text(claims, 'sub')),
    };
  };
}

function kubernetesReader(config: IssuerConfig): IdentityReader {
  return (claims) => {
    const subject = text(claims, 'sub');
    const kubernetes = claims['kubernetes.io'];
    const account = isJsonObject(kubernetes) ? kubernetes.serviceaccount : undefined;
    const namespace = isJsonObject(kubernetes) ? kubernetes.namespace : undefined;
    const name = isJsonObject(account) ? account.name : undefined;
    if (typeof namespace !== 'string' || !LABEL.test(namespace))
      throw refuse('kubernetes.io', 'no valid namespace');
    if (typeof name !== 'string' || !LABEL.test(name))
      throw refuse('kubernetes.io', 'no valid service account');
    if (subject !== `system:serviceaccount:${namespace}:${name}`)
      throw refuse('sub', 'names another service account than kubernetes.io');
    const email = verifiedEmail(claims);
    return {
      principals: email === undefined ? [subject] : [subject, email],
      altName: {
        kind: 'uri',
        value: `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${name}`,
      },
      extensions: common(config.url, subject),
    };
  };
}

/** Claims as templates see them: text, numbers in plain decimals, booleans. */
function templateClaims(claims: JsonObject): Claims {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(claims)) {
    if (typeof value === 'number' && !Number.isInteger(value)) continue;
    if (['string', 'number', 'bigint', 'boolean'].includes(typeof value))
      found.set(name, String(value));
  }
  return found;
}

function renderExtensions(provider: Provider, claims: Claims) {
  return provider.extensions.flatMap(({ number, template, optional }) => {
    let value: string;
    try {
      value = template(claims);
    } catch (error) {
      if (optional && error instanceof CodedError) return [];
      throw error;
    }
    if (value.length > MAX_NAME)
      throw refuse(`extension ${number}`, `longer than ${MAX_NAME} characters`);
    return value === '' ? [] : [{ number, value }];
  });
}

function providerReader(config: IssuerConfig): IdentityReader {
  const provider = compileProvider(config);
  return (token) => {
    const subject = text(token, 'sub');
    const claims = templateClaims(token);
    for (const [name, allowed] of Object.entries(provider.oneOf)) {
      if (!allowed.includes(claims.get(name) ?? ''))
        throw refuse(name, `not one of ${allowed.join(', ')}`);
    }
    const email = verifiedEmail(token);
    const extensions = [...common(config.url, subject), ...renderExtensions(provider, claims)];
    return {
      principals: email === undefined ? [subject] : [subject, email],
      altName: {
        kind: 'uri',
        value: visible('subject alternative name', provider.subject(claims)),
      },
      extensions: extensions.sort((a, b) => a.number - b.number),
    };
  };
}

const READERS: Readonly<Record<IssuerConfig['type'], (config: IssuerConfig) => IdentityReader>> = {
  email: emailReader,
  kubernetes: kubernetesReader,
  'ci-provider': providerReader,
};

export function identityReader(config: IssuerConfig): IdentityReader {
  return READERS[config.type](config);
}
