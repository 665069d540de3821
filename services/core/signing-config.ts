// SPDX-License-Identifier: Apache-2.0
// signing_config.v0.2.json (sigstore protobuf-specs, SigningConfig): where a signer goes; and the
// ClientTrustConfig that holds it together with the trusted root.
//
//   SigningConfig { mediaType, caUrls[], oidcUrls[], rekorTlogUrls[], rekorTlogConfig, tsaUrls[], tsaConfig }
//   service       { url, majorApiVersion, validFor { start, end? }, operator }
//   config        { selector ALL | ANY | EXACT, count }
import { CodedError } from './errors.ts';
import { type Json, parseJson } from './json.ts';
import { ProtoMessage } from './protojson.ts';
import { readTrustedRoot, type TrustedRoot, trustedRootJson } from './trust.ts';
import type { TrustMaterial } from './trust-build.ts';
import {
  formatTime,
  inWindow,
  naming,
  readUrl,
  readWindow,
  requireMediaType,
  type Window,
} from './trust-fields.ts';

export const SIGNING_CONFIG_MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
export const CLIENT_TRUST_CONFIG_MEDIA_TYPE =
  'application/vnd.dev.sigstore.clienttrustconfig.v0.1+json';

/** A service of a signing config; valid in its window. */
export interface SigningService extends Window {
  /** Base URL; of a timestamp authority the whole endpoint. */
  readonly url: string;
  /** From 1. */
  readonly majorApiVersion: number;
  /** One service of each operator is used. */
  readonly operator: string;
}

/** How many services are used: each, one, or `count`. */
export type Selector = 'ALL' | 'ANY' | 'EXACT';

/** How many of the valid services a signer uses. */
export interface ServiceSelection {
  /** See Selector. */
  readonly selector: Selector;
  /** With EXACT alone. */
  readonly count?: number;
}

/** Where a signer goes: signing_config.v0.2.json. */
export interface SigningConfig {
  /** Certificate authorities. */
  readonly caUrls: readonly SigningService[];
  /** Identity providers, for people. */
  readonly oidcUrls: readonly SigningService[];
  /** Transparency logs. */
  readonly rekorTlogUrls: readonly SigningService[];
  /** Present when there are logs. */
  readonly rekorTlogConfig?: ServiceSelection;
  /** Full endpoint URLs. */
  readonly tsaUrls: readonly SigningService[];
  /** Present when there are authorities. */
  readonly tsaConfig?: ServiceSelection;
}

/** Both documents in one file. */
export interface ClientTrustConfig {
  /** Whom to believe. */
  readonly trustedRoot: TrustedRoot;
  /** Where to sign. */
  readonly signingConfig: SigningConfig;
}

const MAX_LENGTH = 1 << 20;
const MAX_SERVICES = 64;
const SERVICE_FIELDS = ['url', 'majorApiVersion', 'validFor', 'operator'];
/** ServiceSelector of sigstore_trustroot.proto; 0 is undefined. */
const SELECTORS = new Map<string, number>([
  ['SERVICE_SELECTOR_UNDEFINED', 0],
  ['ALL', 1],
  ['ANY', 2],
  ['EXACT', 3],
]);

function readService(service: ProtoMessage): SigningService {
  const url = readUrl(service, 'url');
  const majorApiVersion = service.integer('majorApiVersion');
  if (majorApiVersion < 1) return service.fail('majorApiVersion', 'is missing or below 1');
  return { url, majorApiVersion, operator: service.string('operator'), ...readWindow(service) };
}

function readTsa(service: ProtoMessage): SigningService {
  const tsa = readService(service);
  // SPEC: tsaUrls hold the whole endpoint. Go and Python use them as they stand, and would post to `/`.
  if (new URL(tsa.url).pathname === '/') {
    return service.fail('url', 'is a bare host; the URL of a timestamp authority has its path');
  }
  return tsa;
}

function readSelection(
  config: ProtoMessage,
  name: string,
  services: readonly SigningService[],
): ServiceSelection | undefined {
  const message = config.message(name, ['selector', 'count']);
  // Go dereferences the missing message and dies.
  if (message === undefined)
    return services.length === 0 ? undefined : config.fail(name, 'is missing');
  const number = message.enumNumber('selector', (text) => SELECTORS.get(text));
  const selector = [...SELECTORS].find(([, value]) => value === number && value > 0)?.[0];
  if (selector === undefined) return message.fail('selector', 'is none of ALL, ANY, EXACT');
  const count = message.integer('count');
  if (selector !== 'EXACT') {
    return count === 0
      ? { selector: selector as Selector }
      : message.fail('count', 'goes with EXACT alone');
  }
  if (count < 1) return message.fail('count', 'is missing; EXACT says how many');
  return { selector, count };
}

/** A SigningConfig message inside another document. @throws FieldError */
function readSigningConfig(json: Json, path: string): SigningConfig {
  const config = new ProtoMessage(json, path, [
    'mediaType',
    'caUrls',
    'oidcUrls',
    'rekorTlogUrls',
    'rekorTlogConfig',
    'tsaUrls',
    'tsaConfig',
  ]);
  requireMediaType(config, SIGNING_CONFIG_MEDIA_TYPE);
  const services = (name: string, read = readService) =>
    config.messages(name, SERVICE_FIELDS, MAX_SERVICES).map(read);
  const rekorTlogUrls = services('rekorTlogUrls');
  const tsaUrls = services('tsaUrls', readTsa);
  const rekorTlogConfig = readSelection(config, 'rekorTlogConfig', rekorTlogUrls);
  const tsaConfig = readSelection(config, 'tsaConfig', tsaUrls);
  return {
    caUrls: services('caUrls'),
    oidcUrls: services('oidcUrls'),
    rekorTlogUrls,
    ...(rekorTlogConfig === undefined ? {} : { rekorTlogConfig }),
    tsaUrls,
    ...(tsaConfig === undefined ? {} : { tsaConfig }),
  };
}

