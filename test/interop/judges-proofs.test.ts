// SPDX-License-Identifier: Apache-2.0
// Proofs of our log, right and wrong, and paths of tiles before golang.org/x/mod/sumdb/tlog.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { base64 } from '../../services/core/bytes.ts';
import { ParseError } from '../../services/core/errors.ts';
import { verifyConsistency, verifyInclusion } from '../../services/core/merkle.ts';
import { parseTilePath, TILE_WIDTH, type TileId, tilePath } from '../../services/core/tile.ts';
import type { Log } from '../../services/log/log.ts';
import { nodeCrypto } from '../../services/runtime/crypto.ts';
import { append, type Bench, bench, leafOf } from '../log/harness.ts';
import { type Chance, chance } from './corpus-random.ts';
import { have, PROGRAMS } from './support/cache.ts';
import { askJudge } from './support/judges.ts';

/** Every pair of numbers up to here, and then the edges of tiles and others at random. */
const SMALL = 48;
const ENTRIES = 3000;
const EDGES = [63, 64, 65, 127, 128, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 2048, ENTRIES];
const RANDOM = 1500;
const FORGED_ONE_IN = 4;

interface Proof {
  readonly kind: 'inclusion' | 'consistency';
  readonly size: number;
  readonly root: Uint8Array;
  /** Of the leaf, or the old size. */
  readonly index: number;
  /** Hash of the leaf, or old root. */
  readonly leaf: Uint8Array;
  readonly proof: readonly Uint8Array[];
}

interface Answer {
  readonly taken: boolean;
  readonly level: number;
  readonly n: number;
  readonly width: number;
  readonly path?: string;
  readonly root?: string;
}

const ask = (questions: readonly object[]) =>
  askJudge<Answer>(PROGRAMS['judge-proofs'], [], {}, questions);

const asked = ({ root, leaf, proof, ...rest }: Proof) => ({
  ...rest,
  root: base64(root),
  leaf: base64(leaf),
  proof: proof.map(base64),
});

/** Whether ours takes it. */
function taken({ kind, size, root, index, leaf, proof }: Proof): boolean {
  try {
    if (kind === 'inclusion')
      verifyInclusion(nodeCrypto, { index, size, root, leafHash: leaf, proof });
    else
      verifyConsistency(nodeCrypto, {
        first: index,
        second: size,
        firstRoot: leaf,
        secondRoot: root,
        proof,
      });
    return true;
  } catch {
    return false;
  }
}

/** Pairs low < high: all small ones, edges with each other, others at random. */
function pairs(drawn: Chance): Array<readonly [low: number, high: number]> {
  const all: Array<readonly [number, number]> = [];
  for (let high = 1; high <= SMALL; high++)
    for (let low = 0; low < high; low++) all.push([low, high]);
  for (const high of EDGES)
    for (const low of [0, 1, ...EDGES].filter((edge) => edge < high))
      all.push([low, high], [high - 1, high]);
  for (let i = 0; i < RANDOM; i++) {
    const high = 1 + drawn.below(ENTRIES);
    all.push([drawn.below(high), high]);
  }
  return all;
}

const bitFlipped = (hash: Uint8Array | undefined) =>
  (hash ?? new Uint8Array(32)).map((octet, i) => (i === 0 ? octet ^ 1 : octet));
const exchanged = (list: readonly Uint8Array[], at: number, hash: Uint8Array) =>
  list.map((old, i) => (i === at ? hash : old));

