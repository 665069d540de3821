// SPDX-License-Identifier: Apache-2.0
// Chains and keys with which the authority does not start.
import { sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { caConfig } from '../../services/ca/config.ts';
import { CodedError } from '../../services/core/errors.ts';
import { OID } from '../../services/core/oid.ts';
import { pem } from '../../services/core/pem.ts';
import { judgeConfig, readConfigFile } from '../../services/runtime/config.ts';
import { ensureMaterial } from '../../services/stack/material.ts';
import { layoutOf, makeDirectories } from '../../services/stack/state.ts';
import { tsaConfig } from '../../services/tsa/config.ts';
import type { TsaOptions } from '../../services/tsa/main.ts';
import {
  type Bench,
  bench,
  certify,
  DAY,
  makeChain,
  NOW,
  type Party,
  STAMPING,
  signerOf,
  stamp,
} from './harness.ts';

const benches: Bench[] = [];
afterEach(() => {
  for (const each of benches.splice(0)) each.remove();
});

async function start(extra: Partial<TsaOptions>): Promise<string> {
  const b = bench(good);
  benches.push(b);
  try {
    const service = await b.open(extra);
    await stamp(service);
    await service.close();
    return 'started';
  } catch (error) {
    if (error instanceof CodedError) return `${error.code} ${error.field} ${error.message}`;
    throw error;
  }
}

const good = makeChain();
const { leaf, root } = good;
const startWith = (...parties: readonly [Party, ...Party[]]) =>
  start({
    chain: parties.map(({ certificate }) => certificate.der),
    signer: signerOf(parties[0]),
  });

const middle = (eku?: readonly string[]) => {
  const ca = certify({ subject: 'middle', ca: true, issuer: root, ...(eku ? { eku } : {}) });
  return [certify({ ...STAMPING, issuer: ca }), ca, root] as const;
};
const both = (drafts: Parameters<typeof makeChain>) => {
  const chain = makeChain(...drafts);
  return [chain.leaf, chain.root] as const;
};

it('starts with a right chain, also with an intermediate', async () => {
  expect(await startWith(leaf, root)).toBe('started');
  expect(await startWith(...middle([OID.timeStamping]))).toBe('started');
});

it.each<[string, readonly [Party, ...Party[]], RegExp]>([
  ['a leaf alone', [leaf], /a leaf and its root are the least/],
  ['a root alone', [root], /1 certificates/],
  ['the order reversed', [root, leaf], /first certificate is a CA/],
  [
    'no root at the end',
    [middle([OID.timeStamping])[0], middle([OID.timeStamping])[1]],
    /self-signed root/,
  ],
  ['another root', [leaf, makeChain().root], /path of the chain fails/],
  [
    'a root that did not sign',
    [leaf, certify({ subject: 'root', ca: true })],
    /not issued by root/,
  ],
  ['a leaf that is a CA', both([{ ca: true }]), /first certificate is a CA/],
  [
    'a leaf without EKU',
    [certify({ subject: 'tsa', issuer: root }), root],
    /lacks EKU timeStamping/,
  ],
  ['a leaf for code signing', both([{ eku: [OID.codeSigning] }]), /lacks EKU timeStamping/],
  ['a second EKU', both([{ eku: [OID.timeStamping, OID.codeSigning] }]), /other EKUs/],
  ['EKU not critical', both([{ ekuCritical: false }]), /not critical/],
  [
    'a leaf that may encipher and not sign',
    both([{ usage: Uint8Array.of(5, 0x20) }]),
    /lacks key usage digitalSignature/,
  ],
  ['a root that may not certify', both([{}, { usage: Uint8Array.of(7, 0x80) }]), /root does not/],
  ['an intermediate without EKU', middle(), /certificate 2, an intermediate, lacks EKU/],
  ['an intermediate of other EKU', middle([OID.codeSigning]), /intermediate, lacks EKU/],
  ['a root that is no CA', both([{}, { ca: false }]), /root does not verify/],
  [
    'certificates that are never valid together',
    both([{ notBefore: NOW, notAfter: NOW + DAY }, { notAfter: NOW - DAY / 2 }]),
    /at no time valid together/,
  ],
])('does not start with %s', async (_, parties, reason) => {
  const refused = await startWith(...parties);
  expect(refused).toMatch(/^CHAIN_INVALID chain timestamp authority: /);
  expect(refused).toMatch(reason);
});

it('does not start without any certificate, or with what is none', async () => {
  expect(await start({ chain: [] })).toMatch(/^CHAIN_INVALID chain .*0 certificates/);
  const chain = [leaf.certificate.der, new Uint8Array([1, 2, 3])];
  expect(await start({ chain })).toMatch(/^CHAIN_INVALID .*certificate 2/);
});

it('does not start with the key of another leaf, nor with one that signs for another', async () => {
  const other = makeChain().leaf;
  expect(await start({ signer: signerOf(other) })).toMatch(
    /^CHAIN_INVALID .*not the key of the leaf/,
  );
  const liar = { spki: leaf.spki, sign: signerOf(other).sign };
  expect(await start({ signer: liar })).toMatch(/^CHAIN_INVALID .*own stamp.*does not verify/);
  const weak = certify({ ...STAMPING, issuer: root, curve: 'P-384' });
  const sha384 = {
    spki: weak.spki,
    sign: async (message: Uint8Array) => sign('sha384', message, weak.key),
  };
  const chain = [weak.certificate.der, root.certificate.der];
  expect(await start({ chain, signer: sha384 })).toMatch(/^CHAIN_INVALID .*own stamp/);
});

it('does not start with a key that does not answer', async () => {
  const mute = { spki: leaf.spki, sign: () => Promise.reject(new Error('no token in slot 0')) };
  expect(await start({ signer: mute })).toMatch(/^TSA_SIGNING/);
});

it.each([
  ['is no key', 'not a key'],
  ['is empty', ''],
  ['holds a certificate', pem('CERTIFICATE', leaf.certificate.der)],
])('does not start with a key file that %s, and makes no key in its place', async (_, text) => {
  const data = mkdtempSync(join(tmpdir(), 'tsa-key-'));
  try {
    const layout = layoutOf(data, undefined);
    makeDirectories(layout);
    const path = join(layout.keys, 'tsa.pem');
    writeFileSync(path, text);
    await expect(
      ensureMaterial(layout, 'Test', () => NOW, caConfig.parse({})),
    ).rejects.toMatchObject({
      code: 'KEY_UNREADABLE',
      field: path,
    });
    expect(readFileSync(path, 'utf8')).toBe(text);
  } finally {
    rmSync(data, { recursive: true });
  }
});

it('does not start with a configuration that cannot be read', () => {
  expect(() => readConfigFile('/no/such/sigstead.yaml')).toThrow(CodedError);
  expect(() => readConfigFile('/no/such/sigstead.yaml')).toThrow(/no\/such/);
});

it('does not start without a policy', async () => {
  expect(await start({ policies: [] })).toMatch(/^CONFIG_INVALID tsa.policies/);
});

it('judges its settings', () => {
  const judged = judgeConfig(tsaConfig, {});
  expect(judged).toMatchObject({ policies: [OID.sigstoreTsaPolicy], clock: { mode: 'off' } });
  for (const policies of [[], ['default'], ['1'], ['3.1'], ['1.40'], ['1.2.03'], ['1..2'], [7]]) {
    expect(() => judgeConfig(tsaConfig, { policies })).toThrow(CodedError);
  }
  expect(() => judgeConfig(tsaConfig, { extra: 1 })).toThrow(/extra/);
});
