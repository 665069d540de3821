// SPDX-License-Identifier: Apache-2.0
// CI providers: templates for the name and the extensions of a certificate (Fulcio's OID table), of
// GitHub, GitLab, Buildkite and Codefresh built in, of others from the configuration.
import { CodedError } from '../core/errors.ts';
import { FULCIO_EXTENSIONS } from '../core/oid.ts';
import { type Claims, compileTemplate, type Template } from './template.ts';

export interface Provider {
  readonly subject: Template;
  /** By number N of 1.3.6.1.4.1.57264.1.N, ascending. An empty value drops the extension. */
  readonly extensions: readonly { readonly number: number; readonly template: Template }[];
  /** Claims that must have one of these values. */
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
  /** Claims that must be there, though no template shows them. */
  readonly required: readonly string[];
  /** What templates see of claims that a token lacks. */
  readonly defaults: Claims;
  /** Of ours: an empty claim is a missing one. */
  readonly preset: boolean;
}

type PresetName = 'github' | 'gitlab' | 'buildkite' | 'codefresh';

interface Preset {
  readonly defaultUrl: string;
  readonly subject: string;
  readonly extensions: Readonly<Record<number, string>>;
  readonly oneOf?: Readonly<Record<string, readonly string[]>>;
  readonly required?: readonly string[];
  /** Every other claim that a template names is required. */
  readonly defaults?: Readonly<Record<string, string>>;
}

/**
 * URL stands for the web address of the provider: a literal, so that no claim can replace it; with
 * Codefresh alone the token says where it comes from, until the configuration does.
 * GitLab's ci_config_ref_uri begins with its host, and has no ci_config_sha for a file elsewhere.
 */
const PRESETS: Readonly<Record<PresetName, Preset>> = {
  github: {
    defaultUrl: 'https://github.com',
    subject: 'URL/{{ .job_workflow_ref }}',
    extensions: {
      2: 'event_name',
      3: 'sha',
      4: 'workflow',
      5: 'repository',
      6: 'ref',
      9: 'URL/{{ .job_workflow_ref }}',
      10: 'job_workflow_sha',
      11: 'runner_environment',
      12: 'URL/{{ .repository }}',
      13: 'sha',
      14: 'ref',
      15: 'repository_id',
      16: 'URL/{{ .repository_owner }}',
      17: 'repository_owner_id',
      18: 'URL/{{ .workflow_ref }}',
      19: 'workflow_sha',
      20: 'event_name',
      21: 'URL/{{ .repository }}/actions/runs/{{ .run_id }}/attempts/{{ .run_attempt }}',
      22: 'repository_visibility',
      23: 'environment',
    },
    defaults: { environment: '' },
  },
  gitlab: {
    defaultUrl: 'https://gitlab.com',
    subject: 'https://{{ .ci_config_ref_uri }}',
    extensions: {
      9: 'https://{{ .ci_config_ref_uri }}',
      10: 'ci_config_sha',
      11: 'runner_environment',
      12: 'URL/{{ .project_path }}',
      13: 'sha',
      14: 'refs/{{ if eq .ref_type "branch" }}heads{{ else }}tags{{ end }}/{{ .ref }}',
      15: 'project_id',
      16: 'URL/{{ .namespace_path }}',
      17: 'namespace_id',
      18: 'https://{{ .ci_config_ref_uri }}',
      19: 'ci_config_sha',
      20: 'pipeline_source',
      21: 'URL/{{ .project_path }}/-/jobs/{{ .job_id }}',
      22: 'project_visibility',
      23: 'environment',
    },
    oneOf: { ref_type: ['branch', 'tag'] },
    defaults: { environment: '', ci_config_sha: '' },
  },
  buildkite: {
    defaultUrl: 'https://buildkite.com',
    subject: 'URL/{{ .organization_slug }}/{{ .pipeline_slug }}',
    extensions: {
      11: 'runner_environment',
      13: 'build_commit',
      20: 'build_source',
      21: 'URL/{{ .organization_slug }}/{{ .pipeline_slug }}/builds/{{ .build_number }}#{{ .job_id }}',
    },
  },
  codefresh: {
    defaultUrl: '{{ .platform_url }}',
    subject: 'URL/{{ .account_name }}/{{ .pipeline_name }}:{{ .account_id }}/{{ .pipeline_id }}',
    extensions: {
      9: 'URL/build/{{ .workflow_id }}',
      11: 'runner_environment',
      12: 'scm_repo_url',
      14: 'scm_ref',
      18: 'URL/api/pipelines/{{ .pipeline_id }}',
      21: 'URL/build/{{ .workflow_id }}',
    },
    defaults: {
      platform_url: 'https://g.codefresh.io',
      runner_environment: '',
      scm_repo_url: '',
      scm_ref: '',
    },
  },
};

