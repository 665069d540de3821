// SPDX-License-Identifier: Apache-2.0
// Parsers of documents in JSON. What parses is written again, and that parses to the same.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { identityReader } from '../../../services/ca/identity.ts';
import { issuerConfig } from '../../../services/ca/issuer-config.ts';
import { parseV1Request, parseV2Request } from '../../../services/ca/request.ts';
import { parseBundle, parseLogEntry, serializeBundle } from '../../../services/core/bundle.ts';
import { base64, utf8 } from '../../../services/core/bytes.ts';
import { parseEnvelope, parseStatement } from '../../../services/core/dsse.ts';
import { CodedError, ParseError } from '../../../services/core/errors.ts';
import {
  canonicalJson,
  isJsonObject,
  type Json,
  olpcJson,
  parseJson,
} from '../../../services/core/json.ts';
import { ProtoMessage } from '../../../services/core/protojson.ts';
import {
  buildClientTrustConfig,
  parseClientTrustConfig,
  parseSigningConfig,
  serializeSigningConfig,
} from '../../../services/core/signing-config.ts';
import { parseTrustedRoot, serializeTrustedRoot } from '../../../services/core/trust.ts';
import {
  type Metadata,
  parseRoot,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
} from '../../../services/core/tuf.ts';
import { sealMetadata } from '../../../services/core/tuf-build.ts';
import { nodeCrypto } from '../../../services/runtime/crypto.ts';
import { parseRequest } from '../../../services/tlog/request.ts';
import { readJsonRequest } from '../../../services/tsa/request.ts';
import { growJson } from '../support/growth.ts';
import { type JsonNode, jsonTree, mutateJson } from '../support/json-tree.ts';
import { jsonSeeds } from '../support/seeds.ts';
import { Find, holds, type Input, sameBytes, type Target } from '../support/target.ts';

const textOf = (input: Input) =>
  typeof input === 'string' ? input : Buffer.from(input).toString('utf8');

function isJson(input: Input): boolean {
  try {
    JSON.parse(textOf(input));
    return true;
  } catch {
    return false;
  }
}

function jsonTarget(
  name: string,
  seeds: readonly JsonNode[],
  parse: (text: string) => unknown,
): Target {
  return {
    name,
    make: (random) => mutateJson(random, seeds),
    outer: isJson,
    parse: (input) => parse(textOf(input)),
    grow: growJson(seeds),
  };
}

/** Written once the document has its canonical form; written again it stays so. */
function settles<T>(parse: (text: string) => T, write: (value: T) => string) {
  return (text: string) => {
    const first = write(parse(text));
    const again = parse(first);
    holds(write(again) === first, 'written again it differs');
  };
}

// --- JSON itself ---

/** Faults that JSON.parse does not mind. */
const STRICTER =
  /duplicate name|unpaired surrogate|nested deeper|out of range|longer than|not valid UTF-8/;

