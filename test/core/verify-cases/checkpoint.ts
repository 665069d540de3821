// SPDX-License-Identifier: Apache-2.0
// Checkpoints of Rekor v2: signed notes of the log, under its host name, of the tree of the proof.
import { base64 } from '../../../services/core/bytes.ts';
import type { EntryRecipe } from '../../support/sigstore/log.ts';
import { cosignature, noteLine, postQuantumLine } from '../../support/sigstore/note.ts';
import {
  type Case,
  entry,
  fail,
  flip,
  main,
  pass,
  proofJson,
  rogue,
  SIGNED,
  shortened,
  under,
  ZEROS,
} from './common.ts';

const HOST = main.log.host;
const note = (name: string, change: (text: string) => string) =>
  fail('CHECKPOINT_INVALID', name, entry({ note: change }));
const malformedNote = (name: string, change: (text: string) => string) =>
  fail('CHECKPOINT_MALFORMED', name, entry({ note: change }));
const malformed = (name: string, change: (envelope: string) => string) =>
  fail('CHECKPOINT_MALFORMED', name, entry({ envelope: change }));
const invalid = (name: string, recipe: EntryRecipe) =>
  fail('CHECKPOINT_INVALID', name, entry(recipe));

const witness = (name: string, text: string) => cosignature(name, text, SIGNED);
const lines = (make: (own: string, text: string) => readonly string[]) => entry({ lines: make });
const many = (count: number) => (text: string) =>
  Array.from({ length: count }, (_, i) => witness(`w${i}.test`, text));
const other = noteLine(HOST, Uint8Array.of(9, 9, 9, 9), new Uint8Array(64).fill(1));
const unknownType = noteLine('odd.test', Uint8Array.of(6, 6, 6, 6), Uint8Array.of(6));

const LINES = under('the log signs in any line; unknown signatures are passed over', [
  pass('checkpoint signed by the log alone'),
  pass(
    'checkpoint with a cosigner',
    lines((own, text) => [own, witness('w.test', text)]),
  ),
  pass(
    'checkpoint with a cosigner first',
    lines((own, text) => [witness('w.test', text), own]),
  ),
  pass(
    'checkpoint with 16 cosigners',
    lines((own, text) => [own, ...many(16)(text)]),
  ),
  pass(
    'checkpoint with 63 cosigners before the log',
    lines((own, text) => [...many(63)(text), own]),
  ),
  pass(
    'checkpoint with a post-quantum cosigner',
    lines((own) => [own, postQuantumLine('pq.test')]),
  ),
  pass(
    'checkpoint with a signature of an unknown type',
    lines((own) => [unknownType, own]),
  ),
  pass(
    'checkpoint with a second key of the log first',
    lines((own) => [other, own]),
  ),
  pass(
    'checkpoint with a second key of the log behind',
    lines((own) => [own, other]),
  ),
  pass(
    'checkpoint signed twice by the log',
    lines((own, text) => [own, witness('w.test', text), own]),
  ),
  pass(
    'checkpoint with a witness of the log’s hint',
    lines((own) => [noteLine('w.test', hintOfLog(own), new Uint8Array(72)), own]),
  ),
  pass(
    'checkpoint with a line of the log’s name and no more',
    lines((own) => [noteLine(HOST, Uint8Array.of(0, 0, 0, 1), Uint8Array.of(0)), own]),
  ),
]);

function hintOfLog(own: string): Uint8Array {
  return Buffer.from(own.split(' ')[2] ?? '', 'base64').subarray(0, 4);
}

