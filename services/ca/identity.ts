// SPDX-License-Identifier: Apache-2.0
// From verified claims to an identity: one row for each type of issuer (Fulcio's identity types).
// What a certificate says of it is rendered later, in Fulcio's order: a token that lacks a claim of
// a template is refused once its holder has proven the key.
import { CodedError } from '../core/errors.ts';
import { isJsonObject } from '../core/json.ts';
import type { LeafName } from '../core/profile.ts';
import {
  atPath,
  common,
  emailVerified,
  type IdentityReader,
  isEmail,
  MAX_EMAIL,
  principalsOf,
  refuse,
  refuseEmail,
  type Subject,
  text,
  verifiedEmail,
} from './claims.ts';
import type { IssuerConfig, IssuerType } from './issuer-fields.ts';
import { parseUri, spiffeTrustDomain, trustDomainOf } from './names.ts';
import { providerReader, unrenderable } from './provider-identity.ts';

/** Octets of name and extensions: an entry of the CT log holds them twice, in 65,535. */
const MAX_TOTAL = 16_384;
/** RFC 1123 label (namespaces) and subdomain (service accounts), as Kubernetes restricts them. */
const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const NAMESPACE = new RegExp(`^${LABEL}$`);
const SERVICE_ACCOUNT = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);
/** Segments of a path that mean themselves. */
const PLAIN_PATH =
  /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9._~!$&'()*+,;=:@-]+(?:\/[A-Za-z0-9._~!$&'()*+,;=:@-]+)*$/;

/** The identity of a token whose subject is proven and named. */
function named(url: string, subject: string, principals: readonly string[], altName: LeafName) {
  const render = () => ({ altName, extensions: common(url, subject) });
  return { issuer: url, principals, render };
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
    return named(issuer, text(claims, 'sub'), [email], { kind: 'email', value: email });
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
    return named(url, subject, principalsOf(claims, subject), { kind: 'uri', value });
  };
}

/** SPIFFE IDs of one trust domain. */
function spiffeReader({ url, spiffeTrustDomain: setting = '' }: IssuerConfig): IdentityReader {
  const wanted = trustDomainOf(setting);
  return (claims) => {
    const subject = text(claims, 'sub');
    const domain = spiffeTrustDomain(subject);
    if (domain === undefined) throw refuse('sub', 'not a SPIFFE ID');
    if (domain !== wanted) throw refuse('sub', `of the trust domain ${domain}, not ${wanted}`);
    const altName = { kind: 'uri', value: subject } as const;
    return named(url, subject, principalsOf(claims, subject), altName);
  };
}

/** URIs under one scheme and host; their port is theirs. */
function uriReader({ url, subjectDomain = '' }: IssuerConfig): IdentityReader {
  const wanted = parseUri(subjectDomain);
  return (claims) => {
    const subject = text(claims, 'sub');
    refuseEmail(subject);
    const found = parseUri(subject);
    if (found === undefined) throw refuse('sub', 'not a URI with a host and without a user');
    if (found.scheme !== wanted?.scheme) throw refuse('sub', `not of the scheme ${wanted?.scheme}`);
    if (found.host !== wanted.host) throw refuse('sub', `not of the host ${wanted.host}`);
    const altName = { kind: 'uri', value: subject } as const;
    return named(url, subject, principalsOf(claims, subject), altName);
  };
}

/** Names of users of one domain: `name!domain`. */
function usernameReader({ url, subjectDomain = '' }: IssuerConfig): IdentityReader {
  return (claims) => {
    const subject = text(claims, 'sub');
    if (subject.includes('!')) throw refuse('sub', 'a user name holds no !');
    refuseEmail(subject);
    if (!/^[^\p{Cc}\p{Cs}]+$/u.test(subject)) throw refuse('sub', 'holds control characters');
    const altName = { kind: 'username', value: `${subject}!${subjectDomain}` } as const;
    return named(url, subject, principalsOf(claims, subject), altName);
  };
}

/** Name `<iss>/<sub>`; the client proves the verified address where there is one, else `sub`. */
function chainguardReader({ url }: IssuerConfig): IdentityReader {
  return (claims) => {
    const subject = text(claims, 'sub');
    if (!PLAIN_PATH.test(subject)) throw refuse('sub', 'not a plain path');
    const value = `${url.replace(/\/$/, '')}/${subject}`;
    const principals = [verifiedEmail(claims) ?? subject];
    return named(url, subject, principals, { kind: 'uri', value });
  };
}

const READERS: Readonly<Record<IssuerType, (config: IssuerConfig) => IdentityReader>> = {
  email: emailReader,
  spiffe: spiffeReader,
  kubernetes: kubernetesReader,
  uri: uriReader,
  username: usernameReader,
  'ci-provider': providerReader,
  'chainguard-identity': chainguardReader,
  'github-workflow': providerReader,
  'gitlab-pipeline': providerReader,
  'buildkite-job': providerReader,
  'codefresh-workflow': providerReader,
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
