// SPDX-License-Identifier: Apache-2.0
// From verified claims to an identity: one row for each type of issuer (Fulcio's identity types).
// What a certificate says of it is rendered later, in Fulcio's order: a token that lacks a claim of
// a template is refused once its holder has proven the key.
import { CodedError } from '../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { LeafName } from '../core/profile.ts';
import type { IssuerConfig, IssuerType } from './config.ts';
import { compileProvider, type Provider } from './provider.ts';
import type { Claims } from './template.ts';

/** What a certificate says of an identity. */
export interface Subject {
  readonly altName: LeafName;
  /** Numbers under 1.3.6.1.4.1.57264.1, ascending. */
  readonly extensions: ReadonlyArray<{ readonly number: number; readonly value: string }>;
}

export interface Identity {
  /** Claim `iss` or what stands for it: extensions 1 and 8. */
  readonly issuer: string;
  /** Names over which the client may prove possession: the principal, and a verified e-mail address. */
  readonly principals: readonly string[];
  /** @throws CodedError IDENTITY_TEMPLATE */
  readonly render: () => Subject;
}

/** Reads one issuer's tokens; compiled when the CA opens. @throws CodedError TOKEN_CLAIM and others */
export type IdentityReader = (claims: JsonObject) => Identity;

/** UTF-16 units of one value. */
const MAX_VALUE = 2048;
/** Octets of name and extensions: an entry of the CT log holds them twice, in 65,535. */
const MAX_TOTAL = 16_384;
const MAX_EMAIL = 254;
const MAX_LOCAL_PART = 64;
/** RFC 5321 §4.1.2 without quotes and literals; ASCII, because rfc822Name is an IA5String. One
 * address: no list, no display name, no control characters. */
const EMAIL =
  /^([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;
/** RFC 1123 label (namespaces) and subdomain (service accounts), as Kubernetes restricts them. */
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const NAMESPACE = new RegExp(`^${LABEL}$`);
const SERVICE_ACCOUNT = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);

function refuse(field: string, why: string): CodedError {
  return new CodedError('TOKEN_CLAIM', `claim ${field}: ${why}`, { field });
}

function text(claims: JsonObject, field: string): string {
  const value = claims[field];
  if (typeof value !== 'string' || value === '') throw refuse(field, 'missing or not text');
  if (value.length > MAX_VALUE) throw refuse(field, `longer than ${MAX_VALUE} characters`);
  return value;
}

function isEmail(value: string): boolean {
  const [, localPart = ''] = value.length <= MAX_EMAIL ? (EMAIL.exec(value) ?? []) : [];
  return localPart !== '' && localPart.length <= MAX_LOCAL_PART;
}

/** true or "true"; absent is false; anything else is a fault of the issuer. */
function emailVerified(claims: JsonObject): boolean {
  const value = claims.email_verified ?? false;
  if (value === false || value === 'false') return false;
  if (value === true || value === 'true') return true;
  throw refuse('email_verified', 'neither true nor false');
}

/** cosign and others sign the address whenever a token has one, whatever the type of the issuer. */
function principalsOf(claims: JsonObject, name: string): string[] {
  const { email, email_verified: verified } = claims;
  const usable =
    typeof email === 'string' && isEmail(email) && (verified === true || verified === 'true');
  return usable ? [name, email] : [name];
}

/** `$.a.b` in the claims. */
function atPath(claims: JsonObject, path: string): string {
  let value: Json | undefined = claims;
  for (const name of path.split('.').slice(1))
    value = isJsonObject(value) ? value[name] : undefined;
  if (typeof value !== 'string' || value === '') throw refuse(path, 'missing or not text');
  if (value.length > MAX_VALUE) throw refuse(path, `longer than ${MAX_VALUE} characters`);
  return value;
}

function unrenderable(field: string, why: string): CodedError {
  return new CodedError('IDENTITY_TEMPLATE', `${field}: ${why}`, { field });
}

function common(issuer: string, subject: string) {
  return [
    { number: 1, value: issuer },
    { number: 8, value: issuer },
    { number: 24, value: subject },
  ];
}

function emailReader({ url, issuerClaim, skipEmailVerification }: IssuerConfig): IdentityReader {
  return (claims) => {
    const email = text(claims, 'email');
    if (!isEmail(email))
      throw refuse('email', `not one ASCII e-mail address of at most ${MAX_EMAIL} characters`);
    if (!skipEmailVerification && !emailVerified(claims)) {
      throw new CodedError('TOKEN_EMAIL_UNVERIFIED', `the issuer has not verified ${email}`, {
        field: 'email_verified',
      });
    }
    const issuer = issuerClaim === undefined ? url : atPath(claims, issuerClaim);
    const extensions = common(issuer, text(claims, 'sub'));
    return {
      issuer,
      principals: [email],
      render: () => ({ altName: { kind: 'email', value: email }, extensions }),
    };
  };
}

/** Claim `kubernetes.io`: { namespace, serviceaccount: { name } }. */
function kubernetesReader({ url }: IssuerConfig): IdentityReader {
  return (claims) => {
    const subject = text(claims, 'sub');
    const kubernetes = claims['kubernetes.io'];
    if (!isJsonObject(kubernetes)) throw refuse('kubernetes.io', 'missing or not an object');
    const { namespace, serviceaccount: account } = kubernetes;
    const name = isJsonObject(account) ? account.name : undefined;
    if (typeof namespace !== 'string' || !NAMESPACE.test(namespace))
      throw refuse('kubernetes.io', 'no valid namespace');
    if (typeof name !== 'string' || !SERVICE_ACCOUNT.test(name))
      throw refuse('kubernetes.io', 'no valid service account');
    if (subject !== `system:serviceaccount:${namespace}:${name}`)
      throw refuse('sub', 'names another service account than kubernetes.io');
    const value = `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${name}`;
    return {
      issuer: url,
      principals: principalsOf(claims, subject),
      render: () => ({ altName: { kind: 'uri', value }, extensions: common(url, subject) }),
    };
  };
}

/** Text, numbers in plain decimals, booleans; objects and lists are no text. */
function templateText(value: Json): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') return undefined;
  const plain = Number.isInteger(value) ? BigInt(value).toString() : String(value);
  return plain.includes('e') ? undefined : plain;
}

