// SPDX-License-Identifier: Apache-2.0
// Parsers of what operators write: templates and configurations.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fulcioTree } from '../../../services/ca/fulcio-file.ts';
import { compileTemplate } from '../../../services/ca/template.ts';
import { utf8 } from '../../../services/core/bytes.ts';
import { configFromEnvironment, parseConfig } from '../../../services/runtime/config.ts';
import { judgeStackConfig } from '../../../services/stack/config.ts';
import { holds, type Target } from '../support/target.ts';
import type { Grammar } from '../support/text-edits.ts';

import { textTarget } from '../support/text-target.ts';

const same = (again: string, text: string) => holds(again === text, 'another text');

const vectors = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../vectors/ca/templates.json'), 'utf8'),
) as { claims: Record<string, string>; good: Array<[string, string]>; bad: string[] };
const templates: Grammar = {
  seeds: vectors.good.map(([source]) => source),
  words: [
    '{{',
    '}}',
    '{{-',
    '-}}',
    '.a',
    '.',
    'index',
    'eq',
    'ne',
    '(',
    ')',
    '"b"',
    '`b`',
    '"',
    'if',
    '{{ if .a }}',
    '{{ else }}',
    '{{ end }}',
    '{{ else if .a }}',
  ],
  separator: ' ',
};
const CLAIMS = new Map(Object.entries(vectors.claims));
/** What the schema admits. */
const MAX_TEMPLATE = 2048;

function checkTemplate(source: string): void {
  const template = compileTemplate(source.slice(0, MAX_TEMPLATE));
  same(template(CLAIMS), template(new Map(CLAIMS)));
}

const braces = (text: string) => text.split('{{').length === text.split('}}').length;

const yaml: Grammar = {
  seeds: [
    'url: https://a.test\norigin: a.test\nca:\n  issuers:\n    - url: https://i.test\n      type: email\n',
    'dev: true\nlisten:\n  hosts: [127.0.0.1]\n  port: 0\n',
    'url: https://a.test\norigin: a.test\nca:\n  keyAlgorithms: [ed25519]\n  issuers:\n    - &i\n      url: https://i.test\n      type: ci-provider\n      subjectTemplate: "{{ .sub }}"\n      extensionTemplates:\n        "9": sub\n',
    '{"url":"https://a.test","origin":"a.test",\n"ca":{"issuers":[{"url":"https://*.test","type":"email","issuerClaim":"$.a.b"}]}}\n',
  ],
  words: [
    '',
    '---',
    '...',
    '- a',
    'a: b',
    'dev: true',
    'dev: yes',
    '? [a]',
    ': b',
    '<<: *i',
    'x: *i',
    'x: *j',
    '&i a: b',
    '__proto__: {dev: true}',
    'constructor: {}',
    '%YAML 1.1',
    '!!binary AA==',
    'a: !x y',
    'port: 0x10',
    'port: .inf',
    '  port: 65536',
    'data: |',
    '  text',
    '"a',
    '[',
    ']',
    '{a: [b',
    '# comment',
    '\t',
  ],
  separator: '\n',
};

/** Not grown: a file of the operator's own, read once, by a library that is not linear. */
const MAX_YAML = 0;

const fulcio: Grammar = {
  ...yaml,
  seeds: [
    'oidc-issuers:\n  https://i.test:\n    issuer-url: https://i.test\n    client-id: sigstore\n    type: email\n',
    'define:\n  - &github https://g.test\n  - &id {client-id: sigstore}\noidc-issuers:\n  *github:\n    <<: *id\n    issuer-url: *github\n    type: ci-provider\n    ci-provider: g\n',
    'meta-issuers:\n  "https://*.i.test":\n    client-id: sigstore\n    type: kubernetes\n',
    '{"OIDCIssuers":{"https://i.test":{"IssuerURL":"https://i.test",\n"ClientID":"sigstore","Type":"email"}}}\n',
  ],
};

/** What stands in SIGSTEAD_CA. */
const environment: Grammar = {
  ...yaml,
  seeds: [
    'issuers:\n  - url: https://i.test\n    type: email\n',
    '{issuers: [{url: https://i.test, type: kubernetes}], backdateSeconds: 10}',
    'keyAlgorithms: [ed25519]\nsha256Possession: true\nbackdateSeconds: 60\n',
  ],
};

const isMapping = (text: string) => /^[\s\S]*\w+"?\s*:/.test(text) && !text.includes('\t');

export const settingTargets: readonly Target[] = [
  textTarget('template of the CA', templates, braces, checkTemplate),
  textTarget(
    'configuration (YAML)',
    yaml,
    isMapping,
    (text) => judgeStackConfig(parseConfig(text, 'config.yaml')),
    MAX_YAML,
  ),
  textTarget(
    'configuration of Fulcio (YAML)',
    fulcio,
    isMapping,
    (text) => fulcioTree(utf8(text)),
    MAX_YAML,
  ),
  textTarget(
    'configuration (environment)',
    environment,
    isMapping,
    (text) => judgeStackConfig(configFromEnvironment({ SIGSTEAD_CA: text, SIGSTEAD_DEV: 'true' })),
    MAX_YAML,
  ),
];
