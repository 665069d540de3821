// SPDX-License-Identifier: Apache-2.0
// in-toto statements, and the short names that cosign has for predicate types.
import { fromUtf8, hex, utf8 } from '../core/bytes.ts';
import { STATEMENT_V1 } from '../core/dsse.ts';
import { CodedError } from '../core/errors.ts';
import { parseJson } from '../core/json.ts';

/** cosign's aliases. `slsaprovenance` is v0.2, as there; `slsaprovenance1` is v1. */
export const PREDICATE_TYPES: ReadonlyMap<string, string> = new Map([
  ['custom', 'https://cosign.sigstore.dev/attestation/v1'],
  ['slsaprovenance', 'https://slsa.dev/provenance/v0.2'],
  ['slsaprovenance02', 'https://slsa.dev/provenance/v0.2'],
  ['slsaprovenance1', 'https://slsa.dev/provenance/v1'],
  ['spdx', 'https://spdx.dev/Document'],
  ['spdxjson', 'https://spdx.dev/Document'],
  ['cyclonedx', 'https://cyclonedx.org/bom'],
  ['link', 'https://in-toto.io/Link/v1'],
  ['vuln', 'https://cosign.sigstore.dev/attestation/vuln/v1'],
]);

/** What `cosign sign` puts where a signature is meant, not a statement about the artifact. */
export const SIGNATURE_PREDICATE_TYPE = 'https://sigstore.dev/cosign/sign/v1';

/**
 * The URI of a kind of statement.
 * @param type alias of PREDICATE_TYPES, or a URI, which stays as it is
 * @throws CodedError USAGE when it is neither
 */
export function predicateTypeOf(type: string): string {
  const known = PREDICATE_TYPES.get(type);
  if (known !== undefined) return known;
  if (/^[a-z][a-z0-9+.-]*:\S+$/i.test(type)) return type;
  const aliases = [...PREDICATE_TYPES.keys()].join(', ');
  throw new CodedError('USAGE', `--type ${type} is no URI and none of ${aliases}`, {
    field: '--type',
  });
}

/** The type as a part of a file name: the alias as it stands, a URI without what files dislike. */
export function typeSlug(type: string): string {
  if (PREDICATE_TYPES.has(type)) return type;
  const slug = type.replace(/^https?:\/\//, '').replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  return slug.replaceAll(/^[.-]+|[.-]+$/g, '').slice(0, 100);
}

/**
 * A Statement v1 about one file. The predicate stands in it as it was written, byte for byte, so
 * that no number is rounded.
 * @param predicate JSON @throws ParseError when it is not
 */
export function buildStatement(
  subject: { readonly name: string; readonly sha256: Uint8Array },
  predicateType: string,
  predicate: Uint8Array,
): Uint8Array {
  parseJson(predicate);
  const text = fromUtf8(predicate).trim();
  const head = JSON.stringify({
    _type: STATEMENT_V1,
    subject: [{ name: subject.name, digest: { sha256: hex(subject.sha256) } }],
    predicateType,
  });
  return utf8(`${head.slice(0, -1)},"predicate":${text}}`);
}
