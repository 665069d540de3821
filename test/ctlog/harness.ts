// SPDX-License-Identifier: Apache-2.0
// A CT log on a temporary directory, and a small CA that makes any certificate a test wants.
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { base64, concat, utf8 } from '../../services/core/bytes.ts';
import {
  bitString,
  certificateTime,
  context,
  octetString,
  oid,
  sequence,
  setOf,
  smallInteger,
  TAG,
  tlv,
} from '../../services/core/der.ts';
import { parseCertificate } from '../../services/core/x509.ts';
import { type CtLog, type CtLogOptions, openCtLog } from '../../services/ctlog/main.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { ensureSigner } from '../../services/runtime/keys.ts';
import { noMetrics, silentLogger } from '../../services/runtime/telemetry.ts';

export const ORIGIN = 'log.test/ctlog';

export function sha256(...parts: Uint8Array[]): Uint8Array {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return new Uint8Array(hash.digest());
}

const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));

export function extension(id: string, critical: boolean, value: Uint8Array): Uint8Array {
  return critical
    ? sequence(oid(id), TRUE, octetString(value))
    : sequence(oid(id), octetString(value));
}

/** keyCertSign, and CA:TRUE. */
const CA_EXTENSIONS = [
  extension('2.5.29.19', true, sequence(TRUE)),
  extension('2.5.29.15', true, tlv(TAG.bitString, Uint8Array.of(2, 0b100))),
];
export const POISON = extension('1.3.6.1.4.1.11129.2.4.3', true, tlv(TAG.null));
export const SOFT_POISON = extension('1.3.6.1.4.1.11129.2.4.3', false, tlv(TAG.null));
export const ODD_POISON = extension('1.3.6.1.4.1.11129.2.4.3', true, octetString());
export const PRECERT_SIGNING = extension(
  '2.5.29.37',
  false,
  sequence(oid('1.3.6.1.4.1.11129.2.4.4')),
);

export interface Authority {
  readonly name: string;
  readonly key: KeyObject;
  readonly spki: Uint8Array;
  readonly der: Uint8Array;
}

interface Wanted {
  subject: string;
  issuer: string;
  issuerKey: KeyObject;
  spki: Uint8Array;
  serial?: number;
  extensions: readonly Uint8Array[];
}

/** One CN; nothing for ''. */
const dn = (name: string) =>
  name === ''
    ? sequence()
    : sequence(setOf(sequence(oid('2.5.4.3'), tlv(TAG.utf8String, utf8(name)))));
const ALGORITHM = sequence(oid('1.2.840.10045.4.3.2'));

export function tbsOf(wanted: Omit<Wanted, 'issuerKey'>): Uint8Array {
  return sequence(
    tlv(context(0), smallInteger(2)),
    smallInteger(wanted.serial ?? 1),
    ALGORITHM,
    dn(wanted.issuer),
    sequence(certificateTime(Date.UTC(2024, 0, 1)), certificateTime(Date.UTC(2034, 0, 1))),
    dn(wanted.subject),
    wanted.spki,
    tlv(context(3), sequence(...wanted.extensions)),
  );
}

export function issue(wanted: Wanted): Uint8Array {
  const tbs = tbsOf(wanted);
  return sequence(tbs, ALGORITHM, bitString(sign('sha256', tbs, wanted.issuerKey)));
}

export function authority(
  name: string,
  parent?: Authority,
  more: readonly Uint8Array[] = [],
): Authority {
  const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const spki = new Uint8Array(pair.publicKey.export({ type: 'spki', format: 'der' }));
  const der = issue({
    subject: name,
    issuer: parent?.name ?? name,
    issuerKey: parent?.key ?? pair.privateKey,
    spki,
    extensions: [...CA_EXTENSIONS, ...more],
  });
  return { name, key: pair.privateKey, spki, der };
}

const leafPair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const leafSpki = new Uint8Array(leafPair.publicKey.export({ type: 'spki', format: 'der' }));
const SAN = extension(
  '2.5.29.17',
  true,
  sequence(tlv(context(1, false), utf8('someone@example.test'))),
);
/** Fulcio's name of a user: otherName { 1.3.6.1.4.1.57264.1.7, [0] UTF8String }. */
const USER_SAN = extension(
  '2.5.29.17',
  true,
  sequence(
    tlv(
      context(0),
      concat(
        oid('1.3.6.1.4.1.57264.1.7'),
        tlv(context(0), tlv(TAG.utf8String, utf8('builder!example.test'))),
      ),
    ),
  ),
);
const CODE_SIGNING = extension('2.5.29.37', false, sequence(oid('1.3.6.1.5.5.7.3.3')));

export interface LeafMaterial {
  readonly der: Uint8Array;
  /** TBSCertificate without poison. */
  readonly tbs: Uint8Array;
}

/** A leaf with its poison, or with `extra` in its place. */
export function leaf(
  by: Authority,
  serial: number,
  extra: readonly Uint8Array[] = [POISON],
): LeafMaterial {
  return leafOf({ subject: 'leaf', issuer: by.name, spki: leafSpki, serial }, by, SAN, extra);
}

/** A precertificate without a subject, for a user name. */
export function userLeaf(by: Authority, serial: number): LeafMaterial {
  return leafOf({ subject: '', issuer: by.name, spki: leafSpki, serial }, by, USER_SAN, [POISON]);
}

function leafOf(
  common: Omit<Wanted, 'issuerKey' | 'extensions'>,
  by: Authority,
  name: Uint8Array,
  extra: readonly Uint8Array[],
): LeafMaterial {
  const extensions = [name, CODE_SIGNING];
  return {
    der: issue({ ...common, issuerKey: by.key, extensions: [...extensions, ...extra] }),
    tbs: tbsOf({ ...common, extensions }),
  };
}

export interface Bench {
  readonly directory: string;
  readonly root: Authority;
  readonly intermediate: Authority;
  open(extra?: Partial<CtLogOptions>): Promise<CtLog>;
  remove(): void;
}

export function bench(): Bench {
  const directory = mkdtempSync(join(tmpdir(), 'ctlog-'));
  const signer = ensureSigner(join(directory, 'key.pem'));
  const root = authority('root');
  const intermediate = authority('intermediate', root);
  return {
    directory,
    root,
    intermediate,
    open: (extra = {}) =>
      openCtLog({
        crypto: nodeCrypto,
        clock: Date.now,
        logger: silentLogger,
        metrics: noMetrics,
        directory: join(directory, 'ctlog'),
        markDirectory: join(directory, 'mark'),
        signer,
        origin: ORIGIN,
        roots: [parseCertificate(root.der)],
        leafIndex: true,
        ...extra,
      }),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

export function chainBody(...chain: readonly Uint8Array[]): string {
  return JSON.stringify({ chain: chain.map((der) => base64(der)) });
}

export function post(log: CtLog, name: string, body: string): Promise<Response> {
  return Promise.resolve(log.routes.request(`/ctlog/ct/v1/${name}`, { method: 'POST', body }));
}

export async function get<T>(log: CtLog, path: string): Promise<{ status: number; json: T }> {
  const response = await log.routes.request(`/ctlog/ct/v1/${path}`);
  return { status: response.status, json: (await response.json()) as T };
}

export interface SctAnswer {
  sct_version: number;
  id: string;
  timestamp: number;
  extensions: string;
  signature: string;
}

export interface Refusal {
  message: string;
  details: Array<{ reason: string; metadata: { field?: string } }>;
}
