// SPDX-License-Identifier: Apache-2.0
// Tokens of every type of issuer, with names from the shortest to the longest that the CA takes.
import type { Chance } from './corpus-random.ts';

export interface Token {
  /** Without times and audience. */
  readonly claims: Record<string, unknown>;
  /** What the client signs to prove possession. */
  readonly principal: string;
}

export interface IssuerType {
  /** As the configuration of the CA names it. */
  readonly config: { readonly url: string; readonly type: string } & Record<string, unknown>;
  token(chance: Chance): Token;
}

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const WORD = `${LOWER}${LOWER.toUpperCase()}${DIGITS}`;
const LOCAL_PART = `${WORD}!#$%&'*+/=?^_\`{|}~-`;
const PATH = `${WORD}-._~!$&'()*+,;=:@`;
/** Latin, Greek, Han and what needs four octets of UTF-8. */
const ANY = [...`${WORD} <&>"'\\äßλ字🔑`];

const MAX_VALUE = 2048;
const MAX_EMAIL = 254;
/** Where lengths of DER grow by an octet, one before and one after, and both ends. */
const EDGES: readonly [number, ...number[]] = [
  1,
  2,
  63,
  64,
  118,
  119,
  120,
  125,
  126,
  127,
  128,
  129,
  239,
  250,
  251,
  252,
  253,
  254,
  255,
  256,
  257,
  511,
  512,
  1024,
  2000,
  2047,
  MAX_VALUE,
];

/** A length between the two, every other time one of the edges. */
function lengthOf(chance: Chance, least: number, most: number): number {
  const [first, ...edges] = EDGES.filter((edge) => edge >= least && edge <= most);
  if (first !== undefined && chance.below(2) === 0) return chance.pick([first, ...edges]);
  return least + chance.below(Math.min(most, 200) - least + 1);
}

/** UTF-16 units up to `most`, of any script. */
function anyText(chance: Chance, most: number): string {
  const length = lengthOf(chance, 1, most);
  let text = '';
  while (text.length < length) text += ANY[chance.below(ANY.length)];
  return text.length > most ? `${text.slice(0, -2)}x` : text;
}

/** Starts with `start`; the whole has a length of the edges or a random one. */
function padded(chance: Chance, start: string, alphabet = PATH, most = MAX_VALUE): string {
  const length = lengthOf(chance, start.length + 1, most);
  return start + chance.text(alphabet, length - start.length);
}

/** A label of DNS. */
function label(chance: Chance, length: number): string {
  if (length === 1) return chance.text(LOWER, 1);
  return (
    chance.text(LOWER, 1) + chance.text(`${LOWER}${DIGITS}-`, length - 2) + chance.text(DIGITS, 1)
  );
}

/** Labels with dots between them, `length` in all; no label is longer than 63. */
function domain(chance: Chance, length: number): string {
  const labels: string[] = [];
  let left = length;
  while (left > 63) {
    // What is left after the dot is at least one character.
    const next = Math.min(1 + chance.below(62), left - 2);
    labels.push(label(chance, next));
    left -= next + 1;
  }
  return [...labels, label(chance, left)].join('.');
}

function email(chance: Chance): string {
  const total = lengthOf(chance, 3, MAX_EMAIL);
  const local = Math.min(1 + chance.below(64), total - 2);
  return `${chance.text(LOCAL_PART, local)}@${domain(chance, total - local - 1)}`;
}

const sha = (chance: Chance) => chance.text('0123456789abcdef', 40);
const number = (chance: Chance) => String(1 + chance.below(2 ** 31));
const flag = (chance: Chance) => chance.below(2) === 0;

/** Claims of a URI's tail stay short enough for the whole: the CA certifies at most 16 KiB. */
function github(chance: Chance) {
  const repository = padded(chance, 'corp/', `${WORD}-._`, 300);
  const workflow = `${repository}/.github/workflows/${chance.text(WORD, 8)}.yml@refs/heads/main`;
  return {
    job_workflow_ref: padded(chance, workflow, `${WORD}-._/`, 1900),
    job_workflow_sha: sha(chance),
    runner_environment: chance.pick(['github-hosted', 'self-hosted']),
    repository,
    sha: sha(chance),
    ref: padded(chance, 'refs/heads/', PATH, 600),
    repository_id: number(chance),
    repository_owner: 'corp',
    // Issuers send numbers as text, as numbers, and more digits than a double has.
    repository_owner_id: flag(chance) ? chance.below(2 ** 31) : '12345678901234567890',
    workflow_ref: workflow,
    workflow_sha: sha(chance),
    workflow: anyText(chance, 1000),
    event_name: chance.pick(['push', 'workflow_dispatch', 'pull_request_target']),
    run_id: number(chance),
    run_attempt: 1 + chance.below(9),
    repository_visibility: chance.pick(['private', 'internal', 'public']),
    ...(flag(chance) ? { environment: anyText(chance, 300) } : {}),
  };
}

