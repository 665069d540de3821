// SPDX-License-Identifier: Apache-2.0
// Keys and the two forms of proof: public key with signature, and PKCS#10.
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import 'reflect-metadata';
import { Pkcs10CertificateRequest } from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walkSigningRequest } from '../../services/ca/csr.ts';
import { parseSubjectKey } from '../../services/ca/key.ts';
import { weakness } from '../../services/ca/weak-key.ts';
import { base64, utf8 } from '../../services/core/bytes.ts';
import { CodedError, ParseError } from '../../services/core/errors.ts';
import { parsePem } from '../../services/core/pem.ts';
import { parsePublicKey } from '../../services/core/spki.ts';
import { parseCertificate } from '../../services/core/x509.ts';
import {
  ask,
  EMAIL_CLAIMS,
  type Harness,
  KUBERNETES_CLAIMS,
  openHarness,
  subject,
  token,
  v2Body,
} from './harness.ts';

const vectors = (name: string) =>
  JSON.parse(readFileSync(join(import.meta.dirname, '../vectors/ca', name), 'utf8')) as unknown;
const { keys } = vectors('keys.json') as { keys: Array<[string, string, string]> };
const { good, bad, odd } = vectors('requests.json') as {
  good: Array<[string, string]>;
  bad: Array<[string, string, string]>;
  odd: Array<[string, string]>;
};

let harness: Harness;
beforeAll(async () => {
  harness = await openHarness();
});
afterAll(() => harness.close());

const NAME = EMAIL_CLAIMS.email;
const csrBody = (pem: string) => ({ certificateSigningRequest: base64(utf8(pem)) });

function derOf(pem: string): Uint8Array {
  return parsePem(pem)[0]?.der ?? new Uint8Array();
}

describe('a key', () => {
  it.each(keys)('%s is refused', async (_, pem, code) => {
    const body = {
      publicKeyRequest: { publicKey: { content: pem }, proofOfPossession: base64(utf8('x')) },
    };
    const answer = await ask(harness, body, token(EMAIL_CLAIMS));
    expect([answer.status, answer.reason]).toEqual([400, code]);
    expect(answer.message).toBe(
      code === 'KEY_WEAK'
        ? 'The public key supplied in the request is insecure'
        : 'The public key supplied in the request could not be parsed',
    );
  });

  it.each([2048, 3072, 4096])('RSA of %i bits from OpenSSL is not weak', (modulusLength) => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength });
    const key = parsePublicKey(new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })));
    expect(weakness(key)).toBeUndefined();
  });

  it('comes as PEM of either kind or as DER', () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }));
    for (const type of ['spki', 'pkcs1'] as const) {
      const pem = utf8(publicKey.export({ type, format: 'pem' }).toString());
      expect(parseSubjectKey(pem, 'key').spki).toEqual(spki);
    }
    expect(parseSubjectKey(spki, 'key').spki).toEqual(spki);
  });

  it('may be DER in base64 in both APIs', async () => {
    const key = subject();
    const content = base64(derOf(key.pem));
    const proof = key.prove(NAME);
    const v2 = { publicKeyRequest: { publicKey: { content }, proofOfPossession: proof } };
    expect((await ask(harness, v2, token(EMAIL_CLAIMS))).status).toBe(200);
    const v1 = await harness.ca.routes.request('/api/v1/signingCert', {
      method: 'POST',
      headers: { authorization: `Bearer ${token(EMAIL_CLAIMS)}` },
      body: JSON.stringify({ publicKey: { content }, signedEmailAddress: proof }),
    });
    expect(v1.status).toBe(201);
  });

  it('that is not on the list is refused after its proof', async () => {
    const strict = await openHarness({ config: { keyAlgorithms: ['ed25519'] } });
    const key = subject('P-384');
    const refused = await ask(strict, v2Body(key, NAME), token(EMAIL_CLAIMS));
    expect([refused.status, refused.reason, refused.message]).toEqual([
      400,
      'KEY_NOT_PERMITTED',
      'signing algorithm not permitted: ECDSA P-384, SHA-384',
    ]);
    const unproven = await ask(strict, v2Body(key, 'other'), token(EMAIL_CLAIMS));
    expect(unproven.reason).toBe('POSSESSION_INVALID');
    const fine = await ask(strict, v2Body(subject('ed25519'), NAME), token(EMAIL_CLAIMS));
    expect(fine.status).toBe(200);
    await strict.close();
  });
});

