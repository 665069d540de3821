// SPDX-License-Identifier: Apache-2.0
// Tables of the documents are compared with what they describe.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { configJsonSchema, merge } from '../../services/runtime/config.ts';
import { judgeStackConfig, stackConfig } from '../../services/stack/config.ts';
import { allDocuments, codes, readDocument, tableUnder } from '../support/documents.ts';
import { ROOT } from '../support/stack.ts';

const operating = readDocument('docs/operating.md');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

interface Schema {
  readonly properties?: Record<string, Schema>;
  readonly items?: Schema;
  readonly default?: unknown;
}

/** Settings by path; `[]` = each of a list. Free-form values are one setting. */
function settings(schema: Schema, path = ''): Array<[path: string, standard: unknown]> {
  const below = (name: string) => (path === '' ? name : `${path}.${name}`);
  if (schema.properties !== undefined && !path.endsWith('.jwks')) {
    return Object.entries(schema.properties).flatMap(([name, item]) => settings(item, below(name)));
  }
  if (schema.items?.properties !== undefined) {
    return [[path, schema.default], ...settings(schema.items, `${path}[]`)];
  }
  return [[path, schema.default]];
}

describe('docs/operating.md: settings', () => {
  const rows = tableUnder(operating, 'Settings').map(([key, ...rest]) => ({
    key: codes(key)[0] ?? '',
    rest,
  }));
  const wanted = settings(configJsonSchema(stackConfig) as Schema);

  it('has every setting of the schema and no other', () => {
    expect(rows.map(({ key }) => key).sort()).toEqual(wanted.map(([key]) => key).sort());
  });

  it.each(wanted)('says meaning, form and default of %s', (key, standard) => {
    const [meaning = '', form = '', shown] = rows.find((row) => row.key === key)?.rest ?? [];
    expect([meaning.length > 10, form.length > 2]).toEqual([true, true]);
    const [text] = codes(shown);
    expect(text === undefined ? undefined : JSON.stringify(parseYaml(text))).toBe(
      standard === undefined ? undefined : JSON.stringify(standard),
    );
  });
});

describe('configurations in the documents', () => {
  const base = {
    url: 'https://sigstore.corp.example',
    origin: 'sigstore.corp.example',
    ca: { issuers: [{ url: 'https://login.corp.example', type: 'email' }] },
  };
  const found = allDocuments().flatMap(({ path, blocks }) =>
    blocks
      .filter(({ language }) => language === 'yaml')
      .map((block) => ({ where: `${path}:${block.line}`, text: block.text })),
  );

  it.each(found)('$where is one that the schema takes', ({ text }) => {
    expect(judgeStackConfig(merge(base, parseYaml(text)))).toBeTypeOf('object');
  });

  it('are there', () => expect(found.length).toBeGreaterThan(0));
});

describe('docs/operating.md: metrics', () => {
  const sources = readdirSync(join(ROOT, 'services'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => read(join('services', name)))
    .join('\n');
  const made = [
    ...sources.matchAll(
      /\.(?:counter|gauge|histogram)\(\s*['`]((?:http|fulcio|sigstead)_[\w${}]+)['`]/g,
    ),
  ].flatMap(([, name = '']) => ['tlog', 'ctlog'].map((log) => name.replace(/\$\{name\}/, log)));

  it('has every metric and no other', () => {
    const shown = tableUnder(operating, 'Metrics').flatMap(([name]) => codes(name));
    expect([...shown].sort()).toEqual([...new Set(made)].sort());
  });
});

describe('docs/map.md: rooms', () => {
  it('has every room and no other', () => {
    const rooms = readdirSync(join(ROOT, 'services'));
    const shown = tableUnder(readDocument('docs/map.md'), 'Rooms').flatMap(([name]) => codes(name));
    expect(shown.map((name) => name.replace(/^services\/|\/$/g, '')).sort()).toEqual(rooms.sort());
  });
});

describe('README.md', () => {
  it('fits one screen and a half', () => {
    const lines = read('README.md').trimEnd().split('\n');
    expect(lines.length).toBeLessThanOrEqual(75);
    expect(lines.filter((line) => line.length > 120)).toEqual([]);
  });
});
