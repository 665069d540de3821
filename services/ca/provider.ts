// SPDX-License-Identifier: Apache-2.0
// CI providers: templates for the name and the extensions of a certificate (Fulcio's OID table), of
// GitHub and GitLab built in, of others from the configuration.
import { CodedError } from '../core/errors.ts';
import { FULCIO_EXTENSIONS } from '../core/oid.ts';
import { type Claims, compileTemplate, type Template } from './template.ts';

export interface Provider {
  readonly subject: Template;
  /** By number N of 1.3.6.1.4.1.57264.1.N, ascending. An empty value drops the extension. */
  readonly extensions: readonly { readonly number: number; readonly template: Template }[];
  /** Claims that must have one of these values. */
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
  /** What templates see of claims that a token lacks. */
  readonly defaults: Claims;
}

interface Preset {
  readonly defaultUrl: string;
  readonly subject: string;
  readonly extensions: Readonly<Record<number, string>>;
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
}

/** Jobs without a deployment have none; every other claim of a preset is required. */
const PRESET_DEFAULTS: Readonly<Record<string, string>> = { environment: '' };

/**
 * URL stands for the web address of the provider: a literal, so that no claim can replace it.
 * GitLab's ci_config_ref_uri begins with its host.
 */
const PRESETS: Readonly<Record<'github' | 'gitlab', Preset>> = {
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
    oneOf: {},
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
  },
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
  readonly provider?: 'github' | 'gitlab' | undefined;
  readonly providerUrl?: string | undefined;
  readonly subjectTemplate?: string | undefined;
  readonly extensionTemplates?: Readonly<Record<string, string>> | undefined;
  readonly templateDefaults?: Readonly<Record<string, string>> | undefined;
}

function fromPreset(preset: Preset, url: string): Provider {
  const compile = (text: string) => compileTemplate(text.replace(/^URL/, () => url));
  return {
    subject: compile(preset.subject),
    extensions: Object.entries(preset.extensions).map(([number, text]) => ({
      number: Number(number),
      template: compile(text),
    })),
    oneOf: preset.oneOf,
    defaults: new Map(Object.entries(PRESET_DEFAULTS)),
  };
}

/** @throws CodedError CONFIG_INVALID for a template or an extension that is not understood */
export function compileProvider(settings: ProviderSettings): Provider {
  if (settings.provider !== undefined) {
    const preset = PRESETS[settings.provider];
    return fromPreset(preset, (settings.providerUrl ?? preset.defaultUrl).replace(/\/+$/, ''));
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
    defaults: new Map(Object.entries(settings.templateDefaults ?? {})),
  };
}
