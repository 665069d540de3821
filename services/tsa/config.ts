// SPDX-License-Identifier: Apache-2.0
// Settings of the timestamp authority.
import { z } from 'zod';
import { OID } from '../core/oid.ts';

/** Dotted form: first arc 0–2, the second below 40 under the first two, no leading zeros. */
const OBJECT_IDENTIFIER =
  /^(?:[01]\.(?:[0-9]|[1-3][0-9])|2\.(?:0|[1-9][0-9]{0,30}))(?:\.(?:0|[1-9][0-9]{0,30})){0,126}$/;

export const tsaConfig = z.strictObject({
  policies: z
    .array(z.string().regex(OBJECT_IDENTIFIER, 'an object identifier in dotted form'))
    .min(1)
    .default([OID.sigstoreTsaPolicy])
    .describe('Policies that requests may name; the first is the one of requests without any.'),
  timeSource: z
    .enum(['off'])
    .default('off')
    .describe('off: the clock of the machine is trusted as it is.'),
});

export type TsaConfig = z.output<typeof tsaConfig>;