const SIGNATURES = under('name, hint and signature of the log, over exactly this text', [
  invalid('checkpoint signed by another key', { noteKey: rogue }),
  invalid('checkpoint with a wrong hint', { hint: Uint8Array.of(0, 0, 0, 0) }),
  invalid('checkpoint signed under another name', { noteName: 'other.test' }),
  invalid('checkpoint signed under the name in capitals', { noteName: HOST.toUpperCase() }),
  invalid('checkpoint signed under the name with a port', { noteName: `${HOST}:8400` }),
  invalid('checkpoint signed under the base URL', { noteName: `https://${HOST}` }),
  invalid('checkpoint with a cosigner alone', { lines: (_, text) => [witness('w.test', text)] }),
  invalid('checkpoint whose name is a pattern', { noteName: '.*' }),
  invalid('second signature of the log, damaged', {
    lines: (own) => [own, noteLine(HOST, hintOfLog(own), new Uint8Array(70).fill(7))],
  }),
  invalid('first signature of the log, damaged', {
    lines: (own) => [noteLine(HOST, hintOfLog(own), new Uint8Array(70).fill(7)), own],
  }),
  invalid('checkpoint altered after it was signed: size', {
    envelope: (text) => text.replace('\n6\n', '\n7\n'),
  }),
  invalid('checkpoint altered after it was signed: line added', {
    envelope: (text) => text.replace('\n\n', '\nmore\n\n'),
  }),
  invalid('checkpoint signed without its last newline', {
    noteSignature: main.log.key.sign(new TextEncoder().encode(`${HOST}\n6`)),
  }),
]);

const ORIGINS = under('the origin is the bare host name of the log', [
  note('origin of another log', (text) => text.replace(HOST, 'other.test')),
  invalid('origin of another log, signed under its name', {
    note: (text) => text.replace(HOST, 'other.test'),
    noteName: 'other.test',
  }),
  note('origin of Rekor v1', (text) => text.replace(HOST, `${HOST} - 1193050959916656506`)),
  note('origin in capitals', (text) => text.replace(HOST, HOST.toUpperCase())),
  note('origin with a port', (text) => text.replace(HOST, `${HOST}:8400`)),
  note('origin with a scheme', (text) => text.replace(HOST, `https://${HOST}`)),
  note('origin with a path', (text) => text.replace(HOST, `${HOST}/`)),
  note('origin with a space behind', (text) => text.replace(HOST, `${HOST} `)),
  note('origin that begins so', (text) => text.replace(HOST, `${HOST}.evil.test`)),
]);

const TREES = under('size and root are those of the proof', [
  fail(
    'CHECKPOINT_INVALID',
    'another tree size in the proof',
    proofJson((p) => Object.assign(p, { treeSize: '7' })),
  ),
  fail(
    'CHECKPOINT_INVALID',
    'tree size 0 in the proof',
    proofJson((p) => Object.assign(p, { treeSize: '0' })),
  ),
  fail(
    'CHECKPOINT_INVALID',
    'another root in the proof',
    proofJson((p) => Object.assign(p, { rootHash: flip(p.rootHash) })),
  ),
  fail(
    'CHECKPOINT_INVALID',
    'root of the proof cut off',
    proofJson((p) => Object.assign(p, { rootHash: p.rootHash.slice(0, 40) })),
  ),
  note('checkpoint of another size', (text) => text.replace('\n6\n', '\n7\n')),
  note('checkpoint of size 0', (text) => text.replace('\n6\n', '\n0\n')),
  note('checkpoint of another root', (text) => text.replace(/\n.{44}\n$/, `\n${base64(ZEROS)}\n`)),
  fail('INCLUSION_PROOF_INVALID', 'checkpoint and proof of another tree', {
    entries: [
      {
        note: (text) => text.replace(/\n.{44}\n$/, `\n${base64(ZEROS)}\n`),
        change: (e) => Object.assign(e.inclusionProof ?? {}, { rootHash: base64(ZEROS) }),
      },
    ],
  }),
]);

const EXTENSIONS = under('extension lines are signed and mean nothing', [
  pass(
    'checkpoint with a Timestamp line',
    entry({ note: (text) => `${text}Timestamp: 1717243205000000000\n` }),
  ),
  pass('checkpoint of a frozen log', entry({ note: (text) => `${text}Log frozen — 2026-06-01\n` })),
  pass('checkpoint with two extension lines', entry({ note: (text) => `${text}one\ntwo\n` })),
]);

