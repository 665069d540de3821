// SPDX-License-Identifier: Apache-2.0
// Fulcio's own configuration file, taken as it is:
//
//   JSON, else YAML with anchors; keys in PascalCase or kebab-case
//   OIDCIssuers         issuers by the claim iss
//   MetaIssuers         the same by wildcard
//   CIIssuerMetadata    templates by name, which issuers of type ci-provider name
//
// Each issuer becomes one of ours and passes our rules, which hold Fulcio's. What Fulcio would find
// out at the first token (no client id, no templates) is refused at the start.
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { CodedError } from '../core/errors.ts';
import type { Logger } from '../runtime/telemetry.ts';
import type { CaConfig } from './config.ts';
import { fulcioTree, type Tree } from './fulcio-file.ts';
import { issuerConfig } from './issuer-config.ts';
import { ISSUER_TYPES, type IssuerConfig, type IssuerType } from './issuer-fields.ts';
import { wildcardPattern } from './issuer-table.ts';
import { compileProvider, knowsExtension } from './provider.ts';

/** Where a pod of Kubernetes finds its cluster; Fulcio's path first. */
export interface ClusterFiles {
  readonly caFiles: readonly string[];
  readonly tokenFile: string;
}

const POD = '/var/run/secrets/kubernetes.io/serviceaccount';
const CLUSTER_FILES: ClusterFiles = {
  caFiles: ['/var/run/fulcio/ca.crt', `${POD}/ca.crt`],
  tokenFile: `${POD}/token`,
};
const CLUSTER_ISSUER = 'https://kubernetes.default.svc';

/** Our field → both spellings of Fulcio's; those without a field of ours are for people. */
const ISSUER_KEYS = [
  ['url', 'IssuerURL', 'issuer-url'],
  ['audience', 'ClientID', 'client-id'],
  ['type', 'Type', 'type'],
  ['provider', 'CIProvider', 'ci-provider'],
  ['issuerClaim', 'IssuerClaim', 'issuer-claim'],
  ['subjectDomain', 'SubjectDomain', 'subject-domain'],
  ['spiffeTrustDomain', 'SPIFFETrustDomain', 'spiffe-trust-domain'],
  ['challengeClaim', 'ChallengeClaim', 'challenge-claim'],
  ['caCertificate', 'CACert', 'ca-cert'],
  ['skipEmailVerification', 'SkipEmailVerification', 'skip-email-verification'],
  ['', 'Description', 'description'],
  ['', 'Contact', 'contact'],
  ['', 'Environment', 'environment'],
] as const;
const METADATA_KEYS = [
  ['defaults', 'DefaultTemplateValues', 'default-template-values'],
  ['extensions', 'ExtensionTemplates', 'extension-templates'],
  ['subject', 'SubjectAlternativeNameTemplate', 'subject-alternative-name-template'],
] as const;
const FILE_KEYS = [
  ['issuers', 'OIDCIssuers', 'oidc-issuers'],
  ['metaIssuers', 'MetaIssuers', 'meta-issuers'],
  ['metadata', 'CIIssuerMetadata', 'ci-issuer-metadata'],
] as const;

type Keys = ReadonlyArray<readonly [ours: string, pascal: string, kebab: string]>;

/** Go reads an absent scalar as empty, YAML 1.1 writes booleans in words, and scalars go as text. */
const text = z.union([z.string(), z.number(), z.boolean()]).transform(String);
const words = z.record(z.string(), text);
const flag = z.union([
  z.boolean(),
  z.enum(['true', 'yes', 'on']).transform(() => true),
  z.enum(['false', 'no', 'off', '']).transform(() => false),
]);

class Fault extends Error {
  readonly path: string;
  constructor(path: string, why: string) {
    super(why);
    this.path = path;
  }
}

function branch(value: unknown, path: string): Tree {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Tree;
  throw new Fault(path, 'not a mapping');
}

/** Fields by our names. @param strict other keys are refused */
function fieldsOf(tree: Tree, keys: Keys, path: string, strict: boolean): Tree {
  const found: Tree = {};
  const spelt = new Map<string, string>();
  for (const [key, value] of Object.entries(tree)) {
    // Go's JSON compares names without case.
    const row = keys.find(
      ([, pascal, kebab]) => key === kebab || key.toLowerCase() === pascal.toLowerCase(),
    );
    if (row === undefined) {
      if (strict) throw new Fault(`${path}.${key}`, 'no such key');
      continue;
    }
    const before = spelt.get(row[1]);
    if (before !== undefined) throw new Fault(`${path}.${key}`, `stands as ${before} too`);
    spelt.set(row[1], key);
    if (row[0] !== '' && value !== null && value !== '') found[row[0]] = value;
  }
  return found;
}

