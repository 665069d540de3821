// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileProvider } from '../../services/ca/provider.ts';
import { compileTemplate } from '../../services/ca/template.ts';
import { CodedError } from '../../services/core/errors.ts';

interface Vectors {
  claims: Record<string, string>;
  good: Array<[string, string]>;
  missing: string[];
  invalid: string[];
}

const file = join(import.meta.dirname, '../vectors/ca/templates.json');
const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
const claims = new Map(Object.entries(vectors.claims));

function code(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return error instanceof CodedError ? error.code : `${error}`;
  }
  return 'none';
}

describe('a template', () => {
  it.each(vectors.good)('%s gives %s', (source, value) => {
    expect(compileTemplate(source)(claims)).toBe(value);
  });

  it.each(vectors.missing)('%s misses a claim', (source) => {
    const template = compileTemplate(source);
    expect(code(() => template(claims))).toBe('IDENTITY_TEMPLATE');
  });

  it.each(vectors.invalid)('%s is refused', (source) => {
    expect(code(() => compileTemplate(source))).toBe('CONFIG_INVALID');
  });

  it('finds no claim in prototypes', () => {
    expect(code(() => compileTemplate('constructor')(claims))).toBe('IDENTITY_TEMPLATE');
  });
});

describe('a provider', () => {
  it('takes numbers and both names of extensions, ignores those of the CA itself', () => {
    const provider = compileProvider({
      subjectTemplate: 'a',
      extensionTemplates: {
        'build-signer-digest': 'ref',
        BuildSignerURI: 'a',
        12: 'a',
        Issuer: 'forged',
        subject: 'forged',
      },
    });
    expect(provider.extensions.map(({ number }) => number)).toEqual([9, 10, 12]);
  });

  it('refuses two templates for one extension', () => {
    const extensionTemplates = { BuildSignerURI: 'a', 9: 'a' };
    expect(code(() => compileProvider({ subjectTemplate: 'a', extensionTemplates }))).toBe(
      'CONFIG_INVALID',
    );
  });

  it('keeps the address of a preset out of reach of claims', () => {
    const provider = compileProvider({ provider: 'github', providerUrl: 'https://ghe.example/' });
    const forged = new Map([
      ['job_workflow_ref', 'o/r/w@ref'],
      ['url', 'https://evil.example'],
    ]);
    expect(provider.subject(forged)).toBe('https://ghe.example/o/r/w@ref');
  });
});
