// SPDX-License-Identifier: Apache-2.0
// `sigstead sign` and `sigstead attest`.
import { randomBytes } from 'node:crypto';
import { basename } from 'node:path';
import { serializeBundle } from '../core/bundle.ts';
import { coded } from '../core/errors.ts';
import { systemClock } from '../runtime/clock.ts';
import { nodeCrypto } from '../runtime/crypto.ts';
import {
  hashFile,
  readBounded,
  readChunks,
  requireReadable,
  requireWritable,
  writeWhole,
} from './files.ts';
import { systemHttp } from './http.ts';
import { columns, type Io, type OutputFormat, warn } from './io.ts';
import { type SignContext, type Signed, signArtifact, signStatement } from './sign.ts';
import { buildStatement, predicateTypeOf, typeSlug } from './statement.ts';
import { findToken } from './token.ts';
import { requireSigningConfig, type TrustFlags, trustOf, trustPath } from './trust.ts';

export interface SignFlags extends TrustFlags {
  readonly identityTokenFile?: string;
  readonly identityToken?: string;
  readonly bundle?: string;
  readonly force?: boolean;
  readonly output: OutputFormat;
}

export interface AttestFlags extends SignFlags {
  readonly predicate: string;
  readonly type: string;
}

/** A predicate larger than this makes a bundle that nobody reads. */
const MAX_PREDICATE_LENGTH = 16 << 20;

interface Prepared {
  readonly context: SignContext;
  readonly force: boolean;
  /** Where the token came from, for people. */
  readonly source: string;
}

/** Everything that can be wrong on this machine is found before a service is called. */
function prepare(path: string, flags: SignFlags, io: Io): Prepared {
  const force = flags.force ?? false;
  requireWritable(path, force);
  const trust = trustOf(flags);
  const signingConfig = requireSigningConfig(trust, trustPath(flags));
  const { token, source, visible } = findToken({
    ...(flags.identityTokenFile === undefined ? {} : { file: flags.identityTokenFile }),
    ...(flags.identityToken === undefined ? {} : { flag: flags.identityToken }),
    env: io.env,
  });
  if (visible) {
    warn(io, 'a token in --identity-token is visible to every process of this machine');
  }
  const context: SignContext = {
    trustedRoot: trust.trustedRoot,
    signingConfig,
    token,
    crypto: nodeCrypto,
    clock: systemClock,
    http: systemHttp,
    random: (length) => new Uint8Array(randomBytes(length)),
  };
  return { context, force, source };
}

interface Shown {
  readonly verb: string;
  readonly file: string;
  readonly path: string;
  readonly source: string;
  readonly signed: Signed;
}

function show(io: Io, format: OutputFormat, { verb, file, path, source, signed }: Shown): void {
  const { identity, times, entries } = signed.verification;
  const signedAt = times.map(({ timeMs }) => new Date(timeMs).toISOString());
  if (format === 'json') {
    const result = {
      file,
      bundle: path,
      identity: identity?.name,
      issuer: identity?.issuer,
      signedAt,
      tokenSource: source,
      logEntries: entries.map(({ origin, index }) => ({ log: origin, index })),
    };
    io.out(`${JSON.stringify(result, null, 2)}\n`);
    return;
  }
  io.out(`${verb} ${file}\n`);
  io.out(
    columns([
      ['signer', identity?.name ?? ''],
      ['issuer', identity?.issuer ?? ''],
      ['token', `from ${source}`],
      ['time', signedAt.join(', ')],
      ['log entry', entries.map(({ origin, index }) => `${index} of ${origin}`).join(', ')],
      ['bundle', path],
    ]),
  );
}

/** @throws CodedError; then no bundle was written */
export async function runSign(file: string, flags: SignFlags, io: Io): Promise<void> {
  const path = flags.bundle ?? `${file}.sigstore.json`;
  const { context, force, source } = prepare(path, flags, io);
  // A file that cannot be read is found before a certificate is asked for.
  requireReadable(file);
  const signed = await signArtifact(context, readChunks(file));
  writeWhole(path, `${serializeBundle(signed.bundle)}\n`, force);
  show(io, flags.output, { verb: 'Signed', file, path, source, signed });
}

/** @throws CodedError; then no bundle was written */
export async function runAttest(file: string, flags: AttestFlags, io: Io): Promise<void> {
  const predicateType = predicateTypeOf(flags.type);
  const path = flags.bundle ?? `${file}.${typeSlug(flags.type)}.sigstore.json`;
  const { context, force, source } = prepare(path, flags, io);
  const { sha256 = new Uint8Array() } = await hashFile(file, ['sha256']);
  const predicate = readBounded(flags.predicate, MAX_PREDICATE_LENGTH);
  const subject = { name: basename(file), sha256 };
  const statement = coded('USAGE', `--predicate ${flags.predicate}`, () =>
    buildStatement(subject, predicateType, predicate),
  );
  const signed = await signStatement(context, statement, { digests: { sha256 } });
  writeWhole(path, `${serializeBundle(signed.bundle)}\n`, force);
  show(io, flags.output, { verb: 'Attested', file, path, source, signed });
}