/** What a forger may try; undefined where the proof has no such part. */
const FORGERIES: Readonly<Record<string, (proof: Proof, drawn: Chance) => Proof | undefined>> = {
  'a hash altered'(proof, drawn) {
    const at = drawn.below(proof.proof.length);
    if (proof.proof.length === 0) return undefined;
    return { ...proof, proof: exchanged(proof.proof, at, bitFlipped(proof.proof[at])) };
  },
  'the last hash gone': (proof) =>
    proof.proof.length === 0 ? undefined : { ...proof, proof: proof.proof.slice(0, -1) },
  'the first hash gone': (proof) =>
    proof.proof.length === 0 ? undefined : { ...proof, proof: proof.proof.slice(1) },
  'a hash too many': (proof) => ({ ...proof, proof: [...proof.proof, proof.root] }),
  'the root in front': (proof) => ({ ...proof, proof: [proof.root, ...proof.proof] }),
  'the order reversed': (proof) =>
    proof.proof.length < 2 ? undefined : { ...proof, proof: proof.proof.toReversed() },
  'a short hash': (proof) =>
    proof.proof.length === 0
      ? undefined
      : { ...proof, proof: exchanged(proof.proof, 0, new Uint8Array(31)) },
  'another root': (proof) => ({ ...proof, root: bitFlipped(proof.root) }),
  'another leaf': (proof) => ({ ...proof, leaf: bitFlipped(proof.leaf) }),
  'the next index': (proof) => ({ ...proof, index: proof.index + 1 }),
  'the index before': (proof) => ({ ...proof, index: proof.index - 1 }),
  'the size for the index': (proof) => ({ ...proof, index: proof.size }),
  'no size': (proof) => ({ ...proof, size: 0 }),
};
/** The proof may hold for the other tree as well: where it does is for the judge to say. */
const OTHER_SIZES: Readonly<Record<string, (proof: Proof) => Proof>> = {
  'a size more': (proof) => ({ ...proof, size: proof.size + 1 }),
  'a size less': (proof) => ({ ...proof, size: proof.size - 1 }),
  'twice the size': (proof) => ({ ...proof, size: 2 * proof.size }),
};

describe.runIf(have('judge-proofs'))('proofs of the log', () => {
  const leaves = Array.from({ length: ENTRIES }, (_, i) => leafOf(`entry ${i}`));
  let place: Bench;
  let log: Log;
  let proofs: Proof[];
  beforeAll(async () => {
    place = bench();
    log = await place.open();
    // One after the other: the index is the number.
    for (let i = 0; i < ENTRIES; i += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, at) => append(log, `entry ${i + at}`)));
    }
    proofs = pairs(chance('proofs')).flatMap(([low, high]) => proofsOf(low, high));
  });
  afterAll(() => place.remove());

  function proofsOf(low: number, high: number): Proof[] {
    const common = { size: high, root: log.rootAt(high), index: low };
    const leaf = leaves[low]?.leafHash ?? new Uint8Array();
    const inclusion = { ...common, leaf, proof: log.inclusionProof(low, high) };
    // tlog knows no empty tree.
    if (low === 0) return [{ kind: 'inclusion', ...inclusion }];
    const consistency = {
      ...common,
      leaf: log.rootAt(low),
      proof: log.consistencyProof(low, high),
    };
    return [
      { kind: 'inclusion', ...inclusion },
      { kind: 'consistency', ...consistency },
    ];
  }

  it('are taken', async () => {
    const answers = await ask(proofs.map(asked));
    expect(proofs.length).toBeGreaterThan(4000);
    expect(proofs.filter((proof, i) => !answers[i]?.taken || !taken(proof))).toEqual([]);
  });

  it('are refused by both when they are forged', async () => {
    const drawn = chance('forgeries');
    const forged = proofs
      .filter((_, i) => i % FORGED_ONE_IN === 0)
      .flatMap((proof) =>
        Object.entries(FORGERIES).flatMap(([name, forge]) => {
          const found = forge(proof, drawn);
          return found === undefined ? [] : [{ name, found }];
        }),
      );
    const answers = await ask(forged.map(({ found }) => asked(found)));
    const taking = forged.filter(({ found }, i) => answers[i]?.taken || taken(found));
    expect(new Set(taking.map(({ name, found }) => `${found.kind}: ${name}`))).toEqual(new Set());
  });

  it('are judged alike for trees of other sizes', async () => {
    const others = proofs.flatMap((proof) => Object.values(OTHER_SIZES).map((of) => of(proof)));
    const answers = await ask(others.map(asked));
    const apart = others.filter((proof, i) => answers[i]?.taken !== taken(proof));
    expect(apart.map(({ kind, index, size }) => `${kind} ${index} in ${size}`)).toEqual([]);
    expect(answers.some((answer) => answer.taken)).toBe(true);
  });

  it('have the roots that tlog folds from the leaves', async () => {
    const sizes = [1, 2, 3, 5, 8, 255, 256, 257, 1000, ENTRIES];
    const hashes = leaves.map(({ leafHash }) => base64(leafHash));
    const answers = await ask(
      sizes.map((size) => ({ kind: 'root', leaves: hashes.slice(0, size) })),
    );
    expect(answers.map(({ root }) => root)).toEqual(sizes.map((size) => base64(log.rootAt(size))));
  });
});

