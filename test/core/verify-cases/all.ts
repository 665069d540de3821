// SPDX-License-Identifier: Apache-2.0
import type { VirtualSigstore } from '../../support/virtual-sigstore.ts';
import { certificateCases } from './certificate.ts';
import type { Case } from './common.ts';
import { contentCases } from './content.ts';
import { logCases } from './log.ts';
import { passCases } from './pass.ts';

/** Every bundle that the verifier is held to, good ones first. */
export function allCases(v: VirtualSigstore): Case[] {
  return [...passCases(v), ...certificateCases(v), ...logCases(), ...contentCases(v)];
}
