// SPDX-License-Identifier: Apache-2.0
// Issuing (RFC 6962 §3.1):
//
//   1. precertificate: all fields and the poison, signed
//   2. CT log: takes it, gives an SCT over the fields without poison
//   3. the SCT is of our log and over these fields
//   4. certificate: the same fields and the SCT list, signed by the same key
//   5. a look at the result before it leaves
import { ECDSA_P256_SHA256, type PublicKey } from '../core/algorithm.ts';
import { equal } from '../core/bytes.ts';
import type { Crypto } from '../core/crypto.ts';
import { CodedError, ParseError } from '../core/errors.ts';
import { OID } from '../core/oid.ts';
import { assembleCertificate, type LeafFields, leafTbs, prepareIssuer } from '../core/profile.ts';
import {
  encodeSctList,
  parseSct,
  precertTbs,
  SCT_ECDSA,
  SCT_SHA256,
  type SubmitPrecert,
  sctSignedData,
} from '../core/sct.ts';
import { buildPath, parseCertificate, verifyIssuedBy } from '../core/x509.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Signer } from '../runtime/keys.ts';
import { type CaChain, chainFault } from './chain.ts';
import type { Subject } from './claims.ts';

const LIFETIME_MS = 600_000;
const SERIAL_BYTES = 20;
const SUBMIT_TIMEOUT_MS = 30_000;
/** One in so many certificates is verified under the issuer's key; each is parsed and compared. */
const VERIFY_EVERY = 64;

export interface IssuerParts {
  readonly crypto: Crypto;
  readonly clock: Clock;
  readonly random: (sizeBytes: number) => Uint8Array;
  readonly signer: Signer;
  readonly chain: CaChain;
  readonly submit: SubmitPrecert;
  /** How long the log may take; default 30 s. */
  readonly submitTimeoutMs?: number | undefined;
  readonly ctlogKey: PublicKey;
  readonly backdateSeconds: number;
}

export interface Issued {
  readonly der: Uint8Array;
  readonly serial: Uint8Array;
}

/** @throws CodedError CT_SUBMISSION, CA_BACKEND */
export type Issue = (subject: Subject, key: PublicKey) => Promise<Issued>;

function backend(why: string, cause?: unknown): CodedError {
  return new CodedError('CA_BACKEND', why, cause === undefined ? {} : { cause });
}

function submission(why: string, cause?: unknown): CodedError {
  return new CodedError('CT_SUBMISSION', why, cause === undefined ? {} : { cause });
}

/** 20 octets, positive, never zero (RFC 5280 §4.1.2.2). */
function serialNumber(random: IssuerParts['random']): Uint8Array {
  const serial = Uint8Array.from(random(SERIAL_BYTES));
  serial[0] = ((serial[0] as number) & 0x3f) | 0x40;
  return serial;
}