/** @throws CodedError SIGNING_CONFIG_MALFORMED, `field` = path of the fault */
export function parseSigningConfig(json: string | Uint8Array): SigningConfig {
  return naming('SIGNING_CONFIG_MALFORMED', 'signing config', () =>
    readSigningConfig(parseJson(json, { maxLength: MAX_LENGTH }), ''),
  );
}

/**
 * Reads a client trust config: trusted root and signing config in one file.
 * @param json at most 2 MiB
 * @throws CodedError TRUST_ROOT_MALFORMED or SIGNING_CONFIG_MALFORMED, by the part at fault
 */
export function parseClientTrustConfig(json: string | Uint8Array): ClientTrustConfig {
  const document = 'client trust config';
  const message = naming('TRUST_ROOT_MALFORMED', document, () => {
    const whole = parseJson(json, { maxLength: 2 * MAX_LENGTH });
    const names = ['mediaType', 'trustedRoot', 'signingConfig'];
    const config = new ProtoMessage(whole, '', names);
    requireMediaType(config, CLIENT_TRUST_CONFIG_MEDIA_TYPE);
    return config;
  });
  const part = <T>(name: string, read: (json: Json, path: string) => T): T =>
    read(message.value(name) ?? message.fail(name, 'is missing'), name);
  return {
    trustedRoot: naming('TRUST_ROOT_MALFORMED', document, () =>
      part('trustedRoot', readTrustedRoot),
    ),
    signingConfig: naming('SIGNING_CONFIG_MALFORMED', document, () =>
      part('signingConfig', readSigningConfig),
    ),
  };
}

/** Clients whose clock is slow must find a service that has begun. */
const HEAD_START = 60 * 60 * 1000;

/** @param startMs since when the stack runs; the config shows an hour less */
export function buildSigningConfig(material: TrustMaterial, startMs: number): SigningConfig {
  const service = (url: string, majorApiVersion: number): SigningService => ({
    url,
    majorApiVersion,
    operator: material.operator,
    start: startMs - HEAD_START,
  });
  return {
    caUrls: [service(material.url, 1)],
    oidcUrls: material.issuers.map((issuer) => service(issuer, 1)),
    rekorTlogUrls: [service(material.url, 2)],
    rekorTlogConfig: { selector: 'ANY' },
    tsaUrls: [service(`${material.url}/api/v1/timestamp`, 1)],
    tsaConfig: { selector: 'ANY' },
  };
}

function serviceJson({ url, majorApiVersion, start, end, operator }: SigningService): Json {
  const validFor = {
    start: formatTime(start),
    ...(end === undefined ? {} : { end: formatTime(end) }),
  };
  return { url, majorApiVersion, validFor, operator };
}

function selectionJson(selection: ServiceSelection | undefined): Json {
  return { selector: 'ANY', ...selection };
}

export function signingConfigJson(config: SigningConfig): Json {
  return {
    mediaType: SIGNING_CONFIG_MEDIA_TYPE,
    caUrls: config.caUrls.map(serviceJson),
    oidcUrls: config.oidcUrls.map(serviceJson),
    rekorTlogUrls: config.rekorTlogUrls.map(serviceJson),
    // Written even without services: Go dies of a missing one.
    rekorTlogConfig: selectionJson(config.rekorTlogConfig),
    tsaUrls: config.tsaUrls.map(serviceJson),
    tsaConfig: selectionJson(config.tsaConfig),
  };
}

export function serializeSigningConfig(config: SigningConfig): string {
  return `${JSON.stringify(signingConfigJson(config), null, 2)}\n`;
}

/** ClientTrustConfig: both documents in one file. */
export function buildClientTrustConfig(root: TrustedRoot, config: SigningConfig): string {
  const both = {
    mediaType: CLIENT_TRUST_CONFIG_MEDIA_TYPE,
    trustedRoot: trustedRootJson(root),
    signingConfig: signingConfigJson(config),
  };
  return `${JSON.stringify(both, null, 2)}\n`;
}

/**
 * The services to use now: valid, of the highest version that is supported, newest first, one for
 * each operator; then as many as the selector says.
 * @param what for the error: `caUrls`, `rekorTlogUrls`, …
 * @param selection absent for CA and issuers, where one is enough
 * @throws CodedError SIGNING_CONFIG_SERVICE when too few are left
 */
export function selectServices(
  what: string,
  services: readonly SigningService[],
  supportedVersions: readonly number[],
  nowMs: number,
  selection: ServiceSelection = { selector: 'ANY' },
): readonly SigningService[] {
  const usable = services.filter(
    (s) => supportedVersions.includes(s.majorApiVersion) && inWindow(s, nowMs),
  );
  const highest = Math.max(...usable.map((s) => s.majorApiVersion));
  const newest = usable
    .filter((s) => s.majorApiVersion === highest)
    .sort((a, b) => b.start - a.start);
  const operators = new Map<string, SigningService>();
  for (const service of newest) {
    if (!operators.has(service.operator)) operators.set(service.operator, service);
  }
  const wanted = selection.selector === 'EXACT' ? (selection.count ?? 1) : 1;
  if (operators.size < wanted) {
    throw new CodedError(
      'SIGNING_CONFIG_SERVICE',
      `${what}: ${operators.size} of ${services.length} services are valid at ${formatTime(nowMs)} and of a known version, ${wanted} wanted`,
      { field: what },
    );
  }
  return [...operators.values()].slice(0, selection.selector === 'ALL' ? undefined : wanted);
}
