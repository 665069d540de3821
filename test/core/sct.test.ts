// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync } from 'node:crypto';
import { initializeCA, initializeCTLog } from '@sigstore/mock';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ECDSA_P256_SHA256 } from '../../services/core/algorithm.ts';
import { concat, fromHex, hex } from '../../services/core/bytes.ts';
import { octetString, sequence, TAG, tlv } from '../../services/core/der.ts';
import { ParseError } from '../../services/core/errors.ts';
import { OID } from '../../services/core/oid.ts';
import {
  encodeSct,
  encodeSctList,
  leafIndexExtension,
  merkleTreeLeaf,
  parseLeafIndexExtension,
  parseSct,
  parseSctList,
  precertTbs,
  SCT_ECDSA,
  SCT_SHA256,
  type Sct,
  sctSignedData,
} from '../../services/core/sct.ts';
import { findExtension, parseCertificate, parsePublicKey } from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { certificate, extension, keyUsage, p256 } from './certificates.ts';

const SCT: Sct = {
  logId: new Uint8Array(32).fill(1),
  timestampMs: 0x0123456789ab,
  extensions: leafIndexExtension(7),
  hash: SCT_SHA256,
  signatureAlgorithm: SCT_ECDSA,
  signature: Uint8Array.of(0x30, 0),
};

const octets = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer, byteOffset, byteLength);

const anySct: fc.Arbitrary<Sct> = fc.record({
  logId: fc.uint8Array({ minLength: 32, maxLength: 32 }),
  timestampMs: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
  extensions: fc.uint8Array({ maxLength: 20 }),
  hash: fc.nat(255),
  signatureAlgorithm: fc.nat(255),
  signature: fc.uint8Array({ maxLength: 80 }),
});

describe('SCT', () => {
  it('has the octets of RFC 6962', () => {
    expect(hex(encodeSct(SCT))).toBe(
      `00${'01'.repeat(32)}00000123456789ab00080000050000000007040300023000`,
    );
  });

  it('is read as it is written, alone and in lists', () => {
    fc.assert(
      fc.property(fc.array(anySct, { minLength: 1, maxLength: 4 }), (scts) => {
        const encoded = scts.map(encodeSct);
        expect(encoded.map(parseSct)).toEqual(scts);
        expect(parseSctList(octetString(encodeSctList(encoded)))).toEqual(scts);
      }),
    );
  });

  it('has no second encoding', () => {
    const good = encodeSct(SCT);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(3), (at, value, extra) => {
        const bytes = concat(good, new Uint8Array(extra));
        bytes[at] = value;
        let sct: Sct;
        try {
          sct = parseSct(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ParseError);
          return;
        }
        expect(encodeSct(sct)).toEqual(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  const good = hex(encodeSct(SCT));
  it.each([
    ['version 2', `01${good.slice(2)}`],
    ['a time beyond 2^53', good.replace('00000123456789ab', '0020000000000000')],
    ['a byte behind', `${good}00`],
    ['a byte less', good.slice(0, -2)],
    ['extensions longer than it', good.replace('000800', 'ffff00')],
    ['nothing', ''],
  ])('is refused with %s', (_, text) => {
    expect(() => parseSct(fromHex(text))).toThrow(ParseError);
  });

  it('is not written with another log id length', () => {
    expect(() => encodeSct({ ...SCT, logId: new Uint8Array(31) })).toThrow(RangeError);
    expect(() => encodeSctList([])).toThrow(RangeError);
  });

  const list = encodeSctList([encodeSct(SCT)]);
  it.each<[string, Uint8Array]>([
    ['without the inner OCTET STRING', list],
    ['that is empty', octetString(Uint8Array.of(0, 0))],
    ['without a length', octetString()],
    ['with a byte behind the list', octetString(list, Uint8Array.of(0))],
    ['with a byte behind the OCTET STRING', concat(octetString(list), Uint8Array.of(0))],
    ['with an empty SCT', octetString(Uint8Array.of(0, 2, 0, 0))],
    ['in another type', tlv(TAG.bitString, list)],
  ])('list %s is refused', (_, value) => {
    expect(() => parseSctList(value)).toThrow(ParseError);
  });
});

describe('leaf index', () => {
  it('is read as it is written, up to 40 bits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 - 1 }), (index) => {
        expect(parseLeafIndexExtension(leafIndexExtension(index))).toBe(index);
      }),
    );
    expect(hex(leafIndexExtension(2 ** 40 - 1))).toBe('000005ffffffffff');
    expect(() => leafIndexExtension(2 ** 40)).toThrow(RangeError);
  });

  it('may be absent, and stand among unknown extensions', () => {
    expect(parseLeafIndexExtension(new Uint8Array())).toBeUndefined();
    expect(parseLeafIndexExtension(fromHex('09000155'))).toBeUndefined();
    const both = concat(fromHex('09000155'), leafIndexExtension(3));
    expect(parseLeafIndexExtension(both)).toBe(3);
  });

  it.each(['00', '0000', '000005', '00000400000001', '0000060000000001ff', '09000155090001aa'])(
    'is refused in %s',
    (text) => {
      expect(() => parseLeafIndexExtension(fromHex(text))).toThrow(ParseError);
    },
  );

  it('is refused twice', () => {
    const twice = concat(leafIndexExtension(1), leafIndexExtension(1));
    expect(() => parseLeafIndexExtension(twice)).toThrow(ParseError);
  });
});

