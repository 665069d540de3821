// SPDX-License-Identifier: Apache-2.0
// Settings of the certificate authority.
import { z } from 'zod';

const filePath = z.string().min(1).max(4096);

export const issuerConfig = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .describe('Byte for byte the claim `iss` of its tokens.'),
    audience: z.string().min(1).max(256).default('sigstore').describe('What `aud` must contain.'),
    type: z.enum(['email', 'kubernetes', 'ci-provider']),
    provider: z.enum(['github', 'gitlab']).optional().describe('Preset of a ci-provider.'),
    providerUrl: z
      .url({ protocol: /^https$/ })
      .optional()
      .describe('Web address of a self-hosted GitHub or GitLab.'),
    subjectTemplate: z
      .string()
      .min(1)
      .max(1024)
      .optional()
      .describe('SAN of a ci-provider without a preset.'),
    extensionTemplates: z
      .record(z.string().regex(/^([9]|1\d|2[0-3])$/), z.string().max(1024))
      .optional()
      .describe('Extension number (9 to 23) to template, for a ci-provider without a preset.'),
    issuerClaim: z
      .string()
      .regex(/^\$(\.[A-Za-z0-9_-]{1,64}){1,4}$/)
      .optional()
      .describe('JSONPath of the issuer to certify (email).'),
    skipEmailVerification: z.boolean().default(false),
    caFile: filePath
      .optional()
      .describe('PEM of the CA that certifies the issuer, besides the system roots.'),
    tokenFile: filePath
      .optional()
      .describe('Bearer token for the issuer, read anew at each fetch.'),
    jwksUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Keys, where discovery cannot tell.'),
    jwksFile: filePath.optional().describe('Keys in a file, for an issuer out of reach.'),
  })
  .superRefine((issuer, context) => {
    const fault = (path: string, message: string) =>
      context.addIssue({ code: 'custom', path: [path], message });
    const ci = issuer.type === 'ci-provider';
    if (ci && (issuer.provider === undefined) === (issuer.subjectTemplate === undefined)) {
      fault('provider', 'a ci-provider has either a preset or a subjectTemplate');
    }
    if (
      !ci &&
      (issuer.provider ?? issuer.subjectTemplate ?? issuer.extensionTemplates) !== undefined
    ) {
      fault('type', 'presets and templates belong to the type ci-provider');
    }
    if (issuer.issuerClaim !== undefined && issuer.type !== 'email')
      fault('issuerClaim', 'belongs to the type email');
    if (issuer.jwksUrl !== undefined && issuer.jwksFile !== undefined)
      fault('jwksFile', 'not beside jwksUrl');
  });

export type IssuerConfig = z.output<typeof issuerConfig>;

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
    ),
  keyAlgorithms: z
    .array(z.enum(KEY_ALGORITHMS))
    .min(1)
    .default([...KEY_ALGORITHMS]),
  backdateSeconds: z
    .int()
    .min(0)
    .max(60)
    .default(0)
    .describe('For clients whose clock is behind ours.'),
});

export type CaConfig = z.output<typeof caConfig>;
