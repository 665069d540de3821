// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Bundle,
  type LogEntry,
  MAX_BUNDLE_LENGTH,
  parseBundle,
  parseLogEntry,
  serializeBundle,
} from '../../services/core/bundle.ts';
import { CodedError } from '../../services/core/errors.ts';
import { ARTIFACT, createVirtualSigstore, statementOf } from '../support/virtual-sigstore.ts';

interface Malformed {
  readonly name: string;
  readonly path: ReadonlyArray<string | number>;
  readonly value?: unknown;
  readonly code: string;
}

const sigstore = await createVirtualSigstore();
const message = JSON.stringify(sigstore.bundle());
const attestation = JSON.stringify(sigstore.bundle({ statement: statementOf(ARTIFACT) }));
const { rows } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../vectors/bundle/malformed.json'), 'utf8'),
) as { rows: Malformed[] };

type Container = Record<string | number, unknown>;

/** The bundle with one value replaced, or removed. */
function changed(text: string, { path, value }: Pick<Malformed, 'path' | 'value'>): string {
  const root = JSON.parse(text) as Container;
  const parent = path.slice(0, -1).reduce((at, step) => at[step] as Container, root);
  const last = path.at(-1) ?? '';
  if (value === undefined) delete parent[last];
  else parent[last] = value;
  return JSON.stringify(root);
}

function codeOf(text: string | Uint8Array): string {
  try {
    parseBundle(text);
    return 'parsed';
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

/** Every name in snake_case, as protojson allows. */
function snake(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(snake);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      snake(item),
    ]),
  );
}

describe('parseBundle', () => {
  it.each(rows)('refuses: $name', (row) => {
    expect(codeOf(changed(message, row))).toBe(row.code);
  });

  it.each([
    ['empty', ''],
    ['not JSON', '{"mediaType"'],
    ['a list', '[]'],
    ['null', 'null'],
    ['a doubled name', message.replace('{', '{"mediaType":"x",')],
    ['a doubled name in two spellings', message.replace('{', '{"media_type":"x",')],
    ['text after it', `${message} x`],
    ['a byte order mark', `\ufeff${message}`],
    ['ill-formed UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d)],
    ['longer than 32 MiB', `${message}${' '.repeat(MAX_BUNDLE_LENGTH)}`],
  ])('refuses: %s', (_, text) => {
    expect(codeOf(text)).toBe('BUNDLE_MALFORMED');
  });

  it.each(['tlogEntries', 'timestampVerificationData'])('takes 32 and no more: %s', (name) => {
    const material = (JSON.parse(message) as { verificationMaterial: Container })
      .verificationMaterial;
    const many = (count: number) => {
      const [entry] = material.tlogEntries as unknown[];
      const value =
        name === 'tlogEntries'
          ? Array(count).fill(entry)
          : { rfc3161Timestamps: Array(count).fill({ signedTimestamp: 'AAAA' }) };
      return codeOf(changed(message, { path: ['verificationMaterial', name], value }));
    };
    expect([many(32), many(33)]).toEqual(['parsed', 'BUNDLE_MALFORMED']);
  });

  it.each<[string, Malformed['path'], unknown]>([
    ['an empty signature', ['signatures', 0, 'sig'], ''],
    ['no payload type', ['payloadType'], undefined],
    ['a payload that is not base64', ['payload'], '%'],
    ['an unknown field', ['extra'], 1],
    ['an unknown field of a signature', ['signatures', 0, 'cert'], 'x'],
  ])('refuses an envelope with %s', (_, path, value) => {
    const change = { path: ['dsseEnvelope', ...path], value };
    expect(codeOf(changed(attestation, change))).toBe('BUNDLE_MALFORMED');
  });

  it('takes 64 hashes of a proof and 10 certificates of a chain, and no more', () => {
    const path = ['verificationMaterial', 'tlogEntries', 0, 'inclusionProof', 'hashes'];
    const hashes = (count: number) =>
      codeOf(changed(message, { path, value: Array(count).fill('') }));
    expect([hashes(64), hashes(65)]).toEqual(['parsed', 'BUNDLE_MALFORMED']);
    const chain = (count: number) => {
      const old = JSON.parse(message) as ReturnType<typeof sigstore.bundle>;
      old.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.2';
      const { certificate, ...rest } = old.verificationMaterial;
      const certificates = Array(count).fill(certificate);
      old.verificationMaterial = { ...rest, x509CertificateChain: { certificates } };
      return codeOf(JSON.stringify(old));
    };
    expect([chain(10), chain(11)]).toEqual(['parsed', 'BUNDLE_MALFORMED']);
  });

  it('reads both spellings of every name alike', () => {
    for (const text of [message, attestation]) {
      const spelled = JSON.stringify(snake(JSON.parse(text)));
      expect(parseBundle(spelled)).toEqual(parseBundle(text));
    }
  });

  it('reads numbers for int64, numbers for enums, any base64, null for absent', () => {
    const loose = JSON.parse(message) as ReturnType<typeof sigstore.bundle>;
    const [entry] = loose.verificationMaterial.tlogEntries;
    const proof = entry?.inclusionProof as unknown as Container;
    Object.assign(entry as unknown as Container, {
      logIndex: Number(entry?.logIndex),
      integratedTime: null,
      inclusionPromise: null,
    });
    proof.treeSize = Number(proof.treeSize);
    const digest = loose.messageSignature?.messageDigest as unknown as Container;
    digest.algorithm = 1;
    digest.digest = String(digest.digest)
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replace('=', '');
    expect(parseBundle(JSON.stringify(loose))).toEqual(parseBundle(message));
  });

  it('says where a fault is', () => {
    const path = ['verificationMaterial', 'tlogEntries', 0, 'inclusionProof', 'treeSize'];
    expect(() => parseBundle(changed(message, { path, value: 'x' }))).toThrow(
      /verificationMaterial\.tlogEntries\[0\]\.inclusionProof\.treeSize/,
    );
  });
});

const bytes = (min = 1) => fc.uint8Array({ minLength: min, maxLength: 40 });
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const word = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });

