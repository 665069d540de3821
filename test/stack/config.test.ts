// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CodedError } from '../../services/core/errors.ts';
import {
  configFromEnvironment,
  configJsonSchema,
  maskSecrets,
  merge,
  readConfigFile,
} from '../../services/runtime/config.ts';
import { judgeStackConfig, stackConfig } from '../../services/stack/config.ts';

const directory = mkdtempSync(join(tmpdir(), 'sigstead-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, 'config');
  writeFileSync(path, text);
  return path;
}

function fault(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof CodedError) return `${error.code} ${error.field}`;
    throw error;
  }
  return 'none';
}

const GOOD = {
  url: 'https://sigstore.corp.example',
  origin: 'sigstore.corp.example',
  ca: { issuers: [{ url: 'https://login.corp.example', type: 'email' }] },
};

describe('configuration', () => {
  it('needs nothing for development, and serves on loopback', () => {
    const config = judgeStackConfig({ dev: true });
    expect([config.listen.hosts, config.listen.port, config.data]).toEqual([
      ['127.0.0.1', '::1'],
      8400,
      './data',
    ]);
  });

  it('reads YAML and JSON alike', () => {
    const yaml = readConfigFile(file('url: https://a.example\nlisten: {port: 1}\n'));
    expect(readConfigFile(file('{"url":"https://a.example","listen":{"port":1}}'))).toEqual(yaml);
    expect(readConfigFile(file(''))).toEqual({});
  });

  it('lets the environment win over the file, level by level', () => {
    const env = configFromEnvironment({
      SIGSTEAD_LISTEN__PORT: '9',
      SIGSTEAD_DRAIN_SECONDS: '3',
      OTHER: 'x',
    });
    expect(merge({ listen: { port: 1, hosts: ['127.0.0.1'] } }, env)).toEqual({
      listen: { port: 9, hosts: ['127.0.0.1'] },
      drainSeconds: 3,
    });
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['no url', { ...GOOD, url: undefined }, 'url'],
    ['no origin', { ...GOOD, origin: undefined }, 'origin'],
    ['no issuer', { ...GOOD, ca: {} }, 'ca.issuers'],
    ['an unknown key', { ...GOOD, lisen: {} }, 'config'],
    ['an unknown key deep down', { ...GOOD, listen: { prt: 1 } }, 'listen'],
    ['a port too high', { ...GOOD, listen: { port: 65_536 } }, 'listen.port'],
    ['a url with a path', { ...GOOD, url: 'https://a.example/sigstore' }, 'url'],
    ['a url of another scheme', { ...GOOD, url: 'ftp://a.example' }, 'url'],
    ['an origin with a port', { ...GOOD, origin: 'a.example:443' }, 'origin'],
    ['an origin with a scheme', { ...GOOD, origin: 'https://a.example' }, 'origin'],
    ['an origin in upper case', { ...GOOD, origin: 'A.example' }, 'origin'],
    ['an origin with a plus', { ...GOOD, origin: 'a+b.example' }, 'origin'],
    [
      'an issuer of unknown type',
      { ...GOOD, ca: { issuers: [{ url: 'https://a.example', type: 'x' }] } },
      'ca.issuers.0.type',
    ],
    [
      'a ci-provider without a preset',
      { ...GOOD, ca: { issuers: [{ url: 'https://a.example', type: 'ci-provider' }] } },
      'ca.issuers.0.provider',
    ],
    [
      'a preset for e-mail',
      {
        ...GOOD,
        ca: { issuers: [{ url: 'https://a.example', type: 'email', provider: 'github' }] },
      },
      'ca.issuers.0.type',
    ],
    [
      'two issuers of one url',
      { ...GOOD, ca: { issuers: [...GOOD.ca.issuers, ...GOOD.ca.issuers] } },
      'ca.issuers',
    ],
    [
      'too much backdating',
      { ...GOOD, ca: { ...GOOD.ca, backdateSeconds: 61 } },
      'ca.backdateSeconds',
    ],
    ['development for everybody', { dev: true, listen: { hosts: ['0.0.0.0'] } }, 'listen.hosts'],
    ['development on another name', { dev: true, url: 'http://sigstore.corp.example' }, 'url'],
  ])('refuses %s', (_, tree, field) => {
    expect(fault(() => judgeStackConfig(tree))).toBe(`CONFIG_INVALID ${field}`);
  });

  it.each([
    ['a list', '- a\n'],
    ['a key twice', 'url: a\nurl: b\n'],
    ['broken YAML', 'a: [1\n'],
    ['text', 'hello'],
  ])('refuses a file with %s', (_, text) => {
    expect(fault(() => readConfigFile(file(text)))).toMatch(/^CONFIG_INVALID/);
  });

  it('refuses a file that is not there', () => {
    expect(fault(() => readConfigFile(join(directory, 'none')))).toMatch(/^CONFIG_INVALID/);
  });

  it('masks secrets and passwords in URLs', () => {
    const masked = maskSecrets({
      a: { password: 'x', url: 'https://u:p@h/' },
      pin: '1',
      list: [{ clientSecret: 'y' }],
    });
    expect(JSON.stringify(masked)).not.toMatch(/"x"|:p@|"1"|"y"/);
  });

  it('has a JSON Schema', () => {
    expect(configJsonSchema(stackConfig)).toMatchObject({
      type: 'object',
      additionalProperties: false,
    });
  });
});
