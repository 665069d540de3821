// SPDX-License-Identifier: Apache-2.0
// Settings of the certificate authority.
import { z } from 'zod';
import { issuerConfig } from './issuer-config.ts';

const filePath = z.string().min(1).max(4096);

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
  fulcioConfig: filePath
    .optional()
    .describe("Fulcio's own configuration file: its issuers, besides those of ca.issuers."),
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
  chainFile: filePath
    .optional()
    .describe('PEM, issuing certificate first, root last; read again when it changes.'),
  keyFile: filePath.optional().describe('PEM of the private key of the first certificate.'),
  keyPasswordFile: filePath.optional().describe('What keyFile is encrypted with.'),
});

export type CaConfig = z.output<typeof caConfig>;