const TEXT = under('origin, size and root in three lines', [
  malformedNote('checkpoint without an origin', (text) => text.slice(text.indexOf('\n') + 1)),
  malformedNote('checkpoint with an empty origin', (text) => text.slice(text.indexOf('\n'))),
  malformedNote('checkpoint without a size', (text) => text.replace('\n6\n', '\n')),
  malformedNote('checkpoint with an empty size', (text) => text.replace('\n6\n', '\n \n')),
  malformedNote('size with a leading zero', (text) => text.replace('\n6\n', '\n06\n')),
  malformedNote('size with a plus', (text) => text.replace('\n6\n', '\n+6\n')),
  malformedNote('negative size', (text) => text.replace('\n6\n', '\n-6\n')),
  malformedNote('size in hexadecimal', (text) => text.replace('\n6\n', '\n0x6\n')),
  malformedNote('size beyond 2^53', (text) => text.replace('\n6\n', '\n9007199254740993\n')),
  malformedNote('size beyond 2^64', (text) => text.replace('\n6\n', '\n18446744073709551622\n')),
  malformedNote(
    'checkpoint without a root',
    (text) => `${text.split('\n').slice(0, 2).join('\n')}\n`,
  ),
  malformedNote('root of 31 octets', (text) =>
    text.replace(/\n.{44}\n$/, `\n${base64(new Uint8Array(31))}\n`),
  ),
  malformedNote('root without padding', (text) => text.replace(/=\n$/, '\n')),
  malformedNote('root in hexadecimal', (text) =>
    text.replace(/\n.{44}\n$/, `\n${'ab'.repeat(32)}\n`),
  ),
  malformedNote('control character behind the size', (text) => text.replace('\n6\n', '\n6\r\n')),
  malformedNote('control character in an extension line', (text) => `${text}one\ttwo\n`),
  malformedNote('C1 control character in an extension line', (text) => `${text}one\u0085two\n`),
  malformedNote('DEL in an extension line', (text) => `${text}one\u007ftwo\n`),
]);

const NOTES = under('one blank line, then well-formed signature lines, each ended by a newline', [
  malformed('checkpoint without a signature', (text) => text.slice(0, text.indexOf('\n\n') + 2)),
  malformed('checkpoint without a blank line', (text) => text.replace('\n\n', '\n')),
  malformed('two blank lines', (text) => text.replace('\n\n', '\n\n\n')),
  malformed('second blank line between signatures', (text) => `${text}\n${other}`),
  malformed('blank line at the end', (text) => `${text}\n`),
  malformed('no newline at the end', (text) => text.slice(0, -1)),
  malformed('lines that end in CRLF', (text) => text.replaceAll('\n', '\r\n')),
  malformed('hyphen in place of the dash', (text) => text.replace('—', '-')),
  malformed('en dash in place of the dash', (text) => text.replace('—', '–')),
  malformed('no space behind the dash', (text) => text.replace('— ', '—')),
  malformed('two spaces behind the dash', (text) => text.replace('— ', '—  ')),
  malformed('signature line without a name', (text) => text.replace(`— ${HOST} `, '— ')),
  malformed('signature name with a plus', (text) => text.replace(`— ${HOST}`, '— log+test')),
  malformed('signature name with a space', (text) => text.replace(`— ${HOST}`, '— log test')),
  malformed('signature that is no base64', (text) => text.replace(/.{4}\n$/, '!!!!\n')),
  malformed('signature without padding', (text) => text.replace(/ [^ ]*\n$/, ' AAAAAAA\n')),
  malformed('signature of four octets', (text) => text.replace(/ [^ ]*\n$/, ' AAAAAA==\n')),
  malformed('damaged signature line of a cosigner', (text) => `${text}— w.test !\n`),
  malformed('text behind the signatures', (text) => `${text}more\n`),
  fail(
    'CHECKPOINT_MALFORMED',
    'checkpoint with 65 signatures',
    lines((own, text) => [own, ...many(64)(text)]),
  ),
  fail(
    'BUNDLE_MALFORMED',
    'half a surrogate pair in the checkpoint',
    entry({ envelope: (text) => text.replace('\n\n', '\ud800\n\n') }),
  ),
]);

export function checkpointCases(): Case[] {
  return shortened([
    ...LINES,
    ...SIGNATURES,
    ...ORIGINS,
    ...TREES,
    ...EXTENSIONS,
    ...TEXT,
    ...NOTES,
  ]);
}
