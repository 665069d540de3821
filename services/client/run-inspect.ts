// SPDX-License-Identifier: Apache-2.0
// `sigstead inspect`: what a bundle claims, in plain words. Nothing is verified, and it says so.
import {
  type Bundle,
  type InclusionProof,
  type LogEntry,
  MAX_BUNDLE_LENGTH,
  parseBundle,
} from '../core/bundle.ts';
import { base64, hex } from '../core/bytes.ts';
import { IN_TOTO_PAYLOAD_TYPE, parseStatement } from '../core/dsse.ts';
import { CodedError, coded } from '../core/errors.ts';
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

/** What `read` finds; of a damaged or foreign part the fault, so that the rest is still shown. */
function orFault<T>(read: () => T): T | { readonly fault: string } {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodedError) return { fault: `${error.code}: ${error.message}` };
    throw error;
  }
}

function inspectCertificate(der: Uint8Array) {
  const leaf = coded('CERTIFICATE_MALFORMED', 'certificate', () => parseCertificate(der));
  const { kind, name, issuer, extensions } = readIdentity(leaf);
  return {
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
  };
}

function inspectSigner({ signer }: Bundle) {
  if (signer.kind === 'publicKey') return { publicKeyHint: signer.hint };
  const der = signer.kind === 'certificate' ? signer.certificate : signer.certificates[0];
  return { certificate: orFault(() => inspectCertificate(der ?? new Uint8Array())) };
}

function inspectProof({ checkpoint }: InclusionProof) {
  const { origin, size } = coded('CHECKPOINT_MALFORMED', 'checkpoint', () =>
    parseCheckpoint(parseNote(checkpoint).text),
  );
  return { log: origin, treeSize: size };
}

function inspectEntry(entry: LogEntry) {
  const { inclusionProof: proof, integratedTime } = entry;
  return {
    index: entry.logIndex,
    logId: base64(entry.logId),
    kind: `${entry.kind} ${entry.version}`,
    ...(integratedTime === 0 ? {} : { integratedTime: iso(integratedTime * 1000) }),
    ...(proof === undefined || proof.checkpoint === '' ? {} : orFault(() => inspectProof(proof))),
  };
}

function inspectTimestamp(der: Uint8Array) {
  const timestamp = coded('TIMESTAMP_MALFORMED', 'timestamp', () => parseTimestampResponse(der));
  const { genTimeMs, policy, serial } = timestamp;
  return { time: iso(genTimeMs), policy, serial: hex(serial) };
}

function inspectStatement(payload: Uint8Array) {
  const { predicateType, subjects } = coded('STATEMENT_MALFORMED', 'payload', () =>
    parseStatement(payload),
  );
  return {
    predicateType,
    subjects: subjects.map(({ name, digest }) => ({ name, digest: Object.fromEntries(digest) })),
  };
}

function inspectContent({ content }: Bundle) {
  if ('messageSignature' in content) {
    const { digest } = content.messageSignature;
    return { signed: digest === undefined ? 'a file' : `${digest.hash}:${hex(digest.value)}` };
  }
  const { payload, payloadType } = content.envelope;
  const signed = payloadType === IN_TOTO_PAYLOAD_TYPE ? 'an attestation' : 'an envelope';
  return {
    signed,
    payloadType,
    ...(signed === 'an attestation' ? orFault(() => inspectStatement(payload)) : {}),
  };
}

function describe(bundle: Bundle) {
  return {
    mediaType: bundle.mediaType,
    content: inspectContent(bundle),
    signer: inspectSigner(bundle),
    logEntries: bundle.tlogEntries.map(inspectEntry),
    timestamps: bundle.timestamps.map((der) => orFault(() => inspectTimestamp(der))),
  };
}

type Description = ReturnType<typeof describe>;
type Rows = Array<readonly [string, string]>;

function contentRows({ content }: Description): Rows {
  const signed: Rows = [['signed', content.signed]];
  if ('fault' in content) return [...signed, ['predicate', content.fault]];
  if ('subjects' in content) {
    const digests = ({ digest }: (typeof content.subjects)[number]) =>
      Object.entries(digest).map(([hash, value]) => `${hash}:${value}`);
    return [
      ...signed,
      ['predicate', content.predicateType],
      ...content.subjects.map((s) => ['subject', [s.name, ...digests(s)].join(' ')] as const),
    ];
  }
  return 'payloadType' in content ? [...signed, ['payload', content.payloadType]] : signed;
}

function signerRows({ signer }: Description): Rows {
  const { certificate } = signer;
  if (certificate === undefined) return [['key hint', signer.publicKeyHint ?? '']];
  if ('fault' in certificate) return [['certificate', certificate.fault]];
  return [
    ['signer', certificate.identity],
    ['issuer', certificate.issuer],
    ['certificate', `${certificate.notBefore} to ${certificate.notAfter}`],
    ['serial', certificate.serial],
    ...Object.entries(certificate.extensions),
  ];
}

function entryText(entry: Description['logEntries'][number]): string {
  const what = [String(entry.index), entry.kind];
  if ('integratedTime' in entry) what.push(entry.integratedTime ?? '');
  if ('fault' in entry) what.push(entry.fault);
  if ('log' in entry) what.push(`tree of ${entry.treeSize} at ${entry.log}`);
  return what.join(', ');
}

function textOf(path: string, description: Description): string {
  return `${path}: what it claims; nothing of this was verified\n${columns([
    ['media type', description.mediaType],
    ...contentRows(description),
    ...signerRows(description),
    ...description.timestamps.map(
      (stamp) => ['timestamp', 'fault' in stamp ? stamp.fault : stamp.time] as const,
    ),
    ...description.logEntries.map((entry) => ['log entry', entryText(entry)] as const),
  ])}`;
}

/** @throws CodedError FILE_UNREADABLE, BUNDLE_MALFORMED, BUNDLE_VERSION, INCLUSION_PROOF_MISSING */
export function runInspect(path: string, flags: InspectFlags, io: Io): void {
  const description = describe(parseBundle(readBounded(path, MAX_BUNDLE_LENGTH)));
  io.out(
    flags.output === 'json'
      ? `${JSON.stringify(description, null, 2)}\n`
      : textOf(path, description),
  );
}
