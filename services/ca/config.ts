// SPDX-License-Identifier: Apache-2.0
// Settings of the certificate authority.
import { z } from 'zod';
import { CodedError } from '../core/errors.ts';
import { compileProvider, knowsExtension } from './provider.ts';

const filePath = z.string().min(1).max(4096);
const template = z.string().min(1).max(2048);
const LOOPBACK = /^http:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/;

/** Types of identity, and the settings that belong to one type alone. */
export const ISSUER_TYPES = {
  email: ['issuerClaim', 'skipEmailVerification'],
  kubernetes: [],
  'ci-provider': [
    'provider',
    'providerUrl',
    'subjectTemplate',
    'extensionTemplates',
    'templateDefaults',
  ],
} as const;

export type IssuerType = keyof typeof ISSUER_TYPES;

const issuerFields = z.strictObject({
  url: z
    .string()
    .max(2048)
    .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/, 'an http or https URL without query or user')
    .describe(
      'Byte for byte the claim `iss` of its tokens. `*` stands for letters, digits, - and _: never for a dot or a slash.',
    ),
  audience: z.string().min(1).max(256).default('sigstore').describe('What `aud` must contain.'),
  type: z.enum(Object.keys(ISSUER_TYPES) as [IssuerType, ...IssuerType[]]),
  provider: z.enum(['github', 'gitlab']).optional().describe('Preset of a ci-provider.'),
  providerUrl: z
    .url({ protocol: /^https?$/ })
    .max(512)
    .optional()
    .describe('Web address of a self-hosted GitHub or GitLab.'),
  subjectTemplate: template.optional().describe('SAN of a ci-provider without a preset.'),
  extensionTemplates: z
    .record(z.string(), template)
    .optional()
    .describe(
      'Extension (number 2 to 6 and 9 to 23, or name as BuildSignerURI) to template, for a ci-provider without a preset.',
    ),
  templateDefaults: z
    .record(z.string().min(1).max(256), z.string().max(2048))
    .optional()
    .describe('What templates see of claims that a token lacks.'),
  issuerClaim: z
    .string()
    .regex(/^\$(\.[A-Za-z0-9_-]{1,64}){1,4}$/)
    .optional()
    .describe('JSONPath of the issuer to certify (email).'),
  skipEmailVerification: z
    .boolean()
    .default(false)
    .describe('For issuers that own every address and send no email_verified.'),
  caFile: filePath
    .optional()
    .describe('PEM of the CA that certifies the issuer, besides the system roots.'),
  tokenFile: filePath
    .optional()
    .describe(
      'Bearer token for the hosts of the issuer and of jwksUrl alone, read anew at each fetch.',
    ),
  jwksUrl: z
    .url({ protocol: /^https?$/ })
    .max(2048)
    .optional()
    .describe('Keys, where discovery cannot tell.'),
  jwksFile: filePath.optional().describe('Keys in a file, for an issuer out of reach.'),
  jwks: z
    .strictObject({
      keys: z
        .array(z.looseObject({ kty: z.string() }))
        .min(1)
        .max(64),
    })
    .optional()
    .describe('Keys in place, for an issuer out of reach.'),
  unsafeHttp: z
    .boolean()
    .default(false)
    .describe('Fetch keys without TLS: whoever sits on the network may issue tokens.'),
});

export type IssuerConfig = z.output<typeof issuerFields>;

type Fault = readonly [field: string, message: string];

function typeFaults(issuer: IssuerConfig): Fault[] {
  const faults: Fault[] = [];
  for (const [type, fields] of Object.entries(ISSUER_TYPES)) {
    if (type === issuer.type) continue;
    for (const field of fields) {
      const value = issuer[field];
      if (value !== undefined && value !== false)
        faults.push(['type', `${field} belongs to the type ${type}`]);
    }
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
  const faults = [...typeFaults(issuer), ...providerFaults(issuer), ...sourceFaults(issuer)];
  for (const [field, message] of faults) {
    context.addIssue({ code: 'custom', path: [field], message });
  }
});

export const KEY_ALGORITHMS = [
  'ecdsa-sha2-256-nistp256',
  'ecdsa-sha2-384-nistp384',
  'ecdsa-sha2-512-nistp521',
  'rsa-sign-pkcs1-2048-sha256',
  'rsa-sign-pkcs1-3072-sha256',
  'rsa-sign-pkcs1-4096-sha256',
  'ed25519',
] as const;

export const caConfig = z.strictObject({
  issuers: z
    .array(issuerConfig)
    .max(256)
    .default([])
    .refine(
      (list) => new Set(list.map(({ url }) => url)).size === list.length,
      'two issuers have one url',
    )
    .describe('Who may vouch for signers.'),
  keyAlgorithms: z
    .array(z.enum(KEY_ALGORITHMS))
    .min(1)
    .default([...KEY_ALGORITHMS])
    .describe('Keys that certificates are issued for.'),
  sha256Possession: z
    .boolean()
    .default(false)
    .describe(
      'Take proofs of possession over SHA-256 from P-384 and P-521 keys, as clients before Fulcio 1.7 made them.',
    ),
  backdateSeconds: z
    .int()
    .min(0)
    .max(60)
    .default(0)
    .describe('For timestamp authorities and logs whose clock is behind ours.'),
});

export type CaConfig = z.output<typeof caConfig>;