function parsed<S extends z.ZodType>(schema: S, value: unknown, path: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new Fault(path, result.error.issues[0]?.message ?? 'of another form');
}

interface Metadata {
  readonly subjectTemplate: string;
  readonly extensionTemplates: Readonly<Record<string, string>>;
  readonly templateDefaults: Readonly<Record<string, string>>;
}

/** Templates must be understood, whether an issuer names them or not. */
function readMetadata(value: unknown, path: string): Metadata {
  const fields = fieldsOf(branch(value, path), METADATA_KEYS, path, true);
  const extensionTemplates: Record<string, string> = {};
  const at = `${path}.extension-templates`;
  for (const [name, template] of Object.entries(parsed(words, fields.extensions ?? {}, at))) {
    if (!knowsExtension(name) || /^\d/.test(name)) throw new Fault(`${at}.${name}`, 'no such key');
    // An empty template is no template, in Fulcio too.
    if (template.trim() !== '') extensionTemplates[name] = template;
  }
  const metadata = {
    subjectTemplate: parsed(
      text,
      fields.subject ?? '',
      `${path}.subject-alternative-name-template`,
    ),
    extensionTemplates,
    templateDefaults: parsed(words, fields.defaults ?? {}, `${path}.default-template-values`),
  };
  try {
    compileProvider(metadata);
  } catch (error) {
    if (error instanceof CodedError) throw new Fault(path, error.message);
    throw error;
  }
  return metadata;
}

interface Context {
  readonly metadata: ReadonlyMap<string, Metadata>;
  /** Settings of an exact issuer of type kubernetes; empty outside a cluster. */
  readonly cluster: Partial<IssuerConfig>;
  readonly logger: Logger;
}

function theirName(ours: PropertyKey | undefined, path: string): string {
  const row = ISSUER_KEYS.find(([name]) => name === ours && name !== 'url');
  return row === undefined ? path : `${path}.${row[2]}`;
}

function templatesOf(fields: Tree, path: string, { metadata }: Context): Partial<Metadata> {
  if (fields.type !== 'ci-provider') return {};
  const name = parsed(text, fields.provider ?? '', `${path}.ci-provider`);
  const templates = metadata.get(name);
  if (templates === undefined)
    throw new Fault(
      `${path}.ci-provider`,
      `no ci-issuer-metadata of the name ${JSON.stringify(name)}`,
    );
  if (templates.subjectTemplate.trim() === '')
    throw new Fault(`ci-issuer-metadata.${name}.subject-alternative-name-template`, 'missing');
  return templates;
}

/** Undefined for a type that nobody knows, of which Fulcio says that no token will do. */
function readIssuer(
  url: string,
  value: unknown,
  path: string,
  context: Context,
): IssuerConfig | undefined {
  const fields = fieldsOf(branch(value, path), ISSUER_KEYS, path, true);
  const { type } = fields;
  if (typeof type !== 'string' || !(type in ISSUER_TYPES)) {
    if (typeof type !== 'string' || fields.challengeClaim === undefined)
      throw new Fault(`${path}.type`, `not one of ${Object.keys(ISSUER_TYPES).join(', ')}`);
    context.logger.warn('issuer of an unknown type: its tokens are refused', { issuer: url, type });
    return undefined;
  }
  if (fields.audience === undefined) throw new Fault(`${path}.client-id`, 'missing');
  if (fields.issuerClaim !== undefined && type !== 'email')
    throw new Fault(`${path}.issuer-claim`, 'belongs to the type email');
  const { provider: _, skipEmailVerification = false, ...rest } = fields;
  const own = ISSUER_TYPES[type as IssuerType] as readonly string[];
  const special = new Set<string>(Object.values(ISSUER_TYPES).flat());
  const kept = Object.entries(rest).filter(([name]) => !special.has(name) || own.includes(name));
  const inCluster = type === 'kubernetes' && !url.includes('*') ? context.cluster : {};
  const { caCertificate, ...others } = Object.fromEntries(kept) as Tree;
  const result = issuerConfig.safeParse({
    ...others,
    ...(caCertificate === undefined || inCluster.caFile !== undefined ? {} : { caCertificate }),
    ...inCluster,
    ...templatesOf(fields, path, context),
    ...(own.includes('skipEmailVerification')
      ? {
          skipEmailVerification: parsed(
            flag,
            skipEmailVerification,
            `${path}.skip-email-verification`,
          ),
        }
      : {}),
    url,
  });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new Fault(theirName(issue?.path[0], path), issue?.message ?? 'of another form');
}

