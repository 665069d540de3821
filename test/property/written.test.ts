// SPDX-License-Identifier: Apache-2.0
// Whatever our side writes, our side reads as the same: values of every shape, not those of a test.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileTemplate } from '../../services/ca/template.ts';
import { readToken } from '../../services/client/token.ts';
import { base64, base64url, concat, utf8 } from '../../services/core/bytes.ts';
import { parseEnvelope, parseStatement, STATEMENT_V1 } from '../../services/core/dsse.ts';
import { buildHashedRekord, HASH_ALGORITHMS, parseEntryBody } from '../../services/core/entry.ts';
import { type Json, type JsonObject, olpcJson, parseJson } from '../../services/core/json.ts';
import {
  formatCheckpoint,
  formatNote,
  parseCheckpoint,
  parseNote,
} from '../../services/core/note.ts';
import {
  parseSigningConfig,
  type SigningService,
  serializeSigningConfig,
} from '../../services/core/signing-config.ts';
import { frameEntry, parseBundleEntries } from '../../services/core/tile.ts';
import { formatTime, parseTime } from '../../services/core/trust-fields.ts';
import { parseTargets } from '../../services/core/tuf.ts';
import { canonicalBytes, sealMetadata, targetsSigned } from '../../services/core/tuf-build.ts';
import { parseTileLeaf, tileLeaf, timestampedEntry } from '../../services/ctlog/leaf.ts';
import { parseConfig } from '../../services/runtime/config.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';

const octets = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength });
const hash32 = octets(32, 32);
/** Any text without half a surrogate pair. */
const text = fc.string({ unit: 'binary', maxLength: 40 });
const word = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/);
const instant = fc
  .integer({ min: Date.UTC(2000), max: Date.UTC(2100) })
  .map((ms) => ms - (ms % 1000));

describe('notes and checkpoints', () => {
  const size = fc.nat({ max: Number.MAX_SAFE_INTEGER });
  const line = fc.record({ name: word, hint: octets(4, 4), signature: octets(1, 80) });

  it('are read as they are written', () => {
    fc.assert(
      fc.property(
        word,
        size,
        hash32,
        fc.array(line, { minLength: 1, maxLength: 5 }),
        (origin, n, root, lines) => {
          const note = formatNote(formatCheckpoint(origin, n, root), lines);
          const read = parseNote(note);
          expect(read.signatures).toEqual(lines);
          expect(parseCheckpoint(read.text)).toEqual({ origin, size: n, root, extensions: [] });
          expect(formatNote(read.text, read.signatures)).toBe(note);
        },
      ),
    );
  });
});

describe('entries of the logs', () => {
  it('bodies are read as they are written', () => {
    const details = fc.constantFrom('PKIX_ECDSA_P256_SHA_256', 'PKIX_ED25519_PH', 'x');
    const verifier = fc.oneof(
      octets(0, 99).map((publicKey) => ({ publicKey })),
      octets(0, 99).map((x509Certificate) => ({ x509Certificate })),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...HASH_ALGORITHMS),
        octets(0, 64),
        octets(0, 99),
        details,
        verifier,
        ({ hash }, digest, signature, keyDetails, by) => {
          const body = buildHashedRekord({
            digest,
            signature,
            verifier: by,
            algorithm: { keyDetails, hash },
          });
          expect(parseEntryBody(body)).toMatchObject({
            hash,
            digest,
            signature,
            keyDetails,
            verifier: by,
          });
        },
      ),
    );
  });

  it('bundles of entries are read as they are framed', () => {
    fc.assert(
      fc.property(fc.array(octets(0, 300), { maxLength: 20 }), (entries) => {
        const bundle = concat(...entries.map(frameEntry));
        expect(parseBundleEntries(bundle, entries.length)).toEqual(entries);
        expect(() => parseBundleEntries(bundle, entries.length + 1)).toThrow('bytes wanted');
      }),
    );
  });

  it('leaves of the CT log are read as they are written', () => {
    const entry = fc.oneof(
      octets(0, 300).map((certificate) => ({ type: 'x509' as const, certificate })),
      fc.tuple(octets(0, 300), octets(0, 300), hash32).map(([precert, tbs, issuerKeyHash]) => ({
        type: 'precert' as const,
        precert,
        tbs,
        issuerKeyHash,
      })),
    );
    const time = fc.nat({ max: Number.MAX_SAFE_INTEGER });
    fc.assert(
      fc.property(
        entry,
        time,
        octets(0, 20),
        fc.array(hash32, { maxLength: 4 }),
        (made, timestampMs, extensions, fingerprints) => {
          const timestamped = timestampedEntry(made, timestampMs, extensions);
          const read = parseTileLeaf(tileLeaf(made, timestamped, fingerprints));
          const precert = made.type === 'precert' ? made.precert : undefined;
          expect(read).toEqual({ timestampMs, timestamped, extensions, precert, fingerprints });
        },
      ),
    );
  });
});

