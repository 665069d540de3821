// SPDX-License-Identifier: Apache-2.0
// A thousand certificates of our CA, and thousands that are wrong in one way, before four judges:
// ours, Go (crypto/x509, certificate-transparency-go, zlint), pyca/cryptography and OpenSSL.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TemporaryDirectory, temporaryDirectory } from '../support/stack.ts';
import { ourJudge, type Verdict } from './corpus-facts.ts';
import { ISSUER_TYPES } from './corpus-identities.ts';
import { type Corpus, type Issued, issueCorpus, pathOf } from './corpus-issue.ts';
import { type Mutant, mutantsOf, walkedMutantsOf } from './corpus-mutate.ts';
import { judgeByOpenssl, textsOf } from './corpus-openssl.ts';
import { expectedText, partsOfText } from './corpus-text.ts';
import { have, INTEROP } from './support/cache.ts';
import { type Workplace, workplace } from './support/commands.ts';
import { type ForeignVerdict, judgeByGo, judgeByPyca, type Path } from './support/judges.ts';

const COUNT = 1000;

let corpus: Corpus;
let path: Path;
let directory: TemporaryDirectory;
let place: Workplace;
beforeAll(async () => {
  directory = temporaryDirectory();
  place = workplace(directory.path);
  corpus = await issueCorpus(COUNT);
  path = pathOf(corpus.harness);
});
afterAll(async () => {
  await corpus.close();
  directory.remove();
});

/** Differences in words, so that a failure names certificate and field. */
function differences(ours: readonly Verdict[], theirs: readonly ForeignVerdict[]): string[] {
  return corpus.issued.flatMap(({ type, keyName }, i) => {
    const [a, b] = [ours[i], theirs[i]];
    const who = `${i} (${type}, ${keyName})`;
    if (!a?.trusted || !b?.trusted) return [`${who}: ours ${a?.reason}, theirs ${b?.reason}`];
    const fields = Object.keys(a.facts ?? {}) as Array<keyof typeof a.facts>;
    return fields
      .filter((field) => JSON.stringify(a.facts?.[field]) !== JSON.stringify(b.facts?.[field]))
      .map((field) => `${who}: ${field} differs`);
  });
}

describe.runIf(have('judge-certificates', 'pyca', 'openssl'))('certificates of our CA', () => {
  const ders = () => corpus.issued.map(({ der }) => der);
  let ours: Verdict[];
  beforeAll(() => {
    ours = ders().map(ourJudge(path.chain, path.atMs));
  });

  it('are of every type of issuer and of key', () => {
    const kinds = new Set(corpus.issued.map(({ type, keyName }) => `${type} ${keyName}`));
    expect(kinds.size).toBe(ISSUER_TYPES.length * 7);
    expect(new Set(corpus.issued.map(({ der }) => der.length)).size).toBeGreaterThan(COUNT / 2);
  });

  it('are read alike by Go, which finds their SCTs good and nothing to lint', async () => {
    const theirs = await judgeByGo(path, ders(), true);
    expect(differences(ours, theirs)).toEqual([]);
    expect(theirs.filter(({ sct }) => !sct)).toEqual([]);
    expect(theirs.flatMap(({ lints }) => lints ?? ['not linted'])).toEqual([]);
  });

  it('are read alike by pyca', async () => {
    expect(differences(ours, await judgeByPyca(path, ders()))).toEqual([]);
  });

  it('are taken and shown alike by OpenSSL', async () => {
    const verdicts = await judgeByOpenssl(place, path, ders());
    expect(verdicts.filter(({ trusted }) => !trusted)).toEqual([]);
    const texts = await textsOf(place, ders());
    for (const [i, text] of texts.entries()) {
      const { facts } = ours[i] ?? {};
      if (facts === undefined) throw new Error(`certificate ${i} does not parse`);
      expect(partsOfText(text)).toEqual(expectedText(facts));
    }
  });
});

const JUDGES = ['ours', 'go', 'pyca', 'openssl'] as const;
type Judge = (typeof JUDGES)[number];

interface Difference {
  readonly takes: readonly Judge[];
  readonly why: string;
  readonly mutations: readonly string[];
}

/** As Go 1.26, pyca/cryptography 50 and OpenSSL 3.0 judge: newer ones may need rows of their own. */
const table: readonly Difference[] = JSON.parse(
  readFileSync(join(INTEROP, 'data', 'certificate-differences.json'), 'utf8'),
);

