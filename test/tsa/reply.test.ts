// SPDX-License-Identifier: Apache-2.0
// What the authority answers, octet by octet.
import { verify, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base64, compare, hex, utf8 } from '../../services/core/bytes.ts';
import { HASHES, parseSignedData } from '../../services/core/cms.ts';
import { children, type DerNode, DerReader, readDer, TAG, tlv } from '../../services/core/der.ts';
import { OID } from '../../services/core/oid.ts';
import {
  encodeTimestampRequest,
  parseTimestampResponse,
  requireAnswer,
  verifyTimestamp,
} from '../../services/core/tsp.ts';
import { parsePem } from '../../services/core/x509.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import type { Service } from '../../services/runtime/service.ts';
import {
  type Bench,
  bench,
  certify,
  MESSAGE,
  makeChain,
  NOW,
  post,
  QUERY,
  refusal,
  requestFor,
  STAMPING,
  stamp,
} from './harness.ts';

let b: Bench;
let tsa: Service;
beforeAll(async () => {
  b = bench();
  tsa = await b.open();
});
afterAll(async () => {
  await tsa.close();
  b.remove();
});

const CONSTRUCTED = 0x20;

/** Every element written anew from its children: the same octets, or the encoding was not DER. */
function rewritten(node: DerNode): Uint8Array {
  const inner =
    node.tag & CONSTRUCTED ? children(node.content, 'rewritten').map(rewritten) : [node.content];
  return tlv(node.tag, ...inner);
}

const trusted = () => [{ uri: 'own', chain: b.chain.certificates, start: NOW }];