/** In a cluster, Fulcio asks exact Kubernetes issuers with the pod's authority and token, once its
 * own issuer is configured. */
function clusterSettings(urls: readonly string[], { caFiles, tokenFile }: ClusterFiles) {
  if (!urls.some((url) => wildcardPattern(url).test(CLUSTER_ISSUER))) return {};
  const caFile = caFiles.find((path) => existsSync(path));
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(existsSync(tokenFile) ? { tokenFile } : {}),
  };
}

export interface ImportOptions {
  readonly path: string;
  readonly logger: Logger;
  /** Issuers that are configured elsewhere, which wins. */
  readonly except: ReadonlySet<string>;
  readonly cluster?: ClusterFiles;
}

function importTree(tree: Tree, options: ImportOptions): IssuerConfig[] {
  const { logger, except, cluster = CLUSTER_FILES } = options;
  const file = fieldsOf(tree, FILE_KEYS, '', false);
  const known = new Set<string>(['define', ...FILE_KEYS.flatMap(([, ...names]) => names)]);
  for (const key of Object.keys(tree)) {
    if (!known.has(key)) logger.warn('key of the Fulcio configuration passed over', { key });
  }
  const issuers = branch(file.issuers, 'oidc-issuers');
  const metaIssuers = branch(file.metaIssuers, 'meta-issuers');
  const metadata = new Map(
    Object.entries(branch(file.metadata, 'ci-issuer-metadata')).map(([name, value]) => [
      name,
      readMetadata(value, `ci-issuer-metadata.${name}`),
    ]),
  );
  const urls = [...Object.keys(issuers), ...Object.keys(metaIssuers)];
  const context = { metadata, cluster: clusterSettings(urls, cluster), logger };
  const found: Array<IssuerConfig | undefined> = [];
  for (const [url, value] of Object.entries(issuers)) {
    const path = `oidc-issuers.${url}`;
    if (url.includes('*')) throw new Fault(path, 'a wildcard stands under meta-issuers');
    const { url: named = url } = fieldsOf(branch(value, path), ISSUER_KEYS, path, true);
    if (named !== url) throw new Fault(`${path}.issuer-url`, 'another issuer than its key');
    if (!except.has(url)) found.push(readIssuer(url, value, path, context));
  }
  for (const [url, value] of Object.entries(metaIssuers)) {
    if (url in issuers) throw new Fault(`meta-issuers.${url}`, 'stands under oidc-issuers too');
    if (!except.has(url)) found.push(readIssuer(url, value, `meta-issuers.${url}`, context));
  }
  return found.filter((issuer) => issuer !== undefined);
}

/** @throws CodedError CONFIG_INVALID naming file and field */
export function importFulcioConfig(options: ImportOptions): IssuerConfig[] {
  const { path } = options;
  const invalid = (field: string, why: string) => {
    const where = field === '' ? path : `${path}: ${field}`;
    return new CodedError('CONFIG_INVALID', `ca.fulcioConfig: ${where}: ${why}`, {
      field: field === '' ? 'ca.fulcioConfig' : `ca.fulcioConfig:${field}`,
    });
  };
  try {
    return importTree(fulcioTree(readFileSync(path)), options);
  } catch (error) {
    throw error instanceof Fault
      ? invalid(error.path.replace(/^\./, ''), error.message)
      : invalid('', (error as Error).message);
  }
}

/**
 * Every issuer of the settings; one of `issuers` replaces that of Fulcio's file with the same url.
 * @throws CodedError CONFIG_INVALID
 */
export function resolveIssuers(
  { issuers, fulcioConfig }: CaConfig,
  logger: Logger,
): IssuerConfig[] {
  if (fulcioConfig === undefined) return issuers;
  const except = new Set(issuers.map(({ url }) => url));
  return [...issuers, ...importFulcioConfig({ path: fulcioConfig, logger, except })];
}