describe('signed data', () => {
  const entry = {
    timestampMs: 0x10203,
    issuerKeyHash: new Uint8Array(32).fill(2),
    tbs: Uint8Array.of(0x30, 0),
    extensions: Uint8Array.of(9),
  };

  it('has the octets of RFC 6962, as the Merkle tree leaf has', () => {
    const expected = `0000${'0000000000010203'}0001${'02'.repeat(32)}0000023000000109`;
    expect(hex(sctSignedData(entry))).toBe(expected);
    expect(hex(merkleTreeLeaf(entry))).toBe(expected);
  });

  it('takes a SHA-256 of the issuer key', () => {
    expect(() => sctSignedData({ ...entry, issuerKeyHash: new Uint8Array(20) })).toThrow(
      RangeError,
    );
  });
});

describe('precertTbs', () => {
  const keys = p256();
  const sctList = extension(OID.sctList, false, octetString(encodeSctList([encodeSct(SCT)])));
  const poison = extension(OID.precertPoison, true, tlv(TAG.null));
  const other = extension('1.2.3', false, new Uint8Array(100));
  const made = (...extensions: Uint8Array[]) => parseCertificate(certificate(keys, { extensions }));

  it('takes the mark out wherever it stands, and encodes the lengths anew', () => {
    const { tbs } = made(keyUsage(0), other);
    for (const mark of [sctList, poison]) {
      expect(precertTbs(made(keyUsage(0), other, mark))).toEqual(tbs);
      expect(precertTbs(made(keyUsage(0), mark, other))).toEqual(tbs);
      expect(precertTbs(made(mark, keyUsage(0), other))).toEqual(tbs);
    }
  });

  it('leaves no empty list of extensions', () => {
    const { tbs } = parseCertificate(certificate(keys, { extensions: undefined }));
    expect(precertTbs(made(sctList))).toEqual(tbs);
  });

  it('refuses a certificate without a mark, and one with both', () => {
    expect(() => precertTbs(made(keyUsage(0)))).toThrow(ParseError);
    expect(() => precertTbs(made(sctList, poison))).toThrow(ParseError);
  });

  it('verifies the SCT of a CA and a log that are not ours', async () => {
    const pair = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const log = await initializeCTLog(pair());
    const ca = await initializeCA(pair(), log);
    const publicKey = pair().publicKey.export({ type: 'spki', format: 'der' });
    const subjectAltName = 'https://example.test/dev';
    const leaf = parseCertificate(octets(await ca.issueCertificate({ publicKey, subjectAltName })));
    const issuer = parseCertificate(octets(ca.rootCertificate));
    const [sct, ...more] = parseSctList(findExtension(leaf, OID.sctList)?.value ?? sequence());
    if (sct === undefined) throw new Error('no SCT');
    expect(more).toEqual([]);
    const signed = sctSignedData({
      timestampMs: sct.timestampMs,
      issuerKeyHash: createHash('sha256').update(issuer.publicKey.spki).digest(),
      tbs: precertTbs(leaf),
      extensions: sct.extensions,
    });
    const key = parsePublicKey(new Uint8Array(log.publicKey));
    expect(nodeCrypto.verify(key, ECDSA_P256_SHA256, signed, sct.signature)).toBe(true);
    signed[20] = (signed[20] as number) ^ 1;
    expect(nodeCrypto.verify(key, ECDSA_P256_SHA256, signed, sct.signature)).toBe(false);
  });
});
