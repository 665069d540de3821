// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { base64, hex, utf8 } from '../../services/core/bytes.ts';
import { buildHashedRekord } from '../../services/core/entry.ts';
import { findEntryKind } from '../../services/core/entry-body.ts';
import { ParseError } from '../../services/core/errors.ts';
import { canonicalJson, type Json, type JsonObject } from '../../services/core/json.ts';
import { pem } from '../../services/core/pem.ts';

const DIGEST = new Uint8Array(32).fill(0xab);
const SIGNATURE = Uint8Array.of(0x30, 1, 2);
const DER = Uint8Array.of(0x30, 0);
const CERTIFICATE = { x509Certificate: DER };
const KEY = { publicKey: DER };
const armour = (label: string, times = 1) => base64(utf8(pem(label, DER).repeat(times)));
const hash = { algorithm: 'sha256', value: hex(DIGEST) };

/** A good spec of each kind of Rekor v1 and of dsse 0.0.2. */
const SPECS: Record<string, JsonObject> = {
  'hashedrekord 0.0.1': {
    data: { hash },
    signature: { content: base64(SIGNATURE), publicKey: { content: armour('CERTIFICATE') } },
  },
  'dsse 0.0.1': {
    envelopeHash: hash,
    payloadHash: hash,
    signatures: [{ signature: base64(SIGNATURE), verifier: armour('CERTIFICATE') }],
  },
  'intoto 0.0.1': {
    content: { hash, payloadHash: hash },
    publicKey: armour('CERTIFICATE'),
  },
  'intoto 0.0.2': {
    content: {
      envelope: {
        payloadType: 'application/vnd.in-toto+json',
        signatures: [{ publicKey: armour('CERTIFICATE'), sig: base64(utf8(base64(SIGNATURE))) }],
      },
      hash,
      payloadHash: hash,
    },
  },
  'dsse 0.0.2': {
    dsseV002: {
      payloadHash: { algorithm: 'SHA2_256', digest: base64(DIGEST) },
      signatures: [
        {
          content: base64(SIGNATURE),
          verifier: {
            keyDetails: 'PKIX_ECDSA_P256_SHA_256',
            x509Certificate: { rawBytes: base64(DER) },
          },
        },
      ],
    },
  },
};
const KINDS = Object.keys(SPECS);

function split(name: string): [string, string] {
  const [kind = '', version = ''] = name.split(' ');
  return [kind, version];
}

function bodyOf(name: string, spec: Json): Uint8Array {
  const [kind, apiVersion] = split(name);
  return utf8(canonicalJson({ apiVersion, kind, spec }));
}

function read(name: string, body: Uint8Array) {
  const row = findEntryKind(...split(name));
  if (row === undefined) throw new Error(`no kind ${name}`);
  return row.read(body);
}

/** The good spec with the text `from` replaced wherever it stands. */
function bent(name: string, from: string, to: string): Uint8Array {
  const text = Buffer.from(bodyOf(name, SPECS[name] ?? {})).toString('utf8');
  if (!text.includes(from)) throw new Error(`${name} has no ${from}`);
  return utf8(text.replaceAll(from, to));
}

