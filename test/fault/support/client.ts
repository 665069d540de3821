// SPDX-License-Identifier: Apache-2.0
// A client in a process of its own: keeps many requests in flight until its server is gone, and
// syncs each answer to a file. Tells its parent when it is in full swing, and at the end how many
// requests were cut off.
//
//   node client.ts URL RECORDS CONCURRENCY
import { createHash, randomBytes, randomInt } from 'node:crypto';
import {
  type Answer,
  certificateBody,
  devToken,
  entryBody,
  httpClient,
  newKeyPair,
  PATHS,
  TYPES,
  timestampQuery,
} from '../../support/requests.ts';
import { openRecorder, type Record } from './records.ts';

export const CLIENT_IDENTITY = 'load@example.com';

export type Message =
  | { readonly type: 'swing' }
  | {
      readonly type: 'end';
      /** Requests without a whole answer. */
      readonly cut: number;
      readonly answered: number;
      /** Answers other than success: there must be none. */
      readonly refused: readonly string[];
    };

interface Call {
  readonly send: () => Promise<Answer>;
  readonly keep: (body: Buffer) => Record;
}

const [url = '', recordsFile = '', concurrency = ''] = process.argv.slice(2);
const http = httpClient(url, Number(concurrency));
const recorder = openRecorder(recordsFile);
const key = newKeyPair();
const token = await devToken(url, CLIENT_IDENTITY);

function entryCall(): Call {
  const request = entryBody(key);
  return {
    send: () => http.post(PATHS.entry, TYPES.entry, request),
    keep: (body) => ({ kind: 'entry', request, answer: body.toString() }),
  };
}

function certificateCall(): Call {
  const request = certificateBody(key, token, CLIENT_IDENTITY);
  return {
    send: () => http.post(PATHS.certificate, TYPES.certificate, request),
    keep: (body) => ({ kind: 'certificate', answer: body.toString() }),
  };
}

function stampCall(): Call {
  const digest = createHash('sha256').update(randomBytes(16)).digest();
  return {
    send: () => http.post(PATHS.stamp, TYPES.stamp, timestampQuery(digest)),
    keep: (body) => ({
      kind: 'stamp',
      digest: digest.toString('base64'),
      reply: body.toString('base64'),
    }),
  };
}

function checkpointCall(): Call {
  const log = randomInt(2) === 0 ? 'tlog' : 'ctlog';
  const path = log === 'tlog' ? '/api/v2/checkpoint' : '/ctlog/checkpoint';
  return {
    send: () => http.get(path),
    keep: (body) => ({ kind: 'checkpoint', log, note: body.toString() }),
  };
}

/** Of 100 calls. */
const MIX: ReadonlyArray<readonly [number, () => Call]> = [
  [50, entryCall],
  [30, certificateCall],
  [15, stampCall],
  [5, checkpointCall],
];

function nextCall(): Call {
  let dice = randomInt(100);
  for (const [share, make] of MIX) {
    if (dice < share) return make();
    dice -= share;
  }
  return entryCall();
}

/** Written by work() alone. */
const tally = { answered: 0, cut: 0, refused: [] as string[] };

async function work(): Promise<void> {
  for (;;) {
    const call = nextCall();
    let answer: Answer;
    try {
      answer = await call.send();
    } catch {
      tally.cut++;
      return;
    }
    if (answer.status < 200 || answer.status > 299) {
      tally.refused.push(`${answer.status} ${answer.body.toString().slice(0, 200)}`);
      return;
    }
    recorder.record(call.keep(answer.body));
    tally.answered++;
    if (tally.answered === Number(concurrency)) process.send?.({ type: 'swing' } satisfies Message);
  }
}

await Promise.all(Array.from({ length: Number(concurrency) }, work));
recorder.close();
http.close();
process.send?.({ type: 'end', ...tally } satisfies Message);
process.disconnect?.();
