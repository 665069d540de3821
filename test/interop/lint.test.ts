// SPDX-License-Identifier: Apache-2.0
// zlint and pkilint on every kind of certificate that a stack makes. A finding is accepted only with
// a reason in data/accepted-lints.json, and a reason without a finding must go.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { devToken } from '../support/requests.ts';
import { have, INTEROP, PROGRAMS } from './support/cache.ts';
import { issue, timestampChain } from './support/certificates.ts';
import { ok, run } from './support/commands.ts';
import { openScene, type Scene } from './support/scene.ts';

const CERTIFICATES = ['leaf', 'intermediate', 'root', 'tsa-leaf', 'tsa-root'] as const;
type CertificateName = (typeof CERTIFICATES)[number];

interface Accepted {
  /** Name of the lint. */
  readonly lint: string;
  readonly certificates: readonly CertificateName[];
  readonly why: string;
}

const accepted: Readonly<Record<'zlint' | 'pkilint', readonly Accepted[]>> = JSON.parse(
  readFileSync(join(INTEROP, 'data', 'accepted-lints.json'), 'utf8'),
);

let scene: Scene;
let files: Readonly<Record<CertificateName, string>>;

beforeAll(async () => {
  scene = await openScene({ signs: false });
  const identity = 'release@example.com';
  const issued = await issue(scene, await devToken(scene.stack.url, identity), identity);
  const tsa = await timestampChain(scene);
  files = { ...issued, 'tsa-leaf': tsa.leaf, 'tsa-root': tsa.root };
});
afterAll(() => scene.close());

/** Lints that found something worse than a notice. */
async function zlint(file: string): Promise<string[]> {
  const { stdout } = await ok(run(scene.place, PROGRAMS.zlint, [file]));
  const results: Record<string, { result: string }> = JSON.parse(stdout);
  const bad = new Set(['warn', 'error', 'fatal']);
  return Object.keys(results).filter((name) => bad.has(results[name]?.result ?? ''));
}

async function pkilint(file: string): Promise<string[]> {
  const args = ['lint', '-s', 'WARNING', '-f', 'JSON', file];
  // Its status is the number of findings.
  const { stdout, output } = await run(scene.place, PROGRAMS.lint_pkix_cert, args);
  if (!stdout.startsWith('{')) throw new Error(output);
  const report: { results: Array<{ finding_descriptions: Array<{ code: string }> }> } =
    JSON.parse(stdout);
  return report.results.flatMap((result) => result.finding_descriptions.map(({ code }) => code));
}

const LINTERS = [
  { name: 'zlint', tool: 'zlint', lint: zlint },
  { name: 'pkilint', tool: 'lint_pkix_cert', lint: pkilint },
] as const;

for (const { name, tool, lint } of LINTERS) {
  describe.runIf(have(tool))(name, () => {
    it.each(CERTIFICATES)(
      'finds nothing but what is accepted in the %s certificate',
      async (which) => {
        const expected = accepted[name].filter((row) => row.certificates.includes(which));
        const found = [...new Set(await lint(files[which]))];
        expect(found.sort()).toEqual(expected.map((row) => row.lint).sort());
      },
    );
  });
}

describe('accepted findings', () => {
  it('have a reason each', () => {
    for (const row of [...accepted.zlint, ...accepted.pkilint]) {
      expect(row.why.length, row.lint).toBeGreaterThan(20);
    }
  });
});