function without(preset: Preset, number: number): Preset {
  const { [number]: _, ...extensions } = preset.extensions;
  return { ...preset, extensions };
}

/** Types of Fulcio from before there were templates: they show less, and GitLab's demands more. */
const FORMER_TYPES: Readonly<Record<string, Preset>> = {
  'github-workflow': without(PRESETS.github, 23),
  'gitlab-pipeline': {
    ...without(PRESETS.gitlab, 23),
    required: ['pipeline_id', 'runner_id'],
    defaults: { ci_config_sha: '', project_visibility: '' },
  },
  'buildkite-job': { ...PRESETS.buildkite, extensions: {} },
  'codefresh-workflow': PRESETS.codefresh,
};

/** Set by the CA itself, whatever a template says: issuer and subject of the token. */
const OWN_NUMBERS = new Set([1, 8, 24]);

/** Spellings of an extension in `extensionTemplates`: its number, or its name as Fulcio's JSON or
 * YAML has it. Those of the CA itself map to undefined: their templates are ignored. */
const SPELLINGS = new Map(
  FULCIO_EXTENSIONS.flatMap(({ number, key, yamlKey }) => {
    const meant = OWN_NUMBERS.has(number) ? undefined : number;
    return [String(number), key, yamlKey].map((spelling) => [spelling, meant] as const);
  }),
);

export function knowsExtension(spelling: string): boolean {
  return SPELLINGS.has(spelling);
}

export interface ProviderSettings {
  readonly provider?: PresetName | undefined;
  readonly providerUrl?: string | undefined;
  readonly subjectTemplate?: string | undefined;
  readonly extensionTemplates?: Readonly<Record<string, string>> | undefined;
  readonly templateDefaults?: Readonly<Record<string, string>> | undefined;
}

function fromPreset(preset: Preset, { providerUrl }: ProviderSettings): Provider {
  const url = (providerUrl ?? preset.defaultUrl).replace(/\/+$/, '');
  const compile = (text: string) => compileTemplate(text.replace(/^URL/, () => url));
  return {
    subject: compile(preset.subject),
    extensions: Object.entries(preset.extensions).map(([number, text]) => ({
      number: Number(number),
      template: compile(text),
    })),
    oneOf: preset.oneOf ?? {},
    required: preset.required ?? [],
    defaults: new Map(Object.entries(preset.defaults ?? {})),
    preset: true,
  };
}

/** @throws CodedError CONFIG_INVALID for a template or an extension that is not understood */
export function compileProvider(settings: ProviderSettings): Provider {
  if (settings.provider !== undefined) {
    return fromPreset(PRESETS[settings.provider], settings);
  }
  const extensions = Object.entries(settings.extensionTemplates ?? {}).flatMap(([name, text]) => {
    const number = SPELLINGS.get(name);
    const template = compileTemplate(text);
    return number === undefined ? [] : [{ number, template }];
  });
  extensions.sort((a, b) => a.number - b.number);
  const twice = extensions.find(({ number }, i) => extensions[i + 1]?.number === number);
  if (twice !== undefined) {
    throw new CodedError('CONFIG_INVALID', `extension ${twice.number} has two templates`, {
      field: 'extensionTemplates',
    });
  }
  return {
    subject: compileTemplate(settings.subjectTemplate ?? ''),
    extensions,
    oneOf: {},
    required: [],
    preset: false,
    defaults: new Map(Object.entries(settings.templateDefaults ?? {})),
  };
}

/** What a type of issuer renders with. @throws CodedError CONFIG_INVALID */
export function providerOf(settings: ProviderSettings & { readonly type: string }): Provider {
  const former = FORMER_TYPES[settings.type];
  return former === undefined ? compileProvider(settings) : fromPreset(former, settings);
}
