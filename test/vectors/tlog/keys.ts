// SPDX-License-Identifier: Apache-2.0
// The requests of generate.ts that other keys than P-256 sign: one row for each algorithm that the
// log takes, the same cases for each, and what only one kind of key can get wrong.
import {
  checkPrimeSync,
  constants,
  createHash,
  createPrivateKey,
  type KeyObject,
  privateEncrypt,
  sign as signWith,
} from 'node:crypto';
import { ed25519, ed25519ph } from '@noble/curves/ed25519.js';
import { p384, p521 } from '@noble/curves/nist.js';
import { base64, base64url, concat, fromHex, utf8 } from '../../../services/core/bytes.ts';
import {
  bitString,
  oid,
  sequence,
  TAG,
  tlv,
  unsignedInteger,
} from '../../../services/core/der.ts';
import { pae } from '../../../services/core/dsse.ts';
import { toBigInt, toOctets } from '../../../services/core/ecdsa.ts';
import {
  type Add,
  certificate,
  certified,
  dsse,
  ecSpki,
  edSpki,
  hashed,
  payload,
  payloadType,
  secret,
  spki,
  verifier,
} from './material.ts';

type Hash = 'sha256' | 'sha384' | 'sha512';
const hashOf = (name: Hash, data: Uint8Array) =>
  new Uint8Array(createHash(name).update(data).digest());
const stretch = (name: string, length: number) =>
  concat(
    ...Array.from({ length: Math.ceil(length / 32) }, (_, i) => secret(`${name} ${i}`)),
  ).slice(0, length);

interface Key {
  readonly keyDetails: string;
  readonly number: number;
  readonly hash: Hash;
  readonly spki: Uint8Array;
  /** Parses, and is no key. */
  readonly broken: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** The last octet of the key bits, which ends a point. */
function bent(key: Uint8Array): Uint8Array {
  const copy = key.slice();
  copy[copy.length - 1] = (copy[copy.length - 1] as number) ^ 1;
  return copy;
}

function ecKey(bits: 384 | 521): Key {
  const [curve, size, hash, number] =
    bits === 384 ? ([p384, 48, 'sha384', 12] as const) : ([p521, 66, 'sha512', 13] as const);
  const key = stretch(`p${bits}`, size);
  if (bits === 521) key[0] = 0;
  const spki = ecSpki(bits === 384 ? '1.3.132.0.34' : '1.3.132.0.35', curve.getPublicKey(key, false));
  return {
    keyDetails: `PKIX_ECDSA_P${bits}_SHA_${bits === 384 ? 384 : 512}`,
    number,
    hash,
    spki,
    broken: bent(spki),
    sign: (message) =>
      curve.sign(hashOf(hash, message), key, { prehash: false, lowS: false, format: 'der' }),
  };
}

const edKey = secret('ed25519');
/** y = 2 is no point of the curve. */
const offEd = concat(edSpki.subarray(0, -32), Uint8Array.of(2), new Uint8Array(31));
/** The neutral element: under it, one signature fits every message. */
const smallEd = concat(edSpki.subarray(0, -32), Uint8Array.of(1), new Uint8Array(31));
const ed: Key = {
  keyDetails: 'PKIX_ED25519_PH',
  number: 8,
  hash: 'sha512',
  spki: edSpki,
  broken: offEd,
  sign: (message) => ed25519ph.sign(message, edKey),
};

function prime(name: string, bits: number): bigint {
  const octets = stretch(name, bits / 8);
  octets[0] = (octets[0] as number) | 0xc0;
  for (let p = toBigInt(octets) | 1n; ; p += 2n) {
    if (p % 65537n !== 1n && checkPrimeSync(p)) return p;
  }
}

function inverse(a: bigint, modulus: bigint): bigint {
  let [r, next, t, nextT] = [modulus, a % modulus, 0n, 1n];
  while (next !== 0n) {
    const q = r / next;
    [r, next] = [next, r - q * next];
    [t, nextT] = [nextT, t - q * nextT];
  }
  return ((t % modulus) + modulus) % modulus;
}

export const rsaPublic = (modulus: bigint, exponent: bigint): Uint8Array => {
  const octets = (value: bigint) => toOctets(value, Math.ceil(value.toString(16).length / 2));
  return sequence(
    sequence(oid('1.2.840.113549.1.1.1'), tlv(TAG.null)),
    bitString(sequence(unsignedInteger(octets(modulus)), unsignedInteger(octets(exponent)))),
  );
};

interface RsaKey extends Key {
  readonly modulus: bigint;
  readonly privateKey: KeyObject;
  /** The signature whose padded form is `encoded`. */
  readonly raw: (encoded: Uint8Array) => Uint8Array;
}

function rsaKey(bits: number, number: number): RsaKey {
  const [p, q, e] = [prime(`rsa ${bits} p`, bits / 2), prime(`rsa ${bits} q`, bits / 2), 65537n];
  const n = p * q;
  const d = inverse(e, (p - 1n) * (q - 1n));
  const text = (value: bigint, size: number) => base64url(toOctets(value, size));
  const half = bits / 16;
  const privateKey = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'RSA',
      n: text(n, bits / 8),
      e: 'AQAB',
      d: text(d, bits / 8),
      p: text(p, half),
      q: text(q, half),
      dp: text(d % (p - 1n), half),
      dq: text(d % (q - 1n), half),
      qi: text(inverse(q, p), half),
    },
  });
  return {
    keyDetails: `PKIX_RSA_PKCS1V15_${bits}_SHA256`,
    number,
    hash: 'sha256',
    spki: rsaPublic(n, e),
    broken: rsaPublic(n, 1n),
    sign: (message) => new Uint8Array(signWith('sha256', message, privateKey)),
    modulus: n,
    privateKey,
    raw: (encoded) =>
      new Uint8Array(privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encoded)),
  };
}

