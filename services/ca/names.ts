// SPDX-License-Identifier: Apache-2.0
// Names that stand in certificates byte for byte: URIs, SPIFFE IDs, domains. Read by rules of their
// own: a URL parser would rewrite case, dots and slashes, and two parsers would see two hosts.

export interface Uri {
  readonly scheme: string;
  /** Without port; nobody in front of it. */
  readonly host: string;
}

/** scheme "://" authority path-abempty [query] [fragment] (RFC 3986 §3). */
const URI =
  /^([a-z][a-z0-9+.-]*):\/\/([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::([0-9]{1,5}))?(?:[/?#](?:[A-Za-z0-9._~:/?#[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)?$/;
const MAX_PORT = 65_535;

/**
 * A URI with a host and without a user: `https://corp.example@evil` has another host than it shows.
 * Undefined for anything else.
 */
export function parseUri(text: string): Uri | undefined {
  const [, scheme, host, port = '1'] = URI.exec(text) ?? [];
  if (scheme === undefined || host === undefined) return undefined;
  return Number(port) >= 1 && Number(port) <= MAX_PORT ? { scheme, host } : undefined;
}

/** Of an address that has passed the schema of issuers; wildcards stay. */
export function hostOf(url: string): string {
  return /^https?:\/\/(\[[^\]]*\]|[^/:]*)/.exec(url)?.[1] ?? '';
}

/** Equal, or with the same last two labels; a wildcard stands for no label that counts. */
export function sharesDomain(a: string, b: string): boolean {
  if (a === b) return true;
  const lastTwo = (host: string) => host.split('.').slice(-2);
  const [ours, theirs] = [lastTwo(a), lastTwo(b)];
  return ours.length === 2 && !ours.includes('') && ours.join('.') === theirs.join('.');
}

const TRUST_DOMAIN = '[a-z0-9._-]{1,255}';
const TRUST_DOMAIN_SETTING = new RegExp(
  `^(?:spiffe://(${TRUST_DOMAIN})(?:/[^?#]*)?|(${TRUST_DOMAIN}))$`,
);
/** SPIFFE-ID §2: letters, digits, dots, - and _ in segments that are not empty. */
const SPIFFE_ID = new RegExp(`^spiffe://(${TRUST_DOMAIN})((?:/[A-Za-z0-9._-]+)*)$`);
const MAX_SPIFFE_ID = 2048;

/** The trust domain of a setting: its name, or a SPIFFE ID of it. */
export function trustDomainOf(setting: string): string | undefined {
  const [, ofId, name] = TRUST_DOMAIN_SETTING.exec(setting) ?? [];
  return ofId ?? name;
}

/** The trust domain of a valid SPIFFE ID; undefined for anything else. */
export function spiffeTrustDomain(id: string): string | undefined {
  if (id.length > MAX_SPIFFE_ID) return undefined;
  const [, domain, path = ''] = SPIFFE_ID.exec(id) ?? [];
  // SPEC SPIFFE-ID §2.2: relative path modifiers MUST NOT be used.
  return path.split('/').some((segment) => segment === '.' || segment === '..')
    ? undefined
    : domain;
}

/** Anything that somebody may take for a mail address. */
export function looksLikeEmail(text: string): boolean {
  return /^[^@/]+@[^@/]+$/.test(text);
}