describe('a reply', () => {
  it('is right for every hash, with and without certificate', async () => {
    for (const { oid, name, digestLength } of HASHES) {
      for (const certReq of [true, false]) {
        for (const hashParameters of ['null', 'absent'] as const) {
          const digest = nodeCrypto.digest(name, MESSAGE);
          expect(digest).toHaveLength(digestLength);
          const extra = { hashOid: oid, digest, certReq, hashParameters };
          const reply = await stamp(tsa, extra);
          requireAnswer(requestFor(extra), parseTimestampResponse(reply));
          expect(verifyTimestamp(nodeCrypto, reply, MESSAGE, trusted()).genTimeMs).toBe(NOW);
        }
      }
    }
  });

  it('is what node:crypto verifies under the leaf', async () => {
    const { signer } = parseTimestampResponse(await stamp(tsa));
    const leaf = new X509Certificate(b.chain.leaf.certificate.der);
    const { signedAttributes, signature } = signer;
    expect(verify('sha256', signedAttributes, leaf.publicKey, signature)).toBe(true);
    expect(hex(nodeCrypto.digest('sha256', leaf.raw))).toBe(
      hex(parseTimestampResponse(await stamp(tsa)).signingCertificate.certHash),
    );
  });

  it('has the profile that every client reads', async () => {
    const reply = await stamp(tsa, { nonce: Uint8Array.of(5), certReq: true });
    const response = new DerReader(readDer(reply, TAG.sequence, 'reply').content, 'reply');
    expect(hex(response.next().raw)).toBe('3003020100');
    const data = parseSignedData(response.next().raw);
    const { signer } = data;
    expect([...signer.attributes.keys()]).toEqual([
      OID.contentType,
      OID.signingTime,
      OID.messageDigest,
      OID.signingCertificateV2,
    ]);
    expect(signer.signatureOid).toBe(OID.ecdsaSha256);
    expect(data.certificates).toEqual([b.chain.leaf.certificate.der]);
    const info = children(readDer(data.content, TAG.sequence, 'TSTInfo').content, 'TSTInfo');
    // version, policy, imprint, serial, genTime, accuracy, nonce, tsa: no ordering, no extensions.
    expect(info.map(({ tag }) => tag)).toEqual([0x02, 0x06, 0x30, 0x02, 0x18, 0x30, 0x02, 0xa0]);
    const accuracy = info[5]?.raw ?? new Uint8Array();
    expect(hex(accuracy)).toBe('3003020101');
    expect(new TextDecoder().decode(info[4]?.content)).toBe('20260115120000Z');
    const [directoryName] = children(info[7]?.content ?? new Uint8Array(), 'tsa');
    expect(directoryName?.tag).toBe(0xa4);
    expect(directoryName?.content).toEqual(b.chain.leaf.certificate.subject.raw);
    expect(parseTimestampResponse(reply).signingCertificate.issuerSerial).toEqual({
      issuerRaw: b.chain.leaf.certificate.issuer.raw,
      serial: b.chain.leaf.certificate.serial,
    });
  });

  it('keeps its attributes sorted under names of any length, before and after 2050', async () => {
    for (const subject of ['a', 'x'.repeat(40), 'x'.repeat(60), 'y'.repeat(300)]) {
      const root = certify({ subject, ca: true, notAfter: Date.UTC(2070, 0, 1) });
      const leaf = certify({ ...STAMPING, issuer: root, notAfter: Date.UTC(2070, 0, 1) });
      const other = bench({ root, leaf, certificates: [leaf.certificate, root.certificate] });
      const service = await other.open();
      for (const now of [NOW, Date.UTC(2055, 3, 4)]) {
        other.clock.now = now;
        const chain = [leaf.certificate, root.certificate];
        const authority = { uri: '', chain, start: 0 };
        const verified = verifyTimestamp(nodeCrypto, await stamp(service), MESSAGE, [authority]);
        expect(verified.genTimeMs).toBe(now);
      }
      await service.close();
      other.remove();
    }
  });

  it('is strict DER, and answers what was asked, for any request', async () => {
    const nonce = fc
      .uint8Array({ minLength: 1, maxLength: 128 })
      .filter(
        ([a = 0, c]) => c === undefined || !((a === 0 && c < 0x80) || (a === 255 && c > 0x7f)),
      );
    const requests = fc.record({ nonce, certReq: fc.boolean() }, { requiredKeys: ['certReq'] });
    await fc.assert(
      fc.asyncProperty(requests, async (extra) => {
        const reply = await stamp(tsa, extra);
        expect(rewritten(readDer(reply, TAG.sequence, 'reply'))).toEqual(reply);
        requireAnswer(requestFor(extra), parseTimestampResponse(reply));
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['0', '00'],
    ['beyond 2^53', '20000000000001'],
    ['with the high bit set', '00ffffffffffffffff'],
    ['of 160 bits', '7f'.repeat(20)],
    ['that is negative', 'ff7f'],
  ])('repeats a nonce %s', async (_, octets) => {
    const nonce = Uint8Array.from(Buffer.from(octets, 'hex'));
    expect(parseTimestampResponse(await stamp(tsa, { nonce })).nonce).toEqual(nonce);
    expect(parseTimestampResponse(await stamp(tsa)).nonce).toBeUndefined();
  });

  it('has a new serial number for the same request', async () => {
    const extra = { nonce: Uint8Array.of(1) };
    const serials = new Set<string>();
    for (let i = 0; i < 50; i++) {
      const { serial, nonce } = parseTimestampResponse(await stamp(tsa, extra));
      expect(nonce).toEqual(extra.nonce);
      expect(serial.length).toBeGreaterThan(15);
      expect(serial[0]).toBeLessThan(0x80);
      serials.add(hex(serial));
    }
    expect(serials.size).toBe(50);
  });

  it.each([
    ['00'.repeat(20), '01'],
    ['ff'.repeat(20), `00${'ff'.repeat(20)}`],
    [`0000${'7f'.repeat(18)}`, '7f'.repeat(18)],
    [`0000${'80'.repeat(18)}`, `00${'80'.repeat(18)}`],
  ])('makes of the random octets %s the serial number %s', async (octets, serial) => {
    const other = bench();
    const service = await other.open({ random: () => Uint8Array.from(Buffer.from(octets, 'hex')) });
    expect(hex(parseTimestampResponse(await stamp(service)).serial)).toBe(serial);
    await service.close();
    other.remove();
  });

  it('names the policy that was asked for', async () => {
    const other = bench();
    const service = await other.open({ policies: ['1.2.3', '2.999.18446744073709551616'] });
    expect(parseTimestampResponse(await stamp(service)).policy).toBe('1.2.3');
    const policy = '2.999.18446744073709551616';
    expect(parseTimestampResponse(await stamp(service, { policy })).policy).toBe(policy);
    const refused = encodeTimestampRequest(requestFor({ policy: OID.sigstoreTsaPolicy }));
    expect(await refusal(await post(service, refused))).toMatchObject({ reason: 'TSA_POLICY' });
    await service.close();
    other.remove();
  });

  it('is the same for the two fields that sigstore-js sends', async () => {
    const artifactHash = base64(nodeCrypto.digest('sha256', MESSAGE));
    const response = await post(tsa, JSON.stringify({ artifactHash, hashAlgorithm: 'sha256' }));
    expect(response.headers.get('content-type')).toBe('application/timestamp-reply');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const reply = new Uint8Array(await response.arrayBuffer());
    expect(parseTimestampResponse(reply).certificates).toEqual([]);
    expect(verifyTimestamp(nodeCrypto, reply, MESSAGE, trusted()).genTimeMs).toBe(NOW);
  });

  it('is refused, with 500 and no reason of the key, when the key does not sign', async () => {
    const other = bench(makeChain());
    const { key, spki } = other.chain.leaf;
    let broken = false;
    const { sign } = await import('node:crypto');
    const service = await other.open({
      signer: {
        spki,
        sign: async (message) => {
          if (broken) throw new Error('PIN 1234 locked');
          return sign('sha256', message, key);
        },
      },
    });
    broken = true;
    const response = await post(service, encodeTimestampRequest(requestFor()));
    const refused = await refusal(response);
    expect(refused).toMatchObject({ status: 500, reason: 'TSA_SIGNING' });
    expect(refused.message).not.toContain('1234');
    await service.close();
    other.remove();
  });
});

describe('the other routes', () => {
  it('serve the chain from leaf to root', async () => {
    const response = await tsa.routes.request('/api/v1/timestamp/certchain');
    expect(response.headers.get('content-type')).toBe('application/pem-certificate-chain');
    expect(response.headers.get('cache-control')).toBe('public, max-age=300');
    const chain = parsePem(await response.text(), 'CERTIFICATE').map(({ der }) => der);
    expect(chain).toEqual(b.chain.certificates.map(({ der }) => der));
    const refused = await tsa.routes.request('/api/v1/timestamp/certchain', {
      headers: { accept: QUERY },
    });
    expect(refused.status).toBe(406);
  });

  it('answer a ping', async () => {
    const response = await tsa.routes.request('/ping');
    expect(response.status).toBe(200);
    expect(compare(utf8(await response.text()), utf8('pong'))).toBe(0);
  });
});
