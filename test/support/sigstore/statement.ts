// SPDX-License-Identifier: Apache-2.0
import { hex } from '../../../services/core/bytes.ts';
import { sha256 } from './random.ts';

/** An in-toto statement about an artifact. */
export function statementOf(
  artifact: Uint8Array,
  extra: Readonly<Record<string, unknown>> = {},
): Record<string, unknown> {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'artifact', digest: { sha256: hex(sha256(artifact)) } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {},
    ...extra,
  };
}
