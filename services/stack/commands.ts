// SPDX-License-Identifier: Apache-2.0
// Commands of the CLI that run and set up a stack. What they need is loaded when they run, so that
// `sigstead verify` starts fast.
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError, Option } from 'commander';
import { CodedError, EXIT } from '../core/errors.ts';
import type { ConfigTree } from '../runtime/config.ts';

interface ServeFlags {
  config?: string;
  dev?: boolean;
  port?: number;
  data?: string;
  markDir?: string;
  once?: boolean;
}

function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port > 65_535)
    throw new InvalidArgumentError('a port from 0 to 65535.');
  return port;
}

function integer(text: string): number {
  if (!/^-?\d{1,6}$/.test(text)) throw new InvalidArgumentError('a whole number of seconds.');
  return Number(text);
}

function flagsTree(flags: ServeFlags): ConfigTree {
  return {
    ...(flags.dev === undefined ? {} : { dev: flags.dev }),
    ...(flags.port === undefined ? {} : { listen: { port: flags.port } }),
    ...(flags.data === undefined ? {} : { data: flags.data }),
    ...(flags.markDir === undefined ? {} : { markDirectory: flags.markDir }),
  };
}

/** File, then environment, then flags. @throws CodedError CONFIG_INVALID */
async function loadStackConfig(flags: ServeFlags) {
  const { configFromEnvironment, merge, readConfigFile } = await import('../runtime/config.ts');
  const { judgeStackConfig } = await import('./config.ts');
  const file = flags.config === undefined ? {} : readConfigFile(flags.config);
  return judgeStackConfig(merge(merge(file, configFromEnvironment(process.env)), flagsTree(flags)));
}

function withConfigFlags(command: Command): Command {
  return command
    .option('--config <file>', 'configuration, YAML or JSON')
    .option('--dev', 'everything on loopback, with an issuer for development')
    .option('--port <number>', 'port to listen on; 0 = any free', portNumber)
    .option('--data <directory>', 'keys, logs and trust files')
    .option('--mark-dir <directory>', 'high-water marks, best on another volume');
}

const SERVE_EXAMPLES = `
Examples:
  $ sigstead serve --dev                       everything on http://localhost:8400, for trying out
  $ sigstead serve --dev --port 0 --once       start, check itself, end
  $ sigstead serve --config sigstead.yaml      a stack for others
`;

export function serveCommand(): Command {
  return withConfigFlags(new Command('serve'))
    .description(
      'run the certificate authority, both logs, the timestamp authority and the trust root',
    )
    .option('--once', 'with --dev: start, run the self-check, end')
    .addHelpText('after', SERVE_EXAMPLES)
    .action(async (flags: ServeFlags) => {
      const config = await loadStackConfig(flags);
      if (flags.once && !config.dev)
        throw new CodedError(
          'USAGE',
          '--once needs --dev: the self-check signs with a development token',
          { field: '--once' },
        );
      const { runServe } = await import('./run.ts');
      process.exitCode = await runServe(config, flags.once ?? false);
    });
}

const CONFIG_EXAMPLES = `
Examples:
  $ sigstead config print --config sigstead.yaml
  $ SIGSTEAD_LISTEN__PORT=9000 sigstead config print --dev
  $ sigstead config schema > sigstead.schema.json
`;

export function configCommand(): Command {
  const command = new Command('config')
    .description('look at the configuration')
    .addHelpText('after', CONFIG_EXAMPLES);
  withConfigFlags(command.command('print'))
    .description('what would run: file, environment and flags merged; secrets masked')
    .addHelpText('after', CONFIG_EXAMPLES)
    .action(async (flags: ServeFlags) => {
      const { maskSecrets } = await import('../runtime/config.ts');
      const { stringify } = await import('yaml');
      process.stdout.write(stringify(maskSecrets(await loadStackConfig(flags))));
    });
  command
    .command('schema')
    .description('JSON Schema of the configuration')
    .addHelpText('after', CONFIG_EXAMPLES)
    .action(async () => {
      const { configJsonSchema } = await import('../runtime/config.ts');
      const { stackConfig } = await import('./config.ts');
      process.stdout.write(`${JSON.stringify(configJsonSchema(stackConfig), null, 2)}\n`);
    });
  return command;
}

interface TokenFlags {
  url: string;
  email?: string;
  subject?: string;
  kubernetes?: string;
  claims?: string;
  type?: 'email' | 'kubernetes' | 'github' | 'gitlab' | 'subject';
  expiresIn: number;
}

