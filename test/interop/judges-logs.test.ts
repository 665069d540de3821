// SPDX-License-Identifier: Apache-2.0
// Tessera's fsck derives both logs anew from their entries; a flipped octet anywhere must show.
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base64, hex, utf8 } from '../../services/core/bytes.ts';
import { leafHash } from '../../services/core/merkle.ts';
import { ensureSigner } from '../../services/runtime/keys.ts';
import { newKeyPair } from '../support/requests.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../support/stack.ts';
import { bench, ORIGIN } from '../tlog/harness.ts';
import { type Corpus, issueCorpus } from './corpus-issue.ts';
import { have, PROGRAMS } from './support/cache.ts';
import { type Result, run, type Workplace, workplace } from './support/commands.ts';
import { mirror } from './support/mirror.ts';

/** A full tile and a partial one at levels 0 and 1, a partial one at level 2. */
const ENTRIES = 66_000;
const AT_ONCE = 2000;
/** Two full data tiles and a partial one. */
const CERTIFICATES = 600;
const CT_ORIGIN = 'ca.corp.example/ctlog';

const WHOLE = 0;
const DAMAGED = 1;
const UNABLE = 2;
/** Spread over a data tile: into keys, names, precertificates, signatures, fingerprints. */
const SPOTS = 40;

const sha256 = (data: Uint8Array) => new Uint8Array(createHash('sha256').update(data).digest());

interface Copy {
  readonly kind: 'tlog' | 'ct';
  readonly origin: string;
  readonly spki: Uint8Array;
  readonly directory: string;
  readonly paths: readonly string[];
}

let place: Workplace;

function judge({ kind, origin, spki, directory }: Copy): Promise<Result> {
  const where = ['-kind', kind, '-source', directory, '-origin', origin];
  return run(place, PROGRAMS['judge-log'], [...where, '-key', base64(spki)]);
}

/** Judges the copy with one file changed, and puts the file back. */
async function judgeChanged(
  copy: Copy,
  path: string,
  change: (content: Buffer) => Uint8Array | undefined,
): Promise<Result> {
  const file = join(copy.directory, path);
  const content = readFileSync(file);
  const changed = change(Buffer.from(content));
  if (changed === undefined) rmSync(file);
  else writeFileSync(file, changed);
  try {
    return await judge(copy);
  } finally {
    writeFileSync(file, content);
  }
}

const flipped = (share: number) => (content: Buffer) => {
  const at = Math.min(Math.floor(content.length * share), content.length - 1);
  content.writeUInt8(content.readUInt8(at) ^ 1, at);
  return content;
};

/** The one path that a pattern means: the first. */
function pathLike({ paths }: Copy, pattern: RegExp): string {
  const found = paths.find((path) => pattern.test(path));
  if (found === undefined) throw new Error(`no ${pattern}`);
  return found;
}

/** An octet at the start, in the middle and at the end; an octet more, one less. */
const DAMAGES: ReadonlyArray<(content: Buffer) => Uint8Array> = [
  flipped(0),
  flipped(0.5),
  flipped(1),
  (content) => Buffer.concat([content, Buffer.alloc(1)]),
  (content) => content.subarray(0, -1),
];

/** Every damage to the file, in turn; and the file is gone. */
async function expectDamage(copy: Copy, pattern: RegExp): Promise<void> {
  const path = pathLike(copy, pattern);
  for (const [i, damage] of DAMAGES.entries()) {
    const { status, output } = await judgeChanged(copy, path, damage);
    expect(status, `${path}, damage ${i}: ${output}`).toBe(DAMAGED);
  }
  const { status } = await judgeChanged(copy, path, () => undefined);
  expect(status, `${path} is gone`).toBe(path === 'checkpoint' ? UNABLE : DAMAGED);
}

async function expectWhole(copy: Copy): Promise<void> {
  expect(await judge(copy)).toMatchObject({ status: WHOLE, stdout: 'whole\n' });
}

/** Under another key or another name no checkpoint is good. */
async function expectOneOwner(copy: Copy): Promise<void> {
  const { spki } = newKeyPair();
  expect((await judge({ ...copy, spki })).status).toBe(DAMAGED);
  expect((await judge({ ...copy, origin: 'other.example' })).status).toBe(DAMAGED);
}

