// SPDX-License-Identifier: Apache-2.0
// CI providers: templates for the name and the extensions of a certificate (Fulcio's OID table).
import { compileTemplate, type Template } from './template.ts';

export interface ExtensionRow {
  /** N of 1.3.6.1.4.1.57264.1.N */
  readonly number: number;
  readonly template: Template;
  /** Claims without which the extension is left out, not refused. */
  readonly optional: boolean;
}

export interface Provider {
  readonly subject: Template;
  readonly extensions: readonly ExtensionRow[];
  /** Claims that must have one of these values. */
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
}

interface Preset {
  readonly defaultUrl: string;
  readonly subject: string;
  readonly extensions: Readonly<Record<number, string>>;
  readonly oneOf: Readonly<Record<string, readonly string[]>>;
}

const ENVIRONMENT = 23;

/** URL stands for the web address of the provider. */
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
      [ENVIRONMENT]: 'environment',
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
      [ENVIRONMENT]: 'environment',
    },
    oneOf: { ref_type: ['branch', 'tag'] },
  },
};

export interface ProviderSettings {
  readonly provider?: 'github' | 'gitlab' | undefined;
  readonly providerUrl?: string | undefined;
  readonly subjectTemplate?: string | undefined;
  readonly extensionTemplates?: Readonly<Record<string, string>> | undefined;
}

/** @throws CodedError CONFIG_INVALID for a template that is not understood */
export function compileProvider(settings: ProviderSettings): Provider {
  const preset = settings.provider === undefined ? undefined : PRESETS[settings.provider];
  const url = (settings.providerUrl ?? preset?.defaultUrl ?? '').replace(/\/$/, '');
  const compile = (text: string) =>
    compileTemplate(preset === undefined ? text : text.replace(/^URL/, url));
  const templates = preset?.extensions ?? settings.extensionTemplates ?? {};
  return {
    subject: compile(preset?.subject ?? settings.subjectTemplate ?? ''),
    extensions: Object.entries(templates).map(([number, text]) => ({
      number: Number(number),
      template: compile(text),
      optional: preset !== undefined && Number(number) === ENVIRONMENT,
    })),
    oneOf: preset?.oneOf ?? {},
  };
}
