// SPDX-License-Identifier: Apache-2.0
// Every cell of the tables of docs/compatibility.md is run: who signs × who verifies.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { have } from './support/cache.ts';
import type { Result } from './support/commands.ts';
import {
  bundlesOf,
  cannot,
  gridUnder,
  REASONS,
  type Refusal,
  refusalsOf,
} from './support/compatibility.ts';
import {
  ALTERATIONS,
  CONTENTS,
  type Content,
  type Produced,
  produce,
  type Verifier,
  verifyAltered,
  verifyGood,
} from './support/matrix.ts';
import { openStrangers, type Scene } from './support/scene.ts';

let desk: Scene;
let foreign: Scene;
beforeAll(async () => {
  [desk, foreign] = await openStrangers();
});
afterAll(() => Promise.all([desk.close(), foreign.close()]));

/** A client that does not verify what it should: for a known reason, or in its own words. */
function judgeRefused({ output }: Result): string {
  const reason = REASONS.find(({ words }) => words.some((word) => output.includes(word)));
  return reason === undefined ? `no: ${output}` : cannot(reason.name);
}

/** Empty when the alteration is refused as expected. */
function judgeAltered(name: string, { status, output }: Result, expected: Refusal = {}): string {
  if (status === 0) {
    return expected.reason === undefined ? `accepts: ${name}` : cannot(expected.reason);
  }
  if (expected.words !== undefined && output.includes(expected.words)) return '';
  return `${name}: ${output}`;
}

/** Runs a cell and says what should stand in it. */
async function runCell(content: Content, verifier: Verifier, of: Produced): Promise<string> {
  const good = await verifyGood(desk, verifier, of);
  if (good.status !== 0) return judgeRefused(good);
  const refusals = refusalsOf(verifier.name);
  const found = await Promise.all(
    ALTERATIONS(content).map(async (alteration) => {
      const result = await verifyAltered({ desk, foreign }, verifier, of, alteration);
      return judgeAltered(alteration.name, result, refusals.get(alteration.name));
    }),
  );
  return ['yes', ...found.filter(Boolean)].join('; ');
}

function bundleVersion({ bundle }: Produced): string {
  const { mediaType } = JSON.parse(readFileSync(bundle, 'utf8'));
  return `v${/(?:bundle\.v|version=)([\d.]+)/.exec(mediaType)?.[1]}`.replace(/\.$/, '');
}

describe.each(CONTENTS)('$name', (content) => {
  const { name, producers, verifiers } = content;
  const expected = gridUnder(name);

  it('has a row for each signer and a column for each verifier', () => {
    expect(expected.rows).toEqual(producers.map((producer) => producer.name));
    expect(expected.columns).toEqual(verifiers.map((verifier) => verifier.name));
  });

  describe.each(producers.filter(({ tools }) => have('package', ...tools)))(
    'signed by $name',
    (producer) => {
      let made: Produced;
      beforeAll(async () => {
        made = await produce(desk, content, producer);
      });

      it('as a bundle of the version that the document names', () => {
        // A client with a flag has the row of the client.
        const [client = ''] = producer.name.split(' --');
        expect(bundlesOf(client)[CONTENTS.indexOf(content)]).toBe(bundleVersion(made));
      });

      const present = verifiers.filter(({ tools }) => have(...tools));
      it.each(present)('and verified by $name', async (verifier) => {
        const found = await runCell(content, verifier, made);
        expect(found).toBe(expected.cell(producer.name, verifier.name));
      });
    },
  );
});
