// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { hex } from '../../services/core/bytes.ts';
import { OID } from '../../services/core/oid.ts';
import {
  buildPath,
  type Certificate,
  findExtension,
  parseCertificate,
  verifyIssuedBy,
} from '../../services/core/x509.ts';
import {
  type CaChain,
  makeCaChain,
  makeTsaChain,
  type TsaChain,
} from '../../services/pki/chain.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

const NOW_MS = Date.UTC(2026, 1, 28, 12, 30, 15, 987);
const DAY_MS = 86_400_000;
const ORGANIZATION = 'Größe, "Quoted" + #1=<Corp>';
const key = (): KeyObject => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
const random = (length: number) => new Uint8Array(randomBytes(length));
const common = { organization: ORGANIZATION, clock: () => NOW_MS, random };

let ca: CaChain;
let tsa: TsaChain;
let parsed: Record<'root' | 'intermediate' | 'tsaRoot' | 'tsaLeaf', Certificate>;

beforeAll(async () => {
  ca = await makeCaChain({ ...common, rootKey: key(), intermediateKey: key() });
  tsa = await makeTsaChain({ ...common, rootKey: key(), leafKey: key() });
  parsed = {
    root: parseCertificate(ca.root),
    intermediate: parseCertificate(ca.intermediate),
    tsaRoot: parseCertificate(tsa.root),
    tsaLeaf: parseCertificate(tsa.leaf),
  };
});

const critical = (cert: Certificate) =>
  cert.extensions.filter((extension) => extension.critical).map(({ oid }) => oid);

describe('CA chain', () => {
  it('has a root for certificates and revocation lists, for any purpose, ten years', () => {
    const { root } = parsed;
    expect(root.isCa).toBe(true);
    expect(root.pathLength).toBe(1);
    expect([...(root.keyUsage ?? [])]).toEqual([5, 6]);
    expect(root.extendedKeyUsage).toBeUndefined();
    expect(critical(root)).toEqual([OID.keyUsage, OID.basicConstraints]);
    expect(root.subjectKeyId).toHaveLength(20);
    expect(verifyIssuedBy(nodeCrypto, root, root)).toBe(true);
    expect([root.notBeforeMs, root.notAfterMs]).toEqual([
      Date.UTC(2026, 1, 28, 12, 30, 15),
      Date.UTC(2036, 1, 28, 12, 30, 15),
    ]);
  });

  it('has an intermediate that certifies code signing leaves alone, three years', () => {
    const { root, intermediate } = parsed;
    expect(intermediate.pathLength).toBe(0);
    expect([...(intermediate.keyUsage ?? [])]).toEqual([5, 6]);
    expect(intermediate.extendedKeyUsage).toEqual({ oids: [OID.codeSigning], critical: false });
    expect(critical(intermediate)).toEqual([OID.keyUsage, OID.basicConstraints]);
    expect(intermediate.authorityKeyId).toEqual(root.subjectKeyId);
    expect(verifyIssuedBy(nodeCrypto, intermediate, root)).toBe(true);
    expect(verifyIssuedBy(nodeCrypto, root, intermediate)).toBe(false);
    expect(intermediate.notAfterMs).toBe(Date.UTC(2029, 1, 28, 12, 30, 15));
  });

  it('names the organization verbatim', () => {
    for (const cert of Object.values(parsed)) {
      expect(cert.subject.organization).toBe(ORGANIZATION);
      expect(cert.subject.commonName).toMatch(/^Sigstead /);
    }
  });
});

describe('timestamp chain', () => {
  it('has a leaf for timestamps alone, critical', () => {
    const { tsaRoot, tsaLeaf } = parsed;
    expect(tsaLeaf.isCa).toBe(false);
    expect(findExtension(tsaLeaf, OID.basicConstraints)).toBeUndefined();
    expect([...(tsaLeaf.keyUsage ?? [])]).toEqual([0]);
    expect(tsaLeaf.extendedKeyUsage).toEqual({ oids: [OID.timeStamping], critical: true });
    expect(tsaLeaf.subjectKeyId).toHaveLength(20);
    expect(tsaLeaf.authorityKeyId).toEqual(tsaRoot.subjectKeyId);
    buildPath(nodeCrypto, tsaLeaf, [tsaRoot], NOW_MS, OID.timeStamping);
    buildPath(nodeCrypto, tsaLeaf, [tsaRoot], NOW_MS + 1000 * DAY_MS, OID.timeStamping);
  });

  it('has a root that certifies leaves only', () => {
    const { tsaRoot } = parsed;
    expect([tsaRoot.isCa, tsaRoot.pathLength]).toEqual([true, 0]);
    expect(verifyIssuedBy(nodeCrypto, tsaRoot, tsaRoot)).toBe(true);
    expect(tsaRoot.subject.raw).not.toEqual(parsed.root.subject.raw);
  });
});

describe('serial numbers', () => {
  it('have 20 octets and are positive, whatever the random source gives', async () => {
    for (const octet of [0x00, 0x7f, 0xff]) {
      const chain = await makeCaChain({
        ...common,
        rootKey: key(),
        intermediateKey: key(),
        random: (length) => new Uint8Array(length).fill(octet),
      });
      const { serial } = parseCertificate(chain.root);
      expect(serial).toHaveLength(20);
      expect((serial[0] as number) >> 6).toBe(1);
      expect(hex(serial.subarray(1))).toBe(hex(new Uint8Array(19).fill(octet)));
    }
  });

  it('differ in one chain', () => {
    expect(parsed.root.serial).not.toEqual(parsed.intermediate.serial);
  });
});

describe('validity', () => {
  it('of a chain that is made on a leap day ends on the day after', async () => {
    const clock = () => Date.UTC(2028, 1, 29);
    const chain = await makeCaChain({ ...common, clock, rootKey: key(), intermediateKey: key() });
    expect(parseCertificate(chain.intermediate).notAfterMs).toBe(Date.UTC(2031, 2, 1));
  });

  it('turns to GeneralizedTime at 2050', async () => {
    const clock = () => Date.UTC(2045, 0, 1);
    const chain = await makeCaChain({ ...common, clock, rootKey: key(), intermediateKey: key() });
    expect(parseCertificate(chain.root).notAfterMs).toBe(Date.UTC(2055, 0, 1));
  });
});

describe('keys', () => {
  it('of another curve are refused', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' });
    const chain = makeCaChain({ ...common, rootKey: privateKey, intermediateKey: key() });
    await expect(chain).rejects.toThrow();
  });
});

describe('second opinions', () => {
  it('of node:crypto', () => {
    const root = new X509Certificate(ca.root);
    const intermediate = new X509Certificate(ca.intermediate);
    expect(intermediate.checkIssued(root)).toBe(true);
    expect(intermediate.verify(root.publicKey)).toBe(true);
    expect(root.verify(root.publicKey)).toBe(true);
    expect([root.ca, intermediate.ca, new X509Certificate(tsa.leaf).ca]).toEqual([
      true,
      true,
      false,
    ]);
  });
});
