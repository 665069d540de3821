// SPDX-License-Identifier: Apache-2.0
// What must not pass passes neither cosign nor ours; ours says why.
import { appendFileSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode } from '../../services/core/errors.ts';
import { have } from './support/cache.ts';
import { ok } from './support/commands.ts';
import { openStrangers, type Scene } from './support/scene.ts';
import { byCosign, byUs, type Claim, type Signer, writePredicate } from './support/signing.ts';

interface Bundle {
  verificationMaterial: {
    certificate: { rawBytes: string };
    tlogEntries: Array<{
      canonicalizedBody: string;
      inclusionProof: { hashes: string[]; rootHash: string; checkpoint: { envelope: string } };
    }>;
    timestampVerificationData: { rfc3161Timestamps: Array<{ signedTimestamp: string }> };
  };
  messageSignature?: { signature: string };
  dsseEnvelope?: { payload: string };
}

interface Case {
  readonly name: string;
  readonly code: ErrorCode;
  /** Changes a bundle; `other` is a whole one of the same kind for the same file. */
  readonly change?: (bundle: Bundle, other: Bundle) => void;
  readonly claim?: (scene: Scene, foreign: Scene) => Claim;
}

let scene: Scene;
/** Another stack: its trust files know nothing of the first. */
let foreign: Scene;

beforeAll(async () => {
  [scene, foreign] = await openStrangers();
});
afterAll(async () => {
  await scene.close();
  await foreign.close();
});

function entryOf(bundle: Bundle) {
  const [entry] = bundle.verificationMaterial.tlogEntries;
  if (entry === undefined) throw new Error('bundle without log entry');
  return entry;
}

function flipByte(text: string, at: number): string {
  const bytes = Buffer.from(text, 'base64');
  bytes.writeUInt8((bytes.at(at) ?? 0) ^ 1, at < 0 ? bytes.length + at : at);
  return bytes.toString('base64');
}

function tamperedFile(from: Scene): string {
  const path = from.file('tampered.tgz');
  copyFileSync(from.artifact, path);
  appendFileSync(path, '\n');
  return path;
}

const CLAIMS: readonly Case[] = [
  {
    name: 'another identity',
    code: 'IDENTITY_MISMATCH',
    claim: () => ({ identity: 'mallory@example.com' }),
  },
  {
    name: 'an identity that only contains the right one',
    code: 'IDENTITY_MISMATCH',
    claim: () => ({ identity: 'elease@example.co' }),
  },
  {
    name: 'another issuer',
    code: 'ISSUER_MISMATCH',
    claim: ({ stack }) => ({ issuer: `${stack.url}/dev-oidc/github` }),
  },
  {
    name: 'trust files of another stack',
    code: 'TIMESTAMP_UNTRUSTED',
    claim: (_, other) => ({ trust: other.trust }),
  },
];

const BUNDLES: readonly Case[] = [
  {
    name: 'the log entry of another bundle',
    code: 'LOG_ENTRY_MISMATCH',
    change: (bundle, other) => {
      bundle.verificationMaterial.tlogEntries = other.verificationMaterial.tlogEntries;
    },
  },
  {
    name: 'no log entry',
    code: 'LOG_ENTRY_MISSING',
    change: (bundle) => {
      bundle.verificationMaterial.tlogEntries = [];
    },
  },
  {
    name: 'the timestamp of another bundle',
    code: 'TIMESTAMP_MISMATCH',
    change: (bundle, other) => {
      bundle.verificationMaterial.timestampVerificationData =
        other.verificationMaterial.timestampVerificationData;
    },
  },
  {
    name: 'no timestamp',
    code: 'TIMESTAMP_MISSING',
    change: (bundle) => {
      bundle.verificationMaterial.timestampVerificationData.rfc3161Timestamps = [];
    },
  },
  {
    name: 'the certificate of another bundle',
    code: 'LOG_ENTRY_MISMATCH',
    change: (bundle, other) => {
      bundle.verificationMaterial.certificate = other.verificationMaterial.certificate;
    },
  },
  {
    name: 'another hash in the inclusion proof',
    code: 'INCLUSION_PROOF_INVALID',
    change: (bundle) => {
      const proof = entryOf(bundle).inclusionProof;
      const [first = ''] = proof.hashes;
      proof.hashes[0] = flipByte(first, 0);
    },
  },
  {
    name: 'another size in the signed checkpoint',
    code: 'CHECKPOINT_INVALID',
    change: (bundle) => {
      const { checkpoint } = entryOf(bundle).inclusionProof;
      checkpoint.envelope = checkpoint.envelope.replace(/\n(\d+)\n/, (_, n) => `\n${n}0\n`);
    },
  },
];

const BLOBS: readonly Case[] = [
  {
    name: 'a tampered file',
    code: 'DIGEST_MISMATCH',
    claim: (from) => ({ artifact: tamperedFile(from) }),
  },
];

const ATTESTATIONS: readonly Case[] = [
  {
    name: 'a file that is no subject',
    code: 'SUBJECT_MISMATCH',
    claim: (from) => ({ artifact: tamperedFile(from) }),
  },
  {
    name: 'another predicate type',
    code: 'PREDICATE_TYPE',
    claim: () => ({ type: 'cyclonedx' }),
  },
];

interface Kind {
  readonly make: (signer: Signer, bundle: string) => Promise<unknown>;
  readonly verify: Signer['verify'];
  readonly ours: Signer['verify'];
}

const KINDS: Readonly<Record<'blob' | 'attestation', Kind>> = {
  blob: {
    make: (signer, bundle) => ok(signer.sign(scene, bundle)),
    verify: byCosign.verify,
    ours: byUs.verify,
  },
  attestation: {
    make: (signer, bundle) => ok(signer.attest(scene, writePredicate(scene), bundle)),
    verify: byCosign.verifyAttestation,
    ours: byUs.verifyAttestation,
  },
};

for (const [kind, cases] of [
  ['blob', [...BLOBS, ...CLAIMS, ...BUNDLES]],
  ['attestation', [...ATTESTATIONS, ...CLAIMS, ...BUNDLES]],
] as const) {
  describe.runIf(have('cosign', 'package'))(`${kind}: cosign and ours refuse`, () => {
    const { make, verify, ours } = KINDS[kind];
    let good: string;
    let other: string;
    beforeAll(async () => {
      good = scene.file(`${kind}-good.json`);
      other = scene.file(`${kind}-other.json`);
      // First, so that its certificate is valid when the good bundle is stamped.
      await make(byCosign, other);
      await make(byCosign, good);
      await ok(verify(scene, good));
      await ok(ours(scene, good));
    });

    it.each(cases)('$name', async ({ name, code, change, claim }) => {
      const bundle = scene.file(`${kind}-${name.replaceAll(/\W/g, '-')}.json`);
      const content: Bundle = JSON.parse(readFileSync(good, 'utf8'));
      change?.(content, JSON.parse(readFileSync(other, 'utf8')));
      writeFileSync(bundle, JSON.stringify(content));
      const asked = claim?.(scene, foreign) ?? {};
      const [theirs, own] = await Promise.all([
        verify(scene, bundle, asked),
        ours(scene, bundle, asked),
      ]);
      expect(theirs.status, theirs.output).not.toBe(0);
      expect(own.stderr).toContain(code);
      expect(own.status, own.output).toBe(ERRORS[code].exit);
    });
  });
}