function accepted<T>(read: () => T): { readonly value: T } | undefined {
  try {
    return { value: read() };
  } catch (error) {
    if (error instanceof ParseError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function hasBigInt(value: Json): boolean {
  if (typeof value === 'bigint') return true;
  if (Array.isArray(value)) return value.some(hasBigInt);
  return isJsonObject(value) && Object.values(value).some(hasBigInt);
}

function checkJson(text: string): void {
  const theirs = accepted((): unknown => JSON.parse(text));
  let ours: Json;
  try {
    ours = parseJson(text);
  } catch (error) {
    const known = error instanceof ParseError && STRICTER.test(error.message);
    holds(theirs === undefined || known, `JSON.parse reads it: ${error}`);
    throw error;
  }
  if (theirs === undefined) throw new Find('JSON.parse refuses it');
  if (!hasBigInt(ours)) {
    holds(JSON.stringify(ours) === JSON.stringify(theirs.value), 'JSON.parse reads another value');
  }
  const jcs = accepted(() => canonicalJson(ours))?.value;
  if (jcs !== undefined) {
    holds(canonicalJson(parseJson(jcs)) === jcs, 'JCS: written again it differs');
  }
  const olpc = accepted(() => olpcJson(ours))?.value;
  // Control characters stand raw in this form, so not every text of it is JSON.
  const back = olpc === undefined ? undefined : accepted(() => parseJson(olpc));
  if (back !== undefined) holds(olpcJson(back.value) === olpc, 'OLPC: written again it differs');
}

// --- protojson ---

const FIELDS = ['text', 'bytes', 'number', 'kind', 'list', 'oneA', 'oneB'];

function checkProto(text: string): void {
  const message = new ProtoMessage(parseJson(text), '', FIELDS);
  message.string('text');
  const bytes = message.bytes('bytes');
  holds(base64(bytes).length >= bytes.length, 'bytes');
  holds(Number.isSafeInteger(message.integer('number')), 'integer');
  message.enumNumber('kind', (name) => (name === 'KIND' ? 1 : undefined));
  message.list('list', 8);
  message.oneOf('oneA', 'oneB');
  message.message('oneA', ['text'])?.string('text');
}

const PROTO_SEED = {
  text: 'a',
  bytes: 'AAEC',
  number: '12',
  kind: 'KIND',
  list: ['a', { b: 1 }],
  oneA: { text: 'b' },
};

// --- DSSE ---

function checkEnvelope(text: string): void {
  const envelope = parseEnvelope(text);
  const again = JSON.stringify({
    payload: base64(envelope.payload),
    payloadType: envelope.payloadType,
    signatures: envelope.signatures.map(({ sig, keyid }) => ({ sig: base64(sig), keyid })),
  });
  holds(isDeepStrictEqual(parseEnvelope(again), envelope), 'envelope: written again it differs');
}

function checkStatement(text: string): void {
  const { type, predicateType, subjects, predicate } = parseStatement(utf8(text));
  const canonical = accepted(() => canonicalJson(predicate ?? null))?.value;
  if (canonical === undefined) return;
  const head = {
    _type: type,
    predicateType,
    subject: subjects.map(({ name, digest }) => ({ name, digest: Object.fromEntries(digest) })),
  };
  const again = `${JSON.stringify(head).slice(0, -1)},"predicate":${canonical}}`;
  const second = parseStatement(utf8(again));
  const names = subjects.every(({ digest }) => !digest.has('__proto__'));
  holds(
    !names || isDeepStrictEqual(second.subjects, subjects),
    'subjects: written again they differ',
  );
}

// --- TUF ---

function tufTarget(name: string, seeds: string, parse: (bytes: Uint8Array) => Metadata): Target {
  return jsonTarget(name, jsonSeeds(seeds), (text) => {
    const metadata = parse(utf8(text));
    const signatures = [...metadata.signatures].map(([keyid, signature]) => ({ keyid, signature }));
    const again = parse(sealMetadata(metadata.signed, signatures));
    sameBytes(again.canonical, metadata.canonical, 'what is signed');
    const facts = ({ version, expiresMs }: Metadata) => `${version} ${expiresMs}`;
    holds(facts(again) === facts(metadata), 'written again it says something else');
    holds(isDeepStrictEqual(again.signatures, metadata.signatures), 'signatures differ');
  });
}

// --- claims ---

const identities = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../vectors/ca/identities.json'), 'utf8'),
) as { good: Array<[string, Record<string, unknown>, Record<string, unknown>]> };
const issuer = (settings: Record<string, unknown>) =>
  identityReader(issuerConfig.parse({ url: 'https://login.corp.example', ...settings }));
const READERS = [
  issuer({ type: 'email', issuerClaim: '$.federated_claims.connector_id' }),
  issuer({ type: 'kubernetes' }),
  issuer({ type: 'ci-provider', provider: 'github' }),
  issuer({ type: 'ci-provider', provider: 'gitlab' }),
  ...identities.good.map(([, settings]) => issuer(settings)),
];
const claims = [...jsonSeeds('claims'), ...identities.good.map(([, , value]) => jsonTree(value))];

/** Every reader of identities sees the claims; one that takes them is enough. */
function checkClaims(text: string): void {
  const body = parseJson(text, { maxDepth: 16 });
  if (!isJsonObject(body)) throw new ParseError('claims are not an object');
  const faults: unknown[] = [];
  for (const read of READERS) {
    try {
      const { issuer: iss, render } = read(body);
      const { altName, extensions } = render();
      holds(iss !== '' && altName.value !== '', 'an empty identity');
      holds(
        extensions.every(({ value }) => value.isWellFormed()),
        'an extension is no text',
      );
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      faults.push(error);
    }
  }
  if (faults.length === READERS.length) throw faults[0];
}

const everything = [
  ...jsonSeeds('trustedRoot'),
  ...jsonSeeds('tufRoot'),
  ...jsonSeeds('statement'),
  ...jsonSeeds('claims'),
];

export const jsonTargets: readonly Target[] = [
  jsonTarget('JSON, JCS, OLPC', everything, checkJson),
  jsonTarget('protojson', [jsonTree(PROTO_SEED)], checkProto),
  jsonTarget('bundle', jsonSeeds('bundle'), settles(parseBundle, serializeBundle)),
  jsonTarget('log entry', jsonSeeds('logEntry'), (text) => parseLogEntry(text)),
  jsonTarget('DSSE envelope', jsonSeeds('envelope'), checkEnvelope),
  jsonTarget('in-toto statement', jsonSeeds('statement'), checkStatement),
  jsonTarget(
    'trusted root',
    jsonSeeds('trustedRoot'),
    settles(parseTrustedRoot, serializeTrustedRoot),
  ),
  jsonTarget(
    'signing config',
    jsonSeeds('signingConfig'),
    settles(parseSigningConfig, serializeSigningConfig),
  ),
  jsonTarget(
    'client trust config',
    jsonSeeds('clientTrustConfig'),
    settles(parseClientTrustConfig, (both) =>
      buildClientTrustConfig(both.trustedRoot, both.signingConfig),
    ),
  ),
  tufTarget('TUF root', 'tufRoot', (bytes) => parseRoot(nodeCrypto, bytes)),
  tufTarget('TUF timestamp', 'tufTimestamp', (bytes) => parseTimestamp(bytes)),
  tufTarget('TUF snapshot', 'tufSnapshot', (bytes) => parseSnapshot(bytes, 'snapshot.json')),
  tufTarget('TUF targets', 'tufTargets', (bytes) => parseTargets(bytes, 'targets.json')),
  jsonTarget('certificate request, v2', jsonSeeds('certificateRequest'), (text) =>
    parseV2Request(utf8(text)),
  ),
  jsonTarget('certificate request, v1', jsonSeeds('legacyRequest'), (text) =>
    parseV1Request(utf8(text)),
  ),
  jsonTarget('log entry request', jsonSeeds('entryRequest'), (text) => parseRequest(utf8(text))),
  jsonTarget('timestamp request, JSON', jsonSeeds('stampRequest'), (text) =>
    readJsonRequest(utf8(text)),
  ),
  jsonTarget('claims of a token', claims, checkClaims),
];
