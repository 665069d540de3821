// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { bitString, oid, sequence, TAG, tlv } from '../../services/core/der.ts';
import { CodedError, type ErrorCode } from '../../services/core/errors.ts';
import { OID } from '../../services/core/oid.ts';
import {
  buildPath,
  type Certificate,
  parseCertificate,
  parsePem,
  verifyIssuedBy,
} from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  type Authority,
  altName,
  authority,
  authorityKeyId,
  basicConstraints,
  extendedKeyUsage,
  extension,
  keyUsage,
  leaf,
  NOW_MS,
  name,
  type Parts,
  period,
  subjectKeyId,
  uriName,
} from './certificates.ts';

const root = authority('Root', undefined, { pathLength: 1 });
const issuing = authority('Issuing', root, { pathLength: 0 });
const CHAIN = [issuing.certificate, root.certificate];
const SAN = altName(true, uriName('https://example.test/dev'));

function judge(
  cert: Certificate,
  chain: readonly Certificate[] = CHAIN,
  atMs = NOW_MS,
  ekuOid: string = OID.codeSigning,
): void {
  buildPath(nodeCrypto, cert, chain, atMs, ekuOid);
}

function codeOf(run: () => void): ErrorCode | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return undefined;
}

describe('buildPath accepts', () => {
  it('a leaf under an intermediate, under a root, and under itself as the anchor', () => {
    judge(leaf(issuing));
    judge(leaf(root), [root.certificate]);
    judge(leaf(issuing), [issuing.certificate]);
  });

  it('the first and the last millisecond of the validity', () => {
    const cert = leaf(issuing, { validity: period(NOW_MS, NOW_MS + 600_000) });
    judge(cert, CHAIN, NOW_MS);
    judge(cert, CHAIN, NOW_MS + 600_000);
    expect(codeOf(() => judge(cert, CHAIN, NOW_MS - 1))).toBe('CERTIFICATE_TIME');
    expect(codeOf(() => judge(cert, CHAIN, NOW_MS + 600_001))).toBe('CERTIFICATE_TIME');
  });

  it('a CA that names the purpose, or any purpose', () => {
    for (const purpose of [OID.codeSigning, OID.anyExtendedKeyUsage]) {
      const ca = authority('CA', root, {
        extensions: [keyUsage(5), basicConstraints(), extendedKeyUsage(OID.timeStamping, purpose)],
      });
      judge(leaf(ca), [ca.certificate, root.certificate]);
    }
  });

  it('a self-issued CA without counting it', () => {
    const first = authority('Issuing', root, { pathLength: 0 });
    const renewed = authority('Issuing', first);
    judge(leaf(renewed), [renewed.certificate, first.certificate, root.certificate]);
  });

  it('a corporate chain of RSA and P-384 that OpenSSL made', () => {
    const { chain } = JSON.parse(
      readFileSync(new URL('../vectors/x509/openssl.json', import.meta.url), 'utf8'),
    ) as { chain: string[] };
    const [cert, ...above] = chain.flatMap((text) =>
      parsePem(text, 'CERTIFICATE').map(({ der }) => parseCertificate(der)),
    );
    if (cert === undefined) throw new Error('empty vector');
    judge(cert, above, cert.notBeforeMs);
  });
});

function withExtensions(...extensions: Uint8Array[]): Partial<Parts> {
  return { extensions: [...extensions, SAN] };
}
const USAGES = [keyUsage(0), extendedKeyUsage(OID.codeSigning)];
const other = authority('Issuing', root, { pathLength: 0 });