function gitlab(chance: Chance) {
  const project = padded(chance, 'corp/', `${WORD}-._/`, 300);
  const config = `gitlab.corp.example/${project}//.gitlab-ci.yml@refs/heads/`;
  return {
    ci_config_ref_uri: padded(chance, config, `${WORD}-._/`, 2040),
    ci_config_sha: sha(chance),
    runner_environment: chance.pick(['gitlab-hosted', 'self-hosted']),
    project_path: project,
    sha: sha(chance),
    ref: anyText(chance, 500),
    ref_type: chance.pick(['branch', 'tag']),
    project_id: number(chance),
    namespace_path: 'corp',
    namespace_id: chance.below(1000),
    pipeline_source: 'push',
    pipeline_id: number(chance),
    runner_id: chance.below(1000),
    job_id: number(chance),
    project_visibility: 'private',
    ...(flag(chance) ? { environment: anyText(chance, 100) } : {}),
  };
}

function buildkite(chance: Chance) {
  return {
    organization_slug: chance.text(`${LOWER}-`, 1 + chance.below(60)),
    pipeline_slug: padded(chance, 'p', `${LOWER}-`, 1000),
    build_number: 1 + chance.below(100_000),
    build_commit: sha(chance),
    build_source: chance.pick(['ui', 'api', 'webhook', 'trigger_job', 'schedule']),
    job_id: chance.text('0123456789abcdef-', 36),
    step_key: 'release',
    runner_environment: 'self-hosted',
  };
}

function codefresh(chance: Chance) {
  return {
    account_id: chance.text('0123456789abcdef', 24),
    account_name: chance.text(WORD, 1 + chance.below(60)),
    pipeline_id: chance.text('0123456789abcdef', 24),
    pipeline_name: padded(chance, 'corp/', `${WORD}- _/`, 900),
    workflow_id: chance.text('0123456789abcdef', 24),
    ...(flag(chance) ? { platform_url: 'https://codefresh.corp.example' } : {}),
    ...(flag(chance)
      ? { scm_repo_url: padded(chance, 'https://git.corp.example/', WORD, 400) }
      : {}),
    ...(flag(chance) ? { scm_ref: 'main' } : {}),
    runner_environment: 'hybrid',
  };
}

/** A token whose subject is what it proves. */
function bySubject(sub: string, claims: Record<string, unknown> = {}): Token {
  return { claims: { sub, ...claims }, principal: sub };
}

const ci =
  (claims: (chance: Chance) => Record<string, unknown>) =>
  (chance: Chance): Token =>
    bySubject(anyText(chance, MAX_VALUE), claims(chance));

function account(chance: Chance): Token {
  const namespace = label(chance, lengthOf(chance, 1, 63));
  const name = domain(chance, lengthOf(chance, 1, 253));
  return bySubject(`system:serviceaccount:${namespace}:${name}`, {
    'kubernetes.io': { namespace, serviceaccount: { name, uid: 'u' } },
  });
}

const url = (name: string) => `https://${name}.corp.example`;
const preset = (name: string) => ({ url: url(name), type: 'ci-provider', provider: name });

export const ISSUER_TYPES: readonly [IssuerType, ...IssuerType[]] = [
  {
    config: { url: url('login'), type: 'email' },
    token(chance) {
      const address = email(chance);
      const claims = { sub: anyText(chance, MAX_VALUE), email: address, email_verified: true };
      return { claims, principal: address };
    },
  },
  { config: { url: url('kubernetes'), type: 'kubernetes' }, token: account },
  { config: preset('github'), token: ci(github) },
  { config: { ...preset('gitlab'), providerUrl: url('git') }, token: ci(gitlab) },
  { config: preset('buildkite'), token: ci(buildkite) },
  { config: preset('codefresh'), token: ci(codefresh) },
  { config: { url: url('github-former'), type: 'github-workflow' }, token: ci(github) },
  { config: { url: url('gitlab-former'), type: 'gitlab-pipeline' }, token: ci(gitlab) },
  { config: { url: url('buildkite-former'), type: 'buildkite-job' }, token: ci(buildkite) },
  { config: { url: url('codefresh-former'), type: 'codefresh-workflow' }, token: ci(codefresh) },
  {
    config: {
      url: url('jenkins'),
      type: 'ci-provider',
      subjectTemplate: 'https://jenkins.corp.example/{{ .job }}',
      extensionTemplates: { BuildTrigger: 'trigger', 'source-repository-ref': 'ref', 23: 'stage' },
      templateDefaults: { stage: '' },
    },
    token: (chance) =>
      bySubject(anyText(chance, MAX_VALUE), {
        // Four octets of UTF-8 become twelve characters of a URI.
        job: anyText(chance, 160),
        trigger: anyText(chance, MAX_VALUE),
        ref: anyText(chance, MAX_VALUE),
        ...(flag(chance) ? { stage: anyText(chance, MAX_VALUE) } : {}),
      }),
  },
  {
    config: { url: url('spire'), type: 'spiffe', spiffeTrustDomain: 'corp.example' },
    token: (chance) => bySubject(padded(chance, 'spiffe://corp.example/', `${WORD}-_`)),
  },
  {
    config: { url: url('people'), type: 'uri', subjectDomain: 'https://people.corp.example' },
    token: (chance) => bySubject(padded(chance, 'https://people.corp.example/')),
  },
  {
    config: { url: url('accounts'), type: 'username', subjectDomain: 'corp.example' },
    token: (chance) => bySubject(anyText(chance, 1000)),
  },
  {
    config: { url: url('chainguard'), type: 'chainguard-identity' },
    token: (chance) => bySubject(chance.text('0123456789abcdef', 40)),
  },
];
