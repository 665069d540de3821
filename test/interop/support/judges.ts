// SPDX-License-Identifier: Apache-2.0
// Judges that read a setting and questions as lines of JSON and answer each in a line: one process,
// however many questions.
import { spawn } from 'node:child_process';
import { base64 } from '../../../services/core/bytes.ts';
import type { Facts } from '../corpus-facts.ts';
import { INTEROP, PROGRAMS } from './cache.ts';

const TIMEOUT_MS = 110_000;

/** @throws Error when the judge ends otherwise than with 0, or leaves a question without an answer */
export async function askJudge<Verdict>(
  command: string,
  args: readonly string[],
  setting: object,
  questions: readonly object[],
): Promise<Verdict[]> {
  const child = spawn(command, args, { stdio: 'pipe', timeout: TIMEOUT_MS });
  const out: string[] = [];
  const err: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => out.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => err.push(text));
  const status = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  // A judge that gives up early shows why on stderr.
  child.stdin.on('error', () => {});
  child.stdin.end([setting, ...questions].map((value) => `${JSON.stringify(value)}\n`).join(''));
  const ended = await status;
  const lines = out.join('').split('\n').filter(Boolean);
  if (ended !== 0 || lines.length !== questions.length) {
    const found = `${lines.length} of ${questions.length} answers`;
    throw new Error(`${command} ended with ${ended}, ${found}\n${err.join('')}`);
  }
  return lines.map((line) => JSON.parse(line) as Verdict);
}

export interface Path {
  /** Issuing certificate first, root last; DER. */
  readonly chain: readonly Uint8Array[];
  readonly atMs: number;
  /** SPKI of the CT log, DER. */
  readonly ctlogKey: Uint8Array;
}

export interface ForeignVerdict {
  readonly trusted: boolean;
  readonly reason?: string;
  readonly facts?: Facts;
}

export interface GoVerdict extends ForeignVerdict {
  /** Every embedded SCT verifies under the key of the CT log. */
  readonly sct: boolean;
  /** Lints of zlint that found something; null where none was asked for. */
  readonly lints: readonly string[] | null;
}

const ders = (list: readonly Uint8Array[]) => list.map((der) => ({ der: base64(der) }));

export function judgeByGo(path: Path, list: readonly Uint8Array[], lint: boolean) {
  const { chain, atMs, ctlogKey } = path;
  const setting = { chain: chain.map(base64), atMs, ctlogKey: base64(ctlogKey) };
  const questions = ders(list).map((question) => ({ ...question, lint }));
  return askJudge<GoVerdict>(PROGRAMS['judge-certificates'], [], setting, questions);
}

export function judgeByPyca({ chain, atMs }: Path, list: readonly Uint8Array[]) {
  const script = `${INTEROP}/python/judge_certificates.py`;
  const setting = { chain: chain.map(base64), atMs };
  return askJudge<ForeignVerdict>(PROGRAMS.pyca, [script], setting, ders(list));
}