const ROOT = 'hashedRekordRequestV002';
const CONTENT = `${ROOT}.signature.content`;
const VERIFIER = `${ROOT}.signature.verifier`;
const DETAILS = `${VERIFIER}.keyDetails`;
const RAW = `${VERIFIER}.publicKey.rawBytes`;
const artifact = utf8('an artifact');

function fields(key: Key, message = artifact) {
  return {
    digest: base64(hashOf(key.hash, message)),
    content: base64(key.sign(message)),
    verifier: verifier(key.spki, key.keyDetails),
  };
}

function everyKey(add: Add, key: Key): void {
  const name = key.keyDetails;
  const good = fields(key);
  const certificateOf = (der: Uint8Array) => ({ ...certified(der), keyDetails: name });
  add(`${name}: public key`, hashed(good), 201);
  add(`${name}: certificate`, hashed({ ...good, verifier: certificateOf(certificate(key.spki)) }), 201);
  add(`${name}: by number`, hashed({ ...good, verifier: verifier(key.spki, key.number) }), 201);
  const message = pae(payloadType, payload);
  const by = [verifier(key.spki, name)];
  add(`${name}: dsse`, dsse({ signatures: [{ sig: base64(key.sign(message)) }] }, by), 201);
  add(
    `${name}: dsse over the payload alone`,
    dsse({ signatures: [{ sig: base64(key.sign(payload)) }] }, by),
    400,
    'ENTRY_SIGNATURE',
    'dsseRequestV002.envelope.signatures',
  );

  const signature = key.sign(artifact);
  for (const [what, content] of [
    ['over another digest', key.sign(utf8('another artifact'))],
    ['octet after', concat(signature, Uint8Array.of(0))],
    ['octet missing', signature.subarray(0, -1)],
    ['bent', bent(signature)],
    ['zeros', new Uint8Array(signature.length)],
  ] as const) {
    const body = hashed({ ...good, content: base64(content) });
    add(`${name}: signature ${what}`, body, 400, 'ENTRY_SIGNATURE', CONTENT);
  }
  for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
    if (hash === key.hash) continue;
    const digest = base64(hashOf(hash, artifact));
    const body = hashed({ ...good, digest });
    add(`${name}: ${hash} digest`, body, 400, 'ENTRY_DIGEST_LENGTH', `${ROOT}.digest`);
  }
  for (const [what, der] of [
    ['that no engine takes', key.broken],
    ['octet after', concat(key.spki, Uint8Array.of(0))],
    ['cut', key.spki.subarray(0, -1)],
  ] as const) {
    const body = hashed({ ...good, verifier: verifier(der, name) });
    add(`${name}: key ${what}`, body, 400, 'ENTRY_KEY_MALFORMED', RAW);
  }
  add(
    `${name}: certificate of a key that no engine takes`,
    hashed({ ...good, verifier: certificateOf(certificate(key.broken)) }),
    400,
    'ENTRY_KEY_MALFORMED',
    `${VERIFIER}.x509Certificate.rawBytes`,
  );
}

/** Every key under every other label that the log knows. */
function wrongLabels(add: Add, keys: readonly Key[]): void {
  const p256 = { keyDetails: 'PKIX_ECDSA_P256_SHA_256', spki };
  for (const key of [p256, ...keys]) {
    for (const { keyDetails } of [p256, ...keys]) {
      if (keyDetails === key.keyDetails) continue;
      const body = hashed({ verifier: verifier(key.spki, keyDetails) });
      add(`${key.keyDetails} labelled ${keyDetails}`, body, 400, 'ENTRY_KEY_DETAILS', DETAILS);
    }
  }
}