describe('buildPath refuses a leaf', () => {
  it.each<[string, ErrorCode, Partial<Parts>]>([
    ['without key usage', 'CERTIFICATE_USAGE', withExtensions(extendedKeyUsage(OID.codeSigning))],
    [
      'for key encipherment',
      'CERTIFICATE_USAGE',
      withExtensions(keyUsage(2), extendedKeyUsage(OID.codeSigning)),
    ],
    ['without extended key usage', 'CERTIFICATE_USAGE', withExtensions(keyUsage(0))],
    [
      'for timestamps',
      'CERTIFICATE_USAGE',
      withExtensions(keyUsage(0), extendedKeyUsage(OID.timeStamping)),
    ],
    [
      'for any purpose',
      'CERTIFICATE_USAGE',
      withExtensions(keyUsage(0), extendedKeyUsage(OID.anyExtendedKeyUsage)),
    ],
    [
      'that is a CA',
      'CERTIFICATE_USAGE',
      { ...withExtensions(...USAGES, basicConstraints()), subject: name('CA') },
    ],
    [
      'with an unknown critical extension',
      'CERTIFICATE_PATH',
      withExtensions(...USAGES, extension('1.2.3', true, tlv(TAG.null))),
    ],
    [
      'that is a precertificate',
      'CERTIFICATE_PATH',
      withExtensions(...USAGES, extension(OID.precertPoison, true, tlv(TAG.null))),
    ],
    ['of another issuer name', 'CERTIFICATE_PATH', { issuer: name('issuing') }],
    [
      'of another issuer key identifier',
      'CERTIFICATE_PATH',
      withExtensions(...USAGES, authorityKeyId(new Uint8Array(20))),
    ],
    [
      'whose signature is none',
      'CERTIFICATE_PATH',
      { signature: bitString(Uint8Array.of(0x30, 0)) },
    ],
    ['whose signature is empty', 'CERTIFICATE_PATH', { signature: bitString(new Uint8Array()) }],
    [
      'whose algorithm belongs to another key',
      'CERTIFICATE_PATH',
      { algorithm: sequence(oid(OID.rsaSha256), tlv(TAG.null)) },
    ],
    [
      'whose algorithm has another hash',
      'CERTIFICATE_PATH',
      { algorithm: sequence(oid(OID.ecdsaSha384)) },
    ],
    ['whose algorithm is unknown', 'CERTIFICATE_PATH', { algorithm: sequence(oid('1.2.3')) }],
  ])('%s', (_, code, parts) => {
    expect(codeOf(() => judge(leaf(issuing, parts)))).toBe(code);
  });

  it('of a CA with the same name and another key', () => {
    const parts = withExtensions(...USAGES);
    expect(codeOf(() => judge(leaf(other, parts)))).toBe('CERTIFICATE_PATH');
    judge(leaf(other, parts), [other.certificate, root.certificate]);
  });

  it('with one bit turned anywhere in what is signed', () => {
    const cert = leaf(issuing);
    for (const at of [0, cert.tbs.length >> 1, cert.tbs.length - 1]) {
      const tbs = Uint8Array.from(cert.tbs);
      tbs[at] = (tbs[at] as number) ^ 1;
      expect(codeOf(() => judge({ ...cert, tbs }))).toBe('CERTIFICATE_PATH');
    }
  });

  it('when nobody is trusted, or the chain is not in order', () => {
    const cert = leaf(issuing);
    expect(codeOf(() => judge(cert, []))).toBe('CERTIFICATE_PATH');
    expect(codeOf(() => judge(cert, [root.certificate]))).toBe('CERTIFICATE_PATH');
    expect(codeOf(() => judge(cert, [...CHAIN].reverse()))).toBe('CERTIFICATE_PATH');
    expect(codeOf(() => judge(cert, [issuing.certificate, issuing.certificate]))).toBe(
      'CERTIFICATE_PATH',
    );
  });

  it('that was signed by another leaf', () => {
    const signer = leaf(issuing, { subject: name('Leaf') });
    const under: Authority = { ...issuing, commonName: 'Leaf', certificate: signer };
    expect(codeOf(() => judge(leaf(under), [signer, ...CHAIN]))).toBe('CERTIFICATE_PATH');
  });
});

describe('buildPath refuses a CA', () => {
  const under = (parts: Partial<Parts> & { pathLength?: number }) => {
    const ca = authority('CA', root, parts);
    return codeOf(() => judge(leaf(ca), [ca.certificate, root.certificate]));
  };

  it.each<[string, ErrorCode, Partial<Parts>]>([
    ['without basic constraints', 'CERTIFICATE_PATH', { extensions: [keyUsage(5)] }],
    [
      'that may not sign certificates',
      'CERTIFICATE_PATH',
      { extensions: [keyUsage(6), basicConstraints()] },
    ],
    [
      'for another purpose',
      'CERTIFICATE_USAGE',
      { extensions: [keyUsage(5), basicConstraints(), extendedKeyUsage(OID.timeStamping)] },
    ],
    [
      'with an unknown critical extension',
      'CERTIFICATE_PATH',
      {
        extensions: [keyUsage(5), basicConstraints(), extension('1.2.3', true, tlv(TAG.null))],
      },
    ],
    [
      'with name constraints, critical or not',
      'CERTIFICATE_PATH',
      {
        extensions: [
          keyUsage(5),
          basicConstraints(),
          extension(OID.nameConstraints, false, sequence()),
        ],
      },
    ],
    ['that ended', 'CERTIFICATE_TIME', { validity: period(NOW_MS - 2000, NOW_MS - 1000) }],
    ['that has not begun', 'CERTIFICATE_TIME', { validity: period(NOW_MS + 1000, NOW_MS + 2000) }],
    [
      'whose key identifier is another',
      'CERTIFICATE_PATH',
      { extensions: [keyUsage(5), basicConstraints(), subjectKeyId(new Uint8Array(20))] },
    ],
  ])('%s', (_, code, parts) => {
    expect(under(parts)).toBe(code);
  });

  it('beyond the path length of the one above', () => {
    const below = authority('Below', issuing);
    const cert = leaf(below);
    expect(codeOf(() => judge(cert, [below.certificate, ...CHAIN]))).toBe('CERTIFICATE_PATH');
  });

  it('as the anchor, when it ended or is no CA', () => {
    const old = authority('Old', undefined, { validity: period(0, NOW_MS - 1000) });
    expect(codeOf(() => judge(leaf(old), [old.certificate]))).toBe('CERTIFICATE_TIME');
    const none = authority('None', undefined, { extensions: undefined });
    expect(codeOf(() => judge(leaf(none), [none.certificate]))).toBe('CERTIFICATE_PATH');
  });
});

describe('verifyIssuedBy', () => {
  it('remembers a link for the pair that was verified alone', () => {
    const cert = leaf(issuing, withExtensions(...USAGES));
    expect(verifyIssuedBy(nodeCrypto, cert, issuing.certificate)).toBe(true);
    expect(verifyIssuedBy(nodeCrypto, cert, issuing.certificate)).toBe(true);
    expect(verifyIssuedBy(nodeCrypto, cert, other.certificate)).toBe(false);
    expect(verifyIssuedBy(nodeCrypto, { ...cert, tbs: cert.der }, issuing.certificate)).toBe(false);
    const none = { ...nodeCrypto, verify: () => false };
    expect(verifyIssuedBy(none, cert, issuing.certificate)).toBe(false);
  });
});
