// SPDX-License-Identifier: Apache-2.0
// What the fields of one issuer demand of each other, the checks of Fulcio among them. A fault names
// its field.
import { CodedError } from '../core/errors.ts';
import { certificatesOf } from './fetch.ts';
import { ISSUER_TYPES, type IssuerConfig, type IssuerType, issuerFields } from './issuer-fields.ts';
import { hostOf, parseUri, sharesDomain, trustDomainOf } from './names.ts';
import { compileProvider, knowsExtension } from './provider.ts';

type Fault = readonly [field: string, message: string];

const TYPES: Readonly<Record<IssuerType, ReadonlyArray<keyof IssuerConfig>>> = ISSUER_TYPES;

const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/;

function typeFaults(issuer: IssuerConfig): Fault[] {
  const special = new Set(Object.values(TYPES).flat());
  const faults: Fault[] = [];
  for (const field of special) {
    const value = issuer[field];
    if (value === undefined || value === false || TYPES[issuer.type].includes(field)) continue;
    const owners = Object.entries(TYPES).filter(([, fields]) => fields.includes(field));
    const names = owners.map(([type]) => type).join(', ');
    faults.push(['type', `${field} belongs to the type ${names}`]);
  }
  return faults;
}

function providerFaults(issuer: IssuerConfig): Fault[] {
  if (issuer.type !== 'ci-provider') return [];
  const { provider, providerUrl, subjectTemplate, extensionTemplates, templateDefaults } = issuer;
  if ((provider === undefined) === (subjectTemplate === undefined)) {
    return [['provider', 'a ci-provider has either a preset or a subjectTemplate']];
  }
  if (provider !== undefined && (extensionTemplates ?? templateDefaults) !== undefined) {
    return [['provider', 'a preset brings its own templates']];
  }
  if (provider === undefined && providerUrl !== undefined) {
    return [['providerUrl', 'belongs to a preset']];
  }
  const unknown = Object.keys(extensionTemplates ?? {}).find((name) => !knowsExtension(name));
  if (unknown !== undefined) return [['extensionTemplates', `no such extension: ${unknown}`]];
  try {
    compileProvider(issuer);
    return [];
  } catch (error) {
    if (error instanceof CodedError) return [[error.field ?? 'provider', error.message]];
    throw error;
  }
}

function spiffeFaults({ url, spiffeTrustDomain }: IssuerConfig): Fault[] {
  if (spiffeTrustDomain === undefined)
    return [['spiffeTrustDomain', 'a spiffe issuer names its trust domain']];
  if (trustDomainOf(spiffeTrustDomain) === undefined)
    return [['spiffeTrustDomain', 'not a trust domain: lower case, digits, dots, - and _']];
  // Many issuers would speak for one trust domain.
  return url.includes('*') ? [['url', 'a spiffe issuer has no wildcard']] : [];
}

/**
 * Whoever owns the issuer owns the names: the hosts are equal, or share their last two labels.
 * @param host of subjectDomain; undefined when that is no such domain
 */
function domainFaults({ url }: IssuerConfig, host: string | undefined, form: string): Fault[] {
  if (host === undefined) return [['subjectDomain', form]];
  return sharesDomain(host, hostOf(url))
    ? []
    : [['subjectDomain', `${host} is of another domain than the issuer ${url}`]];
}

function uriFaults(issuer: IssuerConfig): Fault[] {
  const { url, subjectDomain } = issuer;
  if (subjectDomain === undefined)
    return [['subjectDomain', 'a uri issuer names scheme and host of its subjects']];
  const domain = parseUri(subjectDomain);
  if (domain !== undefined && !url.startsWith(`${domain.scheme}:`))
    return [['subjectDomain', `${domain.scheme} is another scheme than that of the issuer`]];
  return domainFaults(issuer, domain?.host, 'not scheme and host, as in https://corp.example');
}

function usernameFaults(issuer: IssuerConfig): Fault[] {
  const { subjectDomain } = issuer;
  if (subjectDomain === undefined)
    return [['subjectDomain', 'a username issuer names the domain of its users']];
  const bare = /^[A-Za-z0-9._-]+$/.test(subjectDomain) ? subjectDomain : undefined;
  return domainFaults(issuer, bare, 'a bare domain, without scheme, as in corp.example');
}

const RULES: Partial<Record<IssuerType, (issuer: IssuerConfig) => Fault[]>> = {
  'ci-provider': providerFaults,
  spiffe: spiffeFaults,
  uri: uriFaults,
  username: usernameFaults,
};

function certificateFaults({ caFile, caCertificate }: IssuerConfig): Fault[] {
  if (caCertificate === undefined) return [];
  if (caFile !== undefined) return [['caCertificate', 'caFile or caCertificate, not both']];
  try {
    certificatesOf(caCertificate);
    return [];
  } catch (error) {
    return [['caCertificate', (error as Error).message]];
  }
}

/** Where keys come from: one source, and none over an open line by accident. */
function sourceFaults(issuer: IssuerConfig): Fault[] {
  const { url, jwksUrl, jwksFile, jwks, tokenFile, unsafeHttp } = issuer;
  const faults: Fault[] = [];
  const sources = [jwksUrl, jwksFile, jwks].filter((source) => source !== undefined);
  if (sources.length > 1) faults.push(['jwks', 'one of jwks, jwksFile and jwksUrl, not several']);
  if (url.includes('*') && (sources.length > 0 || tokenFile !== undefined)) {
    faults.push([
      'url',
      'a wildcard has neither keys nor a token of its own: they belong to one issuer',
    ]);
  }
  const fetched = jwksUrl ?? (jwksFile === undefined && jwks === undefined ? url : undefined);
  if (fetched?.startsWith('http:') && !LOOPBACK.test(fetched) && !unsafeHttp) {
    faults.push([
      jwksUrl === undefined ? 'url' : 'jwksUrl',
      'https is needed to fetch keys (or unsafeHttp)',
    ]);
  }
  return faults;
}

export const issuerConfig = issuerFields.superRefine((issuer, context) => {
  const faults = [
    ...typeFaults(issuer),
    ...(RULES[issuer.type]?.(issuer) ?? []),
    ...certificateFaults(issuer),
    ...sourceFaults(issuer),
  ];
  for (const [field, message] of faults) {
    context.addIssue({ code: 'custom', path: [field], message });
  }
});
