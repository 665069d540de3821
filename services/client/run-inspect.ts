// SPDX-License-Identifier: Apache-2.0
// `sigstead inspect`: what a bundle claims, in plain words. Nothing is verified, and it says so.
import { type Bundle, type LogEntry, MAX_BUNDLE_LENGTH, parseBundle } from '../core/bundle.ts';
import { base64, hex } from '../core/bytes.ts';
import { parseStatement } from '../core/dsse.ts';
import { coded } from '../core/errors.ts';
import { parseCheckpoint, parseNote } from '../core/note.ts';
import { FULCIO_EXTENSIONS } from '../core/oid.ts';
import { parseTimestampResponse } from '../core/tsp.ts';
import { readIdentity } from '../core/verify/identity.ts';
import { parseCertificate } from '../core/x509.ts';
import { readBounded } from './files.ts';
import { columns, type Io, type OutputFormat } from './io.ts';

export interface InspectFlags {
  readonly output: OutputFormat;
}

const iso = (ms: number) => new Date(ms).toISOString();

function inspectSigner({ signer }: Bundle) {
  if (signer.kind === 'publicKey') return { publicKeyHint: signer.hint };
  const der = signer.kind === 'certificate' ? signer.certificate : signer.certificates[0];
  const leaf = coded('CERTIFICATE_MALFORMED', 'certificate', () =>
    parseCertificate(der ?? new Uint8Array()),
  );
  const { kind, name, issuer, extensions } = readIdentity(leaf);
  return {
    certificate: {
      identity: name,
      kind,
      issuer,
      serial: hex(leaf.serial),
      notBefore: iso(leaf.notBeforeMs),
      notAfter: iso(leaf.notAfterMs),
      extensions: Object.fromEntries(
        FULCIO_EXTENSIONS.flatMap(({ number, name: label }) => {
          const text = extensions.get(number);
          return text === undefined ? [] : [[label, text] as const];
        }),
      ),
    },
  };
}

function inspectEntry(entry: LogEntry) {
  const { inclusionProof: proof } = entry;
  const checkpoint =
    proof &&
    coded('CHECKPOINT_MALFORMED', 'checkpoint', () =>
      parseCheckpoint(parseNote(proof.checkpoint).text),
    );
  return {
    index: entry.logIndex,
    log: checkpoint?.origin ?? '',
    logId: base64(entry.logId),
    kind: `${entry.kind} ${entry.version}`,
    treeSize: checkpoint?.size ?? 0,
  };
}

function inspectTimestamp(der: Uint8Array) {
  const timestamp = coded('TIMESTAMP_MALFORMED', 'timestamp', () => parseTimestampResponse(der));
  const { genTimeMs, policy, serial } = timestamp;
  return { time: iso(genTimeMs), policy, serial: hex(serial) };
}

function inspectContent({ content }: Bundle) {
  if ('messageSignature' in content) {
    const { digest } = content.messageSignature;
    return { signed: digest === undefined ? 'a file' : `${digest.hash}:${hex(digest.value)}` };
  }
  const { payload, payloadType } = content.envelope;
  const statement = coded('STATEMENT_MALFORMED', 'payload', () => parseStatement(payload));
  return {
    signed: 'an attestation',
    payloadType,
    predicateType: statement.predicateType,
    subjects: statement.subjects.map(({ name, digest }) => ({
      name,
      digest: Object.fromEntries(digest),
    })),
  };
}

function describe(bundle: Bundle) {
  return {
    mediaType: bundle.mediaType,
    content: inspectContent(bundle),
    signer: inspectSigner(bundle),
    logEntries: bundle.tlogEntries.map(inspectEntry),
    timestamps: bundle.timestamps.map(inspectTimestamp),
  };
}

type Description = ReturnType<typeof describe>;

function signerRows({ signer }: Description): Array<readonly [string, string]> {
  const { certificate, publicKeyHint } = signer;
  if (certificate === undefined) return [['key hint', publicKeyHint ?? '']];
  return [
    ['signer', certificate.identity],
    ['issuer', certificate.issuer],
    ['certificate', `${certificate.notBefore} to ${certificate.notAfter}`],
    ['serial', certificate.serial],
    ...Object.entries(certificate.extensions),
  ];
}

function textOf(path: string, description: Description): string {
  const { content, logEntries, timestamps } = description;
  return `${path}: what it claims; nothing of this was verified\n${columns([
    ['media type', description.mediaType],
    ['signed', content.signed],
    ...('predicateType' in content
      ? [
          ['predicate', content.predicateType ?? ''] as const,
          ...(content.subjects ?? []).map(
            ({ name, digest }) => ['subject', `${name} ${JSON.stringify(digest)}`] as const,
          ),
        ]
      : []),
    ...signerRows(description),
    ...timestamps.map(({ time }) => ['timestamp', time] as const),
    ...logEntries.map(
      ({ index, log, kind, treeSize }) =>
        ['log entry', `${index} of ${log}, ${kind}, tree of ${treeSize}`] as const,
    ),
  ])}`;
}

/** @throws CodedError FILE_UNREADABLE, BUNDLE_MALFORMED and those of the parts */
export function runInspect(path: string, flags: InspectFlags, io: Io): void {
  const description = describe(parseBundle(readBounded(path, MAX_BUNDLE_LENGTH)));
  io.out(
    flags.output === 'json'
      ? `${JSON.stringify(description, null, 2)}\n`
      : textOf(path, description),
  );
}