function readClaims(path: string): Record<string, unknown> {
  try {
    const claims: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims))
      return { ...claims };
  } catch (error) {
    throw new CodedError('FILE_UNREADABLE', `${path}: ${(error as Error).message}`, {
      field: '--claims',
    });
  }
  throw new CodedError('FILE_UNREADABLE', `${path}: not a JSON object of claims`, {
    field: '--claims',
  });
}

function tokenRequest(flags: TokenFlags) {
  const given = flags.claims === undefined ? {} : readClaims(flags.claims);
  if (flags.kubernetes !== undefined) {
    const match = /^([a-z0-9-]{1,63})\/([a-z0-9.-]{1,253})$/.exec(flags.kubernetes);
    if (match === null)
      throw new CodedError('USAGE', '--kubernetes takes NAMESPACE/SERVICEACCOUNT', {
        field: '--kubernetes',
      });
    const [, namespace, name] = match;
    const claims = {
      sub: `system:serviceaccount:${namespace}:${name}`,
      'kubernetes.io': { namespace, serviceaccount: { name } },
    };
    return { kind: flags.type ?? 'kubernetes', claims: { ...claims, ...given } };
  }
  if (flags.email !== undefined) {
    const claims = { sub: flags.subject ?? flags.email, email: flags.email, email_verified: true };
    return { kind: flags.type ?? 'email', claims: { ...claims, ...given } };
  }
  if (flags.subject !== undefined)
    return { kind: flags.type ?? 'subject', claims: { sub: flags.subject, ...given } };
  if (flags.claims !== undefined) return { kind: flags.type ?? 'email', claims: given };
  throw new CodedError('USAGE', 'say who: --email, --subject, --kubernetes or --claims', {
    field: '--email',
  });
}

async function requestToken(flags: TokenFlags): Promise<string> {
  const request = { ...tokenRequest(flags), expiresInSeconds: flags.expiresIn };
  if (!/^https?:\/\//.test(flags.url) || !URL.canParse(flags.url))
    throw new CodedError('USAGE', '--url is not an http or https URL', { field: '--url' });
  const address = `${flags.url.replace(/\/$/, '')}/dev-oidc/token`;
  let response: Response;
  try {
    response = await fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
      redirect: 'error',
      signal: AbortSignal.timeout(10_000),
    });
  } catch (error) {
    const { cause, message } = error as Error;
    throw new CodedError(
      'SERVICE_UNREACHABLE',
      `${address}: ${cause instanceof Error ? cause.message : message}`,
      { field: '--url' },
    );
  }
  const body = (await response.json().catch(() => ({}))) as {
    id_token?: unknown;
    message?: unknown;
  };
  if (typeof body.id_token !== 'string') {
    const hint =
      response.status === 404
        ? 'no development issuer there; start one with --dev'
        : String(body.message);
    throw new CodedError('SERVICE_REFUSED', `${address}: ${response.status} ${hint}`, {
      field: '--url',
    });
  }
  return body.id_token;
}

const TOKEN_EXAMPLES = `
Examples:
  $ sigstead dev token --email dev@example.com
  $ sigstead dev token --kubernetes ci/builder --expires-in 60
  $ sigstead dev token --claims github.json --type github > token

Its issuer runs with \`sigstead serve --dev\` alone, and gives anybody any identity.
`;

export function devCommand(): Command {
  const command = new Command('dev')
    .description('helpers for a development stack')
    .addHelpText('after', TOKEN_EXAMPLES);
  command
    .command('token')
    .description('an identity token of the development issuer, on stdout and nothing else')
    .option('--url <url>', 'the development stack', 'http://localhost:8400')
    .option('--email <address>', 'a verified e-mail address')
    .option('--subject <subject>', 'the claim sub')
    .option('--kubernetes <namespace/serviceaccount>', 'a Kubernetes service account')
    .option('--claims <file>', 'JSON object of claims, over those of the other flags')
    .addOption(
      new Option('--type <kind>', 'which issuer signs').choices([
        'email',
        'kubernetes',
        'github',
        'gitlab',
        'subject',
      ]),
    )
    .option('--expires-in <seconds>', 'lifetime; negative = already expired', integer, 600)
    .addHelpText('after', TOKEN_EXAMPLES)
    .action(async (flags: TokenFlags) => {
      process.stdout.write(`${await requestToken(flags)}\n`);
      process.exitCode = EXIT.ok;
    });
  return command;
}