/** Issued for a mail address, a workflow, a user name, each to P-256; and for a mail address to RSA. */
const BASES = [0, 2, 13, 45];

describe.runIf(have('judge-certificates', 'pyca', 'openssl'))('certificates that are wrong', () => {
  let mutants: Mutant[];
  let verdicts: Readonly<Record<Judge, ReadonlyArray<ForeignVerdict>>>;
  beforeAll(async () => {
    const sign = (tbs: Uint8Array) => corpus.harness.options.signer.sign(tbs);
    const base = (i: number): Issued => {
      const found = corpus.issued[i];
      if (found === undefined) throw new Error(`no certificate ${i}`);
      return found;
    };
    const made = [
      ...BASES.map((i) => mutantsOf(base(i).der, sign)),
      ...[0, 13].map((i) => walkedMutantsOf(base(i).der, sign)),
    ];
    mutants = (await Promise.all(made)).flat();
    const ders = mutants.map(({ der }) => der);
    const [go, pyca, openssl] = await Promise.all([
      judgeByGo(path, ders, false),
      judgeByPyca(path, ders),
      judgeByOpenssl(place, path, ders),
    ]);
    verdicts = { ours: ders.map(ourJudge(path.chain, path.atMs)), go, pyca, openssl };
  });

  const takers = (i: number) => JUDGES.filter((judge) => verdicts[judge][i]?.trusted);
  const isWalked = (name: string) => name.startsWith('anywhere');

  it('are thousands, of which the unaltered are taken by all', () => {
    expect(mutants.length).toBeGreaterThan(3000);
    const whole = mutants.flatMap(({ name }, i) => (name === 'certificate: as issued' ? [i] : []));
    expect(whole).toHaveLength(BASES.length);
    for (const i of whole) expect(takers(i)).toEqual(JUDGES);
  });

  it('are never taken by ours alone', () => {
    const alone = mutants.filter((_, i) => takers(i).join() === 'ours').map(({ name }) => name);
    expect([...new Set(alone)]).toEqual([]);
  });

  it('are read alike by all who take them', () => {
    const confused = mutants.flatMap(({ name }, i) =>
      (['go', 'pyca'] as const)
        .filter((judge) => verdicts.ours[i]?.trusted && verdicts[judge][i]?.trusted)
        .filter(
          (judge) =>
            JSON.stringify(verdicts[judge][i]?.facts) !== JSON.stringify(verdicts.ours[i]?.facts),
        )
        .map((judge) => `${judge}: ${name}`),
    );
    expect([...new Set(confused)]).toEqual([]);
  });

  /** Every judgement that is not that of all; of walked mutants those that ours takes. */
  it('are judged alike, but for what the table explains', () => {
    const found = new Set<string>();
    mutants.forEach(({ name }, i) => {
      const takes = takers(i);
      if (takes.length === 0 || takes.length === JUDGES.length) return;
      if (!isWalked(name) || takes.includes('ours')) found.add(`${name} | ${takes.join(' ')}`);
    });
    const explained = table.flatMap(({ takes, mutations }) =>
      mutations.map((name) => `${name} | ${takes.join(' ')}`),
    );
    expect([...found].sort()).toEqual(explained.sort());
  });

  it.each([
    ['serial: zero', 'e_serial_number_not_positive'],
    ['key usage: zero bits at its end', 'e_incorrect_ku_encoding'],
    ['validity: ends in 2049, as GeneralizedTime', 'e_wrong_time_format_pre2050'],
    ['serial: 21 octets', 'e_serial_number_longer_than_20_octets'],
    ['name: not critical', 'e_ext_san_not_critical_without_subject'],
  ])('are found by zlint, and their SCT is none: %s', async (wanted, lint) => {
    const found = mutants.find(({ name }) => name === wanted);
    if (found === undefined) throw new Error(`no ${wanted}`);
    const [verdict] = await judgeByGo(path, [found.der], true);
    expect(verdict).toMatchObject({ sct: false, lints: expect.arrayContaining([lint]) });
  });

  it('have a reason for each difference', () => {
    for (const { why, mutations } of table) {
      expect(why.length, mutations.join()).toBeGreaterThan(20);
    }
  });
});