let directory: TemporaryDirectory;
beforeAll(() => {
  directory = temporaryDirectory();
  place = workplace(directory.path);
});
afterAll(() => directory.remove());

describe.runIf(have('judge-log'))('the transparency log', () => {
  const log = bench();
  let copy: Copy;
  beforeAll(async () => {
    const tlog = await log.open({ queueLimit: AT_ONCE });
    const append = (i: number) => {
      const data = utf8(`entry ${i}`);
      return tlog.log.append({ build: () => ({ data, leafHash: leafHash(sha256, data) }) });
    };
    for (let start = 0; start < ENTRIES; start += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => append(start + i)));
    }
    const where = join(directory.path, 'tlog');
    const source = { routes: tlog.routes, prefix: '/api/v2/', bundles: 'entries' } as const;
    const paths = await mirror({ ...source, size: tlog.log.head().size }, where);
    const { spki } = ensureSigner(join(log.directory, 'key.pem'));
    copy = { kind: 'tlog', origin: ORIGIN, spki, directory: where, paths };
    await tlog.close();
  });
  afterAll(() => log.remove());

  it('is whole', () => expectWhole(copy));

  it.each([
    ['a full tile of level 0', /^tile\/0\/000$/],
    ['the last full tile of level 0', /^tile\/0\/256$/],
    ['the partial tile of level 0', /^tile\/0\/257\.p\/208$/],
    ['the full tile of level 1', /^tile\/1\/000$/],
    ['the partial tile of level 1', /^tile\/1\/001\.p\/1$/],
    ['the partial tile of level 2', /^tile\/2\/000\.p\/1$/],
    ['a full bundle', /^tile\/entries\/000$/],
    ['the partial bundle', /^tile\/entries\/257\.p\/208$/],
    ['the checkpoint', /^checkpoint$/],
  ])('is damaged where %s is', (_, pattern) => expectDamage(copy, pattern));

  it('is that of one key and one name', () => expectOneOwner(copy));

  it('cannot be judged where there is none', async () => {
    expect((await judge({ ...copy, directory: join(directory.path, 'none') })).status).toBe(UNABLE);
    expect((await judge({ ...copy, directory: 'http://127.0.0.1:1/' })).status).toBe(UNABLE);
  });
});

describe.runIf(have('judge-log'))('the CT log', () => {
  let corpus: Corpus;
  let copy: Copy;
  beforeAll(async () => {
    corpus = await issueCorpus(CERTIFICATES);
    const { ctlog, chain, options } = corpus.harness;
    const where = join(directory.path, 'ct');
    const more = chain.map((der) => `issuer/${hex(sha256(der))}`);
    const source = { routes: ctlog.routes, prefix: '/ctlog/', bundles: 'data', more } as const;
    const paths = await mirror({ ...source, size: ctlog.log.head().size }, where);
    copy = { kind: 'ct', origin: CT_ORIGIN, spki: options.ctlogKey, directory: where, paths };
  });
  afterAll(() => corpus.close());

  it('is whole', () => expectWhole(copy));

  it.each([
    ['a full tile of level 0', /^tile\/0\/000$/],
    ['the partial tile of level 0', /^tile\/0\/002\.p\/88$/],
    ['the tile of level 1', /^tile\/1\/000\.p\/2$/],
    ['a full data tile', /^tile\/data\/001$/],
    ['the partial data tile', /^tile\/data\/002\.p\/88$/],
    ['the checkpoint', /^checkpoint$/],
    ['an issuer', /^issuer\//],
  ])('is damaged where %s is', (_, pattern) => expectDamage(copy, pattern));

  it('is damaged wherever an octet of a data tile is flipped', async () => {
    const path = pathLike(copy, /^tile\/data\/000$/);
    for (let i = 0; i < SPOTS; i++) {
      const { status, output } = await judgeChanged(copy, path, flipped((i + 0.5) / SPOTS));
      expect(status, `at ${i} of ${SPOTS}: ${output}`).toBe(DAMAGED);
    }
  });

  it('is that of one key and one name', () => expectOneOwner(copy));
});
