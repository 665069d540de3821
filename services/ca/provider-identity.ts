// SPDX-License-Identifier: Apache-2.0
// Tokens of CI providers: their claims go through the templates of provider.ts.
import { CodedError } from '../core/errors.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { common, type IdentityReader, MAX_VALUE, principalsOf, text } from './claims.ts';
import type { IssuerConfig } from './issuer-fields.ts';
import { type Provider, providerOf } from './provider.ts';
import type { Claims } from './template.ts';

export function unrenderable(field: string, why: string): CodedError {
  return new CodedError('IDENTITY_TEMPLATE', `${field}: ${why}`, { field });
}

/** Text, numbers in plain decimals, booleans; objects and lists are no text. */
function templateText(value: Json): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'number') return undefined;
  const plain = Number.isInteger(value) ? BigInt(value).toString() : String(value);
  return plain.includes('e') ? undefined : plain;
}

/** The defaults of the provider, overlaid by the claims; those of a preset are never empty. */
function templateClaims(claims: JsonObject, { defaults, preset }: Provider): Claims {
  return {
    get(name) {
      const value = claims[name];
      const shown = value === undefined ? undefined : templateText(value);
      return shown === undefined || (preset && shown === '') ? defaults.get(name) : shown;
    },
  };
}

/**
 * What a URI may not hold goes in percent-encoded, all else verbatim: a URL parser would rewrite
 * case, dots and slashes (GitLab writes `//.gitlab-ci.yml@`).
 */
function uriName(value: string): string {
  if (!/^\P{Cc}+$/u.test(value))
    throw unrenderable('subject alternative name', 'empty or with control characters');
  if (/\p{Cs}/u.test(value)) throw unrenderable('subject alternative name', 'half a character');
  const uri = value.replaceAll(/[^\x21-\x7e]+|["<>\\^`{|}]/g, encodeURIComponent);
  if (uri.length > MAX_VALUE)
    throw unrenderable('subject alternative name', `longer than ${MAX_VALUE} characters`);
  return uri;
}

/** @throws CodedError IDENTITY_TEMPLATE */
function renderTemplates(provider: Provider, url: string, subject: string, token: JsonObject) {
  const claims = templateClaims(token, provider);
  for (const name of provider.required) {
    if (claims.get(name) === undefined) throw unrenderable(name, `the token has no claim ${name}`);
  }
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

export function providerReader(config: IssuerConfig): IdentityReader {
  const provider = providerOf(config);
  return (token) => {
    const subject = text(token, 'sub');
    return {
      issuer: config.url,
      principals: principalsOf(token, subject),
      render: () => renderTemplates(provider, config.url, subject, token),
    };
  };
}
