// SPDX-License-Identifier: Apache-2.0
// One configuration from three places: a file (YAML or JSON), the environment, flags. The later
// wins; one schema judges the whole, and unknown keys are refused.
import { readFileSync } from 'node:fs';
import { parseDocument, parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { CodedError } from '../core/errors.ts';

export type ConfigTree = { [key: string]: unknown };

const MAX_CONFIG_BYTES = 1 << 20;
/** Nothing but errors reaches the terminal: warnings show values. */
const YAML = { uniqueKeys: true, version: '1.2', logLevel: 'error' } as const;
const ENV_PREFIX = 'SIGSTEAD_';

function isTree(value: unknown): value is ConfigTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Objects merge key by key; everything else, lists too, is replaced whole. */
export function merge(base: ConfigTree, over: ConfigTree): ConfigTree {
  const out = new Map(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    const below = out.get(key);
    out.set(key, isTree(below) && isTree(value) ? merge(below, value) : value);
  }
  // Defines each key, `__proto__` too, so that the schema sees and refuses it.
  return Object.fromEntries(out);
}

/** @param name of the file, for errors @throws CodedError CONFIG_INVALID naming the file */
export function parseConfig(text: string, name: string): ConfigTree {
  const invalid = (reason: string) =>
    new CodedError('CONFIG_INVALID', `${name}: ${reason}`, { field: name });
  if (text.length > MAX_CONFIG_BYTES) throw invalid(`larger than ${MAX_CONFIG_BYTES} bytes`);
  let tree: unknown;
  try {
    // JSON is YAML 1.2; duplicate keys are errors in both.
    const document = parseDocument(text, YAML);
    // A warning is a tag that nobody knows: its value would be read as something else.
    const [fault] = [...document.errors, ...document.warnings];
    if (fault !== undefined) throw fault;
    tree = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    // Also an alias to nothing, too many of them, and nesting deeper than the stack.
    throw invalid((error as Error).message);
  }
  if (tree === null) return {};
  if (!isTree(tree)) throw invalid('the file is not a mapping');
  return tree;
}

/** @throws CodedError CONFIG_INVALID naming the file */
export function readConfigFile(path: string): ConfigTree {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const message = `${path}: ${(error as Error).message}`;
    throw new CodedError('CONFIG_INVALID', message, { field: path });
  }
  return parseConfig(text, path);
}

function camel(snake: string): string {
  return snake.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** SIGSTEAD_LISTEN__PORT=8401 is listen.port; `__` parts levels, values are YAML scalars or flows. */
export function configFromEnvironment(env: Record<string, string | undefined>): ConfigTree {
  let tree: ConfigTree = {};
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(ENV_PREFIX) || text === undefined) continue;
    const path = name.slice(ENV_PREFIX.length).split('__').map(camel);
    let branch: unknown;
    try {
      branch = parseYaml(text, YAML);
    } catch {
      throw new CodedError('CONFIG_INVALID', `${name}: not a YAML value`, { field: name });
    }
    for (const key of path.reverse()) branch = { [key]: branch };
    tree = merge(tree, branch as ConfigTree);
  }
  return tree;
}

/** @throws CodedError CONFIG_INVALID naming every field at fault */
export function judgeConfig<S extends z.ZodType>(schema: S, tree: ConfigTree): z.output<S> {
  const result = schema.safeParse(tree);
  if (result.success) return result.data;
  const faults = result.error.issues.map(
    (issue) => `${issue.path.join('.') || 'config'}: ${issue.message}`,
  );
  const [first] = result.error.issues;
  throw new CodedError('CONFIG_INVALID', faults.join('; '), {
    field: first?.path.join('.') || 'config',
  });
}

/** JSON Schema of a configuration, for editors and for `sigstead config schema`. */
export function configJsonSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}

const SECRET_KEY = /password|secret|^pin$|^token$/i;

/** The configuration as people may see it: secrets and passwords inside URLs masked. */
export function maskSecrets(value: unknown, key = ''): unknown {
  if (SECRET_KEY.test(key)) return '***';
  if (typeof value === 'string') return value.replace(/(\w:\/\/[^/\s:@]+):[^/\s@]+@/g, '$1:***@');
  if (Array.isArray(value)) return value.map((item) => maskSecrets(item));
  if (isTree(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, maskSecrets(item, name)]),
    );
  }
  return value;
}