describe('a proof of possession', () => {
  it.each<[string, string]>([
    ['the subject of an e-mail token', EMAIL_CLAIMS.sub],
    ['the address in other case', NAME.toUpperCase()],
    ['nothing', ''],
    ['the address and a newline', `${NAME}\n`],
  ])('over %s is refused', async (_, name) => {
    const answer = await ask(harness, v2Body(subject(), name), token(EMAIL_CLAIMS));
    expect([answer.status, answer.reason]).toEqual([400, 'POSSESSION_INVALID']);
    expect(answer.message).toBe('The signature supplied in the request could not be verified');
  });

  it.each<[string, object]>([
    ['unverified', { email: NAME, email_verified: false }],
    ['of unknown standing', { email: NAME }],
    ['malformed', { email: 'a,b', email_verified: true }],
  ])('over an address that is %s is refused where the name is another', async (_, claims) => {
    const jwt = token({ ...KUBERNETES_CLAIMS, ...claims });
    const { email } = claims as { email: string };
    const answer = await ask(harness, v2Body(subject(), email), jwt);
    expect(answer.reason).toBe('POSSESSION_INVALID');
    const named = await ask(harness, v2Body(subject(), KUBERNETES_CLAIMS.sub), jwt);
    expect(named.status).toBe(200);
  });

  it('with SHA-256 of a P-521 key is taken when the configuration says so', async () => {
    const pair = generateKeyPairSync('ec', { namedCurve: 'P-521' });
    const body = {
      publicKeyRequest: {
        publicKey: { content: pair.publicKey.export({ type: 'spki', format: 'pem' }) },
        proofOfPossession: base64(sign('sha256', Buffer.from(NAME), pair.privateKey)),
      },
    };
    expect((await ask(harness, body, token(EMAIL_CLAIMS))).reason).toBe('POSSESSION_INVALID');
    const lenient = await openHarness({ config: { sha256Possession: true } });
    expect((await ask(lenient, body, token(EMAIL_CLAIMS))).status).toBe(200);
    await lenient.close();
  });
});

const CSR_MESSAGES: Readonly<Record<string, RegExp>> = {
  CSR_UNPARSABLE: /^The certificate signing request could not be parsed$/,
  KEY_WEAK: /^The public key supplied in the request is insecure$/,
  KEY_NOT_PERMITTED:
    /^(unrecognized signature algorithm|signing algorithm not permitted: (ECDSA P-384|RSA 2048), SHA-(1|256|512))$/,
  POSSESSION_INVALID: /^The signature supplied in the request could not be verified$/,
};

describe('a signing request', () => {
  it.each(good)('with %s is taken, its names ignored', async (name, pem) => {
    const answer = await ask(harness, csrBody(pem), token(EMAIL_CLAIMS));
    expect(answer.status).toBe(200);
    const leaf = parseCertificate(derOf(answer.certificates[0] ?? ''));
    expect(leaf.altNames).toEqual([{ kind: 'email', value: NAME }]);
    expect(leaf.subject.commonName).toBeUndefined();
    expect(leaf.isCa).toBe(false);
    if (name.includes('BER')) return;
    // The second opinion reads the same key.
    const { publicKey } = new Pkcs10CertificateRequest(derOf(pem));
    expect(walkSigningRequest(derOf(pem)).spki).toEqual(new Uint8Array(publicKey.rawData));
  });

  it.each(bad)('with %s is refused', async (_, pem, code) => {
    const answer = await ask(harness, csrBody(pem), token(EMAIL_CLAIMS));
    expect([answer.status, answer.reason]).toEqual([400, code]);
    expect(answer.message).toMatch(CSR_MESSAGES[code] ?? /^$/);
  });

  it.each(odd)('with %s is no DER request', (_, pem) => {
    expect(() => walkSigningRequest(derOf(pem))).toThrow(ParseError);
  });

  it.each(odd)('with %s never ends as a fault of ours', async (_, pem) => {
    expect((await ask(harness, csrBody(pem), token(EMAIL_CLAIMS))).status).toBeLessThan(500);
  });

  it('cut anywhere, or with any octet changed, is refused', async () => {
    const der = derOf(good.find(([name]) => name === 'an empty subject')?.[1] ?? '');
    for (let i = 0; i < der.length; i++) {
      expect(() => walkSigningRequest(der.subarray(0, i))).toThrow(ParseError);
    }
    for (let i = 0; i < der.length; i += 5) {
      const changed = der.slice();
      changed[i] = (changed[i] as number) ^ 0x41;
      const pem = `-----BEGIN CERTIFICATE REQUEST-----\n${base64(changed)}\n-----END CERTIFICATE REQUEST-----\n`;
      const { status } = await ask(harness, csrBody(pem), token(EMAIL_CLAIMS));
      expect([i, status]).toEqual([i, 400]);
    }
  });

  it('of many octets is refused unread', async () => {
    const answer = await ask(harness, csrBody('x'.repeat(65_537)), token(EMAIL_CLAIMS));
    expect(answer.reason).toBe('CSR_UNPARSABLE');
  });

  it('wins in v1, where nothing excludes a key beside it', async () => {
    const body = { ...csrBody(good[0]?.[1] ?? ''), publicKey: { content: 'AAAA' } };
    const response = await harness.ca.routes.request('/api/v1/signingCert', {
      method: 'POST',
      headers: { authorization: `Bearer ${token(EMAIL_CLAIMS)}` },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(201);
  });
});

it('a coded error of a key names its field', () => {
  expect(() => parseSubjectKey(new Uint8Array(), 'publicKey')).toThrow(CodedError);
});