const SHA256_INFO = fromHex('3031300d060960864801650304020105000420');
/** SHA-384's identifier before a SHA-256 digest; and the identifier without its NULL. */
const OTHER_INFO = fromHex('3031300d060960864801650304020205000420');
const BARE_INFO = fromHex('302f300b0609608648016503040201 0420'.replace(' ', ''));

function padded(size: number, info: Uint8Array, filler = size - info.length - 3): Uint8Array {
  return concat(
    Uint8Array.of(0, 1),
    new Uint8Array(filler).fill(0xff),
    Uint8Array.of(0),
    info,
    new Uint8Array(size - info.length - 3 - filler),
  );
}

/** Forms of RSA signatures that lax verifiers take (CVE-2006-4339 and its kin). */
function rsaForms(add: Add, key: RsaKey): void {
  const size = key.modulus.toString(16).length / 2;
  const good = fields(key);
  const digest = hashOf('sha256', artifact);
  const info = concat(SHA256_INFO, digest);
  const type2 = padded(size, info);
  type2[1] = 2;
  const pss = signWith('sha256', artifact, {
    key: key.privateKey,
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: 0,
  });
  const overlong = key.modulus + toBigInt(key.raw(padded(size, info)));
  for (const [what, content] of [
    ['octets after the digest', key.raw(padded(size, info, 8))],
    ['DigestInfo without NULL', key.raw(padded(size, concat(BARE_INFO, digest)))],
    ['DigestInfo of another hash', key.raw(padded(size, concat(OTHER_INFO, digest)))],
    ['digest without DigestInfo', key.raw(padded(size, digest))],
    ['padding of encryption', key.raw(type2)],
    ['PSS', pss],
    ['number beyond the modulus', toOctets(overlong, size + 1).subarray(-size)],
    ['leading zero octet', concat(Uint8Array.of(0), key.raw(padded(size, info)))],
  ] as const) {
    const body = hashed({ ...good, content: base64(content) });
    add(`RSA: ${what}`, body, 400, 'ENTRY_SIGNATURE', CONTENT);
  }
  for (const [what, exponent, modulus] of [
    ['even exponent', 4n, key.modulus],
    ['exponent of 2^31 + 1', 2n ** 31n + 1n, key.modulus],
    ['even modulus', 65537n, key.modulus - 1n],
  ] as const) {
    const body = hashed({ ...good, verifier: verifier(rsaPublic(modulus, exponent), 9) });
    add(`RSA: ${what}`, body, 400, 'ENTRY_KEY_MALFORMED', RAW);
  }
  for (const bits of [1024n, 2047n, 2056n, 8192n]) {
    const body = hashed({ ...good, verifier: verifier(rsaPublic(2n ** (bits - 1n) + 1n, 65537n), 9) });
    add(`RSA: ${bits} bits`, body, 400, 'ENTRY_KEY_DETAILS', DETAILS);
  }
}

function edForms(add: Add): void {
  const good = fields(ed);
  const digest = hashOf('sha512', artifact);
  const content = base64(ed25519.sign(digest, edKey));
  add('Ed25519: pure signature over the digest', hashed({ ...good, content }), 400, 'ENTRY_SIGNATURE', CONTENT);
  const pure = base64(ed25519.sign(artifact, edKey));
  add('Ed25519: pure signature over the artifact', hashed({ ...good, content: pure }), 400, 'ENTRY_SIGNATURE', CONTENT);
  const small = hashed({ ...good, verifier: verifier(smallEd, ed.keyDetails) });
  add('Ed25519: key of small order', small, 400, 'ENTRY_KEY_MALFORMED', RAW);
  for (const label of ['PKIX_ED25519', 7]) {
    const body = hashed({ ...good, verifier: verifier(edSpki, label) });
    add(`Ed25519: pure (${label}) is off`, body, 400, 'ENTRY_ALGORITHM_DISABLED', DETAILS);
  }
}

/** Labels of protobuf-specs that no key makes right: other paddings, other hashes, old names. */
function labelsThatAreOff(add: Add, keys: readonly Key[]): void {
  for (const key of keys) {
    for (const number of [1, 2, 3, 4, 6, 14, 15, 16, 17, 18, 19, 20, 21, 22]) {
      const body = hashed({ ...fields(key), verifier: verifier(key.spki, number) });
      add(`${key.keyDetails} labelled ${number}`, body, 400, 'ENTRY_ALGORITHM_DISABLED', DETAILS);
    }
  }
}

export function keyCases(add: Add): void {
  const rsa = rsaKey(2048, 9);
  const keys = [ecKey(384), ecKey(521), rsa, rsaKey(3072, 10), rsaKey(4096, 11), ed];
  for (const key of keys) everyKey(add, key);
  wrongLabels(add, keys);
  rsaForms(add, rsa);
  edForms(add);
  labelsThatAreOff(add, [ecKey(384), rsa, ed]);
}
