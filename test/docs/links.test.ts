// SPDX-License-Identifier: Apache-2.0
// Nothing that the documents or the code point to is missing.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allDocuments, anchors, links, readDocument } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';

const OUTSIDE = /^(https?|mailto):/;
/** Paths of the checkout as text names them; a name with a placeholder is none. */
const CHECKOUT_PATH = /^(services|test|docs|scripts|bench|\.ci)\/[\w./-]*$/;

function fault(from: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#');
  const file = path === '' ? from : normalize(join(dirname(from), path));
  if (!existsSync(join(ROOT, file))) return `${file} does not exist`;
  if (anchor === undefined) return undefined;
  return anchors(readDocument(file)).has(anchor) ? undefined : `${file} has no #${anchor}`;
}

describe.each(allDocuments().map((document) => ({ document, path: document.path })))(
  '$path',
  ({ document }) => {
    it('links to what exists', () => {
      const faults = links(document)
        .filter(({ target }) => !OUTSIDE.test(target))
        .map(({ line, target }) => ({ line, fault: fault(document.path, target) }))
        .filter((found) => found.fault !== undefined);
      expect(faults).toEqual([]);
    });

    it('names files of the checkout that exist', () => {
      const missing = [...document.prose.join('\n').matchAll(/`([^`\n]+)`/g)]
        .map((match) => match[1] ?? '')
        .filter((path) => CHECKOUT_PATH.test(path) && !existsSync(join(ROOT, path)));
      expect(missing).toEqual([]);
    });
  },
);

describe('documents named in the code', () => {
  const sources = readdirSync(join(ROOT, 'services'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join('services', name));

  it('exist, with the anchor that is named', () => {
    const faults = sources.flatMap((source) =>
      [...readFileSync(join(ROOT, source), 'utf8').matchAll(/\bdocs\/[\w-]+\.md(#[\w-]+)?/g)]
        .map(([target]) => fault('README.md', target))
        .filter((found) => found !== undefined)
        .map((found) => `${source}: ${found}`),
    );
    expect(faults).toEqual([]);
  });

  it('can be found from the README in two steps', () => {
    const step = (paths: Iterable<string>) =>
      [...paths].flatMap((from) =>
        links(readDocument(from))
          .map(({ target }) => target.split('#')[0] ?? '')
          .filter((target) => !OUTSIDE.test(target) && target.endsWith('.md'))
          .map((target) => normalize(join(dirname(from), target))),
      );
    const first = new Set(['README.md', ...step(['README.md'])]);
    const reached = new Set([...first, ...step(first)]);
    const all = allDocuments().map(({ path }) => path);
    expect(all.filter((path) => !reached.has(path))).toEqual([]);
  });
});