describe('bodies of log entries', () => {
  it.each(KINDS)('reads %s', (name) => {
    const message = name.startsWith('hashedrekord');
    expect(read(name, bodyOf(name, SPECS[name] ?? {}))).toEqual({
      of: message ? 'message' : 'payload',
      hash: 'sha256',
      digest: DIGEST,
      signature: name === 'intoto 0.0.1' ? undefined : SIGNATURE,
      verifier: CERTIFICATE,
      keyDetails: name.endsWith('dsse 0.0.2') ? 'PKIX_ECDSA_P256_SHA_256' : undefined,
      payloadType: name === 'intoto 0.0.2' ? 'application/vnd.in-toto+json' : undefined,
    });
  });

  it('reads hashedrekord 0.0.2', () => {
    const body = buildHashedRekord({
      digest: DIGEST,
      algorithm: { keyDetails: 'PKIX_ECDSA_P256_SHA_256', hash: 'sha256' },
      signature: SIGNATURE,
      verifier: KEY,
    });
    expect(read('hashedrekord 0.0.2', body)).toMatchObject({ of: 'message', verifier: KEY });
  });

  it('knows no other kind or version', () => {
    for (const name of ['rekord 0.0.1', 'hashedrekord 0.0.3', 'intoto 0.0.3', 'dsse ', ' ']) {
      expect(findEntryKind(...split(name))).toBeUndefined();
    }
  });

  it.each(KINDS.filter((name) => !name.endsWith('dsse 0.0.2')))(
    'takes the first certificate of a chain, or one public key: %s',
    (name) => {
      const chain = bent(name, armour('CERTIFICATE'), armour('CERTIFICATE', 3));
      expect(read(name, chain).verifier).toEqual(CERTIFICATE);
      const key = bent(name, armour('CERTIFICATE'), armour('PUBLIC KEY'));
      expect(read(name, key).verifier).toEqual(KEY);
      for (const wrong of [
        armour('PUBLIC KEY', 2),
        armour('PRIVATE KEY'),
        base64(utf8('text')),
        base64(utf8(pem('CERTIFICATE', DER) + pem('PUBLIC KEY', DER))),
        '!',
        '',
      ]) {
        expect(() => read(name, bent(name, armour('CERTIFICATE'), wrong))).toThrow(ParseError);
      }
    },
  );

  it.each(KINDS)('refuses a body of another kind, version or spelling: %s', (name) => {
    const body = bodyOf(name, SPECS[name] ?? {});
    for (const other of KINDS.filter((kind) => kind !== name)) {
      expect(() => read(other, body)).toThrow(/is not of kind/);
    }
    expect(() => read(name, utf8(` ${Buffer.from(body).toString()}`))).toThrow('not canonical');
    expect(() => read(name, bodyOf(name, []))).toThrow('spec is not an object');
    for (const text of ['', '[]', 'null', '{}']) {
      expect(() => read(name, utf8(text))).toThrow(ParseError);
    }
  });

  it.each(KINDS)('refuses every member that is missing or of another type: %s', (name) => {
    const ignored = new Set(['envelopeHash', 'hash']);
    const paths: string[][] = [];
    const walk = (value: Json, path: string[]) => {
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
      for (const [key, item] of Object.entries(value)) {
        const here = [...path, key];
        // Hashes of whole envelopes cannot be compared, so nobody reads them.
        const unread = ignored.has(key) && !(name.startsWith('hashedrekord') && key === 'hash');
        if (unread) continue;
        paths.push(here);
        walk(item as Json, here);
      }
    };
    walk(SPECS[name] as Json, []);
    expect(paths.length).toBeGreaterThan(2);
    for (const path of paths) {
      for (const value of [undefined, null, 7, '!', [], {}]) {
        const spec = structuredClone(SPECS[name]) as Record<string, unknown>;
        let at = spec;
        for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
        const last = path.at(-1) ?? '';
        if (last === 'payloadType' && value === '!') continue;
        if (value === undefined) delete at[last];
        else at[last] = value;
        expect(() => read(name, bodyOf(name, spec as Json)), `${path} ${value}`).toThrow(
          ParseError,
        );
      }
    }
  });

  it.each(['dsse 0.0.1', 'intoto 0.0.2', 'dsse 0.0.2'])('refuses two signatures: %s', (name) => {
    const text = Buffer.from(bodyOf(name, SPECS[name] ?? {})).toString('utf8');
    const two = text.replace(/"signatures":\[(\{.*?\}+)\]/, '"signatures":[$1,$1]');
    expect(two).not.toBe(text);
    expect(() => read(name, utf8(two))).toThrow('2 signatures');
  });

  it('keeps digests to their algorithm, in either case of letters', () => {
    const name = 'hashedrekord 0.0.1';
    expect(read(name, bent(name, hash.value, hash.value.toUpperCase())).digest).toEqual(DIGEST);
    expect(() => read(name, bent(name, '"sha256"', '"sha384"'))).toThrow('another length');
    expect(() => read(name, bent(name, '"sha256"', '"md5"'))).toThrow('unknown hash');
    expect(() => read(name, bent(name, hash.value, `${hash.value}00`))).toThrow('another length');
    expect(() => read('dsse 0.0.2', bent('dsse 0.0.2', 'SHA2_256', 'SHA2_512'))).toThrow();
  });
});
