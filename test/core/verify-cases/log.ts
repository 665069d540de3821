// SPDX-License-Identifier: Apache-2.0
// Faults of log entries, their proofs and checkpoints.
import { base64, fromBase64 } from '../../../services/core/bytes.ts';
import { HOST, NOW, noteLine } from '../../support/virtual-sigstore.ts';
import {
  bundle,
  type Case,
  checkpoint,
  cosigner,
  elsewhere,
  entry,
  flip,
  managed,
  proof,
  rogue,
} from './common.ts';

export function logCases(): Case[] {
  return [
    // --- log
    {
      name: 'no log entry',
      code: 'LOG_ENTRY_MISSING',
      recipe: bundle((b) => {
        b.verificationMaterial.tlogEntries = [];
      }),
    },
    {
      name: 'entry of an unknown log',
      code: 'LOG_UNKNOWN',
      recipe: entry((e) => {
        e.logId.keyId = base64(new Uint8Array(32));
      }),
    },
    { name: 'no log in the trusted root', code: 'LOG_UNKNOWN', root: (r) => ({ ...r, tlogs: [] }) },
    {
      name: 'entry of another instance',
      code: 'LOG_UNKNOWN',
      recipe: entry((e) => {
        Object.assign(e, elsewhere.log({}, fromBase64(e.canonicalizedBody)));
      }),
    },
    {
      name: 'proof of another instance under the id of ours',
      code: 'CHECKPOINT_INVALID',
      recipe: entry((e) => {
        const { inclusionProof } = elsewhere.log({}, fromBase64(e.canonicalizedBody));
        if (inclusionProof) e.inclusionProof = inclusionProof;
      }),
    },
    {
      name: 'good entry beside a damaged one of the same log',
      code: 'INCLUSION_PROOF_INVALID',
      recipe: bundle(({ verificationMaterial: { tlogEntries } }) => {
        const [first] = tlogEntries;
        if (first?.inclusionProof === undefined) return;
        const proofOfOther = { ...first.inclusionProof, logIndex: '4' };
        tlogEntries.push({ ...first, logIndex: '4', inclusionProof: proofOfOther });
      }),
    },
    {
      name: 'the same entry of an unknown log twice',
      code: 'LOG_ENTRY_DUPLICATE',
      recipe: bundle(({ verificationMaterial: { tlogEntries } }) => {
        const [first] = tlogEntries;
        if (first === undefined) return;
        const unknown = { ...first, logId: { keyId: base64(new Uint8Array(32)) } };
        tlogEntries.push(unknown, unknown);
      }),
    },
    {
      name: 'the same entry twice',
      code: 'LOG_ENTRY_DUPLICATE',
      recipe: bundle((b) => {
        b.verificationMaterial.tlogEntries.push(...b.verificationMaterial.tlogEntries);
      }),
    },
    {
      name: 'signed after the end of the log',
      code: 'LOG_TIME',
      root: (r) => ({ ...r, tlogs: r.tlogs.map((l) => ({ ...l, end: NOW + 4999 })) }),
    },
    {
      name: 'signed with a managed key after the end of the log',
      code: 'LOG_TIME',
      recipe: { managedKey: managed },
      policy: { key: managed.publicKey },
      root: (r) => ({ ...r, tlogs: r.tlogs.map((l) => ({ ...l, end: NOW + 4999 })) }),
    },
    {
      name: 'no inclusion proof',
      code: 'INCLUSION_PROOF_MISSING',
      recipe: entry((e) => {
        delete e.inclusionProof;
      }),
    },
    {
      name: 'no checkpoint',
      code: 'INCLUSION_PROOF_MISSING',
      recipe: proof((p) => {
        delete p.checkpoint;
      }),
    },
    {
      name: 'v2 entry under the label of Rekor v1, whose checkpoints have another origin',
      code: 'CHECKPOINT_INVALID',
      recipe: entry((e) => {
        e.kindVersion = { kind: 'hashedrekord', version: '0.0.1' };
      }),
    },
    {
      name: 'hashedrekord under the label dsse',
      code: 'LOG_ENTRY_MALFORMED',
      recipe: entry((e) => {
        e.kindVersion = { kind: 'dsse', version: '0.0.2' };
      }),
    },
    {
      name: 'entry of a kind that nobody signs with',
      code: 'LOG_ENTRY_UNSUPPORTED',
      recipe: entry((e) => {
        e.kindVersion = { kind: 'rekord', version: '0.0.1' };
      }),
    },
    {
      name: 'inclusion promise on a v2 entry',
      code: 'LOG_ENTRY_MALFORMED',
      recipe: entry((e) => {
        e.inclusionPromise = { signedEntryTimestamp: 'AAAA' };
      }),
    },
    {
      name: 'v0.1 bundle with an entry of Rekor v1, whose promise is none',
      code: 'INCLUSION_PROMISE_INVALID',
      recipe: bundle((b) => {
        b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
        const [e] = b.verificationMaterial.tlogEntries;
        if (e === undefined) return;
        e.kindVersion = { kind: 'hashedrekord', version: '0.0.1' };
        e.inclusionPromise = { signedEntryTimestamp: 'AAAA' };
        e.integratedTime = String(NOW / 1000);
        delete e.inclusionProof;
      }),
    },
    {
      name: 'v0.1 bundle with an entry of Rekor v2, which has no promise',
      code: 'BUNDLE_MALFORMED',
      recipe: bundle((b) => {
        b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
      }),
    },
    {
      name: 'promise and time in place of a timestamp',
      code: 'TIMESTAMP_MISSING',
      recipe: bundle((b) => {
        delete b.verificationMaterial.timestampVerificationData;
        const [e] = b.verificationMaterial.tlogEntries;
        if (e === undefined) return;
        e.inclusionPromise = { signedEntryTimestamp: 'AAAA' };
        e.integratedTime = String(NOW / 1000);
      }),
    },
    {
      name: 'integrated time without a promise',
      code: 'LOG_ENTRY_MALFORMED',
      recipe: entry((e) => {
        e.integratedTime = String(NOW / 1000);
      }),
    },
    {
      name: 'outer index differs',
      code: 'LOG_ENTRY_MALFORMED',
      recipe: entry((e) => {
        e.logIndex = '4';
      }),
    },
    {
      name: 'negative index',
      code: 'BUNDLE_MALFORMED',
      recipe: entry((e) => {
        e.logIndex = '-1';
      }),
    },
    {
      name: 'index beyond 2^63',
      code: 'BUNDLE_MALFORMED',
      recipe: entry((e) => {
        e.logIndex = '9223372036854775808';
      }),
    },
    {
      name: 'negative index in the proof',
      code: 'BUNDLE_MALFORMED',
      recipe: proof((p) => {
        p.logIndex = '-1';
      }),
    },
    {
      name: 'index of the proof beyond 2^63',
      code: 'BUNDLE_MALFORMED',
      recipe: proof((p) => {
        p.logIndex = '9223372036854775808';
      }),
    },
    {
      name: 'tree size beyond 2^63',
      code: 'BUNDLE_MALFORMED',
      recipe: proof((p) => {
        p.treeSize = '9223372036854775808';
      }),
    },
    {
      name: 'negative tree size',
      code: 'BUNDLE_MALFORMED',
      recipe: proof((p) => {
        p.treeSize = '-6';
      }),
    },
    {
      name: 'index outside the tree',
      code: 'INCLUSION_PROOF_INVALID',
      recipe: entry((e) => {
        e.logIndex = '6';
        if (e.inclusionProof) e.inclusionProof.logIndex = '6';
      }),
    },
    {
      name: 'index of another leaf',
      code: 'INCLUSION_PROOF_INVALID',
      recipe: entry((e) => {
        e.logIndex = '2';
        if (e.inclusionProof) e.inclusionProof.logIndex = '2';
      }),
    },
    {
      name: 'proof too short',
      code: 'INCLUSION_PROOF_INVALID',
      recipe: proof((p) => {
        p.hashes.pop();
      }),
    },
    {
      name: 'proof too long',
      code: 'INCLUSION_PROOF_INVALID',
      recipe: proof((p) => {
        p.hashes.push(base64(new Uint8Array(32)));
      }),
    },
    {
      name: 'proof with a corrupted hash',
      code: 'INCLUSION_PROOF_INVALID',
      recipe: proof((p) => {
        p.hashes[0] = flip(p.hashes[0] ?? '');
      }),
    },
    {
      name: 'proof with a short hash',
      code: 'INCLUSION_PROOF_INVALID',
      recipe: proof((p) => {
        p.hashes[0] = 'AAAA';
      }),
    },
    {
      name: 'tree size differs from the checkpoint',
      code: 'CHECKPOINT_INVALID',
      recipe: proof((p) => {
        p.treeSize = '7';
      }),
    },
    {
      name: 'root differs from the checkpoint',
      code: 'CHECKPOINT_INVALID',
      recipe: proof((p) => {
        p.rootHash = flip(p.rootHash);
      }),
    },
    {
      name: 'checkpoint signed by another key',
      code: 'CHECKPOINT_INVALID',
      recipe: { noteKey: rogue },
    },
    {
      name: 'checkpoint with a wrong hint',
      code: 'CHECKPOINT_INVALID',
      recipe: { hint: Uint8Array.of(0, 0, 0, 0) },
    },
    {
      name: 'checkpoint signed under another name',
      code: 'CHECKPOINT_INVALID',
      recipe: { noteName: 'other.test' },
    },
    {
      name: 'checkpoint of another origin, signed under that name',
      code: 'CHECKPOINT_INVALID',
      recipe: { note: (text) => text.replace(HOST, 'other.test'), noteName: 'other.test' },
    },
    {
      name: 'checkpoint of another origin',
      code: 'CHECKPOINT_INVALID',
      recipe: { note: (text) => text.replace(HOST, 'other.test') },
    },
    {
      name: 'checkpoint origin of Rekor v1',
      code: 'CHECKPOINT_INVALID',
      recipe: { note: (text) => text.replace(HOST, `${HOST} - 1193050959916656506`) },
    },
    {
      name: 'checkpoint origin in other case',
      code: 'CHECKPOINT_INVALID',
      recipe: { note: (text) => text.replace(HOST, HOST.toUpperCase()), noteName: HOST },
    },
    {
      name: 'checkpoint origin with a port',
      code: 'CHECKPOINT_INVALID',
      recipe: { note: (text) => text.replace(HOST, `${HOST}:8400`) },
    },
    {
      name: 'checkpoint altered after it was signed',
      code: 'CHECKPOINT_INVALID',
      recipe: checkpoint((note) => note.replace('\n6\n', '\n7\n')),
    },
    {
      name: 'second signature of the log, damaged',
      code: 'CHECKPOINT_INVALID',
      recipe: {
        lines: (own) => {
          const bytes = fromBase64(own.split(' ')[2] ?? '');
          return [own, noteLine(HOST, bytes.subarray(0, 4), bytes.subarray(4).fill(7))];
        },
      },
    },
    {
      name: 'checkpoint with a cosigner alone',
      code: 'CHECKPOINT_INVALID',
      recipe: { lines: () => [cosigner] },
    },
    {
      name: 'checkpoint without a signature',
      code: 'CHECKPOINT_MALFORMED',
      recipe: { lines: () => [] },
    },
    {
      name: 'checkpoint without an origin',
      code: 'CHECKPOINT_MALFORMED',
      recipe: { note: (text) => text.slice(text.indexOf('\n')) },
    },
    {
      name: 'checkpoint without a size',
      code: 'CHECKPOINT_MALFORMED',
      recipe: { note: (text) => text.replace('\n6\n', '\n') },
    },
    {
      name: 'checkpoint without a root',
      code: 'CHECKPOINT_MALFORMED',
      recipe: { note: (text) => `${text.split('\n').slice(0, 2).join('\n')}\n` },
    },
    {
      name: 'checkpoint with two blank lines',
      code: 'CHECKPOINT_MALFORMED',
      recipe: checkpoint((note) => note.replace('\n\n', '\n\n\n')),
    },
    {
      name: 'checkpoint with a control character',
      code: 'CHECKPOINT_MALFORMED',
      recipe: { note: (text) => text.replace('\n6\n', '\n6\r\n') },
    },
    {
      name: 'checkpoint with a control character in an extension line',
      code: 'CHECKPOINT_MALFORMED',
      recipe: { note: (text) => `${text}extension\tline\n` },
    },
    {
      name: 'checkpoint with a C1 control character',
      code: 'CHECKPOINT_MALFORMED',
      recipe: { note: (text) => `${text}extension\u0085line\n` },
    },
  ];
}