/** A log that says nothing must not hang every client. */
async function within<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${limitMs} ms`)), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** The settled parts of an issuer. */
function prepare(parts: IssuerParts) {
  const { crypto, chain, ctlogKey } = parts;
  const [issuer] = chain;
  return {
    ...parts,
    issuer,
    template: prepareIssuer(issuer),
    issuerKeyHash: crypto.digest('sha256', issuer.publicKey.spki),
    logId: crypto.digest('sha256', ctlogKey.spki),
    chainDer: chain.map(({ der }) => der),
  };
}

type Prepared = ReturnType<typeof prepare>;

/** Ten minutes from now in whole seconds, inside the validity of the issuer. */
function validity({ clock, issuer, backdateSeconds }: Prepared) {
  const now = clock();
  if (now < issuer.notBeforeMs || now > issuer.notAfterMs)
    throw backend('the issuing certificate is outside its validity');
  const second = Math.floor(now / 1000) * 1000;
  return {
    notBeforeMs: Math.max(second - backdateSeconds * 1000, issuer.notBeforeMs),
    notAfterMs: Math.min(second + LIFETIME_MS, issuer.notAfterMs),
  };
}

function fieldsOf(prepared: Prepared, subject: Subject, key: PublicKey): LeafFields {
  return {
    serial: serialNumber(prepared.random),
    ...validity(prepared),
    spki: key.spki,
    subjectKeyId: prepared.crypto.digest('sha1', key.bits),
    altName: subject.altName,
    extensions: subject.extensions,
  };
}

async function sign({ signer, template }: Prepared, tbs: Uint8Array): Promise<Uint8Array> {
  try {
    return assembleCertificate(tbs, template.signatureOid, await signer.sign(tbs));
  } catch (error) {
    throw backend(`signing failed: ${(error as Error).message}`, error);
  }
}

/** SPEC RFC 6962 §3.2; SHA-256 with ECDSA, which is what every client verifies. */
function judgeSct(prepared: Prepared, encoded: Uint8Array, tbs: Uint8Array): void {
  const { crypto, logId, ctlogKey, issuerKeyHash } = prepared;
  const sct = parseSct(encoded);
  if (!equal(sct.logId, logId)) throw submission('the SCT is of another log');
  if (sct.hash !== SCT_SHA256 || sct.signatureAlgorithm !== SCT_ECDSA)
    throw submission('the SCT is not signed with ECDSA and SHA-256');
  const { timestampMs, extensions } = sct;
  const signed = sctSignedData({ timestampMs, extensions, issuerKeyHash, tbs });
  if (!crypto.verify(ctlogKey, ECDSA_P256_SHA256, signed, sct.signature))
    throw submission('the SCT does not verify');
}

/** Steps 1 to 3. */
async function logged(prepared: Prepared, fields: LeafFields, tbs: Uint8Array) {
  const { template, issuerKeyHash, chainDer: chain, submit, submitTimeoutMs } = prepared;
  const precert = await sign(prepared, leafTbs(template, fields, { poison: true }));
  try {
    // 158 random bits of serial number: nobody has logged these fields before.
    const work = submit({ precert, tbs, issuerKeyHash, chain, fresh: true });
    const encoded = await within(work, submitTimeoutMs ?? SUBMIT_TIMEOUT_MS);
    judgeSct(prepared, encoded, tbs);
    return encoded;
  } catch (error) {
    if (error instanceof CodedError && error.code === 'CT_SUBMISSION') throw error;
    throw submission(`the CT log: ${(error as Error).message}`, error);
  }
}

/** Step 5: what is in the certificate but for its SCT list is what the log has signed. */
function inspect({ crypto, issuer }: Prepared, der: Uint8Array, tbs: Uint8Array, verify: boolean) {
  try {
    const certificate = parseCertificate(der);
    if (!equal(precertTbs(certificate), tbs)) throw new ParseError('other fields than logged');
    if (verify && !verifyIssuedBy(crypto, certificate, issuer))
      throw new ParseError('not verified by the issuing certificate');
  } catch (error) {
    throw backend(`the certificate made: ${(error as Error).message}`, error);
  }
}

/**
 * A leaf that nobody gets, for the CA's own key: whether clients will build a path to the root.
 * @throws CodedError CHAIN_INVALID, CA_BACKEND
 */
async function rehearse(prepared: Prepared): Promise<void> {
  const { crypto, chain, issuer, template, clock } = prepared;
  const subject: Subject = {
    altName: { kind: 'uri', value: 'https://rehearsal.invalid' },
    extensions: [],
  };
  const fields = fieldsOf(prepared, subject, issuer.publicKey);
  const leaf = parseCertificate(await sign(prepared, leafTbs(template, fields, undefined)));
  try {
    buildPath(crypto, leaf, chain, clock(), OID.codeSigning);
  } catch (error) {
    throw error instanceof CodedError ? chainFault(error.message) : error;
  }
}

/** @throws CodedError CHAIN_INVALID, CA_BACKEND */
export async function openIssuer(parts: IssuerParts): Promise<Issue> {
  const prepared = prepare(parts);
  await rehearse(prepared);
  /** Certificates issued. Written below alone. */
  let count = 0;
  return async (subject, key) => {
    const fields = fieldsOf(prepared, subject, key);
    const tbs = leafTbs(prepared.template, fields, undefined);
    const sctList = encodeSctList([await logged(prepared, fields, tbs)]);
    const der = await sign(prepared, leafTbs(prepared.template, fields, { sctList }));
    inspect(prepared, der, tbs, count++ % VERIFY_EVERY === 0);
    return { der, serial: fields.serial };
  };
}