const proofs = fc.record({
  logIndex: count,
  treeSize: count,
  rootHash: bytes(),
  hashes: fc.array(bytes(0), { maxLength: 5 }),
  checkpoint: word,
});

const entries: fc.Arbitrary<LogEntry> = fc.record({
  logIndex: count,
  logId: bytes(),
  kind: word,
  version: word,
  integratedTime: count,
  inclusionPromise: fc.option(bytes(), { nil: undefined }),
  inclusionProof: proofs,
  canonicalizedBody: bytes(),
});

const bundles: fc.Arbitrary<Bundle> = fc.record({
  mediaType: fc.constant('application/vnd.dev.sigstore.bundle.v0.3+json'),
  version: fc.constant('0.3' as const),
  signer: fc.oneof(
    fc.record({ kind: fc.constant('certificate' as const), certificate: bytes() }),
    fc.record({ kind: fc.constant('publicKey' as const), hint: fc.string() }),
  ),
  tlogEntries: fc.array(entries, { maxLength: 3 }),
  timestamps: fc.array(bytes(), { maxLength: 3 }),
  content: fc.oneof(
    fc.record({
      messageSignature: fc.record({
        digest: fc.option(
          fc.record({
            hash: fc.constant('sha256' as const),
            value: fc.uint8Array({ minLength: 32, maxLength: 32 }),
          }),
          { nil: undefined },
        ),
        signature: bytes(),
      }),
    }),
    fc.record({
      envelope: fc.record({
        payload: bytes(0),
        payloadType: word,
        signatures: fc.record({ sig: bytes(), keyid: fc.string() }).map((signature) => [signature]),
      }),
    }),
  ),
});

describe('serializeBundle', () => {
  it('writes what parses to the same bundle', () => {
    fc.assert(
      fc.property(bundles, (bundle) => {
        expect(parseBundle(serializeBundle(bundle))).toEqual(bundle);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['message', message],
    ['attestation', attestation],
  ])('leaves its own text as it is: %s', (_, text) => {
    expect(serializeBundle(parseBundle(text))).toBe(text);
  });

  it('never throws anything but coded errors, whatever a byte becomes', () => {
    fc.assert(
      fc.property(fc.nat(message.length - 1), fc.string({ maxLength: 3 }), (at, insert) => {
        codeOf(message.slice(0, at) + insert + message.slice(at + 1));
      }),
      { numRuns: 300 },
    );
  });
});

describe('parseLogEntry', () => {
  it('reads the answer of a log', () => {
    const [entry] = sigstore.bundle().verificationMaterial.tlogEntries;
    expect(parseLogEntry(JSON.stringify(entry)).inclusionProof?.treeSize).toBe(6);
    expect(() => parseLogEntry('{}')).toThrow(/kindVersion/);
  });
});
