// SPDX-License-Identifier: Apache-2.0
// Claims of a verified token, narrowed to what an identity is made of.
import { CodedError } from '../core/errors.ts';
import { isJsonObject, type Json, type JsonObject } from '../core/json.ts';
import type { LeafName } from '../core/profile.ts';
import { looksLikeEmail } from './names.ts';

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
export const MAX_VALUE = 2048;
export const MAX_EMAIL = 254;
const MAX_LOCAL_PART = 64;
/** RFC 5321 §4.1.2 without quotes and literals; ASCII, because rfc822Name is an IA5String. One
 * address: no list, no display name, no control characters. */
const EMAIL =
  /^([A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*)@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$/;

export function refuse(field: string, why: string): CodedError {
  return new CodedError('TOKEN_CLAIM', `claim ${field}: ${why}`, { field });
}

/** @throws CodedError TOKEN_CLAIM unless the claim is text of a fair length, not empty */
export function text(claims: JsonObject, field: string): string {
  const value = claims[field];
  if (typeof value !== 'string' || value === '') throw refuse(field, 'missing or not text');
  if (value.length > MAX_VALUE) throw refuse(field, `longer than ${MAX_VALUE} characters`);
  return value;
}

/** `$.a.b` in the claims. @throws CodedError TOKEN_CLAIM */
export function atPath(claims: JsonObject, path: string): string {
  let value: Json | undefined = claims;
  for (const name of path.split('.').slice(1))
    value = isJsonObject(value) ? value[name] : undefined;
  if (typeof value !== 'string' || value === '') throw refuse(path, 'missing or not text');
  if (value.length > MAX_VALUE) throw refuse(path, `longer than ${MAX_VALUE} characters`);
  return value;
}

export function isEmail(value: string): boolean {
  const [, localPart = ''] = value.length <= MAX_EMAIL ? (EMAIL.exec(value) ?? []) : [];
  return localPart !== '' && localPart.length <= MAX_LOCAL_PART;
}

/** true or "true"; absent is false; anything else is a fault of the issuer. */
export function emailVerified(claims: JsonObject): boolean {
  const value = claims.email_verified ?? false;
  if (value === false || value === 'false') return false;
  if (value === true || value === 'true') return true;
  throw refuse('email_verified', 'neither true nor false');
}

/** The address that the issuer vouches for, when there is one. */
export function verifiedEmail({ email, email_verified }: JsonObject): string | undefined {
  const verified = email_verified === true || email_verified === 'true';
  return typeof email === 'string' && verified && isEmail(email) ? email : undefined;
}

/** cosign and others sign the address whenever a token has one, whatever the type of the issuer. */
export function principalsOf(claims: JsonObject, name: string): string[] {
  const email = verifiedEmail(claims);
  return email === undefined ? [name] : [name, email];
}

/** The extensions of every certificate. */
export function common(issuer: string, subject: string) {
  return [
    { number: 1, value: issuer },
    { number: 8, value: issuer },
    { number: 24, value: subject },
  ];
}

/** An issuer of names must not speak for mail addresses. @throws CodedError TOKEN_CLAIM */
export function refuseEmail(subject: string): void {
  if (looksLikeEmail(subject))
    throw refuse('sub', 'a mail address, which this issuer may not name');
}
