// SPDX-License-Identifier: Apache-2.0
// The requests of generate.ts that carry a DSSE envelope.
import { p256 } from '@noble/curves/nist.js';
import { base64, base64url, concat, fromBase64, utf8 } from '../../../services/core/bytes.ts';
import { pae } from '../../../services/core/dsse.ts';
import {
  type Add,
  certificate,
  certified,
  dsse,
  dsseSignature,
  edSpki,
  key,
  off,
  otherSpki,
  p384Spki,
  payload,
  payloadType,
  pem,
  sha256,
  sign,
  spki,
  verifier,
} from './material.ts';

const D = 'dsseRequestV002';
const ENVELOPE = `${D}.envelope`;

export function dsseCases(add: Add): void {
  add(
    'dsse: snake case, URL-safe base64',
    {
      dsse_request_v002: {
        envelope: {
          payload: base64url(payload),
          payload_type: payloadType,
          signatures: [{ sig: base64url(fromBase64(dsseSignature.sig)) }],
        },
        verifiers: [{ public_key: { raw_bytes: base64url(spki) }, key_details: 5 }],
      },
    },
    201,
  );
  const foreignType = 'text/plain; Größe=überlang ✓';
  add(
    'dsse: type beyond ASCII',
    dsse({
      payloadType: foreignType,
      signatures: [{ sig: base64(sign(sha256(pae(foreignType, payload)))) }],
    }),
    201,
  );
  add('dsse: null', { [D]: null }, 400, 'ENTRY_KIND', 'body');
  add('dsse: text', { [D]: 'x' }, 400, 'ENTRY_MALFORMED', D);
  add('dsse: envelope as text', { [D]: { envelope: '{}' } }, 400, 'ENTRY_MALFORMED', ENVELOPE);
  add(
    'dsse: unknown field of the request',
    { [D]: { kind: 1 } },
    400,
    'ENTRY_MALFORMED',
    `${D}.kind`,
  );
  for (const [what, bend, field] of [
    ['payload not base64', { payload: '***' }, 'payload'],
    ['payload null', { payload: null }, 'payload'],
    ['payload an object', { payload: {} }, 'payload'],
    ['type a number', { payloadType: 7 }, 'payloadType'],
    ['signatures an object', { signatures: {} }, 'signatures'],
    ['null signature', { signatures: [null] }, 'signatures'],
    ['signature not base64', { signatures: [{ sig: '***' }] }, 'signatures[0].sig'],
    ['keyid a number', { signatures: [{ ...dsseSignature, keyid: 7 }] }, 'signatures[0].keyid'],
    [
      'unknown field of a signature',
      { signatures: [{ ...dsseSignature, cert: '' }] },
      'signatures[0].cert',
    ],
  ] as const) {
    add(`dsse: ${what}`, dsse(bend), 400, 'ENTRY_MALFORMED', `${ENVELOPE}.${field}`);
  }
  add(
    'dsse: duplicate field',
    JSON.stringify(dsse()).replace('"payload"', '"payload":"AAAA","payload"'),
    400,
    'REQUEST_MALFORMED',
    'body',
  );
  const FIRST = `${D}.verifiers[0]`;
  for (const [what, by, code, field] of [
    [
      'key and certificate',
      { ...verifier(), ...certified(certificate(spki)) },
      'ENTRY_MALFORMED',
      'x509Certificate',
    ],
    ['no key', { keyDetails: 5 }, 'ENTRY_MALFORMED', 'publicKey'],
    ['empty key', verifier(new Uint8Array()), 'ENTRY_MALFORMED', 'publicKey.rawBytes'],
    [
      'octet after the key',
      verifier(concat(spki, Uint8Array.of(0))),
      'ENTRY_KEY_MALFORMED',
      'publicKey.rawBytes',
    ],
    ['point not on the curve', verifier(off), 'ENTRY_KEY_MALFORMED', 'publicKey.rawBytes'],
    [
      'octet after the certificate',
      certified(concat(certificate(spki), Uint8Array.of(0))),
      'ENTRY_KEY_MALFORMED',
      'x509Certificate.rawBytes',
    ],
    ['P-384 labelled P-256', verifier(p384Spki), 'ENTRY_KEY_DETAILS', 'keyDetails'],
    ['pure Ed25519 is off', verifier(edSpki, 7), 'ENTRY_ALGORITHM_DISABLED', 'keyDetails'],
  ] as const) {
    add(`dsse: ${what}`, dsse({}, [by]), 400, code, `${FIRST}.${field}`);
  }
  add(
    'dsse: entry too large',
    dsse({}, [certified(certificate(spki, 60_000))]),
    400,
    'ENTRY_TOO_LARGE',
    FIRST,
  );
  for (const [what, bytes] of [
    ['not DER', p256.sign(sha256(pae(payloadType, payload)), key, { prehash: false })],
    ['octet after the signature', concat(fromBase64(dsseSignature.sig), Uint8Array.of(0))],
  ] as const) {
    const signatures = [{ sig: base64(bytes) }];
    add(`dsse: ${what}`, dsse({ signatures }), 400, 'ENTRY_SIGNATURE', `${ENVELOPE}.signatures`);
  }
  add(
    'dsse: no envelope',
    { [D]: { verifiers: [verifier()] } },
    400,
    'ENTRY_MALFORMED',
    `${D}.envelope`,
  );
  add('dsse: no payload', dsse({ payload: '' }), 400, 'ENTRY_MALFORMED', `${D}.envelope.payload`);
  add(
    'dsse: no type',
    dsse({ payloadType: null }),
    400,
    'ENTRY_MALFORMED',
    `${D}.envelope.payloadType`,
  );
  add(
    'dsse: no signatures',
    dsse({ signatures: [] }),
    400,
    'ENTRY_MALFORMED',
    `${D}.envelope.signatures`,
  );
  add(
    'dsse: empty signature',
    dsse({ signatures: [{ sig: '' }] }),
    400,
    'ENTRY_MALFORMED',
    `${D}.envelope.signatures`,
  );
  add(
    'dsse: unverified second signature',
    dsse({ signatures: [dsseSignature, { sig: 'AAAA' }] }),
    400,
    'ENTRY_MALFORMED',
    `${D}.envelope.signatures`,
  );
  add(
    'dsse: 11 signatures',
    dsse({ signatures: Array(11).fill(dsseSignature) }),
    400,
    'ENTRY_MALFORMED',
    `${D}.envelope.signatures`,
  );
  add('dsse: no verifiers', dsse({}, []), 400, 'ENTRY_MALFORMED', `${D}.verifiers`);
  add('dsse: verifiers null', dsse({}, null), 400, 'ENTRY_MALFORMED', `${D}.verifiers`);
  add('dsse: null verifier', dsse({}, [null]), 400, 'ENTRY_MALFORMED', `${D}.verifiers`);
  add(
    'dsse: two verifiers',
    dsse({}, [verifier(), verifier(otherSpki)]),
    400,
    'ENTRY_MALFORMED',
    `${D}.verifiers`,
  );
  add(
    'dsse: 11 verifiers',
    dsse({}, Array(11).fill(verifier())),
    400,
    'ENTRY_MALFORMED',
    `${D}.verifiers`,
  );
  add('dsse: unknown field', dsse({ cert: 1 }), 400, 'ENTRY_MALFORMED', `${D}.envelope.cert`);
  add(
    'dsse: other type',
    dsse({ payloadType: 'text/plain' }),
    400,
    'ENTRY_SIGNATURE',
    `${D}.envelope.signatures`,
  );
  add(
    'dsse: other payload',
    dsse({ payload: 'AAAA' }),
    400,
    'ENTRY_SIGNATURE',
    `${D}.envelope.signatures`,
  );
  add(
    'dsse: signature over the payload alone',
    dsse({ signatures: [{ sig: base64(sign(sha256(payload))) }] }),
    400,
    'ENTRY_SIGNATURE',
    `${D}.envelope.signatures`,
  );
  add(
    'dsse: other key',
    dsse({}, [verifier(otherSpki)]),
    400,
    'ENTRY_SIGNATURE',
    `${D}.envelope.signatures`,
  );
  add(
    'dsse: no keyDetails',
    dsse({}, [verifier(spki, 0)]),
    400,
    'ENTRY_KEY_DETAILS',
    `${D}.verifiers[0].keyDetails`,
  );
  add(
    'dsse: PEM',
    dsse({}, [verifier(utf8(pem))]),
    400,
    'ENTRY_KEY_MALFORMED',
    `${D}.verifiers[0].publicKey.rawBytes`,
  );
}
