// SPDX-License-Identifier: Apache-2.0
// Leaves as the certificate authority writes them, under a chain of its own.
import { generateKeyPairSync, sign } from 'node:crypto';
import { FULCIO_EXTENSIONS } from '../../services/core/oid.ts';
import {
  assembleCertificate,
  type LastExtension,
  type LeafFields,
  leafTbs,
  prepareIssuer,
} from '../../services/core/profile.ts';
import {
  encodeSct,
  encodeSctList,
  leafIndexExtension,
  SCT_ECDSA,
  SCT_SHA256,
} from '../../services/core/sct.ts';
import { authority, NOW_MS } from './certificates.ts';

export const root = authority('Root');
export const issuing = authority('Issuing', root, { pathLength: 0 });
export const template = prepareIssuer(issuing.certificate);
export const URI = 'https://github.com/acme/widget//.github/workflows/Release.yml@refs/tags/v1';

export const SCT = encodeSct({
  logId: new Uint8Array(32).fill(3),
  timestampMs: NOW_MS,
  extensions: leafIndexExtension(5),
  hash: SCT_SHA256,
  signatureAlgorithm: SCT_ECDSA,
  signature: new Uint8Array(71).fill(0x30),
});
export const SCT_LIST = { sctList: encodeSctList([SCT]) };

export function spkiOf(type: 'p256' | 'p384' | 'p521' | 'rsa' | 'ed25519'): Uint8Array {
  const curve = { p256: 'prime256v1', p384: 'secp384r1', p521: 'secp521r1' };
  const { publicKey } =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : type === 'ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: curve[type] });
  return new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
}

export const FIELDS: LeafFields = {
  serial: Uint8Array.from({ length: 20 }, (_, i) => i + 1),
  notBeforeMs: NOW_MS + 999,
  notAfterMs: NOW_MS + 600_000,
  spki: spkiOf('p256'),
  subjectKeyId: new Uint8Array(20).fill(9),
  altName: { kind: 'uri', value: URI },
  extensions: FULCIO_EXTENSIONS.map(({ number }) => ({ number, value: `value ${number}` })),
};

export function issueDer(fields: LeafFields, last: LastExtension | undefined): Uint8Array {
  const tbs = leafTbs(template, fields, last);
  const signature = sign('sha256', tbs, issuing.keys.privateKey);
  return assembleCertificate(tbs, template.signatureOid, signature);
}

/** Every kind of subject alternative name. */
export const NAMES: LeafFields['altName'][] = [
  { kind: 'email', value: 'dev@example.test' },
  { kind: 'uri', value: URI },
  { kind: 'username', value: 'bøb!example.test' },
];
