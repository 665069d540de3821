// SPDX-License-Identifier: Apache-2.0
// The certificate itself: order and criticality of its extensions, its times, its precertificate.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromUtf8, utf8 } from '../../services/core/bytes.ts';
import { CodedError, ParseError } from '../../services/core/errors.ts';
import { OID } from '../../services/core/oid.ts';
import { parsePem } from '../../services/core/pem.ts';
import { precertTbs } from '../../services/core/sct.ts';
import {
  buildPath,
  type Certificate,
  findExtension,
  parseCertificate,
} from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  ask,
  EMAIL_CLAIMS,
  GITHUB_CLAIMS,
  type Harness,
  KUBERNETES_CLAIMS,
  NOW,
  openHarness,
  subject,
  token,
  v2Body,
} from './harness.ts';

const fulcio = (number: number) => `1.3.6.1.4.1.57264.1.${number}`;

/** What went to the log last. */
let precert: Uint8Array;
let harness: Harness;
beforeAll(async () => {
  harness = await openHarness({
    ca: ({ submit }) => ({
      submit: (submission) => {
        precert = submission.precert;
        return submit(submission);
      },
    }),
  });
});
afterAll(() => harness.close());

async function issue(from: Harness, claims: { sub: string; email?: string }): Promise<Certificate> {
  const body = v2Body(subject(), claims.email ?? claims.sub);
  const answer = await ask(from, body, token({ ...claims }));
  expect([answer.status, answer.reason]).toEqual([200, undefined]);
  return parseCertificate(parsePem(answer.certificates[0] ?? '')[0]?.der ?? new Uint8Array());
}

describe('a certificate', () => {
  const ALWAYS = [
    OID.keyUsage,
    OID.extendedKeyUsage,
    OID.subjectKeyIdentifier,
    OID.authorityKeyIdentifier,
    OID.subjectAltName,
  ];
  const NUMBERS = [1, 2, 3, 4, 5, 6, 8, ...Array.from({ length: 16 }, (_, i) => 9 + i)];

  it.each([
    ['e-mail', EMAIL_CLAIMS, [1, 8, 24]],
    ['Kubernetes', KUBERNETES_CLAIMS, [1, 8, 24]],
    ['GitHub', { ...GITHUB_CLAIMS, environment: 'prod' }, NUMBERS],
  ])('of %s has its extensions in order, two of them critical', async (_, claims, numbers) => {
    const { extensions } = await issue(harness, claims);
    expect(extensions.map(({ oid }) => oid)).toEqual([
      ...ALWAYS,
      ...numbers.map(fulcio),
      OID.sctList,
    ]);
    expect(extensions.filter(({ critical }) => critical).map(({ oid }) => oid)).toEqual([
      OID.keyUsage,
      OID.subjectAltName,
    ]);
  });

  it('is no CA, signs code alone, and has no subject', async () => {
    const leaf = await issue(harness, EMAIL_CLAIMS);
    const [issuing] = harness.chain.map(parseCertificate);
    expect([...(leaf.keyUsage ?? [])]).toEqual([0]);
    expect(leaf.extendedKeyUsage?.oids).toEqual([OID.codeSigning]);
    expect(findExtension(leaf, OID.basicConstraints)).toBeUndefined();
    expect([...leaf.subject.raw]).toEqual([0x30, 0]);
    expect(leaf.subjectKeyId).toEqual(nodeCrypto.digest('sha1', leaf.publicKey.bits));
    expect(leaf.authorityKeyId).toEqual(issuing?.subjectKeyId);
  });

  it('says its issuer twice, bare and as UTF8String', async () => {
    const leaf = await issue(harness, EMAIL_CLAIMS);
    const value = (number: number) =>
      findExtension(leaf, fulcio(number))?.value ?? new Uint8Array();
    expect(fromUtf8(value(1))).toBe(EMAIL_CLAIMS.iss);
    const text = utf8(EMAIL_CLAIMS.iss);
    expect(value(8)).toEqual(Uint8Array.of(0x0c, text.length, ...text));
    const sub = utf8(EMAIL_CLAIMS.sub);
    expect(value(24)).toEqual(Uint8Array.of(0x0c, sub.length, ...sub));
  });

  it('has a serial number of its own', async () => {
    const serials = [];
    for (let i = 0; i < 8; i++) serials.push((await issue(harness, EMAIL_CLAIMS)).serial);
    expect(new Set(serials.map((serial) => serial.join())).size).toBe(8);
    for (const serial of serials) {
      expect(serial).toHaveLength(20);
      expect((serial[0] ?? 0) & 0xc0).toBe(0x40);
    }
  });

  it('verifies, and its precertificate does not, though their fields are the same', async () => {
    const leaf = await issue(harness, EMAIL_CLAIMS);
    const chain = harness.chain.map(parseCertificate);
    const before = parseCertificate(precert);
    const path = (certificate: Certificate) => () =>
      buildPath(nodeCrypto, certificate, chain, NOW, OID.codeSigning);
    expect(path(leaf)).not.toThrow();
    expect(path(before)).toThrow(CodedError);
    expect(before.extensions.at(-1)).toMatchObject({ oid: OID.precertPoison, critical: true });
    expect(precertTbs(before)).toEqual(precertTbs(leaf));
  });

  it('with an octet more is none', async () => {
    const { der } = await issue(harness, EMAIL_CLAIMS);
    expect(() => parseCertificate(Uint8Array.of(...der, 0))).toThrow(ParseError);
  });
});

describe('the time of a certificate', () => {
  const at = async (now: number, config: Record<string, unknown>) => {
    const from = await openHarness({ config, ca: () => ({ clock: () => now }) });
    const claims = { ...EMAIL_CLAIMS, exp: now / 1000 + 60 };
    const { notBeforeMs, notAfterMs } = await issue(from, claims);
    await from.close();
    return [notBeforeMs - now, notAfterMs - now];
  };
  const HOUR_MS = 3_600_000;

  it('is ten minutes from the second that the clock shows', async () => {
    expect(await at(NOW + HOUR_MS, {})).toEqual([0, 600_000]);
    expect(await at(NOW + HOUR_MS + 999, {})).toEqual([-999, 599_001]);
  });

  it('begins earlier where told so, never before its issuer', async () => {
    const config = { backdateSeconds: 60 };
    expect(await at(NOW + HOUR_MS, config)).toEqual([-60_000, 600_000]);
    expect(await at(NOW + 20_000, config)).toEqual([-20_000, 600_000]);
  });
});