/** The defaults of the provider, overlaid by the claims. */
function templateClaims(claims: JsonObject, defaults: Claims): Claims {
  const found = new Map(defaults);
  for (const [name, value] of Object.entries(claims)) {
    const shown = templateText(value);
    if (shown !== undefined) found.set(name, shown);
  }
  return found;
}

/**
 * What a URI may not hold goes in percent-encoded, all else verbatim: a URL parser would rewrite
 * case, dots and slashes (GitLab writes `//.gitlab-ci.yml@`).
 */
function uriName(value: string): string {
  if (!/^\P{Cc}+$/u.test(value))
    throw unrenderable('subject alternative name', 'empty or with control characters');
  const uri = value.replaceAll(/[^\x21-\x7e]+|["<>\\^`{|}]/g, encodeURIComponent);
  if (uri.length > MAX_VALUE)
    throw unrenderable('subject alternative name', `longer than ${MAX_VALUE} characters`);
  return uri;
}

/** @throws CodedError IDENTITY_TEMPLATE */
function renderTemplates(provider: Provider, url: string, subject: string, token: JsonObject) {
  const claims = templateClaims(token, provider.defaults);
  for (const [name, allowed] of Object.entries(provider.oneOf)) {
    if (!allowed.includes(claims.get(name) ?? ''))
      throw unrenderable(name, `not one of ${allowed.join(', ')}`);
  }
  const extensions = common(url, subject);
  for (const { number, template } of provider.extensions) {
    const value = template(claims);
    if (value.length > MAX_VALUE)
      throw unrenderable(`extension ${number}`, `longer than ${MAX_VALUE} characters`);
    if (value !== '') extensions.push({ number, value });
  }
  return {
    altName: { kind: 'uri' as const, value: uriName(provider.subject(claims)) },
    extensions: extensions.sort((a, b) => a.number - b.number),
  };
}

function providerReader(config: IssuerConfig): IdentityReader {
  const provider = compileProvider(config);
  return (token) => {
    const subject = text(token, 'sub');
    return {
      issuer: config.url,
      principals: principalsOf(token, subject),
      render: () => renderTemplates(provider, config.url, subject, token),
    };
  };
}

const READERS: Readonly<Record<IssuerType, (config: IssuerConfig) => IdentityReader>> = {
  email: emailReader,
  kubernetes: kubernetesReader,
  'ci-provider': providerReader,
};

function fitting(subject: Subject): Subject {
  const values = [subject.altName, ...subject.extensions].map(({ value }) => value);
  const total = values.reduce((sum, value) => sum + Buffer.byteLength(value), 0);
  if (total > MAX_TOTAL)
    throw unrenderable('name and extensions', `${total} bytes, at most ${MAX_TOTAL}`);
  return subject;
}

export function identityReader(config: IssuerConfig): IdentityReader {
  const read = READERS[config.type](config);
  return (claims) => {
    const { render, ...identity } = read(claims);
    return { ...identity, render: () => fitting(render()) };
  };
}