describe('what is signed', () => {
  it('envelopes are read as they are written', () => {
    const signature = fc.record({ sig: octets(1, 80), keyid: text });
    fc.assert(
      fc.property(
        octets(0, 99),
        text.filter((t) => t !== ''),
        fc.array(signature, { minLength: 1, maxLength: 10 }),
        (payload, payloadType, signatures) => {
          const json = {
            payload: base64(payload),
            payloadType,
            signatures: signatures.map(({ sig, keyid }) => ({ sig: base64url(sig), keyid })),
          };
          expect(parseEnvelope(JSON.stringify(json))).toEqual({ payload, payloadType, signatures });
        },
      ),
    );
  });

  it('statements are read as they are written', () => {
    const digest = fc.dictionary(
      word.filter((name) => name !== '__proto__'),
      word,
      { minKeys: 1, maxKeys: 4 },
    );
    const subject = fc.record({ name: text, digest });
    fc.assert(
      fc.property(
        fc.array(subject, { minLength: 1, maxLength: 5 }),
        word,
        fc.jsonValue(),
        (subjects, predicateType, predicate) => {
          const payload = utf8(
            JSON.stringify({
              _type: STATEMENT_V1,
              subject: subjects,
              predicateType,
              predicate,
            }).toWellFormed(),
          );
          const read = parseStatement(payload);
          expect(read.predicateType).toBe(predicateType);
          expect(
            read.subjects.map(({ name, digest: found }) => ({
              name,
              digest: Object.fromEntries(found),
            })),
          ).toEqual(subjects.map(({ name, digest: given }) => ({ name, digest: { ...given } })));
        },
      ),
    );
  });
});

describe('trust', () => {
  it('times are read as they are written', () => {
    fc.assert(
      fc.property(instant, (ms) => {
        expect(parseTime(formatTime(ms))).toBe(ms);
      }),
    );
  });

  it('signing configs are read as they are written', () => {
    const service: fc.Arbitrary<SigningService> = fc
      .record({
        url: fc.stringMatching(/^[a-z]{1,9}$/).map((path) => `https://a.test/${path}`),
        majorApiVersion: fc.integer({ min: 1, max: 9 }),
        operator: text,
        start: instant,
        long: fc.option(fc.nat({ max: 1e6 })),
      })
      .map(({ long, ...rest }) => ({
        ...rest,
        ...(long === null ? {} : { end: rest.start + long * 1000 }),
      }));
    const list = fc.array(service, { maxLength: 4 });
    const selection = fc.oneof(
      fc.constantFrom({ selector: 'ANY' as const }, { selector: 'ALL' as const }),
      fc.integer({ min: 1, max: 9 }).map((count) => ({ selector: 'EXACT' as const, count })),
    );
    const config = fc.record({
      caUrls: list,
      oidcUrls: list,
      rekorTlogUrls: list,
      rekorTlogConfig: selection,
      tsaUrls: list,
      tsaConfig: selection,
    });
    fc.assert(
      fc.property(config, (made) => {
        expect(parseSigningConfig(serializeSigningConfig(made))).toEqual(made);
      }),
    );
  });

  it('TUF targets are read as they are written, fields unknown here included', () => {
    const file = fc.record({
      name: word.filter((name) => !name.startsWith('.')),
      bytes: octets(1, 50),
    });
    const files = fc.uniqueArray(file, { maxLength: 5, selector: ({ name }) => name });
    const extra = fc.dictionary(
      text,
      fc.oneof(fc.boolean(), text, fc.integer(), fc.constant(null)),
    );
    fc.assert(
      fc.property(files, extra, instant, (sources, custom, expiresMs) => {
        const signed: JsonObject = {
          ...targetsSigned(nodeCrypto, { version: 3, expiresMs }, sources),
          'x-extra': custom as Json,
        };
        const read = parseTargets(
          sealMetadata(signed, [{ keyid: 'k', signature: Uint8Array.of(1) }]),
          'f',
        );
        expect(read.canonical).toEqual(canonicalBytes(signed));
        expect([...read.targets.keys()].sort()).toEqual(sources.map(({ name }) => name).sort());
        expect(read.expiresMs).toBe(expiresMs);
      }),
    );
  });

  it('the canonical form is the same however the object was ordered', () => {
    fc.assert(
      fc.property(fc.dictionary(text, fc.oneof(text, fc.integer())), (object) => {
        const reversed = Object.fromEntries(Object.entries(object).reverse());
        expect(olpcJson(reversed)).toBe(olpcJson(parseJson(JSON.stringify(object))));
      }),
    );
  });

  it('names are ordered by the octets of their UTF-8', () => {
    fc.assert(
      fc.property(fc.uniqueArray(text, { maxLength: 8 }), (names) => {
        const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        const object = Object.fromEntries(names.map((name) => [name, 0]));
        const quoted = sorted.map((name) => `"${name.replaceAll(/["\\]/g, '\\$&')}":0`);
        expect(olpcJson(object)).toBe(`{${quoted.join(',')}}`);
      }),
    );
  });
});

describe('what people and issuers write', () => {
  it('templates leave text and claims as they are', () => {
    const plain = text.filter((t) => !/[{}]/.test(t));
    fc.assert(
      fc.property(plain, text, plain, (before, value, after) => {
        const template = compileTemplate(`${before}{{ .claim }}${after}`);
        expect(template(new Map([['claim', value]]))).toBe(before + value + after);
      }),
    );
  });

  it('tokens are read as their claims say', () => {
    const filled = text.filter((t) => t !== '');
    fc.assert(
      fc.property(filled, filled, fc.boolean(), (iss, sub, verified) => {
        const claims = base64url(
          utf8(JSON.stringify({ iss, sub, email: 'a@b.c', email_verified: verified })),
        );
        const token = readToken(`e30.${claims}.AA`);
        expect([token.issuer, token.subject, token.emailVerified]).toEqual([iss, sub, verified]);
      }),
    );
  });

  it('a configuration in JSON is the same in YAML', () => {
    const value = fc.oneof(fc.boolean(), fc.integer(), text, fc.constant(null));
    const tree = fc.dictionary(text, fc.oneof(value, fc.array(value), fc.dictionary(text, value)));
    fc.assert(
      fc.property(tree, (settings) => {
        const json = JSON.stringify(settings);
        expect(JSON.stringify(parseConfig(json, 'c.yaml'))).toBe(json);
      }),
    );
  });
});
