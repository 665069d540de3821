// SPDX-License-Identifier: Apache-2.0
// Parsers of log entries and of identity tokens.
import { issuerConfig } from '../../../services/ca/issuer-config.ts';
import { tokenVerifier } from '../../../services/ca/token.ts';
import { readToken } from '../../../services/client/token.ts';
import { base64, base64url, utf8 } from '../../../services/core/bytes.ts';
import { buildHashedRekord, parseEntryBody } from '../../../services/core/entry.ts';
import { findEntryKind } from '../../../services/core/entry-body.ts';
import { ParseError } from '../../../services/core/errors.ts';
import { canonicalJson, parseJson } from '../../../services/core/json.ts';
import { pem } from '../../../services/core/pem.ts';
import { growJson, growText } from '../support/growth.ts';
import { jsonTree, mutateJson } from '../support/json-tree.ts';
import type { Random } from '../support/random.ts';
import { binarySeeds, jsonSeeds, SEED_KEY, textSeeds } from '../support/seeds.ts';
import { holds, sameBytes, type Target } from '../support/target.ts';
import { type Grammar, mutateText } from '../support/text-edits.ts';

import { textOf } from '../support/text-target.ts';

const bodies = textSeeds('entryBody').map((text) => jsonTree(JSON.parse(text)));

function checkBody(text: string): void {
  const { hash, keyDetails, ...entry } = parseEntryBody(utf8(text));
  if (!('digest' in entry)) return;
  sameBytes(buildHashedRekord({ ...entry, algorithm: { keyDetails, hash } }), utf8(text), 'body');
}

const keyPem = pem('PUBLIC KEY', binarySeeds('spki')[0] ?? new Uint8Array(1));
const encoded = base64(utf8(keyPem));
const payloadHash = { algorithm: 'sha256', value: 'ab'.repeat(32) };
const body = (apiVersion: string, kind: string, spec: unknown) =>
  jsonTree({ apiVersion, kind, spec });
/** Kinds of older logs, beside the one of today. */
const olderBodies = [
  ...bodies,
  body('0.0.1', 'hashedrekord', {
    data: { hash: payloadHash },
    signature: { content: 'AAAA', publicKey: { content: encoded } },
  }),
  body('0.0.1', 'dsse', {
    envelopeHash: payloadHash,
    payloadHash,
    signatures: [{ signature: 'AAAA', verifier: encoded }],
  }),
  body('0.0.2', 'intoto', {
    content: {
      envelope: { payloadType: 'a/b', signatures: [{ publicKey: encoded, sig: 'QUFBQQ==' }] },
      hash: payloadHash,
      payloadHash,
    },
  }),
  body('0.0.1', 'intoto', { content: { hash: payloadHash, payloadHash }, publicKey: encoded }),
];

/** In canonical form, for nothing else is looked into. */
function makeOlderBody(random: Random): string {
  const text = mutateJson(random, olderBodies);
  try {
    return canonicalJson(parseJson(text));
  } catch {
    return text;
  }
}

function checkAnyBody(text: string): void {
  const { kind, apiVersion } =
    /"apiVersion":"(?<apiVersion>[^"]*)","kind":"(?<kind>[^"]*)"/.exec(text)?.groups ?? {};
  const row = findEntryKind(kind ?? '', apiVersion ?? '');
  if (row === undefined) throw new ParseError('unknown kind');
  const { digest, verifier } = row.read(utf8(text));
  holds(row.api === 2 || digest.length >= 32, 'a digest of another length');
  holds(Object.keys(verifier).length === 1, 'a claim without its parts');
}

const claims = jsonSeeds('claims');
const HEADERS = [{ alg: 'EdDSA', kid: 'k', typ: 'JWT' }, { alg: 'none' }, { alg: 'RS256' }].map(
  jsonTree,
);
const tokens: Grammar = {
  seeds: textSeeds('token'),
  words: ['', 'e30', 'W10', 'bnVsbA', 'AAAA', '_-', '=', 'a'.repeat(33_000)],
  separator: '.',
};

function makeToken(random: Random): string {
  if (random.chance(0.3)) return mutateText(random, tokens);
  const part = (text: string) => base64url(utf8(text.toWellFormed()));
  const header = part(mutateJson(random, HEADERS.slice(0, random.chance(0.8) ? 1 : 3)));
  const signature = random.pick(tokens.seeds).split('.')[2];
  return `${header}.${part(mutateJson(random, claims))}.${signature}`;
}

const keys = { jwks: { keys: [SEED_KEY] } };
const issuers = [
  { url: 'https://email.test', type: 'email', ...keys },
  { url: 'https://cluster.test', type: 'kubernetes', ...keys },
  { url: 'https://github.test', type: 'ci-provider', provider: 'github', ...keys },
  { url: 'https://*.test', type: 'email', jwksUrl: undefined },
].map((issuer) => issuerConfig.parse(issuer));
/** When the tokens of the seeds were made. */
const NOW = Date.UTC(2026, 5, 1, 12);
const silent = { info() {}, warn() {}, error() {} };
const verify = tokenVerifier(issuers.slice(0, 3), () => NOW, silent, {});

const isToken = (text: string) => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text);
const tokenTarget = (name: string, parse: (text: string) => unknown): Target => ({
  name,
  make: makeToken,
  outer: (input) => isToken(textOf(input)),
  parse: (input) => parse(textOf(input)),
  grow: growText(tokens),
});

export const entryTargets: readonly Target[] = [
  {
    name: 'log entry body',
    make: (random) => mutateJson(random, bodies),
    outer: (input) => textOf(input).startsWith('{') && textOf(input).endsWith('}'),
    parse: (input) => checkBody(textOf(input)),
    grow: growJson(bodies),
  },
  {
    name: 'log entry body, older kinds',
    make: makeOlderBody,
    outer: (input) => textOf(input).startsWith('{') && textOf(input).endsWith('}'),
    parse: (input) => checkAnyBody(textOf(input)),
    grow: growJson(olderBodies.slice(-2)),
  },
  tokenTarget('identity token, client', (text) => readToken(text)),
  tokenTarget('identity token, CA', (text) => verify(text)),
];
