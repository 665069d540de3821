// SPDX-License-Identifier: Apache-2.0
// Settings of one issuer of identity tokens. Rules across its fields: issuer-config.ts.
import { z } from 'zod';

const filePath = z.string().min(1).max(4096);
const template = z.string().min(1).max(2048);
const webAddress = z.url({ protocol: /^https?$/ });

/** Types of identity, and the settings that not every type has. */
export const ISSUER_TYPES = {
  email: ['issuerClaim', 'skipEmailVerification'],
  spiffe: ['spiffeTrustDomain'],
  kubernetes: [],
  uri: ['subjectDomain'],
  username: ['subjectDomain'],
  'ci-provider': [
    'provider',
    'providerUrl',
    'subjectTemplate',
    'extensionTemplates',
    'templateDefaults',
  ],
  'chainguard-identity': [],
  'github-workflow': ['providerUrl'],
  'gitlab-pipeline': ['providerUrl'],
  'buildkite-job': ['providerUrl'],
  'codefresh-workflow': ['providerUrl'],
} as const;

export type IssuerType = keyof typeof ISSUER_TYPES;

export const PROVIDERS = ['github', 'gitlab', 'buildkite', 'codefresh'] as const;

export const issuerFields = z.strictObject({
  url: z
    .string()
    .max(2048)
    .regex(/^https?:\/\/[^\s/?#@]+(\/[^\s?#@]*)?$/, 'an http or https URL without query or user')
    .describe(
      'Byte for byte the claim `iss` of its tokens. `*` stands for letters, digits, - and _: never for a dot or a slash.',
    ),
  audience: z.string().min(1).max(256).default('sigstore').describe('What `aud` must contain.'),
  type: z.enum(Object.keys(ISSUER_TYPES) as [IssuerType, ...IssuerType[]]),
  spiffeTrustDomain: z
    .string()
    .max(2048)
    .optional()
    .describe('Trust domain that every SPIFFE ID must be of.'),
  subjectDomain: z
    .string()
    .max(512)
    .optional()
    .describe('Scheme and host of every uri (https://corp.example); domain of every username.'),
  challengeClaim: z
    .string()
    .min(1)
    .max(64)
    .optional()
    .describe('What clients are told to sign, in place of what the type implies; never judged.'),
  provider: z.enum(PROVIDERS).optional().describe('Preset of a ci-provider.'),
  providerUrl: webAddress.max(512).optional().describe('Web address of a self-hosted provider.'),
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
    .regex(/^\$(\.[A-Za-z0-9_-]{1,64}){1,4}$/, 'a JSONPath such as $.federated_claims.connector_id')
    .optional()
    .describe('JSONPath of the issuer to certify (email).'),
  skipEmailVerification: z
    .boolean()
    .default(false)
    .describe('For issuers that own every address and send no email_verified.'),
  caFile: filePath
    .optional()
    .describe('PEM of the CA that certifies the issuer, besides the system roots.'),
  caCertificate: z
    .string()
    .max(65_536)
    .optional()
    .describe('The same in place: PEM, besides the system roots.'),
  tokenFile: filePath
    .optional()
    .describe(
      'Bearer token for the hosts of the issuer and of jwksUrl alone, read anew at each fetch.',
    ),
  jwksUrl: webAddress.max(2048).optional().describe('Keys, where discovery cannot tell.'),
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
