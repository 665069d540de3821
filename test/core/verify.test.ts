// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseBundle, serializeBundle } from '../../services/core/bundle.ts';
import { base64, fromBase64 } from '../../services/core/bytes.ts';
import { CodedError } from '../../services/core/errors.ts';
import {
  artifactHashes,
  type Examination,
  examineBundle,
  type Policy,
  verifyBundle,
} from '../../services/core/verify.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import {
  ARTIFACT,
  createVirtualSigstore,
  KEY_MAKERS,
  POLICY,
  statementOf,
} from '../support/virtual-sigstore.ts';

const sigstore = await createVirtualSigstore();

function examine(text: string, policy: Policy = POLICY): Examination {
  try {
    const bundle = parseBundle(text);
    return examineBundle(nodeCrypto, sigstore.root, bundle, { bytes: ARTIFACT }, policy);
  } catch (error) {
    if (error instanceof CodedError) return { checks: [], error };
    throw error;
  }
}

const codeOf = (e: Examination) => ('error' in e ? e.error.code : undefined);

describe('verifyBundle', () => {
  it('records every check in its order', () => {
    const { checks } = examine(JSON.stringify(sigstore.bundle()));
    expect(checks.map(({ name }) => name)).toEqual([
      'signer',
      'time',
      'certificate',
      'sct',
      'identity',
      'log',
      'entry',
      'signature',
    ]);
    expect(checks.find(({ name }) => name === 'identity')?.inputs).toEqual(POLICY);
  });

  it('says that the checks of a certificate do not apply to a managed key', () => {
    const managedKey = KEY_MAKERS.p256();
    const policy = { key: managedKey.publicKey };
    const text = JSON.stringify(sigstore.bundle({ managedKey }));
    const { checks } = examine(text, policy);
    const skipped = checks.filter(({ verdict }) => verdict === 'not applicable');
    expect(skipped.map(({ name }) => name)).toEqual(['certificate', 'sct', 'identity']);
  });

  it('returns who signed, when, where and what', () => {
    const bundle = parseBundle(
      JSON.stringify(sigstore.bundle({ statement: statementOf(ARTIFACT) })),
    );
    const found = verifyBundle(nodeCrypto, sigstore.root, bundle, { bytes: ARTIFACT }, POLICY);
    expect(found.identity?.name).toBe(POLICY.identity);
    expect(found.times).toHaveLength(1);
    expect(found.entries.map(({ index, treeSize }) => [index, treeSize])).toEqual([[3, 6]]);
    expect(found.statement?.predicateType).toBe('https://slsa.dev/provenance/v1');
  });
});

describe('artifacts', () => {
  it.each(['p256', 'p384', 'p521', 'rsa', 'ed25519'] as const)(
    'verifies %s over digests alone',
    (keyKind) => {
      for (const recipe of [{ keyKind }, { keyKind, statement: statementOf(ARTIFACT) }]) {
        const bundle = parseBundle(JSON.stringify(sigstore.bundle(recipe)));
        const hashes = artifactHashes(bundle, POLICY);
        const digests = Object.fromEntries(
          hashes.map((hash) => [hash, nodeCrypto.digest(hash, ARTIFACT)]),
        );
        const { root } = sigstore;
        expect(() => verifyBundle(nodeCrypto, root, bundle, { digests }, POLICY)).not.toThrow();
        expect(() => verifyBundle(nodeCrypto, root, bundle, { digests: {} }, POLICY)).toThrow();
      }
    },
  );

  it('asks for no digest of a bundle that will be refused', () => {
    const bundle = parseBundle(JSON.stringify(sigstore.bundle()));
    expect(artifactHashes(bundle, {})).toEqual([]);
  });
});

describe('hostile bundles', () => {
  it('refuses every flipped byte of a certificate, an entry or a timestamp with a code', () => {
    const text = serializeBundle(parseBundle(JSON.stringify(sigstore.bundle())));
    const parts = [...text.matchAll(/"(?:rawBytes|canonicalizedBody|signedTimestamp)":"([^"]+)"/g)];
    expect(parts).toHaveLength(3);
    for (const part of parts) {
      const original = part[1] ?? '';
      const bytes = fromBase64(original);
      for (let at = 0; at < bytes.length; at += 7) {
        const flipped = Uint8Array.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ 0x41;
        const examination = examine(text.replace(original, base64(flipped)));
        expect(codeOf(examination), `${part[0].slice(0, 20)} at ${at}`).toBeDefined();
      }
    }
  });
});