/** tlog has the height of its tiles in front, and `data` for bundles. */
const foreign = (path: string) => `tile/8/${path}`;

const MALFORMED = {
  'an empty path': '',
  'no level': '000',
  'a level with a leading zero': '00/000',
  'a negative level': '-1/000',
  'one digit': '0/1',
  'four digits': '0/0001',
  'a leading group of zeros': '0/x000/001',
  'a group without x': '0/001/067',
  'an x on the last group': '0/x001/x067',
  'an x of its own': '0/x/067',
  'a big X': '0/X001/067',
  'no number': '0/',
  'a sign': '0/+01',
  'a width of 0': '0/000.p/0',
  'a width with a leading zero': '0/000.p/01',
  'the width of a full tile': '0/000.p/256',
  'a width beyond': '0/000.p/257',
  'no width': '0/000.p/',
  'two widths': '0/000.p/1.p/1',
  'a slash at the end': '0/000/',
  'a number that no double holds': '0/x999/x999/x999/x999/x999/x999/999',
  'a directory up': '0/../000',
  'other digits': '0/٠٠٠',
};

describe.runIf(have('judge-proofs'))('paths of tiles', () => {
  const drawn = chance('tiles');
  const numbers = [0, 1, 999, 1000, 1001, 999_999, 1_000_000, 1_234_067, 2 ** 40 - 1];
  const ids: TileId[] = [
    ...numbers,
    ...Array.from({ length: 300 }, () => drawn.below(2 ** 31)),
  ].flatMap((n): TileId[] => {
    const width = drawn.pick([1, 9, 10, 99, 255, TILE_WIDTH, 1 + drawn.below(TILE_WIDTH)]);
    return [
      { kind: 'hash', level: drawn.below(64), n, width },
      { kind: 'entries', n, width },
    ];
  });

  it('are written and read alike', async () => {
    const paths = ids.map((id) => tilePath(id, 'data'));
    const answers = await ask(paths.map((path) => ({ kind: 'path', path: foreign(path) })));
    const read = answers.map(
      ({ level, n, width }): TileId =>
        level < 0 ? { kind: 'entries', n, width } : { kind: 'hash', level, n, width },
    );
    expect(read).toEqual(ids);
    expect(paths.map((path) => parseTilePath(path, 'data'))).toEqual(ids);
    expect(answers.map(({ path }) => path)).toEqual(paths.map(foreign));
  });

  it('are refused by both when they are malformed', async () => {
    const paths = Object.values(MALFORMED);
    const answers = await ask(paths.map((path) => ({ kind: 'path', path: foreign(path) })));
    expect(paths.filter((_, i) => answers[i]?.taken)).toEqual([]);
  });

  it.each(Object.entries(MALFORMED))('are refused with %s', (_, path) => {
    expect(() => parseTilePath(path, 'data')).toThrow(ParseError);
  });
});
