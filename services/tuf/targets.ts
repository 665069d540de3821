// SPDX-License-Identifier: Apache-2.0
// The targets of the repository: trusted_root.json and signing_config.v0.2.json, which every client
// of today reads; chains and keys in use as files; and the single PEM files that cosign up to 2.4 and old Kyverno look for
// by name and `custom.sigstore.usage`.
import { hex, utf8 } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import type { JsonObject } from '../core/json.ts';
import { rfc6962VerifierKey, verifierKey } from '../core/note.ts';
import { pem } from '../core/pem.ts';
import {
  buildSigningConfig,
  parseSigningConfig,
  serializeSigningConfig,
} from '../core/signing-config.ts';
import { parseTrustedRoot, serializeTrustedRoot, type TrustedRoot } from '../core/trust.ts';
import { buildTrustedRoot, type TrustMaterial, tlogBaseUrl } from '../core/trust-build.ts';
import type { TargetSource } from '../core/tuf-build.ts';

type Usage = 'Fulcio' | 'Rekor' | 'CTFE' | 'TSA';

/** sigstore-java wants both `status` and `usage` wherever `custom` stands. */
function custom(usage: Usage, uri: string): JsonObject {
  return { sigstore: { usage, status: 'Active', uri } };
}

function certificates(chain: readonly Uint8Array[]): Uint8Array {
  return utf8(chain.map((der) => pem('CERTIFICATE', der)).join(''));
}

function fulcioTargets({ fulcioChain, url }: TrustMaterial): TargetSource[] {
  const meta = custom('Fulcio', url);
  const root = certificates(fulcioChain.slice(-1));
  const intermediates = fulcioChain.slice(0, -1);
  return [
    { name: 'fulcio.crt.pem', bytes: root, custom: meta },
    { name: 'fulcio_v1.crt.pem', bytes: root, custom: meta },
    ...(intermediates.length === 0
      ? []
      : [
          {
            name: 'fulcio_intermediate_v1.crt.pem',
            bytes: certificates(intermediates),
            custom: meta,
          },
        ]),
  ];
}

function tsaTargets({ tsaChain, url }: TrustMaterial): TargetSource[] {
  const meta = custom('TSA', `${url}/api/v1/timestamp`);
  return [
    { name: 'tsa_leaf.crt.pem', bytes: certificates(tsaChain.slice(0, 1)), custom: meta },
    ...tsaChain.slice(1, -1).map((der, i) => ({
      name: `tsa_intermediate_${i}.crt.pem`,
      bytes: certificates([der]),
      custom: meta,
    })),
    { name: 'tsa_root.crt.pem', bytes: certificates(tsaChain.slice(-1)), custom: meta },
  ];
}

function keyTargets(crypto: Crypto, material: TrustMaterial): TargetSource[] {
  const { tlogKey, ctlogKey, origin, ctlogOrigin, url } = material;
  const key = (spki: Uint8Array) => utf8(pem('PUBLIC KEY', spki));
  return [
    { name: 'rekor.pub', bytes: key(tlogKey), custom: custom('Rekor', tlogBaseUrl(material)) },
    { name: 'ctfe.pub', bytes: key(ctlogKey), custom: custom('CTFE', `${url}/ctlog`) },
    { name: 'rekor.vkey', bytes: utf8(`${verifierKey(crypto, origin, tlogKey)}\n`) },
    { name: 'ctlog.vkey', bytes: utf8(`${rfc6962VerifierKey(crypto, ctlogOrigin, ctlogKey)}\n`) },
  ];
}

/**
 * @param previous the trusted root published last, whose entries stay
 * @param nowMs when `material` takes over
 * @throws CodedError TRUST_ROOT_MALFORMED, SIGNING_CONFIG_MALFORMED for material that clients would
 *   refuse: what is published was parsed by the client's own reader first
 */
export function repositoryTargets(
  crypto: Crypto,
  material: TrustMaterial,
  previous: TrustedRoot | undefined,
  nowMs: number,
): TargetSource[] {
  const root = buildTrustedRoot(crypto, material, previous, nowMs);
  const logId = hex(crypto.digest('sha256', material.tlogKey));
  const since = root.tlogs.find((log) => hex(log.logId) === logId)?.start ?? material.start;
  const trustedRoot = utf8(serializeTrustedRoot(root));
  const signingConfig = utf8(serializeSigningConfig(buildSigningConfig(material, since)));
  parseTrustedRoot(trustedRoot);
  parseSigningConfig(signingConfig);
  return [
    { name: 'trusted_root.json', bytes: trustedRoot },
    { name: 'signing_config.v0.2.json', bytes: signingConfig },
    { name: 'fulcio.pem', bytes: certificates(material.fulcioChain) },
    { name: 'tsa.pem', bytes: certificates(material.tsaChain) },
    ...keyTargets(crypto, material),
    ...fulcioTargets(material),
    ...tsaTargets(material),
  ];
}
